package vm_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// churn are programs that make and drop keys and values: f is called over and over, and
// does a thousand operations on tables each time. What the script sees is bounded; so
// must be what the host holds for it.
var churn = []struct{ name, src string }{
	{"numbers that go up", `local q, n = {}, 1 function f() for i = 1, 500 do q[n] = 1 q[n - 5] = nil n = n + 1 end end`},
	{"numbers that go down", `local q, n = {}, 0 function f() for i = 1, 500 do q[n] = 1 q[n + 5] = nil n = n - 1 end end`},
	{"fractions", `local t, n = {}, 0 function f() for i = 1, 500 do n = n + 1.5 t[n] = 1 t[n] = nil end end`},
	{"objects", `local t = {} function f() for i = 1, 500 do local k = {} t[k] = 1 t[k] = nil end end`},
	{"objects that stay for a while", `local t, ring, n = {}, {}, 0 function f() for i = 1, 250 do local k = {} n = n % 20 + 1 if ring[n] then t[ring[n]] = nil end ring[n] = k t[k] = i end end`},
	{"functions", `local t = {} function f() for i = 1, 500 do local k = function() return i end t[k] = k t[k] = nil end end`},
	{"strings", `local t, n = {}, 0 function f() for i = 1, 500 do n = n + 1 local k = "k" .. n t[k] = k t[k] = nil end end`},
	{"coroutines", `local t = {} function f() for i = 1, 50 do local k = coroutine.create(function() coroutine.yield() end) coroutine.resume(k) t[k] = i t[k] = nil for j = 1, 18 do t[j] = j end end end`},
	{"userdata", `local t = {} function f() for i = 1, 500 do local k = newproxy() t[k] = i t[k] = nil end end`},
	{"weak keys", `local t = setmetatable({}, {__mode = "k"}) function f() for i = 1, 1000 do t[{}] = i end end`},
	{"weak values", `local t, n = setmetatable({}, {__mode = "v"}), 0 function f() for i = 1, 100 do n = n + 1 t[n] = {} end end`},
	{"a queue", `local q = {} function f() for i = 1, 500 do table.insert(q, {}) if #q > 10 then table.remove(q, 1) end end end`},
	{"new tables", `function f() for i = 1, 250 do local t = {1, 2} t.x = {} t.y = t end end`},
	{"globals", `n = 0 function f() for i = 1, 500 do n = n + 1 _G["g" .. n] = 1 _G["g" .. n] = nil end end`},
	{"errors", `local t = {} function f() for i = 1, 300 do local ok, e = pcall(error, {i}) t[e] = ok t[e] = nil end end`},
	{"code", `local t = {} function f() for i = 1, 100 do local k = loadstring("local a = ... return function() return a, " .. i .. " end") t[k] = k(1) t[k] = nil for j = 1, 8 do t[j] = j end end end`},
}

// churnFor calls a program's f and returns what the host holds more at the end than
// after the first calls.
func churnFor(t testing.TB, src string, mode, calls int) int64 {
	t.Helper()
	b := newBounded(48<<10, 1e6)
	b.v.SetEGC(mode, 0)
	if got := b.run(src); got != "" {
		t.Fatal(got)
	}
	f := b.v.RawGetString(b.v.Globals(), "f")
	call := func(n int) {
		for range n {
			if end := b.call(f); end != "" {
				t.Fatal(end)
			}
		}
	}
	call(20)
	before := hostHeap()
	call(calls)
	grown := hostHeap() - before
	runtime.KeepAlive(b)
	return grown
}

// The short form of TestSoakTables: 200 calls, of which a leak of 16 bytes a key would
// leave more than a megabyte; what garbage the device's 48 KB hold takes less.
func TestHostMemoryIsFlat(t *testing.T) {
	for _, p := range churn {
		for _, mode := range []int{heap.EGCAlways, heap.EGCNotActive} {
			if n := churnFor(t, p.src, mode, 200); n > 1<<20 {
				t.Errorf("%s, mode %d: the host holds %d bytes more after 200 calls", p.name, mode, n)
			}
		}
	}
}

// What a script can do for ever costs the host, for an instruction of the device's, a
// bounded number of allocations and bytes: eight, and 8 KB.
func TestHostWorkIsBounded(t *testing.T) {
	const micros = 100000
	for _, tt := range []struct{ name, src string }{
		{"string.rep", `while true do string.rep("x", 1000) end`},
		{"string.rep, kept", `local t = {} while true do t[#t % 10 + 1] = string.rep("x", 1000) end`},
		{"load of line ends", `load(function() return "\n" end)`},
		{"load of spaces", `load(function() return "         " end)`},
		{"load of a comment", `local n = 0 load(function() n = n + 1 return n == 1 and "--" or "abc" end)`},
		{"loadstring", `while true do loadstring("return 1") end`},
		{"concatenation", `local s = ("x"):rep(1000) while true do local t = s .. s end`},
		{"gsub", `local s = ("x"):rep(1000) while true do s:gsub("x", "y") end`},
		{"find that fails", `local s = ("x"):rep(1000) while true do s:find(".-b") end`},
		{"format", `while true do string.format("%099d%99.99s", 1, ("x"):rep(99)) end`},
		{"sort", `local t = {} while true do for i = 1, 100 do t[i] = -i end table.sort(t) end`},
		{"concat", `local t = {} for i = 1, 200 do t[i] = "abc" end while true do table.concat(t) end`},
		{"errors", `while true do pcall(error, "x") end`},
		{"deep errors", `local function f(n) if n == 0 then error("x") end f(n - 1) end while true do pcall(f, 100) end`},
		{"coroutines", `while true do coroutine.wrap(function() coroutine.yield() end)() end`},
		{"unpack", `local t = {} for i = 1, 200 do t[i] = i end while true do select("#", unpack(t)) end`},
		{"tables", `while true do local t = {{}, {}, x = {}} end`},
		{"out of memory", `while true do pcall(function() local t = {} while true do t = {t} end end) end`},
		{"collectgarbage", `local t = {} for i = 1, 200 do t[i] = {} end while true do collectgarbage() end`},
		{"tostring", `while true do tostring(1.5) tostring({}) end`},
		{"traceback", `local function f(n) if n == 0 then return (debug.traceback()) end return (f(n - 1)) end while true do f(20) end`},
	} {
		for _, m := range collectorModes[:2] {
			b := newBounded(48<<10, micros)
			b.v.SetEGC(m.mode, m.limit)
			count, bytes := hostCounts()
			got := b.run(tt.src)
			countAfter, bytesAfter := hostCounts()
			if !strings.HasPrefix(got, "killed") && !strings.Contains(got, "not enough memory") && got != "" {
				t.Errorf("%s, %s: %s", tt.name, m.name, short(got))
			}
			if count, bytes = countAfter-count, bytesAfter-bytes; count > 8*micros || bytes > 8<<10*micros {
				t.Errorf("%s, %s: %d allocations, %d MB for %d instructions", tt.name, m.name, count, bytes>>20, int(micros))
			}
		}
	}
}
