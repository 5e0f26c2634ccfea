// Package capture writes what happens on a wire to a pcapng file, which Wireshark
// and tshark read: each packet once, at the virtual time at which it was sent,
// with Ethernet, IPv4 and transport headers and their checksums. A packet that was
// lost carries a comment that says to whom and why, one that was doubled says so.
//
// A packet is written when it is known what became of it, that is when it has
// arrived everywhere or was lost; the order is that of sending. The file depends
// on nothing but the packets: two runs of the same world give the same bytes.
//
// The package only watches. It knows the wire's packets and the file format.
package capture

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Capture is a capture under way. Its methods must be called on the goroutine
// that runs the world.
type Capture struct {
	w    *pcapgo.NgWriter
	stop func()
	err  error

	waiting []*record // sent, not written yet; in order of sending
	open    map[uint64]*record
}

// record is a packet whose fate is not complete.
type record struct {
	at       clock.Time
	packet   *wire.Packet
	src, dst net.HardwareAddr
	comments []string
	routed   bool
	left     int                // arrivals still to come
	arrived  map[*wire.NIC]bool // made at the first arrival
}

// maxWaiting bounds what is held back for packets that take very long: beyond it
// the oldest is written as it is.
const maxWaiting = 1 << 16

// Start begins to write everything on a wire to out. Errors of out end the
// capture; Close returns the first.
func Start(w *wire.Wire, out io.Writer) (*Capture, error) {
	c := &Capture{open: map[uint64]*record{}}
	var err error
	c.w, err = pcapgo.NewNgWriterInterface(out, pcapgo.NgInterface{
		Name:                "wire",
		Description:         "the simulated network, in virtual time",
		LinkType:            layers.LinkTypeEthernet,
		TimestampResolution: 9,
	}, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "nodemcu-sim"}})
	if err != nil {
		return nil, err
	}
	c.stop = w.Tap(c.tap)
	return c, nil
}

// Close ends the capture. What is still under way is written. It returns the
// first error there was.
func (c *Capture) Close() error {
	c.stop()
	for _, r := range c.waiting {
		c.write(r)
	}
	c.waiting = nil
	if c.err == nil {
		c.err = c.w.Flush()
	}
	return c.err
}

// tap sees what happens on the wire.
func (c *Capture) tap(e wire.Event) {
	if c.err != nil {
		return
	}
	if e.Kind == wire.Sent {
		r := &record{at: e.Time, packet: e.Packet, src: mac(e.From, e.Packet.Src), dst: groupMAC(e.Packet.Dst, e.From.Prefix())}
		c.waiting = append(c.waiting, r)
		c.open[e.ID] = r
		if len(c.waiting) > maxWaiting {
			c.waiting[0].routed, c.waiting[0].left = true, 0
			c.flushDone()
		}
		return
	}
	r := c.open[e.ID]
	if r == nil {
		return // sent before the capture began
	}
	switch e.Kind {
	case wire.Dropped:
		r.lost(e)
	case wire.Delivered:
		if r.arrived == nil {
			r.arrived = map[*wire.NIC]bool{}
		}
		if r.arrived[e.To] {
			r.comments = append(r.comments, "duplicated on the way to "+e.To.Name)
		}
		r.arrived[e.To] = true
	case wire.Routed:
		r.routed = true
		r.left += e.Arrivals
	}
	if e.To != nil && r.dst == nil {
		r.dst = mac(e.To, e.Packet.Dst)
	}
	if e.Kind != wire.Routed && r.routed {
		r.left--
	}
	if r.routed && r.left <= 0 {
		delete(c.open, e.ID)
		c.flushDone()
	}
}

// lost notes that the packet, or one copy of it, did not arrive.
func (r *record) lost(e wire.Event) {
	text := "dropped: " + e.Reason
	if e.To != nil {
		text = fmt.Sprintf("dropped on the way to %s: %s", e.To.Name, e.Reason)
	}
	r.comments = append(r.comments, text)
}

// flushDone writes the packets at the head of the queue whose fate is complete.
func (c *Capture) flushDone() {
	n := 0
	for ; n < len(c.waiting) && c.waiting[n].routed && c.waiting[n].left <= 0; n++ {
		c.write(c.waiting[n])
		c.waiting[n] = nil
	}
	c.waiting = c.waiting[n:]
}

// write writes one packet.
func (c *Capture) write(r *record) {
	if c.err != nil {
		return
	}
	if r.dst == nil {
		r.dst = mac(nil, r.packet.Dst)
	}
	frame, err := r.frame()
	if err != nil {
		c.err = errors.Join(fmt.Errorf("capture: %v", r.packet), err)
		return
	}
	c.err = c.w.WritePacketWithOptions(gopacket.CaptureInfo{
		Timestamp:     time.UnixMicro(int64(r.at)),
		CaptureLength: len(frame),
		Length:        len(frame),
	}, frame, pcapgo.NgPacketOptions{Comments: r.comments})
}
