package vm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// writer writes random programs out of templates, in which $ and a letter stand for
// something that is chosen at random.
type writer struct {
	*rand.Rand
	depth int
	holds bool // programs also have things held from outside: see holding
}

// holding are statements that have things held from outside, or no longer.
var holding = []string{"hold($n, $v)", "hold($n, $v)", "hold($n, $g)", "hold($n, P($v))", "hold($n, coroutine.create(function(a) local x = $v $y end))", "hold($n, function() return $v end)",
	"hold($n, nat($v))", "hold($n, newproxy($b))", "hold($n, cs[$n])", "drop($n)", "drop($n)", "drop($n) drop($n) drop($n)", "$g = held($n)", "$g = drop($n)", "w[held($n) or 1] = $v", "w[#w + 1] = held($n)",
	"hold($n, setmetatable({}, {__mode = $m}))", "local l = held($n) if type(l) == 'table' then l[$e] = $v end", "local l = held($n) if type(l) == 'function' then pcall(l, $v) end",
	"local l = held($n) drop($n) $S", "hold($n, $v) collectgarbage('step')", "egc($n) hold($n, $v)", "for i = 1, $n do hold(i, {i, $v}) end", "for i = 1, $n do drop(i) end"}

// templates: g global variables, T tables, n numbers, m modes of weak tables, e keys, s
// strings, v values, b what newproxy takes, y what a coroutine does, S statements.
var templates = map[byte][]string{
	'g': {"g0", "g1", "g2", "g3", "g4", "g5"},
	'T': {"T($g)"},
	'n': {"0", "1", "2", "3", "5", "8", "13", "21", "40"},
	'm': {"'k'", "'v'", "'kv'", "'kv'", "nil", "'x'"},
	'e': {"'a'", "'b'", "1", "2", "3", "7", "1.5", "$s", "$s", "{}", "$g or 1", "true", "function() end", "f0"},
	's': {"'a'", "'bc' .. $n", "('yx'):rep($n)", "tostring($n * 37)", "tostring({})", "'s' .. tostring($g)", "('a,b,c'):gsub(',', '$n')",
		"table.concat({$s, 'q', $n}, $s)", "('n' .. $n):upper()", "string.format('%s-%d', $s, $n)"},
	'v': {"$s", "$s", "$n", "$g", "$g", "{}", "{$v, $v, k = $v}", "{[$e] = $v}", "function() return $g end", "(function(a) return function(b) a = b or a return a end end)($v)",
		"setmetatable({$v}, {__mode = $m})", "setmetatable({$v}, $T)", "P($v)", "newproxy($b)", "C($n)", "W($n)", "coroutine.create(function(a) local x = $v $y end)",
		"(function(...) return {...} end)($v, $v)", "select('#', $v, $v)", "t[$e]", "t[$g or 1]", "f0", "nil", "false",
		"setmetatable({}, {__index = function(t, k) $S return k end, __newindex = function(t, k, v) rawset(t, k, v) $S end, __call = function(self, ...) $S return ... end})",
		"gmatch()", "loadstring('return ' .. $n)", "loadstring('local a, b = ... t[a] = b')", "string.dump(function() return $n end)"},
	'b': {"true", "true", "nil", "false"},
	'y': {"coroutine.yield(x)", "coroutine.yield(x, {})", "pcall(coroutine.yield)", "coroutine.yield() $S coroutine.yield(a)", "for i = 1, 3 do coroutine.yield({i}) end", "error(x)",
		"local u = {} $g = function() u = {u} return u end coroutine.yield(u)", "local function d(i) local z = {i} if i > 0 then d(i - 1) else coroutine.yield(z) end end d($n)", "$S"},
	'S': {
		"$g = $v", "$g = $v", "$g = $v", "$g = nil", "local l = $v $S", "local l, m = $v, $v $S $g = m $S",
		"t[$e] = $v", "t[$e] = $v", "t[$e] = nil", "t[$n + 1] = $v", "t = {}", "t.x, t.y = $v, $v",
		"for i = 1, $n do local x = {$v, i} end", "for i = 1, $n do t['p' .. i] = $v t['p' .. i] = nil end",
		"for i = 1, $n do t[i + 0.5] = {} end for i = 1, $n do t[i + 0.5] = nil end t[$e] = $v",
		"for i = 1, $n do t['z' .. i] = {} end for i = 1, $n do if i % 5 > 0 then t['z' .. i] = nil end end t['new' .. $n] = $v $S for i = 1, $n do t['z' .. i] = nil end t['new' .. $n] = nil",
		"for k in pairs(t) do t[k] = nil $S end", "for k, v in pairs(t) do if type(v) == 'string' then t[k] = v .. 'x' end end", "local k for i = 1, 3 do k = next(t, k) if k == nil then break end t[k] = nil end",
		"do local s = '' for i = 1, $n do s = s .. i end $g = s end",
		"pcall(function() local f f = function(d) if d > 0 then f(d - 1) end return d end f($n) error($v) end)",
		"pcall(function() $S $S error($v) end)", "xpcall(function() $S error($v) end, function(e) $S return e end)",
		"$T.__mode = $m", "setmetatable(t, $T)", "setmetatable(t, nil)", "setmetatable($T, {__mode = $m})", "setmetatable($T, nil)", "w = setmetatable({}, {__mode = $m})",
		"w[$e] = $v", "w[$g or 1] = $v", "w[#w + 1] = $v", "w[{}] = $v", "w[$s] = {}", "for k, v in pairs(w) do n = k end n = nil",
		"P($v)", "$g = P($v)", "local l = P($v) $S", "P($v) P($v) collectgarbage()", "do local p = newproxy(true) getmetatable(p).__gc = function(x) $S end end", "do local p = newproxy(true) getmetatable(p).__gc = function(x) $g = x $S end getmetatable(p).x = $v $g = newproxy(p) end",
		"do local p = newproxy(true) getmetatable(p).__gc = function(x) error($v) end end", "do local p = newproxy(true) local mt = getmetatable(p) $g = mt p = nil $S mt.__gc = function() $S end end",
		"do local p = newproxy(true) getmetatable(p).__gc = function(x) local q = newproxy(true) getmetatable(q).__gc = function(y) $g = {x, y} end end end",
		"C($n)", "R($n, $v)", "R($n, $v)", "R($n)", "W($n)", "cs[$n] = nil", "cs = {}", "cs[$n] = coroutine.wrap(function(a) local x = $v $S $y $S return x end)", "cs[$n] = coroutine.create(function(...) local x = ... $y $S return ... end)",
		"pcall(coroutine.wrap(function(a) $S error($v) end))", "coroutine.wrap(function(a) local x = $v $S coroutine.wrap(function() $S x = {x} $S end)() end)()",
		"coroutine.wrap(function(a) $S R($n, $v) $S end)()",
		"setfenv(f0, setmetatable({}, {__index = _G}))", "setfenv(f0, _G)", "setfenv(1, setmetatable({$v}, {__index = _G, __newindex = _G}))", "f0 = function(...) $g = $v return ... end", "f0($v)", "$g = f0($v, $v)",
		"f0 = (function(a, b) f1 = function(x) b = a a = x return b end return function() return a end end)($v, $v)", "f1 = f1 or print f1($v)",
		"do local a, b = $v, $v $g = function(x) a, b = x, a return b end $S $g = a end", "for i = 1, 3 do local j = {i} cs[i] = cs[i] or function() j = {j} end end",
		"$g = table.concat({$s, $s, $s}, $s)", "pcall(table.sort, {3, 1, 2, 5, 4}, function(a, b) $S return a < b end)", "table.sort({$s, $s, $s})", "pcall(table.sort, {$s, $s, $s}, function(a, b) $S return a > b end)",
		"$g = ('abc'):gsub('.', function(c) $S return $s end)", "$g = ('a b c'):gsub('%w', {a = $s, b = $n})", "for a in ('k=v,k=w'):gmatch('%w') do $S end", "table.foreach({$v, $v}, function() $S end)",
		"table.insert(t, $v)", "table.insert(t, 1, $v)", "$g = table.remove(t)", "table.remove(t, 1)",
		"collectgarbage()", "collectgarbage('step')", "ask(collectgarbage('count'))", "ask()", "ask($s)", "egc($n)", "collectgarbage('stop')", "collectgarbage('restart')", "collectgarbage('setpause', $n0)", "collectgarbage('setstepmul', $n0)",
		"big($n)", "pcall(string.rep, 'x', $n00000)", "pcall(function() local b = {} for i = 1, 200 do b[i] = ('x'):rep(300) .. i end end)", "pcall(function() local function f() return 1 + f() end f() end)", "pcall(function() local s = 'x' while true do s = s .. s end end)",
		"$g = (function(...) local a = {...} $S return select($n % 3 + 1, ...) end)($v, $v, $v, $v)", "(function(...) local t = {n = select('#', ...), ...} $S $g = t end)($v, $v)", "old($v, $v)",
		"loadstring('local x = {} ' .. 'g1 = function() return x end t.q = ' .. $n)()", "loadstring(string.dump(function(a) t.d = {a} end))($v)", "load(function() $S return nil end)",
		"ref($n, $v)", "unref($n)", "ref($n, function() return $v end)", "strip($g)", "snap()", "nat($v, $v)", "$g = nat($v)", "$g = debug.traceback($s)", "getfenv(f0).zz = $v", "t[getfenv(f0)] = $v",
		"tostring(setmetatable({}, {__tostring = function() $S return $s end}))", "local a = setmetatable({}, {__concat = function(a, b) $S return $v end}) $g = a .. $s", "local a = setmetatable({}, {__eq = function(a, b) $S return $v end}) $g = a == setmetatable({}, getmetatable(a))",
		"local a = setmetatable({}, {__lt = function(a, b) $S return $v end}) $g = a < a", "local a = setmetatable({}, {__index = $T}) $g = a[$e]", "local a = setmetatable({}, {__newindex = $T}) a[$e] = $v",
		"if $g then $S else $S end", "$S $S", "while true do $S break end",
	},
}

// expand writes something of a kind. The deeper it is, the simpler.
func (g *writer) expand(kind byte) string {
	g.depth++
	defer func() { g.depth-- }()
	list := templates[kind]
	if g.holds && kind == 'S' && g.IntN(5) == 0 {
		list = holding
	}
	for try := 0; ; try++ {
		s := list[g.IntN(len(list))]
		if g.depth > 4 && try < 50 && strings.Contains(s, "$S") || g.depth > 6 && try < 90 && strings.Contains(s, "$v") || g.depth > 9 && strings.Contains(s, "$") {
			if try > 200 {
				return "nil"
			}
			continue
		}
		text := fill(s, g.expand)
		if kind == 'S' {
			return " " + text + " "
		}
		return text
	}
}

// fill writes something of its kind in the place of each letter with a $ before it.
func fill(template string, expand func(kind byte) string) string {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] == '$' {
			i++
			b.WriteString(expand(template[i]))
			continue
		}
		b.WriteByte(template[i])
	}
	return b.String()
}

const soundPrelude = `
	local shared = {}
	function T(x) if type(x) == "table" then return x end return shared end
	function P(x) local p = newproxy(true) getmetatable(p).__gc = function(q) local y = x x = {y} end return p end
	cs = {}
	function C(n) cs[n] = coroutine.create(function(a) local x = {a} while true do a = coroutine.yield(x, a) x = {x[1], a} end end) return cs[n] end
	function R(n, ...) local c = cs[n] if type(c) == "thread" then return coroutine.resume(c, ...) elseif c then return pcall(c, ...) end end
	function W(n) cs[n] = coroutine.wrap(function(...) local x = {...} x = {coroutine.yield(x)} return x end) return cs[n] end
	function big(n) local b = {} for i = 1, n * 20 do b[i] = {i} end return #b end
	function old(...) local n = arg.n g1 = arg return n end
	function gmatch() return ("a b c"):gmatch("%w") end
	f0 = function(...) return ... end
	t, w = {}, setmetatable({}, {__mode = "k"})
`

// chunk writes a program: some of its statements are protected.
func (g *writer) chunk() string {
	var b strings.Builder
	for range 2 + g.IntN(7) {
		s := strings.TrimSpace(g.expand('S'))
		if g.IntN(3) == 0 {
			s = "pcall(function() " + s + " end)"
		} else {
			s = "do " + s + " end"
		}
		b.WriteString(s + "\n")
		if g.IntN(3) == 0 {
			b.WriteString("ask({})\n")
		}
	}
	return b.String()
}

// variant is how programs are run.
type variant struct {
	name         string
	quick, reuse bool
	rec          *vm.Recorder
	snapshots    bool
	check        bool // what is referred to at each collection
	held         bool // what lives anyhow is held from outside meanwhile
}

// soundRun is what became of programs: each collection and whatever they printed.
type soundRun struct {
	trace []string
	fail  string
}

func runSound(chunks []string, c heap.Config, seed uint64, x variant) (r soundRun) {
	defer func() {
		if p := recover(); p != nil {
			r.fail = fmt.Sprint("host panic: ", p)
		}
	}()
	var v *vm.VM
	refs := map[int]*vm.Ref{}
	until := int64(0)
	random := uint32(1)
	all := append([]string{soundPrelude}, chunks...)
	var image *vm.Image // of every other seed's programs
	if seed%2 == 1 {
		var modules []string
		for i, src := range all {
			modules = append(modules, soundName(i), src)
		}
		var err error
		if image, err = imageOf(modules...); err != nil {
			r.fail = err.Error()
			return r
		}
	}
	v = vm.NewFlashed(vm.Config{Output: func(s string) { r.trace = append(r.trace, "print "+s) }, Heap: heap.New(c), SliceNanos: 5000, Recorder: x.rec,
		Random: func() uint32 { random = random*1664525 + 1013904223; return random },
		Slice: func() {
			if v.CPU() > until {
				v.Kill("watchdog")
			}
		}}, image)
	v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000})
	openLibs(v)
	v.SetQuick(x.quick)
	v.SetReuse(x.reuse)
	note := func(what string) {
		r.trace = append(r.trace, what+" "+v.Layout()+fmt.Sprintf(" at %d ns", v.CPU()))
		if x.check && r.fail == "" {
			if p := v.CheckReferences(); p != "" {
				r.fail = what + ": " + p + fmt.Sprint(" at ", len(r.trace))
			}
		}
	}
	asked := 0
	v.SetOnCollected(func() { note("collected") })
	rom := v.ROMGlobals()
	var forever [3]vm.Held
	holdForever := func() {
		if !x.held {
			return
		}
		i := asked % len(forever)
		asked++
		if forever[i] != 0 {
			v.Drop(&forever[i])
			return
		}
		if y := []vm.Value{v.Globals(), v.RawGetString(v.Globals(), "T"), v.RawGetString(v.Globals(), "P")}[i]; y != vm.Nil {
			forever[i] = v.Hold(y)
		}
	}
	set := func(name string, fn func(c *vm.Call) int) {
		v.SetField(rom, name, v.NewFunction(vm.Func{Name: name, Fn: fn}))
	}
	type holder struct {
		held vm.Held
		x    vm.Value
	}
	holders := map[int]holder{}
	drop := func(n int) {
		if h, ok := holders[n]; ok {
			delete(holders, n)
			v.Drop(&h.held)
		}
	}
	set("hold", func(c *vm.Call) int {
		n := c.Int(1)
		switch y := c.Arg(2).(type) {
		case *vm.Table, *vm.Function, *vm.UserData, *vm.Thread:
			drop(n)
			holders[n] = holder{v.Hold(y), y}
		}
		return 0
	})
	set("held", func(c *vm.Call) int {
		if h, ok := holders[c.Int(1)]; ok {
			c.Push(h.x)
			return 1
		}
		return 0
	})
	set("drop", func(c *vm.Call) int {
		h, ok := holders[c.Int(1)]
		if ok {
			c.Push(h.x)
			drop(c.Int(1))
			return 1
		}
		return 0
	})
	set("ask", func(c *vm.Call) int {
		holdForever()
		s, _ := v.ToString(c.Arg(1))
		note("asked " + s)
		return 0
	})
	set("egc", func(c *vm.Call) int {
		m := soundModes[c.Int(1)%len(soundModes)]
		v.SetEGC(m[0], m[1])
		return 0
	})
	set("ref", func(c *vm.Call) int {
		n := c.Int(1)
		if refs[n] == nil {
			refs[n] = new(vm.Ref)
		}
		v.SetRef(refs[n], c.Arg(2), "r")
		return 0
	})
	set("unref", func(c *vm.Call) int {
		n := c.Int(1)
		if refs[n] != nil && *refs[n] != 0 {
			c.Push(v.Deref(*refs[n]))
			v.Unref(refs[n])
			return 1
		}
		return 0
	})
	set("strip", func(c *vm.Call) int {
		if f, ok := c.Arg(1).(*vm.Function); ok && !vm.IsNative(f) {
			v.StripDebug(f, vm.KeepNothing)
		}
		return 0
	})
	set("snap", func(c *vm.Call) int {
		if x.snapshots {
			v.HeapSnapshot(nil)
			v.Usage()
		}
		return 0
	})
	set("nat", func(c *vm.Call) int {
		fn := v.NewClosure(vm.Func{Name: "n", Fn: func(c *vm.Call) int { x := c.Upvalue(1); c.SetUpvalue(1, c.Arg(1)); c.Push(x); return 1 }}, c.Arg(1), vm.String("up"))
		c.Push(fn)
		return 1
	})
	for i, src := range all {
		until = v.CPU() + 30e6
		if seed%3 == 0 && i > 0 {
			until = v.CPU() + int64(seed*7919*uint64(i)%4000)*1000
		}
		if seed%5 == 0 {
			v.Collect()
		}
		var fn vm.Value
		var err error
		if image != nil {
			if fn, err = fromFlash(v, soundName(i)); fn == nil { // killed, or a finalizer has failed
				note(fmt.Sprint("index ", err))
				continue
			}
		} else {
			fn, err = v.Load([]byte(src), "=s"+strconv.Itoa(i))
		}
		if err != nil {
			if err.Error() != vm.OutOfMemory {
				r.fail = "load: " + err.Error() + "\n" + src
				return r
			}
			note("load " + err.Error())
			continue
		}
		_, lerr, kill := v.Call(fn, 0)
		end := "well"
		if lerr != nil {
			end = lerr.Message()
		} else if kill != nil {
			end = "killed"
		}
		if slices.ContainsFunc(goWords, func(w string) bool { return strings.Contains(end, w) }) {
			r.fail = end
		}
		note(end)
		if p := v.CheckAccount(); p != "" && r.fail == "" {
			r.fail = p
		}
		if x.snapshots {
			v.HeapSnapshot(nil)
		}
	}
	return r
}

// soundName is the name of a program: its module's, if it lies in flash.
func soundName(i int) string { return "s" + strconv.Itoa(i) }

// soundModes are those that programs choose of.
var soundModes = [][2]int{{heap.EGCAlways}, {heap.EGCAlways}, {heap.EGCAlways}, {heap.EGCAlways}, {heap.EGCNotActive}, {heap.EGCOnAllocFailure},
	{heap.EGCOnMemLimit, 30000}, {heap.EGCOnMemLimit, -20000}, {heap.EGCAlways | heap.EGCOnMemLimit, 25000}}

// Random programs run the same in full collections and in quick ones, whether dead
// objects are used again or not, and whoever looks: with snapshots and a recorder. Every other
// one lies in flash. They
// are killed and run out of memory anywhere, and all that is referred to at a collection
// is there.
func TestRandomProgramsAreSound(t *testing.T) {
	first, end := seeds(t, 10)
	list := []uint64{40634} // memory runs out in a quick collection that makes a stack smaller
	for seed := first; seed < end; seed++ {
		list = append(list, seed)
	}
	for _, seed := range list {
		if t.Failed() {
			break
		}
		g := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
		var chunks []string
		for range 4 + g.IntN(4) {
			chunks = append(chunks, g.chunk())
		}
		c := heap.Config{Layout: []heap.Layout{heap.SDK16, heap.SDK8, heap.Ideal}[g.IntN(3)], Size: []int{0, 0, 60000, 24000 + g.IntN(20000)}[g.IntN(4)]}
		testSound(t, chunks, c, seed)
	}
}

// Random programs do the same while a native function holds what they give it, and gives it
// back, at any moment.
func TestProgramsWithHeldValuesAreSound(t *testing.T) {
	first, end := seeds(t, 6)
	for seed := first; seed < end && !t.Failed(); seed++ {
		g := &writer{Rand: rand.New(rand.NewPCG(seed, 11)), holds: true}
		var chunks []string
		for range 4 + g.IntN(4) {
			chunks = append(chunks, g.chunk())
		}
		c := heap.Config{Layout: []heap.Layout{heap.SDK16, heap.SDK8, heap.Ideal}[g.IntN(3)], Size: []int{0, 0, 60000, 24000 + g.IntN(20000)}[g.IntN(4)]}
		testSound(t, chunks, c, seed)
	}
}

// testSound runs programs in full collections and in the other ways.
func testSound(t *testing.T, chunks []string, c heap.Config, seed uint64) {
	full := runSound(chunks, c, seed, variant{name: "full"})
	for _, x := range []variant{
		{name: "quick", quick: true, reuse: true, check: seed%2 == 0},
		{name: "looked at", quick: true, rec: &vm.Recorder{Allocations: true, CPU: seed%8 == 0}, snapshots: true},
		{name: "full, with objects used again", reuse: true},
		{name: "full, with things held from outside that live anyhow", held: true},
		{name: "quick, with things held from outside that live anyhow", quick: true, reuse: true, held: true},
	} {
		r := runSound(chunks, c, seed, x)
		if r.fail == "" {
			r.fail = full.fail
		}
		for i := 0; i < max(len(r.trace), len(full.trace)) && r.fail == ""; i++ {
			at := [2]string{"nothing", "nothing"}
			for j, trace := range [2][]string{r.trace, full.trace} {
				if i < len(trace) {
					at[j] = trace[i]
				}
			}
			if at[0] != at[1] {
				r.fail = fmt.Sprintf("step %d of %d: %s, in full %s", i, len(r.trace), short(at[0]), short(at[1]))
			}
		}
		if r.fail != "" {
			t.Errorf("seed %d, %s: %s\n%s", seed, x.name, r.fail, strings.Join(chunks, "----\n"))
			return
		}
	}
}

// A coroutine that stops, or goes on, takes what its stack refers to into the graph or
// out of it, and once only what closures share with the stack.
func TestCoroutinesThatStopAreSound(t *testing.T) {
	for i, body := range []string{
		"local function d(i) if i > 0 then d(i - 1) else ask() coroutine.yield() end end d(2)",
		"local a, b = {}, {} local function f() return a, b, f end ask() coroutine.yield() ask() coroutine.yield() f = nil ask() coroutine.yield()",
		"local a = {} local f = function() return a end ask() coroutine.yield() f = nil ask() a = nil ask() coroutine.yield()",
		"local f local a = {function() return f end} f = function() return a end ask() coroutine.yield() a = nil ask() coroutine.yield() f = {} ask() coroutine.yield()",
		"local a local f = function() return a end a = {f, {}} f = nil ask() coroutine.yield() a[1] = nil ask() coroutine.yield() a = nil ask() coroutine.yield()",
		"for i = 1, 3 do local a = {i} cs[i + 1] = function() a = {a} return a end ask() coroutine.yield() R(i + 1) ask() coroutine.yield() cs[i + 1] = nil end",
	} {
		chunks := []string{"cs[1] = coroutine.create(function() coroutine.yield() " + body + " end)"}
		for range 4 {
			chunks = append(chunks, "ask() ask() ask() ask() ask() R(1)", "ask({}) local x = {} x = nil ask()")
		}
		chunks = append(chunks, "cs = {} ask()", "ask({})")
		testSound(t, chunks, heap.Config{Layout: heap.SDK16}, uint64(1+2*i)*2)
	}
}
