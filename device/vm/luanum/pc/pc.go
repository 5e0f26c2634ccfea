// Package pc is the C library of a PC as far as luac.cross needs it for numbers: what it reads, what it
// folds and what its listings show. On the device other functions do that (package luanum), so
// 2^4 in a module that luac.cross has compiled is 16, and in one that the device compiles it is not.
//
// All results are rounded correctly. The C libraries of PCs are that but for pow, of which about
// one result in 1500 differs in the last bit (glibc 2.36 on a PC, 13 of 20,000).
//
// The package knows nothing of Lua.
// Source: oracle: lfs-images.json, set "numbers"; formats.md ("luac").
package pc

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Numbers are the functions as the compiler takes them (luac.Numbers).
type Numbers struct{}

// Parse reads a numeral (strtod).
func (Numbers) Parse(s string) (float64, bool) {
	if strings.ContainsRune(s, '_') { // Go's own
		return 0, false
	}
	if x := strings.ToLower(s); strings.HasPrefix(x, "0x") && !strings.ContainsRune(x, 'p') {
		s += "p0"
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return f, true
}

// Mod is a % b.
func (Numbers) Mod(a, b float64) float64 { return a - float64(math.Floor(a/b)*b) }

// Pow is x ^ y. It always returns.
func (Numbers) Pow(x, y float64) (result float64, returns bool) { return Pow(x, y), true }

const (
	powBits     = 160  // of what is computed on the way to a power
	powExponent = 1100 // a power of 2 that is beyond all numbers
)

// Pow is x ^ y, rounded correctly.
func Pow(x, y float64) float64 {
	rough := math.Pow(x, y)
	size := math.Abs(y * math.Log2(math.Abs(x)))
	if x == 0 || y == 0 || math.IsNaN(rough) || !(size < powExponent) {
		return rough
	}
	a := new(big.Float).SetPrec(powBits).SetFloat64(math.Abs(x))
	whole, part := math.Modf(math.Abs(y))
	result := power(a, whole)
	for root := a; part > 0; { // a^0.101… is the product of its roots for each 1
		root = new(big.Float).SetPrec(powBits).Sqrt(root)
		if part *= 2; part >= 1 {
			part--
			result.Mul(result, root)
		}
	}
	if y < 0 {
		result.Quo(big.NewFloat(1), result)
	}
	f, _ := result.Float64()
	return math.Copysign(f, rough)
}

// power is a ^ n for a whole n.
func power(a *big.Float, n float64) *big.Float {
	result := new(big.Float).SetPrec(powBits).SetInt64(1)
	for square := new(big.Float).Set(a); n > 0; n = math.Floor(n / 2) {
		if math.Mod(n, 2) == 1 {
			result.Mul(result, square)
		}
		square.Mul(square, square)
	}
	return result
}

// Format is what a listing shows of f ("%.14g").
func Format(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f != f && math.Signbit(f):
		return "-nan"
	case f != f:
		return "nan"
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}
