package membrane

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// Values as the far side gets them: what of the near one is lent, and what moves.

// moving is a table of the near side that has moved and is not yet a proxy.
type moving struct {
	t    *vm.Table
	held vm.Held // by nothing else, when the table that it was in has become a proxy
}

// fromFar is a value of the far side, on its way until landed is told.
func (m *Membrane) fromFar(x vm.Value) val {
	switch x.(type) {
	case *vm.Function, *vm.UserData:
		if l := m.lent[x]; l != nil {
			l.way++
			return val{x: l.near, l: l}
		}
		if f, ok := m.Marked(x); ok {
			return val{x: f}
		}
	case *vm.Table, *vm.Thread:
	default:
		return val{x: x}
	}
	h := m.handleOf(x)
	h.way++
	return val{h: h}
}

func (m *Membrane) argsFromFar(c *vm.Call) []val {
	list := make([]val, c.NArgs())
	for i := range list {
		list[i] = m.fromFar(c.Arg(i + 1))
	}
	return list
}

// maxDepth is how deep tables may be in each other that move to the far side.
const maxDepth = 100

// pushFar pushes a value on the far side.
func (m *Membrane) pushFar(dc *vm.Call, v val) { m.pushFarWithin(dc, v, 0) }

func (m *Membrane) pushFarWithin(dc *vm.Call, v val, depth int) {
	if !dc.CheckStack(6) || depth > maxDepth {
		dc.Error("tables of a test that are nested too deeply can't be given to the program")
	}
	if v.h != nil {
		dc.Push(v.h.x)
		return
	}
	switch x := v.x.(type) {
	case *vm.Table:
		if m.calledAsFunction(x) {
			m.lend(dc, x, "")
			return
		}
		m.move(dc, x, depth)
	case *vm.Function:
		m.lend(dc, x, m.near.FunctionLabel(x))
	case *vm.UserData, *vm.Thread:
		if h := m.proxied(x); h != nil && !m.stale(h) {
			dc.Push(h.x)
			return
		}
		m.lend(dc, x, "")
	default:
		dc.Push(x)
	}
}

// AsFunction is the field of a metatable with __call that has its tables be functions on the
// far side.
const AsFunction = "as_function"

func (m *Membrane) calledAsFunction(t *vm.Table) bool {
	mt, ok := m.near.RawMetatable(t).(*vm.Table)
	return ok && m.near.RawGetString(mt, AsFunction) == vm.Value(vm.True)
}

// lend pushes what x is on the far side: a function that calls it, or a userdata.
func (m *Membrane) lend(dc *vm.Call, x vm.Value, label string) {
	if l := m.loans[x]; l != nil {
		if !m.far.Gone(l.far) {
			dc.Push(l.far)
			return
		}
		if l.way == 0 {
			m.endLoan(l)
		}
	}
	if len(m.loans) > m.loansMax {
		m.EndLoans()
		m.loansMax = 2*len(m.loans) + 64
	}
	l := &loan{near: x}
	switch x.(type) {
	case *vm.UserData, *vm.Thread:
		l.far = m.far.NewObject(m.lentType, handleSize, l)
	default:
		l.far = m.far.NewClosure(vm.Func{Name: label, Fn: func(dc *vm.Call) int {
			return m.inside(dc, m.argsFromFar(dc), func(nc *vm.Call, args int) int {
				nc.Push(x)
				nc.InsertBelow(args)
				return nc.CallTop(args, -1)
			})
		}}, vm.True)
	}
	dc.Push(l.far)
	l.held = m.near.Hold(x)
	m.lent[l.far], m.loans[x] = l, l
}

// move pushes the far side's table that t becomes: see turn.
func (m *Membrane) move(dc *vm.Call, t *vm.Table, depth int) {
	if h := m.moved[t]; h != nil {
		dc.Push(h.x)
		return
	}
	near := m.near
	if h := m.proxied(t); h != nil {
		if m.stale(h) {
			dc.Error(ofOldBoot)
		}
		dc.Push(h.x)
		return
	}
	positional := near.Len(t)
	entries := 0
	for k, _, ok := near.RawNext(t, vm.Nil); ok && k != vm.Nil; k, _, ok = near.RawNext(t, k) {
		entries++
	}
	d := dc.NewTable(min(positional, entries), max(entries-positional, 0))
	dc.Push(d)
	h := m.handleOf(d)
	h.way++
	m.moved[t] = h
	m.moving = append(m.moving, moving{t, near.Hold(t)})
	for k, x, ok := near.RawNext(t, vm.Nil); ok && k != vm.Nil; k, x, ok = near.RawNext(t, k) {
		m.pushFarWithin(dc, val{x: k, h: m.current(dc, k)}, depth+1)
		m.pushFarWithin(dc, val{x: x, h: m.current(dc, x)}, depth+1)
		dc.RawSetAt(d, dc.Top()-1, dc.Top())
		dc.Pop(2)
	}
	if mt, ok := near.RawMetatable(t).(*vm.Table); ok {
		m.pushFarWithin(dc, val{x: mt, h: m.current(dc, mt)}, depth+1)
		m.far.SetMetatable(d, dc.Arg(dc.Top()))
		dc.Pop(1)
	}
}

// current is the handle of a proxy in a table that moves.
func (m *Membrane) current(dc *vm.Call, x vm.Value) *handle {
	h := m.proxied(x)
	if h != nil && m.stale(h) {
		dc.Error(ofOldBoot)
	}
	return h
}

// turn makes what has moved to the far side proxies.
func (m *Membrane) turn(dc *vm.Call) {
	if len(m.moving) == 0 {
		return
	}
	list := m.moving
	m.moving = nil
	err, _ := m.inNear(func(nc *vm.Call) { m.becomeProxies(nc, list) })
	m.arrived(list)
	if err != nil {
		dc.Error("%s", err.Message())
	}
}

// becomeProxies does that on the near side: all of them, or none if memory runs out.
func (m *Membrane) becomeProxies(nc *vm.Call, list []moving) {
	near := m.near
	weak := near.DerefTable(m.weak)
	done := false
	defer func() {
		if done {
			return
		}
		for _, x := range list {
			if near.RawGet(x.t, m.slot) != vm.Nil {
				near.RawSet(x.t, m.slot, vm.Nil)
			}
			if id := m.moved[x.t].id; near.RawGetInt(weak, id) != vm.Nil {
				near.RawSetInt(weak, id, vm.Nil)
			}
		}
	}()
	for _, x := range list {
		h := m.moved[x.t]
		u := m.newProxy(h)
		nc.Push(u)
		near.RawSet(x.t, m.slot, u)
		near.RawSetInt(weak, h.id, x.t)
		nc.Pop(1)
	}
	done = true
	for _, x := range list { // none of this takes memory
		near.SetMetatable(x.t, m.meta)
		var keys []vm.Value
		for k, _, ok := near.RawNext(x.t, vm.Nil); ok && k != vm.Nil; k, _, ok = near.RawNext(x.t, k) {
			if k != vm.Value(m.slot) {
				keys = append(keys, k)
			}
		}
		for _, k := range keys {
			near.RawSet(x.t, k, vm.Nil)
		}
	}
}

// arrived forgets what was to move.
func (m *Membrane) arrived(list []moving) {
	for _, x := range list {
		h := m.moved[x.t]
		h.way--
		m.dropUnused(h)
		delete(m.moved, x.t)
		m.near.Drop(&x.held)
	}
}

// abandon does so after an error.
func (m *Membrane) abandon() {
	m.arrived(m.moving)
	m.moving = nil
}
