package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// A function that returns leaves on the stack what it had there. As far as those
// slots lie within the caller's frame they are registers of the caller, and what
// is in them stays alive until something else is put there. gopher-lua clears
// them, so an exact account puts them back before the caller's next instruction.
// The compiler never reads such a register before it has written to it.

// residue is what is to be put back into the registers of one frame.
type residue struct {
	frame *luaFrame
	first int // absolute register
	regs  []lua.LValue
}

// spared is what a caller has in the registers above the arguments of a call.
// The firmware leaves them alone, unless the collector runs meanwhile: it clears
// what lies above the function that is running. gopher-lua always does.
type spared struct {
	frame *luaFrame
	idx   int
	first int // absolute register
	regs  []lua.LValue
	epoch uint32
}

// spare notes the registers of f above top, before a call.
func (m *meter) spare(f *luaFrame, top int) {
	m.vm.running = m.th
	m.vm.mem.idle()
	n := len(m.spared)
	for n > 0 && m.spared[n-1].idx >= f.Idx {
		n-- // of calls that have ended
	}
	m.spared = m.spared[:n]
	end := f.LocalBase + int(f.Fn.Proto.NumUsedRegisters)
	if end <= top || end > len(m.state.reg.array) {
		return
	}
	if n < cap(m.spared) {
		m.spared = m.spared[:n+1]
	} else {
		m.spared = append(m.spared, spared{})
	}
	s := &m.spared[n]
	s.frame, s.idx, s.first, s.epoch = f, f.Idx, top, m.vm.mem.epoch
	s.regs = append(s.regs[:0], m.state.reg.array[top:end]...)
}

// dropped notes values that a firmware function takes off its stack: they are
// still in their slots, above its top.
func (c *Call) dropped(n int) {
	top := c.th.GetTop()
	for len(c.above) < top {
		c.above = append(c.above, nil)
	}
	for i := top - n; i < top; i++ {
		c.above[i] = c.th.Get(i + 1)
	}
}

// leaves notes what the firmware function of call c leaves behind when it
// returns nret results.
func (v *VM) leaves(c *Call, nret int) {
	above := c.above
	c.above = c.above[:0]
	m := v.mem.threads[c.th]
	if m == nil || nret < 0 {
		return
	}
	f := m.state.currentFrame
	if f == nil || f.Parent == nil {
		return
	}
	top := m.state.reg.top
	if n := f.LocalBase + len(above); n > top {
		m.leave(f, nret, m.state.reg.array[f.LocalBase:top], above[top-f.LocalBase:])
	} else {
		m.leave(f, nret, m.state.reg.array[f.LocalBase:top], nil)
	}
}

// leave notes what frame f leaves behind, from its first register on.
func (m *meter) leave(f *luaFrame, nret int, regs, above []lua.LValue) {
	p := f.Parent
	if p == nil || p.Fn == nil || p.Fn.IsG || p.Pc < 1 || opOf(p.Fn.Proto.Code[p.Pc-1]) != lua.OP_CALL {
		return
	}
	if f.NRet >= 0 {
		nret = f.NRet
	}
	end := p.LocalBase + int(p.Fn.Proto.NumUsedRegisters)
	r := &m.residue
	r.frame, r.first, r.regs = p, f.LocalBase, r.regs[:0]
	r.regs = append(append(r.regs, regs...), above...)
	if skip := f.ReturnBase + nret - r.first; skip > 0 {
		if skip >= len(r.regs) {
			r.regs = r.regs[:0]
		} else {
			r.first += skip
			r.regs = r.regs[:copy(r.regs, r.regs[skip:])]
		}
	}
	r.regs = r.regs[:max(min(len(r.regs), end-r.first), 0)]
	for i := len(m.spared) - 1; i >= 0 && m.spared[i].idx >= p.Idx; i-- {
		s := &m.spared[i]
		if s.frame != p || s.epoch != m.vm.mem.epoch {
			continue
		}
		from := max(r.first+len(r.regs), s.first)
		for r.first+len(r.regs) < from {
			r.regs = append(r.regs, nil)
		}
		if from < end {
			r.regs = append(r.regs, s.regs[from-s.first:]...)
		}
	}
	if len(r.regs) > 0 {
		m.due = true
	}
}

// putBack restores what the function that returned last left behind.
func (m *meter) putBack() {
	r := &m.residue
	if r.frame == m.state.currentFrame && r.first+len(r.regs) <= len(m.state.reg.array) {
		for i, x := range r.regs {
			if x != nil {
				m.state.reg.array[r.first+i] = x
			}
		}
	}
	clear(r.regs)
	r.frame, r.regs = nil, r.regs[:0]
}

// beforeReturn notes what a Lua function leaves behind.
func (m *meter) beforeReturn(f *luaFrame, inst uint32) {
	nret := int(inst&0x1ff) - 1
	if nret < 0 {
		nret = m.state.reg.top - f.LocalBase - argA(inst)
	}
	end := min(f.LocalBase+int(f.Fn.Proto.NumUsedRegisters), len(m.state.reg.array))
	m.leave(f, nret, m.state.reg.array[f.LocalBase:end], nil)
}
