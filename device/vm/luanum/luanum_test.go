package luanum

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFormatNumber(t *testing.T) {
	for _, tt := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "0"}, {1, "1"}, {-17, "-17"}, {0.1, "0.1"},
		{1.0 / 3, "0.33333333333333"}, {2.0 / 3, "0.66666666666667"}, {100, "100"},
		{123456789012345, "1.2345678901235e+14"}, {99999999999999, "99999999999999"},
		{1e14, "1e+14"}, {1e15, "1e+15"}, {-1e15, "-1e+15"}, {1e100, "1e+100"}, {1e-5, "1e-05"}, {0.0001, "0.0001"},
		{123456.789, "123456.789"}, {math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
		{4294967295, "4294967295"}, {3.14159265358979, "3.1415926535898"}, {5e-324, "0e-308"}, {21.25, "21.25"}, {1e-318, "0.0000000001e-308"},
		{0.99999999999999999, "1"}, {9.99999999999999e13, "1e+14"}, {99999999999999.99, "1e+14"},
	} {
		if got := FormatNumber(tt.f); got != tt.want {
			t.Errorf("FormatNumber(%v) = %q, want %q", tt.f, got, tt.want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for _, tt := range []struct {
		s    string
		want float64
		ok   bool
	}{
		{"0", 0, true}, {"010", 10, true}, {" 12 ", 12, true}, {"\t1e3\n", 1000, true}, {"1.", 1, true}, {".5", .5, true},
		{"-.5e-1", -.05, true}, {"0x10", 16, true}, {"0XfF", 255, true}, {"-0x1", 4294967295, true}, {"0x100000000", 4294967295, true},
		{"0xffffffff", 4294967295, true}, {"1e400", math.Inf(1), true}, {"123456789012345678", 123456789012345678, true},
		{"", 0, false}, {" ", 0, false}, {".", 0, false}, {"-", 0, false}, {"1e", 0, false}, {"1e+", 0, false}, {"0x", 0, false},
		{"0b1", 0, false}, {"0o7", 0, false}, {"1_000", 0, false}, {"infi", 0, false}, {"nano", 0, false}, {"0x_1", 0, false}, {"0xg", 0, false}, {"0x1p", 0, false},
		{"0x1p4", 0, false}, {"0x.8", 0, false}, {"INF", 0, false}, {"-infinity", 0, false}, {"nan", 0, false}, {"1x2", 0, false}, {"12a", 0, false}, {"1 2", 0, false}, {"1\x002", 1, true}, {"\x001", 0, false}, {"1e-320", 0, true}, {"0.0000000000000000001", 0, true}, {"1e4294967297", 10, true}, {"1e2147483648", 0, true}, {"1e-2147483648", 0, true}, {"--1", 0, false}, {"٣", 0, false},
	} {
		got, ok := ParseNumber(tt.s)
		if got != tt.want || ok != tt.ok {
			t.Errorf("ParseNumber(%q) = %v, %v, want %v, %v", tt.s, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseUint(t *testing.T) {
	for _, tt := range []struct {
		s    string
		base int
		want uint32
		end  int
	}{
		{"ff", 16, 255, 2}, {"0xff", 16, 255, 4}, {"0xg", 16, 0, 1}, {"zz", 36, 35*36 + 35, 2}, {"102", 2, 2, 2},
		{"  7 ", 8, 7, 3}, {"-1", 10, 4294967295, 2}, {"99999999999", 10, 4294967295, 11}, {"8", 8, 0, 0}, {"", 10, 0, 0},
	} {
		got, end := ParseUint(tt.s, tt.base)
		if got != tt.want || end != tt.end {
			t.Errorf("ParseUint(%q, %d) = %d, %d, want %d, %d", tt.s, tt.base, got, end, tt.want, tt.end)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int32{
		"": 0, "x": 0, " \t\n12ab": 12, "+7": 7, "-7": -7, "--7": 0, "- 7": 0, "0x10": 0,
		"2147483647": 2147483647, "2147483648": 2147483647, "-2147483648": -2147483648, "-99999999999999999999": -2147483648,
	} {
		if got := ParseInt(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestPrintf(t *testing.T) {
	format := func(form string, v any) string {
		s, n, err := ParseSpec(form)
		if err != nil {
			return err.Error()
		}
		if n != len(form) {
			t.Errorf("ParseSpec(%q) took %d bytes", form, n)
		}
		switch v := v.(type) {
		case int:
			if s.Verb == 'd' || s.Verb == 'i' {
				return string(s.AppendInt(nil, int64(v)))
			}
			if s.Verb == 'c' {
				return string(s.AppendChar(nil, byte(v)))
			}
			return string(s.AppendUint(nil, uint64(uint32(v))))
		case float64:
			return string(s.AppendFloat(nil, v))
		case string:
			return string(s.AppendString(nil, v))
		}
		panic("type")
	}
	for _, tt := range []struct {
		form string
		v    any
		want string
	}{
		{"d", 5, "5"}, {"5d", -42, "  -42"}, {"-5d", 42, "42   "}, {"05d", -42, "-0042"}, {"+d", 7, "+7"}, {" d", 7, " 7"},
		{".3d", 5, "005"}, {"05.3d", 5, "  005"}, {".0d", 0, "0"}, {"-05d", 3, "3    "}, {"+.0d", 0, "+0"},
		{"x", -1, "ffffffff"}, {"X", 48879, "BEEF"}, {"#x", 255, "0xff"}, {"#08x", 255, "0x0000ff"}, {"#x", 0, "0"},
		{"o", 8, "10"}, {"#o", 8, "010"}, {"#o", 0, "0"}, {"#.0o", 0, "0"}, {"#.5o", 8, "00010"}, {"#05o", 8, "00010"}, {"#5o", 8, "  010"}, {"u", -1, "4294967295"},
		{"c", 65, "A"}, {"3c", 65, "A"}, {"-3c", 65, "A"}, {"c", 0, ""},
		{"f", 1.5, "1.500000"}, {".0f", 2.5, "3"}, {"#.0f", 2.5, "3."}, {".1f", 21.25, "21.3"}, {"9f", 1e20, ""}, {"8.3f", -3.14159, "  -3.142"}, {"08.3f", -3.14159, "-003.142"},
		{"e", 12345.678, "1.234568e+04"}, {".0e", 12345.678, "1e+04"}, {"#.0e", 12345.678, "1.e+04"}, {"E", 1e-10, "1.000000E-10"},
		{"g", 100000.0, "100000"}, {"g", 1000000.0, "1e+06"}, {"g", 0.0001, "0.0001"}, {"g", 0.00001, "1e-05"}, {".3g", 3.14159, "3.14"},
		{"#g", 1.0, "1.00000"}, {"#.3g", 1000.0, "1.00e+03"}, {"#.3g", 999.9, "1.00e+03"}, {"#.0g", 5.0, "5."}, {"G", 1e20, "1E+20"},
		{".0g", 15.0, "2e+01"}, {"010g", math.Inf(1), "       inf"}, {"+f", math.Inf(1), "+inf"}, {"f", math.Inf(-1), "-inf"}, {"g", math.NaN(), "nan"},
		{"G", math.Inf(1), "INF"}, {"f", math.Copysign(0, -1), "0.000000"}, {".20f", 0.1, "0.1000000000000000000"},
		{"s", "abc", "abc"}, {"5.1s", "abc", "    a"}, {"-5s", "ab", "ab   "}, {".0s", "ab", ""},
		{"99d", 1, string(appendRepeat(nil, ' ', 98)) + "1"},
		{"100d", 1, ErrTooLong.Error()}, {".100f", 1.0, ErrTooLong.Error()}, {"------d", 1, ErrRepeatedFlags.Error()}, {"-----d", 1, "1"},
	} {
		if got := format(tt.form, tt.v); got != tt.want {
			t.Errorf("%%%s of %v: %q, want %q", tt.form, tt.v, got, tt.want)
		}
	}
}

func TestCasts(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		f     float64
		i32   int32
		long  int32
		ulong uint32
	}{
		{0, 0, 0, 0}, {-1, -1, -1, math.MaxUint32}, {-1.9, -1, -1, math.MaxUint32}, {2147483648, math.MinInt32, math.MaxInt32, 1 << 31},
		{4294967297, 1, math.MaxInt32, math.MaxUint32}, {-2147483649, math.MaxInt32, math.MinInt32, 1 << 31},
		{inf, -1, math.MaxInt32, math.MaxUint32}, {-inf, 0, math.MinInt32, 1 << 31}, {nan, -1, math.MaxInt32, math.MaxUint32},
	} {
		if a, b, c := Int32(tt.f), Long(tt.f), ULong(tt.f); a != tt.i32 || b != tt.long || c != tt.ulong {
			t.Errorf("%v: %d %d %d, want %d %d %d", tt.f, a, b, c, tt.i32, tt.long, tt.ulong)
		}
	}
}

// A power that the chip never ends to compute is found without computing it.
func TestPowReturns(t *testing.T) {
	for _, tt := range []struct {
		x, y    float64
		want    float64
		returns bool
	}{
		{2, 4, 16.000000000000004, true}, {2, 1e300, 0, false}, {2, 1e9, 0, false}, {2, -1e300, 0, true}, {0, -1, 68.35048864882054, true},
		{2, 1e7, math.MaxFloat32, true}, {-2, 1e7 + 1, math.MaxFloat32, true}, {math.Inf(1), 2, math.MaxFloat32, true}, {2, -1e7, 0, true},
	} {
		if got, returns := Pow(tt.x, tt.y); returns != tt.returns || returns && got != tt.want {
			t.Errorf("%v^%v: %v, %v", tt.x, tt.y, got, returns)
		}
	}
}

// What is short for whole numbers prints them as %.14g does.
func TestWholeNumbers(t *testing.T) {
	long := func(f float64) string { return string(Spec{Prec: 14, Verb: 'g'}.AppendFloat(nil, f)) }
	r := rand.New(rand.NewPCG(1, 2))
	for power := 1.0; power <= 1e14; power *= 10 {
		for i := range 2000 {
			f := math.Floor(r.Float64() * power)
			if i < 100 {
				f = power - float64(i)
			}
			for _, f := range []float64{f, -f} {
				if got, want := FormatNumber(f), long(f); got != want {
					t.Errorf("%f: %q, want %q", f, got, want)
				}
			}
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"1", "0x1f", "1e5", ".", "-0x", " 1 ", "1e309"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := ParseNumber(s)
		if !ok || n != n || math.IsInf(n, 0) {
			return
		}
		back, ok := ParseNumber(FormatNumber(n))
		if !ok || math.Abs(back-n) > math.Abs(n)*1e-13 {
			t.Errorf("%q reads as %v, which prints as %q, which reads as %v", s, n, FormatNumber(n), back)
		}
	})
}

func FuzzPrintf(f *testing.F) {
	f.Add("5.2f", 1.5)
	f.Add("#-010X", -1.0)
	f.Add("+ 99.99g", 1e300)
	f.Fuzz(func(t *testing.T, form string, v float64) {
		s, n, err := ParseSpec(form)
		if n > len(form) {
			t.Fatalf("took %d of %d bytes", n, len(form))
		}
		if err != nil {
			return
		}
		for _, out := range [][]byte{s.AppendInt(nil, Int64(v)), s.AppendUint(nil, uint64(Int64(v))), s.AppendChar(nil, 1), s.AppendString(nil, form)} {
			if len(out) > 120+len(form) {
				t.Errorf("%q made %d bytes", form, len(out))
			}
		}
		for _, verb := range "eEfgG" {
			s.Verb = byte(verb)
			if out := s.AppendFloat(nil, v); len(out) > 120 || len(out) < s.Width && math.Abs(v) < 1e19 {
				t.Errorf("%q made %d bytes", form, len(out))
			}
		}
	})
}
