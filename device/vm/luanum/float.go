package luanum

import (
	"math"
	"strconv"
	"strings"
)

// AppendFloat formats f for the verbs e, E, f, g and G as sprintf does on the chip
// (fw: app/libc/c99-snprintf/snprintf.c). It takes a number apart with 64-bit
// integers and doubles: its digits are those of quotients that have been rounded.
// A number of 2^64 or more is too large for %f, and nothing is printed.
func (s Spec) AppendFloat(dst []byte, f float64) []byte {
	sign := ""
	switch {
	case f < 0: // -0 is not
		sign = "-"
	case s.Plus:
		sign = "+"
	case s.Space:
		sign = " "
	}
	upper := s.Verb == 'E' || s.Verb == 'G'
	if f != f || math.IsInf(f, 0) {
		body := sign + "inf"
		if f != f {
			body = sign + "nan"
		}
		if upper {
			body = strings.ToUpper(body)
		}
		return s.pad(dst, len(body), func(dst []byte) []byte { return append(dst, body...) })
	}
	d, ok := s.digits(math.Abs(f))
	if !ok {
		return dst
	}
	var buf [48]byte
	body := strconv.AppendUint(buf[:0], d.whole, 10)
	if d.shown > 0 || s.Alt {
		body = append(body, '.')
	}
	body = appendFraction(body, d.fraction, d.decimals, d.shown)
	if d.style == 'e' {
		body = appendExponent(body, d.exponent, upper)
	}
	zeros := 0
	if s.Zero && !s.Minus {
		zeros = max(0, s.Width-len(sign)-len(body))
	}
	return s.pad(dst, len(sign)+zeros+len(body), func(dst []byte) []byte {
		dst = append(dst, sign...)
		dst = appendRepeat(dst, '0', zeros)
		return append(dst, body...)
	})
}

// parts are what a number is printed from.
type parts struct {
	style           byte // 'e', or 'f'
	whole, fraction uint64
	decimals        int // digits of fraction
	shown           int // of them: %g leaves zeros at the end out
	exponent        int
}

// maxDecimals is how many digits after the point there can be: those of 10^19, the
// largest power of ten in 64 bits.
const maxDecimals = 19

// digits takes apart a number that is not negative. It fails for one whose part
// before the point has more than 64 bits.
func (s Spec) digits(f float64) (d parts, ok bool) {
	d.style, d.decimals = s.Verb|0x20, s.Prec
	if d.decimals < 0 {
		d.decimals = 6
	}
	general := d.style == 'g'
	if general {
		d.decimals = max(d.decimals, 1) - 1
	}
	if d.style != 'f' {
		d.style, d.exponent = 'e', exponent(f)
	}
	for {
		d.decimals = min(d.decimals, maxDecimals)
		x := f
		if d.style == 'e' {
			x /= power10(d.exponent)
		}
		if x >= 1<<64 {
			return d, false
		}
		d.whole = uint64(x)
		mask := power10(d.decimals)
		d.fraction = halfUp(mask * float64(x-float64(d.whole)))
		if d.fraction >= uint64(mask) {
			d.whole++
			d.fraction = 0
			if d.style == 'e' && d.whole == 10 {
				d.whole = 1
				d.exponent++
			}
		}
		if !general || d.style != 'e' || d.exponent > d.decimals || d.exponent < -4 {
			break
		}
		d.decimals -= d.exponent
		d.style = 'f'
	}
	d.shown = d.decimals
	if general && !s.Alt {
		d.shown = 0
		if d.fraction != 0 {
			d.shown = d.decimals
			for n := d.fraction; n%10 == 0; n /= 10 {
				d.shown--
			}
		}
	}
	return d, true
}

// halfUp rounds to the nearest integer, a half to the larger.
func halfUp(x float64) uint64 {
	n := uint64(x)
	if x-float64(n) >= 0.5 {
		n++
	}
	return n
}

// Limits of a double's decimal exponent: C's DBL_MIN_10_EXP and DBL_MAX_10_EXP.
const (
	minExponent10 = -307
	maxExponent10 = 308
)

// exponent is the decimal exponent of f, found by multiplying with and dividing by
// ten. It ends at minExponent10-1: numbers below 1e-308 have a 0 before the point.
func exponent(f float64) int {
	n := 0
	for f < 1 && f > 0 {
		if n--; n < minExponent10 {
			break
		}
		f *= 10
	}
	for f >= 10 {
		if n++; n > maxExponent10 {
			break
		}
		f /= 10
	}
	return n
}

// power10 is 10^n as a product or quotient of tens, each step of which rounds.
func power10(n int) float64 { return tens[n-(minExponent10-1)] }

var tens = func() (t [maxExponent10 + 1 - (minExponent10 - 1) + 1]float64) {
	const one = -(minExponent10 - 1)
	t[one] = 1
	for i := one + 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	for i := one - 1; i >= 0; i-- {
		t[i] = t[i+1] / 10
	}
	return t
}()

// appendFraction appends the first shown of the decimals digits of n.
func appendFraction(dst []byte, n uint64, decimals, shown int) []byte {
	if shown <= 0 {
		return dst
	}
	var buf [24]byte
	digits := strconv.AppendUint(buf[:0], n, 10)
	dst = appendRepeat(dst, '0', min(decimals-len(digits), shown))
	return append(dst, digits[:max(0, min(len(digits), shown-max(0, decimals-len(digits))))]...)
}

// appendExponent appends e+05 or e-123.
func appendExponent(dst []byte, n int, upper bool) []byte {
	e, sign := byte('e'), byte('+')
	if upper {
		e = 'E'
	}
	if n < 0 {
		sign, n = '-', -n
	}
	dst = append(dst, e, sign)
	if n < 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
