package vm_test

import (
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// A program is told of the device's arithmetic where it meets it, once a place, and
// not where it does not.
func TestSurprises(t *testing.T) {
	const power, modulo, floor, integer, fixed = vm.PowerCompared, vm.ModuloSaturates, vm.FloorSaturates, vm.IntegerSaturates, vm.FixedTooLarge
	for _, tt := range []struct {
		src  string
		want []vm.Surprise
	}{
		{`print(2^4 == 16)`, []vm.Surprise{power}},
		{`local n = 16 print(n ~= 2^4)`, []vm.Surprise{power}},
		{`local n = 255 print(2^8 - 1 == n)`, []vm.Surprise{power}},
		{`local function f(n) return 2^n end print(f(4) == 16, f(4) <= 16)`, []vm.Surprise{power, power}},
		{`for i = 1, 100 do if 2^i == 16 then print(i) end end`, []vm.Surprise{power}},
		{`local p = 2^4 local q = p - 1 print(q == 15)`, nil}, // folded, and gone through a variable
		{`print(2^0 == 1, 2^4 == 17, 2^0.5 == 1.5, math.floor(2^4 + 0.5) == 16, 2^4 < 20)`, nil},
		{`local i = 4 print(2^i < 20, 3^i > 80, math.floor(2^i + 0.5) == 16)`, nil},
		{`local a, b = 5, 0 print(a % b)`, []vm.Surprise{modulo}},
		{`local a = 1e15 for i = 1, 10 do a = a % 7 + 1e15 end`, []vm.Surprise{modulo}},
		{`local a = 2^40 print(a % 1024, a % 2^20)`, []vm.Surprise{}},
		{`print("9e15" % 3)`, []vm.Surprise{modulo}},
		{`for i = 1, 3 do math.floor(1e10) end math.floor(2147483647.5) math.floor(-2147483648)`, []vm.Surprise{floor}},
		{`for i = 1, 3 do string.format("%d", 1e10) end string.format("%x", 2^33) string.format("%d%x%u", 5, 4294967295, -1)`, []vm.Surprise{integer, integer}},
		{`print(("%f"):format(1e20), ("%g"):format(1e20))`, []vm.Surprise{fixed}},
	} {
		b := newBounded(1<<20, 1e6)
		var got []vm.Surprise
		b.v.OnSurprise = func(what vm.Surprise, where string) {
			if got = append(got, what); where != "s:1" {
				t.Errorf("%s: at %q", tt.src, where)
			}
		}
		if end := b.run(tt.src); len(end) > 5 && end[:5] == "error" {
			t.Errorf("%s: %s", tt.src, end)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.src, got, tt.want)
		}
	}
}

// A power that the chip never ends to compute ends with the watchdog.
func TestEndlessPower(t *testing.T) {
	for _, src := range []string{`local x = 1e300 print(2^x)`, `print(2^1e300)`, `print(pcall(math.pow, 2, 1e300))`, `print("2" ^ 1e300)`} {
		if got := newBounded(1<<18, 1e6).run(src); got != "killed: watchdog" {
			t.Errorf("%s: %s", src, got)
		}
	}
}
