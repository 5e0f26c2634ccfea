package membrane

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// How one side is entered from the other, and left.

// job is what runs on the side that is entered.
type job struct {
	do   func(c *vm.Call)
	done bool
}

// trampoline is the function that runs the job at hand.
func (m *Membrane) trampoline() vm.Func {
	return vm.Func{Name: "test", Fn: func(c *vm.Call) int {
		j := m.jobs[len(m.jobs)-1]
		j.do(c)
		j.done = true
		return 0
	}}
}

// inFar runs do on the far side, for c. Errors are raised in c. program says that functions
// of the program's are called.
func (m *Membrane) inFar(c *vm.Call, program bool, do func(dc *vm.Call)) {
	if m.far == nil {
		c.Error("the device is off")
	}
	if m.relieves {
		c.Error("a finalizer cannot call the device while that looks for memory")
	}
	enter := m.far.CallThrough
	if program && !m.far.Running() {
		enter = func(fn vm.Value) *vm.Error { return m.enter(fn) }
	}
	was := m.place
	m.place = placed{}
	defer func() { m.place = was }()
	if err, _ := m.run(m.near, m.farJob, enter, do); err != nil {
		m.pushAllNear(c, []val{m.fromFar(m.where(err.Value))})
		m.failed, m.traces = c.Arg(c.Top()), err.Traceback
		c.ThrowTop()
	}
}

// inNear runs do on the near side, for code of the far side, and returns the error it ended
// with.
func (m *Membrane) inNear(do func(nc *vm.Call)) (err *vm.Error, ok bool) {
	return m.run(m.far, m.nearJob, m.near.CallThrough, do)
}

// run has do run by the function fn of the side that enter enters from the side from, and
// returns the error it ended with. ok is false when it was unwound otherwise than by an error:
// by a kill, or a panic. Then the side that has entered the other is killed, too.
func (m *Membrane) run(from *vm.VM, fn vm.Value, enter func(fn vm.Value) *vm.Error, do func(c *vm.Call)) (err *vm.Error, ok bool) {
	j := &job{do: do}
	depth := len(m.jobs)
	m.jobs = append(m.jobs, j)
	before := m.unwound
	defer func() {
		m.jobs = m.jobs[:depth]
		r := recover()
		if r != nil && m.unwound == nil {
			m.unwound = r
		}
		if ok = r == nil && m.unwound == before && (j.done || err != nil); !ok {
			err = nil
			from.Kill("the other side of a call was left")
		}
	}()
	return enter(fn), true
}

// callFar calls a function of the far side, or what can be called there.
func (m *Membrane) callFar(c *vm.Call, h *handle, args []val) int {
	var out []val
	at := c.Where(1)
	m.inFar(c, true, func(dc *vm.Call) {
		if !dc.CheckStack(len(args) + 4) {
			dc.Error("too many values")
		}
		m.given(dc, func() {
			dc.Push(h.x)
			for _, a := range args {
				m.pushFar(dc, a)
			}
		})
		m.naming(dc, h, at, func() {
			n := dc.CallTop(len(args), -1)
			for i := dc.Top() - n + 1; i <= dc.Top(); i++ {
				out = append(out, m.fromFar(dc.Arg(i)))
			}
		})
	})
	return m.pushAllNear(c, out)
}

// given makes values on the far side, and what has moved for it proxies.
func (m *Membrane) given(dc *vm.Call, push func()) {
	moved := false
	defer func() {
		if !moved {
			m.abandon()
		}
	}()
	push()
	m.turn(dc)
	moved = true
}

// indexNear is __index of a userdata of the near side on the far one.
func (m *Membrane) indexNear(dc *vm.Call) int {
	l, ok := m.far.ToObject(dc.Arg(1)).(*loan)
	if !ok {
		dc.TypeError(1, "userdata")
	}
	return m.inside(dc, []val{m.fromFar(dc.Arg(2))}, func(nc *vm.Call, args int) int {
		x := nc.Index(l.near, nc.Arg(nc.Top()))
		nc.Push(x)
		return 1
	})
}

// inside has do run on the near side, for code of the far one, with values on the stack: it
// leaves results there and says how many.
func (m *Membrane) inside(dc *vm.Call, args []val, do func(nc *vm.Call, args int) int) int {
	var out []val
	var held []vm.Held
	defer func() {
		for i := range held {
			m.near.Drop(&held[i])
		}
	}()
	arrived := false
	err, ok := m.inNear(func(nc *vm.Call) {
		arrived = true
		m.pushAllNear(nc, args)
		n := do(nc, len(args))
		for i := nc.Top() - n + 1; i <= nc.Top(); i++ {
			v := m.fromNear(nc, i)
			out = append(out, v)
			switch v.x.(type) {
			case *vm.Table, *vm.Function, *vm.UserData, *vm.Thread:
				held = append(held, m.near.Hold(v.x))
			}
		}
	})
	if !arrived {
		m.landed(args)
	}
	if !ok {
		return 0
	}
	if !dc.CheckStack(len(out) + 6) {
		dc.Error("too many values")
	}
	if err != nil {
		m.place = placed{} // it is no error of the function that has called it
		m.passed = JoinTracebacks(m.Traceback(err.Value), err.Traceback)
		m.pushError(dc, err)
		dc.ThrowTop()
	}
	m.given(dc, func() {
		for _, v := range out {
			m.pushFar(dc, v)
		}
	})
	return len(out)
}
