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
	build := chunkFormat{order: binary.LittleEndian, sizeT: 8}
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
		if got := build.append([]byte("\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00"), p); !bytes.Equal(got, want) {
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

// chunkFormat is how a build of Lua writes a function without its debug information.
type chunkFormat struct {
	order   binary.AppendByteOrder
	sizeT   int  // bytes of a string's length
	integer int  // bytes of a number, 0 for a float build
	padded  bool // as eLua and the firmware do, lines begin at a multiple of four
}

func (f chunkFormat) append(b []byte, p *Proto) []byte {
	word := func(n int) { b = f.order.AppendUint32(b, uint32(n)) }
	length := func(n int) {
		if f.sizeT == 8 {
			b = f.order.AppendUint64(b, uint64(n))
		} else {
			word(n)
		}
	}
	length(0) // no source
	word(p.LineDefined)
	word(p.LastLineDefined)
	b = append(b, byte(p.Upvalues), byte(p.Params), byte(p.VarargFlags()), byte(p.MaxStack))
	word(len(p.Code))
	for _, in := range p.Code {
		word(int(in.word()))
	}
	word(len(p.Consts))
	for _, k := range p.Consts {
		switch k.Kind {
		case Nil:
			b = append(b, tagNil)
		case False:
			b = append(b, tagBoolean, 0)
		case True:
			b = append(b, tagBoolean, 1)
		case Number:
			b = f.appendNumber(append(b, tagNumber), k.Num)
		case String:
			b = append(b, tagString)
			length(len(k.Str) + 1)
			b = append(append(b, k.Str...), 0)
		}
	}
	word(len(p.Protos))
	for _, n := range p.Protos {
		b = f.append(b, n)
	}
	word(0) // lines
	for f.padded && len(b)&3 != 0 {
		b = append(b, 0)
	}
	word(0) // local variables
	word(0) // names of upvalues
	return b
}

func (f chunkFormat) appendNumber(b []byte, x float64) []byte {
	switch f.integer {
	case 0:
		return f.order.AppendUint64(b, math.Float64bits(x))
	case 1:
		return append(b, byte(int(x)))
	case 2:
		return f.order.AppendUint16(b, uint16(int(x)))
	case 8:
		return f.order.AppendUint64(b, uint64(int64(x)))
	}
	return f.order.AppendUint32(b, uint32(int(x)))
}
