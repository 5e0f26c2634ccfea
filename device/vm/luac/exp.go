package luac

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// expKind says where the value of an expression is, so far.
type expKind uint8

const (
	eVoid expKind = iota
	eNil
	eTrue
	eFalse
	eConst    // info: constant
	eNumber   // num
	eLocal    // info: register
	eUpval    // info: upvalue
	eGlobal   // info: constant with the name
	eIndexed  // info: register of the table, aux: key
	eJump     // info: position of the jump
	eRelocate // info: instruction whose register is not chosen yet
	eRegister // info: register
	eCall     // info: instruction
	eVarargs  // info: instruction
)

// exp is an expression being compiled.
type exp struct {
	kind      expKind
	power     bool // eNumber: folded from a power that misses an integer
	info, aux int
	num       float64
	t, f      int // jumps out when true, when false
}

func newExp(k expKind, info int) exp { return exp{kind: k, info: info, t: noJump, f: noJump} }

func (e *exp) hasJumps() bool { return e.t != e.f }

func (e *exp) isNumeral() bool { return e.kind == eNumber && e.t == noJump && e.f == noJump }

func (e *exp) isOpen() bool { return e.kind == eCall || e.kind == eVarargs }

func (c *compiler) freeExp(e *exp) {
	if e.kind == eRegister {
		c.freeReg(e.info)
	}
}

func (c *compiler) code(e *exp) *Instruction { return &c.fn.p.Code[e.info] }

// setReturns makes an open expression give n values; -1 is as many as there are.
func (c *compiler) setReturns(e *exp, n int) {
	switch e.kind {
	case eCall:
		c.code(e).C = n + 1
	case eVarargs:
		c.code(e).B = n + 1
		c.code(e).A = c.fn.free
		c.reserve(1)
	}
}

func (c *compiler) oneReturn(e *exp) {
	switch e.kind {
	case eCall:
		e.kind, e.info = eRegister, c.code(e).A
	case eVarargs:
		c.code(e).B = 2
		e.kind = eRelocate
	}
}

// load turns a variable into the value it holds.
func (c *compiler) load(e *exp) {
	switch e.kind {
	case eLocal:
		e.kind = eRegister
	case eUpval:
		e.info = c.emit(GetUpval, 0, e.info, 0)
		e.kind = eRelocate
	case eGlobal:
		e.info = c.emit(GetGlobal, 0, e.info, 0)
		e.kind = eRelocate
	case eIndexed:
		c.freeReg(e.aux)
		c.freeReg(e.info)
		e.info = c.emit(GetTable, 0, e.info, e.aux)
		e.kind = eRelocate
	case eCall, eVarargs:
		c.oneReturn(e)
	}
}

// toReg puts the value in a register, its jumps aside.
func (c *compiler) toReg(e *exp, reg int) {
	c.load(e)
	switch e.kind {
	case eNil:
		c.nils(reg, 1)
	case eFalse:
		c.emit(LoadBool, reg, 0, 0)
	case eTrue:
		c.emit(LoadBool, reg, 1, 0)
	case eConst:
		c.emit(LoadK, reg, e.info, 0)
	case eNumber:
		c.emit(LoadK, reg, c.constant(Const{Kind: Number, Num: e.num}), 0)
	case eRelocate:
		c.code(e).A = reg
	case eRegister:
		if reg != e.info {
			c.emit(Move, reg, e.info, 0)
		}
	default:
		return
	}
	e.kind, e.info = eRegister, reg
}

func (c *compiler) toAnyReg(e *exp) {
	if e.kind != eRegister {
		c.reserve(1)
		c.toReg(e, c.fn.free-1)
	}
}

// intoReg puts the value in a register and lets all jumps out of the expression
// arrive behind it.
func (c *compiler) intoReg(e *exp, reg int) {
	c.toReg(e, reg)
	if e.kind == eJump {
		c.join(&e.t, e.info)
	}
	if e.hasJumps() {
		onFalse, onTrue := noJump, noJump
		if c.needsValue(e.t) || c.needsValue(e.f) {
			skip := noJump
			if e.kind != eJump {
				skip = c.jump()
			}
			c.label()
			onFalse = c.emit(LoadBool, reg, 0, 1)
			c.label()
			onTrue = c.emit(LoadBool, reg, 1, 0)
			c.patchHere(skip)
		}
		end := c.label()
		c.patchList(e.f, end, reg, onFalse)
		c.patchList(e.t, end, reg, onTrue)
	}
	*e = newExp(eRegister, reg)
}

func (c *compiler) nextReg(e *exp) {
	c.load(e)
	c.freeExp(e)
	c.reserve(1)
	c.intoReg(e, c.fn.free-1)
}

func (c *compiler) anyReg(e *exp) int {
	c.load(e)
	if e.kind == eRegister {
		if !e.hasJumps() {
			return e.info
		}
		if e.info >= len(c.fn.vars) {
			c.intoReg(e, e.info)
			return e.info
		}
	}
	c.nextReg(e)
	return e.info
}

func (c *compiler) value(e *exp) {
	if e.hasJumps() {
		c.anyReg(e)
	} else {
		c.load(e)
	}
}

// operand puts the value in a register or, where it fits, names its constant.
func (c *compiler) operand(e *exp) int {
	c.value(e)
	switch e.kind {
	case eNumber, eTrue, eFalse, eNil:
		if len(c.fn.p.Consts) <= maxIndexRK {
			k := Const{Kind: Nil}
			switch e.kind {
			case eNumber:
				k = Const{Kind: Number, Num: e.num}
			case eTrue:
				k.Kind = True
			case eFalse:
				k.Kind = False
			}
			e.info = c.constant(k)
			e.kind = eConst
			return e.info | ConstBit
		}
	case eConst:
		if e.info <= maxIndexRK {
			return e.info | ConstBit
		}
	}
	return c.anyReg(e)
}

// store assigns value to a variable.
func (c *compiler) store(v, value *exp) {
	switch v.kind {
	case eLocal:
		c.freeExp(value)
		c.intoReg(value, v.info)
		return
	case eUpval:
		c.emit(SetUpval, c.anyReg(value), v.info, 0)
	case eGlobal:
		c.emit(SetGlobal, c.anyReg(value), v.info, 0)
	case eIndexed:
		r := c.operand(value)
		c.emit(SetTable, v.info, v.aux, r)
	}
	c.freeExp(value)
}

// method prepares object:name: function and object in two new registers.
func (c *compiler) method(e, key *exp) {
	c.anyReg(e)
	c.freeExp(e)
	reg := c.fn.free
	c.reserve(2)
	k := c.operand(key)
	c.emit(Self, reg, e.info, k)
	c.freeExp(key)
	e.kind, e.info = eRegister, reg
}

func (c *compiler) invert(e *exp) {
	i := c.control(e.info)
	i.A = 1 - i.A
}

func (c *compiler) jumpOn(e *exp, cond int) int {
	if e.kind == eRelocate {
		if i := *c.code(e); i.Op == Not {
			c.unemit()
			return c.condJump(Test, i.B, 0, 1-cond)
		}
	}
	c.toAnyReg(e)
	c.freeExp(e)
	return c.condJump(TestSet, noReg, e.info, cond)
}

// ifTrue lets the code that follows run when e is true.
func (c *compiler) ifTrue(e *exp) {
	c.load(e)
	j := noJump
	switch e.kind {
	case eConst, eNumber, eTrue:
	case eJump:
		c.invert(e)
		j = e.info
	default:
		j = c.jumpOn(e, 0)
	}
	c.join(&e.f, j)
	c.patchHere(e.t)
	e.t = noJump
}

// ifFalse lets the code that follows run when e is false.
func (c *compiler) ifFalse(e *exp) {
	c.load(e)
	j := noJump
	switch e.kind {
	case eNil, eFalse:
	case eJump:
		j = e.info
	default:
		j = c.jumpOn(e, 1)
	}
	c.join(&e.t, j)
	c.patchHere(e.f)
	e.f = noJump
}

func (c *compiler) not(e *exp) {
	c.load(e)
	switch e.kind {
	case eNil, eFalse:
		e.kind = eTrue
	case eConst, eNumber, eTrue:
		e.kind = eFalse
	case eJump:
		c.invert(e)
	case eRelocate, eRegister:
		c.toAnyReg(e)
		c.freeExp(e)
		e.info = c.emit(Not, 0, e.info, 0)
		e.kind = eRelocate
	}
	e.t, e.f = e.f, e.t
	c.dropValues(e.f)
	c.dropValues(e.t)
}

func (c *compiler) indexed(t, key *exp) {
	t.aux = c.operand(key)
	t.kind = eIndexed
}

// fold computes an operation on two numerals: not when it divides by zero, and
// not when the result is no number, or the chip would not come back with one.
func (c *compiler) fold(op Op, a, b *exp) bool {
	if !a.isNumeral() || !b.isNumeral() {
		return false
	}
	x, y := a.num, b.num
	var r float64
	switch op {
	case Add:
		r = x + y
	case Sub:
		r = x - y
	case Mul:
		r = x * y
	case Div:
		if y == 0 {
			return false
		}
		r = x / y
	case Mod:
		if y == 0 {
			return false
		}
		r = c.numbers.Mod(x, y)
	case Pow:
		var returns bool
		if r, returns = c.numbers.Pow(x, y); !returns {
			return false
		}
	case Unm:
		r = -x
	default:
		return false
	}
	if r != r {
		return false
	}
	a.power = (op == Pow && luanum.Misses(x, y, r) || a.power || b.power) && r != math.Trunc(r)
	a.num = r
	return true
}

func (c *compiler) arith(op Op, a, b *exp) {
	if c.fold(op, a, b) {
		return
	}
	o2 := 0
	if op != Unm && op != Len {
		o2 = c.operand(b)
	}
	o1 := c.operand(a)
	if o1 > o2 {
		c.freeExp(a)
		c.freeExp(b)
	} else {
		c.freeExp(b)
		c.freeExp(a)
	}
	a.info = c.emit(op, 0, o1, o2)
	a.kind = eRelocate
}

func (c *compiler) compare(op Op, cond int, a, b *exp) {
	if op == Eq && (a.power || b.power) && (a.kind != eConst || !b.isNumeral() || luanum.Near(a.num, b.num)) {
		c.fn.p.Missed = append(c.fn.p.Missed, c.lex.lastLine)
	}
	o1 := c.operand(a)
	o2 := c.operand(b)
	c.freeExp(b)
	c.freeExp(a)
	if cond == 0 && op != Eq { // a > b is b < a
		o1, o2 = o2, o1
		cond = 1
	}
	a.info = c.condJump(op, cond, o1, o2)
	a.kind = eJump
}

// prefix compiles a unary operation on e.
func (c *compiler) prefix(op Op, e *exp) {
	none := newExp(eNumber, 0)
	switch op {
	case Unm:
		if !e.isNumeral() {
			c.anyReg(e)
		}
		c.arith(Unm, e, &none)
	case Not:
		c.not(e)
	case Len:
		c.anyReg(e)
		c.arith(Len, e, &none)
	}
}

// infix prepares the left operand of a binary operation.
func (c *compiler) infix(op binaryOp, e *exp) {
	switch op {
	case opAnd:
		c.ifTrue(e)
	case opOr:
		c.ifFalse(e)
	case opConcat:
		c.nextReg(e)
	case opAdd, opSub, opMul, opDiv, opMod, opPow:
		if !e.isNumeral() {
			c.operand(e)
		}
	default:
		c.operand(e)
	}
}

// postfix compiles a binary operation when both operands have been read.
func (c *compiler) postfix(op binaryOp, a, b *exp) {
	switch op {
	case opAnd:
		c.load(b)
		c.join(&b.f, a.f)
		*a = *b
	case opOr:
		c.load(b)
		c.join(&b.t, a.t)
		*a = *b
	case opConcat:
		c.value(b)
		if b.kind == eRelocate && c.code(b).Op == Concat {
			c.freeExp(a)
			c.code(b).B = a.info
			a.kind, a.info = eRelocate, b.info
		} else {
			c.nextReg(b)
			c.arith(Concat, a, b)
		}
	case opAdd, opSub, opMul, opDiv, opMod, opPow:
		c.arith(Add+Op(op-opAdd), a, b)
	case opEq:
		c.compare(Eq, 1, a, b)
	case opNe:
		c.compare(Eq, 0, a, b)
	case opLt:
		c.compare(Lt, 1, a, b)
	case opLe:
		c.compare(Le, 1, a, b)
	case opGt:
		c.compare(Lt, 0, a, b)
	case opGe:
		c.compare(Le, 0, a, b)
	}
}

// setList stores n items of a constructor, of which there are total so far; n is
// -1 for as many as the last one gives.
func (c *compiler) setList(base, total, n int) {
	block := (total-1)/FieldsPerFlush + 1
	n = max(n, 0)
	if block <= maxC {
		c.emit(SetList, base, n, block)
	} else {
		c.emit(SetList, base, n, 0)
		c.emit(Extra, 0, block, 0)
	}
	c.fn.free = base + 1
}
