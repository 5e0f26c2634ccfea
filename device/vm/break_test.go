package vm_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// A finalizer may do to the collector what any program may.
func TestFinalizersThatCollect(t *testing.T) {
	const drop = `
		local function drop(f) local p = newproxy(true) getmetatable(p).__gc = f end
		local function deep(n) if n > 0 then return 1 + deep(n - 1) end return 0 end
		local function use() local t = {} for i = 1, 40 do t[i] = {i} t["k" .. i] = "v" .. i end return t end
	`
	for _, body := range []string{
		`collectgarbage("restart") kept = use() collectgarbage()`,
		`pcall(error, "x") kept = use() collectgarbage()`,
		`pcall(error, "x") kept = use() deep(100)`,
		`collectgarbage("restart") n = n + 1 if n < 20 then drop(finalizer) drop(finalizer) end use() deep(n * 10)`,
		`collectgarbage("restart") use() deep(150) error("from the finalizer")`,
		`pcall(error, "x") collectgarbage("stop") use()`,
		`node.egc.setmode(n % 2 == 0 and 4 or 1) n = n + 1 collectgarbage("restart") use()`,
		`load(function() collectgarbage("restart") use() return nil end)`,
		`n = n + 1 local f = loadstring("return {" .. n .. ", 'a' .. " .. n .. "}") kept = f()`,
		`local co = coroutine.wrap(function(a) local b = {} kept = function() return a, b end coroutine.yield(use()) error("x") end) co({}) pcall(co)`,
		`string.rep("x", 300) ("x"):gsub(".", function() collectgarbage("restart") use() end) table.sort(use(), function(a, b) return tostring(a) < tostring(b) end)`,
	} {
		for _, m := range collectorModes {
			for _, size := range []int{0} {
				b := newBench(t, heap.New(heap.Config{Size: size}))
				b.v.SetEGC(m.mode, m.limit)
				src := drop + `n = 0 function finalizer() ` + strings.ReplaceAll(body, "drop", "drop_") + ` end drop_ = drop
					for i = 1, 30 do drop(finalizer) pcall(use) pcall(deep, i * 5) end n = 1000 finalizer = nil collectgarbage("restart")`
				for range 2 {
					fn, err := b.v.Load([]byte(src), "=s")
					if err != nil {
						t.Fatal(err)
					}
					_, lerr, _ := b.v.Call(fn, 0)
					if lerr != nil {
						noGo(t, body, lerr.Message())
					}
					b.v.SetEGC(heap.EGCAlways, 0)
					b.v.RestartCollector()
					for range 5 {
						collectIdle(b.v)
					}
					if problem := b.v.CheckAccount(); problem != "" {
						t.Errorf("%s, %s: %s", body, m.name, problem)
					}
				}
			}
		}
	}
}

// collectIdle collects while Lua is idle, as native code that allocates does.
func collectIdle(v *vm.VM) { v.Collect() }

// A frame has its room although its stack may shrink when the list of calls grows.
func TestLargeFrames(t *testing.T) {
	b := newBench(t, heap.New(heap.Config{Size: 1 << 17}))
	got := b.runs(`
		function g(...) return 1 end
		function s(a, ...) local b = g(a, {}) return b end
		f = loadstring("return g(" .. string.rep("1, ", 200) .. "s(3), (s(4)))")
		function old(a, ...) return f() end
		function d(n) if n > 0 then return (d(n - 1)) end return (f()) end
		function o(n) if n > 0 then return (o(n - 1)) end return (old()) end
		local n = 0
		for i = 0, 40 do n = n + coroutine.wrap(d)(i) + coroutine.wrap(o)(i) + d(i) + o(i) end
		print(n)`)
	if got != "164\n" {
		t.Error(got)
	}
}

// runs runs a chunk and returns what it printed and how it ended.
func (b *bench) runs(src string) string {
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		return "load: " + err.Error()
	}
	_, lerr, kill := b.v.Call(fn, 0)
	if lerr != nil {
		return b.out.String() + "error: " + lerr.Message()
	}
	if kill != nil {
		return b.out.String() + "killed"
	}
	return b.out.String()
}

// The registry is the script's to write.
func TestReferencesInASpoiltRegistry(t *testing.T) {
	for _, spoil := range []string{
		`r[0] = 1e9`, `r[0] = -1`, `r[0] = 0/0`, `r[0] = 2^31`, `r[0] = 1e300`, `r[0] = "3"`, `r[0] = {}`, `r[0] = nil`,
		`r[0] = 1`, `r[0] = 2`, `r[0] = 0.5`, `for i = 0, 40 do r[i] = nil end`, `for k in pairs(r) do r[k] = nil end`,
		`for i = 0, 40 do r[i] = i end`, `for i = 0, 40 do r[i] = i + 1 end`, `for i = 1, 300 do r[i] = true end`,
		`setmetatable(r, {__mode = "kv"})`, `setmetatable(r, {__index = error, __newindex = error})`,
	} {
		b := newBench(t, heap.New(heap.Config{Size: 1 << 17}))
		extras(b)
		src := `local r = debug.getregistry()
			for i = 1, 4 do test.setref(i, {i}) end test.unref(2) test.unref(3)
			` + spoil + `
			for round = 1, 3 do
				for i = 0, 7 do test.setref(i, {i}) end
				for i = 7, 0, -1 do test.deref(i) test.unref(i) end
				for i = 0, 7 do test.setref(i, print) test.setref(i, "x" .. i) test.deref(i) end
				for i = 0, 7 do test.unref(i) end
			end`
		before := hostHeap()
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: host panic: %v", spoil, p)
				}
			}()
			noGo(t, spoil, b.runs(src))
			b.v.Collect()
		}()
		if grown := hostHeap() - before; grown > 8<<20 {
			t.Errorf("%s: the host holds %d bytes more", spoil, grown)
		}
	}
}

// A finalizer that runs while Lua is idle may be killed, or fail.
func TestIdleFinalizers(t *testing.T) {
	for _, body := range []string{`while true do end`, `test.kill()`, `error("x")`, `local function f() return f() + 1 end f()`,
		`pcall(function() while true do end end)`, `coroutine.wrap(function() while true do end end)()`, `local t = {} while true do t = {t} end`,
		`local s = "x" while true do s = s .. s end`, `coroutine.yield()`} {
		b := newBounded(1<<16, 20000)
		b.v.OpenModule("test", []vm.Func{{Name: "kill", Fn: func(c *vm.Call) int { b.v.Kill("test"); return 0 }}}, nil)
		if got := b.run(`local p = newproxy(true) getmetatable(p).__gc = function() ` + body + ` end`); got != "" {
			t.Error(got)
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: host panic: %v", body, p)
				}
			}()
			b.until = b.v.CPU() + b.limit*1000
			collectIdle(b.v)
			b.v.Collect()
		}()
		if got := b.run(`local t = {} for i = 1, 20 do t[i] = {i} end print(#t)`); got != "20" {
			t.Errorf("%s: then %s", body, got)
		}
		b.v.Collect()
		b.v.Collect()
		if problem := b.v.CheckAccount(); problem != "" {
			t.Errorf("%s: %s", body, problem)
		}
	}
}
