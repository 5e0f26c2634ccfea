package lualib_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// TestRandomPrograms compares random programs with a Lua 5.1 of this machine. They
// are about what is hard to get right in a VM that is not the firmware's:
// variables that closures share, while errors of all kinds unwind through pcall,
// xpcall, metamethods, library callbacks and coroutines.
func TestRandomPrograms(t *testing.T) {
	lua := need.Program(t, "lua5.1")
	const programs = 400
	var list []string
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	for len(list) < programs {
		if src := g.program(); len(src) < 2500 {
			list = append(list, src)
		}
	}
	separator := "\n--8<--\n"
	cmd := exec.Command(lua, "-e", randomPrelude+`
		for src in (io.read("*a") .. "`+strings.ReplaceAll(separator, "\n", `\n`)+`"):gmatch("(.-)`+
		strings.NewReplacer("\n", `\n`, "-", "%-").Replace(separator)+`") do
			io.write(tostring(run(src)), "\0")
		end`)
	cmd.Stdin = strings.NewReader(strings.Join(list, separator))
	out, err := cmd.CombinedOutput()
	want := strings.Split(string(out), "\x00")
	if err != nil || len(want) != programs+1 {
		t.Fatalf("lua5.1: %v after %d programs: %.300s", err, len(want)-1, out)
	}
	for i, src := range list {
		m := newMachine()
		got := m.run(randomPrelude + "print(run(" + fmt.Sprintf("%q", src) + "))")
		if got, want := plain(got), plain(want[i]); got != want {
			t.Fatalf("program %d\n%s\n\tgot  %q\n\twant %q", i, src, got, want)
		}
	}
}

// randomPrelude is what the programs use. P collects values; a program returns
// what was collected, or its error ends it.
const randomPrelude = `
	T = {10, 20, n = 2}
	BAD = setmetatable({}, {__index = function() error("index") end, __newindex = function() local x = nil; x.y = 1 end, __tostring = function() return nil + 1 end, __call = function() return T.q.w end})
	local out = {}
	function P(...)
		if shown > 40 then error("enough", 0) end
		shown = shown + 1
		for i = 1, select("#", ...) do local x = (select(i, ...)) out[#out + 1] = type(x) == "table" and "table" or tostring(x) end
		out[#out + 1] = ";"
	end
	function R() return table.concat(out, " ") end
	function run(src)
		shown, out = 0, {}
		return select(2, pcall(assert(loadstring(src, "=s"))))
	end
`

var localName = regexp.MustCompile(`(local|upvalue) '[^']*' \((a \w+ value)\)`)

// plain takes out the names that the firmware's code has no more, and lua5.1's
// name of the prelude.
func plain(s string) string {
	s = strings.ReplaceAll(s, "(command line):", "s:")
	return strings.TrimSpace(localName.ReplaceAllString(s, "$2"))
}

// generator makes programs. Each variable v has the closures g_v, which returns
// it, and s_v, which sets it.
type generator struct {
	*rand.Rand
	vars  []string
	count int
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) program() string {
	g.vars, g.count = nil, 0
	return "KEEP = nil local ok, e = pcall(function() " + g.body(3, false) + " end) P(ok, e, KEEP and KEEP()) return R()"
}

// body declares a variable and does something with those in scope.
func (g *generator) body(depth int, inCoroutine bool) string {
	outer := len(g.vars)
	defer func() { g.vars = g.vars[:outer] }()
	g.count++
	v := fmt.Sprintf("v%d", g.count)
	g.vars = append(g.vars, v)
	src := fmt.Sprintf("local %s = %d local function g_%s() return %s end local function s_%s(x) %s = x end ", v, 1+g.IntN(9), v, v, v, v)
	for range 1 + g.IntN(4) {
		src += g.statement(depth, inCoroutine) + " "
	}
	if g.IntN(3) == 0 {
		src += "KEEP = g_" + v + " "
	}
	switch g.IntN(8) {
	case 0:
		return src + "return " + g.pick(g.vars...)
	case 1:
		return src + "do " + g.failure() + " end"
	}
	return src + fmt.Sprintf("P(%s, g_%s())", v, v)
}

func (g *generator) statement(depth int, inCoroutine bool) string {
	v := g.pick(g.vars...)
	inner := func(inCoroutine bool) string { return g.body(depth-1, inCoroutine) }
	simple := []string{
		v + " = " + v + " + 1",
		"P(" + v + ", g_" + v + "())",
		"s_" + v + "(g_" + v + "() * 2)",
		fmt.Sprintf("if %s %% 3 == %d then %s end", v, g.IntN(3), g.failure()),
	}
	if inCoroutine {
		simple = append(simple, "P('y', coroutine.yield("+v+"))")
	}
	if depth <= 0 || g.IntN(2) == 0 {
		return g.pick(simple...)
	}
	switch g.IntN(10) {
	case 0:
		return "P(pcall(function() " + inner(false) + " end))"
	case 1:
		handler := g.pick("", "P("+v+")", v+" = 100", g.failure())
		return "P(xpcall(function() " + inner(false) + " end, function(m) " + handler + " return type(m) end))"
	case 2, 3:
		return fmt.Sprintf("do local co = coroutine.create(function(...) %s end) for i = 1, %d do P(coroutine.resume(co, i)) end P(coroutine.status(co)) end", inner(true), 1+g.IntN(3))
	case 4:
		return "do local w = coroutine.wrap(function() " + inner(true) + " end) P(pcall(w)) P(pcall(w)) end"
	case 5:
		return "for i = 1, 2 do " + inner(inCoroutine) + " end"
	case 6:
		return "local t = setmetatable({}, {__index = function() do " + inner(false) + " end return 1 end}) P(pcall(function() return t.foo end))"
	case 7:
		return "P(pcall(table.sort, {3, 1, 2}, function(a, b) " + g.statement(0, false) + " return a < b end))"
	case 8:
		return "P(pcall(string.gsub, 'ab', '.', function(c) " + g.statement(0, false) + " return c end))"
	}
	return "local function r(n) " + g.statement(0, false) + " if n > 0 then return r(n - 1) end end P(pcall(r, 2))"
}

// failure is a statement that raises an error.
func (g *generator) failure() string {
	return g.pick(`error("E")`, `error({1})`, `error()`, `error("z", 0)`, `local _ = nil + 1`, `local _ = nil .. "x"`, `nofn()`,
		`local _ = T.q.w`, `string.rep()`, `BAD.x = 1`, `local _ = BAD.k`, `tostring(BAD)`, `BAD()`, `T:nomethod()`, `assert(false, "A")`,
		`setmetatable(1)`, `local _ = {} < {}`, `for i = 1, "x" do end`, `for k in BAD do end`, `local _ = 2 ^ {}`,
		`table.sort({3, 2, 1}, function(a, b) error("sort") end)`, `loadstring("error('loaded')")()`)
}
