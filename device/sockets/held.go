package sockets

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Holder is a Lua object that owns a connection: a socket, a server, a client. It is
// the Owner of the stack's connection, and the Go value of its userdata.
type Holder interface {
	// String names it: "socket 3".
	String() string
	Base() *Object
	// Callbacks lists those that are set.
	Callbacks() []Callback
	// Over reports whether it has nothing of the network any more, nor waits for it.
	Over() bool
}

// Callback is one callback of a Holder.
type Callback struct {
	Name string
	Ref  vm.Ref
}

// Snapshot is one connection, listener or UDP socket at one moment.
type Snapshot struct {
	ID               int
	Proto, State     string
	Local, Remote    string
	Queued, Unacked  int // bytes
	Segments         int
	Window           int
	Held             bool
	RxBytes, TxBytes int64
	Age              clock.Duration
	Handlers         []string
	Retransmits      int    // segments sent again, since it was made
	Site             string // file:line of the program that made it
}

// Snapshot lists what the stack has.
func (t *Table) Snapshot() []Snapshot {
	var out []Snapshot
	for _, c := range t.Stack.Netstat() {
		line := Snapshot{
			Proto: c.Proto.String(), State: c.State, Local: c.Local.String(),
			Queued: c.Queued, Unacked: c.UnackedBytes, Segments: c.Unsent + c.Unacked, Window: c.SendWindow,
			Held:    c.Unread > 0,
			RxBytes: int64(c.RxBytes), TxBytes: int64(c.TxBytes),
			Retransmits: c.Resent,
		}
		if c.Remote.Port() != 0 {
			line.Remote = c.Remote.String()
		}
		if h, ok := c.Owner.(Holder); ok {
			o := h.Base()
			line.ID, line.Age, line.Site = o.ID, t.host.Now().Sub(o.Born), o.Site
			if c.State != lwip.Listen.String() { // whose callback goes without saying
				for _, cb := range h.Callbacks() {
					line.Handlers = append(line.Handlers, cb.Name)
				}
			}
		} else if c.Proto == wire.UDP {
			continue // the firmware's own: the DNS client's, the mDNS responder's
		}
		out = append(out, line)
	}
	return out
}

// heapParts adds the PCBs and what they have queued to a heap snapshot.
func (t *Table) heapParts(p *inspect.HeapParts) {
	lines, held := t.Stack.Netstat(), t.Stack.Held()
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
		if owner, ok := c.Owner.(Holder); ok {
			o := owner.Base()
			b.Site, b.Age = o.Site, t.host.Now().Sub(o.Born)
		}
		pcb := p.Add(b)
		for _, n := range h.Segments {
			p.AddTo(pcb, heap.Segment, "queued segment", n)
		}
		for _, n := range h.Pbufs {
			p.AddTo(pcb, heap.Pbuf, "queued data", n)
		}
	}
	t.each(func(h Holder, o *Object) {
		if o.Adopted {
			p.Made(h, o.Site)
		}
	})
}

// ended reports the objects that had come to their end by some time and still have
// callbacks.
func (t *Table) ended(by clock.Time, report func(inspect.Ended)) {
	t.each(func(h Holder, o *Object) {
		if o.Dead || o.endedAt == 0 || o.endedAt > by || !h.Over() {
			return
		}
		e := inspect.Ended{Name: h.String(), Since: o.endedAt, Object: h, Kept: o.Lasting}
		for _, cb := range h.Callbacks() {
			e.Refs = append(e.Refs, cb.Ref)
		}
		report(e)
	})
}

// each goes through the objects that Lua has.
func (t *Table) each(fn func(Holder, *Object)) {
	t.v.EachObject(func(value any) {
		if h, ok := value.(Holder); ok && h.Base().table == t {
			fn(h, h.Base())
		}
	})
}
