package pc

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestParse(t *testing.T) {
	for _, x := range []struct {
		s    string
		want float64
	}{
		{"0", 0}, {"5.", 5}, {".5", 0.5}, {"3e2", 300}, {"3E+2", 300}, {"1e309", math.Inf(1)}, {"5e-324", 5e-324}, {"1e-400", 0},
		{"0xff", 255}, {"0XFF", 255}, {"0xfffffffff", 68719476735}, {"9007199254740993", 9007199254740992},
	} {
		if got, ok := (Numbers{}).Parse(x.s); !ok || got != x.want {
			t.Errorf("%s: %v %v, want %v", x.s, got, ok, x.want)
		}
	}
	for _, s := range []string{"", "1_000", "0x", "1e", "12abc", "0xg", "1..2", "0x1_0", "0b1", "0o7", "5e3x"} {
		if got, ok := (Numbers{}).Parse(s); ok {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}

func TestPow(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, x := range []struct{ x, y, want float64 }{
		{2, 4, 16}, {2, 0.5, math.Sqrt2}, {10, -5, 1e-5}, {10, 100, 1e100}, {10, 308, 1e308}, {10, -308, 1e-308}, {10, -320, 1e-320},
		{3, 20, 3486784401}, {7, 10, 282475249}, {3, 34, 16677181699666568}, {-2, 3, -8}, {-2, 2, 4}, {-2, -1, -0.5}, {4, 1.5, 8},
		{0.5, 20, 1.0 / (1 << 20)}, {1.0000001, 1e9, 2.6881038582144647e+43}, {1, 1e300, 1}, {2, 1e-300, 1}, {2, 1074, inf}, {2, -1074, 5e-324},
		{2, 1e9, inf}, {-2, 1e9 + 1, -inf}, {0, -1, inf}, {0, 0, 1}, {2, inf, inf}, {inf, -1, 0}, {5, 0, 1}, {nan, 0, 1}, {2, -1e18, 0},
		{8, 1.0 / 3, 2}, {1.1, 50, 117.39085287969579}, {1.5, 100, 4.065611775352152e+17},
	} {
		if got := Pow(x.x, x.y); got != x.want {
			t.Errorf("%v ^ %v is %v, want %v", x.x, x.y, got, x.want)
		}
	}
	for _, x := range [][2]float64{{-8, 1.0 / 3}, {nan, 1}, {2, nan}} {
		if got := Pow(x[0], x[1]); got == got {
			t.Errorf("%v ^ %v is %v", x[0], x[1], got)
		}
	}
}

// What Go computes is near.
func TestPowNear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x, y := math.Exp(r.NormFloat64()*20), r.NormFloat64()*10
		want := math.Pow(x, y)
		if got := Pow(x, y); math.Abs(got-want) > 1e-12*want && !(got == want) {
			t.Fatalf("%v ^ %v is %v, about %v expected", x, y, got, want)
		}
	}
}

func TestMod(t *testing.T) {
	for _, x := range []struct{ a, b, want float64 }{{7, 3, 1}, {-7, 3, 2}, {7, -3, -2}, {1e15, 7, 6}, {10, 0.3, 10 - float64(33*0.3)}} {
		if got := (Numbers{}).Mod(x.a, x.b); got != x.want {
			t.Errorf("%v %% %v is %v, want %v", x.a, x.b, got, x.want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, x := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {100000, "100000"}, {1e14, "1e+14"}, {1e13, "10000000000000"}, {0.1, "0.1"}, {1e-5, "1e-05"},
		{0.0001, "0.0001"}, {1.0 / 3, "0.33333333333333"}, {9007199254740991, "9.007199254741e+15"}, {5e-324, "4.9406564584125e-324"},
		{math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"}, {math.Copysign(math.NaN(), -1), "-nan"}, {1e100, "1e+100"},
	} {
		if got := Format(x.f); got != x.want {
			t.Errorf("%g: %q, want %q", x.f, got, x.want)
		}
	}
}
