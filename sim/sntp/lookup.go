package sntp

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// lookUp goes on with the list, one name after the other, and then sends the first request
// (fw: sntp_dolookups). c is the call from Lua in which it happens, nil in a task.
func (m *module) lookUp(c *vm.Call) {
	s := m.sync
	if s == nil {
		m.d.Crash("sntp has lost the synchronization whose names it looks up, and reads at address 0")
		return
	}
	if s.list == 0 {
		m.send()
		return
	}
	list := m.v.Deref(s.list)
	for n := 0; ; n++ {
		length, indexed := m.length(list)
		if length <= int(s.lookedUp) {
			if m.count > 0 {
				m.send()
				return
			}
			name, ok := m.name(c, m.element(list, indexed, 1))
			if ok {
				m.fail(dnsFailed, m.NewString(vm.CString(name)))
			}
			return
		}
		if n > 0xff {
			m.hang()
			return
		}
		s.lookedUp++
		name, ok := m.name(c, m.element(list, indexed, int(s.lookedUp)))
		if !ok {
			return
		}
		if len(name) > maxHost {
			m.fail(dnsFailed, m.NewString(vm.CString(name)))
			return
		}
		if !m.room() {
			return
		}
		ip, err := m.Stack.Resolve(name, m.found)
		switch err {
		case lwip.ErrProgress:
			return // found goes on
		case lwip.ErrArg:
			m.fail(dnsFailed, m.NewString(vm.CString(name)))
			return
		case lwip.OK:
			m.put(ip)
		}
		m.count++ // after another error, too: the address is what memory holds
	}
}

// length is lua_objlen of a list. Only a table can be indexed.
func (m *module) length(list vm.Value) (n int, indexed bool) {
	switch x := list.(type) {
	case *vm.Table:
		return m.v.Len(x), true
	case vm.String:
		return len(x), false
	case vm.Number:
		text, _ := m.v.ToString(x)
		return len(text), false
	case *vm.UserData:
		return 1, false // of any size but 0; the modules have none of that
	}
	return 0, false
}

// element is list[i]. What is no table the firmware reads as one.
func (m *module) element(list vm.Value, indexed bool, i int) vm.Value {
	if !indexed {
		m.d.Crash("sntp.sync(nil, …) after one that has succeeded takes its last argument for a list of servers, and reads a %s as a table. Name the servers", m.v.TypeName(list))
		return vm.Nil
	}
	return m.v.RawGetInt(list.(*vm.Table), i)
}

// name is the text of an element. What is none is an error, which outside of a call from
// Lua nobody catches: the device panics. ok is false where the device resets.
func (m *module) name(c *vm.Call, x vm.Value) (name string, ok bool) {
	if m.d.Resetting() {
		return "", false
	}
	if name, ok = m.v.ToString(x); ok {
		return name, true
	}
	got := "string expected, got " + m.v.TypeName(x)
	if c != nil {
		m.hintStuck()
		c.ArgError(-1, got) // where the firmware finds it on the stack
	}
	m.Hints.Here("sntp finds a server that is no text when no call from Lua runs that could catch the error")
	m.d.RunUnprotected("sntp", m.v.NewFunction(vm.Func{Name: "sntp", Fn: func(c *vm.Call) int {
		c.Raise("bad argument #-1 (%s)", got)
		return 0
	}}))
	return "", false
}

// hang is a list with more elements than a byte counts: the firmware begins anew with it,
// for ever.
func (m *module) hang() {
	m.Hints.Here("sntp.sync never ends with a list of more than 255 servers")
	for m.d.ETS.DelayUnfed(clock.Second) {
	}
}

// room makes room for one more address (fw: get_free_server).
func (m *module) room() bool {
	n := int(m.count) + 1
	block, ok := m.d.Malloc(sizeAddress*n, heap.Other)
	if !ok {
		m.d.Crash("sntp has no memory for the address of a server and writes to address 0")
		return false
	}
	servers := make([]netip.Addr, n)
	copy(servers, m.servers[:min(n-1, len(m.servers))])
	m.d.Free(&m.serversAt, heap.Other)
	m.servers, m.serversAt = servers, block
	return true
}

// put stores an address in the room that was made.
func (m *module) put(ip netip.Addr) {
	if int(m.count) < len(m.servers) {
		m.servers[m.count] = ip
	}
}

// found is the end of a look-up (fw: sntp_dns_found).
func (m *module) found(ip netip.Addr, ok bool) {
	if ok {
		m.put(ip)
		m.count++
	}
	m.d.PostTask(ets.Low, func() { m.lookUp(nil) })
}
