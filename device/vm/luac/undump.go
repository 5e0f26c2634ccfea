package luac

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// UnknownSource is the source of functions whose chunk was stripped.
const UnknownSource = "=?"

// maxNested is how many chunks and functions may be inside one another (fw:
// LUAI_MAXCCALLS).
const maxNested = maxLevels

// Undump reads a precompiled chunk, verifies it and accounts for what the
// firmware takes meanwhile. Errors are the firmware's: name is the chunk's name as
// Load was given it. account may be nil. done, if not nil, is called at the end, while
// the buffer of the reader is still held: see finish. There are no tables of names.
//
// As the firmware of a float build does, it takes chunks of either byte order and
// of integer builds, too.
func Undump(chunk, name string, account Account, done finish) (main *Proto, err error) {
	if account == nil {
		account = noAccount{}
	}
	if done == nil {
		done = func(*Proto, []Made) {}
	}
	r := &undumper{rest: chunk, mem: account}
	defer func() {
		problem := recover()
		if problem == nil {
			return
		}
		main = nil
		defer func() { // also when there is no room for the message
			done(nil, r.made)
			account.Realloc(&r.bufBlock, 0)
		}()
		switch problem := problem.(type) {
		case chunkError:
			err = errors.New(account.Message("%s: %s in precompiled chunk", chunkName(name), string(problem)))
		case tooBig:
			err = errors.New(string(problem))
		default:
			panic(problem)
		}
	}()
	r.header()
	account.Intern(UnknownSource)
	main = &Proto{}
	r.function(main, UnknownSource)
	made := r.made
	r.made = nil
	done(main, made)
	account.Realloc(&r.bufBlock, 0)
	return main, nil
}

// chunkName is what messages call a chunk (fw: luaU_undump).
func chunkName(name string) string {
	name = cString(name)
	switch {
	case name == "":
	case name[0] == '@', name[0] == '=':
		return name[1:]
	case name[0] == Signature[0]:
		return "binary string"
	}
	return name
}

// chunkError is what is wrong with a chunk.
type chunkError string

// tooBig is the message for a size that no memory has.
type tooBig string

// undumper reads a chunk. It panics with a chunkError or a tooBig.
type undumper struct {
	rest     string
	at       int // bytes read since the header
	mem      Account
	order    binary.ByteOrder
	numSize  int
	integral bool
	depth    int
	made     []Made
	bufSize  int // of the buffer that strings are read into
	bufBlock heap.Block
}

func (r *undumper) header() {
	h := []byte(r.take(len(chunkHeader)))
	r.at = 0
	r.order = binary.LittleEndian
	if h[headerEndian] != chunkHeader[headerEndian] {
		r.order = binary.BigEndian
	}
	r.numSize = int(h[headerNumber])
	r.integral = h[headerIntegral] != 0
	h[headerEndian] = chunkHeader[headerEndian]
	h[headerNumber] = chunkHeader[headerNumber]
	h[headerIntegral] = chunkHeader[headerIntegral]
	if string(h) != chunkHeader {
		panic(chunkError("bad header"))
	}
}

func (r *undumper) take(n int) string {
	if n > len(r.rest) {
		panic(chunkError("unexpected end"))
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	r.at += n
	return s
}

func (r *undumper) byte() int { return int(r.take(1)[0]) }

func (r *undumper) word() uint32 { return r.order.Uint32([]byte(r.take(4))) }

func (r *undumper) align() { r.take(-r.at & 3) }

func (r *undumper) int() int {
	n := int32(r.word())
	if n < 0 {
		panic(chunkError("bad integer"))
	}
	return int(n)
}

// leastFunction is the least that a function takes in a chunk: ten words.
const leastFunction = 40

// hopeless is a size in bytes that no heap of a device has. It does not go
// through the account, whose blocks are smaller.
const hopeless = 1 << 28

// vector reads the number of elements of an array and accounts for it. least is
// the fewest bytes that an element has in the chunk.
func (r *undumper) vector(b *heap.Block, elem, least int, aligned bool) int {
	n := r.int()
	if aligned {
		r.align()
	}
	switch {
	case n+1 > math.MaxUint32/elem:
		panic(tooBig("memory allocation error: block too big"))
	case n*elem > hopeless:
		panic(tooBig("not enough memory"))
	}
	r.mem.Realloc(b, n*elem)
	if n > len(r.rest)/least {
		panic(chunkError("unexpected end"))
	}
	return n
}

// string reads a string; ok is false where there is none.
func (r *undumper) string() (s string, ok bool) {
	n := int(r.word())
	if n == 0 {
		return "", false
	}
	if n > len(r.rest) {
		panic(chunkError("unexpected end"))
	}
	if n > r.bufSize {
		r.bufSize = max(n, tokenBuffer)
		r.mem.Realloc(&r.bufBlock, r.bufSize)
	}
	s = strings.Clone(r.take(n)[:n-1]) // not to hold the chunk
	r.mem.Intern(s)
	return s, true
}

// function reads p, which is nested in one of the given source.
func (r *undumper) function(p *Proto, source string) {
	if r.depth++; r.depth > maxNested {
		panic(chunkError("code too deep"))
	}
	b := &p.blocks
	r.mem.Realloc(&b.head, heap.ProtoHeader)
	r.made = append(r.made, Made{Proto: p})
	p.Source = source
	if s, ok := r.string(); ok {
		p.Source = s
	}
	p.LineDefined, p.LastLineDefined = r.int(), r.int()
	p.Upvalues, p.Params = r.byte(), r.byte()
	p.SetVarargFlags(r.byte())
	p.MaxStack = r.byte()
	r.code(p)
	p.Consts = make([]Const, r.vector(&b.consts, heap.ConstantSize, 1, false))
	for i := range p.Consts {
		p.Consts[i] = r.constant()
	}
	for range r.vector(&b.protos, heap.NestedProtoSize, leastFunction, false) {
		n := &Proto{}
		p.Protos = append(p.Protos, n)
		r.function(n, p.Source)
	}
	r.debug(p)
	if !p.Complete() {
		panic(chunkError("bad code"))
	}
	r.depth--
}

func (r *undumper) code(p *Proto) {
	code := make([]uint32, r.vector(&p.blocks.code, heap.InstructionSize, 4, true))
	for i := range code {
		code[i] = r.word()
	}
	p.Code = Decode(code)
}

func (r *undumper) constant() Const {
	switch r.byte() {
	case tagNil:
		return Const{Kind: Nil}
	case tagBoolean:
		if r.byte() != 0 {
			return Const{Kind: True}
		}
		return Const{Kind: False}
	case tagNumber:
		return Const{Kind: Number, Num: r.number()}
	case tagString:
		if s, ok := r.string(); ok {
			return Const{Kind: String, Str: s}
		}
	}
	panic(chunkError("bad constant"))
}

// number reads a number: an integer of the size that the header says, or a
// float, for which the firmware does not heed the size.
func (r *undumper) number() float64 {
	if !r.integral {
		return math.Float64frombits(r.order.Uint64([]byte(r.take(8))))
	}
	switch r.numSize {
	case 1:
		return float64(int8(r.byte()))
	case 2:
		return float64(int16(r.order.Uint16([]byte(r.take(2)))))
	case 4:
		return float64(int32(r.word()))
	case 8:
		return float64(int64(r.order.Uint64([]byte(r.take(8)))))
	}
	panic(chunkError("bad constant")) // what the device makes of it is undefined
}

func (r *undumper) debug(p *Proto) {
	b := &p.blocks
	if n := r.vector(&b.lines, 1, 1, true); n > 0 {
		p.LineInfo = []byte(r.take(n))
	}
	p.Locals = make([]Local, r.vector(&b.locals, heap.LocalVarSize, 12, false))
	for i := range p.Locals {
		name, _ := r.string()
		p.Locals[i] = Local{name, r.int(), r.int()}
	}
	p.UpvalueNames = make([]string, r.vector(&b.upvals, heap.UpvalueNameSize, 4, false))
	for i := range p.UpvalueNames {
		p.UpvalueNames[i], _ = r.string()
	}
}
