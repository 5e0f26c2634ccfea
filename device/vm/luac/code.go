package luac

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// compiler compiles one chunk.
type compiler struct {
	lex      lexer
	fn       *fn
	source   string
	level    int // nested syntactical levels
	mem      Account
	numbers  Numbers
	bufSize  int
	bufBlock heap.Block
	made     []Made
}

// fn is a function being compiled.
type fn struct {
	parent  *fn
	p       *Proto
	names   heap.Table // the firmware's table of names and constants
	index   map[Const]int
	lastTgt int // position of the last jump target
	pending int // list of jumps to the next instruction
	free    int // first free register
	blk     *blockScope
	newVars []string // declared, not active yet
	vars    []string // active local variables; their register is their index
	active  []int    // where those are in Proto.Locals
	upvals  []upvalue
	lines   lineWriter
}

type upvalue struct {
	name  string
	local bool // a local of the enclosing function, else an upvalue of it
	index int
}

// blockScope is a block of statements.
type blockScope struct {
	parent *blockScope
	breaks int // list of jumps out of the loop
	vars   int // active locals outside
	upval  bool
	loop   bool
}

const noJump = -1

// noReg is the register of a test that keeps no value.
const noReg = 255

// grow accounts for one more element in a growing array that has n.
func (c *compiler) grow(b *heap.Block, size *int, n, elem int) {
	if n+1 <= *size {
		return
	}
	s := max(2**size, minVector)
	c.mem.Realloc(b, s*elem)
	*size = s
}

func (c *compiler) open(line int) {
	f := &fn{parent: c.fn, lastTgt: -1, pending: noJump, index: map[Const]int{}}
	f.p = &Proto{Source: c.source, LineDefined: line, MaxStack: 2}
	c.mem.Realloc(&f.p.blocks.head, heap.ProtoHeader)
	c.fn = f
	c.made = append(c.made, Made{f.p, &f.names})
	f.names.Init(c.mem, 0, 0)
}

// close finishes the current function and makes the enclosing one current.
func (c *compiler) close() {
	f := c.fn
	p := f.p
	f.vars = f.vars[:0]
	f.closed(0)
	c.ret(0, 0)
	p.UpvalueNames = f.upvalueNames()
	p.LineInfo = append(f.lines.packed, 0)
	p.Lines = unpackLines(p.LineInfo, len(p.Code))
	b := &p.blocks
	fit := func(blk *heap.Block, size, n, elem int) {
		if size > 0 { // a block of the right size moves, too
			c.mem.Realloc(blk, n*elem)
		}
	}
	fit(&b.code, b.sizeCode, len(p.Code), heap.InstructionSize)
	fit(&b.lines, b.sizeLines, f.lines.size(), 1)
	fit(&b.consts, b.sizeConsts, len(p.Consts), heap.ConstantSize)
	fit(&b.protos, b.sizeProtos, len(p.Protos), heap.NestedProtoSize)
	fit(&b.locals, b.sizeLocals, p.locals, heap.LocalVarSize)
	fit(&b.upvals, b.sizeUpvals, p.Upvalues, heap.UpvalueNameSize)
	c.fn = f.parent
	if c.fn != nil { // before anything else can run out of memory
		c.fn.p.Protos = append(c.fn.p.Protos, p)
	}
	if c.fn != nil && (c.lex.tok == tkName || c.lex.tok == tkString) {
		c.newString(c.lex.text) // the token at hand belongs to this function
	}
}

// newString accounts for a name or string that the lexer has read.
func (c *compiler) newString(s string) {
	c.mem.Intern(s)
	k := heap.StringKey(s)
	c.fn.names.Set(c.mem, &k, true, c.fn)
}

// useBuffer accounts for a token of n bytes in the lexer's buffer.
func (c *compiler) useBuffer(n int) {
	for size := c.bufSize; size < n; {
		size = max(2*size, tokenBuffer)
		c.mem.Realloc(&c.bufBlock, size)
		c.bufSize = size
	}
}

// Used reports whether i is a constant of the function: the table of constants has a
// value for it (heap.Values).
func (f *fn) Used(i int) bool {
	_, ok := f.index[Const{Kind: Number, Num: float64(i)}]
	return ok
}

// constant returns the index of a constant, adding it when it is new.
func (c *compiler) constant(k Const) int {
	f := c.fn
	var key heap.Key
	switch k.Kind {
	case Nil:
		key = heap.ObjectKey(1, 1) // the firmware uses the table itself
	case False, True:
		key = heap.BoolKey(k.Kind == True)
	case Number:
		key = heap.NumberKey(k.Num)
	case String:
		key = heap.StringKey(k.Str)
	}
	f.names.Set(c.mem, &key, true, f)
	if i, ok := f.index[k]; ok {
		return i
	}
	n := len(f.p.Consts)
	if n >= maxBx {
		c.lex.fail("constant table overflow", 0, "")
	}
	c.grow(&f.p.blocks.consts, &f.p.blocks.sizeConsts, n, heap.ConstantSize)
	f.index[k] = n
	f.p.Consts = append(f.p.Consts, k)
	return n
}

func (c *compiler) stringK(s string) int { return c.constant(Const{Kind: String, Str: s}) }

// pc is the position of the next instruction.
func (c *compiler) pc() int { return len(c.fn.p.Code) }

// emit adds an instruction on the line of the last token consumed.
func (c *compiler) emit(op Op, a, b, cc int) int {
	f := c.fn
	c.patchPending()
	p := f.p
	c.grow(&p.blocks.code, &p.blocks.sizeCode, len(p.Code), heap.InstructionSize)
	p.Code = append(p.Code, Instruction{op, a, b, cc})
	c.setLine(len(p.Code)-1, c.lex.lastLine)
	return len(p.Code) - 1
}

// fixLine moves the last instruction to another line.
func (c *compiler) fixLine(line int) { c.setLine(c.pc()-1, line) }

// unemit takes the last instruction back. Its line stays until the next one.
func (c *compiler) unemit() {
	p := c.fn.p
	p.Code = p.Code[:len(p.Code)-1]
}

// setLine puts an instruction, the last, on a line.
func (c *compiler) setLine(pc, line int) {
	f := c.fn
	b := &f.p.blocks
	f.lines.set(pc, line)
	for f.lines.size() > b.sizeLines {
		c.grow(&b.lines, &b.sizeLines, b.sizeLines, 1)
	}
}

func (c *compiler) ret(first, n int) { c.emit(Return, first, n+1, 0) }

// nil sets n registers from the given one to nil, joining an instruction that
// does so already.
func (c *compiler) nils(from, n int) {
	f := c.fn
	if c.pc() > f.lastTgt {
		if c.pc() == 0 {
			if from >= len(f.vars) {
				return // registers are nil at the start
			}
		} else if prev := &f.p.Code[c.pc()-1]; prev.Op == LoadNil && prev.A <= from && from <= prev.B+1 {
			prev.B = max(prev.B, from+n-1)
			return
		}
	}
	c.emit(LoadNil, from, from+n-1, 0)
}

// jump adds a jump whose target is not known yet.
func (c *compiler) jump() int {
	here := c.fn.pending
	c.fn.pending = noJump
	j := c.emit(Jmp, 0, noJump, 0)
	c.join(&j, here)
	return j
}

func (c *compiler) condJump(op Op, a, b, cc int) int {
	c.emit(op, a, b, cc)
	return c.jump()
}

// label makes the next instruction a jump target.
func (c *compiler) label() int {
	c.fn.lastTgt = c.pc()
	return c.pc()
}

func (c *compiler) fixJump(at, target int) {
	d := target - (at + 1)
	if d > maxSBx || -d > maxSBx {
		c.syntaxError("control structure too long")
	}
	c.fn.p.Code[at].B = d
}

// nextJump follows a list of jumps, which is threaded through their distances.
func (c *compiler) nextJump(at int) int {
	if d := c.fn.p.Code[at].B; d != noJump {
		return at + 1 + d
	}
	return noJump
}

func (c *compiler) join(list *int, other int) {
	switch {
	case other == noJump:
	case *list == noJump:
		*list = other
	default:
		at := *list
		for n := c.nextJump(at); n != noJump; n = c.nextJump(at) {
			at = n
		}
		c.fixJump(at, other)
	}
}

func isTest(op Op) bool { return op >= Eq && op <= TestSet || op == TForLoop }

// control is the instruction that decides about a jump.
func (c *compiler) control(at int) *Instruction {
	code := c.fn.p.Code
	if at >= 1 && isTest(code[at-1].Op) {
		return &code[at-1]
	}
	return &code[at]
}

// needsValue reports whether a list has jumps that bring no value along.
func (c *compiler) needsValue(list int) bool {
	for ; list != noJump; list = c.nextJump(list) {
		if c.control(list).Op != TestSet {
			return true
		}
	}
	return false
}

// patchTest gives a TestSet its register, or makes it a Test.
func (c *compiler) patchTest(at, reg int) bool {
	i := c.control(at)
	if i.Op != TestSet {
		return false
	}
	if reg != noReg && reg != i.B {
		i.A = reg
	} else {
		*i = Instruction{Test, i.B, 0, i.C}
	}
	return true
}

func (c *compiler) dropValues(list int) {
	for ; list != noJump; list = c.nextJump(list) {
		c.patchTest(list, noReg)
	}
}

func (c *compiler) patchList(list, valueTarget, reg, target int) {
	for list != noJump {
		next := c.nextJump(list)
		if c.patchTest(list, reg) {
			c.fixJump(list, valueTarget)
		} else {
			c.fixJump(list, target)
		}
		list = next
	}
}

func (c *compiler) patchPending() {
	list := c.fn.pending
	c.fn.pending = noJump
	c.patchList(list, c.pc(), noReg, c.pc())
}

func (c *compiler) patchTo(list, target int) {
	if target == c.pc() {
		c.patchHere(list)
	} else {
		c.patchList(list, target, noReg, target)
	}
}

func (c *compiler) patchHere(list int) {
	c.label()
	c.join(&c.fn.pending, list)
}

// needStack makes sure that n registers more are there.
func (c *compiler) needStack(n int) {
	if s := c.fn.free + n; s > c.fn.p.MaxStack {
		if s >= maxStack {
			c.syntaxError("function or expression too complex")
		}
		c.fn.p.MaxStack = s
	}
}

func (c *compiler) reserve(n int) {
	c.needStack(n)
	c.fn.free += n
}

func (c *compiler) freeReg(r int) {
	if r&ConstBit == 0 && r >= len(c.fn.vars) {
		c.fn.free--
	}
}
