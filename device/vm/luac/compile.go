package luac

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// Op is an operation code of Lua 5.1.
type Op uint8

// The operations, in Lua's order.
const (
	Move Op = iota
	LoadK
	LoadBool
	LoadNil
	GetUpval
	GetGlobal
	GetTable
	SetGlobal
	SetUpval
	SetTable
	NewTable
	Self
	Add
	Sub
	Mul
	Div
	Mod
	Pow
	Unm
	Not
	Len
	Concat
	Jmp
	Eq
	Lt
	Le
	Test
	TestSet
	Call
	TailCall
	Return
	ForLoop
	ForPrep
	TForLoop
	SetList
	Close
	Closure
	Vararg
	Extra // not an operation: the block number of a SetList before it, in B
)

// ConstBit marks an operand B or C as a constant.
const ConstBit = 256

// Instruction is one instruction, not yet encoded. Jumps and loops have their
// distance in B, LoadK, GetGlobal, SetGlobal and Closure their index.
type Instruction struct {
	Op      Op
	A, B, C int
}

// ConstKind is the type of a constant.
type ConstKind uint8

// The kinds of constants.
const (
	Nil ConstKind = iota
	False
	True
	Number
	String
)

// Const is a constant of a prototype.
type Const struct {
	Kind ConstKind
	Num  float64
	Str  string
}

// Debug says what debug information functions keep. A higher one keeps less.
type Debug int

// What is kept (fw: lua_stripdebug's levels; node.stripdebug counts from 1).
const (
	KeepAll   Debug = iota // names of locals and upvalues, and lines
	KeepLines              // the firmware's default
	KeepNothing
)

// Proto is a compiled function.
type Proto struct {
	Source                       string
	LineDefined, LastLineDefined int
	Params, Upvalues, MaxStack   int
	HasArg, IsVararg, NeedsArg   bool
	Code                         []Instruction
	Lines                        []int  // line of each instruction, 0 where LineInfo does not tell
	LineInfo                     []byte // packed, with a final zero; nil when stripped
	Consts                       []Const
	Protos                       []*Proto
	// Named is set when the device has the names below, too. Those of a function
	// that was compiled are here in any case: tools show them.
	Named        bool
	Locals       []Local
	UpvalueNames []string
	// Missed are lines on which == compares with a constant that was folded from a
	// power and misses an integer (see luanum).
	Missed []int

	locals int // entries of the table of local variables
	blocks protoBlocks
}

// protoBlocks is the memory of a prototype while it is compiled.
type protoBlocks struct {
	head, code, lines, consts, protos, locals, upvals heap.Block
	sizeCode, sizeLines, sizeConsts                   int
	sizeProtos, sizeLocals, sizeUpvals                int
}

// Bytes is the size of the prototype itself, without its strings and the
// prototypes inside.
func (p *Proto) Bytes() int {
	n := heap.ProtoSize(len(p.Code), len(p.Consts), len(p.Protos), len(p.LineInfo))
	if p.Named {
		n += len(p.Locals)*heap.LocalVarSize + len(p.UpvalueNames)*heap.UpvalueNameSize
	}
	return n
}

// Account is told what the compiler allocates, in the firmware's order. It may
// unwind by a panic of its own when memory runs out.
type Account interface {
	heap.Mem
	// Intern accounts for a string.
	Intern(s string)
	// Message makes a message of pieces (luaO_pushfstring). format knows %s and %d.
	Message(format string, args ...any) string
	// Failed makes the final message of a syntax error: with the chunk's name and the line,
	// and if near is not empty with the token that the compiler is at (luaX_lexerror).
	Failed(line int, message, near string)
}

type noAccount struct{}

func (noAccount) Realloc(b *heap.Block, n int)              {}
func (noAccount) Intern(string)                             {}
func (noAccount) Message(format string, args ...any) string { return fmt.Sprintf(format, args...) }
func (noAccount) Failed(int, string, string)                {}

// Made is what the compiler has made of a function: its prototype, and the table of names
// that it has worked with.
type Made struct {
	Proto *Proto
	Names *heap.Table
}

// Made functions are given to this when a chunk is done, in the order in which they were
// begun, while the compiler still holds its token buffer, as the firmware makes the chunk's
// function then. The tables are dead by that time. main is nil when the chunk could not be
// compiled: then all is dead.
type finish = func(main *Proto, made []Made)

// Limits of the firmware's compiler. Source: oracle: memory-sizes.json, limits.
const (
	maxLevels   = 200 // LUAI_MAXCCALLS: nested syntactical levels
	maxVars     = 50  // LUAI_MAXVARS: local variables per function
	maxUpvalues = 60  // LUAI_MAXUPVALUES: upvalues per function
	maxStack    = 250 // registers per function
	maxIndexRK  = ConstBit - 1
	maxBx       = 1<<18 - 1
	maxSBx      = maxBx >> 1
	maxC        = 1<<9 - 1
	// FieldsPerFlush is how many items of a constructor are stored at a time.
	FieldsPerFlush = 50
	minVector      = 4 // the first size of the compiler's growing arrays
	tokenBuffer    = 32
)

// Error is a syntax error. Message is complete but for the chunk's name and the
// line: "'=' expected near 'x'".
type Error struct {
	Line    int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Line, e.Message) }

// Numbers is how numerals are read and constant expressions computed. returns is false where a
// power is one that the chip never comes back from.
type Numbers interface {
	Parse(s string) (n float64, ok bool)
	Mod(a, b float64) float64
	Pow(a, b float64) (power float64, returns bool)
}

// deviceNumbers are the device's.
type deviceNumbers struct{}

func (deviceNumbers) Parse(s string) (float64, bool)        { return luanum.ParseNumber(s) }
func (deviceNumbers) Mod(a, b float64) float64              { return luanum.Mod(a, b) }
func (deviceNumbers) Pow(a, b float64) (p float64, ok bool) { return luanum.Pow(a, b) }

// Compile compiles a chunk. name is the chunk's name as the prototypes keep it,
// and debug the information that they keep. account may be nil.
// done, if not nil, is called at the end: see finish.
func Compile(source, name string, debug Debug, account Account, done finish) (main *Proto, err *Error) {
	return CompilePieces(source, nil, name, 0, debug, account, done)
}

// CompilePieces is Compile for source that comes in pieces: the first, and those
// that more returns until it returns "". They are asked for as the compiler gets
// there. more may unwind by a panic of its own. depth is how many nested C calls of
// Lua's are under way: the firmware counts syntactical levels on top of them.
func CompilePieces(first string, more func() string, name string, depth int, debug Debug, account Account, done finish) (main *Proto, err *Error) {
	if account == nil {
		account = noAccount{}
	}
	if done == nil {
		done = func(*Proto, []Made) {}
	}
	c := &compiler{mem: account, numbers: deviceNumbers{}, source: name, level: depth}
	c.lex = lexer{src: first, more: more}
	return c.compile(debug, done)
}

// CompileWith is CompilePieces on another machine than the device, which works numbers out otherwise:
// of source in one piece, and without an account.
func CompileWith(numbers Numbers, source, name string, depth int, debug Debug) (*Proto, *Error) {
	c := &compiler{mem: noAccount{}, numbers: numbers, source: name, level: depth}
	c.lex = lexer{src: source}
	return c.compile(debug, func(*Proto, []Made) {})
}

// compile compiles what the lexer reads.
func (c *compiler) compile(debug Debug, done finish) (main *Proto, err *Error) {
	c.lex.line, c.lex.lastLine = 1, 1
	c.lex.numbers, c.lex.account, c.lex.onString, c.lex.onLength = c.numbers, c.mem, c.newString, c.useBuffer
	defer func() {
		if r := recover(); r != nil {
			failed, syntax := r.(*Error)
			done(nil, c.made)
			c.mem.Realloc(&c.bufBlock, 0)
			if !syntax {
				panic(r)
			}
			main, err = nil, failed
		}
	}()
	c.mem.Intern(c.source)
	c.useBuffer(tokenBuffer)
	c.open(0)
	c.fn.p.IsVararg = true
	c.lex.next()
	c.chunk()
	c.check(tkEOF)
	p := c.fn.p
	c.close()
	p.strip(c.mem, debug)
	made := c.made
	c.made = nil
	done(p, made)
	c.mem.Realloc(&c.bufBlock, 0)
	return p, nil
}

// Free gives back the memory of a prototype that was not finished, but not of those
// inside it.
func (p *Proto) Free(m heap.Mem) {
	b := &p.blocks
	for _, blk := range []*heap.Block{&b.upvals, &b.locals, &b.protos, &b.consts, &b.lines, &b.code, &b.head} {
		m.Realloc(blk, 0)
	}
}

// Held is how many bytes such a prototype takes.
func (p *Proto) Held() (n int) {
	for _, b := range p.Blocks() {
		n += b.Size()
	}
	return n
}

// strip drops debug information of the finished chunk, all at once.
func (p *Proto) strip(m heap.Mem, debug Debug) {
	for _, n := range p.Protos {
		n.strip(m, debug)
	}
	if debug >= KeepNothing {
		p.dropLines()
		m.Realloc(&p.blocks.lines, 0)
	}
	if p.Named = debug <= KeepAll; !p.Named {
		m.Realloc(&p.blocks.locals, 0)
		m.Realloc(&p.blocks.upvals, 0)
	}
}

func (p *Proto) dropLines() {
	p.LineInfo = nil
	clear(p.Lines)
}

// Places in what Blocks returns.
const (
	LinesBlock    = 4
	LocalsBlock   = 5
	UpvaluesBlock = 6
)

// Blocks returns the blocks a finished prototype consists of: header, code,
// constants, nested prototypes, line information, local variables, names of
// upvalues. The caller takes them over.
func (p *Proto) Blocks() [7]heap.Block {
	b := &p.blocks
	return [7]heap.Block{b.head, b.code, b.consts, b.protos, b.lines, b.locals, b.upvals}
}
