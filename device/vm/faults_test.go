package vm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

var collectorModes = []struct {
	name        string
	mode, limit int
}{
	{"ALWAYS", heap.EGCAlways, 0},
	{"NOT_ACTIVE", heap.EGCNotActive, 0},
	{"ON_ALLOC_FAILURE", heap.EGCOnAllocFailure, 0},
	{"ON_MEM_LIMIT", heap.EGCOnMemLimit, 1 << 19},
}

// What a call or ... leaves open is all taken by what stands behind it, be the
// frame larger than it or not, and whatever the collector does meanwhile.
func TestOpenResults(t *testing.T) {
	const prelude = `
		local function f(i) if i > 0 then return i, f(i-1) end end
		local function count(...) return select("#", ...) end
		local function same(...) return ... end
		local o = {m = function(self, ...) return select("#", ...) end}
		local callable = setmetatable({}, {__call = function(self, ...) return ... end})
		local function keep(a, b, c, d, e, g, h, i, j, k) return k or j or i or h or g or e or d or c or b or a end
	`
	roomy := " do local t = {" + strings.Repeat("y,", 60) + "} local " + strings.Repeat("a,", 30) + "z = {} end "
	for _, tt := range []struct{ form, src, want string }{
		{"constructor", `x = {f(3), f(5), f(10)} print(#x)`, "12"},
		{"constructor with ...", `local function v(...) local x = {1, 2, ...} print(#x, x[12]) ROOMY end v(f(10))`, "12\t1"},
		{"long constructor", `x = {` + strings.Repeat("0,", 120) + `f(100)} print(#x, x[121], x[220])`, "220\t100\t1"},
		{"call", `print(count(f(10)), count(1, f(10)), count(f(10), 1))`, "10\t11\t2"},
		{"call of calls", `print(f(2), f(3))`, "2\t3\t2\t1"},
		{"call in a call", `print(count(same(same(f(10)))), (same(f(10))))`, "10\t10"},
		{"few arguments", `print(keep(f(3)), keep(f(10)), keep(f(12)))`, "1\t1\t3"},
		{"method", `print(o:m(f(10)), o:m(0, f(10)))`, "10\t11"},
		{"__call", `print(callable(f(3)))`, "3\t2\t1"},
		{"...", `local function v(...) ROOMY print(count(...), count(0, ...), (...)) end v(f(10))`, "10\t11\t10"},
		{"arg", `local function v(...) ROOMY return arg.n, arg[10] end print(v(f(10)))`, "10\t1"},
		{"return", `local function r() ROOMY return 0, f(10) end print(count(r()), select(11, r()))`, "11\t1"},
		{"return ...", `local function r(...) ROOMY return 0, ... end print(count(r(f(10))))`, "11"},
		{"tail call", `local function r() ROOMY return same(f(10)) end print(count(r()))`, "10"},
		{"tail call of the firmware", `local function r() ROOMY return select(1, f(10)) end print(count(r()))`, "10"},
		{"tail call with ...", `local function r(...) ROOMY return same(1, ...) end print(count(r(f(10))))`, "11"},
		{"assignment", `local a, b, c, d = f(3) print(a, b, c, d) a, b, c, d = 0, f(2) print(a, b, c, d)`, "3\t2\t1\tnil\n0\t2\t1\tnil"},
		{"assignment of ...", `local function v(...) ROOMY local a, b, c = ... print(a, b, c) end v(f(2)) v(f(5))`, "2\t1\tnil\n5\t4\t3"},
		{"iterator", `for k, v in (function(...) ROOMY return next, ... end)({7}) do print(k, v) end`, "1\t7"},
		{"pcall", `print(pcall(f, 3)) print(count(pcall(same, f(10))))`, "true\t3\t2\t1\n11"},
		{"unpack", `print(count(unpack({f(10)})), count(string.byte("0123456789", 1, -1)))`, "10\t10"},
		{"yield", `local co = coroutine.wrap(function(...) ROOMY print(count(...)) print(count(coroutine.yield(f(10)))) return f(7) end)
			print(count(co(f(10)))) print(count(co(f(5))))`, "10\n10\n5\n7"},
		{"new tables", `local function g(i) if i > 0 then return {}, g(i-1) end end print(count(g(30)), #{g(30)}, count(same({}, g(30))))`, "30\t30\t31"},
		{"new strings", `local function g(i) if i > 0 then return "s" .. i, g(i-1) end end print(table.concat({g(6)}), count(g(30)))`, "s6s5s4s3s2s1\t30"},
		{"allocation on the way", `local function g(...) local t = {} for i = 1, 20 do t = {t} end return ... end x = {f(2), g(f(10))} print(#x)`, "11"},
	} {
		for _, m := range collectorModes {
			for _, frame := range []string{"", roomy} {
				b := newBounded(1<<20, 5e6)
				b.v.SetEGC(m.mode, m.limit)
				src := prelude + strings.ReplaceAll(tt.src, "ROOMY", frame) + frame
				for range 2 { // the second time in registers that are in use
					if got := b.run(src); got != tt.want {
						t.Errorf("%s, %s, roomy %v: %q, want %q", tt.form, m.name, frame != "", short(got), tt.want)
					}
				}
			}
		}
	}
}

// Messages name a value by the instruction that has put it where it is, as C's
// getobjname finds it: of names of locals the device has none, those of upvalues are
// "?", a register that and, or, if or while has tested has none, and a local that is a
// copy goes by what it was copied of.
func TestNamesInMessages(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		// and, or
		{`aaa={} x=(aaa or aaa)+(aaa and aaa)`, "perform arithmetic on a table value"},
		{`aaa={} x=(aaa or bbb)+1`, "perform arithmetic on a table value"},
		{`aaa={} x=(bbb or aaa)+1`, "perform arithmetic on a table value"},
		{`aaa={} x=1+(bbb or aaa)`, "perform arithmetic on a table value"},
		{`aaa={} x=(aaa and aaa)*2`, "perform arithmetic on a table value"},
		{`aaa={} x=-(bbb or aaa)`, "perform arithmetic on a table value"},
		{`x=#(bbb or nil)`, "get length of a nil value"},
		{`aaa={} (aaa or aaa)()`, "call a table value"},
		{`aaa={} (bbb or aaa)()`, "call a table value"},
		{`aaa={} (aaa and aaa)()`, "call a table value"},
		{`(bbb or bbb)()`, "call a nil value"},
		{`return (aaa or bbb)()`, "call a nil value"},
		{`aaa={} (aaa and aaa.b or aaa.c)()`, "call field 'c' (a nil value)"},
		{`x=(bbb or bbb).y`, "index a nil value"},
		{`x=(bbb or ccc).y.z`, "index a nil value"},
		{`(bbb or ccc).y = 1`, "index a nil value"},
		{`x=(bbb or ccc):m()`, "index a nil value"},
		{`aaa={} x=(aaa or bbb):m()`, "call method 'm' (a nil value)"},
		{`aaa={} x=(aaa or bbb).m()`, "call field 'm' (a nil value)"},
		{`aaa={} x=(bbb or aaa)[ccc].d`, "index field '?' (a nil value)"},
		{`aaa={} x=aaa[bbb or 'ccc']()`, "call field '?' (a nil value)"},
		{`aaa={} x=aaa.bbb and aaa.bbb() or aaa.ccc()`, "call field 'ccc' (a nil value)"},
		{`aaa={} x=aaa+(bbb or 1)`, "perform arithmetic on global 'aaa' (a table value)"},
		{`aaa={} x=(bbb or 1)+aaa`, "perform arithmetic on global 'aaa' (a table value)"},
		{`aaa={} x=(bbb or 1)..aaa`, "concatenate global 'aaa' (a table value)"},
		{`aaa={} x=(bbb or 'x')..(ccc or aaa)`, "concatenate a table value"},
		{`local a={} local function f() return (a or a)+1 end f()`, "perform arithmetic on a table value"},
		{`local a={} local function f() (a or a)() end f()`, "call a table value"},
		{`x=not aaa and bbb()`, "call global 'bbb' (a nil value)"},
		{`x=aaa==nil and bbb()`, "call global 'bbb' (a nil value)"},
		{`x=(aaa==nil)+1`, "perform arithmetic on a boolean value"},
		{`x=(not aaa)+1`, "perform arithmetic on a boolean value"},
		{`x=(1 and {})+1`, "perform arithmetic on a table value"},
		// jumps
		{`local a=bbb and 1 a()`, "call a nil value"},
		{`local a=bbb or nil a()`, "call a nil value"},
		{`local a=bbb if a then a=1 end a()`, "call a nil value"},
		{`local a=bbb if not a then b=1 end a()`, "call a nil value"},
		{`local a=bbb while a do a=nil end a()`, "call a nil value"},
		{`local a repeat a=bbb until not a a()`, "call a nil value"},
		{`local a=1 for i=1,2 do a=bbb end a()`, "call a nil value"},
		{`local a=bbb for i=1,2 do end a()`, "call global 'bbb' (a nil value)"},
		{`bbb=nil if aaa then ccc=1 else bbb() end`, "call global 'bbb' (a nil value)"},
		{`aaa=1 if aaa then bbb() else ccc=1 end`, "call global 'bbb' (a nil value)"},
		{`x=aaa and aaa.b+1 or ccc+1`, "perform arithmetic on global 'ccc' (a nil value)"},
		{`aaa={} x=aaa and aaa.b+1 or ccc+1`, "perform arithmetic on field 'b' (a nil value)"},
		// locals and upvalues
		{`local a={} a()`, "call a table value"},
		{`local a=bbb a()`, "call global 'bbb' (a nil value)"},
		{`local a=bbb x=a+1`, "perform arithmetic on global 'bbb' (a nil value)"},
		{`local a=bbb local b=a x=b+1`, "perform arithmetic on global 'bbb' (a nil value)"},
		{`local a,b,c=1 c()`, "call a nil value"},
		{`local a,b,c=next({}) x=b+1`, "perform arithmetic on a nil value"},
		{`local function f(...) local a=... x=a+1 end f({})`, "perform arithmetic on a table value"},
		{`local function f(a) a() end f()`, "call a nil value"},
		{`local function f(a) a.b.c() end f({b={}})`, "call field 'c' (a nil value)"},
		{`local function f(a) a:b() end f({})`, "call method 'b' (a nil value)"},
		{`local function f(a,k) a[k].x=1 end f({},'x')`, "index field '?' (a nil value)"},
		{`local a={} local function f() a() end f()`, "call upvalue '?' (a table value)"},
		{`local a={} local function f() return a+1 end f()`, "perform arithmetic on upvalue '?' (a table value)"},
		{`local a={} local function f() return a.b.c end f()`, "index field 'b' (a nil value)"},
		{`local a local function f() a.b=1 end f()`, "index upvalue '?' (a nil value)"},
		{`local a={} local function f() return a..'x' end f()`, "concatenate upvalue '?' (a table value)"},
		{`local a=1 local function f() return #a end f()`, "get length of upvalue '?' (a number value)"},
		// fields and methods
		{`aaa={b={}} aaa.b:c()`, "call method 'c' (a nil value)"},
		{`aaa={b={}} aaa.b.c.d()`, "index field 'c' (a nil value)"},
		{`aaa={b={}} x='x'..aaa.b..'y'`, "concatenate field 'b' (a table value)"},
		{`aaa={b={}} local k='b' x=aaa[k]+1`, "perform arithmetic on field '?' (a table value)"},
		{`aaa={[1]={}} aaa[1]()`, "call field '?' (a table value)"},
		{`('x').y.z=1`, "index field 'y' (a nil value)"},
		{`('x'):nope()`, "call method 'nope' (a nil value)"},
		{`aaa={} aaa.b=aaa.b+1`, "perform arithmetic on field 'b' (a nil value)"},
		// what is called or compared
		{`(function() end)()()`, "call a nil value"},
		{`return aaa()`, "call global 'aaa' (a nil value)"},
		{`return aaa.b()`, "index global 'aaa' (a nil value)"},
		{`for k in nil do end`, "call a nil value"},
		{`local t={} for k in t do end`, "call a table value"},
		{`aaa={} x=1<(bbb or aaa)`, "compare number with table"},
		{`aaa={} if (bbb or aaa)<1 then end`, "compare table with number"},
		{`x=print<print`, "compare two function values"},
		{`x=nil<=1`, "compare nil with number"},
		{`x=1>nil`, "compare nil with number"},
		// metamethods that can't be called
		{`local t=setmetatable({},{__add=5}) x=t+1`, "call a number value"},
		{`local t=setmetatable({},{__concat={}}) x=t..1`, "call a table value"},
		{`local t=setmetatable({},{__lt={}}) x=t<t`, "call a table value"},
		{`local t=setmetatable({},{__unm={}}) x=-t`, "call a table value"},
		{`local t=setmetatable({},{__call=5}) t()`, "call a table value"},
	} {
		want := "error: s:1: attempt to " + tt.want
		if got := newBounded(1<<20, 1e6).run(tt.src); got != want {
			t.Errorf("%s\n\tgot  %q\n\twant %q", tt.src, short(got), want)
		}
	}
}

// next and pairs come to an end and give each key once, however large the table's
// array is, and while entries are cleared on the way.
func TestNextOverLargeTables(t *testing.T) {
	for _, n := range []int{0, 1, 100, 8190, 8191, 8192, 8193, 10000, 20000} {
		for _, form := range []string{
			`for k, v in pairs(t) do see(k, v) end`,
			`for k, v in next, t do see(k, v) end`,
			`for k, v in pairs(t) do see(k, v) t[k] = nil end`,
			`local k, v = next(t) while k do see(k, v) k, v = next(t, k) end`,
			`for k, v in ipairs(t) do see(k, v) end if t.x then see("x", t.x) see(0.5, t[0.5]) end`,
		} {
			b := newBounded(4<<20, 20e6)
			b.v.SetEGC(heap.EGCNotActive, 0)
			src := fmt.Sprintf(`
				local n, t, seen, count = %d, {}, {}, 0
				for i = 1, n do t[i] = -i end
				if n > 0 then t.x = "y" t[0.5] = true end
				local function see(k, v)
					if seen[k] then error("again " .. k) end
					if type(k) == "number" and k > 0.5 and v ~= -k then error("wrong at " .. k) end
					seen[k] = true count = count + 1
					if count > n + 2 then error("no end") end
				end
				%s
				print(count)`, n, form)
			want := fmt.Sprint(n + 2)
			if n == 0 {
				want = "0"
			}
			if got := b.run(src); got != want {
				t.Errorf("%d entries, %s: %q, want %s", n, form, short(got), want)
			}
		}
	}
}

// A key that died in its table may be where pairs is: it goes on from there, and the
// firmware says the same of a key that was never there.
func TestDeadKeys(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`local t = {} for i = 1, 50 do t[{}] = i end local n = 0
			for k in pairs(t) do t[k] = nil k = nil collectgarbage() n = n + 1 end print(n, next(t))`, "50\tnil"},
		{`local t = {} for i = 1, 50 do t["k" .. i] = i end local n = 0
			for k in pairs(t) do t[k] = nil k = nil collectgarbage() n = n + 1 end print(n, next(t))`, "50\tnil"},
		{`local t = {} for i = 1, 50 do t[function() return i end] = i end local n = 0
			for k in pairs(t) do t[k] = nil n = n + 1 local s = "" for j = 1, 9 do s = s .. j end end print(n, next(t))`, "50\tnil"},
		{`local t = {} for i = 1, 30 do t[coroutine.create(function() end)] = i end local n = 0
			for k in pairs(t) do t[k] = nil collectgarbage() n = n + 1 end print(n, next(t))`, "30\tnil"},
		{`local t = setmetatable({}, {__mode = "k"}) for i = 1, 50 do t[{}] = i end collectgarbage() collectgarbage()
			local n = 0 for k in pairs(t) do n = n + 1 end print(n < 2)`, "true"},
		{`local t = {} local a, b = {}, {} t[a] = 1 t[b] = 2 t[a] = nil a = nil collectgarbage() collectgarbage()
			for k, v in pairs(t) do print(v) end t[{}] = 3 local s = 0 for k, v in pairs(t) do s = s + v end print(s)`, "2\n5"},
		{`local t = {} for i = 1, 20 do t[{}] = i end for k in pairs(t) do t[k] = nil end collectgarbage() collectgarbage()
			print(next(t)) for i = 1, 20 do t[i .. ""] = i end local n = 0 for k, v in pairs(t) do n = n + v end print(n)`, "nil\n210"},
		{`local t = {1, 2, x = 1} print(pcall(next, t, {})) print(pcall(next, t, 5)) print(pcall(next, t, "y"))`,
			"false\tinvalid key to 'next'\nfalse\tinvalid key to 'next'\nfalse\tinvalid key to 'next'"},
		{`local t, n = {}, 0 local function f() for i = 1, 40 do t[{1, 2, 3, 4, 5, 6, 7, 8}] = {i} end for k in pairs(t) do t[k] = nil end for k in pairs(t) do n = n + 1 end end
			f() collectgarbage() collectgarbage() for k in pairs(t) do n = n + 1 end next(t)
			local before = collectgarbage("count") for i = 1, 20 do f() end collectgarbage() collectgarbage() for k in pairs(t) do n = n + 1 end
			collectgarbage() collectgarbage() print(n, collectgarbage("count") - before < 2)`, "0\ttrue"},
		{`local t = {} local function fill() for i = 1, 9 do t[{}] = i end end fill() local k = next(t) local w = setmetatable({k}, {__mode = "v"})
			for x in pairs(t) do t[x] = nil end k = nil collectgarbage() collectgarbage() print(w[1]) fill() local n = 0 for x, v in pairs(t) do n = n + v end print(n)`, "nil\n45"},
		{`local t = {} for i = 1, 200 do t[i + 0.5] = 1 t[i + 0.5] = nil for k in pairs(t) do print(k) end end print(next(t), #t)`, "nil\t0"},
	} {
		for _, m := range collectorModes {
			b := newBounded(1<<20, 5e6)
			b.v.SetEGC(m.mode, m.limit)
			if got := b.run(tt.src); got != tt.want {
				t.Errorf("%s, %s\n\tgot  %q\n\twant %q", m.name, tt.src, short(got), tt.want)
			}
		}
	}
}
