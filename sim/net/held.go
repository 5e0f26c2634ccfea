package net

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// What the stack holds of the heap, for snapshots; and which callbacks have
// outlived their sockets, for hints.

// heapParts adds the PCBs and what they have queued to a heap snapshot.
func (m *module) heapParts(p *inspect.HeapParts) {
	lines, held := m.stack.Netstat(), m.stack.Held()
	for i, h := range held {
		c := lines[i]
		key := fmt.Sprintf("%s %s", c.Proto, c.Local)
		name := fmt.Sprintf("%s %s", c.Proto, c.State)
		if c.Proto == wire.UDP {
			name = c.Proto.String()
		}
		name += " " + c.Local.String()
		if c.Remote.Port() != 0 {
			name += " with " + c.Remote.String()
			key += " " + c.Remote.String()
		}
		b := inspect.NativeBlock{Kind: heap.PCB, Key: key, Name: name, Size: h.PCB, Age: -1, Of: c.Owner}
		switch o := c.Owner.(type) {
		case *socket:
			b.Site, b.Age = o.site, m.d.Now().Sub(o.born)
		case *server:
			b.Site, b.Age = o.site, m.d.Now().Sub(o.born)
		}
		pcb := p.Add(b)
		for _, n := range h.Segments {
			p.AddTo(pcb, heap.Segment, "queued segment", n)
		}
		for _, n := range h.Pbufs {
			p.AddTo(pcb, heap.Pbuf, "queued data", n)
		}
	}
	m.v.EachObject(func(value any) {
		if s, ok := value.(*socket); ok && s.m == m && s.accepted {
			p.Made(s, s.site)
		}
	})
}

// endedWith reports the sockets and servers that have ended and still have
// callbacks.
func (m *module) endedWith(report func(inspect.Ended)) {
	m.v.EachObject(func(value any) {
		switch o := value.(type) {
		case *socket:
			if o.m != m || o.dead || o.conn != nil || o.udp != nil || o.resolving > 0 || o.endedAt == 0 {
				return
			}
			e := inspect.Ended{Name: nameOf(o), Since: o.endedAt, Object: o}
			for _, name := range events {
				if ref := o.handler(name); ref != nil && *ref != 0 {
					e.Refs = append(e.Refs, *ref)
				}
			}
			report(e)
		case *server:
			if o.m != m || o.dead || o.listener != nil || o.endedAt == 0 || o.accept == 0 {
				return
			}
			report(inspect.Ended{Name: nameOf(o), Since: o.endedAt, Object: o, Refs: []vm.Ref{o.accept}})
		}
	})
}

// refName says what a callback of a socket is for, as snapshots show it.
func (o *object) refName(callback, kind string) string {
	return fmt.Sprintf("%s callback of %s %d", callback, kind, o.id)
}

// String names sockets and servers in heap snapshots.
func (s *socket) String() string { return nameOf(s) }
func (s *server) String() string { return nameOf(s) }
