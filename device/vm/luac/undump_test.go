package luac

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// Chunks that are no chunks, with the messages of the firmware.
func TestUndumpErrors(t *testing.T) {
	good := string(Dump(compile(t, "local t = {1, 'x', k = true} return function(...) return t, ... end", KeepAll), false))
	set := func(at int, b ...byte) string { return good[:at] + string(b) + good[at+len(b):] }
	for _, tt := range []struct{ name, chunk, want string }{
		{"escape", "\x1b", "unexpected end"},
		{"signature", "\x1bLua", "unexpected end"},
		{"header", good[:12], "unexpected end"},
		{"cut", good[:len(good)-1], "unexpected end"},
		{"other signature", set(3, 'b'), "bad header"},
		{"Lua 5.2", set(4, 0x52), "bad header"},
		{"other format", set(5, 1), "bad header"},
		{"int of 8 bytes", set(7, 8), "bad header"},
		{"64-bit lengths", set(8, 8), "bad header"},
		{"instructions of 8 bytes", set(9, 8), "bad header"},
		{"long source", set(12, 0xff, 0xff, 0xff, 0x7f), "unexpected end"},
		{"negative line", set(19, 0, 0, 0, 0x80), "bad integer"},
		{"other byte order", set(6, 0), "unexpected end"},
		{"other constant", set(strings.Index(good, "\x04\x02\x00\x00\x00x\x00"), 7), "bad constant"},
		{"constant without a string", set(strings.Index(good, "\x04\x02\x00\x00\x00x\x00"), 4, 0, 0, 0, 0), "bad constant"},
		{"other operation", set(36, 0x3f), "bad code"},
	} {
		_, err := Undump(tt.chunk, "@x.lc", nil, nil)
		if want := "x.lc: " + tt.want + " in precompiled chunk"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", tt.name, err, want)
		}
	}
	if _, err := Undump(set(headerNumber, 4), "@x.lc", nil, nil); err != nil {
		t.Errorf("the size of a float is not heeded: %v", err)
	}
	for _, tt := range []struct{ name, want string }{
		{"@a/b.lc", "a/b.lc"},
		{"=stdin", "stdin"},
		{"\x1bLua\x51", "binary string"},
		{"name", "name"},
		{"na\x00me", "na"},
		{"", ""},
		{strings.Repeat("long ", 40), strings.Repeat("long ", 40)},
	} {
		_, err := Undump("\x1bLua", tt.name, nil, nil)
		if want := tt.want + ": unexpected end in precompiled chunk"; err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", tt.name, err, want)
		}
	}
}

// Sizes that no memory has, of which none is asked of the host.
func TestUndumpSizes(t *testing.T) {
	head := chunkHeader + "\x00\x00\x00\x00" + strings.Repeat("\x00", 8) + "\x00\x00\x02\x02"
	for _, tt := range []struct{ name, chunk, want string }{
		{"code", head + "\xff\xff\xff\x7f", "memory allocation error: block too big"},
		{"much code", head + "\x00\x00\x00\x05", "not enough memory"},
		{"some code", head + "\x00\x00\x01\x00", "x: unexpected end in precompiled chunk"},
		{"constants", head + "\x00\x00\x00\x00\xff\xff\xff\x7f", "memory allocation error: block too big"},
		{"functions", head + "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00", "x: unexpected end in precompiled chunk"},
		{"lines", head + strings.Repeat("\x00", 12) + "\xff\xff\xff\x7f", "not enough memory"},
	} {
		_, err := Undump(tt.chunk, "=x", nil, nil)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	p := compile(t, "", KeepNothing)
	for range maxNested {
		p = &Proto{Source: "=s", MaxStack: 2, Code: []Instruction{{Op: Return, B: 1}}, Protos: []*Proto{p}}
	}
	if _, err := Undump(string(Dump(p, true)), "=x", nil, nil); err == nil || err.Error() != "x: code too deep in precompiled chunk" {
		t.Errorf("nested too deep: %v", err)
	}
	if _, err := Undump(string(Dump(p.Protos[0], true)), "=x", nil, nil); err != nil {
		t.Errorf("nested as deep as may be: %v", err)
	}
}

// A float build loads what an integer build has compiled, and chunks of machines
// with the other byte order.
func TestUndumpOtherBuilds(t *testing.T) {
	source := "return -3, 70000, 'str', true, nil"
	want := compile(t, source, KeepNothing)
	for name, chunk := range map[string][]byte{
		"integers of 4 bytes": foreign(want, binary.LittleEndian, 4),
		"integers of 8 bytes": foreign(want, binary.LittleEndian, 8),
		"big-endian":          foreign(want, binary.BigEndian, 0),
		"big-endian integers": foreign(want, binary.BigEndian, 4),
	} {
		p, err := Undump(string(chunk), "=s", nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(p.Code, want.Code) || !reflect.DeepEqual(p.Consts, want.Consts) {
			t.Errorf("%s: %+v, want %+v", name, p, want)
		}
	}
	if _, err := Undump(string(foreign(want, binary.LittleEndian, 3)), "=s", nil, nil); err == nil || err.Error() != "s: bad constant in precompiled chunk" {
		t.Errorf("integers of 3 bytes: %v", err)
	}
	small := compile(t, "return -3, 7", KeepNothing)
	for _, size := range []int{1, 2} {
		if p, err := Undump(string(foreign(small, binary.LittleEndian, size)), "=s", nil, nil); err != nil || !reflect.DeepEqual(p.Consts, small.Consts) {
			t.Errorf("integers of %d bytes: %v, %+v", size, err, p)
		}
	}
}

// foreign dumps a function without others inside as another build would.
// integer is the size of its numbers, 0 for a float build.
func foreign(p *Proto, order binary.AppendByteOrder, integer int) []byte {
	b := []byte(chunkHeader)
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b[headerEndian] = 0
	}
	if integer > 0 {
		b[headerNumber], b[headerIntegral] = byte(integer), 1
	}
	return chunkFormat{order: order, sizeT: 4, integer: integer, padded: true}.append(b, p)
}

// Code that no compiler makes.
func TestBadCode(t *testing.T) {
	base := func() *Proto {
		return compile(t, "local a, b = ... for i = 1, 2 do a = {f(i), g()} end for k in a do b = k.x end return function() return a, b end", KeepLines)
	}
	at := func(p *Proto, op Op) *Instruction {
		for i := range p.Code {
			if p.Code[i].Op == op {
				return &p.Code[i]
			}
		}
		t.Fatalf("no operation %d", op)
		return nil
	}
	for _, tt := range []struct {
		name  string
		spoil func(p *Proto)
	}{
		{"no code", func(p *Proto) { p.Code = nil }},
		{"no return at the end", func(p *Proto) { p.Code = p.Code[:len(p.Code)-1]; p.Code[len(p.Code)-1] = Instruction{Op: Move} }},
		{"too many registers", func(p *Proto) { p.MaxStack = 251 }},
		{"more parameters than registers", func(p *Proto) { p.Params = p.MaxStack + 1 }},
		{"arg without a register", func(p *Proto) { p.NeedsArg = true }},
		{"no vararg function", func(p *Proto) { p.IsVararg = false }},
		{"register A", func(p *Proto) { p.Code[0].A = p.MaxStack }},
		{"constant of LOADK", func(p *Proto) { at(p, LoadK).B = len(p.Consts) }},
		{"name of a global is no string", func(p *Proto) { *at(p, GetGlobal) = Instruction{GetGlobal, 0, 0, 0} }},
		{"no such global", func(p *Proto) { at(p, GetGlobal).B = len(p.Consts) }},
		{"constant key", func(p *Proto) { at(p, GetTable).C = ConstBit | len(p.Consts) }},
		{"table register", func(p *Proto) { at(p, GetTable).B = p.MaxStack }},
		{"jump too far", func(p *Proto) { at(p, Jmp).B = len(p.Code) }},
		{"jump too far back", func(p *Proto) { at(p, Jmp).B = -len(p.Code) }},
		{"registers of a loop", func(p *Proto) { at(p, ForPrep).A = p.MaxStack - 3 }},
		{"registers of an iteration", func(p *Proto) { at(p, TForLoop).C = p.MaxStack }},
		{"iteration without variables", func(p *Proto) { at(p, TForLoop).C = 0 }},
		{"nothing after a test", func(p *Proto) { p.Code[len(p.Code)-2] = Instruction{Op: Eq} }},
		{"test without a jump", func(p *Proto) { p.Code[0] = Instruction{Op: Eq} }},
		{"arguments", func(p *Proto) { at(p, Call).B = p.MaxStack }},
		{"results", func(p *Proto) { at(p, Call).C = p.MaxStack + 2 }},
		{"open call", func(p *Proto) { p.Code[0].B = 0 }},
		{"list that nobody opened", func(p *Proto) { at(p, Return).B = 0 }},
		{"jump into a list", func(p *Proto) {
			for i, in := range p.Code {
				if in.Op == SetList {
					at(p, Jmp).B = i - indexOf(p, Jmp) - 1
				}
			}
		}},
		{"upvalue", func(p *Proto) { at(p.Protos[0], GetUpval).B = 2 }},
		{"no such function", func(p *Proto) { at(p, Closure).B = 1 }},
		{"no place for upvalues", func(p *Proto) { p.Protos[0].Upvalues = 5 }},
		{"what an upvalue is", func(p *Proto) { p.Code[indexOf(p, Closure)+1] = Instruction{Op: LoadNil} }},
		{"items", func(p *Proto) { *at(p, SetList) = Instruction{SetList, p.MaxStack - 1, 1, 1} }},
		{"size of a table", func(p *Proto) { at(p, NewTable).B = 0x1ff }},
		{"unused operand", func(p *Proto) { at(p, Move).C = 1 }},
		{"names of more upvalues than there are", func(p *Proto) { p.Named, p.UpvalueNames = true, []string{"a", "b", "c"} }},
	} {
		p := base()
		if _, err := Undump(string(Dump(p, false)), "=x", nil, nil); err != nil {
			t.Fatal(err)
		}
		tt.spoil(p)
		if _, err := Undump(string(Dump(p, false)), "=x", nil, nil); err == nil || err.Error() != "x: bad code in precompiled chunk" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	one := func(code ...Instruction) *Proto {
		return &Proto{Source: "=s", MaxStack: 4, IsVararg: true, Code: append(code, Instruction{Op: Return, B: 1}), Consts: []Const{{Kind: Number}}}
	}
	for name, p := range map[string]*Proto{
		"block number of nothing":    one(Instruction{Op: SetList, B: 1}),
		"block number 0":             one(Instruction{Op: SetList, B: 1}, Instruction{Op: Extra, B: 0}),
		"block number too large":     one(Instruction{Op: SetList, B: 1}, Instruction{Op: Extra, B: maxBlocks + 1}),
		"jump to a block number":     one(Instruction{Op: Jmp, B: 1}, Instruction{Op: SetList, B: 1}, Instruction{Op: Extra, B: 1}),
		"skip to a block number":     one(Instruction{Op: LoadBool, C: 1}, Instruction{Op: SetList, B: 1}, Instruction{Op: Extra, B: 1}),
		"skip into a list":           one(Instruction{Op: LoadBool, C: 1}, Instruction{Op: Vararg}, Instruction{Op: Return}),
		"list before its beginning":  one(Instruction{Op: Vararg, A: 1}, Instruction{Op: Call, A: 1, C: 1}),
		"method name is a number":    one(Instruction{Op: Self, C: ConstBit}),
		"method has no register":     one(Instruction{Op: Self, A: 3, C: 1}),
		"nothing to concatenate":     one(Instruction{Op: Concat, B: 1, C: 1}),
		"skip beyond the end":        one(Instruction{Op: LoadBool, C: 1}),
		"nil from high to low":       one(Instruction{Op: LoadNil, A: 2, B: 1}),
		"more results than there is": one(Instruction{Op: Return, A: 1, B: 5}),
		"tail call for one result":   one(Instruction{Op: TailCall, B: 1, C: 2}),
		"more arguments than there":  one(Instruction{Op: Vararg, A: 1, B: 5}),
	} {
		if _, err := Undump(string(Dump(p, true)), "=x", nil, nil); err == nil || err.Error() != "x: bad code in precompiled chunk" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Undump(string(Dump(one(Instruction{Op: SetList, B: 1}, Instruction{Op: Extra, B: 38}, Instruction{Op: Jmp, B: -3}), true)), "=x", nil, nil); err != nil {
		t.Errorf("good code: %v", err)
	}
}

func indexOf(p *Proto, op Op) int {
	for i, in := range p.Code {
		if in.Op == op {
			return i
		}
	}
	return -1
}

// Where lines stand in packed information: by hand from the firmware's rules.
func TestLineInfo(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		want         []byte
		lines        []int
	}{
		{"one line", "f()", []byte{3, 0}, []int{1, 1, 1}},
		{"later lines", "\n\nf()\ng()", []byte{0x81, 2, 3, 0}, []int{3, 3, 4, 4, 4}},
		{"line 66", strings.Repeat("\n", 65) + "f()", []byte{0x80, 0x81, 3, 0}, []int{66, 66, 66}},
		{"line 64", strings.Repeat("\n", 64) + "f()", []byte{0xbf, 3, 0}, []int{65, 65, 65}},
		{"call on the line of its function", "f(a,\nb)", []byte{2, 1, 0xc1, 1, 1, 0}, []int{1, 1, 2, 1, 2}},
		// The call stands on line 2 first. Taken back it is a run of its own.
		{"call moved to the line before", "f(\n)", []byte{1, 0xc0, 1, 1, 0}, []int{1, 1, 2}},
		{"126 instructions on a line", strings.Repeat("a=1 ", 64), []byte{126, 0xc0, 3, 0}, nil},
	} {
		p := compile(t, tt.source, KeepLines)
		if string(p.LineInfo) != string(tt.want) {
			t.Errorf("%s: % x, want % x", tt.name, p.LineInfo, tt.want)
		}
		if tt.lines != nil && !reflect.DeepEqual(p.Lines, tt.lines) {
			t.Errorf("%s: %v, want %v", tt.name, p.Lines, tt.lines)
		}
	}
	for _, tt := range []struct {
		name   string
		packed []byte
		n      int
		want   []int
	}{
		{"none", nil, 2, []int{0, 0}},
		{"too short", []byte{1, 0}, 2, []int{1, 0}},
		{"filled up", []byte{1, 0x7f, 0x7f, 0}, 2, []int{1, 0}},
		{"cut in a distance", []byte{1, 0x81, 0xff}, 2, []int{1, 0}},
		{"before the first line", []byte{0xc5, 2, 0}, 2, []int{0, 0}},
		{"distance beyond all", []byte{0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0}, 1, []int{0}},
	} {
		if got := unpackLines(tt.packed, tt.n); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	// Taking back a distance that needs a second byte goes wrong on the device, too:
	// 64 lines too many for each unit of that byte.
	var w lineWriter
	w.set(0, 1)
	w.set(1, 100)
	w.set(1, 101)
	if got := unpackLines(append(w.packed, 0), 2); got[0] != 1 || got[1] != 101+64 {
		t.Errorf("lines %v", got)
	}
}

// FuzzUndump: nothing crashes the reader or makes it take more than the chunk is
// worth, and what it accepts it dumps and accepts again, and lists.
func FuzzUndump(f *testing.F) {
	for _, source := range shapes {
		if len(source) < 1000 {
			f.Add(Dump(compile(f, source, KeepAll), false), uint16(40), byte(1))
			f.Add(Dump(compile(f, source, KeepLines), true), uint16(60), byte(0x40))
		}
	}
	f.Fuzz(func(t *testing.T, chunk []byte, at uint16, flip byte) {
		if len(chunk) > 0 {
			chunk = append([]byte(nil), chunk...)
			chunk[int(at)%len(chunk)] ^= flip
		}
		p, err := Undump(string(chunk), "=s", nil, nil)
		if err != nil {
			return
		}
		again, err := Undump(string(Dump(p, false)), "=s", nil, nil)
		if err != nil {
			t.Fatalf("%v\n%x", err, chunk)
		}
		if one, two := Dump(p, false), Dump(again, false); string(one) != string(two) {
			t.Errorf("%x became %x", one, two)
		}
		Listing(p, true)
	})
}
