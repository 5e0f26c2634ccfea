package lualib_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	check(t, []snippet{
		{src: `local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) print(table.concat(t, ","))`, want: "0,1,2,3,4"},
		{src: `local t = {1, 2, 3} print(table.remove(t), table.remove(t, 1), table.concat(t), table.remove({}), table.remove(t, 9))`, want: "3\t1\t2\tnil"},
		{src: `local t = {} table.insert(t, 5, "x") print(#t == 0 or #t == 5, t[5])`, want: "true\tx"},
		{src: `local t = {1, 2} table.insert(t, -1, "n") print(t[-1], t[0], t[1], t[2], t[3])`, want: "n\tnil\tnil\t1\t2"},
		{src: `table.insert({}, 1, 2, 3)`, want: "error: s:1: wrong number of arguments to 'insert'"},
		{src: `table.insert({})`, want: "error: s:1: wrong number of arguments to 'insert'"},
		{src: `table.insert(nil, 1)`, want: "error: s:1: bad argument #1 to 'insert' (table expected, got nil)"},
		{src: `table.insert({}, "x", 1)`, want: "error: s:1: bad argument #2 to 'insert' (number expected, got string)"},
		{src: `print(table.concat({1, 2, 3}), table.concat({1, 2, 3}, ", "), table.concat({1, 2, 3}, "-", 2), table.concat({1, 2, 3}, "-", 2, 2), table.concat({}, "x"), table.concat({1}, "x", 3, 1))`, want: "123\t1, 2, 3\t2-3\t2\t\t"},
		{src: `table.concat({1, {}, 3})`, want: "error: s:1: invalid value (table) at index 2 in table for 'concat'"},
		{src: `table.concat({1, 2}, ",", 1, 3)`, want: "error: s:1: invalid value (nil) at index 3 in table for 'concat'"},
		{src: `print(table.getn({1, 2}), table.maxn({1, 2, [10] = 1, [3.5] = 1, x = 1}), table.maxn({}))`, want: "2\t10\t0"},
		{src: `table.setn({}, 1)`, want: "error: s:1: 'setn' is obsolete"},
		{src: `table.foreach({a = 1}, print) table.foreachi({5, 6}, print) print(table.foreach({1, 2}, function(k, v) return v end))`, want: "a\t1\n1\t5\n2\t6\n1"},
		{src: `local t = {3, 1, 2} table.sort(t) print(table.concat(t)) table.sort(t, function(a, b) return a > b end) print(table.concat(t))`, want: "123\n321"},
		{src: `local t = {"b", "a", "C"} table.sort(t) print(table.concat(t))`, want: "Cab"},
		{src: `local t, log = {}, {} for i = 1, 12 do t[i] = (i * 7) % 12 end table.sort(t, function(a, b) log[#log + 1] = a .. "<" .. b return a < b end) print(table.concat(t, " ")) print(table.concat(log, " "))`, want: sortLog},
		{src: `local t = {} for i = 1, 200 do t[i] = (i * 7919) % 211 end table.sort(t) for i = 2, 200 do assert(t[i - 1] <= t[i]) end print("sorted")`, want: "sorted"},
		{src: `local t = {5, nil, 3} print(pcall(table.sort, t))`, want: "false\tattempt to compare nil with number"},
		{src: `table.sort({1, 2, 3}, function() error("in order") end)`, want: "error: s:1: in order"},
		{src: `print(#{1, 2, 3}, #{n = 1}, #{1, nil}, #"x")`, want: "3\t0\t1\t1"},
		{src: `local t = {1, 2, 3, 4, 5, 6, 7} for i = 1, 6 do t[i] = nil end print(#t) t[8] = 8 print(#t) t[7] = nil print(#t) t[8] = nil print(#t)`, want: "7\n0\n0\n0"},
		{src: `local t = {} for i = 1, 8 do t[i] = i end for i = 1, 8 do t[i] = nil io = #t print(io) end`, want: "8\n8\n8\n8\n8\n8\n8\n0"},
		{src: `local t = {} for i = 1, 7 do t[i] = i end for i = 1, 7 do t[i] = nil print(#t) end`, want: "7\n7\n7\n0\n0\n0\n0"},
		{src: `local t = {n = 1, nil, nil, 3} print(#t) t[4] = 4 print(#t) t[3] = nil print(#t) local u = {1, 2, nil, 4, nil} print(#u) u[6] = 6 print(#u) u[10] = 1 print(#u)`, want: "3\n0\n0\n2\n4\n4"},
		{src: `local q, first = {}, 1 for i = 1, 40 do q[#q + 1] = i if i > 3 then q[first] = nil first = first + 1 end end local n = 0 for k in pairs(q) do n = n + 1 end print(#q, n, first)`, want: "34\t34\t38"},
		{src: `local t = {} t[1] = 1 t[2] = 2 t[4] = 4 print(#t) t[8] = 8 print(#t) t[3] = 3 print(#t) t[5] = 5 print(#t) table.insert(t, "x") print(#t)`, want: "4\n4\n4\n8\n9"},
		{src: `local t = {} t[1e308] = 1 t[-1] = 2 t[1.5] = 3 t[2^40] = 4 print(t[1e308], t[-1], t[1.5], t[2^40], #t)`, want: "1\t2\t3\t4\t0"},
		{src: `local t = {} t["1"] = "s" t[1] = "n" print(t["1"], t[1]) t[-0] = "z" print(t[0])`, want: "s\tn\nz"},
	})
}

const sortLog = "0 1 2 3 4 5 6 7 8 9 10 11\n" +
	"0<7 6<0 7<6 2<6 9<6 6<10 6<3 4<6 11<6 6<8 6<1 5<6 11<6 6<5 7<8 10<7 8<10 9<8 8<11 8<9 8<7 10<11 9<10 5<0 3<0 5<3 2<3 1<3 4<3 3<4 3<1 5<4 1<0 2<0 1<2"

// The order of a traversal is that of the firmware's nodes, which for these keys
// is that of any Lua 5.1, unless the table was rehashed: the firmware does that in
// place, so keys end up in other nodes.
func TestTraversalOrder(t *testing.T) {
	check(t, []snippet{
		{src: `local t = {} for _, k in ipairs{"apple", "pear", "fig", "kiwi", "plum", "date", "lime"} do t[k] = #k end for k, v in pairs(t) do print(k, v) end`, want: "lime\t4\nkiwi\t4\nfig\t3\napple\t5\npear\t4\ndate\t4\nplum\t4"},
		{src: `local t = {x = 1, y = 2, z = 3, 10, 20, 30, [-1] = 5, [0] = 6, [1.5] = 7, [true] = 8} for k, v in pairs(t) do print(k, v) end`, want: "1\t10\n2\t20\n3\t30\ny\t2\nx\t1\nz\t3\ntrue\t8\n1.5\t7\n-1\t5\n0\t6"},
		{src: `local t = {} for i = 10, 1, -1 do t[i] = i end t.n = 10 local s = "" for k in pairs(t) do s = s .. k .. " " end print(s)`, want: "1 2 3 4 5 6 7 8 9 10 n "},
		{src: `local t = {method = "GET", path = "/", version = 1, headers = {}, body = "", length = 0, host = "h", port = 80, query = "q"} t.path = nil t.uri = "/x" for k in next, t do print(k) end`, want: "method\nbody\nhost\nport\nversion\nquery\nlength\nuri\nheaders"},
		{src: `local t = {} for i = 1, 20 do t["k" .. i] = i end for i = 1, 20, 2 do t["k" .. i] = nil end for i = 1, 5 do t["n" .. i] = i end local s = "" for k in pairs(t) do s = s .. k .. " " end print(s)`, want: "k12 k16 k14 k10 k20 k8 n5 k2 n2 n1 k18 n3 k6 n4 k4 ", differs: true},
		{src: `local t = {} for i = 1, 9 do t["k" .. i] = i end local n = 0 for k in pairs(t) do t[k] = nil n = n + 1 end print(n, next(t))`, want: "9\tnil"},
		{src: `local t = {a = 1, b = 2, c = 3} local n = 0 for k in pairs(t) do t[k] = nil collectgarbage() n = n + 1 end print(n)`, want: "3"},
		{src: `local t = {a = 1, b = 2, c = 3, d = 4} local n = 0 for k in pairs(t) do for l in pairs(t) do n = n + 1 end end print(n)`, want: "16"},
		{src: `local t = {1, 2, 3, nil, 5, x = 1} local s = "" for k in pairs(t) do s = s .. k end print(s)`, want: "1235x"},
		{src: `local t = {} for i = 1, 100 do t[i * 3] = i end local s, n = 0, 0 for k, v in pairs(t) do s, n = s + k, n + 1 end print(s, n)`, want: "15150\t100"},
		{src: `print(pcall(next, {1, 2}, 3), pcall(next, {}, {}))`, want: "false\tfalse\tinvalid key to 'next'"},
		{src: `print(next({1, 2}, 2), next({1, x = 2}, 1), next({x = 1}, "x"))`, want: "nil\tx\tnil"},
	})
}

// Whatever a table has been through, a traversal meets every entry once, clearing
// on the way included, and # is a border.
func TestTraversalIsComplete(t *testing.T) {
	const src = `
		math.randomseed(%d)
		local pool, values, index, t = {}, {}, {}, {}
		for i = 1, 60 do
			local kind, k = math.random(6)
			if kind <= 2 then k = "key" .. i elseif kind <= 4 then k = i elseif kind == 5 then k = i + 0.5 else k = {} end
			pool[i], index[k] = k, i
		end
		local function check()
			local n, want = 0, 0
			for k, v in pairs(t) do
				n = n + 1
				assert(v == values[index[k]] and v ~= nil, "wrong value")
			end
			for i = 1, 60 do if values[i] ~= nil then want = want + 1 end end
			assert(n == want, n .. " entries, want " .. want)
			local len = #t
			assert((len == 0 or t[len] ~= nil) and t[len + 1] == nil, "no border")
		end
		for step = 1, 2000 do
			local i = math.random(60)
			if math.random(3) == 1 then values[i] = nil else values[i] = step end
			t[pool[i]] = values[i]
			if step %% 50 == 0 then check() end
			if step %% 130 == 0 then collectgarbage() end
			if step %% 400 == 0 then
				for k in pairs(t) do t[k] = nil values[index[k]] = nil if math.random(10) == 1 then collectgarbage() end end
				check()
				t = {}
			end
		end
		print("ok")`
	for seed := range 20 {
		if got := newMachine().run(fmt.Sprintf(src, seed)); got != "ok" {
			t.Errorf("seed %d: %s", seed, got)
		}
	}
}

func TestMath(t *testing.T) {
	check(t, []snippet{
		{src: `print(math.abs(-1.5), math.ceil(1.2), math.floor(-1.2), math.sqrt(9), math.pow(2, 10), math.pi, math.huge, -math.huge)`, want: "1.5\t2\t-2\t3\t1024\t3.1415926535898\tinf\t-inf"},
		{src: `print(math.max(1, 3, 2), math.min(1, 3, -2), math.max("10", 9), math.min(5))`, want: "3\t-2\t10\t5"},
		{src: `math.max()`, want: "error: s:1: bad argument #1 to 'max' (number expected, got no value)"},
		{src: `math.floor("x")`, want: "error: s:1: bad argument #1 to 'floor' (number expected, got string)"},
		{src: `for i = 1, 200 do local r = math.random() assert(r >= 0 and r < 1) r = math.random(6) assert(r >= 1 and r <= 6 and r % 1 == 0) r = math.random(-3, 3) assert(r >= -3 and r <= 3) end print("ok")`, want: "ok"},
		{src: `math.randomseed(42) local a, b = math.random(1000), math.random(1000) math.randomseed(42) print(a == math.random(1000), b == math.random(1000))`, want: "true\ttrue"},
		{src: `math.random(0)`, want: "error: s:1: bad argument #1 to 'random' (interval is empty)"},
		{src: `math.random(2, 1)`, want: "error: s:1: bad argument #2 to 'random' (interval is empty)"},
		{src: `math.random(1, 2, 3)`, want: "error: s:1: wrong number of arguments"},
	})
}

func TestCoroutine(t *testing.T) {
	check(t, []snippet{
		{src: `local co = coroutine.create(function(a, b) print(a, b) local c = coroutine.yield(a + b) print(c) return "done" end)
			print(coroutine.resume(co, 1, 2)) print(coroutine.status(co)) print(coroutine.resume(co, "x")) print(coroutine.status(co)) print(coroutine.resume(co))`,
			want: "1\t2\ntrue\t3\nsuspended\nx\ntrue\tdone\ndead\nfalse\tcannot resume dead coroutine"},
		{src: `local f = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(f(), f(), f(), f())`, want: "1\t2\t3"},
		{src: `local f = coroutine.wrap(function() end) f() f()`, want: "error: s:1: cannot resume dead coroutine"},
		{src: `local f = coroutine.wrap(function() error("in") end) f()`, want: "error: s:1: s:1: in"},
		{src: `local f = coroutine.wrap(function() error({}) end) print(type(select(2, pcall(f))))`, want: "table"},
		{src: `print(coroutine.resume(coroutine.create(function() error("e") end)))`, want: "false\ts:1: e"},
		{src: `print(coroutine.resume(coroutine.create(function() local x = nil + 1 end)))`, want: "false\ts:1: attempt to perform arithmetic on a nil value"},
		{src: `print(coroutine.resume(coroutine.create(function() return end)))`, want: "true"},
		{src: `local co co = coroutine.create(function() print(coroutine.status(co), coroutine.running() == co, coroutine.resume(co)) end) coroutine.resume(co) print(coroutine.running())`,
			want: "running\ttrue\tfalse\tcannot resume running coroutine\nnil"},
		{src: `local a, b a = coroutine.create(function() coroutine.resume(b) end) b = coroutine.create(function() print(coroutine.status(a), coroutine.resume(a)) end) coroutine.resume(a)`,
			want: "normal\tfalse\tcannot resume normal coroutine"},
		{src: `local a, b, c a = coroutine.create(function() coroutine.resume(b) end) b = coroutine.create(function() coroutine.resume(c) end) c = coroutine.create(function() print(coroutine.status(a), coroutine.status(b), coroutine.status(c)) end) coroutine.resume(a)`,
			want: "normal\tnormal\trunning"},
		{src: `print(pcall(coroutine.yield, 1))`, want: "false\tattempt to yield across metamethod/C-call boundary"},
		{src: `coroutine.yield(1)`, want: "error: attempt to yield across metamethod/C-call boundary"},
		{src: `print(coroutine.resume(coroutine.create(function() table.foreach({1}, function() coroutine.yield() end) end)))`, want: "false\tattempt to yield across metamethod/C-call boundary"},
		{src: `print(coroutine.resume(coroutine.create(function() for k in function() coroutine.yield(1) end do end end)))`, want: "false\tattempt to yield across metamethod/C-call boundary"},
		{src: `print(coroutine.resume(coroutine.create(function() return setmetatable({}, {__index = function() coroutine.yield(1) end}).x end)))`, want: "false\tattempt to yield across metamethod/C-call boundary"},
		{src: `local co = coroutine.wrap(function() local ok, e = pcall(function() coroutine.yield(1) end) print(ok, e) end) co()`, want: "false\tattempt to yield across metamethod/C-call boundary"},
		{src: `local co = coroutine.create(function() return coroutine.yield(1, 2) end) print(coroutine.resume(co)) print(coroutine.resume(co, 3, 4))`, want: "true\t1\t2\ntrue\t3\t4"},
		{src: `local co = coroutine.create(function() local function f() return coroutine.yield(debug.traceback("x"):match("x\nstack traceback:\n.*") ~= nil) end local a = f() return coroutine.yield(a) end)
			print(coroutine.resume(co)) print(coroutine.resume(co, 5)) print(coroutine.status(co), coroutine.resume(co, 6)) print(coroutine.status(co), coroutine.resume(co))`,
			want: "true\ttrue\ntrue\t5\nsuspended\ttrue\t6\ndead\tfalse\tcannot resume dead coroutine"},
		{src: `local y = coroutine.yield local f = coroutine.wrap(function(...) return y(...) end) print(f(1, nil, 3)) print(f(4, nil))`, want: "1\tnil\t3\n4\tnil"},
		{src: `coroutine.create(print)`, want: "error: s:1: bad argument #1 to 'create' (Lua function expected)"},
		{src: `coroutine.wrap(5)`, want: "error: s:1: bad argument #1 to 'wrap' (Lua function expected)"},
		{src: `coroutine.resume(5)`, want: "error: s:1: bad argument #1 to 'resume' (coroutine expected)"},
		{src: `coroutine.status({})`, want: "error: s:1: bad argument #1 to 'status' (coroutine expected)"},
		{src: `local n = 0 for i = 1, 300 do local co = coroutine.wrap(function() for j = 1, 3 do n = n + 1 coroutine.yield() end end) co() co() co() end print(n)`, want: "900"},
		{src: `local x = 0 local co = coroutine.wrap(function() x = x + 1 coroutine.yield(function() x = x + 10 return x end) x = x + 100 end) local f = co() print(f()) co() print(x)`, want: "11\n111"},
		{src: `print(coroutine.resume(coroutine.create(function(...) return select("#", ...), ... end), nil, nil))`, want: "true\t2\tnil\tnil"},
		{src: `local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end local s = 0 for i in gen(10) do s = s + i end print(s)`, want: "55"},
	})
}

// Modules come from package.preload, the flash and the simulator, in this order.
func TestRequire(t *testing.T) {
	files := map[string]string{
		"a.lua":        "A = (A or 0) + 1 return {name = ..., n = A}",
		"nothing.lua":  "loaded = true",
		"bad.lua":      "x =",
		"throws.lua":   "error('inside')",
		"loop.lua":     "require('loop')",
		"dir/x.lua":    "return ...",
		"mod.lua":      "module(..., package.seeall) function f() return _NAME, _PACKAGE, print ~= nil end",
		"p.q.lua":      "return 'not this'",
		"shipped2.lua": "return 'flash'",
		"shebang.lua":  "#!/bin/lua\nreturn debug.traceback()",
		"false.lua":    "return false",
	}
	for _, tt := range []struct{ src, want string }{
		{`local m = require("a") print(m.name, m.n, require("a") == m, package.loaded.a == m)`, "a\t1\ttrue\ttrue"},
		{`require("a") package.loaded.a = nil print(require("a").n)`, "2"},
		{`print(require("nothing"), loaded, package.loaded.nothing)`, "true\ttrue\ttrue"},
		{`print(require("false"), package.loaded["false"])`, "false\tfalse"},
		{`require("bad")`, "error: error loading module 'bad' from file 'bad.lua':\n\tbad.lua:1: unexpected symbol near '<eof>'"},
		{`print(pcall(require, "throws")) print(pcall(require, "throws"))`, "false\tthrows.lua:1: inside\nfalse\tloop or previous error loading module 'throws'"},
		{`require("loop")`, "error: loop.lua:1: loop or previous error loading module 'loop'"},
		{`print(require("dir.x"))`, "dir.x"},
		{`require("absent.x")`, "error: s:1: module 'absent.x' not found:\n\tno field package.preload['absent.x']\n\tno file 'absent/x.lc'\n\tno file 'absent/x.lua'"},
		{`print(require("string") == string, require("math") == math)`, "true\ttrue"},
		{`package.preload.pre = function(n) return n .. "!" end print(require("pre"))`, "pre!"},
		{`local m = require("shipped") print(m.name, m.embedded)`, "shipped\ttrue"},
		{`print(#package.loaders, package.path, package.cpath == "", package.config:len())`, "4\t?.lc;?.lua\ttrue\t9"},
		{`package.path = "dir/?.lua" print(require("x"))`, "x"},
		{`package.path = ("?;"):rep(40) .. ";x" print(#select(2, pcall(require, "a.b")))`, "669"},
		{`package.path = ("?"):rep(1000) print(pcall(require, ("x"):rep(30000)))`, "false\tnot enough memory"},
		{`package.path = ("?;"):rep(1000) print(pcall(require, ("x"):rep(30000)))`, "false\tnot enough memory"},
		{`package.path = nil require("a")`, "error: 'package.path' must be a string"},
		{`package.loaders = nil require("a")`, "error: s:1: 'package.loaders' must be a table"},
		{`table.insert(package.loaders, 1, function(n) return function() return "custom " .. n end end) print(require("anything"))`, "custom anything"},
		{`require("mod") print(mod.f())  print(mod._M == mod, package.loaded.mod == mod)`, "mod\t\ttrue\ntrue\ttrue"},
		{`print(package.loadlib("x", "y"))`, "nil\tdynamic libraries not enabled; check your Lua installation\tabsent"},
		{`dofile("a.lua") print(A, dofile("dir/x.lua"))`, "1"},
		{`dofile("no.lua")`, "error: cannot open no.lua: "},
		{`print(loadfile("no.lua")) print(loadfile("bad.lua"))`, "nil\tcannot open no.lua: \nnil\tbad.lua:1: unexpected symbol near '<eof>'"},
		{`print(dofile("shebang.lua"))`, "stack traceback:\n\tshebang.lua:2: in main chunk\n\t[C]: in function 'dofile'\n\ts:1: in main chunk"},
		{`local f = loadstring("module('m', package.seeall) x = 5 print(type(m))") f() print(m.x, x)`, "table\n5\tnil"},
		{`m = 5 module("m.n")`, "error: s:1: name conflict for module 'm.n'"},
		{`require()`, "error: s:1: bad argument #1 to 'require' (string expected, got no value)"},
	} {
		m := newMachine()
		m.files = files
		if got := m.run(tt.src); got != tt.want {
			t.Errorf("%s\n\tgot  %q\n\twant %q", tt.src, got, tt.want)
		}
	}
}

// A compiled file is preferred to the source, and survives the way through the
// flash; whatever is wrong with it is an error.
func TestPrecompiled(t *testing.T) {
	m := newMachine()
	m.files["src.lua"] = `local up = ... local function sum(a, ...) if a then return a + sum(...) end return 0 end
		return {sum = sum, t = {1, 2, "x", k = {true, nil, 1.5}, tr = true, fl = false}, s = "\0\255é" .. 1, f = function() up = (up or 0) .. "!" return up end, big = 1e300, neg = -0.5}`
	if got := m.run(`local f = loadfile("src.lua") dumped = string.dump(f) print(#dumped > 100)`); got != "true" {
		t.Fatal(got)
	}
	chunk, _ := m.v.ToString(m.v.RawGetString(m.v.Globals(), "dumped"))
	m.files["src.lc"] = chunk
	delete(m.files, "src.lua")
	if got, want := m.run(`local r = require("src") print(r.sum(1, 2, 3), r.t[3], r.t.tr, r.t.fl, r.t.k[3], #r.s, r.f(), r.f(), r.big, r.neg)`), "6\tx\ttrue\tfalse\t1.5\t5\tsrc!\tsrc!!\t1e+300\t-0.5"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := m.run(`local up = 5 local function f() return up end print(loadstring(string.dump(f))())`), "nil"; got != want {
		t.Errorf("upvalues of a dumped function: %q, want %q", got, want)
	}
	for _, tt := range []struct{ src, want string }{
		{`local f = loadstring(string.dump(function() error("x") end)) f()`, "error: x"},
		{`local f = loadstring(string.dump(function() error("x") end, false)) f()`, "error: s:1: x"},
		{`local f = loadstring(string.dump(function() local a a() end)) f()`, "error: ?:0: attempt to call a nil value"},
		{`local f = function() return 1 end print(#string.dump(f), #string.dump(f, true), #string.dump(f, false))`, "76\t76\t82"},
		{`local f = function() return 1 end print(#string.dump(f, 0), #string.dump(f, 1), #string.dump(f, 2))`, "82\t76\t76"},
		{`string.dump(function() end, 3)`, "error: s:1: bad argument #2 to 'dump' (strip out of range)"},
		{`print(#string.dump(function() end, {}))`, "56"},
		{`string.dump(print)`, "error: s:1: unable to dump given function"},
		{`string.dump("x")`, "error: s:1: bad argument #1 to 'dump' (function expected, got string)"},
		{`print(string.dump(function() return 1 end):sub(1, 12):byte(1, -1))`, "27\t76\t117\t97\t81\t0\t1\t4\t4\t4\t8\t0"},
		{`print(loadstring("\27Lua"))`, "nil\tbinary string: unexpected end in precompiled chunk"},
		{`print(loadstring("\27Lua", "name"))`, "nil\tname: unexpected end in precompiled chunk"},
		{`print(loadstring(string.dump(function() end):gsub("Q", "R"), "=name"))`, "nil\tname: bad header in precompiled chunk"},
		{`local s = string.dump(function() end) print(load(function() local c = s:sub(1, 5) s = s:sub(6) return c end))`, "function: 0x3fff0000"},
	} {
		if got := newMachine().run(tt.src); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.src, got, tt.want)
		}
	}
	for _, tt := range []struct{ name, chunk, want string }{
		{"64-bit Lua", "\x1bLuaQ\x00\x01\x04\x08\x04\x08\x00", "x.lc: bad header in precompiled chunk"},
		{"signature only", "\x1bLua", "x.lc: unexpected end in precompiled chunk"},
		{"escape", "\x1b", "x.lc: unexpected end in precompiled chunk"},
		{"cut header", chunk[:8], "x.lc: unexpected end in precompiled chunk"},
		{"cut", chunk[:len(chunk)-1], "x.lc: unexpected end in precompiled chunk"},
		{"changed", chunk[:36] + "\xff" + chunk[37:], "x.lc: bad code in precompiled chunk"},
		{"after a comment", "# \n" + chunk, "function: "},
	} {
		m.files["x.lc"] = tt.chunk
		if got := m.run(`print(loadfile("x.lc"))`); !strings.HasPrefix(strings.TrimPrefix(got, "nil\t"), tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
