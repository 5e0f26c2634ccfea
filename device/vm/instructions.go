package vm

import "github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"

// Instructions that take more than some lines.

// Operands of an instruction (fw: app/lua/lopcodes.h).
func argA(i uint32) int   { return int(i >> 6 & 0xff) }
func argB(i uint32) int   { return int(i >> 23) }
func argC(i uint32) int   { return int(i >> 14 & 0x1ff) }
func argBx(i uint32) int  { return int(i >> 14) }
func argSBx(i uint32) int { return int(i>>14) - (1<<17 - 1) }

func opOf(i uint32) luac.Op { return luac.Op(i & 0x3f) }

// replaceFrame puts the frame of a tail call in place of its caller's.
func (v *VM) replaceFrame(L *Thread) {
	ci, next := &L.ci[L.nci-1], &L.ci[L.nci]
	if L.openUp != nil {
		v.mem.closeUpvalues(L, ci.base)
	}
	ci.base = ci.fn + next.base - next.fn
	n := copy(L.stack[ci.fn:], L.stack[next.fn:L.top])
	L.top = ci.fn + n
	ci.top = L.top
	ci.pc = next.pc
	ci.tailCalls++
	L.nci--
}

// closure makes a closure of p in slot at.
func (v *VM) closure(L *Thread, cl *Function, base, at int, p *proto) {
	m := v.mem
	L.fixed = true
	f := m.newClosure(p, cl.env)
	for j := range f.upvals {
		f.upvals[j] = v.noUpvalue // until all are found
	}
	old := L.stack[at]
	L.stack[at] = functionValue(f)
	again := m.quick.keeps(L, at, old)
	ci := &L.ci[L.nci]
	code := cl.proto.code[ci.pc : ci.pc+p.nups]
	for j, in := range code {
		if opOf(in) == luac.GetUpval {
			f.upvals[j] = cl.upvals[argB(in)]
		} else if u := m.openUpvalue(L, base+argB(in)); u != nil {
			f.upvals[j] = u
		} else {
			again = again || m.quick.dies(old, f)
			f.upvals[j] = m.newOpenUpvalue(L, base+argB(in), again)
			again = true
		}
		if f.mark&barriers != 0 {
			m.barrier(&f.header, value{}, upvalueValue(f.upvals[j]))
		}
	}
	L.fixed = false
	if m.total >= m.gc.threshold {
		m.checkGC()
	}
}

// setUpvalue stores x in an upvalue that is closed, or in another coroutine's
// stack.
func (v *VM) setUpvalue(u *upvalue, x value) {
	old := *u.v
	*u.v = x
	if u.isOpen() {
		if !u.th.frozen {
			return // its value is the stack's, and no part of the graph
		}
		v.mem.quick.switched()
	}
	if u.mark&barriers != 0 {
		v.mem.barrier(&u.header, old, x)
	}
}

// setList stores items of a constructor and returns where the code goes on.
func (v *VM) setList(L *Thread, ra, n, block int, code []uint32, pc int) int {
	m := v.mem
	if n == 0 {
		n = L.top - ra - 1
	}
	if block == 0 {
		block = int(code[pc])
		pc++
	}
	if x := L.stack[ra]; x.bits == kindTable {
		t := x.table()
		L.fixed = true
		last := (block-1)*luac.FieldsPerFlush + n
		if last > len(t.array) {
			t.resize(m, last, len(t.nodes))
		}
		for ; n > 0; n-- {
			if uint(last-1) < uint(len(t.array)) {
				t.store(m, &t.array[last-1], L.stack[ra+n])
			} else {
				t.set(m, number(float64(last)), L.stack[ra+n])
			}
			last--
		}
		L.fixed = false
	}
	L.top = L.ci[L.nci].top
	return pc
}

// varargs copies wanted extra arguments, all if it is allOfIt, to slot ra and
// after.
func (v *VM) varargs(L *Thread, ra, wanted int) {
	ci := &L.ci[L.nci]
	n := max(ci.base-ci.fn-1-L.stack[ci.fn].function().proto.params, 0)
	if wanted == allOfIt {
		v.pushes++
		v.need(L, n)
		L.hostSlots(ra + n - L.top)
		wanted = n
		L.top = ra + n
	}
	from := L.ci[L.nci].base - n
	for j := range wanted {
		if j < n {
			L.stack[ra+j] = L.stack[from+j]
		} else {
			L.stack[ra+j] = value{}
		}
	}
}

// forPrep prepares a numeric loop: strings that are numbers count as such.
func (v *VM) forPrep(init, limit, step *value) {
	for i, x := range [...]*value{init, limit, step} {
		f, ok := v.toNumber(*x)
		if !ok {
			v.runError("'for' " + [...]string{"initial value", "limit", "step"}[i] + " must be a number")
		}
		*x = number(f)
	}
	*init = number(init.num() - step.num())
}

// forError is for a loop that no ForPrep has prepared: no compiler makes it, and
// the device would compute with whatever is there.
func (v *VM) forError(init, limit *value) {
	what := "step"
	switch {
	case !init.isNumber():
		what = "initial value"
	case !limit.isNumber():
		what = "limit"
	}
	v.runError("'for' " + what + " must be a number")
}
