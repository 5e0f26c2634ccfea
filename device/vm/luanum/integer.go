package luanum

import "math"

// ParseUint reads an integer in the given base (2 to 36) from the start of s as
// C's strtoul does with a 32-bit long: white space, a sign (a minus negates
// modulo 2^32), for base 16 an optional 0x, then digits; too large a value gives
// 2^32-1. It returns where the number ends, 0 when there is none.
func ParseUint(s string, base int) (n uint32, end int) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	negative := i < len(s) && s[i] == '-'
	i += skipSign(s[i:])
	if base == 16 && len(s) > i+2 && s[i] == '0' && s[i+1]|0x20 == 'x' && digitValue(s[i+2]) < 16 {
		i += 2
	}
	start := i
	var v uint64
	overflow := false
	for ; i < len(s) && digitValue(s[i]) < base; i++ {
		v = v*uint64(base) + uint64(digitValue(s[i]))
		if v > math.MaxUint32 {
			overflow, v = true, math.MaxUint32
		}
	}
	switch {
	case i == start:
		return 0, 0
	case overflow:
		return math.MaxUint32, i
	case negative:
		return -uint32(v), i
	}
	return uint32(v), i
}

// ParseInt reads a decimal integer from the start of s as C's atoi does: white space, a
// sign, then digits; one that does not fit 32 bits is the largest or smallest that does. It
// is 0 when there is none.
func ParseInt(s string) int32 {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	negative := i < len(s) && s[i] == '-'
	i += skipSign(s[i:])
	var n int64
	for ; i < len(s) && digitValue(s[i]) < 10; i++ {
		n = min(n*10+int64(digitValue(s[i])), -math.MinInt32)
	}
	if negative {
		return int32(-n)
	}
	return int32(min(n, math.MaxInt32))
}

// Int32 is C's (int)(long long)f on the chip, which is how the firmware makes an
// integer of a Lua number: truncation towards zero, then the low 32 bits (fw:
// app/lua/luaconf.h, lua_number2integer).
func Int32(f float64) int32 { return int32(Int64(f)) }

// Int64 is C's (long long)f on the chip: truncation towards zero. Values out of
// range saturate, and not-a-number is the largest (libgcc: xtensa __fixdfdi).
func Int64(f float64) int64 {
	switch {
	case f >= math.MaxInt64 || f != f:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

// Long is C's (long)f on the chip, as string.format converts for %d: 32 bits,
// saturating (libgcc: xtensa __fixdfsi).
func Long(f float64) int32 {
	switch {
	case f >= math.MaxInt32 || f != f:
		return math.MaxInt32
	case f <= math.MinInt32:
		return math.MinInt32
	}
	return int32(f)
}

// ULong is C's (unsigned long)f on the chip, as string.format converts for %x:
// negative numbers wrap down to -2^31, which is what all below it become; numbers
// above 32 bits saturate (libgcc: xtensa __fixunsdfsi).
func ULong(f float64) uint32 {
	switch {
	case f > math.MaxUint32 || f != f:
		return math.MaxUint32
	case f <= math.MinInt32:
		return 1 << 31
	}
	return uint32(int64(f))
}

func skipSign(s string) int {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		return 1
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// digitValue returns what c is worth as a digit, 99 when it is none.
func digitValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10
	}
	return 99
}
