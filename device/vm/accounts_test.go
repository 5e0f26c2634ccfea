package vm_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// generator writes random programs that allocate: the same for the same seed.
type generator struct {
	*rand.Rand
	depth int
	rare  bool // also what makes most collections full: weak tables, finalizers, coroutines
}

func (g *generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) global() string { return fmt.Sprintf("g%d", g.IntN(6)) }

func (g *generator) str() string {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf("%q", strings.Repeat("x", g.IntN(30)))
	case 1:
		return fmt.Sprintf("(%q .. %d)", g.pick("a", "bc", "name"), g.IntN(50))
	case 2:
		return fmt.Sprintf("string.rep(%q, %d)", g.pick("z", "yx"), g.IntN(200))
	case 3:
		return g.pick("'a'", "'b'", "'__mode'", "'__index'", "'k'", "'n'")
	case 4:
		return fmt.Sprintf("(%q .. %d .. %s)", g.pick("a", "b"), g.IntN(9), "#tostring(n)")
	}
	return fmt.Sprintf("tostring(%d)", g.IntN(1000))
}

// key is an expression for a key of a table.
func (g *generator) key() string {
	switch g.IntN(8) {
	case 0, 1:
		return g.str()
	case 2:
		return fmt.Sprint(g.IntN(40))
	case 3:
		return fmt.Sprintf("%d.5", g.IntN(20))
	case 4:
		return g.pick("true", "false", "print", "-1", "0", "{}", "t", "G", "string")
	case 5:
		return g.global() + " or 1"
	case 6:
		return "next(t) or 2"
	}
	return fmt.Sprintf("'k' .. %d", g.IntN(12))
}

func (g *generator) value() string {
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(16) {
	case 0, 1:
		return g.str()
	case 2:
		return fmt.Sprint(g.IntN(100))
	case 3:
		return "function() return " + g.global() + " end"
	case 4:
		return "(function(a) return function(b) local c = a if b then a = b end return c end end)(" + g.value0() + ")"
	case 5:
		return g.global()
	case 6:
		return "t[" + g.key() + "]"
	case 7:
		return "oracle.cclosure(" + g.value0() + ", {})"
	case 8:
		return "test.counter(" + g.value0() + ")"
	case 9:
		return g.pick("oracle.udata(8)", "newproxy()", "F", "setter", "getter")
	case 10:
		return "setfenv(function() x = " + g.str() + " return x end, setmetatable({}, {__index = _G}))"
	case 11:
		if g.rare {
			return g.pick("coroutine.create(work)", "coroutine.wrap(work)", "test.object()", "setmetatable({}, weak)", "setmetatable({{}}, weak)", "c")
		}
	case 12:
		return "loadstring(" + fmt.Sprintf("%q", g.pick("return ", "local a = 5 return a, ", "x1 = 'new' return ")) + " .. n)"
	}
	if g.depth > 2 {
		return g.pick("{}", "{n}", "{k = n}")
	}
	return fmt.Sprintf("{%s, k = %s}", g.value(), g.value())
}

func (g *generator) value0() string {
	if g.depth > 2 {
		return g.str()
	}
	return g.value()
}

// place is what can be assigned to.
func (g *generator) place() string {
	switch g.IntN(6) {
	case 0, 1:
		return g.global()
	case 2:
		return fmt.Sprintf("t[%d]", 1+g.IntN(20))
	case 3:
		return "t[" + g.key() + "]"
	case 4:
		return "u[" + g.key() + "]"
	}
	return "G.x"
}

func (g *generator) statement() string {
	n := g.IntN(40)
	kinds := 38
	if g.rare {
		kinds = 64
	}
	switch g.IntN(kinds) {
	case 0, 1:
		return fmt.Sprintf("%s = %s", g.place(), g.value())
	case 2:
		return fmt.Sprintf("t[%d] = %s", 1+g.IntN(20), g.value())
	case 3:
		return fmt.Sprintf("t[%s] = %s", g.key(), g.value())
	case 4:
		return fmt.Sprintf("for i = 1, %d do local x = {%s, i} end", n, g.value())
	case 5:
		return fmt.Sprintf("for i = 1, %d do t[%q .. i] = %s t[%q .. i] = nil end", n, g.pick("p", "q"), g.value(), g.pick("p", "q"))
	case 6:
		return fmt.Sprintf("do local s = '' for i = 1, %d do s = s .. i end %s = s end", n, g.place())
	case 7:
		return fmt.Sprintf("pcall(function() local f f = function(d) if d > 0 then f(d - 1) end return d end f(%d) error(%s) end)", n/2, g.value())
	case 8:
		return fmt.Sprintf("c = coroutine.create(function(a) local x = %s coroutine.yield(x, a) end) coroutine.resume(c, %s)", g.value(), g.str())
	case 9:
		return fmt.Sprintf("for k, v in pairs(t) do if n %% 3 == 0 then t[k] = nil end n = n + 1 %s end", g.pick("", "local x = {}", "ask({})"))
	case 10:
		return fmt.Sprintf("for i = 1, %d do u[i] = {i} end for i = %d, 1, -1 do u[i] = nil end u.x = %s", n, n, g.value())
	case 11:
		return fmt.Sprintf("setter(%s)", g.value())
	case 12:
		return "getter() F(" + g.value() + ")"
	case 13:
		return fmt.Sprintf("do local a, b = %s, {} F = function(x) a, b = x, a return b end G = {F, x = %s} end", g.value(), g.value())
	case 14:
		return fmt.Sprintf("do local function va(...) local a, b = ... return select('#', ...), {...} end va(%s, va(%s)) end", g.value(), g.value())
	case 15:
		return fmt.Sprintf("do local function old(a, ...) return arg.n, arg[1], a end %s = select(2, old(%s, %s)) end", g.place(), g.value(), g.value())
	case 16:
		return fmt.Sprintf("do local l = {} for i = 1, %d do l[i] = %s end for i = 1, %d do local y = {l[i]} l[i] = nil end end", n, g.value(), n)
	case 17:
		return fmt.Sprintf("for i = 1, 12 do t['k' .. i] = nil end t[%s] = 1", g.key())
	case 18:
		return fmt.Sprintf("do local k = %s t[k or 1] = 1 t[k or 1] = nil ask() t[k or 1] = %s end", g.value(), g.value())
	case 19:
		return fmt.Sprintf("deep(%d)", n*4)
	case 20:
		return fmt.Sprintf("do local f = loadstring('local a, b = ... ' .. %q .. n) pcall(f, 1) local d = string.dump(f) %s = loadstring(d) end",
			g.pick("return a .. ", "q = {a} return ", "return function() return a end, "), g.place())
	case 21:
		return fmt.Sprintf("for a, b in (%s):gmatch('(.)(.)') do n = n + 1 %s end", g.str(), g.pick("", "u[a] = b", "local x = {a}"))
	case 22:
		return fmt.Sprintf("%s = (%s):gsub('.', %s)", g.place(), g.str(), g.pick("function(c) return c .. 'x' end", "function(c) local x = {} end", "{a = 'b'}", "'%0%0'"))
	case 23:
		return fmt.Sprintf("do local l = {} for i = 1, %d do l[i] = (i * 7) %% 13 end pcall(table.sort, l, function(a, b) %s return a < b end) end", n/2,
			g.pick("", "local x = {}", "u.last = {a}", "local s = 'c' .. a .. b"))
	case 24:
		return fmt.Sprintf("pcall(function() xpcall(function() local x = {} error({x, %s}) end, function(e) %s return e end) end)", g.str(), g.pick("u.e = e", "local y = {e}", "error(e)"))
	case 25:
		return fmt.Sprintf("do local s = {} for i = 1, %d do s[i] = 'str' .. i .. 'ing' end %s end", 2*n, g.pick("", "u.s = s", "s = table.concat(s, ',')"))
	case 26:
		return fmt.Sprintf("collectgarbage(%q, %d)", g.pick("step", "count", "collect", "setpause", "setstepmul"), g.IntN(300))
	case 27:
		return fmt.Sprintf("test.setref(%d, %s)", g.IntN(8), g.value())
	case 28:
		return fmt.Sprintf("test.unref(%d) %s = test.deref(%d)", g.IntN(8), g.place(), g.IntN(8))
	case 29:
		return fmt.Sprintf("table.insert(u, %s) if #u > 6 then table.remove(u, 1) end", g.value())
	case 30:
		return fmt.Sprintf("do local mt = {} local o = setmetatable({}, mt) G = o mt.__index = function(o, k) return {k} end mt.__newindex = u local x = o.a o.b = %s end", g.value())
	case 31:
		return fmt.Sprintf("setmetatable(G, %s) pcall(function() local x = G.y .. 'x' end)", g.pick("nil", "meta", "{__index = t}", "{__concat = function() return {} end}"))
	case 32:
		return "if type(F) == 'function' and pcall(getfenv, F) then setfenv(work, setmetatable({}, {__index = _G})) F = work end"
	case 33:
		return fmt.Sprintf("rawset(meta, %s, %s)", g.pick("'__index'", "'x'", "1", "'__newindex'"), g.pick("nil", "t", "u", "'v'"))
	case 34:
		return fmt.Sprintf("do local a1, a2, a3, a4 = {}, {%s}, %s, {} for i = 1, %d do local x = 'c' .. i if i == %d then a2 = a3 a1 = nil end end u.kept = a4 end", g.value(), g.value(), n, n/2)
	case 35:
		return fmt.Sprintf("for i = 1, %d do t[i + 0.5] = i end for i = 1, %d do t[i + 0.5] = nil end", n, n)
	case 36:
		return fmt.Sprintf("K = K or test.counter('x') for i = 1, %d do K('v' .. i) end K(%s) ask()", n/4, g.value())
	case 37:
		return "do local env = setmetatable({}, {__index = _G}) setfenv(work, env) env = nil ask() ask() end"
	// Rare ones.
	case 60:
		return fmt.Sprintf("do local mt = {__mode = %q} local w = setmetatable({%s, {}, k = {}}, mt) w[{}] = 1 ask() mt.__mode = %s ask() G = w end",
			g.pick("k", "v", "kv", "x"), g.value(), g.pick("nil", "'v'", "'k'", "'kv'", "false"))
	case 61:
		return fmt.Sprintf("weak.__mode = %s", g.pick("nil", "'k'", "'v'", "'kv'", "'x'", "1"))
	case 38:
		return fmt.Sprintf("rawset(weak, '__mode', %s)", g.pick("nil", "'k'", "'v'", "'kv'", "'x'"))
	case 39:
		return fmt.Sprintf("W[%s] = %s", g.key(), g.value())
	case 40:
		return fmt.Sprintf("W[%s] = %d W[%s] = nil", g.key(), n, g.key())
	case 41:
		return fmt.Sprintf("do local p = newproxy(true) local mt = getmetatable(p) mt.__gc = function(o) %s end %s end",
			g.pick("n = n + 1", "back = o", "error('gc')", "local x = {{}, 'a' .. n}", "t['gc' .. n] = n", "collectgarbage()", "pcall(error, 1) deep(30)", "mt.__gc = nil G = {o}"),
			g.pick("", "u.p = p", "t[p] = 1", "p = nil", "mt.__gc = nil", "local a = {} ask() mt.__gc = function() n = n + 1 end"))
	case 42:
		return "back = nil u.p = nil W.p = newproxy()"
	case 43:
		return fmt.Sprintf("do local o = test.object(%d) %s end", n, g.pick("", "u.o = o", "t[o] = o", "W[1] = o", "c = coroutine.wrap(function() local x = o coroutine.yield() end) c()"))
	case 44:
		return fmt.Sprintf("c = coroutine.create(work) coroutine.resume(c, %s)", g.value())
	case 45:
		return fmt.Sprintf("if type(c) == 'thread' then coroutine.resume(c, %s) end", g.value())
	case 46:
		return fmt.Sprintf("if type(c) == 'thread' then u[%s] = select(2, coroutine.resume(c, %s)) end", g.key(), g.value())
	case 47:
		return fmt.Sprintf("do local up = %s c = coroutine.create(function(a) local own, b = a, up setter = function(x) own, up = x, own end getter = function() return own, up, b end for i = 1, 4 do local x = {i, own} ask() coroutine.yield(own) end error(own) end) coroutine.resume(c, %s) end", g.value(), g.value())
	case 48:
		return fmt.Sprintf("do local w = coroutine.wrap(function(...) local a = {...} local w = coroutine.wrap(function(x) local y = {x} ask() coroutine.yield(y) setter(%s) %s end) w(a) coroutine.yield(deep(%d)) w() end) %s = w(%s) pcall(w) end",
			g.value(), g.pick("", "error({})", "local z = {} for i = 1, 9 do z = {z} end"), n, g.place(), g.value())
	case 49:
		return fmt.Sprintf("do local up = %s local w = coroutine.wrap(function() for i = 1, %d do up = %s local x = {i} end end) w() %s = up end", g.str(), n/4+1, g.value(), g.place())
	case 50:
		return "c = nil setter = function() end getter = setter"
	case 51:
		return fmt.Sprintf("pcall(coroutine.wrap(function() local a, b = {}, %s setter = function(x) a = x end getter = function() return a, b end deep(%d) error(b) end))", g.value(), n*3)
	case 52:
		return fmt.Sprintf("node.egc.setmode(%d, %d)", g.IntN(8), g.pick2(0, 4096, -2000, 7000))
	case 53:
		return "node.egc.setmode(4) collectgarbage('restart')"
	case 54:
		return g.pick("collectgarbage('stop')", "collectgarbage('restart')", "pcall(error)")
	case 55:
		return fmt.Sprintf("load((function() local i = 0 return function() i = i + 1 %s if i < 4 then return 'local a' .. i .. ' = ' .. i .. ' ' end end end)())", g.pick("local x = {}", "ask()", "u.i = {i}", "pcall(error)"))
	case 56:
		return "setfenv(0, setmetatable({}, {__index = _G, __newindex = _G}))"
	case 57:
		return fmt.Sprintf("do local co = coroutine.create(function() setfenv(0, {}) ask() coroutine.yield() end) pcall(coroutine.resume, co) u.co = co u.co = %s end", g.value())
	case 58:
		return fmt.Sprintf("test.setref(%d, coroutine.create(work))", g.IntN(8))
	case 59:
		return fmt.Sprintf("pcall(function() local up = {} setter = function(x) up = x end c = coroutine.create(function() setter(%s) ask() coroutine.yield(up) up = nil ask() coroutine.yield() end) coroutine.resume(c) error(up) end) if c then pcall(coroutine.resume, c) end", g.value())
	case 62:
		return fmt.Sprintf("coroutine.wrap(function() local a, b = {}, %s setter = function(x) a = x end getter = function() return a, b end ask() deep(%d) ask() ask() test.kill() while true do end end)()", g.value(), n)
	case 63:
		return fmt.Sprintf("c = coroutine.create(function() while true do deep(%d) ask() coroutine.yield({}) end end) coroutine.resume(c)", n*5)
	}
	return ""
}

func (g *generator) pick2(of ...int) int { return of[g.IntN(len(of))] }

const prelude = `
t, u, G, W, n = t or {}, u or {}, G or {}, W or {}, n or 0
weak, meta = weak or {__mode = "x"}, meta or {}
if not work then
	setmetatable(W, weak)
	function work(a) local x = {a} ask() local b = coroutine.yield(x) local function f() return x, b end u.f = f x = {b} ask() coroutine.yield(f) end
	function deep(d) if d > 0 then return 1 + deep(d - 1) end ask({}) return 0 end
	function F(x) end
	setter, getter = F, F
end
`

func (g *generator) program() string {
	var b strings.Builder
	b.WriteString(prelude)
	for range 3 + g.IntN(8) {
		b.WriteString(g.statement() + "\n")
		if g.IntN(3) == 0 {
			b.WriteString(g.pick("ask({})", "ask()", "for i = 1, 9 do local x = 's' .. i end", "do local a, b = {}, {} ask({}) end") + "\n")
		}
	}
	return b.String()
}

// programs are the chunks of a seed, and the heap they run in.
func programs(seed uint64) (chunks []string, c heap.Config) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), rare: seed%2 == 1}
	for range 3 + g.IntN(4) {
		chunks = append(chunks, g.program())
	}
	c = heap.Config{Layout: []heap.Layout{heap.SDK16, heap.SDK8, heap.Ideal}[seed/2%3]}
	if seed%5 == 4 { // one that runs out
		_, total := heap.BootLengths(c.Layout)
		c.Size = total + 6000 + g.IntN(9000)
	}
	return chunks, c
}

// seeds are those to run: first and how many more than usual the environment says
// (VM_SEEDS=first,n).
func seeds(t testing.TB, n uint64) (first, end uint64) {
	if s := os.Getenv("VM_SEEDS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d,%d", &first, &n); err != nil {
			t.Fatal(err)
		}
	}
	return first, first + n
}

// Random programs, each a few chunks on the same globals, are run twice: with quick
// collections where they do, and with a full one each time. At every collection
// each block has the same address in both, and each collection leaves the same.
func TestQuickCollectionsAreExact(t *testing.T) {
	quick, full := 0, 0
	first, end := seeds(t, 150)
	defer vm.SetManyCircle(400)
	for seed := first; seed < end; seed++ {
		vm.SetManyCircle([]int{400, 3}[seed/4%2])
		chunks, c := programs(seed)
		q, f, problem := twice(t, c, chunks)
		if problem != "" {
			t.Errorf("seed %d: %s\n%s", seed, problem, strings.Join(chunks, "----\n"))
		}
		quick += q
		full += f
		if t.Failed() {
			break
		}
	}
	if t.Logf("%d collections were quick, %d full", quick, full); quick < full {
		t.Errorf("most collections should be quick")
	}
}
