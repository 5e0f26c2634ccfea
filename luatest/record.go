package luatest

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// What is recorded while a test runs: the device's log, its free heap, and the packets of
// its network. All of it has bounds, whatever the test does.
const (
	maxSamples = 200
	maxPackets = 500
	// logLines is how many lines of the device's log a result keeps, logLine how many bytes
	// of one.
	logLines = 20
	logLine  = 1000
	logKept  = 1 << 16 // bytes
	// maxFailures is how many of a test's failures are told.
	maxFailures = 20
)

// tail is a writer that keeps what came last, logKept bytes or some more.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	if len(t.b) > 2*logKept {
		t.b = t.b[:copy(t.b, t.b[len(t.b)-logKept:])]
	}
	t.b = append(t.b, p[max(0, len(p)-logKept):]...)
	return len(p), nil
}

func (t *tail) Reset()         { t.b = t.b[:0] }
func (t *tail) String() string { return string(t.b) }

// Sample is the free heap at a time of a test.
type Sample struct {
	At   int64 `json:"at_us"` // since the test began, in microseconds of the device's time
	Free int   `json:"free"`  // bytes
}

// Packet is one that somebody sent while a test ran.
type Packet struct {
	At    int64          `json:"at_us"` // since the test began
	From  netip.AddrPort `json:"from"`  // port 0 where the protocol has none
	To    netip.AddrPort `json:"to"`
	Proto string         `json:"proto"`
	Flags string         `json:"flags,omitempty"` // of TCP, as "SA"
	Len   int            `json:"len"`             // of the IP packet, in bytes
	Data  int            `json:"data"`            // of its payload
	Lost  string         `json:"lost,omitempty"`  // why it did not arrive
}

// record is what has been seen since the test began.
type record struct {
	began   clock.Time
	heap    []Sample
	every   int64 // two samples are so far apart, at least
	packets []Packet
	ids     []uint64 // of packets
	before  int      // packets that were sent before these
	dying   string   // the post-mortem
}

// sample notes the free heap. When there are too many samples every second one goes, and
// further ones are twice as far apart: which ones stay depends on the device's time alone.
func (r *record) sample(now clock.Time, free int) {
	at := int64(now.Sub(r.began))
	if n := len(r.heap); n > 0 && at-r.heap[n-1].At < r.every {
		return
	}
	r.keep(Sample{at, free})
}

func (r *record) keep(s Sample) {
	if n := len(r.heap); n > 0 && r.heap[n-1].At == s.At {
		r.heap[n-1] = s
		return
	}
	if r.heap = append(r.heap, s); len(r.heap) < maxSamples {
		return
	}
	half := r.heap[:0]
	for i := 0; i < len(r.heap); i += 2 {
		half = append(half, r.heap[i])
	}
	r.heap = half
	r.every = max(2*r.every, half[len(half)-1].At/(maxSamples/2))
}

// packet is the tap.
func (r *record) packet(e wire.Event) {
	switch e.Kind {
	case wire.Sent:
		p := e.Packet
		if len(r.packets) == 2*maxPackets {
			r.packets = r.packets[:copy(r.packets, r.packets[maxPackets:])]
			r.ids = r.ids[:copy(r.ids, r.ids[maxPackets:])]
			r.before += maxPackets
		}
		out := Packet{At: int64(e.Time.Sub(r.began)), From: netip.AddrPortFrom(p.Src, p.SrcPort), To: netip.AddrPortFrom(p.Dst, p.DstPort), Proto: p.Proto.String(), Len: p.Len(), Data: len(p.Payload)}
		if p.Proto == wire.TCP {
			out.Flags = p.Flags.String()
		}
		r.packets, r.ids = append(r.packets, out), append(r.ids, e.ID)
	case wire.Dropped:
		for i := len(r.ids) - 1; i >= 0 && r.ids[i] >= e.ID; i-- {
			if r.ids[i] == e.ID && r.packets[i].Lost == "" {
				r.packets[i].Lost = e.Reason
			}
		}
	}
}

// begin starts anew, with a test.
func (r *run) begin() {
	r.log.Reset()
	r.hint, r.ranOut, r.asked = event.Hint{}, "", ""
	r.record = record{began: r.app.World.Clock.Now()}
	r.d.Inspect.TellAgain()
	r.freeNow()
}

// freeNow notes the free heap, if the device runs Lua.
func (r *run) freeNow() {
	if v := r.d.VM; v != nil {
		r.record.sample(r.app.World.Clock.Now(), v.Heap().Free())
	}
}

// told brings what was recorded into the result of a test.
func (r *run) told(t *Test) {
	if v := r.d.VM; v != nil {
		t.LeastHeap = min(v.Heap().Low(), r.low)
		r.record.keep(Sample{int64(r.app.World.Clock.Now().Sub(r.record.began)), v.Heap().Free()})
	}
	t.Heap = r.record.heap
	r.sim.log.Flush()
	t.Log = lastLines(r.log.String())
	if !t.Status.Bad() {
		return
	}
	t.PostMortem = r.record.dying
	left := max(len(r.record.packets)-maxPackets, 0)
	t.Packets, t.PacketsBefore = r.record.packets[left:], r.record.before+left
}

// logger writes what the device prints, and what happens to it, into the log. A post-mortem
// that belongs to a test stands apart from it.
func (r *run) logger() func(world.Event) {
	log := &observe.Log{Device: &r.log, Events: &r.log}
	r.sim.log = log
	return func(e world.Event) {
		if h, ok := e.Data.(event.Hint); ok && ofLibrary(h.Where) {
			return // it is about the engine
		}
		if d, ok := e.Data.(event.PostMortem); ok && r.test != nil {
			if r.record.dying == "" {
				r.record.dying = observe.Describe(world.Event{Time: e.Time, Device: e.Device, Data: withoutLibrary(d)})
			}
			return
		}
		log.Handle(e)
	}
}

// withoutLibrary is a post-mortem without what the library of tests refers to.
func withoutLibrary(d event.PostMortem) event.PostMortem {
	if ofLibrary(d.Where) {
		d.Where = ""
	}
	d.Refs = slices.DeleteFunc(slices.Clone(d.Refs), func(h event.RefHeld) bool { return ofLibrary(h.Site) || h.What == "tests" })
	return d
}

func ofLibrary(site string) bool { return strings.HasPrefix(site, "(test library)") }

func lastLines(log string) []string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(log, "\r", ""), "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	lines = lines[max(0, len(lines)-logLines):]
	for i, line := range lines {
		if len(line) > logLine {
			cut := logLine
			for cut > logLine-utf8.UTFMax && !utf8.RuneStart(line[cut]) {
				cut--
			}
			lines[i] = line[:cut] + "…"
		}
	}
	return lines
}

func (r *run) fileLog() { r.f.out.Log = lastLines(r.log.String()) }
