package vm_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// Random programs, the same for the same seed, run on this VM, on plain gopher-lua and
// on a Lua 5.1 of this machine, and compared by what they print. They end: a counter
// stops them where loops and calls do not.
//
// What gopher-lua is known to do otherwise than Lua 5.1, and programs avoid or hide:
//   - numbers print with all their digits: all numbers are small multiples of 1/2
//   - minus zero prints as 0, and so does the firmware's floor of it
//   - pairs is in the order of insertion: tables are shown sorted
//   - messages of its own: only their place is taken by "error"
//   - an error leaves captured variables of the functions it unwinds open, and closes
//     those that go on: what raises errors captures nothing (captures), and what does
//     both is compared with Lua 5.1 alone
//   - a coroutine may yield across pcall and metamethods
//   - a border of a table with holes may be another
//   - what is on the left of a multiple assignment is evaluated late
//   - setmetatable takes other values than tables
//   - match gives no value instead of nil: parentheses make it one
//   - a constructor that ends with a named field takes all results of its call
//   - for k in (a .. b):f() is compiled to what fails
//   - __len is asked of tables, %f is missing from patterns, %g is Go's
//
// The firmware's own ^ is inexact, and its integers have 32 bits: no ^, no large numbers.

const programPrelude = `
local steps, limit, insert, concat, sort = 0, 3000, table.insert, table.concat, table.sort
local rawtype, rawpairs, rawprint, rawstring = type, pairs, print, tostring
local function show(x, depth)
	local t = rawtype(x)
	if t == "number" then
		if x == 0 then x = 0 end
		return rawstring(x)
	elseif t == "string" then
		return '"' .. x .. '"'
	elseif t ~= "table" then
		return t == "boolean" and rawstring(x) or t
	elseif depth > 2 then
		return "{}"
	end
	local s = {}
	for k, v in rawpairs(x) do insert(s, show(k, depth + 1) .. "=" .. show(v, depth + 1)) end
	sort(s)
	return "{" .. concat(s, ",") .. "}"
end
function P(...)
	if steps > limit then return end
	steps = steps + 1
	local s = {}
	for i = 1, select("#", ...) do s[i] = show((select(i, ...)), 0) end
	rawprint(concat(s, " "))
end
function tick()
	steps = steps + 1
	if steps > limit then error("enough", 0) end
end
function N(x) return (x - x % 0.5) % 997 end
function E(ok, e, ...)
	if ok then return "ok", e, ... end
	if rawtype(e) == "string" and not e:find("^user") then e = "error" end
	return "failed", e
end
`

// programWriter writes one program.
type programWriter struct {
	*rand.Rand
	errors, captures bool
	n                int      // names given
	nums, tabs, strs []string // variables in scope
	funcs            []string // each takes and gives numbers
	depth            int
	inCoroutine      bool // where yield may stand
}

func (w *programWriter) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w *programWriter) name(prefix string) string {
	w.n++
	return fmt.Sprintf("%s%d", prefix, w.n)
}

func (w *programWriter) small() string {
	return w.pick("0", "1", "2", "3", "7", "0.5", "-1", "-2.5", "10", "100", "41")
}

func (w *programWriter) num() string {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > 4 || w.IntN(4) == 0 {
		if len(w.nums) > 0 && w.IntN(3) > 0 {
			return w.pick(w.nums...)
		}
		return w.small()
	}
	switch w.IntN(16) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s %s %s)", w.num(), w.pick("+", "-"), w.num())
	case 3:
		return fmt.Sprintf("N(%s * %s)", w.num(), w.num())
	case 4:
		return fmt.Sprintf("(%s %% %s)", w.num(), w.pick("3", "7", "2.5", "-4"))
	case 5:
		return fmt.Sprintf("math.floor(%s / %s)", w.num(), w.pick("2", "3", "-5"))
	case 6:
		return "-" + w.pick(w.pick("2", "0.5"), "("+w.num()+")")
	case 7:
		return "#" + w.str()
	case 8:
		return fmt.Sprintf("(%s and %s or %s)", w.boolean(), w.num(), w.num())
	case 9:
		return fmt.Sprintf("math.%s(%s, %s)", w.pick("max", "min"), w.num(), w.num())
	case 10:
		if len(w.funcs) > 0 {
			return fmt.Sprintf("N(%s(%s, %s))", w.pick(w.funcs...), w.num(), w.num())
		}
	case 11:
		if len(w.tabs) > 0 {
			return fmt.Sprintf("(tonumber(%s.n) or 3)", w.pick(w.tabs...))
		}
	case 12:
		return fmt.Sprintf("(%q + %s)", w.pick("3", "0.5", " 10 "), w.num())
	case 13:
		return fmt.Sprintf("(select(%s, %s, %s, %s))", w.pick("1", "2", "3", "-1"), w.num(), w.num(), w.num())
	case 14:
		if w.inCoroutine {
			return fmt.Sprintf("(coroutine.yield(%s) or 1)", w.num())
		}
	case 15:
		return fmt.Sprintf("(%s):byte(%d)", w.pick(`"abc"`, `"lua"`, `"xyzzy"`), 1+w.IntN(3))
	}
	return w.small()
}

// positive is a number whose zero has no sign. The constant 0 may have one, as Lua's
// compiler takes a minus zero for the same.
func (w *programWriter) positive() string { return "(" + w.num() + ` + #"")` }

func (w *programWriter) boolean() string {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > 4 {
		return w.pick("true", "false", "nil")
	}
	switch w.IntN(8) {
	case 0, 1:
		return fmt.Sprintf("%s %s %s", w.num(), w.pick("<", "<=", ">", ">=", "==", "~="), w.num())
	case 2:
		return fmt.Sprintf("%s %s %s", w.str(), w.pick("<", "<=", ">", "==", "~="), w.str())
	case 3:
		return "not (" + w.boolean() + ")"
	case 4:
		return fmt.Sprintf("(%s %s %s)", w.boolean(), w.pick("and", "or"), w.boolean())
	case 5:
		if len(w.tabs) > 0 {
			return w.pick(w.tabs...) + "[" + w.key() + "]"
		}
	case 6:
		return fmt.Sprintf("type(%s) == %q", w.value(), w.pick("number", "string", "nil", "table"))
	}
	return w.pick("true", "false", "nil")
}

func (w *programWriter) str() string {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > 4 || w.IntN(4) == 0 {
		if len(w.strs) > 0 && w.IntN(2) == 0 {
			return "(" + w.pick(w.strs...) + "):sub(1, 60)"
		}
		return w.pick(`""`, `"a"`, `"abc"`, `"hello world"`, `"k=v;x=y"`, `("\0z"):sub(2)`, `"12"`, `[[l]]`)
	}
	switch w.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s .. %s)", w.str(), w.pick(w.str(), w.positive()))
	case 3:
		return fmt.Sprintf("(%s):sub(%s, %s)", w.str(), w.pick("1", "2", "-3", "0"), w.pick("2", "-1", "5", "-2"))
	case 4:
		return fmt.Sprintf("(%s):%s()", w.str(), w.pick("upper", "lower", "reverse"))
	case 5:
		return fmt.Sprintf("(%s):rep(%d)", w.pick(`"ab"`, `"-"`, `""`), w.IntN(5))
	case 6:
		return fmt.Sprintf("((%s):gsub(%q, %s))", w.str(), w.pick("%a", "l+", "[aeiou]", "(%w)(%w)", "=", "^h", "%s*$"), w.pick(`"<%0>"`, `""`, `"%%"`, `{a = 1, l = "L"}`, `function(c) return c ~= "" and c .. "." or false end`))
	case 7:
		return fmt.Sprintf("tostring(((%s):find(%q)))", w.str(), w.pick("l", "(o) ", "%d", "x=(.-)$", "^a"))
	case 8:
		return fmt.Sprintf("tostring(((%s):match(%q)))", w.str(), w.pick("%a+", "(%w+)=", "()l", "[^l]*", "%d%d"))
	case 9:
		return fmt.Sprintf("string.format(%q, %s, %s)", w.pick("%s:%s", "%5s|%-5s", "%.2s,%s"), w.str(), w.str())
	case 10:
		return fmt.Sprintf("string.format(%q, %s)", w.pick("%d", "%5d|", "%-4d|", "%03d", "%.1f", "%x", "%c"), w.pick("65", "97", "70"))
	case 11:
		return fmt.Sprintf("string.char(%d, %d)", 65+w.IntN(26), 97+w.IntN(26))
	case 12:
		return fmt.Sprintf("table.concat({%s, %s, %s}, %q)", w.str(), w.positive(), w.str(), w.pick("", ",", "--"))
	}
	return fmt.Sprintf("tostring(%s)", w.pick(w.boolean(), w.positive()))
}

func (w *programWriter) value() string {
	switch w.IntN(6) {
	case 0, 1:
		return w.num()
	case 2:
		return w.str()
	case 3:
		return "(" + w.boolean() + ")"
	case 4:
		if len(w.tabs) > 0 {
			return w.pick(w.tabs...)
		}
	}
	if w.depth > 3 {
		return "{}"
	}
	w.depth++
	defer func() { w.depth-- }()
	return fmt.Sprintf("{%s, %s, n = %s, [%s] = (%s)}", w.value(), w.value(), w.num(), w.key(), w.value())
}

// key is of any type, and never nil or not a number.
func (w *programWriter) key() string {
	switch w.IntN(9) {
	case 0, 1:
		return fmt.Sprint(1 + w.IntN(12))
	case 2:
		return w.pick(`"n"`, `"x"`, `"long key of a table"`)
	case 3:
		return w.pick("0.5", "-1", "2.5", "0", "100")
	case 4:
		return w.pick("true", "false")
	case 5:
		return w.pick("P", "N")
	case 6:
		if len(w.tabs) > 0 {
			return w.pick(w.tabs...)
		}
	case 7:
		return "(" + w.str() + ")" // [[[l]]] is no key
	}
	return w.num()
}

// block is statements with a scope of their own.
func (w *programWriter) block(n int) string {
	nums, tabs, strs, funcs := len(w.nums), len(w.tabs), len(w.strs), len(w.funcs)
	w.depth++
	var b strings.Builder
	for range n {
		b.WriteString(w.statement() + "\n")
	}
	w.depth--
	w.nums, w.tabs, w.strs, w.funcs = w.nums[:nums], w.tabs[:tabs], w.strs[:strs], w.funcs[:funcs]
	return b.String()
}

// function is a function with a body of its own; it sees what is around it only where
// programs may capture.
func (w *programWriter) function(params []string, inCoroutine bool, last string) string {
	nums, tabs, strs, funcs, was := w.nums, w.tabs, w.strs, w.funcs, w.inCoroutine
	if !w.captures {
		w.nums, w.tabs, w.strs, w.funcs = nil, nil, nil, nil
	}
	w.nums = append(append([]string(nil), w.nums...), params...)
	w.inCoroutine = inCoroutine
	body := ""
	for range 1 + w.IntN(3) {
		w.depth++
		body += w.statement() + "\n"
		w.depth--
	}
	end := last
	if end == "" {
		end = "return " + w.num()
	}
	w.nums, w.tabs, w.strs, w.funcs, w.inCoroutine = nums, tabs, strs, funcs, was
	list := strings.Join(params, ", ")
	return fmt.Sprintf("function(%s) tick() %s%s end", list, body, end)
}

func (w *programWriter) statement() string {
	if w.depth > 3 {
		return w.simple()
	}
	switch w.IntN(24) {
	case 0, 1:
		return fmt.Sprintf("if %s then\n%selseif %s then\n%selse\n%send", w.boolean(), w.block(1), w.boolean(), w.block(1), w.block(2))
	case 2:
		i := w.name("i")
		w.nums = append(w.nums, i)
		s := fmt.Sprintf("for %s = %s do tick()\n%send", i, w.pick("1, 3", "3, 1, -1", "0, 2, 0.5", "1, 0", "5, 5"), w.block(2))
		w.nums = w.nums[:len(w.nums)-1]
		return s
	case 3:
		i := w.name("w")
		return fmt.Sprintf("local %s = %d while %s > 0 do tick() %s = %s - 1\n%sif %s then break end end", i, 1+w.IntN(4), i, i, i, w.block(1), w.boolean())
	case 4:
		i := w.name("r")
		return fmt.Sprintf("local %s = 0 repeat tick() %s = %s + 1\n%suntil %s > 2 or %s", i, i, i, w.block(1), i, w.boolean())
	case 5: // the order of pairs does not show
		s := w.name("s")
		w.nums = append(w.nums, s)
		return fmt.Sprintf("local %s = 0 for k, v in %s do tick() if type(v) == 'number' then %s = N(%s + v) end end P(%s)", s,
			w.pick("pairs", "ipairs")+"("+w.value2()+")", s, s, s)
	case 6:
		f, a, b := w.name("f"), w.name("a"), w.name("b")
		s := fmt.Sprintf("local %s = %s", f, w.function([]string{a, b}, false, ""))
		w.funcs = append(w.funcs, f)
		return s
	case 7: // recursion, tail calls
		f, a, b := w.name("f"), w.name("a"), w.name("b")
		s := fmt.Sprintf("local %s = nil %s = function(%s, %s) tick() if %s <= 0 or %s > 9 then return %s end return %s end", f, f, a, b, a, a, b,
			w.pick(fmt.Sprintf("%s(%s - 1, N(%s + %s))", f, a, b, a), fmt.Sprintf("(%s(%s - 2, %s)) + 1", f, a, b)))
		if !w.captures {
			s = "G" + strings.ReplaceAll(strings.TrimPrefix(s, "local "+f+" = nil "), f, "G"+f)[1:]
			f = "G" + f
		}
		w.funcs = append(w.funcs, f)
		return s
	case 8: // varargs
		return fmt.Sprintf("P((function(...) tick() local a, b = ... %s end)(%s, %s, %s))", w.pick("return select('#', ...), a, b, ...", "return ...", "local t = {...} return #t, t, (...)", "return {b, ...}, (a)"),
			w.value(), w.value(), w.pick(w.num(), "unpack({1, 2, 3})", "(unpack({4, 5}))"))
	case 9: // closures that share a variable
		if !w.captures {
			return w.simple()
		}
		c, g, s := w.name("c"), w.name("g"), w.name("set")
		src := fmt.Sprintf("local %s, %s do local %s = %s %s = function(x) %s = N(%s + x) return %s end %s = function(x) %s = x end end %s(%s) P(%s(%s))",
			g, s, c, w.num(), g, c, c, c, s, c, s, w.num(), g, w.num())
		w.funcs = append(w.funcs, g)
		return src
	case 10: // closures of a loop
		if !w.captures {
			return w.simple()
		}
		l := w.name("l")
		return fmt.Sprintf("local %s = {} for i = 1, 3 do local j = %s %s[i] = function(x) j = N(j + x + i) return j end end P(%s[1](1), %s[2](2), %s[1](3), %s[3](%s))", l, w.num(), l, l, l, l, l, w.num())
	case 11, 12: // metamethods
		return w.metamethods()
	case 13, 14: // errors
		if !w.errors {
			return fmt.Sprintf("P(E(pcall(%s, %s)))", w.function([]string{w.name("p")}, false, ""), w.num())
		}
		return fmt.Sprintf("P(E(pcall(%s, %s)))", w.function([]string{w.name("p")}, false, w.failure()), w.num())
	case 15:
		if !w.errors {
			return w.simple()
		}
		return fmt.Sprintf("P(E(xpcall(%s, function(e) return type(e) end)))", w.function(nil, false, w.failure()))
	case 16, 17:
		return w.coroutine()
	case 18:
		return fmt.Sprintf("do local t = {%s, %s, %s, %s} table.sort(t%s) P(t) end", w.num(), w.num(), w.num(), w.num(), w.pick("", ", function(a, b) return a > b end"))
	case 19:
		return fmt.Sprintf("do local s = %s for k, v in s:gmatch(%q) do tick() P(k, v) end end", w.str(), w.pick("(%w)=(%w)", "%a+", "(.)(.)"))
	case 20:
		return fmt.Sprintf("do local f = loadstring(%q) P(f and f()) end", w.pick("return 1, 2", "local a = 3 return a * 2", "syntax error here", "return ..."))
	}
	return w.simple()
}

// value2 is a table.
func (w *programWriter) value2() string {
	if len(w.tabs) > 0 && w.IntN(2) == 0 {
		return w.pick(w.tabs...)
	}
	return fmt.Sprintf("{%s, %s, %s, n = %s, x = (%s)}", w.num(), w.num(), w.num(), w.num(), w.num())
}

func (w *programWriter) simple() string {
	switch w.IntN(12) {
	case 0, 1:
		v := w.name("v")
		s := fmt.Sprintf("local %s = N(%s)", v, w.num())
		w.nums = append(w.nums, v)
		return s
	case 2:
		v := w.name("s")
		s := fmt.Sprintf("local %s = %s", v, w.str())
		w.strs = append(w.strs, v)
		return s
	case 3:
		v := w.name("t")
		s := fmt.Sprintf("local %s = %s", v, w.value2())
		w.tabs = append(w.tabs, v)
		return s
	case 4, 5:
		if len(w.nums) > 0 {
			v := w.pick(w.nums...)
			if strings.HasPrefix(v, "i") { // not the variable of a loop
				return "P(" + v + ")"
			}
			return fmt.Sprintf("%s = N(%s)", v, w.num())
		}
	case 6, 7:
		if len(w.tabs) > 0 {
			t := w.pick(w.tabs...)
			return w.pick(
				fmt.Sprintf("%s[%s] = %s", t, w.key(), w.pick(w.value(), "nil")),
				fmt.Sprintf("%s.n = %s", t, w.num()),
				fmt.Sprintf("table.insert(%s, 1, %s) P(table.remove(%s, 1))", t, w.num(), t),
				fmt.Sprintf("P(%s[%s], rawget(%s, %s))", t, w.key(), t, w.key()),
				fmt.Sprintf("do local n = 0 for k in pairs(%s) do n = n + 1 if type(k) == 'number' then %s[k] = nil end end P(n) end", t, t))
		}
	case 8:
		if len(w.nums) > 1 && !w.captures { // gopher-lua loses one of two that are captured
			a, b := w.pick(w.nums...), w.pick(w.nums...)
			if a != b && a[0] == 'v' && b[0] == 'v' {
				return fmt.Sprintf("%s, %s = %s, %s", a, b, b, a)
			}
		}
	case 9:
		return fmt.Sprintf("G%d = %s P(G%d)", w.IntN(5), w.value(), w.IntN(5))
	}
	return fmt.Sprintf("P(%s, %s)", w.value(), w.value())
}

func (w *programWriter) metamethods() string {
	m, was := w.name("m"), w.inCoroutine
	w.inCoroutine = false
	add, mul := w.num(), w.num()
	w.inCoroutine = was
	return fmt.Sprintf(`do local %s = setmetatable({n = %s}, {
	__index = %s, __newindex = %s,
	__call = function(self, ...) tick() return select("#", ...), ... end,
	__add = function(a, b) return %s end, __sub = function(a, b) return type(a) .. type(b) end, __mul = function() return {%s} end,
	__unm = function(a) return a.n end, __concat = function(a, b) return type(a) .. "|" .. type(b) end,
	__eq = function(a, b) return a.n == b.n end, __lt = function(a, b) return %s end, __le = function(a, b) return %s end,
	__tostring = function(a) return "object" end})
local o = setmetatable({n = %s}, getmetatable(%s))
%s[%s] = %s
P(%s)
P(%s) end`,
		m, w.num(),
		w.pick("function(t, k) tick() return type(k) end", "{n = 1, x = 2, abc = {}}", "setmetatable({x = 5}, {__index = function(t, k) return k end})"),
		w.pick("rawset", "function(t, k, v) tick() rawset(t, k, {v}) end", "{}"),
		add, mul, w.pick("true", "false", "1 == 2"), w.pick("true", "nil"),
		w.num(), m,
		m, w.key(), w.value(),
		w.pick(m+".x, "+m+"[1], "+m+"[o]", m+"("+w.num()+", nil)", m+" + "+w.num()+", "+w.num()+" + "+m, m+" .. 'x', 1 .. "+m+", "+m+" .. o"),
		w.pick(m+" == o, "+m+" ~= o, "+m+" < o, "+m+" <= o, "+m+" > o", "-"+m+", "+m+" - 1, 1 - "+m+", "+m+" * o", "tostring("+m+"), rawequal("+m+", o), rawget("+m+", 'zz')"))
}

func (w *programWriter) coroutine() string {
	c, p := w.name("c"), w.name("p")
	end := ""
	if w.errors && w.IntN(2) == 0 {
		end = w.failure()
	}
	body := w.function([]string{p}, true, end)
	s := fmt.Sprintf("do local %s = coroutine.create(%s)\n", c, body)
	if w.captures || !w.errors {
		s = strings.Replace(s, "function("+p+") tick()", "function("+p+") tick() coroutine.yield("+p+", 'y')", 1)
	}
	for range 1 + w.IntN(4) {
		s += fmt.Sprintf("P(E(coroutine.resume(%s, %s))) ", c, w.num())
	}
	return s + "P(coroutine.status(" + c + ")) end"
}

// failure is an error, or none.
func (w *programWriter) failure() string {
	was := w.inCoroutine
	w.inCoroutine = false
	defer func() { w.inCoroutine = was }()
	return w.pick(`error("user", 0)`, `error({1, "two"})`, `error(nil)`, `error(true)`, `local _ = nil + 1`, `local _ = {} .. "x"`, `nothing()`, `local t = nil t.x = 1`,
		`local _ = 1 < "x"`, `setmetatable({}, 1)`, `string.rep()`, `assert(false, "user")`, `assert(nil)`, `for i = 1, "x" do end`, `local t = {} t[nil] = 1`, "return "+w.num())
}

func (w *programWriter) program() string {
	w.n, w.depth, w.nums, w.tabs, w.strs, w.funcs, w.inCoroutine = 0, 0, nil, nil, nil, nil, false
	return w.block(6+w.IntN(6)) + "P('end')\n"
}

// writePrograms writes n programs of one kind.
func writePrograms(seed uint64, n int, errors, captures bool) (list []string) {
	w := &programWriter{Rand: rand.New(rand.NewPCG(seed, 9)), errors: errors, captures: captures}
	for len(list) < n {
		if src := w.program(); len(src) < 6000 {
			list = append(list, programPrelude+src)
		}
	}
	return list
}

// runGopher runs a program on plain gopher-lua.
func runGopher(src string) (out string) {
	L := lua.NewState()
	defer L.Close()
	var b strings.Builder
	L.SetGlobal("print", L.NewFunction(func(L *lua.LState) int {
		b.WriteString(L.ToString(1) + "\n")
		return 0
	}))
	fn, err := L.LoadString(src)
	if err != nil {
		return "load: " + err.Error()
	}
	L.Push(fn)
	if err := L.PCall(0, 0, nil); err != nil {
		if !strings.Contains(err.Error(), "enough") {
			b.WriteString("error")
		}
	}
	return b.String()
}

// runOurs runs a program on this VM.
func runOurs(src string) string {
	b := newBounded(1<<20, 5e6)
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		return "load: " + err.Error()
	}
	end := b.call(fn)
	switch {
	case end == "error: enough":
		end = ""
	case strings.HasPrefix(end, "error: "):
		end = "error"
	}
	return b.out.String() + end
}

// runLua51 runs programs with a Lua 5.1 of this machine, in one process.
func runLua51(t *testing.T, path string, programs []string) []string {
	const separator = "\n--8<--\n"
	cmd := exec.Command(path, "-e", `
		local programs, write = io.read("*a") .. "\n--8<--\n", io.write
		for src in programs:gmatch("(.-)\n%-%-8<%-%-\n") do
			local f, e = loadstring(src, "=s")
			if not f then write("load: ", e) else
				local env = setmetatable({print = function(s) write(s, "\n") end}, {__index = _G})
				env._G = env
				setfenv(f, env)
				local ok, e = pcall(f)
				if not ok and not (type(e) == "string" and e:find("enough")) then write("error") end
			end
			write("\0")
		end`)
	cmd.Stdin = strings.NewReader(strings.Join(programs, separator))
	out, err := cmd.Output()
	list := strings.Split(string(out), "\x00")
	if err != nil || len(list) != len(programs)+1 {
		t.Fatalf("lua5.1: %v after %d programs", err, len(list)-1)
	}
	return list[:len(programs)]
}

var programKinds = []struct {
	name             string
	errors, captures bool
}{
	{"closures", false, true},
	{"errors", true, false},
	{"both", true, true}, // not for gopher-lua
}

// programsOfKind is how many of each kind an ordinary run compares.
const programsOfKind = 150

func TestDifferentialGopherLua(t *testing.T) {
	for _, kind := range programKinds[:2] {
		for i, src := range writePrograms(1, programsOfKind, kind.errors, kind.captures) {
			want := runGopher(src)
			if strings.HasPrefix(want, "load: ") {
				t.Fatalf("%s: not a program: %s\n%s", kind.name, want, src)
			}
			if got := runOurs(src); got != want {
				t.Fatalf("%s %d\n%s\n%s", kind.name, i, strings.TrimPrefix(src, programPrelude), firstDifference(got, want))
			}
		}
	}
}

func TestDifferentialLua51(t *testing.T) {
	path := need.Program(t, "lua5.1")
	for _, kind := range programKinds {
		list := writePrograms(2, programsOfKind, kind.errors, kind.captures)
		for i, want := range runLua51(t, path, list) {
			if got := runOurs(list[i]); got != want {
				t.Fatalf("%s %d\n%s\n%s", kind.name, i, strings.TrimPrefix(list[i], programPrelude), firstDifference(got, want))
			}
		}
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d:\n\tgot  %s\n\twant %s", i+1, short(a[i]), short(b[i]))
		}
	}
	return fmt.Sprintf("%d lines, want %d; the last: %q, %q", len(a), len(b), short(a[len(a)-1]), short(b[len(b)-1]))
}
