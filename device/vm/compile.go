package vm

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// signature is what a precompiled chunk is known by (fw: LUA_SIGNATURE).
const signature = "\x1b"

// Load compiles source, or undumps a precompiled chunk, under a chunk name as
// luaL_loadbuffer takes it: "@init.lua", "=stdin" or source text. The first line
// of a file ("@") is skipped when it begins with #, as luaL_loadfile does. The
// error is an *Error.
func (v *VM) Load(source []byte, chunk string) (*Function, error) {
	v.StartAccounting()
	src := chunkSource(source, chunk)
	return v.load(chunk, func() (*Function, string) {
		if strings.HasPrefix(src, signature) {
			return v.undump(src, chunk)
		}
		return v.compile(src, nil, chunk)
	})
}

// LoadFlash is Load for source that is not the program's and lies in flash: neither its code
// nor the compiler takes memory or time, what it makes and the names in it do.
func (v *VM) LoadFlash(source []byte, chunk string) (*Function, error) {
	v.StartAccounting()
	return v.load(chunk, func() (*Function, string) {
		f, problem := compileFlash(source, chunk, v.debugKept)
		if f == nil {
			return nil, problem
		}
		return v.adoptFlash(f), ""
	})
}

// Flash is source for LoadFlash that has been compiled. Any number of VMs can load it, also at a
// time.
type Flash struct {
	main  *luac.Proto
	made  []luac.Made // of which a VM takes no tables of names over
	chunk string
}

// CompileFlash compiles it, for VMs that keep so much for debugging.
func CompileFlash(source []byte, chunk string, keep Debug) (*Flash, error) {
	f, problem := compileFlash(source, chunk, keep)
	if f == nil {
		return nil, &Error{Value: String(problem)}
	}
	return f, nil
}

func compileFlash(source []byte, chunk string, keep Debug) (f *Flash, problem string) {
	_, cerr := luac.CompilePieces(string(source), nil, chunk, 0, keep, nil, func(main *luac.Proto, made []luac.Made) {
		if main != nil {
			for i := range made {
				made[i].Names = nil
			}
			f = &Flash{main, made, chunk}
		}
	})
	if cerr != nil {
		return nil, fmt.Sprintf("%s:%d: %s", CompilerChunkID(chunk), cerr.Line, cerr.Message)
	}
	return f, ""
}

// LoadCompiled is LoadFlash of what has been compiled.
func (v *VM) LoadCompiled(f *Flash) (*Function, error) {
	v.StartAccounting()
	return v.load(f.chunk, func() (*Function, string) { return v.adoptFlash(f), "" })
}

func (v *VM) adoptFlash(f *Flash) *Function {
	made := f.made
	return v.mainFunction(v.adopt(f.main, "", &made))
}

// maxChunk bounds what is read of a precompiled chunk that comes in pieces: many
// times what fits the device's memory.
const maxChunk = 1 << 20

// readerFailed unwinds the compiler when the function that it reads from fails.
type readerFailed struct{ err *Error }

// LoadPieces is Load for what a function of the script's hands out piece by piece;
// "" is the end. The compiler runs as it reads, and while it runs nothing is
// collected: what next leaves behind stays until the chunk is complete. An error of
// next ends the compilation and is returned.
func (v *VM) LoadPieces(next func() (string, *Error), chunk string) (*Function, error) {
	v.StartAccounting()
	first, lerr := next()
	if lerr != nil {
		return nil, lerr
	}
	m := v.mem
	more := func() string {
		compiling := m.compiling
		m.compiling = false
		piece, lerr := next()
		if m.compiling = compiling; compiling {
			m.egc.Blocked = true // a chunk compiled in there, or an error, has ended it
			if m.track != nil {
				m.track.chunk = ChunkID(chunk)
			}
		}
		if lerr != nil {
			panic(readerFailed{lerr})
		}
		return piece
	}
	return v.load(chunk, func() (*Function, string) {
		if !strings.HasPrefix(first, signature) {
			return v.compile(first, more, chunk)
		}
		var b strings.Builder
		for piece := first; piece != ""; piece = more() {
			if b.Len()+len(piece) > maxChunk {
				v.throwMemory()
			}
			b.WriteString(piece)
		}
		return v.undump(b.String(), chunk)
	})
}

// load runs the compiler or the reader of precompiled chunks, protected
// (luaD_protectedparser). The collector is blocked meanwhile. read returns the
// function or what is wrong.
func (v *VM) load(chunk string, read func() (*Function, string)) (fn *Function, err error) {
	m := v.mem
	natives, pins, protected := v.natives, len(m.pins), v.protected
	running, compiling := v.running, m.compiling
	var L *Thread
	top, nCcalls, nci := 0, 0, 0
	if L = running; L != nil {
		top, nCcalls, nci = L.top, L.nCcalls, L.nci
	}
	defer func() {
		m.compiling = compiling
		if m.track != nil {
			m.track.chunk = ""
		}
		r := recover()
		if r == nil {
			return
		}
		switch r := r.(type) {
		case *thrown:
			err = &Error{Value: r.value.boundary()}
		case readerFailed:
			err = r.err
		default:
			panic(r)
		}
		v.natives, m.pins, v.protected, v.running = natives, m.pins[:min(pins, len(m.pins))], protected, running
		m.egc.Blocked = false
		if L != nil {
			L.top, L.nCcalls, L.nci = top, nCcalls, nci
		}
	}()
	v.protected += 2 // the error is load's result, no outermost one
	m.checkGC()
	m.egc.Blocked = true
	m.compiling = true
	if m.track != nil {
		m.track.chunk = ChunkID(chunk)
	}
	fn, problem := read()
	v.protected = protected
	m.egc.Blocked = false
	if problem != "" {
		if L != nil {
			L.top = top
		}
		return nil, &Error{Value: String(problem)}
	}
	v.pin(functionValue(fn))
	return fn, nil
}

// How many bytes of source are compiled, and how many of a precompiled chunk loaded, in
// the time of one VM instruction (estimates: nobody has measured it; a few dozen cycles
// of the chip's for each character, and several hundred for each token).
const (
	compiledPerInstruction = 1
	undumpedPerInstruction = 4
)

// compile makes a function of source, accounting for what the firmware's compiler
// takes on the way. more, if not nil, returns what follows src.
func (v *VM) compile(src string, more func() string, chunk string) (fn *Function, problem string) {
	read := len(src)
	next := more
	if more != nil {
		next = func() string {
			piece := more()
			read += len(piece)
			return piece
		}
	}
	defer func() { v.Charge(int64(read/compiledPerInstruction) * v.instrNanos) }()
	account := compilerMemory{v.mem, chunk}
	depth := 0
	if v.running != nil {
		depth = v.running.nCcalls
	}
	_, cerr := luac.CompilePieces(src, next, chunk, depth, v.debugKept, account, func(main *luac.Proto, made []luac.Made) {
		if main == nil {
			v.abandon(made)
			return
		}
		fn = v.mainFunction(v.adopt(main, "", &made))
	})
	if cerr != nil {
		return nil, fmt.Sprintf("%s:%d: %s", CompilerChunkID(chunk), cerr.Line, cerr.Message)
	}
	return fn, ""
}

// undump makes a function of a precompiled chunk, accounting for what the firmware
// takes on the way.
func (v *VM) undump(src, chunk string) (fn *Function, problem string) {
	defer func() { v.Charge(int64(len(src)/undumpedPerInstruction) * v.instrNanos) }()
	_, err := luac.Undump(src, chunk, compilerMemory{v.mem, chunk}, func(main *luac.Proto, made []luac.Made) {
		if main == nil {
			v.abandon(made)
			return
		}
		fn = v.mainFunction(v.adopt(main, chunk, &made))
	})
	if err != nil {
		return nil, err.Error()
	}
	return fn, ""
}

// compilerMemory is the memory as the compiler sees it (luac.Account).
type compilerMemory struct {
	m     *memory
	chunk string
}

func (c compilerMemory) Realloc(b *heap.Block, n int) { c.m.Realloc(b, n) }
func (c compilerMemory) Intern(s string)              { c.m.intern(s) }

func (c compilerMemory) Message(format string, args ...any) string {
	L := c.m.v.running
	if L == nil {
		L = c.m.v.th
	}
	return c.m.v.pushf(L, format, args...).str().text()
}

func (c compilerMemory) Failed(line int, message, near string) {
	message = c.Message("%s:%d: %s", ChunkID(c.chunk), line, message)
	if near != "" {
		c.Message("%s near '%s'", message, near)
	}
}

// mainFunction is the closure of a chunk. Upvalues, if it has any, are new and nil.
func (v *VM) mainFunction(p *proto) *Function {
	m := v.mem
	if v.coverage != nil {
		v.coverage.begin(p)
	}
	f := m.newClosure(p, v.environment())
	for i := range f.upvals {
		f.upvals[i] = v.noUpvalue
	}
	for i := range f.upvals {
		f.upvals[i] = m.newUpvalue()
	}
	return f
}

// adopt makes a prototype that the compiler has made an object, and takes its
// blocks over. chunk is what it was loaded from, if that was no source. made is what the
// compiler has made: its tables of names are garbage from now on.
func (v *VM) adopt(from *luac.Proto, chunk string, made *[]luac.Made) *proto {
	m := v.mem
	p := newProto(from)
	v.fillProto(p, from)
	p.parts = from.Blocks()
	p.blk = p.parts[0]
	p.parts[0] = heap.Block{}
	p.chunk = from.Source
	if from.Source == luac.UnknownSource && !strings.HasPrefix(chunk, signature) {
		p.chunk = chunk
	}
	for _, line := range from.Missed {
		v.surprisedAt(surprised{p, line, PowerCompared}, p.at(line))
	}
	m.link(&p.header, kindProto)
	if m.track != nil {
		m.track.noteProto(p)
	}
	if names := (*made)[0].Names; names != nil {
		m.link(&(&scratch{t: names}).header, kindScratch)
	}
	*made = (*made)[1:]
	for _, n := range from.Protos {
		p.protos = append(p.protos, v.adopt(n, chunk, made))
	}
	p.nameNested()
	return p
}

// newProto is a prototype with all that the compiler has made of a function but what
// refers to objects.
func newProto(from *luac.Proto) *proto {
	p := &proto{
		code: make([]uint32, len(from.Code)), k: make([]value, len(from.Consts)), maxStack: from.MaxStack,
		params: from.Params, nups: from.Upvalues, vararg: uint8(from.VarargFlags()),
		lineDefined: from.LineDefined, lastLine: from.LastLineDefined, lines: from.Lines, lineInfo: from.LineInfo,
		named: from.Named, locals: from.Locals, upvalueNames: from.UpvalueNames,
	}
	p.run = p.code
	for i, in := range from.Code {
		p.code[i] = in.Word()
	}
	return p
}

// fillProto gives a prototype its strings and its other constants.
func (v *VM) fillProto(p *proto, from *luac.Proto) {
	m := v.mem
	p.source = m.intern(from.Source)
	for i, c := range from.Consts {
		switch c.Kind {
		case luac.False, luac.True:
			p.k[i] = boolean(c.Kind == luac.True)
		case luac.Number:
			p.k[i] = number(c.Num)
		case luac.String:
			p.k[i] = stringValue(m.intern(c.Str))
		}
	}
	if p.named {
		for _, name := range p.upvalueNames {
			p.names = append(p.names, m.intern(name))
		}
		for _, l := range p.locals {
			p.names = append(p.names, m.intern(l.Name))
		}
	}
}

// abandon makes garbage of what was made of a chunk that could not be loaded.
func (v *VM) abandon(made []luac.Made) {
	for _, f := range made {
		v.mem.link(&(&scratch{p: f.Proto}).header, kindScratch)
		if f.Names != nil {
			v.mem.link(&(&scratch{t: f.Names}).header, kindScratch)
		}
	}
}

// chunkSource returns what of a chunk the compiler reads.
func chunkSource(source []byte, chunk string) string {
	if strings.HasPrefix(chunk, "@") {
		return luac.FileSource(string(source))
	}
	return string(source)
}

// CheckSyntax compiles source without a VM and returns the error that Load would
// give for it.
func CheckSyntax(source []byte, chunk string) error {
	src := chunkSource(source, chunk)
	if strings.HasPrefix(src, signature) {
		_, err := luac.Undump(src, chunk, nil, nil)
		return err
	}
	if _, err := luac.Compile(src, chunk, luac.KeepLines, nil, nil); err != nil {
		return fmt.Errorf("%s:%w", CompilerChunkID(chunk), err)
	}
	return nil
}

// Dump returns fn as a precompiled chunk in the firmware's format (lua_dump),
// without its debug information if strip. ok is false when fn is not a Lua
// function.
func Dump(fn *Function, strip bool) (chunk []byte, ok bool) {
	if fn.proto == nil {
		return nil, false
	}
	return luac.Dump(fn.proto.compiled(), strip), true
}

// compiled is the prototype as the compiler's package knows it.
func (p *proto) compiled() *luac.Proto {
	out := &luac.Proto{
		Source: p.source.text(), LineDefined: p.lineDefined, LastLineDefined: p.lastLine, Upvalues: p.nups, Params: p.params,
		MaxStack: p.maxStack, HasArg: p.vararg&varargHasArg != 0, IsVararg: p.vararg&varargIsVararg != 0,
		NeedsArg: p.vararg&varargNeedsArg != 0, Code: luac.Decode(p.code), Lines: p.lines, LineInfo: p.lineInfo,
		Consts: make([]luac.Const, len(p.k)), Named: p.named, UpvalueNames: p.upvalueNames, Locals: p.locals,
	}
	for i, k := range p.k {
		switch {
		case k.isNumber():
			out.Consts[i] = luac.Const{Kind: luac.Number, Num: k.num()}
		case k.isString():
			out.Consts[i] = luac.Const{Kind: luac.String, Str: k.str().text()}
		case k.bits == kindFalse:
			out.Consts[i].Kind = luac.False
		case k.bits == kindTrue:
			out.Consts[i].Kind = luac.True
		}
	}
	for _, n := range p.protos {
		out.Protos = append(out.Protos, n.compiled())
	}
	return out
}

// Debug says what debug information functions keep. A higher one keeps less.
type Debug = luac.Debug

// What is kept. node.stripdebug counts these from 1.
const (
	KeepAll     = luac.KeepAll   // names of locals and upvalues, and lines
	KeepLines   = luac.KeepLines // the firmware's default
	KeepNothing = luac.KeepNothing
)

// DebugKept returns what debug information functions keep that are compiled from
// now on, as node.stripdebug sets it.
func (v *VM) DebugKept() Debug { return v.debugKept }

// KeepDebug sets it.
func (v *VM) KeepDebug(d Debug) { v.debugKept = d }

// Bytes that the firmware counts for a name it strips: its entry in the table of
// locals or upvalues. (oracle: audit-probes.json, base/str_dump-levels/003: two locals
// are 24.)
const (
	strippedLocal   = heap.LocalVarSize
	strippedUpvalue = heap.UpvalueNameSize
)

// StripDebug takes debug information from fn and the functions inside it, and
// returns what lua_stripdebug does: about how many bytes that freed. What lies in flash
// stays as it is.
func (v *VM) StripDebug(fn *Function, keep Debug) int {
	if fn.proto == nil || fn.proto.isFlashed() {
		return 0
	}
	v.mem.quick.dirty = true // strings that were names
	return v.stripProto(fn.proto, keep)
}

func (v *VM) stripProto(p *proto, keep Debug) int {
	n := 0
	for _, in := range p.protos {
		n += v.stripProto(in, keep)
	}
	if keep >= KeepNothing && len(p.lineInfo) > 0 {
		n += len(p.lineInfo)
		p.lineInfo = nil
		p.lines = make([]int, len(p.lines))
		v.mem.free(&p.parts[luac.LinesBlock])
	}
	if keep >= KeepLines && p.named {
		n += len(p.locals)*strippedLocal + len(p.upvalueNames)*strippedUpvalue
		p.named, p.names = false, nil
		v.mem.free(&p.parts[luac.LocalsBlock])
		v.mem.free(&p.parts[luac.UpvaluesBlock])
	}
	return n
}
