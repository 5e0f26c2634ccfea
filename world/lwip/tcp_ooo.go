package lwip

import "github.com/nodemcu-sim/nodemcu-sim/world/wire"

// Segments that came before their turn. They are kept, sorted and without
// overlaps, until what is missing before them has come (fw: tcp_in.c, ooseq).

// mergeOutOfOrder drops what the segment covers of the data kept for later, and
// cuts the segment where that data goes on.
func (c *TCPConn) mergeOutOfOrder(in *inSegment) {
	if in.flags&wire.FIN != 0 {
		c.freeAll(&c.ooo)
		return
	}
	for len(c.ooo) > 0 {
		g := c.ooo[0]
		if !seqGE(in.seq+in.len, g.seq+uint32(len(g.data))) {
			break
		}
		if g.flags&wire.FIN != 0 && in.flags&wire.SYN == 0 {
			in.flags |= wire.FIN
			in.setData(in.data)
		}
		c.ooo = c.ooo[1:]
		c.freeSegment(g)
	}
	if len(c.ooo) > 0 && seqGT(in.seq+in.len, c.ooo[0].seq) {
		n := int(c.ooo[0].seq - in.seq)
		if in.flags&wire.SYN != 0 {
			n--
		}
		in.setData(in.data[:max(min(n, len(in.data)), 0)])
	}
}

// keepForLater files a segment that came before its turn. The queue is sorted
// and without overlaps.
func (c *TCPConn) keepForLater(in *inSegment) {
	i := 0
	for i < len(c.ooo) && seqLT(c.ooo[i].seq, in.seq) {
		i++
	}
	if i < len(c.ooo) && c.ooo[i].seq == in.seq && len(in.data) <= len(c.ooo[i].data) {
		return
	}
	last := i == len(c.ooo)
	if last && i > 0 && c.ooo[i-1].flags&wire.FIN != 0 {
		return
	}
	if !c.s.alloc(KindSegment, sizeSegment) {
		return
	}
	in.rx.refs++
	g := &segment{seq: in.seq, data: in.data, flags: in.flags, rx: in.rx}
	if i > 0 {
		if prev := c.ooo[i-1]; seqGT(prev.seq+uint32(len(prev.data)), g.seq) {
			prev.data = prev.data[:g.seq-prev.seq]
		}
	}
	rest := c.ooo[i:]
	switch {
	case last && i > 0: // only an appended segment is checked against the window
		if edge := c.rcvNxt + uint32(c.rcvWnd); seqGT(g.seq+g.len(), edge) {
			g.flags &^= wire.FIN
			g.data = g.data[:min(int(edge-g.seq), len(g.data))]
		}
	case g.flags&wire.FIN != 0:
		for _, o := range rest {
			c.freeSegment(o)
		}
		rest = nil
	default:
		for len(rest) > 0 && seqGE(g.seq+uint32(len(g.data)), rest[0].seq+uint32(len(rest[0].data))) {
			g.flags |= rest[0].flags & wire.FIN
			c.freeSegment(rest[0])
			rest = rest[1:]
		}
		if len(rest) > 0 && seqGT(g.seq+uint32(len(g.data)), rest[0].seq) {
			g.data = g.data[:rest[0].seq-g.seq]
		}
	}
	c.ooo = append(append(c.ooo[:i:i], g), rest...)
}
