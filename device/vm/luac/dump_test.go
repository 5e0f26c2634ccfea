package luac

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

func compile(t testing.TB, source string, debug Debug) *Proto {
	t.Helper()
	p, err := Compile(source, "=s", debug, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const hexHeader = "1b4c7561 51 00 01 04 04 04 08 00"

// The length of the first is measured: oracle: memory-snippets.json, str_dump.
func TestDumpBytes(t *testing.T) {
	one := compile(t, "R=string.dump(function() return 1 end)", KeepLines).Protos[0]
	if got := Dump(one, true); len(got) != 76 {
		t.Errorf("%d bytes, want 76", len(got))
	}
	for _, tt := range []struct {
		name  string
		p     *Proto
		strip bool
		want  string
	}{
		{"stripped", one, true, `
			00000000 01000000 01000000 00 00 00 02
			03000000 01000000 1e000001 1e008000
			01000000 03 000000000000f03f
			00000000
			00000000 000000 00000000 00000000`},
		{"with lines", one, false, `
			03000000 3d7300 01000000 01000000 00 00 00 02
			03000000 00 01000000 1e000001 1e008000
			01000000 03 000000000000f03f
			00000000
			02000000 000000 03 00 00000000 00000000`},
		{"names, constants and a function", compile(t, "local a, b = nil == x\n\n\nreturn function() a = 'y' return true .. a end", KeepAll), false, `
			03000000 3d7300 00000000 00000000 00 00 02 03
			0a000000 00
			05400000 57000080 16000080 02400000 02008000 43008000 a4000000 00000000 9e000001 1e008000
			02000000  00  04 02000000 7800
			01000000
			  00000000 04000000 04000000 01 00 00 02
			  07000000
			  01000000 08000000 02008000 44000000 15400000 1e000001 1e008000
			  01000000  04 02000000 7900
			  00000000
			  03000000 00 820700
			  00000000
			  01000000  02000000 6100
			04000000 000000 06810400
			02000000
			  02000000 6100 06000000 09000000
			  02000000 6200 06000000 09000000
			00000000`},
		{"the same with lines only", compile(t, "local a, b = nil == x\n\n\nreturn function() a = 'y' return true .. a end", KeepLines).Protos[0], false, `
			03000000 3d7300 04000000 04000000 01 00 00 02
			07000000 00
			01000000 08000000 02008000 44000000 15400000 1e000001 1e008000
			01000000  04 02000000 7900
			00000000
			03000000 00 820700 00000000 00000000`},
	} {
		if got, want := Dump(tt.p, tt.strip), unhex(t, hexHeader+tt.want); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", tt.name, got, want)
		}
	}
}

// Every program goes through a precompiled chunk and comes back as it was, but
// for what was stripped.
func TestRoundTrip(t *testing.T) {
	for name, source := range corpus(t) {
		for _, debug := range []Debug{KeepAll, KeepLines, KeepNothing} {
			p := compile(t, source, debug)
			chunk := Dump(p, false)
			back, err := Undump(string(chunk), "=s", nil, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if again := Dump(back, false); !bytes.Equal(again, chunk) {
				t.Errorf("%s: dumped again\n got %x\nwant %x", name, again, chunk)
			}
			p.blank(!p.Named)
			if back.blank(false); !reflect.DeepEqual(p, back) {
				t.Errorf("%s: loaded\n got %+v\nwant %+v", name, back, p)
			}
			short := Dump(p, true)
			bare, err := Undump(string(short), "=s", nil, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if bare.Source != UnknownSource || bare.LineInfo != nil || bare.Named || bare.Bytes() != p.Bytes()-p.debugBytes() {
				t.Errorf("%s: a stripped chunk kept something: %+v", name, bare)
			}
		}
	}
}

// blank makes what a chunk does not have the same for all.
func (p *Proto) blank(names bool) {
	p.blocks, p.locals = protoBlocks{}, 0
	if names || len(p.Locals) == 0 {
		p.Locals = nil
	}
	if names || len(p.UpvalueNames) == 0 {
		p.UpvalueNames = nil
	}
	p.Named = p.Locals != nil || p.UpvalueNames != nil
	if len(p.Code) == 0 || len(p.Consts) == 0 {
		p.Consts = nil
	}
	for _, n := range p.Protos {
		n.blank(names)
	}
}

func (p *Proto) debugBytes() int {
	n := len(p.LineInfo)
	if p.Named {
		n += len(p.Locals)*heap.LocalVarSize + len(p.UpvalueNames)*heap.UpvalueNameSize
	}
	return n
}

// What a chunk takes in memory is what the same program takes that was compiled
// here, and loading asks for it part by part, strings and buffer besides.
func TestUndumpAccount(t *testing.T) {
	for name, source := range corpus(t) {
		p := compile(t, source, KeepAll)
		var a ledger
		var all []Made
		back, err := Undump(string(Dump(p, false)), "=s", &a, func(_ *Proto, made []Made) {
			all = made
			if longest := a.longest; longest > 0 && a.held-a.buffer(longest) < p.total() {
				t.Errorf("%s: %d bytes held, %d of them the buffer: less than the %d of the functions", name, a.held, a.buffer(longest), p.total())
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if a.held != p.total() || back.total() != p.total() {
			t.Errorf("%s: %d bytes of the functions are held, %d counted, want %d", name, a.held, back.total(), p.total())
		}
		for _, m := range all {
			m.Proto.Free(&a)
		}
		if a.held != 0 {
			t.Errorf("%s: %d bytes are not in the functions' blocks", name, a.held)
		}
		for cut := len(chunkHeader); cut < 2000; cut += 7 {
			chunk := Dump(p, false)
			if cut >= len(chunk) {
				break
			}
			var a ledger
			var made []Made
			_, err := Undump(string(chunk[:cut]), "=s", &a, func(main *Proto, left []Made) {
				if made = left; main != nil {
					t.Errorf("%s cut at %d is a function", name, cut)
				}
			})
			for _, m := range made {
				m.Proto.Free(&a)
			}
			if err == nil || a.held != 0 {
				t.Errorf("%s cut at %d: %v, %d bytes held", name, cut, err, a.held)
			}
		}
	}
}

func (p *Proto) total() int {
	n := p.Bytes()
	for _, in := range p.Protos {
		n += in.total()
	}
	return n
}

// ledger is an account that adds up. It asks for real blocks of a heap.
type ledger struct {
	noAccount
	heap          *heap.Heap
	held, longest int
}

func (l *ledger) Realloc(b *heap.Block, n int) {
	if l.heap == nil {
		l.heap = heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 24})
	}
	l.held += n - b.Size()
	if n == 0 {
		l.heap.Release(b)
	} else if !l.heap.Resize(b, n) {
		panic("heap full")
	}
}

func (l *ledger) Intern(s string) { l.longest = max(l.longest, len(s)+1) }

// buffer is what the reader's buffer takes after a string of n bytes.
func (l *ledger) buffer(n int) int { return max(n, tokenBuffer) }

// The table in which the compiler finds constants grows by those that are there, not
// by the room for them. By hand from the rules of the firmware's tables.
func TestConstantsFarApart(t *testing.T) {
	_, err := Compile("return 1,2,3,4,5,10,20,40,80,160,320,640,1280,2560,5120", "=s", KeepAll, &ledger{}, func(_ *Proto, made []Made) {
		if got := made[0].Names; got.Array() != 8 || got.Nodes() != 16 {
			t.Errorf("%d array slots and %d nodes, want 8 and 16", got.Array(), got.Nodes())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
