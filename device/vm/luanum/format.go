package luanum

import "strconv"

// FormatNumber prints a number as the firmware does (fw: app/lua/luaconf.h,
// LUA_NUMBER_FMT "%.14g").
func FormatNumber(f float64) string {
	var buf [32]byte
	return string(AppendNumber(buf[:0], f))
}

// AppendNumber appends what FormatNumber returns.
func AppendNumber(b []byte, f float64) []byte {
	if -1e14 < f && f < 1e14 {
		if n := int64(f); float64(n) == f { // sprintf prints those exactly, and -0 without a sign
			return strconv.AppendInt(b, n, 10)
		}
	}
	return Spec{Prec: 14, Verb: 'g'}.AppendFloat(b, f)
}
