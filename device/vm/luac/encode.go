package luac

// How the firmware encodes instructions, and what the operands of each operation
// are. Fields of a word, from the lowest bit: the operation in 6, A in 8, then C
// and B in 9 each or one number in 18, of which jumps subtract the middle.
// Source: fw: app/lua/lopcodes.h, lopcodes.c (as in Lua 5.1).

// format is where an operation has its operands.
type format uint8

const (
	formatABC format = iota
	formatABx
	formatAsBx
)

// operand is what an operand means.
type operand uint8

const (
	unused operand = iota // must be 0
	anything
	register
	registerOrConst // in format ABx: constant; in AsBx register means jump
)

// opMode describes an operation.
type opMode struct {
	format format
	b, c   operand
	test   bool // the next instruction must be a jump
}

var opModes = [...]opMode{
	Move:      {b: register},
	LoadK:     {format: formatABx, b: registerOrConst},
	LoadBool:  {b: anything, c: anything},
	LoadNil:   {b: register},
	GetUpval:  {b: anything},
	GetGlobal: {format: formatABx, b: registerOrConst},
	GetTable:  {b: register, c: registerOrConst},
	SetGlobal: {format: formatABx, b: registerOrConst},
	SetUpval:  {b: anything},
	SetTable:  {b: registerOrConst, c: registerOrConst},
	NewTable:  {b: anything, c: anything},
	Self:      {b: register, c: registerOrConst},
	Add:       {b: registerOrConst, c: registerOrConst},
	Sub:       {b: registerOrConst, c: registerOrConst},
	Mul:       {b: registerOrConst, c: registerOrConst},
	Div:       {b: registerOrConst, c: registerOrConst},
	Mod:       {b: registerOrConst, c: registerOrConst},
	Pow:       {b: registerOrConst, c: registerOrConst},
	Unm:       {b: register},
	Not:       {b: register},
	Len:       {b: register},
	Concat:    {b: register, c: register},
	Jmp:       {format: formatAsBx, b: register},
	Eq:        {b: registerOrConst, c: registerOrConst, test: true},
	Lt:        {b: registerOrConst, c: registerOrConst, test: true},
	Le:        {b: registerOrConst, c: registerOrConst, test: true},
	Test:      {b: register, c: anything, test: true},
	TestSet:   {b: register, c: anything, test: true},
	Call:      {b: anything, c: anything},
	TailCall:  {b: anything, c: anything},
	Return:    {b: anything},
	ForLoop:   {format: formatAsBx, b: register},
	ForPrep:   {format: formatAsBx, b: register},
	TForLoop:  {c: anything, test: true},
	SetList:   {b: anything, c: anything},
	Close:     {},
	Closure:   {format: formatABx, b: anything},
	Vararg:    {b: anything},
}

const numOps = len(opModes)

// word encodes an instruction.
func (in Instruction) word() uint32 {
	if in.Op == Extra {
		return uint32(in.B)
	}
	w := uint32(in.Op) | uint32(in.A)<<6
	switch opModes[in.Op].format {
	case formatABx:
		return w | uint32(in.B)<<14
	case formatAsBx:
		return w | uint32(in.B+maxSBx)<<14
	}
	return w | uint32(in.C)<<14 | uint32(in.B)<<23
}

// invalid is the operation of a word that means none.
const invalid = Extra + 1

// decode takes a word apart. It does not know whether the word is an Extra.
func decode(w uint32) Instruction {
	op := Op(w & 0x3f)
	if int(op) >= numOps {
		return Instruction{Op: invalid}
	}
	in := Instruction{Op: op, A: int(w >> 6 & 0xff)}
	switch opModes[op].format {
	case formatABx:
		in.B = int(w >> 14)
	case formatAsBx:
		in.B = int(w>>14) - maxSBx
	default:
		in.B, in.C = int(w>>23), int(w>>14&0x1ff)
	}
	return in
}

// Word is the instruction as the firmware encodes it.
func (in Instruction) Word() uint32 { return in.word() }

// setsA are the operations that set register A, as the firmware's table of them
// says (fw: app/lua/lopcodes.c, luaP_opmodes): Test is among them.
const setsA = 1<<Move | 1<<LoadK | 1<<LoadBool | 1<<LoadNil | 1<<GetUpval | 1<<GetGlobal | 1<<GetTable | 1<<NewTable |
	1<<Self | 1<<Add | 1<<Sub | 1<<Mul | 1<<Div | 1<<Mod | 1<<Pow | 1<<Unm | 1<<Not | 1<<Len | 1<<Concat | 1<<Test |
	1<<TestSet | 1<<Call | 1<<TailCall | 1<<ForLoop | 1<<ForPrep | 1<<Closure | 1<<Vararg

// SetsA reports whether an operation sets register A, as the firmware sees it.
func SetsA(op Op) bool { return setsA>>op&1 != 0 }

// Decode takes the code of a function apart.
func Decode(code []uint32) []Instruction {
	out := make([]Instruction, len(code))
	extra := false
	for i, w := range code {
		if extra {
			out[i] = Instruction{Op: Extra, B: int(w)}
			extra = false
			continue
		}
		out[i] = decode(w)
		extra = out[i].Op == SetList && out[i].C == 0
	}
	return out
}
