package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// debugFuncs is what the firmware's default build has of the debug library (fw:
// app/include/user_config.h, LUA_USE_BUILTIN_DEBUG_MINIMAL).
var debugFuncs = []vm.Func{
	{Name: "getregistry", Fn: func(c *vm.Call) int { c.Push(c.VM.Registry()); return 1 }},
	{Name: "getstrings", Fn: getStrings},
	{Name: "traceback", Fn: traceback},
}

// getStrings returns the strings in RAM, or those of the image in the flash store ("ROM"),
// sorted.
func getStrings(c *vm.Call) int {
	rom := c.Option(1, "RAM", "RAM", "ROM") == 1
	names, ok := c.VM.Strings(), true
	if rom {
		names, ok = c.VM.FlashStrings()
	}
	if !ok {
		return c.ReturnNil()
	}
	t := c.VM.NewTable(len(names), 0)
	for i, s := range names {
		c.VM.RawSetInt(t, i+1, vm.String(s))
		c.VM.ChargeSteps(1)
	}
	c.Push(t)
	return 1
}

// traceback is debug.traceback([thread,] [message [, level]]).
func traceback(c *vm.Call) int {
	first := 1
	th, _ := c.Running()
	other := false
	if t, ok := c.Arg(1).(*vm.Thread); ok {
		other = t != th
		th, first = t, 2
	}
	level := 1
	if other {
		level = 0
	}
	if c.IsNumber(first + 1) {
		level = c.Int(first + 1)
	}
	text := ""
	if c.NArgs() >= first {
		s, ok := c.VM.ToString(c.Arg(first))
		if !ok {
			c.Push(c.Arg(first))
			return 1
		}
		text = s + "\n"
	}
	return c.ReturnString(text + c.ThreadTraceback(th, level))
}
