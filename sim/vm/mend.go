package vm

import (
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
	m.mend.on = false
	if t := m.mend.table; t != nil {
		t.Metatable = m.mend.meta
		m.mend.table, m.mend.meta = nil, nil
		return
	}
	m.state.reg.array[m.mend.reg] = m.mend.value
	m.mend.value = nil
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
	m.mend = mend{on: true, reg: f.LocalBase + argA(inst), value: lua.LNumber(modulo(float64(a), float64(b)))}
}

// beforeLen keeps the # of a table from calling __len, which Lua 5.1 does for
// userdata only.
func (m *meter) beforeLen(f *luaFrame, inst uint32) {
	t, ok := m.rk(f, argB(inst)).(*lua.LTable)
	if !ok {
		return
	}
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__len") != lua.LNil {
		m.mend = mend{on: true, table: t, meta: t.Metatable}
		t.Metatable = lua.LNil
	}
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
