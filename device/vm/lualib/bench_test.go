package lualib_test

import (
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// What library calls cost, against gopher-lua's own libraries.
var programs = []struct{ name, src string }{
	{"pcall", `local f = function() return 1 end for i = 1, 2000 do pcall(f) end`},
	{"pcallError", `for i = 1, 500 do pcall(error, "e") end`},
	{"format", `for i = 1, 2000 do local s = string.format("%d %5.2f %s %x", i, i / 3, "abc", i) end`},
	{"match", `for i = 1, 2000 do local k, v = ("  key = value "):match("^%s*(%w+)%s*=%s*(%w+)") end`},
	{"gsub", `for i = 1, 500 do local s = ("hello world from lua"):gsub("%w+", "<%0>") end`},
	{"sub", `local s = "hello world" for i = 1, 5000 do local x = s:sub(2, 5) end`},
	{"insert", `local t = {} for i = 1, 500 do table.insert(t, i) end for i = 1, 500 do table.remove(t) end`},
	{"concat", `local t = {} for i = 1, 200 do t[i] = "piece" end for i = 1, 20 do local s = table.concat(t, ",") end`},
	{"sort", `for k = 1, 5 do local t = {} for i = 1, 200 do t[i] = (i * 7919) % 1009 end table.sort(t) end`},
	{"ipairs", `local t = {} for i = 1, 200 do t[i] = i end for k = 1, 20 do for i, v in ipairs(t) do local x = v end end`},
	{"pairs", `local t = {} for i = 1, 100 do t["k" .. i] = i end for k = 1, 20 do for i, v in pairs(t) do local x = v end end`},
	{"length", `local t = {} for i = 1, 500 do t[#t + 1] = i end`},
	{"coroutine", `local f = coroutine.wrap(function() while true do coroutine.yield() end end) for i = 1, 2000 do f() end`},
}

func BenchmarkPlain(b *testing.B) {
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			L := lua.NewState()
			defer L.Close()
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
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			v := vm.New(vm.Config{SliceNanos: 1e15})
			lualib.Open(v)
			fn, err := v.Load([]byte(p.src), "=bench")
			if err != nil {
				b.Fatal(err)
			}
			r := v.Ref(fn, "benchmark")
			for b.Loop() {
				if _, lerr, kill := v.Call(v.Deref(r), 0); lerr != nil || kill != nil {
					b.Fatal(lerr, kill)
				}
			}
		})
	}
}
