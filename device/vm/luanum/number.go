package luanum

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// FormatNumber prints a number as the firmware does (fw: app/lua/luaconf.h,
// LUA_NUMBER_FMT "%.14g"). Not-a-number prints as "nan" whatever its sign.
func FormatNumber(f float64) string {
	var buf [32]byte
	return string(AppendNumber(buf[:0], f))
}

// AppendNumber appends what FormatNumber returns.
func AppendNumber(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e14 {
		if f == 0 && math.Signbit(f) {
			return append(b, "-0"...)
		}
		return strconv.AppendInt(b, int64(f), 10)
	}
	return appendFloat(b, f, 'g', 14, false)
}

// ParseNumber reads a whole text as a number, as the firmware does for
// arithmetic on strings, tonumber and number literals (fw: app/lua/lobject.c,
// luaO_str2d over C's strtod): a decimal or hexadecimal number, "inf" or "nan",
// with white space around it. There are no underscores, no binary and no octal
// numbers.
func ParseNumber(s string) (float64, bool) {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if n, ok := smallDecimal(s); ok {
		return n, true
	}
	i := skipSign(s)
	switch {
	case len(s) == i:
		return 0, false
	case len(s) > i+2 && s[i] == '0' && s[i+1]|0x20 == 'x':
		if strings.IndexByte(s, '_') >= 0 {
			return 0, false
		}
		if !strings.ContainsAny(s, "pP") {
			s += "p0"
		}
	case s[i]|0x20 == 'i' || s[i]|0x20 == 'n':
		switch name := strings.ToLower(s[i:]); {
		case name == "nan":
			return math.NaN(), true
		case name != "inf" && name != "infinity":
			return 0, false
		}
	case decimalEnd(s) != len(s):
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return f, true // out of range: 0 or an infinity, as strtod
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

// decimalEnd returns where the longest decimal number that starts s ends, 0 when
// there is none.
func decimalEnd(s string) int {
	i := skipSign(s)
	digits := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && isDigit(s[i]); i++ {
			digits++
		}
	}
	if digits == 0 {
		return 0
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1 + skipSign(s[i+1:])
		if j < len(s) && isDigit(s[j]) {
			for j < len(s) && isDigit(s[j]) {
				j++
			}
			i = j
		}
	}
	return i
}

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
// small negative numbers wrap, numbers out of 32 bits saturate (libgcc: xtensa
// __fixunsdfsi).
func ULong(f float64) uint32 {
	switch {
	case f > math.MaxUint32 || f != f:
		return math.MaxUint32
	case f <= -(1 << 32):
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
