package vm

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// toNumber converts a number, or a string that is one.
func (v *VM) toNumber(x value) (float64, bool) {
	switch {
	case x.isNumber():
		return x.num(), true
	case x.isString():
		return ParseNumber(x.str().s)
	}
	return 0, false
}

// arith is an arithmetic instruction on operands that are not both numbers, or
// whose operation takes long (fw: lvm.c, Arith). i is the instruction.
func (v *VM) arith(L *Thread, res int, i uint32, b, c value, e event) {
	x, ok := v.toNumber(b)
	y := x
	if ok && e != eventUnm {
		y, ok = v.toNumber(c)
	}
	if !ok {
		if h := v.binaryMeta(b, c, e); !h.isNil() {
			v.callInto(L, res, h, b, c)
			return
		}
		culprit, operand := b, argB(i)
		if _, ok := v.toNumber(b); ok {
			culprit, operand = c, argC(i)
		}
		v.operandError(culprit, operand, "perform arithmetic on")
	}
	var f float64
	switch e {
	case eventAdd:
		f = x + y
	case eventSub:
		f = x - y
	case eventMul:
		f = x * y
	case eventDiv:
		f = x / y
	case eventMod:
		f = v.modulo(x, y)
	case eventPow:
		f = v.Power(x, y)
	case eventUnm:
		f = -x
	}
	L.stack[res] = number(f)
}

// binaryMeta is the metamethod of an operation on two operands: the first's, or the
// second's.
func (v *VM) binaryMeta(b, c value, e event) value {
	if h := v.metamethod(b, e); !h.isNil() {
		return h
	}
	return v.metamethod(c, e)
}

// lengthOf is # of what is neither string nor table in RAM. The operand stands in
// register b.
func (v *VM) lengthOf(L *Thread, res, b int, x value) {
	if x.bits == kindROMTable {
		L.stack[res] = number(0) // fw: luaH_getn_ro counts integer keys, of which there are none
		return
	}
	h := v.metamethod(x, eventLen)
	if h.isNil() {
		if x.bits == kindTable {
			L.stack[res] = number(float64(v.length(x.table())))
			return
		}
		v.operandError(x, b, "get length of")
	}
	v.callInto(L, res, h, x, value{})
}

// equalObjects compares two different tables or userdata.
func (v *VM) equalObjects(L *Thread, a, b value) bool {
	ma, mb := v.metatable(a), v.metatable(b)
	h := v.fastField(ma, eventEq)
	if h.isNil() {
		return false
	}
	if ma != mb {
		if g := v.fastField(mb, eventEq); !h.same(g) {
			return false
		}
	}
	return v.callBool(L, h, a, b)
}

// ordered is the metamethod e of both operands, if it is the same.
func (v *VM) ordered(a, b value, e event) (h value, ok bool) {
	h = v.metamethod(a, e)
	return h, !h.isNil() && h.same(v.metamethod(b, e))
}

// comparable reports whether two values are of one type. ROM tables and functions
// are types of their own there.
func comparable(a, b value) bool {
	if a.isNumber() || b.isNumber() {
		return a.isNumber() && b.isNumber()
	}
	return a.bits == b.bits || a.bits|b.bits == kindFalse|kindTrue
}

// lessThan is a < b (luaV_lessthan).
func (v *VM) lessThan(L *Thread, a, b value) bool {
	if comparable(a, b) {
		switch {
		case a.isNumber():
			return a.num() < b.num()
		case a.isString():
			return a.str().s < b.str().s
		}
		if h, ok := v.ordered(a, b, eventLt); ok {
			return v.callBool(L, h, a, b)
		}
	}
	v.orderError(a, b)
	return false
}

// lessEqual is a <= b: by __le, or else by not b < a.
func (v *VM) lessEqual(L *Thread, a, b value) bool {
	if comparable(a, b) {
		switch {
		case a.isNumber():
			return a.num() <= b.num()
		case a.isString():
			return a.str().s <= b.str().s
		}
		if h, ok := v.ordered(a, b, eventLe); ok {
			return v.callBool(L, h, a, b)
		}
		if h, ok := v.ordered(b, a, eventLt); ok {
			return !v.callBool(L, h, b, a)
		}
	}
	v.orderError(a, b)
	return false
}

// concat glues total values, of which the last is in register last, and leaves the
// result where the first was (luaV_concat): from the right, as many as are strings
// or numbers at a time, through the shared buffer.
func (v *VM) concat(L *Thread, base, total, last int) {
	m := v.mem
	for {
		requests := m.requests
		L.fixed = true
		top := base + last + 1
		n := 2
		s := L.stack[top-n : top]
		switch {
		case !s[0].isString() && !s[0].isNumber() || !v.makeString(L, top-1):
			L.fixed = false
			b, c := L.stack[top-2], L.stack[top-1]
			h := v.binaryMeta(b, c, eventConcat)
			if h.isNil() {
				culprit, reg := b, last-1
				if b.isString() || b.isNumber() {
					culprit, reg = c, last
				}
				v.typeError(culprit, base+reg, "concatenate")
			}
			v.callInto(L, top-2, h, b, c)
		case L.stack[top-1].str().s == "":
			v.makeString(L, top-2)
		default:
			length := len(L.stack[top-1].str().s)
			for n = 1; n < total && v.makeString(L, top-n-1); n++ {
				l := len(L.stack[top-n-1].str().s)
				if m.egc.JoinOverflows(l, length) {
					v.runError("string length overflow")
				}
				length += l
			}
			v.cpu += int64(length/BytesPerInstruction) * v.instrNanos
			// What was made strings here were numbers: nothing has died of it.
			m.useBuffer(length, m.requests > requests)
			text, at := m.pool.text(length), 0
			for _, x := range L.stack[top-n : top] {
				at += copy(text[at:], x.str().s)
			}
			L.stack[top-n] = stringValue(m.internText(text, m.requests > requests))
			m.buf.InUse = false
		}
		L.fixed = false
		total -= n - 1
		last -= n - 1
		if total <= 1 {
			return
		}
	}
}

// makeString makes a number in a slot the string that it is as text. It reports
// false for what is neither (luaV_tostring).
func (v *VM) makeString(L *Thread, slot int) bool {
	x := L.stack[slot]
	if x.isString() {
		return true
	}
	if !x.isNumber() {
		return false
	}
	var buf [32]byte
	s := v.mem.internBytes(luanum.AppendNumber(buf[:0], x.num()), false)
	L.stack[slot] = stringValue(s)
	return true
}

// operandError is typeError for an operand of the instruction at hand: a register
// or a constant.
func (v *VM) operandError(x value, operand int, what string) {
	slot := -1
	if operand < luac.ConstBit {
		L := v.running
		slot = L.ci[L.nci].base + operand
	}
	v.typeError(x, slot, what)
}
