package luasyntax

import (
	"os/exec"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// Messages as Lua 5.1 prints them for the same source.
func TestErrors(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"x=", "1: unexpected symbol near '<eof>'"},
		{"x=1 1", "1: unexpected symbol near '1'"},
		{"for", "1: '<name>' expected near '<eof>'"},
		{"local function", "1: '<name>' expected near '<eof>'"},
		{"x = = 1", "1: unexpected symbol near '='"},
		{"x='abc", "1: unfinished string near '<eof>'"},
		{"x=[[abc", "1: unfinished long string near '<eof>'"},
		{"x=\"a\nb\"", "1: unfinished string near '\"a'"},
		{"x=1e", "1: malformed number near '1e'"},
		{"x=3x", "1: malformed number near '3x'"},
		{"x=0b1", "1: malformed number near '0b1'"},
		{"x=1_0", "1: malformed number near '1_0'"},
		{"goto x", "1: '=' expected near 'x'"},
		{"a.b:c = 1", "1: function arguments expected near '='"},
		{"f\n(1)", "2: ambiguous syntax (function call x new statement) near '('"},
		{"break", "1: no loop to break near '<eof>'"},
		{"while x do function f() break end end", "1: no loop to break near 'end'"},
		{"return 1 x", "1: '<eof>' expected near 'x'"},
		{"if x then", "1: 'end' expected near '<eof>'"},
		{"if x then\nfoo()", "2: 'end' expected (to close 'if' at line 1) near '<eof>'"},
		{"for i=1 do end", "1: ',' expected near 'do'"},
		{"for a.b in x do end", "1: '=' or 'in' expected near '.'"},
		{"local a<b", "1: unexpected symbol near '<'"},
		{"x=~1", "1: unexpected symbol near '~'"},
		{"::a::", "1: unexpected symbol near ':'"},
		{"x=}", "1: unexpected symbol near '}'"},
		{"function f( end", "1: <name> or '...' expected near 'end'"},
		{"function f(a,) end", "1: <name> or '...' expected near ')'"},
		{"function f(..., a) end", "1: ')' expected near ','"},
		{"x={1,2", "1: '}' expected near '<eof>'"},
		{"x=(1", "1: ')' expected near '<eof>'"},
		{"f(", "1: unexpected symbol near '<eof>'"},
		{"a,b", "1: '=' expected near '<eof>'"},
		{"a.1", "1: '=' expected near '.1'"},
		{"(a) = 1", "1: syntax error near '='"},
		{"a, f() = 1", "1: syntax error near '='"},
		{`x='\300'`, "1: escape sequence too large near '''"},
		{"--[[ abc", "1: unfinished long comment near '<eof>'"},
		{"x=[==[ ]=]", "1: unfinished long string near '<eof>'"},
		{"x=[=", "1: invalid long string delimiter near '[='"},
		{"x=[[a [[b]] ]]", "1: nesting of [[...]] is deprecated near '['"},
		{"local x = ...; function f() return ... end", "1: cannot use '...' outside a vararg function near '...'"},
		{"x=@", "1: unexpected symbol near '@'"},
		{"x=\x01", "1: unexpected symbol near 'char(1)'"},
		{"return return", "1: unexpected symbol near 'return'"},
		{"a()=1", "1: unexpected symbol near '='"},
		{"x = 0x", "1: malformed number near '0x'"},
		{"x=1..2", "1: malformed number near '1..2'"},
		{"repeat", "1: 'until' expected near '<eof>'"},
		{"end", "1: '<eof>' expected near 'end'"},
		{`x='\`, "1: unfinished string near '<eof>'"},
		{"#x", "1: unexpected symbol near '#'"},
		{"a b", "1: '=' expected near 'b'"},
		{"\n\r\n\nx=", "4: unexpected symbol near '<eof>'"},
		{"\x1b", "1: unexpected symbol near 'char(27)'"},
	} {
		_, err := Parse(tt.src)
		if err == nil {
			t.Errorf("%q: no error, want %q", tt.src, tt.want)
			continue
		}
		if err.Error() != tt.want {
			t.Errorf("%q: %q, want %q", tt.src, err, tt.want)
		}
		if strings.HasPrefix(tt.src, "\x1b") {
			continue // Lua takes it for precompiled code
		}
		if lua51 := realLua(t, tt.src); lua51 != "" && lua51 != tt.want {
			t.Errorf("%q: lua5.1 says %q, the test %q", tt.src, lua51, tt.want)
		}
	}
}

// realLua returns what a Lua 5.1 on this machine says of src, "" without one.
func realLua(t *testing.T, src string) string {
	path, err := exec.LookPath("lua5.1")
	if err != nil {
		return ""
	}
	cmd := exec.Command(path, "-e", `local s = io.read("*a") io.write((select(2, loadstring(s, "=s"))) or "")`)
	cmd.Stdin = strings.NewReader(src)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(string(out), "s:")
}

func TestLimits(t *testing.T) {
	rep := strings.Repeat
	locals := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("local a")
			b.WriteString(rep("b", i))
			b.WriteString("\n")
		}
		return b.String()
	}
	for _, tt := range []struct{ name, src, want string }{
		{"parentheses", "x=" + rep("(", 300) + "1" + rep(")", 300), "1: chunk has too many syntax levels"},
		{"concatenation", "x=" + rep("a..", 300) + "1", "1: chunk has too many syntax levels"},
		{"blocks", rep("do ", 300) + rep(" end", 300), "1: chunk has too many syntax levels"},
		{"tables", "x=" + rep("{", 300) + rep("}", 300), "1: chunk has too many syntax levels"},
		{"functions", "x=" + rep("function() return ", 300) + rep(" end", 300), "1: chunk has too many syntax levels"},
		{"not", "x=" + rep("not ", 1000000) + "1", "1: chunk has too many syntax levels"},
		{"power", "x=" + rep("2^", 1000000) + "1", "1: chunk has too many syntax levels"},
		{"open parentheses", rep("(", 4000000), "1: chunk has too many syntax levels"},
		{"long sum", "x=" + rep("y+", 5000) + "1", "1: function or expression too complex near '+'"},
		{"long call", "x" + rep("()", 5000), "1: function or expression too complex near '('"},
		{"long path", "x=x" + rep(".y", 5000), "1: function or expression too complex near '.'"},
		{"long elseif", "if x then" + rep(" elseif y then", 5000) + " end", "1: function or expression too complex near 'elseif'"},
		{"50 locals", locals(50), ""},
		{"51 locals", locals(51), "52: main function has more than 50 local variables"},
		{"60 upvalues", locals(30) + "function f()\n" + rep("local x\n", 30) + "function g() return " + rep("x,", 60) + "x end end", ""},
		{"variables in assignment", "a" + rep(",a", 300) + "=1", "1: main function has more than 199 variables in assignment"},
		{"many constants", "x={" + numbers(9000) + "}", "1: not enough memory"},
		{"many nodes", rep("x()\n", 70000), "32769: not enough memory"},
		{"a big program", rep("local function f(x) return x + 1, x .. 'a', {x, y = x} end f = nil\n", 30), ""},
	} {
		_, err := Parse(tt.src)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(lua.LNumber(i).String())
		b.WriteByte(',')
	}
	return b.String()
}

func TestTooManyUpvalues(t *testing.T) {
	var b strings.Builder
	for _, f := range []string{"a", "b"} {
		b.WriteString("local function " + f + "()\n")
		for i := range 40 {
			b.WriteString("local " + f + strings.Repeat("x", i+1) + "\n")
		}
	}
	b.WriteString("function g() return 0")
	for _, f := range []string{"a", "b"} {
		for i := range 40 {
			b.WriteString("," + f + strings.Repeat("x", i+1))
		}
	}
	b.WriteString(" end end end")
	_, err := Parse(b.String())
	if want := "83: function at line 83 has more than 60 upvalues"; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// What a chunk does when gopher-lua compiles the tree. Expectations are those of
// Lua 5.1; where it is installed it confirms them.
func TestMeaning(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`local a,b=1,2 a,b=b,a print(a,b)`, "2 1"},
		{`local a,b,c=1,2,3 a,b,c=c,a print(a,b,c)`, "3 1 nil"},
		{`local a = {} local b = a a.x, a = 1, 2 print(b.x,a)`, "1 2"},
		{`local i,t=1,{} i,t[i]=i+1,20 print(i,t[1],t[2])`, "2 20 nil"},
		{`local i,t=1,{} t[i],i=i+1,20 print(i,t[1],t[2])`, "20 2 nil"},
		{`local a,b local function f() return a, 2 end a, b = 1, f() print(a, b)`, "1 nil"},
		{`local a, b = 1 a, b = 2, 3, print("x") print(a, b)`, "x|2 3"},
		{`local a, b a, b = (function() return 1, 2, 3 end)() print(a, b)`, "1 2"},
		{`local t = {1,2} local i = 1 i, t[1], t[2] = 5, t[2], t[1] print(i, t[1], t[2])`, "5 2 1"},
		{`local x = "g" x, _G[x] = 1, 2 print(x, g)`, "1 2"},
		{`local f = function() return f end print(f())`, "nil"},
		{`local f = 1 local f = function() return f end print(f())`, "1"},
		{`local function f() return f end print(f() == f)`, "true"},
		{`local f = function(f) return f end print(f(7))`, "7"},
		{`local f = function() local g = function() return f, g end return g() end print(f())`, "nil nil"},
		{`print(2^-3, -2^2, not nil==true, 2^3^2, 1 .. 2 .. 3)`, "0.125 -4 true 512 123"},
		{`print(1 % 0.1, 5.5 % 2, -1 % 3, 2^0.5 == 2^.5)`, "0 1.5 2 true"},
		{`print(1/0, -1/0, - -3, -0x10, 0xff)`, "inf -inf 3 -16 255"},
		{`print(#[[
x]], #"a\
b", "\65\066\x")`, "1 3 ABx"},
		{`print(("x"):rep(3), ("a"):byte(), #"abc")`, "xxx 97 3"},
		{`local function f(...) return ... end print((f(1,2,3)), f(1,2), (f()))`, "1 1 nil"},
		{`local t = {g=1,[1]=2,3; f=4,} print(t[1],t.g,t.f)`, "3 1 4"},
		{`function w(...) return arg.n end print(w(1,2,3))`, "3"},
		{`local t = {n=0}; function t:inc(k) self.n = self.n + (k or 1) return self end; print(t:inc():inc(5).n)`, "6"},
		{`t={a={b={}}} function t.a.b.f(x) return x end function t.a.b:g() return self == t.a.b end print(t.a.b.f(3), t.a.b:g())`, "3 true"},
		{`for i=3,1,-1 do if i == 2 then break end print(i) end for k, v in next, {5} do print(k, v) end`, "3|1 5"},
		{`local t = {5} for k in next, t do print(k) end for k, v in next, t, nil do print(k, v) end`, "1|1 5"},
		{`local function f() return {7}, nil end for k in next, f() do print(k) end for k, v in next, (f()) do print(k, v) end`, "1|1 7"},
		{`local function f() return 1 end for k, v in next, {6}, nil, f() do print(k, v) end for k in next, {6, 7}, f() do print(k) end`, "1 6|2"},
		{`local i = 0 repeat local z = i i = i + 1 until z == 3 print(i) while i > 0 do i = i - 1 end print(i)`, "4|0"},
		{`local x = 5 if x == 1 then print(1) elseif x == 5 then print(5) elseif x == 6 then print(6) else print(0) end`, "5"},
		{`local goto = 1 print(goto)`, "1"},
		{`do end ; print(1); ;`, ""},
		{`return print(1);`, "1"},
		{`print(1) --[==[ ]] ]==] print(2) -- print(3)`, "1|2"},
		{`print(a.b == nil and 1 or 2) `, "error"},
		{"print(1)\r\nprint(2)\n\rprint(3)", "1|2|3"},
	} {
		if got := run(tt.src); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.src, got, tt.want)
		}
		path, err := exec.LookPath("lua5.1")
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-e", tt.src).Output()
		real := strings.ReplaceAll(strings.TrimSuffix(strings.ReplaceAll(string(out), "\t", " "), "\n"), "\n", "|")
		if err != nil && tt.want == "error" {
			real = "error"
		}
		if real != tt.want {
			t.Errorf("%s: lua5.1 says %q, the test %q", tt.src, real, tt.want)
		}
	}
}

// run compiles and runs src with plain gopher-lua and returns what it printed.
func run(src string) string {
	chunk, perr := Parse(src)
	if perr != nil {
		return ""
	}
	proto, err := lua.Compile(chunk, "s")
	if err != nil {
		return err.Error()
	}
	L := lua.NewState()
	defer L.Close()
	var lines []string
	L.SetGlobal("print", L.NewFunction(func(L *lua.LState) int {
		var words []string
		for i := 1; i <= L.GetTop(); i++ {
			w := L.Get(i).String()
			words = append(words, strings.NewReplacer("+Inf", "inf", "-Inf", "-inf").Replace(w))
		}
		lines = append(lines, strings.Join(words, " "))
		return 0
	}))
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, 0, nil); err != nil {
		return "error"
	}
	return strings.Join(lines, "|")
}

// Lines are those of the firmware's compiler: a call is at its parenthesis, an
// operation and a store at the last token of their operands.
func TestLines(t *testing.T) {
	chunk, err := Parse("local a =\n1 +\nx\nf\n.g(\n2)\ny = 1 +\n2 + z\n.w\n")
	if err != nil {
		t.Fatal(err)
	}
	proto, cerr := lua.Compile(chunk, "s")
	if cerr != nil {
		t.Fatal(cerr)
	}
	got := map[string]int{}
	for pc, code := range proto.Code {
		switch int(code >> 26) {
		case lua.OP_ADD:
			got["add"] = proto.DbgSourcePositions[pc]
		case lua.OP_CALL:
			got["call"] = proto.DbgSourcePositions[pc]
		case lua.OP_SETGLOBAL:
			got["set"] = proto.DbgSourcePositions[pc]
		}
	}
	if got["add"] != 9 || got["call"] != 5 || got["set"] != 9 {
		t.Errorf("lines %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"local a, b = 1, 'x' a, b.c = b, a", "for i=1,2 do f{...} end", "function a.b:c(...) return ... end", "x=[==[\n]]]==] --[[x]]",
		"if a then elseif b then else end", "a.b['c'], d = -1 .. 2 ^ 3, #x", "repeat local x <y until x", "return function() end",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		chunk, err := Parse(src)
		if err != nil {
			if err.Line < 1 || err.Message == "" {
				t.Errorf("error %+v", err)
			}
			return
		}
		lua.Compile(chunk, "s")
	})
}
