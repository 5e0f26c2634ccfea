package membrane

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// Values as the near side sees them: those of the far one are proxies there.

// proxy is what a userdata of the near side has, which is a proxy or in one.
type proxy struct {
	h  *handle
	u  *vm.UserData
	fn *vm.Function // the proxy, if it is a function
}

// proxied is the handle of a proxy, nil if x is none.
func (m *Membrane) proxied(x vm.Value) *handle {
	switch x := x.(type) {
	case *vm.UserData:
		if p, ok := m.near.ToObject(x).(*proxy); ok {
			return p.h
		}
	case *vm.Function:
		return m.handled[x]
	case *vm.Table:
		if m.near.RawMetatable(x) == vm.Value(m.meta) {
			if p, ok := m.near.ToObject(m.near.RawGet(x, m.slot)).(*proxy); ok {
				return p.h
			}
		}
	}
	return nil
}

// ofOldBoot is the error for one whose object is no longer there.
const ofOldBoot = "a value of the device before it was reset: get it anew"

// stale reports whether the object of a handle is no longer there.
func (m *Membrane) stale(h *handle) bool { return m.far == nil || h.far != m.far }

// fromNear is argument n of a function that is called on the near side.
func (m *Membrane) fromNear(c *vm.Call, n int) val {
	x := c.Arg(n)
	h := m.proxied(x)
	if h != nil && m.stale(h) {
		c.Error(ofOldBoot)
	}
	return val{x: x, h: h}
}

func (m *Membrane) argsFromNear(c *vm.Call, first int) []val {
	var list []val
	for i := first; i <= c.NArgs(); i++ {
		list = append(list, m.fromNear(c, i))
	}
	return list
}

// pushNear pushes a value on the near side.
func (m *Membrane) pushNear(c *vm.Call, v val) {
	h := v.h
	if h == nil {
		c.Push(v.x)
		return
	}
	if m.enough < 0 && !m.relieves {
		m.collectNear()
	}
	near := m.near
	weak := near.DerefTable(m.weak)
	if p := near.RawGetInt(weak, h.id); p != vm.Nil {
		c.Push(p)
		return
	}
	m.enough--
	u := m.newProxy(h)
	c.Push(u)
	switch x := h.x.(type) {
	case *vm.Table:
		t := near.NewTable(0, 1)
		c.Push(t)
		near.RawSet(t, m.slot, u)
		near.SetMetatable(t, m.meta)
		near.RawSetInt(weak, h.id, t)
	case *vm.Function:
		fn := near.NewClosure(vm.Func{Name: m.far.FunctionName(x), Fn: func(c *vm.Call) int {
			return m.callFar(c, m.self(c, h), m.argsFromNear(c, 1))
		}}, u)
		c.Push(fn)
		m.handled[fn] = h
		near.ToObject(u).(*proxy).fn = fn
		near.RawSetInt(weak, h.id, fn)
	default:
		near.RawSetInt(weak, h.id, u)
		return
	}
	c.Remove(c.Top() - 1)
}

// newProxy makes the userdata of a proxy.
func (m *Membrane) newProxy(h *handle) *vm.UserData {
	p := &proxy{h: h}
	p.u = m.near.NewObject(m.typ, handleSize, p)
	h.n++
	return p.u
}

// handleSize is what a userdata of the near side takes, in bytes: a pointer.
const handleSize = 4

// pushAllNear pushes values that come from the far side.
func (m *Membrane) pushAllNear(c *vm.Call, list []val) int {
	defer m.landed(list)
	if !c.CheckStack(len(list) + 4) {
		c.Error("too many values")
	}
	for _, v := range list {
		m.pushNear(c, v)
	}
	return len(list)
}

// self is a handle whose object is still there.
func (m *Membrane) self(c *vm.Call, h *handle) *handle {
	if h == nil || m.stale(h) {
		c.Error(ofOldBoot)
	}
	return h
}
