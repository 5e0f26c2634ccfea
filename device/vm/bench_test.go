package vm_test

import (
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// The programs of issue A: metered ("vm") against plain gopher-lua ("plain").
// The ratio of the two is what metering and accounting cost.
var programs = []struct{ name, src string }{
	{"fib", `local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end fib(22)`},
	{"tableWrites", `for k = 1, 20 do local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 1000 do t[i] = t[i] + 1 end end`},
	{"fields", `for k = 1, 20 do local t = {} for i = 1, 1000 do t.a = i t.b = t.a t.c = t.b end end`},
	{"strings", `for k = 1, 20 do local s = "" for i = 1, 300 do s = s .. "x" end end`},
	{"stringPieces", `for i = 1, 10000 do local s = "a" .. i .. "b" end`},
	{"closures", `local f for i = 1, 20000 do f = function() return i end end`},
	{"tables", `local t for i = 1, 20000 do t = {} end`},
	{"records", `local t for i = 1, 10000 do t = {id = i, name = "n", val = 3} end`},
	{"methods", `local C = {} C.__index = C function C:get() return self.x end function C:set(v) self.x = v end
		local o = setmeta({}, C) o.x = 1 for i = 1, 20000 do o:set(o:get() + 1) end`},
}

func setmeta(L *lua.LState) int {
	L.Get(1).(*lua.LTable).Metatable = L.Get(2)
	L.SetTop(1)
	return 1
}

// openSetmeta gives v the same function.
func openSetmeta(v *vm.VM) {
	v.SetField(v.ROMGlobals(), "setmeta", v.NewFunction(vm.Func{Name: "setmeta", Fn: func(c *vm.Call) int {
		c.VM.SetMetatable(c.Arg(1), c.Arg(2))
		c.SetTop(1)
		return 1
	}}))
}

func BenchmarkPlain(b *testing.B) {
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			L := lua.NewState()
			defer L.Close()
			L.SetGlobal("setmeta", L.NewFunction(setmeta))
			fn, err := L.LoadString(p.src)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				L.Push(fn)
				L.Call(0, 0)
			}
		})
	}
}

func BenchmarkVM(b *testing.B) {
	benchPrograms(b, func() *vm.VM { return vm.New(vm.Config{SliceNanos: 1e15}) })
}

// benchPrograms runs each program on a new VM.
func benchPrograms(b *testing.B, newVM func() *vm.VM) {
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			v := newVM()
			openLibs(v)
			openSetmeta(v)
			fn, err := v.Load([]byte(p.src), "=bench")
			if err != nil {
				b.Fatal(err)
			}
			r := v.Ref(fn, "benchmark")
			for b.Loop() {
				if _, lerr, _ := v.Call(v.Deref(r), 0); lerr != nil {
					b.Fatal(lerr)
				}
			}
		})
	}
}
