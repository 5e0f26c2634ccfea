package luanum

import "strings"

// ParseNumber reads a whole text as a number, as the firmware does for arithmetic on
// strings, tonumber and number literals (fw: app/lua/lobject.c, luaO_str2d): what
// strtod reads, or where an x stops it, what strtoul reads to base 16, with white
// space around it. The text ends at a zero byte. There are no infinities, and no
// hexadecimal fractions.
func ParseNumber(s string) (float64, bool) {
	if n, ok := smallDecimal(s); ok {
		return n, true
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	f, end := strtod(s)
	if end == 0 {
		return 0, false
	}
	if end < len(s) && s[end]|0x20 == 'x' {
		var n uint32
		n, end = ParseUint(s, 16)
		f = float64(n)
	}
	for end < len(s) && isSpace(s[end]) {
		end++
	}
	if end != len(s) {
		return 0, false
	}
	return f, true
}

// smallDecimal is ParseNumber for what nearly all numbers are: a few digits.
func smallDecimal(s string) (float64, bool) {
	if len(s) == 0 || len(s) > 15 {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return float64(n), true
}

// maxMantissa is how many digits count, those before the first that is not 0
// included (fw: app/libc/stdlib.c).
const maxMantissa = 18

// strtod reads a decimal number from the start of s as C's strtod does on the chip
// (fw: app/libc/stdlib.c), and returns where it ends, 0 when there is none. It
// multiplies 18 digits by a power of ten, or divides them by one, and each step
// rounds: the result may be a bit away from the nearest, and below 1e-307 it is 0,
// since the divisor is infinite.
func strtod(s string) (f float64, end int) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	negative := i < len(s) && s[i] == '-'
	i += skipSign(s[i:])
	mantissa, digits, point := uint64(0), 0, -1
	for ; i < len(s); i++ {
		switch {
		case isDigit(s[i]):
			if digits++; digits <= maxMantissa {
				mantissa = mantissa*10 + uint64(s[i]-'0')
			}
			continue
		case s[i] == '.' && point < 0:
			point = digits
			continue
		}
		break
	}
	if digits == 0 {
		return 0, 0
	}
	if point < 0 {
		point = digits
	}
	scale := int32(point - min(digits, maxMantissa)) // that of the digits taken
	end = i
	f = float64(mantissa/1e9)*1e9 + float64(mantissa%1e9)
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		minus := j < len(s) && s[j] == '-'
		j += skipSign(s[j:])
		if j == len(s) || !isDigit(s[j]) {
			return f, end // not scaled, and no number for what follows
		}
		exponent := int32(0)
		for ; j < len(s) && isDigit(s[j]); j++ {
			exponent = exponent*10 + int32(s[j]-'0') // wraps
		}
		if minus {
			exponent = -exponent
		}
		scale += exponent
		end = j
	}
	power := powerOfTen(scale)
	if scale < 0 {
		f /= power
	} else {
		f *= power
	}
	if negative {
		f = -f
	}
	return f, end
}

// powerOfTen is 10^|n| as a product of 10^(2^i), infinite from 309 on.
func powerOfTen(n int32) float64 {
	if n < 0 {
		n = -n
	}
	if n > 511 || n < 0 {
		n = 511
	}
	power := 1.0
	for i := 0; n != 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			power *= binaryPowers[i]
		}
	}
	return power
}

var binaryPowers = [...]float64{1e1, 1e2, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128, 1e256}
