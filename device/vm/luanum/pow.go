package luanum

import "math"

// Pow is C's pow on the chip (fw: app/libc/math.c): the method of Cody and Waite,
// Software Manual for the Elementary Functions, chapter 7, whose tables hold the
// sixteenth roots of two, with a reduction of its own that loses the last bits. It
// is of use for what it returns only: that 2^4 is 16.0000000000000035527.
//
// returns is false where the chip never comes back from it, as for 2^1e300: it takes
// off a sixteenth at a time from a number that does not change by it, or so many that
// the watchdog comes first.
func Pow(x, y float64) (result float64, returns bool) {
	if y == 0 {
		return 1, true
	}
	negative := false
	switch {
	case x == 0 && y > 0:
		return 0, true
	case x < 0:
		x = -x
		n := Long(y)
		if y != float64(n) {
			return math.NaN(), true
		}
		negative = n&1 != 0
	}
	g, m := math.Frexp(x)
	p := 1 // x is 2^m 2^(-p/16) (1+s)/(1-s), with p odd
	if g <= root[8] {
		p = 9
	}
	if g <= root[p+3] {
		p += 4
	}
	if g <= root[p+1] {
		p += 2
	}
	z := float64(float64(g-root[p])-rootRest[p/2]) / float64(g+root[p])
	z += z
	v := float64(z * z)
	r := polynomial(v, logP4, logP3, logP2, logP1)
	r = float64(float64(r*v) * z)
	r += float64(log2eLess1 * r)
	u2 := float64(r+float64(z*log2eLess1)) + z // log2(x) is u1 + u2
	u1 := 0.0625 * float64(16*m-p)
	y1 := sixteenths(y)
	y2 := float64(y - y1)
	w := float64(u2*y) + float64(u1*y2)
	w1 := sixteenths(w)
	w2 := float64(w - w1)
	w = w1 + float64(u1*y1)
	w1 = sixteenths(w)
	w2 += float64(w - w1)
	w = sixteenths(w2)
	exponent := Long(16 * float64(w1+w)) // of the result, in sixteenths
	w2 = float64(w2 - w)
	if w2 > 0 { // one step of a sixteenth, most often: they are exact
		steps := math.Ceil(16 * w2)
		if steps > maxSteps {
			return maxFloat, false
		}
		exponent += int32(steps)
		w2 -= 0.0625 * steps
	}
	switch {
	case exponent > maxExponent:
		return maxFloat, true
	case exponent < minExponent:
		return 0, true
	}
	m = int(exponent) / 16
	if exponent >= 0 {
		m++
	}
	p = 16*m - int(exponent)
	z = float64(polynomial(w2, expQ7, expQ6, expQ5, expQ4, expQ3, expQ2, expQ1) * w2)
	z = math.Ldexp(root[p]+float64(root[p]*z), m)
	if negative {
		z = -z
	}
	return z, true
}

// Misses reports whether a power that is an integer is not quite that in power, which
// Pow has made of x and y.
func Misses(x, y, power float64) bool {
	exact := math.Pow(x, y)
	return power != exact && exact == math.Trunc(exact) && Near(power, exact)
}

// Near reports whether two numbers that are not equal differ by no more than what Pow
// loses.
func Near(a, b float64) bool { return a != b && math.Abs(a-b) <= 1e-12*math.Abs(b) }

// sixteenths is x without what is below a sixteenth, as far as an int goes.
func sixteenths(x float64) float64 { return 0.0625 * float64(Long(16*x)) }

// polynomial is Horner's rule. What is converted is rounded: the host must not fuse
// a multiplication with an addition.
func polynomial(x float64, coefficients ...float64) float64 {
	sum := coefficients[0]
	for _, c := range coefficients[1:] {
		sum = float64(sum*x) + c
	}
	return sum
}

const (
	maxExponent = 2031            // a result above 2^127 is maxFloat: fw: MAXEXP
	minExponent = -2047           // one below 2^-128 is 0
	maxFloat    = math.MaxFloat32 // fw: HUGE
	maxSteps    = 1 << 20         // assumed: two microseconds each, and the watchdog ends what takes longer
)

// root[i] is 2^(-i/16), rootRest[i] what root[2i+1] lacks.
var (
	root = [...]float64{
		1, 0.95760328069857365, 0.91700404320467123, 0.87812608018664974, 0.84089641525371454, 0.80524516597462716,
		0.77110541270397041, 0.73841307296974966, 0.70710678118654752, 0.67712777346844637, 0.64841977732550483,
		0.62092890603674203, 0.59460355750136054, 0.56939431737834583, 0.54525386633262883, 0.52213689121370692, 0.5,
	}
	rootRest = [...]float64{
		0.24114209503420288e-17, 0.92291566937243079e-18, -0.15241915231122319e-17, -0.35421849765286817e-17,
		-0.31286215245415074e-17, -0.44654376565694490e-17, 0.29306999570789681e-17, 0.11260851040933474e-17,
	}
)

// Coefficients of the logarithm and of 2^w, of Cody and Waite for 53 bits.
const (
	logP1      = 0.833333333333332114e-1
	logP2      = 0.125000000005037992e-1
	logP3      = 0.223214212859242590e-2
	logP4      = 0.434457756721631196e-3
	log2eLess1 = 0.442695040888963407

	expQ1 = 0.693147180559945296e0
	expQ2 = 0.240226506959095371e0
	expQ3 = 0.555041086640855953e-1
	expQ4 = 0.961812905951724170e-2
	expQ5 = 0.133335413135857847e-2
	expQ6 = 0.154002904409897646e-3
	expQ7 = 0.149288526805956082e-4
)
