package membrane

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// What can be done to a proxy that is a table or userdata.

// metamethods are those of proxies but __index.
func (m *Membrane) metamethods() []vm.Func {
	list := []vm.Func{
		{Name: "__newindex", Fn: m.newIndex},
		{Name: "__call", Fn: func(c *vm.Call) int { return m.callFar(c, m.selfAt(c, 1), m.argsFromNear(c, 2)) }},
		{Name: "__len", Fn: m.length},
		{Name: "__eq", Fn: func(c *vm.Call) int { return m.equal(c) }},
		{Name: "__tostring", Fn: func(c *vm.Call) int { return m.callFirmware(c, m.argsFromNear(c, 1), "tostring") }},
	}
	for _, event := range []struct{ name, what string }{
		{"__add", "perform arithmetic on"}, {"__sub", "perform arithmetic on"}, {"__mul", "perform arithmetic on"},
		{"__div", "perform arithmetic on"}, {"__mod", "perform arithmetic on"}, {"__pow", "perform arithmetic on"},
		{"__unm", "perform arithmetic on"}, {"__concat", "concatenate"}, {"__lt", "compare"}, {"__le", "compare"},
	} {
		list = append(list, vm.Func{Name: event.name, Fn: func(c *vm.Call) int { return m.binary(c, event.name, event.what) }})
	}
	return list
}

// selfAt is the handle of the proxy that is argument n.
func (m *Membrane) selfAt(c *vm.Call, n int) *handle { return m.self(c, m.proxied(c.Arg(n))) }

// index is __index. It takes nothing of the far side, unless a function of it is called.
func (m *Membrane) index(c *vm.Call) int {
	h := m.selfAt(c, 1)
	key := m.fromNear(c, 2)
	x := h.x
	for range maxChain {
		t, isTable := x.(*vm.Table)
		if isTable {
			if y := m.raw(t, key); y != vm.Nil {
				return m.pushAllNear(c, []val{m.fromFar(y)})
			}
		}
		mt, ok := m.far.RawMetatable(x).(*vm.Table)
		if !ok && isTable {
			return c.ReturnNil()
		}
		if !ok {
			break
		}
		next := m.far.RawGetString(mt, "__index")
		if _, further := next.(*vm.Table); !further {
			if next == vm.Nil && isTable {
				return c.ReturnNil()
			}
			break
		}
		x = next
	}
	var out val
	m.inFar(c, false, func(dc *vm.Call) {
		m.given(dc, func() { m.pushFar(dc, key) })
		out = m.fromFar(dc.Index(h.x, dc.Arg(dc.Top())))
	})
	return m.pushAllNear(c, []val{out})
}

// maxChain is how many tables are looked in behind each other.
const maxChain = 100

// raw is t[key] without metamethods.
func (m *Membrane) raw(t *vm.Table, key val) vm.Value {
	if s, ok := key.x.(vm.String); ok { // also in flash, without a string of the program's
		return m.far.RawGetString(t, string(s))
	}
	if x, ok := m.asKey(key); ok {
		return m.far.RawGet(t, x)
	}
	return vm.Nil
}

// asKey is what a value is as a key on the far side, if something can have it as one
// already.
func (m *Membrane) asKey(key val) (vm.Value, bool) {
	if key.h != nil {
		return key.h.x, true
	}
	switch x := key.x.(type) {
	case vm.String, vm.Number, vm.Bool:
		return x, true
	default:
		if l := m.loans[x]; l != nil && !m.far.Gone(l.far) {
			return l.far, true
		}
	}
	return vm.Nil, key.x == vm.Value(vm.Nil)
}

func (m *Membrane) newIndex(c *vm.Call) int {
	h := m.selfAt(c, 1)
	key, x := m.fromNear(c, 2), m.fromNear(c, 3)
	m.inFar(c, false, func(dc *vm.Call) {
		m.given(dc, func() {
			m.pushFar(dc, key)
			m.pushFar(dc, x)
		})
		dc.SetIndex(h.x, dc.Arg(dc.Top()-1), dc.Arg(dc.Top()))
	})
	return 0
}

func (m *Membrane) length(c *vm.Call) int {
	h := m.selfAt(c, 1)
	if t, ok := h.x.(*vm.Table); ok {
		return c.ReturnInt(m.far.Len(t))
	}
	return m.binary(c, "__len", "get length of")
}

// binary calls a metamethod of the far side with two values.
func (m *Membrane) binary(c *vm.Call, event, what string) int {
	a, b := m.fromNear(c, 1), m.fromNear(c, 2)
	if a.h == nil && b.h == nil {
		c.Error("attempt to %s a %s value", what, c.TypeName(1))
	}
	var out val
	found := false
	m.inFar(c, true, func(dc *vm.Call) {
		m.given(dc, func() {
			m.pushFar(dc, a)
			m.pushFar(dc, b)
		})
		at := dc.Top()
		if found = dc.PushMetafield(at-1, event) || dc.PushMetafield(at, event); found {
			dc.PushCopy(at - 1)
			dc.PushCopy(at)
			dc.CallTop(2, 1)
			out = m.fromFar(dc.Arg(dc.Top()))
		} else if event == "__le" && (dc.PushMetafield(at-1, "__lt") || dc.PushMetafield(at, "__lt")) {
			dc.PushCopy(at)
			dc.PushCopy(at - 1)
			dc.CallTop(2, 1)
			out, found = val{x: vm.Bool(!dc.Bool(dc.Top()))}, true
		}
	})
	if found {
		return m.pushAllNear(c, []val{out})
	}
	if event == "__eq" {
		return c.ReturnBool(false)
	}
	if what == "compare" {
		c.Error("attempt to compare two %s values", c.TypeName(1))
	}
	n := 1
	if a.h == nil {
		n = 2
	}
	c.Error("attempt to %s a %s value", what, c.TypeName(n))
	return 0
}

func (m *Membrane) equal(c *vm.Call) int {
	a, b := m.proxied(c.Arg(1)), m.proxied(c.Arg(2))
	if a == nil || b == nil || m.stale(a) || m.stale(b) {
		return c.ReturnBool(a == b)
	}
	return m.binary(c, "__eq", "compare")
}
