package luanum

import "math"

// Floor is C's floor on the chip (fw: app/libc/math.c), which goes through an int: it
// ends at 2147483647 in both directions, and not-a-number becomes that, too.
func Floor(x float64) float64 {
	n := Long(x)
	if x < 0 && float64(n) != x {
		return float64(n - 1) // of the smallest int, the largest
	}
	return float64(n)
}

// Mod is Lua's a % b (fw: app/lua/luaconf.h, luai_nummod), by Floor: 5 % 0 is 5, and
// where a/b is beyond 2^31 the result is far from a remainder.
func Mod(a, b float64) float64 { return a - float64(Floor(a/b)*b) }

// Saturates reports whether Floor cannot hold the integer below x.
func Saturates(x float64) bool { return !(x >= math.MinInt32 && x < math.MaxInt32+1) }
