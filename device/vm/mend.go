package vm

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// Instructions that gopher-lua executes differently from the firmware. The hook
// runs before an instruction and may change its operands; where the result must
// be another one, it is put right before the next instruction, which nothing can
// come in between: neither operation mended so can fail or call anything.

// mend is what is to be put right after the instruction at hand.
type mend struct {
	on    bool
	reg   int // register, counted from the bottom of the stack
	value lua.LValue
	table *lua.LTable // gets its metatable back
	meta  lua.LValue
}

func (m *meter) applyMend() {
	if t := m.mend.table; t != nil {
		t.Metatable = m.mend.meta
	}
	if m.mend.value != nil {
		m.state.reg.array[m.mend.reg] = m.mend.value
	}
	m.mend = mend{}
}

// beforeMod computes a % b as Lua 5.1 does, a - floor(a/b)*b, where the exact
// remainder that gopher-lua computes differs: 1 % 0.1 is 0.
func (m *meter) beforeMod(f *luaFrame, inst uint32) {
	a, ok1 := m.rk(f, argB(inst)).(lua.LNumber)
	b, ok2 := m.rk(f, argC(inst)).(lua.LNumber)
	if !ok1 || !ok2 {
		return
	}
	if x, y := int32(a), int32(b); lua.LNumber(x) == a && lua.LNumber(y) == b && x >= 0 && y > 0 {
		return // both ways give the same
	}
	m.due = true
	m.mend = mend{on: true, reg: f.LocalBase + argA(inst), value: lua.LNumber(modulo(float64(a), float64(b)))}
}

// beforeLen makes the # of a table what the firmware's is: a border found its
// way, and no matter of __len, which Lua 5.1 asks of userdata only.
func (m *meter) beforeLen(f *luaFrame, inst uint32) {
	t, ok := m.rk(f, argB(inst)).(*lua.LTable)
	if !ok {
		return
	}
	mt, ok := t.Metatable.(*lua.LTable)
	if ok && mt.RawGetString("__len") != lua.LNil {
		m.due = true
		m.mend = mend{on: true, table: t, meta: t.Metatable}
		t.Metatable = lua.LNil
	}
	if n := m.vm.Len(t); n != t.Len() {
		m.due, m.mend.on = true, true
		m.mend.reg, m.mend.value = f.LocalBase+argA(inst), lua.LNumber(n)
	}
}

// Len returns the length of a table, which is one of its borders: of several the
// one that the firmware finds, given how big the table's array is there (fw:
// app/lua/ltable.c, luaH_getn).
func (v *VM) Len(t *Table) int {
	if !v.mem.on || v.inFlash(t) {
		return t.Len()
	}
	s := v.mem.table(t)
	set := func(i int) bool { return rawInt(t, i) != Nil }
	search := func(i, j int) int { // i is set (or 0), j is not
		for j-i > 1 {
			if m := (i + j) / 2; set(m) {
				i = m
			} else {
				j = m
			}
		}
		return i
	}
	size := s.t.Array()
	switch {
	case size > 0 && !set(size):
		return search(0, size)
	case s.t.Nodes() == 0:
		return size
	}
	i, j := size, size+1
	for set(j) {
		i = j
		if j *= 2; j > math.MaxInt32 {
			for i = 1; set(i); i++ {
				v.ChargeSteps(1)
			}
			return i - 1
		}
	}
	return search(i, j)
}

// beforeFor prepares a numeric loop as the firmware's OP_FORPREP: strings that
// are numbers count as such, and errors say what is wrong.
func (m *meter) beforeFor(f *luaFrame, inst uint32) {
	regs := m.state.reg.array[f.LocalBase+argA(inst):]
	for i, what := range [...]string{"initial value", "limit", "step"} {
		if _, ok := regs[i].(lua.LNumber); ok {
			continue
		}
		n, ok := m.vm.ToNumber(regs[i])
		if !ok {
			m.vm.throw(m.th, String(f.where()+"'for' "+what+" must be a number"))
		}
		regs[i] = lua.LNumber(n)
	}
}
