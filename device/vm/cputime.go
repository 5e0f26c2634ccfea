package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// CPU time is known to the nanosecond here, so nothing is sampled: the hook puts
// the time that an instruction takes down to its line, and what has come on top of
// that until the next one (a function of the firmware, a name looked up in flash)
// to the line before or to the function that it called.
//
// To walk the stack for each instruction would take too long. So the places of the
// functions that are running are kept: a new line is one step from the stack below
// it, a call one step from the line of its caller, and after a return the caller is
// there still. Only what enters from the firmware has its stack walked.

// place is where a running function is.
type place struct {
	frame  *luaFrame
	proto  *lua.FunctionProto
	line   int
	below  int32          // the stack without its innermost frame
	stack  int32          // and with it
	native *lua.LFunction // that it is about to call
}

// maxPlaces bounds how many are kept.
const maxPlaces = 1000

// record runs before each instruction while there is a recorder.
func (m *meter) record(f *luaFrame) {
	v := m.vm
	if t := v.mem.track; t != nil {
		t.before(m, f)
	}
	if !v.rec.CPU {
		return
	}
	v.settleCPU(v.cpu - v.instrNanos)
	v.seen = v.cpu
	p := v.placeOf(m, f)
	proto, line := f.Fn.Proto, f.line()
	if p.proto != proto || p.line != line {
		p.proto, p.line = proto, line
		p.stack = v.rec.push(p.below, v.rec.luaFrameID(proto, line))
	}
	c := &v.rec.cost[p.stack]
	c.Instructions++
	c.Nanos += v.instrNanos
	p.native = nil
	if inst := proto.Code[f.Pc-1]; opOf(inst) == lua.OP_CALL {
		if fn, ok := m.reg(f, argA(inst)).(*lua.LFunction); ok && fn.IsG {
			p.native = fn
		}
	}
}

// placeOf is the place of frame f, in which the next instruction is. All kept above
// it have returned.
func (v *VM) placeOf(m *meter, f *luaFrame) *place {
	for n := len(v.places); n > 0; n-- {
		p := &v.places[n-1]
		switch {
		case p.frame == f: // goes on, or another function by a tail call
			v.places = v.places[:n]
			return p
		case n == len(v.places) && p.frame == f.Parent && n < maxPlaces: // called by it
			v.places = append(v.places, place{frame: f, below: p.stack})
			return &v.places[n]
		}
	}
	v.places = append(v.places[:0], place{frame: f, below: v.stackFrom(m.th, v.visible(f.Parent), Frame{})})
	return &v.places[0]
}

// settleCPU puts the time up to a value of cpu down to where the program has been.
func (v *VM) settleCPU(until int64) {
	n := until - v.seen
	v.seen = until
	if n <= 0 {
		return
	}
	stack := int32(0)
	if len(v.places) == 0 {
		stack = v.rec.outside("")
	} else {
		p := &v.places[len(v.places)-1]
		stack = p.stack
		if p.native != nil {
			stack = v.rec.push(stack, v.nativeFrame(p.native))
		}
	}
	v.rec.cost[stack].Nanos += n
}

// endCPU settles the time of a call into Lua that has ended, or of what was done
// outside before one begins.
func (v *VM) endCPU() {
	if v.rec != nil && v.rec.CPU {
		v.settleCPU(v.cpu)
		v.places = v.places[:0]
	}
}

// RecordDelay puts time in which the CPU waits within a function of the firmware
// (tmr.delay) down to that.
func (v *VM) RecordDelay(nanos int64) {
	if v.rec != nil && v.rec.CPU && v.running != nil {
		v.rec.cost[v.stack(v.running, Frame{})].Nanos += nanos
	}
}
