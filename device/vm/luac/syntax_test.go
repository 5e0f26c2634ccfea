package luac

import (
	"os/exec"
	"strings"
	"testing"
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
		_, err := Compile(tt.src, "=s", KeepLines, nil, nil)
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
		{"long sum", "x=" + rep("y+", 5000) + "1", ""},
		{"long call", "x" + rep("()", 5000), ""},
		{"long path", "x=x" + rep(".y", 5000), ""},
		{"long elseif", "if x then" + rep(" elseif y then", 5000) + " end", ""},
		{"50 locals", locals(50), ""},
		{"51 locals", locals(51), "52: main function has more than 50 local variables"},
		{"60 upvalues", locals(30) + "function f()\n" + rep("local x\n", 30) + "function g() return " + rep("x,", 60) + "x end end", ""},
		{"variables in assignment", "a" + rep(",a", 300) + "=1", "1: main function has more than 199 variables in assignment"},
		{"registers", "f(" + rep("1,", 300) + "1)", "1: function or expression too complex near '1'"},
		{"a big program", rep("local function f(x) return x + 1, x .. 'a', {x, y = x} end f = nil\n", 30), ""},
	} {
		_, err := Compile(tt.src, "=s", KeepLines, nil, nil)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
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
	_, err := Compile(b.String(), "=s", KeepLines, nil, nil)
	if want := "83: function at line 83 has more than 60 upvalues"; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

// Lines are those of the firmware's compiler: a call is at its parenthesis, an
// operation and a store at the last token of their operands.
func TestLines(t *testing.T) {
	p, err := Compile("local a =\n1 +\nx\nf\n.g(\n2)\ny = 1 +\n2 + z\n.w\n", "=s", KeepLines, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[Op]int{}
	for pc, in := range p.Code {
		got[in.Op] = p.Lines[pc]
	}
	if got[Add] != 9 || got[Call] != 5 || got[SetGlobal] != 9 {
		t.Errorf("lines %v", got)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"local a, b = 1, 'x' a, b.c = b, a", "for i=1,2 do f{...} end", "function a.b:c(...) return ... end", "x=[==[\n]]]==] --[[x]]",
		"if a then elseif b then else end", "a.b['c'], d = -1 .. 2 ^ 3, #x", "repeat local x <y until x", "return function() end",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		_, err := Compile(src, "=s", KeepLines, nil, nil)
		if err != nil {
			if err.Line < 1 || err.Message == "" {
				t.Errorf("error %+v", err)
			}
		}
	})
}
