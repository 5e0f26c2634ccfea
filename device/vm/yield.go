package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// A coroutine whose first function ends in "return coroutine.yield(…)" is lost in
// gopher-lua: the tail call takes the function's frame away, and a thread
// without frames cannot be resumed. So a tail call of yield calls a Lua function
// instead, which calls yield and returns what it returns. It is of the
// simulator: it costs no memory and no traceback shows it.

// SetYield tells the VM which function is coroutine.yield.
func (v *VM) SetYield(fn *Function) {
	op := func(op, a, b, c int) uint32 { return uint32(op)<<26 | uint32(a)<<18 | uint32(c)<<9 | uint32(b) }
	proto := &lua.FunctionProto{
		SourceName:       "=[C]",
		LineDefined:      -1,
		LastLineDefined:  -1,
		NumUpvalues:      1,
		IsVarArg:         lua.VarArgIsVarArg,
		NumUsedRegisters: 3,
		Code: []uint32{
			op(lua.OP_GETUPVAL, 0, 0, 0),
			op(lua.OP_VARARG, 1, 0, 0),
			op(lua.OP_CALL, 0, 0, 0),
			op(lua.OP_RETURN, 0, 0, 0),
			op(lua.OP_RETURN, 0, 1, 0),
		},
		DbgSourcePositions: make([]int, 5),
		DbgUpvalues:        []string{""},
	}
	v.yield = fn
	v.yieldCall = v.newFunction(proto)
	v.yieldCall.Upvalues[0].SetValue(fn)
	v.hidden[v.yieldCall] = true
}

// beforeTailCall replaces a yield that is about to be tail-called.
func (m *meter) beforeTailCall(f *luaFrame, inst uint32) {
	at := f.LocalBase + argA(inst)
	if fn, ok := m.state.reg.array[at].(*lua.LFunction); ok && fn == m.vm.yield {
		m.state.reg.array[at] = m.vm.yieldCall
	}
}
