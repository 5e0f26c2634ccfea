package luac

// What a function that was not compiled here must keep to. The firmware checks
// operands and jumps (fw: app/lua/ldebug.c, luaG_checkcode); what it lets pass
// besides can still crash a device. So this asks for what any compiler of Lua 5.1
// makes of any program: a hand-made chunk is "bad code" here where a device might
// reset, and whatever runs can do no more than raise errors.

// maxBlocks bounds the blocks of a constructor: more items than fit in the memory
// of any device.
const maxBlocks = 1 << 12

// maxSizeHint bounds the exponent of a constructor's size, likewise.
const maxSizeHint = 20

// valid reports whether p's code may run. The functions inside have been checked.
func (p *Proto) valid() bool {
	n := len(p.Code)
	if p.MaxStack > maxStack || p.NeedsArg && !p.HasArg || len(p.UpvalueNames) > p.Upvalues || n == 0 || p.Code[n-1].Op != Return {
		return false
	}
	params := p.Params
	if p.HasArg {
		params++
	}
	if params > p.MaxStack {
		return false
	}
	var opened []bool // by instruction: leaves an open list for the next
	for pc, in := range p.Code {
		if in.Op == Extra {
			continue
		}
		if in.Op >= Extra || in.A >= p.MaxStack || !p.validOperands(pc, in) || !p.validOp(pc, in) {
			return false
		}
		if in.opens() {
			if opened == nil {
				opened = make([]bool, n)
			}
			opened[pc] = true
		}
	}
	return p.validLists(opened)
}

// validOperands checks the kinds of operands that the table of operations gives.
func (p *Proto) validOperands(pc int, in Instruction) bool {
	m := opModes[in.Op]
	switch m.format {
	case formatABx:
		if m.b == registerOrConst && in.B >= len(p.Consts) {
			return false
		}
	case formatAsBx:
		if !p.target(pc + 1 + in.B) {
			return false
		}
	default:
		if !p.operand(m.b, in.B) || !p.operand(m.c, in.C) {
			return false
		}
	}
	return !m.test || pc+2 < len(p.Code) && p.Code[pc+1].Op == Jmp
}

func (p *Proto) operand(kind operand, x int) bool {
	switch kind {
	case unused:
		return x == 0
	case register:
		return x < p.MaxStack
	case registerOrConst:
		if x&ConstBit != 0 {
			return x&^ConstBit < len(p.Consts)
		}
		return x < p.MaxStack
	}
	return true
}

// target reports whether an instruction is at pc that may be jumped to.
func (p *Proto) target(pc int) bool {
	return pc >= 0 && pc < len(p.Code) && p.Code[pc].Op != Extra
}

func (p *Proto) isString(k int) bool { return k < len(p.Consts) && p.Consts[k].Kind == String }

// validOp checks what is particular to an operation.
func (p *Proto) validOp(pc int, in Instruction) bool {
	reg := func(r int) bool { return r < p.MaxStack }
	switch in.Op {
	case LoadBool:
		return in.C == 0 || p.target(pc+2)
	case LoadNil:
		return in.A <= in.B
	case GetUpval, SetUpval:
		return in.B < p.Upvalues
	case GetGlobal, SetGlobal:
		return p.isString(in.B)
	case NewTable:
		return in.B>>3 <= maxSizeHint && in.C>>3 <= maxSizeHint
	case Self:
		return reg(in.A+1) && (in.C&ConstBit == 0 || p.isString(in.C&^ConstBit))
	case Concat:
		return in.B < in.C
	case TForLoop:
		return in.C >= 1 && reg(in.A+2+in.C)
	case ForLoop, ForPrep:
		return reg(in.A + 3)
	case Call, TailCall:
		return (in.C == 0 || in.Op == Call) && (in.B == 0 || reg(in.A+in.B-1)) && (in.C < 2 || reg(in.A+in.C-2))
	case Return:
		return in.B < 2 || reg(in.A+in.B-2)
	case SetList:
		if in.B > 0 && !reg(in.A+in.B) {
			return false
		}
		if in.C > 0 {
			return true
		}
		return pc+2 < len(p.Code) && p.Code[pc+1].B > 0 && p.Code[pc+1].B <= maxBlocks
	case Closure:
		return p.validClosure(pc, in.B)
	case Vararg:
		return p.IsVararg && !p.NeedsArg && (in.B < 2 || reg(in.A+in.B-2))
	}
	return true
}

// validClosure checks what follows the instruction that makes function i: where
// each of its upvalues comes from.
func (p *Proto) validClosure(pc, i int) bool {
	if i >= len(p.Protos) || pc+p.Protos[i].Upvalues >= len(p.Code) {
		return false
	}
	for _, from := range p.Code[pc+1 : pc+1+p.Protos[i].Upvalues] {
		if from.Op != Move && from.Op != GetUpval {
			return false
		}
	}
	return true
}

// opens reports whether an instruction leaves a list whose length shows only when
// it runs; closes whether it takes one, and the first register it may begin at.
func (in Instruction) opens() bool {
	return (in.Op == Call || in.Op == TailCall) && in.C == 0 || in.Op == Vararg && in.B == 0
}

func (in Instruction) closes() (from int, ok bool) {
	if in.B != 0 {
		return 0, false
	}
	switch in.Op {
	case Call, TailCall, SetList:
		return in.A + 1, true
	case Return:
		return in.A, true
	}
	return 0, false
}

// validLists checks that each open list is taken by the next instruction, and
// none is taken that is not there.
func (p *Proto) validLists(opened []bool) bool {
	for pc, in := range p.Code {
		from, closes := in.closes()
		open := pc > 0 && opened != nil && opened[pc-1]
		if open != closes || open && p.Code[pc-1].A < from {
			return false
		}
	}
	if opened == nil {
		return true
	}
	for pc, in := range p.Code { // nor may a jump go in between
		to := 0
		switch in.Op {
		case Jmp, ForLoop, ForPrep:
			to = pc + 1 + in.B
		case LoadBool:
			if in.C != 0 {
				to = pc + 2
			}
		}
		if to > 0 && opened[to-1] {
			return false
		}
	}
	return true
}
