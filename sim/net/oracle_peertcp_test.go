package net

import "github.com/nodemcu-sim/nodemcu-sim/world/wire"

// The TCP of the scripted peers.

// transmit sends one segment.
func (p *peer) transmit(flags wire.Flags, seq uint32, data []byte) {
	if p.silent {
		return
	}
	pkt := &wire.Packet{Src: p.host.ip, Dst: p.dip, Proto: wire.TCP, TTL: 64, SrcPort: p.port, DstPort: p.dpt,
		Seq: seq, Flags: flags, Window: p.wnd, Payload: data}
	if flags&wire.ACK != 0 {
		pkt.Ack = p.rcvNxt
		p.ackEvent.Stop()
		p.unacked = 0
	}
	if flags&wire.SYN != 0 {
		pkt.MSS = p.mss
	}
	p.host.nic.Send(pkt)
}

func (p *peer) sendAck() { p.transmit(wire.ACK, p.sndNxt, nil) }

// segment processes a segment from the device.
func (p *peer) segment(pkt *wire.Packet) {
	if p.silent || p.state == "dead" && pkt.Flags&wire.RST == 0 {
		return
	}
	if pkt.Flags&wire.RST != 0 {
		p.gotRst = true
		p.state = "dead"
		p.ackEvent.Stop()
		p.w.event(p, "RST received", nil)
		p.w.fire(p, "rst", 1)
		return
	}
	if pkt.Flags&wire.SYN != 0 {
		p.synAck(pkt)
		return
	}
	if p.state == "syn_rcvd" && pkt.Flags&wire.ACK != 0 && pkt.Ack == p.sndNxt {
		p.establish()
	}
	if pkt.Flags&wire.ACK != 0 {
		p.acked(pkt)
	}
	p.data(pkt)
	p.pump()
}

func (p *peer) synAck(pkt *wire.Packet) {
	if p.state != "syn_sent" || pkt.Ack != p.sndNxt {
		if p.state == "established" {
			p.sendAck()
		}
		return
	}
	p.rcvNxt = pkt.Seq + 1
	p.sndUna = pkt.Ack
	p.right = pkt.Ack + uint32(pkt.Window)
	p.takeMSS(pkt)
	p.establish()
	if p.noHSAck {
		return
	}
	flags := wire.ACK
	var data []byte
	if p.hsData > 0 {
		flags |= wire.PSH
		data = p.letters(p.hsData)
	}
	if p.hsFin {
		flags |= wire.FIN
		p.finSent = true
	}
	p.transmit(flags, p.sndNxt, data)
	p.sndNxt += uint32(len(data))
	if p.hsFin {
		p.sndNxt++
	}
}

func (p *peer) establish() {
	p.state = "established"
	p.w.event(p, "established", nil)
	p.w.fire(p, "est", 1)
}

func (p *peer) acked(pkt *wire.Packet) {
	if int32(pkt.Ack-p.sndUna) > 0 && int32(pkt.Ack-p.sndNxt) <= 0 {
		p.sndUna = pkt.Ack
		p.w.fire(p, "acked", int(p.sndUna-p.isn-1))
	}
	if edge := pkt.Ack + uint32(pkt.Window); int32(pkt.Ack-p.sndUna) >= 0 {
		p.right = edge
	}
}

// data takes what is in order, keeps what is not, and acknowledges.
func (p *peer) data(pkt *wire.Packet) {
	if seqLen(pkt) == 0 {
		if pkt.Seq == p.rcvNxt-1 { // keepalive probe
			p.sendAck()
		}
		return
	}
	if pkt.Seq != p.rcvNxt {
		if int32(pkt.Seq-p.rcvNxt) > 0 {
			p.early = append(p.early, pkt)
		}
		p.sendAck()
		return
	}
	if p.wnd == 0 && len(pkt.Payload) > 0 { // window probe
		p.sendAck()
		return
	}
	before := p.rxTotal
	full, fin := p.take(pkt)
	for again := true; again; {
		again = false
		for i, e := range p.early {
			if e.Seq == p.rcvNxt {
				p.early = append(p.early[:i:i], p.early[i+1:]...)
				_, f := p.take(e)
				fin = fin || f
				full, again = true, true
				break
			}
		}
	}
	if n := p.rxTotal - before; n > 0 {
		p.w.event(p, "data", entry{"n": n, "total": p.rxTotal})
		p.w.fire(p, "rx", p.rxTotal)
	}
	if fin {
		p.fin()
		return
	}
	switch p.ack {
	case "imm":
		p.sendAck()
	case "e2":
		if full {
			p.unacked++
		}
		if p.unacked >= 2 {
			p.sendAck()
		} else {
			p.ackLater()
		}
	case "delay":
		p.ackLater()
	}
}

func (p *peer) ackLater() {
	if !p.ackEvent.Pending() {
		p.ackEvent = p.w.wire.Clock().After(p.ackMS, p.sendAck)
	}
}

// take consumes one segment in order.
func (p *peer) take(pkt *wire.Packet) (full, fin bool) {
	n := len(pkt.Payload)
	p.rcvNxt += seqLen(pkt)
	if n > 0 {
		for _, b := range pkt.Payload {
			p.rxHash = p.rxHash*31 + uint32(b)
		}
		p.rx = append(p.rx, pkt.Payload[:min(n, max(32-len(p.rx), 0))]...)
		p.rxTotal += n
	}
	return n >= min(int(p.mss), 1460), pkt.Flags&wire.FIN != 0
}

// fin reacts to the device's FIN.
func (p *peer) fin() {
	p.gotFin = true
	p.w.event(p, "FIN received", nil)
	p.w.fire(p, "fin", 1)
	switch {
	case p.onfin == "silent":
	case p.finSent || p.onfin == "ack":
		p.sendAck()
	case p.finMS > 0:
		p.sendAck()
		p.w.wire.Clock().After(p.finMS, func() { p.close() })
	default:
		p.close()
	}
}

func (p *peer) close() {
	p.finQueued = true
	p.pump()
}

// pattern is the data that peers send: the alphabet, over and over, from place
// at of what they have sent in that way.
func pattern(at, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte((at+i)%26)
	}
	return b
}

// pump sends what the device's window has room for.
func (p *peer) pump() {
	if p.state != "established" {
		return
	}
	for len(p.out) > 0 {
		c := &p.out[0]
		size := min(p.devMSS, int(p.mss), len(c.data))
		if c.size > 0 {
			size = min(size, c.size)
		}
		if int32(p.right-p.sndNxt) < int32(size) {
			return
		}
		flags := wire.ACK
		data := c.data[:size]
		c.data = c.data[size:]
		if len(c.data) == 0 {
			flags |= wire.PSH
			p.out = p.out[1:]
			if p.finQueued && !p.finSent && len(p.out) == 0 {
				flags |= wire.FIN
				p.finSent = true
			}
		}
		p.transmit(flags, p.sndNxt, data)
		p.sndNxt += uint32(size)
		if flags&wire.FIN != 0 {
			p.sndNxt++
		}
	}
	if p.finQueued && !p.finSent {
		p.finSent = true
		p.transmit(wire.FIN|wire.ACK, p.sndNxt, nil)
		p.sndNxt++
	}
}

// letters are the next n bytes of the pattern.
func (p *peer) letters(n int) []byte {
	b := pattern(p.sent, n)
	p.sent += n
	return b
}
