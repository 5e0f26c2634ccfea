package lwip

// Held is the memory that a connection holds, as sizes of the blocks: its PCB,
// and what it has queued to send or out of order.
type Held struct {
	PCB      int
	Segments []int
	Pbufs    []int
}

// Held lists the memory of every line of Netstat, in the same order.
func (s *Stack) Held() []Held {
	var out []Held
	for _, list := range []*TCPConn{s.active, s.timeWait, s.bound, s.listening} {
		for c := list; c != nil; c = c.next {
			out = append(out, c.held())
		}
	}
	for u := s.udp; u != nil; u = u.next {
		out = append(out, Held{PCB: sizeUDP})
	}
	return out
}

func (c *TCPConn) held() Held {
	if c.state == Listen {
		return Held{PCB: sizeListen}
	}
	h := Held{PCB: sizeTCP}
	for _, queue := range [][]*segment{c.unacked, c.unsent, c.ooo} {
		for _, g := range queue {
			h.Segments = append(h.Segments, sizeSegment)
			switch {
			case g.size > 0:
				h.Pbufs = append(h.Pbufs, g.size)
			case g.rx != nil:
				h.Pbufs = append(h.Pbufs, g.rx.size)
			}
		}
	}
	return h
}
