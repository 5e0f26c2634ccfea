package luac

import (
	"fmt"
	"strings"
	"testing"
)

// What the measured listings do not have: names, which only precompiled chunks keep, long
// constructors, and where a chunk comes from.
func TestListing(t *testing.T) {
	long := "local t = {" + strings.Repeat("0,", 50*512+1) + "}"
	for _, x := range []struct {
		source, chunk string
		debug         Debug
		want          []string
	}{
		{"local a = 1\nreturn function(b) return a + b end", "@n.lua", KeepAll, []string{
			"1 local, 1 constant, 1 function\n", "locals (1) for 0x1:\n\t0\ta\t2\t5\n", "GETUPVAL \t1 0\t; a\n", "upvalues (1) for 0x2:\n\t0\ta\n",
			"function <n.lua:2,2> (4 instructions, 16 bytes at 0x2)\n1 param, 2 slots, 1 upvalue, 1 local, 0 constants, 0 functions\n",
			"CLOSURE  \t1 0\t; 0x2\n",
		}},
		{"return 1", "=x", KeepNothing, []string{"\nmain <x:0,0> (3", "\t1\t[-]\tLOADK"}},
		{"return 1", "return 1", KeepLines, []string{"\nmain <(string):0,0>"}},
		{"return 1", Signature, KeepLines, []string{"\nmain <(bstring):0,0>"}},
		{long, "=x", KeepLines, []string{"SETLIST  \t0 50 -256\t; 511\n", "SETLIST  \t0 50 0\t; 512\n", "SETLIST  \t0 1 0\t; 513\n"}},
		{"for i = 1, 2 do a = -i % 2 ^ i end", "=x", KeepLines, []string{"FORPREP  \t0 4\t; to 9\n", "FORLOOP  \t0 -5\t; to 5\n", "MOD      \t4 4 5\n", "POW      \t5 -2 3\t; 2 -\n"}},
		{"return 0x7fffffff, 1e300, 'a\\0\\255\"\\\\'", "=x", KeepLines, []string{"; 2147483647\n", "; 1e+300\n", `; "a\000\255\"\\"`}},
		{"return nil, true, a == nil, b == false, c == true", "=x", KeepLines, []string{"; - nil\n", "; - false\n", "; - true\n", "\ttrue\n"}},
	} {
		p, err := Compile(x.source, x.chunk, x.debug, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := Listing(p, true)
		for _, want := range x.want {
			if !strings.Contains(got, want) {
				t.Errorf("%.60s: %q is not in\n%.3000s", x.source, want, got)
			}
		}
	}
}

func TestSequence(t *testing.T) {
	a, _ := Compile("return 1", "@a.lua", KeepLines, nil, nil)
	b, _ := Compile("return 2", "@b.lua", KeepLines, nil, nil)
	p := Sequence("=(luac)", []*Proto{a, b})
	if _, err := Undump(string(Dump(p, false)), "=x", nil, nil); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(p.Code) != "[{36 0 0 0} {28 0 1 1} {36 0 1 0} {28 0 1 1} {30 0 1 0}]" {
		t.Error(p.Code)
	}
}

// Complete refuses code that must not run, as the reader of precompiled chunks does.
func TestComplete(t *testing.T) {
	p, _ := Compile("local x = {}\nreturn x.a", "@a.lua", KeepLines, nil, nil)
	q := &Proto{Source: p.Source, MaxStack: p.MaxStack, LineInfo: p.LineInfo, Consts: p.Consts, Code: p.Code}
	q.SetVarargFlags(p.VarargFlags())
	if !q.Complete() || fmt.Sprint(q.Lines) != fmt.Sprint(p.Lines) || !q.IsVararg {
		t.Errorf("%+v", q)
	}
	q.MaxStack = 0
	if q.Complete() {
		t.Error("a function without registers runs")
	}
}

func TestFileSource(t *testing.T) {
	for file, want := range map[string]string{
		"return 1": "return 1", "#!lua\nreturn 1": "\nreturn 1", "#": "", "#!lua\n\x1bLua": "\x1bLua", "#\x1b!\n\x1bLua": "\x1b!\n\x1bLua", "": "", "\x1bLua": "\x1bLua",
	} {
		if got := FileSource(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
