package vm_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
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

// everything are programs that between them do what a kill, or memory that runs out,
// may come upon anywhere.
var everything = []struct{ name, src string }{
	{"pcall", `for i = 1, 4 do kept = {pcall(function(...) local x = {...} kept2 = function() return x end error({x, "e" .. i}) end, 1, {}, "a")} end
		kept3 = {xpcall(function() local y = {} setter = function(v) y = v end local z = nil + 1 end, function(m) local t = {m} return debug.traceback(m) end)}`},
	{"coroutines", `co = coroutine.create(function(a) local b = {a} getter = function() return a, b end
			local inner = coroutine.wrap(function(x) local y = {x} setter = function(v) y = v end coroutine.yield(y) error({y}) end)
			inner({}) kept = inner for i = 1, 3 do a = coroutine.yield({i, b}) end pcall(inner) error(b) end)
		for i = 1, 5 do coroutine.resume(co, {i}) end wrapped = coroutine.wrap(function() while true do coroutine.yield(getter()) end end) wrapped() wrapped()`},
	{"metamethods", `local mt = {} for _, e in ipairs({"add", "sub", "mul", "div", "mod", "pow", "unm", "len", "lt", "le", "eq", "concat", "call", "index"}) do
			mt["__" .. e] = function(a, b) local t = {a, b} kept = t return e .. #t end end
		mt.__newindex = function(t, k, v) rawset(t, k, {v}) end
		local a, b = setmetatable({}, mt), setmetatable({}, mt)
		local x = a + b x = a - 1 x = 2 * a x = a / b x = a % b x = a ^ b x = -a x = a < b x = a <= b x = a == b x = a .. b x = "s" .. a x = a(1, 2) x = a.field a.new = {} kept2 = a`},
	{"sort", `local l = {} for i = 1, 12 do l[i] = (i * 7) % 11 end table.sort(l, function(a, b) local t = {a, b} return t[1] < t[2] end) kept = l
		local s = {} for i = 1, 9 do s[i] = "s" .. (i * 5) % 9 end table.sort(s) kept2 = s table.sort(l)`},
	{"strings", `kept = ("hello world"):gsub("(%w)(%w)", function(a, b) local t = {b, a} return t[1] .. t[2] end) kept2 = ("x"):rep(600, "") local t = {}
		for a, b in ("k=v, l=w"):gmatch("(%w)=(%w)") do t[a] = b .. a end kept3 = table.concat(t, ",") .. string.format("%q %s %5.1f", kept, kept2:sub(1, 9), 1.5)`},
	{"finalizers", `for i = 1, 4 do local p = newproxy(true) getmetatable(p).__gc = function(o) local t = {o} kept = t n = (n or 0) + 1 if i == 3 then error("gc") end
			local s = "" for j = 1, 4 do s = s .. j end end p = nil pcall(function() local x = {{}} x = "s" .. i end) end collectgarbage() local o = test.object(20) o = nil collectgarbage()`},
	{"load", `local i = 0 kept = load(function() i = i + 1 local t = {i} return ({"local a = ", "{1, 2, 'x' ..", " 3} function glob", "al(...) return ... end ", " return a"})[i] end)
		kept2 = kept and kept() kept3 = loadstring("return function(a, b) local c = a + b return c, 'str' end") local d = kept3 and string.dump(kept3) kept4 = d and loadstring(d) and loadstring(d)()`},
	{"tables", `T = T or {} for i = 1, 20 do T[i] = {i} T["k" .. i] = "v" .. i end for i = 1, 20 do if i % 3 > 0 then T[i] = nil T["k" .. i] = nil end end for i = 1, 9 do T[i .. "n"] = i end
		for k, v in pairs(T) do T[k] = nil end table.insert(T, {}) table.insert(T, 1, {}) kept = {unpack({1, {}, "a"})} W = setmetatable({{}, {}}, {__mode = "v"}) W[3] = {}`},
	{"varargs", `local function va(...) local a, b = ... local t = {...} return select("#", ...), t, ... end local function old(a, ...) return arg, ... end
		kept = {va(1, {}, va({}, "x", old(1, {}, 3)))} local function deep(n, ...) if n > 0 then return 1 + deep(n - 1, n, ...) end return 0 end kept2 = deep(20)`},
}

// aftermath uses what everything has left behind.
const aftermath = `
	local function try(f, ...) if type(f) == "function" then pcall(f, ...) elseif type(f) == "thread" then debug.traceback(f) coroutine.resume(f, ...) coroutine.status(f) end end
	for round = 1, 2 do
		for _, name in ipairs({"kept", "kept2", "kept3", "kept4", "co", "getter", "setter", "wrapped", "global"}) do
			local x = _G[name] try(x, {round}) if type(x) == "table" then for k, v in pairs(x) do try(v, k) end end
		end
		for i = 1, 30 do local t = {i} t = "after" .. i end
	end
	for k, v in pairs(T or {}) do T[k] = nil T[k] = {v} end print(debug.traceback("end"))
	local p = newproxy(true) p = nil print(pcall(function() error({}) end))`

// long says that tests take the minutes that they need to try everything (VM_SEEDS is
// set, see seeds).
func long() bool { return os.Getenv("VM_SEEDS") != "" }

// A kill at any instruction, and at any step of a function of the firmware, leaves a VM
// that goes on, whose account adds up, and that collects as it would in full.
func TestKillsAnywhere(t *testing.T) {
	every := 3
	if long() {
		every = 1
	}
	for _, p := range everything {
		killed := true
		for at := 1; killed; at += every {
			var layouts [2]string
			for i, quick := range []bool{true, false} {
				b := newBench(t, nil)
				layouts[i], killed = b.killedAt(t, at, quick, p.name, p.src)
			}
			if layouts[0] != layouts[1] {
				t.Fatalf("%s killed at step %d: %s, in full %s", p.name, at, layouts[0], layouts[1])
			}
		}
	}
}

func (b *bench) killedAt(t *testing.T, at int, quick bool, name, src string) (layout string, killed bool) {
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s killed at step %d, quick %v: host panic: %v", name, at, quick, p)
		}
	}()
	n := 0
	b.slice = func() {
		if n++; n == at {
			b.v.Kill("test")
		}
	}
	extras(b)
	b.v.SetQuick(quick)
	if at%4 == 0 { // else the default
		m := collectorModes[at/4%len(collectorModes)]
		b.v.SetEGC(m.mode, m.limit)
	}
	b.v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000})
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		t.Fatal(err)
	}
	n = 0
	_, _, kill := b.v.Call(fn, 0)
	b.slice = nil
	if end := b.runs(aftermath); strings.Contains(end, "killed") || strings.Contains(end, "error: ") && !strings.Contains(end, "gc") {
		t.Fatalf("%s killed at step %d: then %s", name, at, end)
	}
	noGo(t, name, b.out.String())
	layout = b.v.Layout()
	b.v.RestartCollector()
	for range 4 {
		b.v.Collect()
	}
	if problem := b.v.CheckAccount(); problem != "" {
		t.Fatalf("%s killed at step %d: %s", name, at, problem)
	}
	return layout + ", then " + b.v.Layout(), kill != nil
}

// Memory that runs out at any request does the same.
func TestOutOfMemoryAnywhere(t *testing.T) {
	step, layouts := 200, []heap.Layout{heap.SDK16}
	if long() {
		step, layouts = 16, []heap.Layout{heap.SDK16, heap.SDK8, heap.Ideal}
	}
	for _, l := range layouts {
		_, total := heap.BootLengths(l)
		for i, p := range everything {
			for room := 900 + i; room < 9000; room += step {
				m := collectorModes[0]
				if room%3 == 0 {
					m = collectorModes[room%len(collectorModes)]
				}
				_, _, problem := twice(t, heap.Config{Layout: l, Size: total + room}, []string{p.src, p.src, aftermath, p.src}, func(b *bench) { b.v.SetEGC(m.mode, m.limit) })
				if problem != "" {
					t.Fatalf("%s, %v with %d bytes of room: %s", p.name, l, room, problem)
				}
			}
		}
	}
}

// What leads from one function to the next by way of the firmware ends with an error
// of Lua's, in whatever way it is nested, on whatever stack.
func TestDeepRecursion(t *testing.T) {
	ways := []string{
		`setmetatable({}, {__index = function(t, k) return f() end}).x`, `setmetatable({}, {__call = function() return (f()) end})()`,
		`setmetatable({}, {__concat = function() return f() end}) .. "x"`, `setmetatable({}, {__eq = function() return f() end})`,
		`setmetatable({}, M) < setmetatable({}, M)`, `setmetatable({}, M) <= setmetatable({}, M)`, `setmetatable({}, M) == setmetatable({}, M)`,
		`-setmetatable({}, M)`, `setmetatable({}, M) + 1`, `2 ^ setmetatable({}, M)`, `#newproxy(P)`, `P.x`, `tostring(setmetatable({}, M))`,
		`rawset(setmetatable({}, M), "x", 1).y`, `(function() setmetatable({}, M).x = 1 end)()`, `coroutine.wrap(function() return f() end)()`,
		`select(2, coroutine.resume(coroutine.create(f)))`, `pcall(f)`, `xpcall(f, f)`, `xpcall(error, f)`, `table.sort({3, 2, 1}, f)`, `("x"):gsub(".", f)`,
		`("x"):gsub(".", setmetatable({}, M))`, `loadstring("return f()")()`, `load(f)`, `table.foreach({1}, f)`, `table.foreachi({1}, f)`,
		`(function() local p = newproxy(true) getmetatable(p).__gc = f p = nil collectgarbage() end)()`, `dofile("f.lua")`, `require("m" .. tostring({}))`, `unpack({f()})`,
		`(function() for x in f do end end)()`, `string.format("%s", setmetatable({}, M))`, `print(setmetatable({}, M))`, `assert(f())`, `setfenv(f, setmetatable({f = f, M = M}, {__index = _G}))()`,
	}
	for i, way := range ways {
		others := []string{way}
		if long() {
			others = append(ways, way)
		}
		for _, other := range append(others, ways[(i*7+3)%len(ways)]) {
			b := newBounded(1<<18, 1e5)
			b.files["f.lua"] = "return f()"
			got := b.run(`
				local n = 0
				M, P = {}, newproxy(true)
				for _, e in ipairs({"add", "pow", "unm", "lt", "le", "eq", "concat", "call", "index", "newindex", "tostring", "len"}) do M["__" .. e] = function() return f() end getmetatable(P)["__" .. e] = M["__" .. e] end
				function f() n = n + 1 if n % 2 == 0 then local x = ` + way + ` return x else local x = ` + other + ` return x end end
				setmetatable(package.preload, {__index = function(t, k) return f end})
				for i = 1, 3 do pcall(f) n = i end f() `)
			if strings.Contains(got, "host panic") {
				t.Errorf("%s and %s: %s", way, other, got)
			}
			noGo(t, way, got)
			b.v.SetEGC(heap.EGCAlways, 0)
			b.v.RestartCollector()
			b.v.Collect()
			if got := b.run(`f = nil M = nil P = nil setmetatable(package.preload, nil) for i = 1, 3 do pcall(collectgarbage) end print(1)`); !strings.HasSuffix(got, "1") {
				t.Errorf("%s and %s: then %s", way, other, got)
			}
			for range 4 {
				b.v.Collect()
			}
			if problem := b.v.CheckAccount(); problem != "" {
				t.Errorf("%s and %s: %s", way, other, problem)
			}
		}
	}
}

// Chunks that nobody has compiled are collected as they would be in full, in coroutines
// and with finalizers, too, and end well in all modes of the collector.
func TestMutatedChunksAreCollected(t *testing.T) {
	b := newBounded(1<<20, chunkMicros)
	b.v.KeepDebug(vm.KeepNothing)
	var chunks []string
	for _, p := range everything {
		fn, err := b.v.Load([]byte(p.src), "=s")
		if err != nil {
			t.Fatal(err)
		}
		chunk, _ := vm.Dump(fn, true)
		chunks = append(chunks, string(chunk))
	}
	chunks = append(chunks, dumpAll(t, everyInstruction)...)
	const use = `
		local f = ...
		for i = 1, 2 do
			pcall(chunk, {1}, "two", {3}) for i = 1, 9 do local x = {i} x = "c" .. i end
			local co = coroutine.create(chunk) for i = 1, 3 do coroutine.resume(co, {i}, print) kept = {co} x = "d" .. i end
		end`
	first, end := seeds(t, 1)
	n := 600
	if long() {
		n = 20000
	}
	for seed := first; seed < end; seed++ {
		i := 0
		mutants(chunks, seed, n, func(chunk string) {
			if i++; t.Failed() {
				return
			}
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("host panic: %v: %q", p, chunk)
				}
			}()
			_, _, problem := twice(t, heap.Config{Layout: []heap.Layout{heap.SDK16, heap.Ideal}[i%2]}, []string{use, aftermath}, func(b *bench) {
				b.v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000})
				steps := 0
				b.slice = func() {
					if steps++; steps%4000 == 0 {
						b.v.Kill("test")
					}
				}
				if i%3 == 2 {
					m := collectorModes[i%len(collectorModes)]
					b.v.SetEGC(m.mode, m.limit)
				}
				if fn, err := b.v.Load([]byte(chunk), "=s"); err == nil {
					b.v.SetField(b.v.Globals(), "chunk", fn)
				}
			})
			if problem != "" {
				t.Errorf("mutant %d: %s: %q", i, problem, chunk)
			}
		})
	}
}

// Every operation on operands of every type, in registers, constants, upvalues and
// globals, ends with a value or an error of Lua's.
func TestOperandsOfEveryType(t *testing.T) {
	values := []string{"nil", "true", "1", "-0.5", "1/0", "0/0", "'s'", "'10'", "''", "{}", "setmetatable({}, {})", "print", "string", "function() end",
		"coroutine.create(function() end)", "newproxy()", "newproxy(true)", "setmetatable({}, M)", "test.object()"}
	binary := []string{"a + b", "a - b", "a * b", "a / b", "a % b", "a ^ b", "a .. b", "a .. 1 .. b", "a < b", "a <= b", "a == b", "a ~= b", "a[b]", "a(b)", "a:m(b)", "a and b", "a or b",
		"(function() a[b] = b end)()", "(function() a.x = b end)()", "(function() a[1] = b end)()", "(function() for i = a, b do break end end)()", "(function() for i = 1, a, b do break end end)()",
		"(function() for k in a, b do break end end)()", "(function(...) return arg, ... end)(a, b)", "setmetatable(a, b)", "setfenv(function() return x end, b)()", "rawset(a, b, b)", "next(a, b)", "pcall(a, b)", "xpcall(a, b)",
		"coroutine.resume(a, b)", "coroutine.wrap(a)(b)", "table.sort(a, b)", "table.concat(a, b)", "string.rep(a, b)", "('x'):gsub(a, b)", "('x'):gsub('x', b)", "error(a, b)", "load(a, b)", "loadstring(a, b)",
		"select(a, b)", "unpack(a, b)", "tostring(a)", "tonumber(a, b)", "debug.traceback(a, b)", "string.dump(a, b)", "table.insert(a, b)", "table.remove(a, b)", "getfenv(a)", "collectgarbage(a, b)", "require(a)", "newproxy(a)"}
	unary := []string{"-a", "#a", "not a", "a.x.y", "a()", "a:m()", "{a, [a] = a}", "(function() x = a end)()", "(function() a = a.x end)()", "{a()}", "(a)()()"}
	b := newBench(t, heap.New(heap.Config{Size: 1 << 17}))
	extras(b)
	for _, op := range append(binary, unary...) {
		for i, x := range values {
			src := "M = {} for _, e in ipairs({'add', 'lt', 'le', 'eq', 'concat', 'call', 'index', 'newindex', 'unm', 'len'}) do M['__' .. e] = function() return 1 end end local function try(...) pcall(...) end\n"
			for j, y := range values {
				if i != j && !strings.Contains(op, "b") {
					continue
				}
				src += "do local a, b = " + x + ", " + y + " try(function() return " + op + " end) try(function(a, b) return " + op + " end, a, b) end\n"
				src += "x = " + x + " y = " + y + " try(function() local a = x local b = y return (" + op + ") end)\n"
				if i < 9 && j < 9 && !strings.Contains(op, "function") {
					src += "try(function() local o = {} return " + strings.NewReplacer("a", "("+x+")", "b", "("+y+")").Replace(firstOf(op)) + " end)\n"
				}
			}
			b.out.Reset()
			got := b.runs(src)
			if strings.HasPrefix(got, "load") || strings.Contains(got, "error: ") {
				t.Fatalf("%s of %s: %s", op, x, got)
			}
			noGo(t, op, got)
		}
		b.v.SetEGC(heap.EGCAlways, 0)
		b.v.RestartCollector()
		b.v.Collect()
		b.v.Collect()
		if problem := b.v.CheckAccount(); problem != "" {
			t.Fatalf("%s: %s", op, problem)
		}
	}
}

// firstOf is op if a and b in it are nothing but operands.
func firstOf(op string) string {
	if strings.Trim(op, "ab +-*/%^.<>=~#[]()") != "" || strings.Contains(op, "a(") || strings.Contains(op, "a[") {
		return "1"
	}
	return op
}

// A register that a closure has, above the arguments of a call: no compiler puts one there.
func TestCapturedAboveTheTop(t *testing.T) {
	type in = luac.Instruction
	chunk := craft(
		in{Op: luac.NewTable, A: 8}, in{Op: luac.Closure, A: 1}, in{Op: luac.Move, B: 8}, in{Op: luac.SetGlobal, A: 1, B: 4},
		in{Op: luac.GetGlobal, A: 2, B: 0}, in{Op: luac.Call, A: 2, B: 1, C: 1},
		in{Op: luac.GetGlobal, A: 2, B: 4}, in{Op: luac.Call, A: 2, B: 1, C: 3}, in{Op: luac.Return, A: 2, B: 2})
	const src = `x = work for i = 1, 20 do local x = {i} end %s`
	for _, use := range []string{`chunk() chunk()`, `coroutine.wrap(chunk)()`, `local t = {} for i = 1, 60 do t = {} end chunk()`} {
		_, _, problem := twice(t, heap.Config{}, []string{strings.Replace(src, "%s", use, 1)}, func(b *bench) {
			b.v.SetField(b.v.ROMGlobals(), "work", b.v.NewFunction(vm.Func{Name: "work", Fn: func(c *vm.Call) int {
				for range 4 {
					c.PushString("work")
					c.VM.Collect()
				}
				return 0
			}}))
			fn, err := b.v.Load([]byte(chunk), "=s")
			if err != nil {
				t.Fatal(err)
			}
			b.v.SetField(b.v.Globals(), "chunk", fn)
		})
		if problem != "" {
			t.Errorf("%s: %s", use, problem)
		}
	}
}

// Nothing that a program can reach in flash can be changed, on whatever way.
func TestFlashIsReadOnly(t *testing.T) {
	for _, src := range []string{
		`math.x = 1`, `rawset(math, "x", 1)`, `rawset(math, 1, {})`, `rawset(math, {}, 1)`, `package.seeall(math)`, `setmetatable(math, {})`, `setmetatable(string, nil)`,
		`package.preload.x = function() end debug.getregistry()._LOADED = math require("x")`,
		`debug.getregistry()._LOADED = string module("x")`, `debug.getregistry()._LOADED = {x = math} module("x")`,
		`module("string.y")`, `module("string.y.z", package.seeall)`, `a = math module("a.b")`, `setfenv(0, math) module("q")`,
		`table.insert(math, 1)`, `table.insert(string, {})`, `table.sort(math)`, `table.setn(math, 3)`,
		`local t = setmetatable({}, {__newindex = math}) t.x = 1`, `local p = newproxy(true) getmetatable(p).__newindex = math p.x = {}`,
		`("x").y = 1`, `getmetatable("x").__index = 1`, `getmetatable("x").y = {}`, `setfenv(1, math) x = 1`, `for k in pairs(string) do string[k] = nil end`,
	} {
		b := newBench(t, heap.New(heap.Config{Size: 1 << 17}))
		was := flashOf(b.v)
		got := b.runs(src)
		for _, harmless := range []string{"table.s", `module("string`, "package.seeall", "setmetatable"} { // do nothing, or make a global of that name
			if strings.HasPrefix(src, harmless) {
				got = "error: none"
			}
		}
		if !strings.HasPrefix(got, "error: ") {
			t.Errorf("%s: %q", src, got)
		}
		if now := flashOf(b.v); now != was {
			t.Errorf("%s changed a table in flash: %s", src, now)
		}
		b.v.Collect()
	}
}

// flashOf writes out tables in flash.
func flashOf(v *vm.VM) string {
	s := ""
	for _, name := range []string{"math", "string", "table"} {
		t := v.RawGetString(v.ROMGlobals(), name).(*vm.Table)
		for k, x, _ := v.RawNext(t, vm.Nil); k != vm.Nil; k, x, _ = v.RawNext(t, k) {
			s += fmt.Sprint(name, k, v.TypeName(x), v.Address(x), "\n")
		}
		s += v.TypeName(v.RawMetatable(t)) + "\n"
	}
	return s
}

// A finalizer that runs while a chunk is loaded and Lua is idle leaves the loading as
// protected as it was.
func TestFinalizersWhileLoading(t *testing.T) {
	long := []byte("return {" + strings.Repeat("{},", 8000) + "}")
	ran := 0
	for n := range 60 {
		b := newBench(t, heap.New(heap.Config{}))
		b.v.SetEGC(heap.EGCNotActive, 0)
		b.v.SetGCParameters(heap.GCPause, 0) // whole cycles
		b.runs(`for i = 1, 3 do local p = newproxy(true) getmetatable(p).__gc = function() ran = true end end`)
		for i := range n * 4 {
			b.v.SetField(b.v.Globals(), fmt.Sprint("name", i), vm.True)
		}
		before := b.v.RawGetString(b.v.Globals(), "ran")
		if _, err := b.v.Load(long, "=long"); err == nil || err.Error() != vm.OutOfMemory {
			t.Fatalf("%d: %v", n, err)
		}
		if before == vm.Nil && b.v.RawGetString(b.v.Globals(), "ran") == vm.True {
			ran++
		}
		if got := b.runs(`print(pcall(string.rep, "x", 1e6))`); got != "false\tnot enough memory\n" {
			t.Errorf("%d: then %s", n, got)
		}
	}
	if ran == 0 {
		t.Error("no finalizer has run while a chunk was loaded")
	}
}

// What a function of the firmware holds in a Go variable lives until it is done, whatever
// a finalizer does meanwhile.
func TestTablesHeldByTheFirmware(t *testing.T) {
	for _, src := range []string{`
		local function go() module("a.b") end
		local _G, print, pairs = _G, print, pairs;
		(function() a = {x = 1} P = newproxy(true) getmetatable(P).__gc = function() _G.a = nil end end)()
		for i = 1, 20 do local x = {i} x = "s" .. i end
		P = nil go()
		local keep = {} for i = 1, 80 do local t = {} keep[i] = t for k, v in pairs(t) do print("new table has", k, v) end end`, `
		(function() T = setmetatable({}, {}) P = newproxy(true)
			getmetatable(P).__gc = function() setmetatable(T, nil) pcall(error) local x = {} x = {} x = {1} end end)()
		for i = 1, 20 do local x = {i} x = "s" .. i end
		P = nil package.seeall(T)
		local keep = {} for i = 1, 80 do local t = {} keep[i] = t for k, v in pairs(t) do print("new table has", k, v) end end`,
	} {
		for _, q := range []bool{true, false} {
			b := newBench(t, heap.New(heap.Config{Size: 1 << 20}))
			b.v.SetQuick(q)
			if got := b.runs(src); got != "" {
				t.Error(q, got)
			}
			if p := b.v.CheckAccount(); p != "" {
				t.Error(q, p)
			}
		}
	}
}
