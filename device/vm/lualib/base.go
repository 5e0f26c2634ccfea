package lualib

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// baseFuncs are the global functions in ROM, in the order in which the firmware
// has them.
var baseFuncs = []vm.Func{
	{Name: "assert", Fn: baseAssert},
	{Name: "collectgarbage", Fn: collectGarbage},
	{Name: "dofile", Fn: doFile},
	{Name: "error", Fn: baseError},
	{Name: "gcinfo", Fn: func(c *vm.Call) int { return c.ReturnInt(c.VM.LuaBytes() / 1024) }},
	{Name: "getfenv", Fn: getFenv},
	{Name: "getmetatable", Fn: getMetatable},
	{Name: "loadfile", Fn: loadFile},
	{Name: "load", Fn: load},
	{Name: "loadstring", Fn: loadString},
	{Name: "next", Fn: baseNext},
	{Name: "pcall", Fn: pcall},
	{Name: "print", Fn: printArgs},
	{Name: "rawequal", Fn: rawEqual},
	{Name: "rawget", Fn: rawGet},
	{Name: "rawset", Fn: rawSet},
	{Name: "select", Fn: selectArgs},
	{Name: "setfenv", Fn: setFenv},
	{Name: "setmetatable", Fn: setMetatable},
	{Name: "tonumber", Fn: toNumber},
	{Name: "tostring", Fn: toString},
	{Name: "type", Fn: func(c *vm.Call) int { return c.ReturnString(c.VM.TypeName(c.Any(1))) }},
	{Name: "unpack", Fn: unpack},
	{Name: "xpcall", Fn: xpcall},
}

// openBase puts the base library into ROM, and pairs, ipairs and newproxy, which
// are closures, into g (oracle: memory-sizes.json, ram_exceptions).
func openBase(v *vm.VM, g *vm.Table) {
	rom := v.ROMGlobals()
	for _, f := range baseFuncs {
		v.SetField(rom, f.Name, v.NewFunction(f))
	}
	ipairsNext := v.NewFunction(vm.Func{Name: "ipairs iterator", Fn: ipairsAux})
	v.SetField(g, "ipairs", v.NewClosure(vm.Func{Name: "ipairs", Fn: ipairs}, ipairsNext))
	v.SetField(g, "pairs", v.NewClosure(vm.Func{Name: "pairs", Fn: pairs}, v.RawGetString(rom, "next")))
	weak := v.NewTable(0, 1)
	v.SetMetatable(weak, weak)
	v.SetField(weak, "__mode", vm.String("kv"))
	v.SetField(g, "newproxy", v.NewClosure(vm.Func{Name: "newproxy", Fn: newProxy}, weak))
}

// printArgs writes its arguments as the global tostring makes them, each up to its
// first zero byte.
func printArgs(c *vm.Call) int {
	n := c.NArgs()
	c.PushGlobal("tostring")
	builtin := c.Arg(n+1) == c.VM.RawGetString(c.VM.ROMGlobals(), "tostring")
	var line strings.Builder
	for i := 1; i <= n; i++ {
		c.PushCopy(n + 1)
		c.PushCopy(i)
		if i > 1 {
			line.WriteByte('\t')
		}
		top := c.Top()
		if !builtin || !plainDisplay(c, top) {
			c.VM.Print(line.String())
			line.Reset()
			c.CallTop(1, 1)
		}
		s, ok := c.StringAt(c.Top())
		if !ok {
			c.Error("'tostring' must return a string to 'print'")
		}
		line.WriteString(vm.CString(s))
		c.SetTop(n + 1)
	}
	line.WriteByte('\n')
	c.VM.Print(line.String())
	return 0
}

// plainDisplay makes the value at position n the string that tostring makes of it,
// unless it has a __tostring.
func plainDisplay(c *vm.Call, n int) bool {
	if c.PushMetafield(n, "__tostring") {
		c.Pop(1)
		return false
	}
	if !c.IsStringAt(n) {
		c.DisplayAt(n)
	}
	return true
}

func toNumber(c *vm.Call) int {
	base := c.OptInt(2, 10)
	if base == 10 {
		if n, ok := c.VM.ToNumber(c.Any(1)); ok {
			c.Push(vm.Number(n))
			return 1
		}
		return c.ReturnNil()
	}
	s := c.String(1)
	if base < 2 || base > 36 {
		c.ArgError(2, "base out of range")
	}
	s, _, _ = strings.Cut(s, "\x00")
	n, end := luanum.ParseUint(s, base)
	if end == 0 || strings.Trim(s[end:], " \t\n\v\f\r") != "" {
		return c.ReturnNil()
	}
	c.Push(vm.Number(n))
	return 1
}

func toString(c *vm.Call) int {
	c.CheckAny(1)
	if c.PushMetafield(1, "__tostring") {
		c.PushCopy(1)
		c.CallTop(1, 1)
		return 1
	}
	if c.IsStringAt(1) {
		c.PushCopy(1)
		return 1
	}
	c.DisplayAt(1)
	c.PushCopy(1)
	return 1
}

func baseError(c *vm.Call) int {
	level := c.OptInt(2, 1)
	c.SetTop(1)
	if c.IsString(1) && level > 0 {
		c.PushWhere(level)
		c.PushCopy(1)
		c.ConcatTop(2)
	}
	c.ThrowTop()
	return 0
}

func baseAssert(c *vm.Call) int {
	if c.Any(1); c.Bool(1) {
		return c.NArgs()
	}
	c.Error("%s", c.OptString(2, "assertion failed!"))
	return 0
}

func getMetatable(c *vm.Call) int {
	x := c.Any(1)
	c.Push(c.VM.RawMetatable(x))
	if !c.IsNil(c.Top()) {
		c.PushMetafield(1, "__metatable")
	}
	return 1
}

func setMetatable(c *vm.Call) int {
	t := c.Table(1)
	mt := c.Arg(2)
	if _, ok := mt.(*vm.Table); !ok && (mt != vm.Nil || c.IsNone(2)) {
		c.ArgError(2, "nil or table expected")
	}
	if c.VM.Metafield(t, "__metatable") != vm.Nil {
		c.Error("cannot change a protected metatable")
	}
	c.VM.SetMetatable(t, mt)
	c.Push(t)
	return 1
}

// function returns the function that argument 1 means: itself, or a level of the
// stack. optional says that the level may be left out.
func function(c *vm.Call, optional bool) *vm.Function {
	if fn, ok := c.Arg(1).(*vm.Function); ok {
		return fn
	}
	var level int
	if optional {
		level = c.OptInt(1, 1)
	} else {
		level = c.Int(1)
	}
	if level < 0 {
		c.ArgError(1, "level must be non-negative")
	}
	fn, ok := c.FunctionAt(level)
	if !ok {
		c.ArgError(1, "invalid level")
	}
	if fn == nil {
		c.Error("no function environment for tail call at level %d", level)
	}
	return fn
}

func getFenv(c *vm.Call) int {
	fn := function(c, true)
	if vm.IsNative(fn) {
		c.Push(c.ThreadEnv())
	} else {
		c.Push(c.VM.FunctionEnv(fn))
	}
	return 1
}

func setFenv(c *vm.Call) int {
	env := c.Table(2)
	if c.IsNumber(1) && c.Number(1) == 0 {
		c.SetThreadEnv(env)
		return 0
	}
	fn := function(c, false)
	if vm.IsNative(fn) {
		c.Error("'setfenv' cannot change environment of given object")
	}
	c.VM.SetFunctionEnv(fn, env)
	c.Push(fn)
	return 1
}

func rawEqual(c *vm.Call) int {
	c.CheckAny(1)
	c.CheckAny(2)
	return c.ReturnBool(c.EqualAt(1, 2))
}

func rawGet(c *vm.Call) int {
	t := c.Table(1)
	c.CheckAny(2)
	c.PushRaw(t, 2)
	return 1
}

func rawSet(c *vm.Call) int {
	t := c.Table(1)
	c.CheckAny(2)
	c.CheckAny(3)
	c.RawSetAt(t, 2, 3)
	c.PushTable(t)
	return 1
}

func baseNext(c *vm.Call) int {
	t := c.Table(1)
	c.SetTop(2)
	if !c.PushNext(t, 2) {
		return c.ReturnNil()
	}
	return 2
}

func pairs(c *vm.Call) int {
	c.Table(1)
	c.PushUpvalue(1)
	c.PushCopy(1)
	c.PushNil()
	return 3
}

func ipairs(c *vm.Call) int {
	c.Table(1)
	c.PushUpvalue(1)
	c.PushCopy(1)
	c.PushNumber(0)
	return 3
}

func ipairsAux(c *vm.Call) int {
	i := c.Int(2)
	t := c.Table(1)
	i++
	c.PushNumber(float64(i))
	c.PushRawInt(t, i)
	if c.IsNil(c.Top()) {
		return 0
	}
	return 2
}

func unpack(c *vm.Call) int {
	t := c.Table(1)
	first := c.OptInt(2, 1)
	last := 0
	if c.IsNoneOrNil(3) {
		last = c.VM.Len(t)
	} else {
		last = c.Int(3)
	}
	if first > last {
		return 0
	}
	n := last - first + 1
	if n > 1<<31-1 || !c.CheckStack(n) {
		c.Error("too many results to unpack")
	}
	for i := first; i <= last; i++ {
		c.PushRawInt(t, i)
	}
	return n
}

func selectArgs(c *vm.Call) int {
	n := c.NArgs()
	if c.IsStringAt(1) && strings.HasPrefix(c.String(1), "#") {
		return c.ReturnInt(n - 1)
	}
	i := c.Int(1)
	if i < 0 {
		i += n
	} else if i > n {
		i = n
	}
	if i < 1 {
		c.ArgError(1, "index out of range")
	}
	return n - i
}

// args returns the arguments from number first on.
func args(c *vm.Call, first int) []vm.Value {
	var out []vm.Value
	for i := first; i <= c.NArgs(); i++ {
		out = append(out, c.Arg(i))
	}
	return out
}

func pcall(c *vm.Call) int {
	c.CheckAny(1)
	ok := c.PCallTop(c.Top()-1, -1, 0)
	c.PushBool(ok)
	c.InsertBelow(c.Top() - 1)
	return c.Top()
}

func xpcall(c *vm.Call) int {
	c.CheckAny(2)
	c.SetTop(2)
	c.InsertBelow(1) // the handler below the function
	ok := c.PCallTop(0, -1, 1)
	c.PushBool(ok)
	c.Copy(1, c.Top())
	c.Pop(1)
	return c.Top()
}

// collectGarbage is collectgarbage with the firmware's options.
func collectGarbage(c *vm.Call) int {
	v := c.VM
	const setmemlimit, getmemlimit = 7, 8
	option := c.Option(1, "collect", "stop", "restart", "collect", "count", "step", "setpause", "setstepmul", "setmemlimit", "getmemlimit")
	value := c.OptInt(2, 0)
	result := 0
	switch option {
	case 0:
		v.StopCollector()
	case 1:
		v.RestartCollector()
	case 2:
		v.Collect()
	case 3:
		c.Push(vm.Number(float64(v.LuaBytes()) / 1024))
		return 1
	case 4:
		v.Collect()
		return c.ReturnBool(true)
	case 5, 6:
		pause, stepmul := v.GCParameters()
		if option == 5 {
			result, pause = pause, value
		} else {
			result, stepmul = stepmul, value
		}
		v.SetGCParameters(pause, stepmul)
	case setmemlimit:
		mode, _ := v.EGC()
		v.SetEGC(mode, value<<10)
	case getmemlimit:
		_, limit := v.EGC()
		result = limit >> 10 // in kilobytes, both
	}
	return c.ReturnInt(result)
}

// proxyScrap is the length of a string as big as the block of 32 bytes that the
// firmware is seen to request, and to drop at once, when a proxy gets a metatable
// (oracle: memory-snippets.json, newproxy_mt).
const proxyScrap = 15

// newProxy makes an empty userdata, with a new metatable, that of another proxy,
// or none.
func newProxy(c *vm.Call) int {
	valid, _ := c.Upvalue(1).(*vm.Table)
	arg := c.Arg(1)
	proxy := c.VM.NewProxy()
	switch {
	case arg == vm.Nil || arg == vm.False:
	case arg == vm.True:
		c.VM.ChargeString(proxyScrap)
		mt := c.VM.NewTable(0, 0)
		c.VM.SetMetatable(proxy, mt)
		c.VM.RawSet(valid, mt, vm.True)
	default:
		mt := c.VM.RawMetatable(arg)
		if mt == vm.Nil || c.VM.RawGet(valid, mt) == vm.Nil {
			c.ArgError(1, "boolean or proxy expected")
		}
		c.VM.SetMetatable(proxy, mt)
	}
	c.Push(proxy)
	return 1
}
