package world

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// node is a device that writes down what comes to it.
type node struct {
	name string
	addr netip.Prefix
	w    *World
	log  *[]string
}

func (n node) Name() string { return n.name }
func (n node) Address(i air.Interface) netip.Prefix {
	if i == air.APIf {
		return netip.Prefix{}
	}
	return n.addr
}
func (n node) Hostname() string { return n.name }
func (n node) Note(string)      {}

func (n node) Listening(wire.Proto, uint16) bool { return false }
func (n node) Take(in Stimulus) (string, error) {
	*n.log = append(*n.log, fmt.Sprintf("%s takes %s at %d", n.name, in.Kind(), n.w.Clock.Now()))
	if in == said("no") {
		return "", errors.New("it will not")
	}
	return "yes", nil
}

type said string

func (said) Kind() string { return "said" }

// Inputs are taken in the order in which they were sent, between events, at the time
// of the world; whoever watches them sees where.
func TestInputs(t *testing.T) {
	w := New(1)
	var log []string
	note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	for _, name := range []string{"a", "b"} {
		w.Add(node{name: name, w: w, log: &log})
	}
	w.OnInput(func(in Input) { note("input to %s at %d", in.To, in.At) })
	w.Clock.SetSpeed(1)
	w.Clock.At(10, func() {
		w.Send("a", said("yes"), func(reply string, err error) { note("reply %q, %v", reply, err) })
		w.Send("b", said("no"), func(reply string, err error) { note("reply %q, %v", reply, err) })
		w.Clock.Look(func() { note("look") })
		w.Taken("a", said("fetched"))
		note("end of the event")
	})
	go func() { time.Sleep(20 * time.Millisecond); w.Clock.Stop() }()
	w.Clock.Run(clock.Forever, false)
	got := strings.Join(log, "; ")
	at := strings.Split(got, "input to a at ")[2]
	at, _, _ = strings.Cut(at, ";")
	want := strings.ReplaceAll("input to a at 10; end of the event; input to a at T; a takes said at T; reply \"yes\", <nil>; "+
		"input to b at T; b takes said at T; reply \"\", it will not; look", "T", at)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestInputThatNobodyTakes(t *testing.T) {
	w := New(1)
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, `"said" to "nobody"`) {
			t.Errorf("panic %s", r)
		}
	}()
	w.receive(sent{Input{To: "nobody", What: said("")}, nil})
}

func TestNodeAt(t *testing.T) {
	w := New(1)
	w.Add(node{name: "off"})
	w.Add(node{name: "on", addr: netip.MustParsePrefix("192.168.1.10/24")})
	if n := w.NodeAt(netip.MustParseAddr("192.168.1.10")); n == nil || n.Name() != "on" {
		t.Errorf("found %v", n)
	}
	if n := w.NodeAt(netip.Addr{}); n != nil {
		t.Errorf("%s has no address", n.Name())
	}
}

// What is done to the surroundings is undone by the same means.
func TestSurroundings(t *testing.T) {
	w := New(1)
	a, b := netip.MustParseAddrPort("192.168.1.10:80"), netip.MustParseAddrPort("192.168.1.20:4000")
	got := 0
	from := w.Wire.Attach("a", func(*wire.Packet) {})
	from.SetPrefix(netip.PrefixFrom(a.Addr(), 24))
	to := w.Wire.Attach("b", func(*wire.Packet) { got++ })
	to.SetPrefix(netip.PrefixFrom(b.Addr(), 24))
	passes := func() bool {
		got = 0
		from.Send(&wire.Packet{Src: a.Addr(), Dst: b.Addr(), Proto: wire.TCP, SrcPort: a.Port(), DstPort: b.Port()})
		w.Clock.RunUntil(w.Clock.Now().Add(clock.Second))
		return got == 1
	}
	take := func(in Stimulus) {
		t.Helper()
		if _, err := w.receiver(Surroundings).Take(in); err != nil {
			t.Error(err)
		}
	}
	flow := wire.Flow{Host: "a", Local: a, Remote: b}
	for _, tt := range []struct {
		name string
		in   []Stimulus
		want bool
	}{
		{"nothing done", nil, true},
		{"cut", []Stimulus{SetCut{On: true, Flow: flow}, SetCut{On: true, Flow: flow}}, false},
		{"mended", []Stimulus{SetCut{Flow: flow}}, true},
		{"mended twice", []Stimulus{SetCut{Flow: flow}}, true},
		{"nothing passes", []Stimulus{SetLink{On: true, Quality: wire.Quality{Loss: 1}}}, false},
		{"another link instead", []Stimulus{SetLink{On: true, Quality: wire.Quality{Latency: clock.Millisecond}}}, true},
		{"no link", []Stimulus{SetLink{}}, true},
	} {
		for _, in := range tt.in {
			take(in)
		}
		if got := passes(); got != tt.want {
			t.Errorf("%s: passes %v", tt.name, got)
		}
	}
	for _, q := range []wire.Quality{{Jitter: 1<<63 - 1}, {Latency: -1}, {Loss: 2}, {Duplicate: math.NaN()}, {Bandwidth: -1}} {
		if _, err := w.receiver(Surroundings).Take(SetLink{On: true, Quality: q}); err == nil {
			t.Errorf("a link took %+v", q)
		}
	}
	take(SetAir{Down: true})
	if !w.Air.Down() {
		t.Error("the air is up")
	}
}
