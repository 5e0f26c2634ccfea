package net

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// receiver is a device that prints what its UDP port 4000 gets and keeps the CPU for
// some milliseconds each time.
const receiver = `
	u = net.createUDPSocket() u:listen(4000)
	u:on("receive", function(_, d) print(d) if d == "hold" then tmr.delay(100000) end end)`

// While a callback keeps the CPU six packets wait. What comes then is lost, and the wire
// says why.
func TestSixReceiveBuffers(t *testing.T) {
	w := newWorld(t, receiver)
	w.run(clock.Second)
	lost := 0
	w.Wire.Tap(func(e wire.Event) {
		if e.Kind == wire.Dropped {
			lost++
			if e.Reason != "the device has no receive buffer free" {
				t.Errorf("lost: %s", e.Reason)
			}
		}
	})
	from := w.desktop().NewUDP()
	send := func(text string) {
		from.SendTo([]byte(text), netip.MustParseAddr("192.168.1.10"), 4000)
		w.run(10 * clock.Millisecond)
	}
	send("hold")
	want := "hold\n"
	for i := range 8 {
		send(fmt.Sprint(i))
		if i < 6 {
			want += fmt.Sprintln(i)
		}
	}
	w.run(100 * clock.Millisecond)
	send("last")
	if got := w.run(clock.Second); got != want+"last\n" || lost != 2 {
		t.Errorf("got %q, %d lost", got, lost)
	}
	if len(w.hints) != 1 || !strings.Contains(w.hints[0], "six received packets wait") {
		t.Errorf("hints %q", w.hints)
	}
}

// Packets that come at once come one after the other all the same: a device with nothing
// else to do gets them all.
func TestBurst(t *testing.T) {
	w := newWorld(t, receiver)
	w.run(clock.Second)
	from := w.desktop().NewUDP()
	want := ""
	for i := range 20 {
		from.SendTo([]byte(fmt.Sprint(i)), netip.MustParseAddr("192.168.1.10"), 4000)
		want += fmt.Sprintln(i)
	}
	if got := w.run(clock.Second); got != want {
		t.Errorf("got %q", got)
	}
}

// A received packet needs a block of 40 bytes of the heap. If there is none, the device
// resets.
func TestReceivedPacketNeedsMemory(t *testing.T) {
	w := newWorld(t, receiver)
	w.run(clock.Second)
	d := w.devs[0]
	for {
		if _, ok := d.VM.Heap().Alloc(20, heap.Other); !ok {
			break
		}
	}
	w.desktop().NewUDP().SendTo(nil, netip.MustParseAddr("192.168.1.10"), 4001) // to nobody
	if got := w.run(clock.Second); d.Boots() != 1 || d.BootReason() != device.Exception || !strings.HasPrefix(got, "E:M 40\n") {
		t.Errorf("%d resets, %v, %q", d.Boots(), d.BootReason(), got)
	}
}
