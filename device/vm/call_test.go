package vm

import (
	"math"
	"testing"
)

// Integers are 32 bits wide everywhere, as the firmware's are.
func TestInteger(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		f    float64
		want int
	}{
		{0, 0}, {-1, -1}, {3.7, 3}, {-3.7, -3}, {-0.5, 0},
		{1<<31 - 1, 1<<31 - 1}, {1 << 31, -1 << 31}, {1<<32 - 1, -1}, {1 << 32, 0}, {1<<32 + 7.9, 7},
		{-1 << 31, -1 << 31}, {-1<<31 - 1, 1<<31 - 1}, {-1 << 32, 0},
		{1e300, -1}, {-1e300, 0}, {inf, -1}, {-inf, 0}, {nan, -1},
	} {
		if got := Integer(tt.f); got != tt.want {
			t.Errorf("Integer(%g) = %d, want %d", tt.f, got, tt.want)
		}
	}
}

func TestIntegerArguments(t *testing.T) {
	v, out := testVM(t)
	v.OpenModule("m", []Func{
		{"int", func(c *Call) int { return c.ReturnInt(c.Int(1)) }},
		{"opt", func(c *Call) int { return c.ReturnInt(c.OptInt(1, 5)) }},
		{"uint", func(c *Call) int { return c.ReturnInt(int(c.Uint32(1))) }},
		{"to", func(c *Call) int { return c.ReturnInt(c.VM.ToInteger(c.Arg(1))) }},
	}, nil)
	fn, err := v.Load([]byte(`
		emit(m.int(2^32 + 3), m.int("0x80000000"), m.int("-7.9"), m.int(1/0))
		emit(m.opt(), m.opt(nil), m.opt(2^31))
		emit(m.uint(-1), m.uint(2^31), m.uint(2^32))
		emit(m.to({}), m.to("12"), m.to(2^33 - 1), m.to())`), "@t.lua")
	if err != nil {
		t.Fatal(err)
	}
	if _, err, _ := v.Call(fn, 0); err != nil {
		t.Fatal(err)
	}
	want := "3 -2147483648 -7 -1\n5 5 -2147483648\n4294967295 2147483648 0\n0 12 -1 0\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}
