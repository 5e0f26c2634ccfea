package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"reflect"
	"strings"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Precompiled chunks. Ours hold gopher-lua's code, so the files of a real
// compiler mean nothing here and ours nothing to a real device:
//
//	"\x1bLua" 0x51 'S' version   where Lua 5.1 has 0x51 0x00
//	CRC-32 of the rest
//	a prototype: its numbers as varints, then code, constants, lines, nested ones
//
// What a file holds is checked before it runs: every operand must be in range.
// A chunk made to deceive can then do no more than raise errors.
const (
	dumpHeader  = signature + "QS"
	dumpVersion = 1

	maxProtoDepth = 200 // as deep as the compiler nests functions
)

var errTruncated = errors.New("unexpected end in precompiled chunk")

// luaProto repeats gopher-lua's FunctionProto; see layout.go.
type luaProto struct {
	SourceName         string
	LineDefined        int
	LastLineDefined    int
	NumUpvalues        uint8
	NumParameters      uint8
	IsVarArg           uint8
	NumUsedRegisters   uint8
	Code               []uint32
	Constants          []lua.LValue
	FunctionPrototypes []*lua.FunctionProto

	DbgSourcePositions []int
	DbgLocals          []*lua.DbgLocalInfo
	DbgCalls           []lua.DbgCall
	DbgUpvalues        []string

	stringConstants []string
}

func init() {
	if err := sameLayout(reflect.TypeOf(lua.FunctionProto{}), reflect.TypeOf(luaProto{})); err != nil {
		panic("vm: this gopher-lua is not the version that nodemcu-sim was built for: " + err.Error())
	}
}

// Dump returns fn as a precompiled chunk, which Load reads (lua_dump). ok is
// false when fn is not a Lua function.
func Dump(fn *Function) (chunk []byte, ok bool) {
	if fn.IsG {
		return nil, false
	}
	body := appendProto(nil, fn.Proto, "")
	out := append([]byte(dumpHeader), dumpVersion)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	return append(out, body...), true
}

func appendProto(b []byte, p *lua.FunctionProto, parent string) []byte {
	source := p.SourceName
	if source == parent {
		source = ""
	}
	b = appendText(b, source)
	b = binary.AppendUvarint(b, uint64(p.LineDefined))
	b = binary.AppendUvarint(b, uint64(p.LastLineDefined))
	b = append(b, p.NumUpvalues, p.NumParameters, p.IsVarArg, p.NumUsedRegisters)
	b = binary.AppendUvarint(b, uint64(len(p.Code)))
	line := 0
	for i, inst := range p.Code {
		b = binary.LittleEndian.AppendUint32(b, inst)
		b = binary.AppendVarint(b, int64(p.DbgSourcePositions[i]-line))
		line = p.DbgSourcePositions[i]
	}
	b = binary.AppendUvarint(b, uint64(len(p.Constants)))
	for _, k := range p.Constants {
		switch k := k.(type) {
		case String:
			b = appendText(append(b, 's'), string(k))
		case Number:
			b = binary.LittleEndian.AppendUint64(append(b, 'n'), math.Float64bits(float64(k)))
		case Bool:
			b = append(b, map[Bool]string{false: "f0", true: "t0"}[k]...)
		default:
			b = append(b, "-0"...)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(p.FunctionPrototypes)))
	for _, f := range p.FunctionPrototypes {
		b = appendProto(b, f, p.SourceName)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// undump reads a precompiled chunk. name is what messages call it.
func undump(chunk, name string) (*lua.FunctionProto, error) {
	fail := func(why string) (*lua.FunctionProto, error) {
		return nil, fmt.Errorf("%s: %s", name, why)
	}
	switch rest, ours := strings.CutPrefix(chunk, dumpHeader); {
	case !strings.HasPrefix(chunk, signature):
		return fail("bad header in precompiled chunk")
	case !ours && len(chunk) > len(signature):
		return fail("bad header in precompiled chunk (made by another Lua compiler; compile it with node.compile on the simulated device)")
	case len(rest) < 5:
		return fail(errTruncated.Error())
	case rest[0] != dumpVersion:
		return fail("version mismatch in precompiled chunk (compile it again with node.compile)")
	case binary.LittleEndian.Uint32([]byte(rest[1:5])) != crc32.ChecksumIEEE([]byte(rest[5:])):
		return fail("bad code in precompiled chunk")
	default:
		r := &dumpReader{s: rest[5:]}
		p := r.proto("", 0)
		if r.err == nil && (r.s != "" || p.NumUpvalues > 0 && !plausibleUpvalues(p)) {
			r.err = errors.New("bad code in precompiled chunk")
		}
		if r.err != nil {
			return fail(r.err.Error())
		}
		return p, nil
	}
}

// plausibleUpvalues reports whether a chunk has no more upvalues than a function
// may have.
func plausibleUpvalues(p *lua.FunctionProto) bool { return p.NumUpvalues <= 60 }

// dumpReader reads the body of a chunk. After an error everything reads as zero.
type dumpReader struct {
	s   string
	err error
}

func (r *dumpReader) take(n int) string {
	if n > len(r.s) || n < 0 {
		r.fail(errTruncated)
		r.s = ""
		return ""
	}
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *dumpReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *dumpReader) bad() { r.fail(errors.New("bad code in precompiled chunk")) }

func (r *dumpReader) uint() int {
	v, n := binary.Uvarint([]byte(r.s[:min(len(r.s), binary.MaxVarintLen64)]))
	if n <= 0 || v > math.MaxInt32 {
		r.fail(errTruncated)
		r.s = ""
		return 0
	}
	r.s = r.s[n:]
	return int(v)
}

func (r *dumpReader) int() int {
	v, n := binary.Varint([]byte(r.s[:min(len(r.s), binary.MaxVarintLen64)]))
	if n <= 0 || v > math.MaxInt32 || v < math.MinInt32 {
		r.fail(errTruncated)
		r.s = ""
		return 0
	}
	r.s = r.s[n:]
	return int(v)
}

// count reads how many things of at least size bytes follow.
func (r *dumpReader) count(size int) int {
	n := r.uint()
	if n > len(r.s)/size {
		r.fail(errTruncated)
		return 0
	}
	return n
}

func (r *dumpReader) proto(parent string, depth int) *lua.FunctionProto {
	p := &lua.FunctionProto{SourceName: r.take(r.uint())}
	if p.SourceName == "" {
		p.SourceName = parent
	}
	if depth > maxProtoDepth {
		r.bad()
		return p
	}
	p.LineDefined, p.LastLineDefined = r.uint(), r.uint()
	if head := r.take(4); r.err == nil {
		p.NumUpvalues, p.NumParameters, p.IsVarArg, p.NumUsedRegisters = head[0], head[1], head[2], head[3]
	}
	line := 0
	for range r.count(5) {
		if word := r.take(4); r.err == nil {
			p.Code = append(p.Code, binary.LittleEndian.Uint32([]byte(word)))
		}
		line += r.int()
		p.DbgSourcePositions = append(p.DbgSourcePositions, max(line, 0))
	}
	shadow := (*luaProto)(unsafe.Pointer(p))
	for range r.count(2) {
		text := ""
		switch kind := r.take(1); kind {
		case "s":
			text = r.take(r.uint())
			p.Constants = append(p.Constants, String(text))
		case "n":
			if bits := r.take(8); r.err == nil {
				p.Constants = append(p.Constants, Number(math.Float64frombits(binary.LittleEndian.Uint64([]byte(bits)))))
			}
		case "f", "t", "-":
			r.take(1)
			p.Constants = append(p.Constants, map[string]Value{"f": False, "t": True, "-": Nil}[kind])
		default:
			r.bad()
		}
		shadow.stringConstants = append(shadow.stringConstants, text)
		if r.err != nil {
			return p
		}
	}
	for range r.count(12) {
		p.FunctionPrototypes = append(p.FunctionPrototypes, r.proto(p.SourceName, depth+1))
		if r.err != nil {
			return p
		}
	}
	p.DbgUpvalues = make([]string, p.NumUpvalues)
	if r.err == nil && !validCode(p) {
		r.bad()
	}
	return p
}

// validCode checks the operands of every instruction.
func validCode(p *lua.FunctionProto) bool {
	n := len(p.Code)
	if n == 0 || opOf(p.Code[n-1]) != lua.OP_RETURN || p.NumParameters > p.NumUsedRegisters {
		return false
	}
	reg := func(r int) bool { return r < int(p.NumUsedRegisters) }
	constant := func(k int) bool { return k < len(p.Constants) }
	rk := func(x int) bool {
		if x&bitRK != 0 {
			return constant(x &^ bitRK)
		}
		return reg(x)
	}
	text := func(k int) bool {
		if !constant(k) {
			return false
		}
		_, ok := p.Constants[k].(String)
		return ok
	}
	key := func(x int) bool { return rk(x) && (x&bitRK == 0 || text(x&^bitRK)) }
	jump := func(pc, by int) bool { return pc+1+by >= 0 && pc+1+by < n }
	for pc := 0; pc < n; pc++ {
		inst := p.Code[pc]
		a, b, c := argA(inst), argB(inst), argC(inst)
		ok := true
		switch opOf(inst) {
		case lua.OP_MOVE, lua.OP_NOT:
			ok = reg(a) && reg(b)
		case lua.OP_UNM, lua.OP_LEN:
			ok = reg(a) && rk(b)
		case lua.OP_MOVEN:
			ok = reg(a) && reg(b) && pc+c < n-1
			for i := 1; ok && i <= c; i++ {
				ok = opOf(p.Code[pc+i]) == lua.OP_MOVE
			}
		case lua.OP_LOADK:
			ok = reg(a) && constant(argBx(inst))
		case lua.OP_LOADBOOL:
			ok = reg(a) && (c == 0 || jump(pc, 1))
		case lua.OP_LOADNIL:
			ok = a <= b && reg(b)
		case lua.OP_GETUPVAL, lua.OP_SETUPVAL:
			ok = reg(a) && b < int(p.NumUpvalues)
		case lua.OP_GETGLOBAL, lua.OP_SETGLOBAL:
			ok = reg(a) && text(argBx(inst))
		case lua.OP_GETTABLE:
			ok = reg(a) && reg(b) && rk(c)
		case lua.OP_GETTABLEKS:
			ok = reg(a) && reg(b) && key(c)
		case lua.OP_SELF:
			ok = reg(a+1) && reg(b) && key(c)
		case lua.OP_SETTABLE, lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV, lua.OP_MOD, lua.OP_POW:
			ok = reg(a) && rk(b) && rk(c)
		case lua.OP_SETTABLEKS:
			ok = reg(a) && key(b) && rk(c)
		case lua.OP_EQ, lua.OP_LT, lua.OP_LE:
			ok = rk(b) && rk(c) && jump(pc, 1)
		case lua.OP_NEWTABLE, lua.OP_CLOSE:
			ok = reg(a)
		case lua.OP_CONCAT:
			ok = reg(a) && b < c && reg(c)
		case lua.OP_JMP:
			ok = jump(pc, argS(inst))
		case lua.OP_TEST:
			ok = reg(a) && jump(pc, 1)
		case lua.OP_TESTSET:
			ok = reg(a) && reg(b) && jump(pc, 1)
		case lua.OP_CALL, lua.OP_TAILCALL:
			ok = reg(a) && (b == 0 || reg(a+b-1)) && (c < 2 || reg(a+c-2))
		case lua.OP_RETURN:
			ok = b < 2 || reg(a+b-2)
		case lua.OP_FORPREP, lua.OP_FORLOOP:
			ok = reg(a+3) && jump(pc, argS(inst))
		case lua.OP_TFORLOOP:
			ok = reg(a+2) && pc+1 < n && opOf(p.Code[pc+1]) == lua.OP_JMP
		case lua.OP_SETLIST:
			ok = reg(a) && (b == 0 || reg(a+b))
			if c == 0 {
				pc++
				ok = ok && pc < n-1 && p.Code[pc] > 0 && p.Code[pc] < 1<<16
			}
		case lua.OP_VARARG:
			ok = reg(a) && (b < 2 || reg(a+b-2)) && p.IsVarArg != 0
		case lua.OP_CLOSURE:
			if ok = reg(a) && argBx(inst) < len(p.FunctionPrototypes); !ok {
				break
			}
			for range int(p.FunctionPrototypes[argBx(inst)].NumUpvalues) {
				if pc++; pc >= n {
					return false
				}
				switch from := argB(p.Code[pc]); opOf(p.Code[pc]) {
				case lua.OP_MOVE:
					ok = ok && reg(from)
				case lua.OP_GETUPVAL:
					ok = ok && from < int(p.NumUpvalues)
				default:
					ok = false
				}
			}
		case lua.OP_NOP:
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

// Seal makes the checksum of a precompiled chunk right again after its code was
// changed. Tests use it.
func Seal(chunk []byte) {
	if n := len(dumpHeader) + 1; len(chunk) >= n+4 {
		binary.LittleEndian.PutUint32(chunk[n:], crc32.ChecksumIEEE(chunk[n+4:]))
	}
}
