package luac

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// The code of every program is, word by word, what Lua's own compiler makes of
// it, whose chunks (stripped, 64-bit) differ only in the size of strings' lengths
// and in what eLua has added.
func TestAgainstStandardLua(t *testing.T) {
	need.Program(t, "luac5.1")
	out := filepath.Join(t.TempDir(), "out")
	for name, source := range corpus(t) {
		p, cerr := Compile(source, "=s", KeepLines, nil, nil)
		if cerr != nil {
			t.Fatalf("%s: %v", name, cerr)
		}
		cmd := exec.Command("luac5.1", "-s", "-o", out, "-")
		cmd.Stdin = bytes.NewReader([]byte(source))
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", name, text)
		}
		want, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := standard([]byte("\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00"), p); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%s\n got %x\nwant %x", name, source, got, want)
		}
	}
}

// corpus is programs to compile.
func corpus(t *testing.T) map[string]string {
	t.Helper()
	programs := map[string]string{}
	for _, file := range []string{"memory-snippets", "memory-oom", "memory-egc"} {
		data, err := os.ReadFile("../testdata/" + file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var all []struct{ Name, Source string }
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			programs[s.Name] = s.Source
		}
	}
	for _, pattern := range []string{"../../../modules/*/*.lua", "../../../examples/*/*.lua", "../../../examples/*/*/*.lua"} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			programs[f] = string(data)
		}
	}
	if len(programs) < 260 {
		t.Fatalf("only %d programs", len(programs))
	}
	for name, source := range shapes {
		programs[name] = source
	}
	return programs
}

// shapes are programs whose code or lines are unusual.
var shapes = map[string]string{
	"empty":      "",
	"many items": "return {" + string(bytes.Repeat([]byte("1,"), 26000)) + "...}",
	"many constants": "local t = {} " + func() string {
		var b bytes.Buffer
		for i := range 300 {
			b.WriteString("t.k" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=" + string(rune('0'+i%10)) + ".5 t:m" + string(rune('a'+i/26)) + "x()")
		}
		return b.String()
	}(),
	"old vararg":    "function f(a, ...) return arg.n, a end",
	"logic":         "local a, b = ... local c = not a and b or a == b local d = (a or b) and not (c and a) return f(a and b, g()), -a, #b, a .. b .. 1, d",
	"loops":         "for i = 1, 3 do for k, v, w in f() do if k then break end end end while a do repeat local x = function() return x end until x end",
	"closures":      "local a local function f() local b = a return function() a = b return f, b and 1 end end",
	"call over two": "local a = f(b\n)\nlocal c = {g(\n)}\n(h)()\n",
}

func standard(b []byte, p *Proto) []byte {
	word := func(n int) { b = binary.LittleEndian.AppendUint32(b, uint32(n)) }
	long := func(n uint64) { b = binary.LittleEndian.AppendUint64(b, n) }
	long(0)
	word(p.LineDefined)
	word(p.LastLineDefined)
	b = append(b, byte(p.Upvalues), byte(p.Params), byte(p.varargFlags()), byte(p.MaxStack))
	word(len(p.Code))
	for _, in := range p.Code {
		word(int(in.word()))
	}
	word(len(p.Consts))
	for _, k := range p.Consts {
		switch k.Kind {
		case Nil:
			b = append(b, 0)
		case False:
			b = append(b, 1, 0)
		case True:
			b = append(b, 1, 1)
		case Number:
			b = append(b, 3)
			long(math.Float64bits(k.Num))
		case String:
			b = append(b, 4)
			long(uint64(len(k.Str) + 1))
			b = append(append(b, k.Str...), 0)
		}
	}
	word(len(p.Protos))
	for _, n := range p.Protos {
		b = standard(b, n)
	}
	word(0)
	word(0)
	word(0)
	return b
}
