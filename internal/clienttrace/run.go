package clienttrace

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// scriptDelay is how long after boot the scripts started.
const scriptDelay = 1003 * clock.Millisecond

// restartDelay is how long a program goes on that has asked for a restart (oracle:
// sdk-behaviour.md).
const restartDelay = 100 * clock.Millisecond

// measuredChip is the chip's number in the measurements.
const measuredChip = 0x1a2b3c

// Addresses of the measurements.
var (
	deviceNet = netip.MustParsePrefix("192.168.1.10/24")
	dnsServer = netip.MustParseAddr("192.168.1.1")
)

// recorder makes the lists of a run.
type recorder struct {
	got        lists
	start, end clock.Time
	q          int
	over       bool
	boots      bool           // a restart is not the end
	away       bool           // from a restart until the device has booted
	restarted  clock.Time     // when that was
	shift      clock.Duration // how long booting took so far
	clock      *clock.Clock
	d          *device.Device
	isn        map[[2]netip.AddrPort]uint32
}

// add appends to a list what happened at device time t.
func (r *recorder) add(list *[]entry, e entry, t clock.Time) {
	if r.over || r.away || r.clock.Now() > r.end {
		return
	}
	r.q++
	e["t"], e["q"] = int64(t.Add(-r.shift).Sub(r.start)), r.q
	*list = append(*list, e)
}

func (r *recorder) log(e entry) { r.add(&r.got.Trace, e, r.d.Now()) }

// run runs the scenario on a device on which Lua takes no time.
func (s *scenario) run(t *testing.T, modules []device.Module) lists {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	roomy := *board
	roomy.Heap.Size = 8 << 20 // the measurement's Lua had no limit
	roomy.ChipID = measuredChip
	w := world.New(1)
	r := &recorder{clock: w.Clock, start: clock.At(scriptDelay), isn: map[[2]netip.AddrPort]uint32{}, boots: s.boots}
	r.end = r.start.Add(clock.Duration(s.UntilMS) * clock.Millisecond)
	wifi, err := s.wifi(w.Air)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	w.Wire.AddRule(wire.NewLink(1))
	r.d = device.New(w, device.Config{
		Board:   &roomy,
		Modules: append(slices.Clone(modules), device.Module{Name: "oracle", Open: r.open}),
		Build:   s.build,
		HostCPU: true,
		// The measurement had neither the SDK's timers nor its Wi-Fi driver.
		ExactTimers:      true,
		UnlimitedReceive: true,
		BootDelay:        s.bootDelay(),
		OnPanic:          device.HaltOnPanic,
		WiFi:             wifi,
		Startup: func(d *device.Device) {
			if d.Boots() > 0 || s.console {
				d.REPL.Start()
				return
			}
			d.Net.Stack().SetDNS(0, dnsServer)
			d.Net.Stack().OnInput = func(p *wire.Packet) { r.packet("rx", p, r.clock.Now()) }
			s.script(t, d)
		},
	})
	if s.console {
		s.sitDown(t, r.d, r.start)
	}
	w.Wire.Tap(r.tap)
	w.Subscribe(r.happened)
	peers := &peers{wire: w.Wire, log: func(e entry) { r.add(&r.got.Peer, e, r.clock.Now()) }}
	if err := peers.script(r.start, s.PeerScript); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	if err := peers.addDNS(s.DNSScript); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	r.d.PowerOn()
	for w.Clock.Now() < r.end { // which a restart puts off
		w.Clock.RunUntil(r.end)
	}
	for _, p := range peers.all {
		for _, c := range p.conns {
			c.responseEnds("open")
		}
	}
	return r.got
}

// script runs the script.
func (s *scenario) script(t *testing.T, d *device.Device) {
	fn, err := d.VM.Load(traces.Bytes(s.Lua), "=script")
	if err != nil {
		t.Errorf("%s: %v", s.Name, err)
		return
	}
	if _, err, _ := d.VM.Call(fn, 0); err != nil {
		t.Errorf("%s: the script failed: %v", s.Name, err)
	}
}

// happened takes what the device reports.
func (r *recorder) happened(e world.Event) {
	if r.clock.Now() < r.start {
		return
	}
	switch data := e.Data.(type) {
	case event.Output:
		r.log(entry{"uart": traces.Latin1(data.Text)})
	case event.Panic:
		r.log(entry{"ev": "PANIC", "a": []any{traces.Latin1(data.Message)}})
		r.over = true
	case event.Restart: // which takes its time
		r.log(entry{"ev": "system_restart"})
		r.over, r.away, r.restarted = !r.boots, true, r.d.Now()
		r.end = r.end.Add(scriptDelay + restartDelay)
	case event.Boot:
		if r.away {
			r.away, r.shift = false, r.shift+r.d.Now().Sub(r.restarted)
		}
	case event.Reset:
		if r.away {
			return
		}
		what := "HANG"
		if data.Reason == device.Exception.Text {
			what = "CRASH"
		}
		r.log(entry{"ev": what})
		r.over = true
	}
}

func (r *recorder) tap(e wire.Event) {
	switch {
	case e.Kind == wire.Sent && e.From != nil && e.From.Host == r.d.Name():
		r.packet("tx", e.Packet, e.Time)
	case e.Kind == wire.Dropped && e.To != nil && e.To.Host == r.d.Name():
		r.packet("rx", e.Packet, e.Time) // the measurement lists it, although nobody hears it
	case e.Kind == wire.Dropped && e.To == nil && slices.Contains(own, e.Packet.Dst):
		r.clock.After(wire.DefaultLatency, func() { r.packet("rx", e.Packet, r.clock.Now()) })
	}
}

func (r *recorder) packet(dir string, p *wire.Packet, t clock.Time) {
	src, dst := netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)
	e := entry{"dir": dir, "src": src.String(), "dst": dst.String(), "len": len(p.Payload)}
	switch p.Proto {
	case wire.TCP:
		e["fl"] = p.Flags.String()
		if p.Flags&wire.SYN != 0 {
			r.isn[[2]netip.AddrPort{src, dst}] = p.Seq
		} else {
			e["seq"] = p.Seq - r.isn[[2]netip.AddrPort{src, dst}]
		}
		if p.Flags&wire.ACK != 0 {
			e["ack"] = p.Ack - r.isn[[2]netip.AddrPort{dst, src}]
		}
	case wire.UDP:
		e["proto"] = "udp"
	default:
		e["proto"] = int(p.Proto)
		e["src"], e["dst"] = p.Src.String(), p.Dst.String()
	}
	if p.Proto == wire.ICMP || p.Proto == wire.IGMP {
		message := append([]byte{p.Type, p.Code, 0, 0}, p.Payload...)
		binary.BigEndian.PutUint16(message[2:], wire.Checksum(message))
		e["len"], e["d"] = len(message), digest(message)
	} else if len(p.Payload) > 0 {
		e["d"] = digest(p.Payload)
	}
	r.add(&r.got.Wire, e, t)
}

// Payloads longer than longPayload bytes are recorded by their ends and a hash.
const (
	longPayload = 320
	payloadHead = 24
	payloadTail = 8
)

// digest is a payload as the lists have it.
func digest(data []byte) any {
	if len(data) <= longPayload {
		return hex.EncodeToString(data)
	}
	return entry{"len": len(data), "head": hex.EncodeToString(data[:payloadHead]),
		"tail": hex.EncodeToString(data[len(data)-payloadTail:]), "fnv": traces.Hash(data)}
}

// open gives the script its helper functions.
func (r *recorder) open(d *device.Device) *device.Lib {
	for _, f := range []vm.Func{{Name: "L", Fn: r.logEvent}, {Name: "X", Fn: r.logCall}} {
		d.VM.SetField(d.VM.Globals(), f.Name, d.VM.NewFunction(f))
	}
	return &device.Lib{}
}

// logEvent is L(event, ...).
func (r *recorder) logEvent(c *vm.Call) int {
	e := entry{"ev": c.String(1)}
	if args := traces.Values(c, 2); len(args) > 0 {
		e["a"] = args
	}
	r.log(e)
	return 0
}

// logCall is X(text).
func (r *recorder) logCall(c *vm.Call) int {
	traces.Call(c, r.log)
	return 0
}
