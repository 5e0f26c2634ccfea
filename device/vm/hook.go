package vm

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// meter is the hook of one Lua thread. gopher-lua takes it for a context and
// calls Done before every instruction of the thread.
type meter struct {
	vm    *VM
	th    *lua.LState
	state *luaState

	fresh    bool // a coroutine that has not run yet
	rethrows bool // a coroutine whose errors go on to who resumes it

	stack      threadStack
	due        bool // afterwards has something to do: one test per instruction
	mend       mend
	pending    *tableState // table made by the instruction before
	pendingReg int         // where it is
	onStack    []lua.LValue
	residue    residue
	spared     []spared
	checkGC    bool // exact: the incremental collector may take a step
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
	v.cpu += v.instrNanos
	if v.cpu >= v.sliceAt {
		v.slice()
	}
	if m.due {
		m.afterwards()
	}
	f := m.state.currentFrame
	if f.Pc == 1 {
		m.enterLua(f)
	}
	inst := f.Fn.Proto.Code[f.Pc-1]
	switch int(inst >> 26) {
	case lua.OP_SETTABLE:
		if v.mem.on {
			m.beforeSetTable(f, inst)
		}
	case lua.OP_SETTABLEKS:
		if v.mem.on {
			m.beforeSetField(f, inst)
		}
	case lua.OP_SETGLOBAL:
		if v.mem.on {
			v.running = m.th
			x := m.reg(f, argA(inst))
			if key, ok := f.Fn.Proto.Constants[inst&0x3ffff].(lua.LString); ok {
				v.mem.setString(f.Fn.Env, string(key), x != lua.LNil)
			}
			v.mem.stores(x)
		}
	case lua.OP_SETUPVAL:
		if v.mem.on {
			v.mem.stores(m.reg(f, argA(inst)))
		}
	case lua.OP_GETGLOBAL:
		if v.romNanos > 0 {
			if name, ok := f.Fn.Proto.Constants[inst&0x3ffff].(lua.LString); ok {
				v.chargeGlobal(f.Fn.Env, string(name))
			}
		}
	case lua.OP_GETTABLEKS, lua.OP_SELF:
		if v.romNanos > 0 {
			if name, ok := m.rk(f, argC(inst)).(lua.LString); ok {
				v.chargeField(m.reg(f, argB(inst)), string(name))
			}
		}
	case lua.OP_NEWTABLE:
		if v.mem.on {
			v.running = m.th
			m.pending = v.mem.newTable(heap.UnpackHint(int(inst&0x1ff)), heap.UnpackHint(int(inst>>9)&0x1ff))
			m.due = true // not before: a finalizer may have run
			m.pendingReg = f.LocalBase + int(inst>>18)&0xff
		}
	case lua.OP_SETLIST:
		if v.mem.on {
			m.beforeSetList(f, inst)
		}
	case lua.OP_CLOSURE:
		if v.mem.on {
			m.beforeClosure(f, inst)
		}
	case lua.OP_CONCAT:
		m.beforeConcat(f, inst)
	case lua.OP_MOD:
		m.beforeMod(f, inst)
	case lua.OP_LEN:
		m.beforeLen(f, inst)
	case lua.OP_FORPREP:
		m.beforeFor(f, inst)
	case lua.OP_TAILCALL:
		m.beforeTailCall(f, inst)
		if v.mem.on {
			m.beforeCall(f, inst)
		}
	case lua.OP_CALL:
		if v.mem.exact {
			m.spare(f, m.argsEnd(f, argA(inst), argB(inst)))
		}
		if fn, ok := m.state.reg.array[f.LocalBase+argA(inst)].(*lua.LFunction); ok && fn.IsG && v.mem.on {
			m.beforeCall(f, inst)
		}
	case lua.OP_RETURN:
		if v.mem.exact && v.mem.on {
			m.beforeReturn(f, inst)
		}
	case lua.OP_TFORLOOP:
		if v.mem.exact {
			m.due, m.checkGC = true, true // after the call of the iterator
		}
		if v.mem.on {
			if fn, ok := m.reg(f, int(inst>>18)&0xff).(*lua.LFunction); ok && fn.IsG {
				m.stackFor(f.LocalBase+int(inst>>18)&0xff+6, heap.MinCStack, f.Idx+1)
			}
		}
	case lua.OP_VARARG:
		if v.mem.on && inst&0x1ff == 0 {
			n := f.NArgs - int(f.Fn.Proto.NumParameters)
			if n > 0 {
				m.stackFor(f.LocalBase+int(f.Fn.Proto.NumUsedRegisters), n, 0)
			}
		}
	}
	return nil
}

// beforeSetTable accounts for what t[k] = x stores.
func (m *meter) beforeSetTable(f *luaFrame, inst uint32) {
	m.vm.running = m.th
	mem, b, c := m.vm.mem, argB(inst), argC(inst)
	key, x := m.rk(f, b), m.rk(f, c)
	mem.set(m.reg(f, argA(inst)), key, x != lua.LNil)
	if s, ok := key.(lua.LString); ok && b < constant {
		mem.escapes(string(s))
	}
	if s, ok := x.(lua.LString); ok && c < constant {
		mem.escapes(string(s))
	}
}

// beforeSetField is beforeSetTable for t.name = x.
func (m *meter) beforeSetField(f *luaFrame, inst uint32) {
	m.vm.running = m.th
	key, ok := m.rk(f, argB(inst)).(lua.LString)
	if !ok {
		return
	}
	c := argC(inst)
	x := m.rk(f, c)
	if tb, ok := m.reg(f, argA(inst)).(*lua.LTable); ok {
		m.vm.mem.setString(tb, string(key), x != lua.LNil)
	} else {
		m.vm.mem.set(m.reg(f, argA(inst)), key, x != lua.LNil)
	}
	if s, ok := x.(lua.LString); ok && c < constant {
		m.vm.mem.escapes(string(s))
	}
}

// constant marks an operand that is a constant (gopher-lua: opBitRk).
const constant = 1 << 8

// reg is register a of frame f; rk a register or a constant.
func (m *meter) reg(f *luaFrame, a int) lua.LValue { return m.state.reg.array[f.LocalBase+a] }

func (m *meter) rk(f *luaFrame, a int) lua.LValue {
	if a&constant != 0 {
		return f.Fn.Proto.Constants[a&^constant]
	}
	return m.state.reg.array[f.LocalBase+a]
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

// afterwards does what the last instruction left to do, and lets the recorder, if
// there is one, see the next.
func (m *meter) afterwards() {
	if m.mend.on {
		m.applyMend()
	}
	if m.residue.frame != nil {
		m.putBack()
	}
	if m.pending != nil {
		m.bindPending()
	}
	if m.checkGC {
		m.checkGC = false
		m.vm.running = m.th
		m.vm.mem.checkGC()
	}
	if m.due = m.vm.rec != nil; m.due {
		m.record(m.state.currentFrame)
	}
}

func (m *meter) bindPending() {
	s := m.pending
	m.pending = nil
	if tb, ok := m.state.reg.array[m.pendingReg].(*lua.LTable); ok {
		m.vm.mem.bind(s, tb)
		m.vm.running = m.th
		m.vm.mem.checkGC()
	} else {
		s.building = false
	}
}

// enterLua runs before the first instruction of a function.
func (m *meter) enterLua(f *luaFrame) {
	if m.fresh {
		m.fresh = false
		m.state.Panic = m.vm.coroutinePanic
	}
	mem := m.vm.mem
	if !mem.on {
		return
	}
	p := f.Fn.Proto
	if top := f.Base + 1 + f.NArgs; top+int(p.NumUsedRegisters) >= m.stack.room || f.Idx >= m.stack.callRoom {
		m.stackFor(top, int(p.NumUsedRegisters), f.Idx)
	}
	if f.Idx+m.vm.nCcalls+baseCCalls >= maxCCalls {
		m.checkCCalls(f)
	}
	if p.IsVarArg&lua.VarArgNeedsArg != 0 {
		m.vm.running = m.th
		if tb, ok := m.reg(f, int(p.NumParameters)).(*lua.LTable); ok {
			mem.argTable(tb, max(f.NArgs-int(p.NumParameters), 0))
		}
	}
}

// checkCCalls bounds the depth of native calls when one more, for a metamethod
// or an iterator, has led to frame f.
func (m *meter) checkCCalls(f *luaFrame) {
	c := f.Parent
	if c == nil || c.Fn.IsG || c.Pc < 1 {
		return
	}
	if op := opOf(c.Fn.Proto.Code[c.Pc-1]); op == lua.OP_CALL || op == lua.OP_TAILCALL {
		return
	}
	n := m.vm.nCcalls + baseCCalls
	for ; f.Parent != nil; f = f.Parent {
		if c := f.Parent; !c.Fn.IsG && c.Pc > 0 {
			if op := opOf(c.Fn.Proto.Code[c.Pc-1]); op != lua.OP_CALL && op != lua.OP_TAILCALL {
				n++
			}
		}
	}
	if n >= maxCCalls {
		m.vm.runError(m.th, m.state.currentFrame.Parent, cStackOverflow)
	}
}

// argTable accounts for the table of extra arguments that a function with "..."
// gets as arg when it never mentions "...".
func (m *memory) argTable(tb *lua.LTable, n int) {
	if m.tables[tb] != nil {
		return // a jump back to the first instruction
	}
	s := m.begin(tb, n, 1)
	m.intern("n")
	k := heap.StringKey("n")
	s.t.Set(m, &k, true, s)
	m.stores(lua.LString("n"))
	m.bound.lost = true // the arguments are in it
}

// beforeSetList accounts for the array a constructor fills.
func (m *meter) beforeSetList(f *luaFrame, inst uint32) {
	a, b, c := int(inst>>18)&0xff, int(inst&0x1ff), int(inst>>9)&0x1ff
	if c == 0 && f.Pc < len(f.Fn.Proto.Code) {
		c = int(f.Fn.Proto.Code[f.Pc])
	}
	tb, ok := m.reg(f, a).(*lua.LTable)
	if !ok {
		return
	}
	n := b
	if b == 0 {
		n = m.state.reg.top - (f.LocalBase + a) - 1
	}
	m.vm.running = m.th
	s := m.vm.mem.table(tb)
	s.t.SetArray(m.vm.mem, (c-1)*lua.FieldsPerFlush+n, s)
	for i := 1; i <= n; i++ {
		m.vm.mem.stores(m.reg(f, a+i))
	}
}

// beforeClosure accounts for a closure and the cells of the variables it is the
// first to capture.
func (m *meter) beforeClosure(f *luaFrame, inst uint32) {
	mem := m.vm.mem
	m.vm.running = m.th
	p := f.Fn.Proto.FunctionPrototypes[inst&0x3ffff]
	mem.holdUnbound()
	mem.charge(kindFunction, heap.ClosureSize(int(p.NumUpvalues)))
	for i := 0; i < int(p.NumUpvalues); i++ {
		pseudo := f.Fn.Proto.Code[f.Pc+i]
		if int(pseudo>>26) == lua.OP_MOVE && !m.captured(f.LocalBase+int(pseudo&0x1ff)) {
			mem.charge(kindUpvalue, heap.UpvalueCell)
			mem.bound.cells++
		}
	}
	mem.hold = false
	if mem.exact {
		m.due, m.checkGC = true, true
	}
	if mem.track != nil {
		mem.track.expect(m, f.LocalBase+argA(inst))
	}
}

// captured reports whether register reg has an open upvalue.
func (m *meter) captured(reg int) bool {
	for uv := m.state.uvcache; uv != nil; uv = uv.next {
		if uv.index == reg {
			return true
		}
	}
	return false
}

// beforeConcat does what luaV_concat does before it glues: numbers become their
// %.14g strings (gopher-lua would print 16 or 17 digits), and the result is
// accounted for.
func (m *meter) beforeConcat(f *luaFrame, inst uint32) {
	b, c := int(inst&0x1ff), int(inst>>9)&0x1ff
	regs := m.state.reg.array[f.LocalBase:]
	v := m.vm
	for i := b; i <= c; i++ {
		if n, ok := regs[i].(lua.LNumber); ok && !v.mem.on {
			regs[i] = lua.LString(FormatNumber(float64(n)))
		}
	}
	if v.mem.on {
		v.running = m.th
		v.mem.concat(m.th, regs[b:c+1])
		if v.mem.exact {
			m.due, m.checkGC = true, true
		}
		if v.mem.track != nil {
			v.mem.track.expect(m, f.LocalBase+argA(inst))
		}
	}
}

// concat is the account of luaV_concat over values, the right end first. Where
// an operand has a metamethod, only what is right of it is known.
func (m *memory) concat(L *lua.LState, values []lua.LValue) {
	if !m.exact && m.concatStrings(values) {
		return
	}
	m.still = L
	pins := len(m.pins)
	defer func() { m.still, m.pins = nil, m.pins[:min(pins, len(m.pins))] }()
	str := func(i int) bool {
		switch x := values[i].(type) {
		case lua.LString:
			return true
		case lua.LNumber:
			s := FormatNumber(float64(x))
			m.intern(s)
			values[i] = lua.LString(s)
			m.v.pin(values[i])
			return true
		}
		return false
	}
	last := len(values) - 1
	switch values[last-1].(type) {
	case lua.LString, lua.LNumber:
	default:
		return
	}
	if !str(last) {
		return
	}
	total := len(values[last].(lua.LString))
	if total == 0 && last == 1 {
		str(0)
		return
	}
	first := last
	for first > 0 && str(first-1) {
		first--
		n := len(values[first].(lua.LString))
		if m.egc.JoinOverflows(n, total) {
			m.v.runError(L, m.v.top(L), "string length overflow")
		}
		total += n
	}
	m.useBuffer(total)
	if m.exact {
		m.intern(joinValues(values[first:], total))
	} else {
		m.charge(kindString, heap.StringSize(total))
	}
	m.buf.InUse = false
	for i := first - 1; i >= 0; i-- { // beyond a metamethod
		if n, ok := values[i].(lua.LNumber); ok {
			values[i] = lua.LString(FormatNumber(float64(n)))
		}
	}
}

// concatStrings is concat for a lazy account where all operands are strings
// already and the result is short enough: the usual case.
func (m *memory) concatStrings(values []lua.LValue) bool {
	total := 0
	for i := len(values) - 1; i >= 0; i-- {
		s, ok := values[i].(lua.LString)
		if !ok || len(s) == 0 || m.egc.JoinOverflows(len(s), total) {
			return false
		}
		total += len(s)
	}
	m.useBuffer(total)
	m.charge(kindString, heap.StringSize(total))
	m.buf.InUse = false
	return true
}

func joinValues(values []lua.LValue, n int) string {
	b := make([]byte, 0, n)
	for _, v := range values {
		b = append(b, v.(lua.LString)...)
	}
	return string(b)
}

// beforeCall makes room on the stack for a native function.
func (m *meter) beforeCall(f *luaFrame, inst uint32) {
	fn, ok := m.reg(f, argA(inst)).(*lua.LFunction)
	if !ok || !fn.IsG {
		return
	}
	top := m.argsEnd(f, argA(inst), argB(inst))
	if top+heap.MinCStack >= m.stack.room || f.Idx+1 >= m.stack.callRoom {
		m.stackFor(top, heap.MinCStack, f.Idx+1)
	}
}

// argsEnd is the register behind the arguments of a call: b-1 of them, or all that
// there are, above register a.
func (m *meter) argsEnd(f *luaFrame, a, b int) int {
	if b == 0 {
		return m.state.reg.top
	}
	return f.LocalBase + a + b
}
