package vm

import "github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"

// CPU time is known to the nanosecond here, so nothing is sampled: the loop puts
// the time that an instruction takes down to its line, and what has come on top of
// that until the next one (a function of the firmware, a name looked up in flash)
// to the line before or to the function that it called.

// place is where the last instruction was.
type place struct {
	proto  *proto
	line   int
	below  int32     // the stack without its innermost frame
	stack  int32     // and with it
	native *Function // that it called
}

// record runs before each instruction while there is a recorder of CPU time.
func (v *VM) record(L *Thread) {
	v.chargeAllocator()
	v.settleCPU(v.cpu - v.instrNanos)
	v.seen = v.cpu
	p := &v.place
	ci := &L.ci[L.nci]
	proto := L.function(ci).proto
	line, below := proto.line(ci), v.stackBelow(L, L.nci)
	if p.proto != proto || p.line != line || p.below != below {
		p.proto, p.line, p.below = proto, line, below
		p.stack = v.rec.push(below, v.rec.luaFrameID(proto, line))
	}
	c := &v.rec.cost[p.stack]
	c.Instructions++
	c.Nanos += v.instrNanos
	p.native = nil
	if i := proto.instruction(ci); opOf(i) == luac.Call {
		if x := L.stack[ci.base+argA(i)]; x.isFunction() && x.function().native != nil {
			p.native = x.function()
		}
	}
}

// settleCPU puts the time up to a value of cpu down to where the program has been.
func (v *VM) settleCPU(until int64) {
	n := until - v.seen
	v.seen = until
	if n <= 0 {
		return
	}
	stack := v.place.stack
	switch p := &v.place; {
	case p.proto == nil:
		stack = v.rec.outside("")
	case p.native != nil:
		stack = v.rec.push(stack, v.nativeFrame(p.native))
	}
	v.rec.cost[stack].Nanos += n
}

// endCPU settles the time of a call into Lua that has ended, or of what was done
// outside before one begins.
func (v *VM) endCPU() {
	if v.rec != nil && v.rec.CPU {
		v.settleCPU(v.CPU())
		v.place = place{}
	}
}

// RecordDelay puts time in which the CPU waits within a function of the firmware
// (tmr.delay) down to that.
func (v *VM) RecordDelay(nanos int64) {
	if v.rec != nil && v.rec.CPU && v.running != nil {
		v.rec.cost[v.stack()].Nanos += nanos
	}
}
