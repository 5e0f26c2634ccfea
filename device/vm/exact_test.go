package vm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// twice runs chunks, one after the other on the same globals, with quick collections
// where they do and with a full one each time, and says where the two are not the same:
// at a collection, in the account after a chunk, or in how a chunk ended.
func twice(t testing.TB, c heap.Config, chunks []string, setup ...func(*bench)) (quick, full int, problem string) {
	t.Helper()
	var traces [2][]string
	for i, on := range []bool{true, false} {
		b := newBench(t, heap.New(c))
		b.v.SetQuick(on)
		note := func(what string) { traces[i] = append(traces[i], what+" "+b.v.Layout()) }
		graph := ""
		b.v.SetOnCollected(func() {
			if graph == "" && len(traces[i])%16 == 0 {
				graph = b.v.CheckGraph()
			}
			note("collected")
		})
		b.v.SetField(b.v.ROMGlobals(), "ask", b.v.NewFunction(vm.Func{Name: "ask", Fn: func(*vm.Call) int {
			note("asked")
			return 0
		}}))
		extras(b)
		for _, fn := range setup {
			fn(b)
		}
		for _, src := range chunks {
			fn, err := b.v.Load([]byte(src), "=s")
			if err != nil {
				note("load: " + err.Error())
				continue
			}
			_, lerr, kill := b.v.Call(fn, 0)
			switch {
			case kill != nil:
				note("killed")
			case lerr != nil:
				note("error: " + lerr.Message())
			}
			note("ended")
			if problem := b.v.CheckAccount(); problem != "" {
				return 0, 0, fmt.Sprintf("quick %v: %s", on, problem)
			}
		}
		if graph != "" {
			return 0, 0, graph
		}
		note("printed " + b.out.String())
		noGo(t, "what was printed", b.out.String())
		if on {
			st := b.v.MemoryStats()
			quick, full = st.Quick, st.Full
		}
	}
	for i := range max(len(traces[0]), len(traces[1])) {
		var at [2]string
		for j := range traces {
			if at[j] = "nothing"; i < len(traces[j]) {
				at[j] = traces[j][i]
			}
		}
		if at[0] != at[1] {
			return quick, full, fmt.Sprintf("step %d of %d: %s, in full %s", i, len(traces[0]), short(at[0]), short(at[1]))
		}
	}
	return quick, full, ""
}

// extras adds functions to a bench that firmware modules would have.
func extras(b *bench) {
	v := b.v
	finalized := &vm.Type{Name: "test.object", GC: func(object any) { *object.(*int)++ }}
	count := new(int)
	refs := make([]vm.Ref, 8)
	v.OpenModule("test", []vm.Func{
		{Name: "object", Fn: func(c *vm.Call) int { return c.Return(v.NewObject(finalized, c.OptInt(1, 8), count)) }},
		{Name: "finalized", Fn: func(c *vm.Call) int { return c.ReturnInt(*count) }},
		{Name: "setref", Fn: func(c *vm.Call) int { v.SetRef(&refs[c.Int(1)&7], c.Arg(2), "test"); return 0 }},
		{Name: "deref", Fn: func(c *vm.Call) int { return c.Return(v.Deref(refs[c.Int(1)&7])) }},
		{Name: "unref", Fn: func(c *vm.Call) int { v.Unref(&refs[c.Int(1)&7]); return 0 }},
		{Name: "counter", Fn: func(c *vm.Call) int {
			return c.Return(v.NewClosure(vm.Func{Name: "counter", Fn: func(c *vm.Call) int {
				old := c.Upvalue(1)
				c.SetUpvalue(1, c.Arg(1))
				return c.Return(old)
			}}, c.Arg(1), vm.Number(1)))
		}},
		{Name: "kill", Fn: func(c *vm.Call) int { v.Kill("test"); return 0 }},
	}, nil)
}

// Programs that have shown quick collections to be inexact, or could.
func TestQuickCollectionsMiss(t *testing.T) {
	const churn = ` for i = 1, 60 do local x = {i} x = "s" .. i end `
	for _, tt := range []struct{ name, src string }{
		{"upvalue of the main thread set by a coroutine", `
			local up
			local function name(i) return "name" .. i end
			up, G = name(1), name(1)
			F = function(x) up = x end
			local co = coroutine.wrap(function()
				local s = 0
				CHURN
				F(name(2))
				CHURN
				F(name(3)) CHURN
				print(G) F(nil) CHURN
				for i = 1, 9 do F(name(i)) F(nil) end
				CHURN
				print(G)
			end)
			co()
			print(G)`},
		{"coroutine that can't begin", `
			kept = {}
			local function try(n)
				if n > 0 then coroutine.resume(coroutine.create(try), n - 1) return end
				for i = 1, 4 do kept[i] = coroutine.create(function() return {1, 2, 3} end) end
				CHURN
				for i = 1, 4 do print(coroutine.resume(kept[i], {}, 2, 3)) CHURN end
			end
			try(199)`},
		{"what a weak table held is free at the next collection", `
			W = setmetatable({}, {__mode = "k"})
			CHURN
			for i = 1, 40 do W[{}] = {i} local x = {a = i} end
			local w = setmetatable({}, {__mode = "k"})
			for i = 1, 40 do w[{}] = {i} local x = {a = i} end
			local v = setmetatable({}, {__mode = "v"})
			for i = 1, 40 do v["name" .. i] = {i} local x = {a = i} v[i] = {} x = {b = i} end`},
		{"coroutines that die together and leave upvalues", `
			local function chunk()
				co = coroutine.create(function(a) local b = {a} getter = function() return a, b end
					local inner = coroutine.wrap(function(x) local y = {x} setter = function(v) y = v end coroutine.yield(y) error({y}) end)
					inner({}) kept = inner for i = 1, 3 do a = coroutine.yield({i, b}) end pcall(inner) error(b) end)
				for i = 1, 5 do coroutine.resume(co, {i}) end wrapped = coroutine.wrap(function() while true do coroutine.yield(getter()) end end) wrapped() wrapped()
			end
			for i = 1, 2 do
				pcall(chunk) CHURN
				local o = coroutine.create(chunk) for i = 1, 3 do coroutine.resume(o, {i}) kept = {o} x = "d" .. i end
			end`},
		{"weak table that leaves the graph while others are cleared", `
			W = setmetatable({}, {__mode = "k"})
			local X = setmetatable({}, {__mode = "v"}) X.y = 1
			H = {{}, {1}} W[H[1]] = X X.y = H[2]
			CHURN
			H = nil
			local x = {} x = {} print(type(X.y))`},
		{"text that is lost twice at once", `
			T = setmetatable({}, {__mode = "kv"}) T.a = 1
			CHURN
			local function put(i) local s, a, b = "value" .. i, {}, {} T[a] = s T[b] = s end
			put(1) local a, b, c, d, e, f, g = 1, 2, 3, 4, 5, 6, 7 local x = {} x = {} x = {}`},
		{"emptied key that the graph holds", `
			G = {0, 0, 0}
			CHURN
			local mt = {__mode = "kv"}
			for i = 1, 9 do
				local A = setmetatable({}, mt)
				for j = 1, 5 do A["n" .. j] = 1 end
				local a, b, c = "k" .. i, "l" .. i, "m" .. i
				A[a] = 1 A[b] = 1 A[c] = 1 A[a] = nil A[b] = nil A[c] = nil A.n3 = nil A.n4 = nil A.n5 = nil
				G[1] = a a = nil G[2] = b b = nil G[3] = c c = nil
				local x = {}
				A[G[3]] = 2 x = ""
				for k in pairs(A) do x = x .. k end print(x)
			end`},
		{"emptied key that another weak table has", `
			local mt = {__mode = "kv"}
			CHURN
			for i = 1, 40 do
				local B, A = setmetatable({}, mt), setmetatable({}, mt)
				for j = 1, 4 do B["m" .. j] = 1 end
				local a, b, c = "k" .. i, "l" .. i, "m" .. i
				for j = 1, 5 do A["n" .. j] = 1 end
				A[a] = 1 A[b] = 1 A[c] = 1 A[a] = nil A[b] = nil A[c] = nil A.n3 = nil A.n4 = nil A.n5 = nil
				B.m1 = a B.m2 = b B.m3 = c a, b, c = nil, nil, nil
				local x = 1 x = nil x = nil x = {}
				A[B.m3] = 2 x = ""
				for k in pairs(A) do x = x .. k end print(x)
			end`},
		{"userdata without a finalizer that dies and is revived", `
			local function churn() CHURN end
			churn()
			do local a, b = newproxy(), newproxy(true) local mt = getmetatable(b)
			mt.a, mt.__gc = a, function(o) kept = getmetatable(o).a end a, b, mt = nil end
			churn()
			V = setmetatable({}, {__mode = "v"}) V[1] = kept
			churn() print(type(kept), type(V[1]))`},
		{"weak table that leaves the graph with a function", `
			W = setmetatable({}, {__mode = "k"})
			local X = setmetatable({}, {__mode = "v"}) X.y = 1
			do local up = {} H = {{}, function() return up end} end
			W[H[1]] = X X.y = H[2] CHURN
			H = nil
			local x = {} x = {}
			if X.y then X.y() end`},
		{"a finalized userdata is no value of a weak table", `
			V = setmetatable({}, {__mode = "v"})
			local p = newproxy(true)
			getmetatable(p).__gc = function(o) kept = o end
			p = nil
			CHURN
			print(type(kept)) CHURN
			V[1], V.x = kept, kept
			local v = setmetatable({}, {__mode = "v"}) v[1] = kept
			local k = setmetatable({}, {__mode = "k"}) k[kept] = "key" k.value = kept
			local x = {} CHURN
			print(V[1], V.x, v[1], k[kept], k.value)`},
		{"nodes left over when a hash part shrinks", `
			local names = {} for i = 1, 40 do names[i] = "k" .. i end
			T = {} for i = 1, 16 do T["w" .. i] = 1 end
			for i = 6, 16 do T["w" .. i] = nil end
			for i = 1, 12 do
				CHURN
				T.w1 = {} T.w1 = 1 T[names[i]] = 1
				CHURN
				T[names[i]] = nil
			end
			for i = 2, 5 do T["w" .. i] = nil end
			names = nil
			CHURN`},
		{"__mode set by rawset", `
			mt = {__mode = "x"} T = setmetatable({}, mt) T[1] = {} T.x = {}
			CHURN
			rawset(mt, "__mode", "v") CHURN print(T[1], T.x)`},
		{"__mode set through __newindex", `
			mt = {__mode = "x"} T = setmetatable({}, mt) T[1] = {} T.x = {}
			local to = {__newindex = mt}
			CHURN
			local proxy = setmetatable({}, to)
			proxy.__mode = "v" CHURN print(T[1], T.x)`},
		{"keys of a table that is weak in both", `
			T = setmetatable({}, {__mode = "kv"})
			local keys = {} for i = 1, 16 do keys[i] = "k" .. i T[keys[i]] = i end
			CHURN
			for i = 1, 16 do T[keys[i]] = nil CHURN T[keys[i]] = i end`},
		{"keys that die in a table that is weak in both", `
			T = setmetatable({}, {__mode = "kv"})
			for i = 1, 32 do T["k" .. i] = i end
			CHURN
			for j = 1, 5 do for i = 1, 32 do T["k" .. i] = nil T["z" .. j .. i] = i T["z" .. j .. i] = nil T["k" .. i] = i end end`},
		{"keys of a young table that is weak in both", `
			local mt, keys = {__mode = "kv"}, {}
			for i = 1, 32 do keys[i] = "k" .. i end
			for n = 1, 10 do
				local T = setmetatable({}, mt)
				for i = 1, 32 do T[keys[i]] = i end
				for i = 1, 32 do T[keys[i]] = nil local x = {} T[keys[i]] = i end
			end`},
		{"array that becomes nodes", `
			T = {} for i = 1, 32 do T[i] = "v" .. i end CHURN
			for i = 5, 32 do T[i] = nil end T.x = {} T.x = nil T.y = 1 CHURN T.z = 2 CHURN T[3] = nil T[4] = nil T.w = 3 CHURN T[1] = nil CHURN`},
		{"table of the graph set in its own finalizer", `
			T = {} local keys = {} for i = 1, 300 do keys[i] = "k" .. i end
			local n = 0
			local function drop() local p = newproxy(true) getmetatable(p).__gc = function() for i = 1, 40 do n = n + 1 if n < 250 then T[keys[n]] = n end end end end
			for i = 1, 40 do drop() T[i + 0.5] = i end print(n)`},
		{"coroutine killed with the graph on its stack", `
			co = coroutine.create(function()
				local a, b, c = {}, {{}, {}}, {x = {}}
				F = function() return a, b, c end
				CHURN CHURN
				test.kill() while true do end
			end)
			coroutine.resume(co)
			---
			CHURN print(F()) CHURN print(co, coroutine.status(co), coroutine.resume(co)) CHURN print(debug.traceback(co)) co = nil CHURN print(type(F()))`},
		{"coroutine killed where all else is in the graph", `
			co = coroutine.create(function()
				local a, b, c = {}, {{}, {}}, {x = {}}
				F = function() return a, b, c end
				CHURN CHURN
				local d = {a} a = "a" .. 1 CHURN
				test.kill() while true do end
			end)
			function go() coroutine.resume(co) end
			---
			return go()
			---
			print(F()) CHURN print(F()) print(coroutine.status(co)) CHURN print(F())`},
		{"coroutine killed and dropped", `
			coroutine.wrap(function()
				local a, b, c = {}, {{}, {}}, {x = {}}
				CHURN CHURN
				test.kill() while true do end
			end)()
			---
			CHURN CHURN`},
		{"closures that replace each other", `
			local f, g, h, keep
			local function value(i) return {i} end
			for i = 1, 40 do f = function() return i end end
			for i = 1, 40 do f = function() return i, f end end
			for i = 1, 40 do local o = i f = function() return i, o end g = i % 3 == 0 and f or g end
			for i = 1, 40 do local o = {i} f = function() return o end end
			for i = 1, 40 do local o = function() return i end f = function() return o end end
			for i = 1, 40 do local o = i g = function() return o end f = function() return i, o end end
			for i = 1, 40 do local o = i f = function() return i, o end f = function() return o end end
			for i = 1, 40 do f = function() return i end f = function() return i end end
			for i = 1, 40 do f = function() return i end if i % 5 == 0 then G = f elseif i % 7 == 0 then G = nil end end
			for i = 1, 40 do f = function() return i end setfenv(f, {}) end
			for i = 1, 40 do f = function() i = i + 1 return i end h = f() i = "s" .. i f() end
			local w = setmetatable({}, {__mode = "k"})
			for i = 1, 40 do f = function() return i end w[f] = i end
			local n = 0 for _ in pairs(w) do n = n + 1 end print(n)
			w = setmetatable({}, {__mode = "v"})
			for i = 1, 40 do f = function() return i end w[i] = f end
			n = 0 for _ in pairs(w) do n = n + 1 end print(n)
			for i = 1, 40 do
				local a, b = i, i
				local function one() return a end
				if i % 2 == 0 then f = one end
				f = function() return b, a end
				f = function() return a end
			end
			local co = coroutine.wrap(function()
				local f
				for i = 1, 40 do f = function() return i end if i % 4 == 0 then coroutine.yield(f) end end
			end)
			for i = 1, 10 do keep = co() keep = co and function() return i end end
			while true do
				local i = 0
				f = function() return i end
				local j = #(f and "x")
				f = function() return i, j end
				f = function() return j end
				if j == 1 then break end
			end
			local passed
			local function within(n)
				local f = passed
				passed = nil
				local i = n
				f = function() return i end
				passed, f = f, nil
				if n > 0 then within(n - 1) end
				i = n
			end
			for i = 1, 5 do within(9) end
			print(f(), g and g(), h)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := strings.ReplaceAll(tt.src, "CHURN", churn)
			for _, l := range []heap.Layout{heap.SDK16, heap.Ideal} {
				quick, full, problem := twice(t, heap.Config{Layout: l, Size: 1 << 20}, strings.Split(src, "---"))
				if problem != "" {
					t.Errorf("%v: %s", l, problem)
				}
				if quick == 0 {
					t.Logf("no quick collection, %d full", full)
				}
			}
		})
	}
}
