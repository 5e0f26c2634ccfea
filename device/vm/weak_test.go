package vm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// weakTemplates are those of programs about weak tables and finalizers: n numbers, s
// strings, o objects, v values, k keys, m modes, w places of weak tables, W weak tables,
// X statements. See templates.
var weakTemplates = map[byte][]string{
	'n': {"1", "2", "3", "4", "5"},
	's': {"('s' .. $n)", "('s' .. $n)", "('long' .. $n .. $n)", "'c$n'", "tostring(os_n())"},
	'o': {"{}", "{$s}", "newproxy()", "P()", "P()", "PP()", "O[$n]", "O[$n]", "L[$n]", "function() return O[$n] end", "back", "kv[$s]", "CO($n)", "UP(O[$n])", "PM(O[$n])", "Q($n)"},
	'v': {"$o", "$o", "$o", "$s", "$s", "$n", "nil", "nil", "{[$s] = $o}", "{$o, $o}", "WT($m, $k, $o)", "W[$w]"},
	'k': {"$o or 1", "$o or 2", "$s", "$s", "$s", "$n", "$n"},
	'm': {"'k'", "'v'", "'kv'", "'kv'", "'kv'", "nil"},
	'w': {"1", "2", "3", "4", "5", "6"},
	'W': {"W[$w]", "W[$w]", "kv", "kv"},
	'X': {
		"$W[$k] = $v", "$W[$k] = $v", "$W[$k] = $v", "$W[$k] = $v", "$W[$s] = $s", "kv[$o or 1] = $s", "kv[$s] = $s kv[$s] = nil", "kv[$s] = $o", "kv[$o or 1] = $s local x = $s O[$n] = x",
		"O[$n] = $v", "O[$n] = $v", "O[$n] = nil", "O[$n] = nil", "L[$n] = $v", "O = {}",
		"W[$w] = WT($m, $k, $v)", "do local w = WT($m, $k, $v) $X w[$k] = $v $X O[$n] = w end", "do local l, m = $v, $v $X $W[$k] = m $X O[$n] = l end",
		"for i = 1, $n * 4 do $W['s' .. i] = $v end", "for i = 1, $n * 4 do $W['s' .. i] = nil end", "for i = 1, $n * 3 do $W[$o or i] = 's' .. i end", "for k, v in pairs($W) do ask(tostring(type(v))) end",
		"for k, v in pairs($W) do O[$n] = k end", "for k in pairs($W) do $W[k] = nil end",
		"MT($W).__mode = $m", "setmetatable($W, {__mode = $m})", "setmetatable($W, MT($W))", "rawset(MT($W), '__mode', $m)", "O[$n] = MT($W)",
		"GC(function(o) $X end)", "GC(function(o) back = o $X end)", "GC(function(o) $W[o] = $v $W[$k] = o end)", "GC(function(o) O[$n] = o GC(function() $X end) end)", "GC(function(o) error($v) end)",
		"GC(function(o) pcall(error, $v) $X ask() end)", "GC(function(o) collectgarbage('restart') local x = {} $X collectgarbage() $X end)", "GC(function(o) loadstring('x = 1') $X end)", "GC(function() coroutine.yield(1) end)", "GC(function() pcall(coroutine.wrap(function() $X coroutine.yield() end)) $X end)",
		"GC(function(o) if kill then test.kill() end while kill do end end)", "GC(function(o) local t = {} pcall(string.rep, 'x', 1e6) $X end)", "GC(function(o) getmetatable(o).__gc = function() $X end end)",
		"H = {$o, $o, $o} $W[H[1]] = $v $W[$k] = H[2] $W[H[3]] = $W $X H = nil", "H = nil", "do local h = {$o, $s, $o} $W[h[1]] = h[2] $W[h[3]] = h[2] h = nil $X end", "H = {$o, $o} do local x = WT($m, $k, H[2]) $W[H[1]] = x x.y = H[1] $X H = nil ask({}) if type(x.y) == 'table' then O[$n] = x.y end $X ask(tostring(x.y)) end",
		"do local s = $s $W[s] = 1 $W[s] = nil O[$n] = s s = nil ask({}) $X end", "do local A = WT($m, $k, $v) for i = 1, $n do A['n' .. i] = 1 end local s = $s A[s] = 1 A[s] = nil for i = 1, $n do A['n' .. i] = nil end O[$n] = s s = nil local x = {} A[O[$n] or 1] = 1 ask() for k in pairs(A) do ask(tostring(k)) end W[$w] = A end",
		"PP() W[2][$n] = O[2] W[3][$s] = O[2]", "for _, t in pairs(W) do for k, v in pairs(t) do if type(v) == 'function' then pcall(v) elseif type(v) == 'table' then v.z = 1 end end end",
		"back = nil", "O[$n] = PS($n)", "PS($n)", "SM.__gc = function(o) $X end", "SM.__gc = nil", "SM.x = $v",
		"CO($n)", "RE($n, $v)", "RE($n)", "RE($n, $o)", "C[$n] = nil", "C[$n] = coroutine.wrap(function(a) local w = WT($m, $k, a) local up = $o O[$n] = function() up = {up} return w, up end $X coroutine.yield(w) $X w[$k] = up coroutine.yield() error(w) end)",
		"coroutine.wrap(function() local w = WT($m, $k, $v) local x = $o $X coroutine.yield(w) end)()",
		"local a = {} a.b = {a} a.b.c = $v O[$n] = a", "local a, b = {}, {} a.b, b.a = b, a O[$n] = a O[$n] = b a.x = $v", "O[$n] = {O[$n], O[$n]}", "if type(O[$n]) == 'table' then O[$n][1] = O[$n] end",
		"collectgarbage()", "ask({})", "ask()", "ask()", "for i = 1, 9 do local x = {i} end", "for i = 1, 5 do local x = 'q' .. i end", "collectgarbage('step')", "if os_n() == 7 then egc($n) end", "egc(0)", "egc(0)", "pcall(function() $X error($v) end)", "xpcall(function() $X error($v) end, function(e) $X return e end)",
		"local s = ('a b c d'):gsub('%w', function(c) $X return c .. $s end)", "for a, b in ('k=v,k1=w'):gmatch('(%w+)=(%w+)') do $X kv[a .. b] = a end", "O[$n] = {('xy' .. $n .. 'zw'):match('(.)(.-)(%d)(.)')}", "kv[$s] = select(2, ('key$n=val$n'):match('(%w+)=(%w+)'))",
		"pcall(require, 'nomod' .. $n)", "table.concat({$s, $s}, $s)", "pcall(table.sort, {$s, $s, $s}, function(a, b) $X return a < b end)",
		"$X $X", "if $o then $X else $X end", "$X $X $X", "setfenv(F, setmetatable({}, {__index = _G}))", "F($v)", "O[$n] = snap()",
	},
}

// weakWriter writes programs out of weakTemplates.
type weakWriter struct {
	*rand.Rand
	depth int
	size  int // of the statement at hand, in templates
}

func (g *weakWriter) expand(kind byte) string {
	g.depth++
	defer func() { g.depth-- }()
	list := weakTemplates[kind]
	for try := 0; ; try++ {
		s := list[g.IntN(len(list))]
		heavy := strings.Contains(s, "$X")
		if (g.depth > 4 || g.size > 60) && heavy && try < 80 || g.depth > 6 && strings.Contains(s, "$v") && try < 100 || g.depth > 9 && strings.Contains(s, "$") {
			if try > 150 {
				return "nil"
			}
			continue
		}
		g.size++
		text := fill(s, g.expand)
		if kind == 'X' {
			return " do " + text + " end "
		}
		if kind == 'o' || kind == 'v' {
			return "(" + text + ")"
		}
		return text
	}
}

const weakPrelude = `
O, L, C, W = {}, {}, {}, {}
local cnt = 0
function os_n() cnt = cnt + 1 return cnt % 40 end
function MT(t) return type(t) == 'table' and getmetatable(t) or SHARED end
SHARED = {__mode = 'kv'}
function WT(m, k, v) local t = setmetatable({}, {__mode = m}) t[k] = v t[1] = k t.x = v return t end
kv = setmetatable({}, {__mode = 'kv'})
for i = 1, 6 do W[i] = setmetatable({}, {__mode = ({'k', 'v', 'kv', 'kv', 'kv', 'k'})[i]}) end
setmetatable(W[4], SHARED) setmetatable(W[5], SHARED)
function P() local p = newproxy(true) if os_n() % 2 == 0 then getmetatable(p).__gc = function(o) back = o end end return p end
function PP() local a, b = newproxy(), newproxy(true) getmetatable(b).a = a getmetatable(b).__gc = function(o) O[2] = getmetatable(o).a end return b end
function PM(x) local p = newproxy(true) getmetatable(p).x = x return p end
local sp = newproxy(true) SM = getmetatable(sp) SM.__gc = function(o) L[3] = o end
function PS(n) return newproxy(sp) end
function Q(n) local p = newproxy(true) getmetatable(p).__gc = function(o) kv[o] = 'q' .. n kv['q' .. n] = o W[2][n] = o W[1][o] = {n} end return p end
function UP(x) return function(y) local z = x x = y return z end end
function GC(f) local p = newproxy(true) getmetatable(p).__gc = f end
function CO(n) C[n] = coroutine.create(function(a) local w = setmetatable({}, {__mode = 'kv'}) while true do w[a or 1] = 's' .. n w['s' .. n] = a a = coroutine.yield(w, a) end end) return C[n] end
function RE(n, ...) local c = C[n] if type(c) == 'thread' then return coroutine.resume(c, ...) elseif c then return pcall(c, ...) end end
function F(x) y = x end
`

func (g *weakWriter) chunk() string {
	var b strings.Builder
	for range 3 + g.IntN(12) {
		g.size = 0
		s := g.expand('X')
		if g.IntN(3) == 0 {
			s = "pcall(function()" + s + "end)"
		}
		b.WriteString(s + "\n")
		if g.IntN(3) == 0 {
			b.WriteString("ask({}) ask('z' .. cnt0)\n")
		}
		if g.IntN(6) == 0 {
			b.WriteString("for i = 1, 30 do local x = {i} x = 'h' .. i end\n")
		}
	}
	return "cnt0 = (cnt0 or 0) + 1\n" + b.String()
}

// driver writes a program that runs some statements again and again, in any order.
func (g *weakWriter) driver() string {
	var b strings.Builder
	b.WriteString("local ops = {}\n")
	n := 8 + g.IntN(24)
	for i := range n {
		g.size = 30
		g.depth = 1
		s := g.expand('X')
		if g.IntN(2) == 0 {
			s = "pcall(function()" + s + "end)"
		}
		fmt.Fprintf(&b, "ops[%d] = function() %s end\n", i+1, s)
	}
	g.depth = 0
	fmt.Fprintf(&b, "local r = %d for j = 1, %d do r = (r * 1103 + 12345) %% 65536 ops[(r - r %% 16) / 16 %% %d + 1]() if r %% 7 == 0 then ask() end end\n", g.IntN(60000), 50+g.IntN(400), n)
	return b.String()
}

// Programs about what weak tables lose and finalizers bring back run the same in every
// way, too.
func TestRandomWeakProgramsAreSound(t *testing.T) {
	first, end := seeds(t, 10)
	defer vm.SetManyCircle(400)
	for seed := first; seed < end && !t.Failed(); seed++ {
		vm.SetManyCircle([]int{400, 3}[seed/4%2])
		g := &weakWriter{Rand: rand.New(rand.NewPCG(seed, 99))}
		chunks := []string{weakPrelude}
		for range 3 + g.IntN(5) {
			if g.IntN(3) > 0 {
				chunks = append(chunks, g.driver())
			} else {
				chunks = append(chunks, g.chunk())
			}
		}
		c := heap.Config{Layout: []heap.Layout{heap.SDK16, heap.SDK8, heap.Ideal}[g.IntN(3)], Size: []int{0, 0, 60000, 26000 + g.IntN(16000)}[g.IntN(4)]}
		testSound(t, chunks, c, seed)
	}
}
