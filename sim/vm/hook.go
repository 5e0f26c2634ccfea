package vm

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// meter is the hook of one Lua thread. gopher-lua takes it for a context and
// calls Done before every instruction of the thread.
type meter struct {
	vm    *VM
	th    *lua.LState
	state *luaState
	fresh bool // a coroutine that has not run yet
}

var _ context.Context = (*meter)(nil)

// Deadline, Err and Value complete context.Context; nothing asks them.
func (m *meter) Deadline() (time.Time, bool) { return time.Time{}, false }

// Err is never asked, since Done never closes.
func (m *meter) Err() error { return nil }

// Value holds nothing.
func (m *meter) Value(any) any { return nil }

// Done runs before each instruction.
func (m *meter) Done() <-chan struct{} {
	v := m.vm
	if m.fresh {
		m.fresh = false
		m.state.Panic = v.coroutinePanic
	}
	v.cpu += v.instrNanos
	if v.cpu >= v.sliceAt || v.killed != nil {
		v.slice()
	}
	f := m.state.currentFrame
	inst := f.Fn.Proto.Code[f.Pc-1]
	switch int(inst >> 26) {
	case lua.OP_CONCAT:
		m.beforeConcat(f, inst)
	}
	return nil
}

// slice gives the device a look at the time.
func (v *VM) slice() {
	if v.killed != nil {
		panic(v.killed)
	}
	v.sliceAt = v.cpu + v.cfg.SliceNanos
	if v.cfg.Slice != nil {
		v.cfg.Slice()
	}
	if v.killed != nil {
		panic(v.killed)
	}
}

// beforeConcat replaces the numbers among the operands by their %.14g strings;
// gopher-lua would print 16 or 17 digits.
func (m *meter) beforeConcat(f *luaFrame, inst uint32) {
	b, c := int(inst&0x1ff), int(inst>>9)&0x1ff
	regs := m.state.reg.array[f.LocalBase:]
	for i := b; i <= c; i++ {
		if n, ok := regs[i].(lua.LNumber); ok {
			regs[i] = lua.LString(FormatNumber(float64(n)))
		}
	}
}

// chargeRef accounts for one registry reference.
func (v *VM) chargeRef() {}
