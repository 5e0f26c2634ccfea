package lualib

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// mathConsts are the constants of the math library. The firmware for Lua 5.1
// leaves out everything transcendental (fw: app/lua/lmathlib.c).
var mathConsts = []vm.Const{
	{Name: "pi", Value: vm.Number(math.Pi)},
	{Name: "huge", Value: vm.Number(math.Inf(1))},
}

func mathFuncs(v *vm.VM) []vm.Func {
	r := &random{hardware: v.Random}
	return []vm.Func{
		{Name: "abs", Fn: unary(math.Abs)},
		{Name: "ceil", Fn: unary(math.Ceil)},
		{Name: "floor", Fn: mathFloor},
		{Name: "max", Fn: func(c *vm.Call) int { return extreme(c, func(a, b float64) bool { return a > b }) }},
		{Name: "min", Fn: func(c *vm.Call) int { return extreme(c, func(a, b float64) bool { return a < b }) }},
		{Name: "pow", Fn: func(c *vm.Call) int { c.Push(vm.Number(c.VM.Power(c.Number(1), c.Number(2)))); return 1 }},
		{Name: "random", Fn: r.random},
		{Name: "randomseed", Fn: r.seed},
		{Name: "sqrt", Fn: unary(math.Sqrt)},
	}
}

func unary(f func(float64) float64) func(*vm.Call) int {
	return func(c *vm.Call) int {
		c.Push(vm.Number(f(c.Number(1))))
		return 1
	}
}

func mathFloor(c *vm.Call) int {
	x := c.Number(1)
	if luanum.Saturates(x) {
		c.VM.Surprise(vm.FloorSaturates)
	}
	c.PushNumber(luanum.Floor(x))
	return 1
}

// extreme returns the argument that beats all before it.
func extreme(c *vm.Call, beats func(a, b float64) bool) int {
	best := c.Number(1)
	for i := 2; i <= c.NArgs(); i++ {
		if x := c.Number(i); beats(x, best) {
			best = x
		}
	}
	c.Push(vm.Number(best))
	return 1
}

// random is the generator behind math.random: the device's hardware numbers,
// until a program seeds it; from then on the C library's linear congruential
// generator, so that a seed always gives the same numbers.
type random struct {
	hardware func() uint32
	seeded   bool
	state    uint64
}

const randMax = 0x7fffffff // RAND_MAX of newlib

func (r *random) rand() int {
	if !r.seeded {
		return int(r.hardware() & randMax)
	}
	r.state = r.state*6364136223846793005 + 1 // newlib: rand
	return int(r.state >> 32 & randMax)
}

func (r *random) seed(c *vm.Call) int {
	r.seeded, r.state = true, uint64(uint32(c.Int(1)))
	return 0
}

func (r *random) random(c *vm.Call) int {
	x := float64(r.rand()%randMax) / randMax
	result := x
	switch c.NArgs() {
	case 0:
	case 1:
		u := c.Int(1)
		if u < 1 {
			c.ArgError(1, "interval is empty")
		}
		result = luanum.Floor(x*float64(u)) + 1
	case 2:
		l, u := c.Int(1), c.Int(2)
		if l > u {
			c.ArgError(2, "interval is empty")
		}
		result = luanum.Floor(x*float64(int32(u-l+1))) + float64(l)
	default:
		c.Error("wrong number of arguments")
	}
	c.Push(vm.Number(result))
	return 1
}
