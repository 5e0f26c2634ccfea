package luanum

import (
	"math"
	"testing"
)

func TestFormatNumber(t *testing.T) {
	for _, tt := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-17, "-17"}, {0.1, "0.1"},
		{1.0 / 3, "0.33333333333333"}, {2.0 / 3, "0.66666666666667"}, {100, "100"},
		{123456789012345, "1.2345678901234e+14"}, {99999999999999, "99999999999999"},
		{1e14, "1e+14"}, {1e15, "1e+15"}, {-1e15, "-1e+15"}, {1e100, "1e+100"}, {1e-5, "1e-05"}, {0.0001, "0.0001"},
		{123456.789, "123456.789"}, {math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
		{4294967295, "4294967295"}, {3.14159265358979, "3.1415926535898"}, {5e-324, "4.9406564584125e-324"},
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
		{"-.5e-1", -.05, true}, {"0x10", 16, true}, {"0XfF", 255, true}, {"-0x1", -1, true}, {"0x100000000", 4294967296, true},
		{"0xffffffff", 4294967295, true}, {"1e400", math.Inf(1), true}, {"123456789012345678", 123456789012345678, true},
		{"", 0, false}, {" ", 0, false}, {".", 0, false}, {"-", 0, false}, {"1e", 0, false}, {"1e+", 0, false}, {"0x", 0, false},
		{"0b1", 0, false}, {"0o7", 0, false}, {"1_000", 0, false}, {"infi", 0, false}, {"nano", 0, false}, {"0x_1", 0, false}, {"0xg", 0, false}, {"0x1p", 0, false},
		{"0x1p4", 16, true}, {"0x.8", 0.5, true}, {"INF", math.Inf(1), true}, {"-infinity", math.Inf(-1), true}, {"12a", 0, false}, {"1 2", 0, false}, {"1\x00", 0, false}, {"--1", 0, false}, {"٣", 0, false},
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
		{".3d", 5, "005"}, {"05.3d", 5, "  005"}, {".0d", 0, ""}, {"-05d", 3, "3    "}, {"+.0d", 0, "+"},
		{"x", -1, "ffffffff"}, {"X", 48879, "BEEF"}, {"#x", 255, "0xff"}, {"#08x", 255, "0x0000ff"}, {"#x", 0, "0"},
		{"o", 8, "10"}, {"#o", 8, "010"}, {"#o", 0, "0"}, {"#.0o", 0, "0"}, {"#.5o", 8, "00010"}, {"u", -1, "4294967295"},
		{"c", 65, "A"}, {"3c", 65, "  A"}, {"-3c", 65, "A  "},
		{"f", 1.5, "1.500000"}, {".0f", 2.5, "2"}, {"#.0f", 2.5, "2."}, {"8.3f", -3.14159, "  -3.142"}, {"08.3f", -3.14159, "-003.142"},
		{"e", 12345.678, "1.234568e+04"}, {".0e", 12345.678, "1e+04"}, {"#.0e", 12345.678, "1.e+04"}, {"E", 1e-10, "1.000000E-10"},
		{"g", 100000.0, "100000"}, {"g", 1000000.0, "1e+06"}, {"g", 0.0001, "0.0001"}, {"g", 0.00001, "1e-05"}, {".3g", 3.14159, "3.14"},
		{"#g", 1.0, "1.00000"}, {"#.3g", 1000.0, "1.00e+03"}, {"#.3g", 999.9, "1.00e+03"}, {"#.0g", 5.0, "5."}, {"G", 1e20, "1E+20"},
		{".0g", 15.0, "2e+01"}, {"010g", math.Inf(1), "       inf"}, {"+f", math.Inf(1), "+inf"}, {"f", math.Inf(-1), "-inf"}, {"g", math.NaN(), "nan"},
		{"G", math.Inf(1), "INF"}, {"f", math.Copysign(0, -1), "-0.000000"}, {".20f", 0.1, "0.10000000000000000555"},
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
		{4294967297, 1, math.MaxInt32, math.MaxUint32}, {-2147483649, math.MaxInt32, math.MinInt32, 1<<31 - 1},
		{inf, -1, math.MaxInt32, math.MaxUint32}, {-inf, 0, math.MinInt32, 1 << 31}, {nan, -1, math.MaxInt32, math.MaxUint32},
	} {
		if a, b, c := Int32(tt.f), Long(tt.f), ULong(tt.f); a != tt.i32 || b != tt.long || c != tt.ulong {
			t.Errorf("%v: %d %d %d, want %d %d %d", tt.f, a, b, c, tt.i32, tt.long, tt.ulong)
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
			if out := s.AppendFloat(nil, v); len(out) > 500 || len(out) < s.Width {
				t.Errorf("%q made %d bytes", form, len(out))
			}
		}
	})
}
