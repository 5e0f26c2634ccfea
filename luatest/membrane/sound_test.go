package membrane_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/membrane"
)

// writer writes random programs of both sides out of templates, in which $ and a letter
// stand for something that is chosen at random.
type writer struct {
	*rand.Rand
	depth int
}

// templates: n numbers, k keys, m modes of weak tables. Of the near side: g variables, v
// values, S statements; of the far one: h, w, F.
var templates = map[byte][]string{
	'n': {"0", "1", "2", "3", "5", "8", "13", "40"},
	'k': {"1", "2", "3", "'a'", "'b'", "'name'", "'__index'", "1.5", "true"},
	'm': {"'k'", "'v'", "'kv'"},
	'g': {"N.a", "N.b", "N.c", "N.d"},
	'h': {"x0", "x1", "x2", "x3"},
	'v': {"$n", "'s' .. $n", "$g", "$g", "$h", "$h", "{}", "{$v, $v, a = $v}", "{[$v] = $v}", "setmetatable({$v}, {__index = $v})", "setmetatable({$v}, {__mode = $m})",
		"setmetatable({$v}, $h)", "setmetatable({$v}, {as_function = true, __call = function(self, ...) $S return ... end})",
		"function(...) $S return ... end", "function(a, b) $g = a $S return $v end", "function() return $g end", "(function(a) return function(b) a = b or a $S return a end end)($v)",
		"NP($v)", "NF($v)", "coroutine.create(function(a) $S local b = coroutine.yield($v) $S return b end)", "coroutine.wrap(function(a) while true do a = coroutine.yield($v, a) $S end end)",
		"made($n)", "made($n)", "call($v, $v)", "t[$k]", "t", "try($v, $v)", "x0.a", "P[$n]", "co", "{t, t = t}", "nil", "false", "newproxy(true)", "newproxy()"},
	'S': {"$g = $v", "$g = $v", "$h = $v", "$h = $v", "t[$k] = $v", "t[$v] = $v", "t[$k] = nil", "local l = $v $S $g = l", "do local a, b = $v, $v $S $h = a $g = b end",
		"w[$v] = $v", "W[$v] = $v", "W[1] = $h", "keep($v)", "call($v, $v, $v)", "call($g, $h)", "call(P[$n], $v, $v)", "P[$n]($v, $v)", "pcall(P[$n], $v, $v)", "xpcall(function() P[$n]($v) end, function(e) $S return e end)",
		"try(function(...) $S error($v) end, $v)", "pcall(function() call(function() $S error($v) end) end)", "pcall(fail, $v)", "pcall(function() $S error($v) end)",
		"$g.a = $v", "$h[$k] = $v", "rawset($h, $k, $v)", "setmetatable($h, $v)", "setmetatable($g, $v)", "$g = getmetatable($v)", "setmetatable($h, {__index = function(t, k) $S return $v end, __newindex = function(t, k, v) rawset(t, k, v) $S end, __call = function(...) $S return ... end, __eq = function(a, b) $S return true end, __len = function() return $n end})",
		"setmetatable($g, {__index = function(t, k) return $v end, __newindex = function(t, k, v) $S end})", "$g = $v == $v", "$g = #$h", "$g = $h .. $v", "$g = $h + 1", "$g = $h < $g", "$g = $h == $g", "$g = tostring($h)", "$g = $h($v)", "$h($g, $v)",
		"for k, v in pairs($h) do $g = v $S break end", "for k, v in pairs(t) do t[k] = nil end", "for i, v in ipairs($h) do $S break end", "for k, v in next, $h do $h[k] = $v break end",
		"coroutine.resume($v, $v)", "$g = coroutine.wrap(function(a) $S coroutine.yield(a) $S end) $g($v)", "call(coroutine.wrap(function() call(coroutine.yield) end))", "coroutine.resume(co, $v)", "$h = co", "co = made(2)",
		"table.insert($h, $v)", "table.insert(t, 1, $v)", "$g = table.remove(t)", "table.sort({$v, $v, $v}, function(a, b) $S return false end)", "pcall(table.sort, $h, function(a, b) $S return false end)", "$g = table.concat({$h, $v})", "$g = select('#', unpack(t))",
		"collectgarbage()", "collectgarbage()", "ngc()", "ngc()", "NP($v) ngc()", "end_loans()", "bury($v)", "N = N", "setfenv(function() $S end, {x = $v})()", "$g = setfenv(function() return x end, $h)", "setfenv($h, $v)", "$g = getfenv($h)",
		"$g = {} $h = $g $g.x = $v", "local l = {} keep(l) l.a = l $g = l", "local l = {} l[l] = l $h = l", "local l = {} for i = 1, $n do l[i] = {l, i} end $h = l", "for i = 1, $n do $h = {i, {$v}} end", "for i = 1, $n do keep(function() return i, $g end) end",
		"pcall(function() for i = 1, 300 do $h = {$h, ('x'):rep(100) .. i} end end) $h = nil", "pcall(function() local l = {} for i = 1, 100 do l[i] = {i, ('y'):rep(50) .. i} end keep(l) end)",
		"pcall(function() for i = 1, 300 do $g = {$g, ('x'):rep(500) .. i} end end) $g = nil", "pcall(string.rep, 'x', 30000)", "pcall(string.rep, 'x', 3e6)",
		"local function f(n) if n > 0 then return try(f, n - 1) end $S end f($n)", "local function f(n) if n > 0 then return call(f, n - 1) end $S end pcall(f, $n)", "local function f() return call(f) end pcall(f)",
		"local function f(...) return call(function(...) local r = f(...) return r end, ...) end pcall(f, $v)", "local t = {} for i = 1, 60 do t = {t} end $h = t", "local t = {} for i = 1, 300 do t = {t} end pcall(keep, t)",
		"$g = debug.getmetatable($h)", "local mt = debug.getmetatable($h) if type(mt) == 'table' then pcall(function() for k, v in pairs(mt) do $g = v end end) end", "pcall(debug.setmetatable, $h, $v)", "debug.setmetatable({}, debug.getmetatable(t))[1] = $v",
		"pcall(debug.getmetatable(t).__gc, $h)", "pcall(debug.getmetatable(t).__gc, select(2, debug.getupvalue(made, 1)))", "pcall(debug.setupvalue, call, 1, $v)", "pcall(debug.setupvalue, made(1), 1, nil) ngc()", "pcall(debug.getmetatable(t).__index, $v, $v)", "pcall(debug.getmetatable(t).__newindex, $v, $v)", "pcall(debug.getmetatable(t).__add, $v, $v)",
		"local p = debug.setmetatable($h, nil) $g = next(p) ngc()", "far($v)", "die($n)", "fardie($n)", "$S $S", "if $g then $S else $S end", "while true do $S break end", "local a = {} for i = 1, $n do a[i] = function() return a end end $h = a",
		"do local s = {} s.on = function() return s end keep(s) $h = function() return s, $h end end", "string.gsub('abc', '.', function(c) $S return c end)", "$g = string.format('%s', tostring($v))", "loadstring('x1 = ...')($v)"},
	'w': {"$n", "'f' .. $n", "$h", "$h", "a", "b", "{}", "{$w, $w, a = $w}", "{[$w] = $w}", "function(...) $F return ... end", "function() return $h end", "FP($w)", "setmetatable({$w}, {__mode = $m})", "setmetatable({$w}, {__index = $w})",
		"made($n)", "t", "t[$k]", "coroutine.create(function(...) $F coroutine.yield($w) end)", "coroutine.wrap(function(a) while true do a = coroutine.yield(a) $F end end)", "call($w, $w)", "newproxy(true)", "nil", "true"},
	'F': {"$h = $w", "$h = $w", "t[$k] = $w", "t[$w] = $w", "w[$w] = $w", "w[$h] = $h", "call($h, $w)", "call(a, $w, b)", "pcall(call, a, $w)", "pcall(function() $F error($w) end)", "try($h, $w)", "error($w)", "collectgarbage()", "collectgarbage()", "collectgarbage('step')",
		"egc($n)", "local l = $w $F $h = l", "for i = 1, $n do local l = {i, $w} end", "pcall(function() local l = {} for i = 1, 200 do l[i] = ('z'):rep(200) .. i end end)", "pcall(string.rep, 'x', 40000)", "local f f = function() return f() + 1 end pcall(f)",
		"setmetatable($h, {__index = $w, __newindex = $w, __call = $w})", "local l = $h $F l.a = $w", "FP($w) collectgarbage()", "coroutine.wrap(function(...) $F call($h, ...) $F end)(a)", "coroutine.resume($w, $w)", "xpcall(function() $F call($h) end, function(e) $F return e end)",
		"for k, v in pairs(t) do t[k] = nil $F break end", "$h = tostring($h)", "$h = $h == $h", "far($w)", "fardie($n)", "ngc()", "P[$n] = function(a, b) $F return $w end", "t = {}", "w = {}", "$F $F", "$h = nil", "table.foreach(t, function(k, v) $F end)", "pcall(table.sort, {3, 1, 2}, function(a, b) call($h) return a < b end)"},
}

// expand writes something of a kind. The deeper it is, the simpler.
func (g *writer) expand(kind byte) string {
	g.depth++
	defer func() { g.depth-- }()
	list := templates[kind]
	simple := func(s string) bool {
		switch {
		case g.depth > 8:
			return !strings.Contains(s, "$")
		case g.depth > 6:
			return !strings.ContainsAny(s, "$") || !strings.Contains(s, "$S") && !strings.Contains(s, "$F") && !strings.Contains(s, "$v") && !strings.Contains(s, "$w")
		case g.depth > 4:
			return !strings.Contains(s, "$S") && !strings.Contains(s, "$F")
		}
		return true
	}
	for try := 0; try < 200; try++ {
		if s := list[g.IntN(len(list))]; simple(s) {
			var b strings.Builder
			for i := 0; i < len(s); i++ {
				if s[i] == '$' {
					i++
					b.WriteString(g.expand(s[i]))
					continue
				}
				b.WriteByte(s[i])
			}
			return b.String()
		}
	}
	return "nil"
}

// statements protects each for itself.
func (g *writer) statements(kind byte) []string {
	var list []string
	for range 1 + g.IntN(5) {
		list = append(list, "pcall(function(...) "+g.expand(kind)+" end, 1)")
	}
	return list
}

// conditions are those under which programs run.
type conditions struct {
	near, far int // bytes of memory
	layout    heap.Layout
	weak      string // the mode of W
}

func (g *writer) conditions() conditions {
	return conditions{
		near:   []int{16 << 20, 400 << 10, 16 << 20}[g.IntN(3)],
		far:    []int{0, 60000, 30000 + g.IntN(20000)}[g.IntN(3)],
		layout: []heap.Layout{heap.SDK16, heap.Ideal}[g.IntN(2)],
		weak:   []string{"k", "v", "kv"}[g.IntN(3)],
	}
}

// step is what happens at a time.
type step struct {
	what              string // near, far: run code there; end: loans end; boot: there is another far side
	head, tail        string
	code              []string
	nearDies, farDies int64 // after how many instructions
}

func (g *writer) steps() []step {
	var list []step
	for range 5 + g.IntN(5) {
		s := step{nearDies: 3e6, farDies: 3e6}
		if g.IntN(2) == 0 {
			s.nearDies = int64(g.IntN(1 << g.IntN(13)))
		}
		if g.IntN(2) == 0 {
			s.farDies = int64(g.IntN(1 << g.IntN(13)))
		}
		switch g.IntN(8) {
		case 0, 1, 2:
			s.what, s.head, s.code, s.tail = "far", fmt.Sprintf("P[%d] = function(a, b)", g.IntN(5)), g.statements('F'), "return "+g.expand('w')+" end"
		case 3:
			s.what, s.code = "far", g.statements('F')
		case 4:
			if s.what = "end"; g.IntN(5) == 0 {
				s.what = "boot"
			}
		default:
			s.what, s.code = "near", g.statements('S')
		}
		list = append(list, s)
	}
	return list
}

func (s step) source() string {
	return strings.TrimSpace(s.head + "\n" + strings.Join(s.code, "\n") + "\n" + s.tail)
}

const farPrelude = `
	x0, x1, x2, x3 = {name = "x0"}, function(...) return ... end, {1, 2, 3}, nil
	P, t, w = {}, {}, setmetatable({}, {__mode = "k"})
	function call(f, ...) if type(f) == "function" then return f(...) end return f, ... end
	function try(f, ...) return pcall(f, ...) end
	function fail(x) error(x) end
	function keep(x) t[#t % 5 + 1] = x end
	function FP(x) local p = newproxy(true) getmetatable(p).__gc = function(q) local y = x x = {y} if type(y) == "function" then y(q) end end return p end
	function made(n)
		if n == 0 then return {n, {n}} elseif n == 1 then return function(...) return n, ... end elseif n == 2 then
			return coroutine.create(function(a) while true do a = coroutine.yield(a) end end)
		elseif n == 3 then return newproxy(true) end
		return setmetatable({n}, {__index = function(t, k) return k end, __gc = 1})
	end
	co = made(2)
`

const nearPrelude = `
	function N.P(x) local p = newproxy(true) getmetatable(p).__gc = function(q) local y = x x = {y} if type(y) == "function" then y(q) end end return p end
	function N.F(x) return function(...) return x, ... end end
`

// program is what a seed makes of both sides.
type program struct {
	*sides
	with     conditions
	near0    vm.Ref
	over     bool
	nearDies int64
	farDies  int64
	farOwn   map[vm.Value]bool // global variables that Lua has of its own
	farMeta  vm.Value          // what _G has at first, and the globals of the near side
	nearMeta vm.Value
}

var goWords = []string{"runtime error", "nil pointer", "goroutine", "interface conversion", "panic", "unreachable"}

func newProgram(tb testing.TB, with conditions) *program {
	p := &program{sides: &sides{tb: tb}, with: with}
	p.nearDies, p.farDies = 1<<62, 1<<62
	dies := func(v **vm.VM, at *int64) func() {
		return func() {
			if (*v).CPU() > *at {
				*at = 1 << 62
				(*v).Kill("over")
			}
		}
	}
	p.near = vm.New(vm.Config{Heap: heap.New(heap.Config{Layout: heap.Ideal, Size: with.near}), TableLen: true, SliceNanos: 1000, Slice: dies(&p.near, &p.nearDies)})
	p.near.SetPrices(vm.Prices{Instruction: 1, Call: 1})
	lualib.Open(p.near)
	p.m = membrane.New(p.near)
	p.nearMeta = p.near.RawMetatable(p.near.Globals())
	n := p.near.NewTable(0, 8)
	p.near0 = p.near.Ref(n, "N")
	p.near.RawSet(p.near.Globals(), vm.String("N"), n)
	weak := p.near.NewTable(0, 0)
	mode := p.near.NewTable(0, 1)
	p.near.SetField(mode, "__mode", vm.String(with.weak))
	p.near.SetMetatable(weak, mode)
	p.near.RawSet(p.near.Globals(), vm.String("W"), weak)
	ngc := func(c *vm.Call) int { p.near.Collect(); return 0 }
	setNear := func(name string, fn func(c *vm.Call) int) {
		p.near.RawSet(p.near.Globals(), vm.String(name), p.near.NewFunction(vm.Func{Name: name, Fn: fn}))
	}
	setNear("ngc", ngc)
	setNear("end_loans", func(c *vm.Call) int { p.m.EndLoans(); return 0 })
	setNear("bury", func(c *vm.Call) int { return 0 })
	setNear("die", func(c *vm.Call) int { p.dieSoon(p.near, &p.nearDies, c.Int(1)); return 0 })
	p.farHeap()
	if got := p.run(p.near, nearPrelude+"NP, NF = nil, nil"); got != "" {
		tb.Fatal(got)
	}
	for _, name := range []string{"P", "F"} {
		p.near.RawSet(p.near.Globals(), vm.String("N"+name), p.near.RawGetString(n, name))
	}
	return p
}

// dieSoon has a side killed, as programs want it.
func (p *program) dieSoon(v *vm.VM, at *int64, n int) {
	if !p.over {
		*at = v.CPU() + int64(n*7)
	}
}

// farHeap boots the far side with a heap as a device's.
func (p *program) farHeap() {
	c := heap.Config{Layout: p.with.layout, Size: p.with.far}
	p.far = vm.New(vm.Config{Heap: heap.New(c), SliceNanos: 1000, Slice: func() {
		if p.far.CPU() > p.farDies {
			p.farDies = 1 << 62
			p.far.Kill("over")
		}
	}})
	p.far.SetPrices(vm.Prices{Instruction: 1, Call: 1})
	lualib.Open(p.far)
	set := func(name string, fn func(c *vm.Call) int) {
		p.far.SetField(p.far.ROMGlobals(), name, p.far.NewFunction(vm.Func{Name: name, Fn: fn}))
	}
	modes := [][2]int{{heap.EGCAlways}, {heap.EGCNotActive}, {heap.EGCOnAllocFailure}, {heap.EGCOnMemLimit, -20000}}
	set("egc", func(c *vm.Call) int { m := modes[c.Int(1)%len(modes)]; p.far.SetEGC(m[0], m[1]); return 0 })
	set("fardie", func(c *vm.Call) int { p.dieSoon(p.far, &p.farDies, c.Int(1)); return 0 })
	set("far", func(c *vm.Call) int { p.far.Collect(); return 0 })
	set("ngc", func(c *vm.Call) int { p.near.Collect(); return 0 })
	p.farMeta = p.far.RawMetatable(p.far.Globals())
	p.farOwn = map[vm.Value]bool{}
	for k, _, ok := p.far.RawNext(p.far.Globals(), vm.Nil); ok && k != vm.Nil; k, _, ok = p.far.RawNext(p.far.Globals(), k) {
		p.farOwn[k] = true
	}
	p.far.StartAccounting()
	p.m.Attach(p.far, func(fn vm.Value) *vm.Error {
		_, err, _ := p.far.Call(fn, 0)
		return err
	})
	fn, err := p.far.LoadFlash([]byte(lamp+farPrelude), "=it")
	if err != nil {
		p.tb.Fatal(err)
	}
	if _, err, _ := p.far.Call(fn, 0); err != nil {
		p.tb.Fatal(err)
	}
}

// clear takes all out of a table but some.
func (p *program) clear(v *vm.VM, t *vm.Table, meta vm.Value, but map[vm.Value]bool) {
	v.SetMetatable(t, meta)
	var keys []vm.Value
	for k, _, ok := v.RawNext(t, vm.Nil); ok && k != vm.Nil; k, _, ok = v.RawNext(t, k) {
		if !but[k] {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		v.RawSet(t, k, vm.Nil)
	}
}

// do takes a step, and notes what became of it.
func (p *program) do(s step) {
	v := p.near
	switch s.what {
	case "end":
		p.m.EndLoans()
		return
	case "boot":
		p.farHeap()
		return
	case "far":
		v = p.far
	}
	fn, err := v.LoadFlash([]byte(s.source()), "=it")
	if err != nil {
		if err.Error() != vm.OutOfMemory {
			p.tb.Fatal(err, s)
		}
		return
	}
	p.nearDies, p.farDies = p.near.CPU()+s.nearDies, p.far.CPU()+s.farDies
	got, lerr, kill := v.Call(fn, -1)
	end := ""
	switch {
	case kill != nil:
		end = "killed"
	case lerr != nil:
		end = lerr.Message()
	default:
		end = shown(v, got)
	}
	if left := p.m.Unwound(); left != nil {
		if _, is := left.(*vm.Kill); !is {
			p.tb.Errorf("unwound by %v", left)
		}
		end = "left"
	}
	if slices.ContainsFunc(goWords, func(w string) bool { return strings.Contains(end, w) }) {
		p.tb.Error(end)
	}
}

// Programs that must go well behind all others.
const (
	nearSimple = `local s = {} for i = 1, 5 do s[i] = {i} end keep2 = s
		local l = Lamp2.new("q") local n = 0 l:each(function(x, y) n = n + x if y ~= l then n = -100 end end)
		local function f() return 3 end l:on(f)
		return n, l.name, #keep2, keep2 == s, keep2[3][1], l.fn == f, l:fire(), pcall(function() l:each(function() error("e", 0) end) end)`
	farSimple = `local l = {} for i = 1, 30 do l[i] = {i, tostring(i)} end return #l, l[30][2], pcall(error, "x", 0)`
	lamp2     = `Lamp2 = {} Lamp2.__index = Lamp2 function Lamp2.new(n) return setmetatable({name = n, list = {1, 2, 3}}, Lamp2) end
		function Lamp2:each(fn) for i, x in ipairs(self.list) do fn(x, self) end end function Lamp2:on(fn) self.fn = fn end function Lamp2:fire() return self.fn() end`
)

// Random programs of both sides, which run out of memory and are killed anywhere, leave both
// such that further ones go well.
func TestRandomProgramsOnBothSides(t *testing.T) {
	first, n := uint64(0), uint64(40)
	if s := os.Getenv("MEMBRANE_SEEDS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d,%d", &first, &n); err != nil {
			t.Fatal(err)
		}
	}
	for seed := first; seed < first+n && !t.Failed(); seed++ {
		runBoth(t, fmt.Sprint("seed ", seed), rand.NewPCG(seed, 13))
	}
}

// choices are what a fuzzer chooses, and behind their end what chance does.
type choices struct {
	data []byte
	rest *rand.PCG
}

func (c *choices) Uint64() uint64 {
	if len(c.data) < 2 {
		return c.rest.Uint64()
	}
	x := uint64(c.data[0])<<8 | uint64(c.data[1])
	c.data = c.data[2:]
	return x<<48 | x<<16 | 1 // the upper bits of either half count
}

func FuzzBothSides(f *testing.F) {
	f.Add([]byte("the two sides of a membrane"))
	f.Fuzz(func(t *testing.T, data []byte) {
		runBoth(t, "fuzz", &choices{data, rand.NewPCG(1, 13)})
	})
}

func runBoth(t testing.TB, name string, source rand.Source) {
	g := &writer{Rand: rand.New(source)}
	with, steps := g.conditions(), g.steps()
	r := &result{TB: t}
	r.run(with, steps)
	if r.failed == "" {
		return
	}
	less := func(steps []step) bool { // fails in the same way
		x := &result{TB: t}
		x.run(with, steps)
		return x.failed != ""
	}
	for again := true; again; {
		again = false
		for i := len(steps) - 1; i >= 0; i-- {
			if fewer := slices.Delete(slices.Clone(steps), i, i+1); less(fewer) {
				steps, again = fewer, true
				continue
			}
			for j := len(steps[i].code) - 1; j >= 0; j-- {
				fewer := slices.Clone(steps)
				if fewer[i].code = slices.Delete(slices.Clone(steps[i].code), j, j+1); less(fewer) {
					steps, again = fewer, true
				}
			}
		}
	}
	x := &result{TB: t}
	x.run(with, steps)
	t.Errorf("%s: %s\nmade smaller, with %+v: %s", name, r.failed, with, x.failed)
	for _, s := range steps {
		t.Errorf("%s, dies after %d and %d: %s", s.what, s.nearDies, s.farDies, s.source())
	}
}

// result is what a run of programs comes to.
type result struct {
	testing.TB
	failed string
}

func (r *result) Errorf(format string, args ...any) {
	if r.failed == "" {
		r.failed = fmt.Sprintf(format, args...)
	}
}

func (r *result) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (t *result) run(with conditions, steps []step) {
	defer func() {
		if x := recover(); x != nil {
			t.Errorf("host panic: %v\n%s", x, debug.Stack())
		}
	}()
	p := newProgram(t, with)
	for _, s := range steps {
		p.do(s)
	}
	p.over, p.nearDies, p.farDies = true, 1<<62, 1<<62
	p.near.RestartCollector()
	p.far.SetEGC(heap.EGCAlways, 0)
	sure := func(v *vm.VM, src, want string) {
		t.Helper()
		fn, err := v.LoadFlash([]byte(src), "=it")
		if err != nil {
			t.Error(err)
			return
		}
		got, lerr, kill := v.Call(fn, -1)
		text := shown(v, got)
		if lerr != nil {
			text = "error: " + lerr.Message()
		} else if kill != nil {
			text = "killed: " + kill.Reason
		}
		if r := p.m.Unwound(); r != nil {
			t.Errorf("unwound by %v", r)
		}
		if text != want {
			t.Errorf("%s\ngot  %s\nwant %s\n%v, %d bytes, %d free", src, text, want, p.m, v.LuaBytes(), v.FreeHeap())
		}
	}
	for range 8 { // a stack shrinks by halves
		p.clear(p.near, p.near.DerefTable(p.near0), vm.Nil, nil) // finalizers fill them again
		p.clear(p.near, p.near.Globals(), p.nearMeta, nil)
		p.clear(p.far, p.far.Globals(), p.farMeta, p.farOwn)
		p.m.Collect()
		p.far.Collect()
	}
	finalizers := slices.ContainsFunc(steps, func(s step) bool { return strings.Contains(s.source(), "NP(") || strings.Contains(s.source(), "FP(") })
	if got := p.m.String(); got != "1 handles, 0 functions, 0 loans" && !finalizers {
		t.Errorf("%s where nothing is left on either side", got)
	}
	if p.far.MemoryStats().CallInfos > 100 {
		return // the firmware's realloc had no room to make the stack smaller
	}
	sure(p.far, lamp2, "")
	sure(p.near, nearSimple, "6 q 5 true 3 true 3 false e")
	sure(p.far, farSimple, "30 30 false x")
}
