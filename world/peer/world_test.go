package peer_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// network is 10.0.0.0/16: devices have 10.0.1.0 and on, hosts 10.0.0.1 and on.
const networkBits = 16

// lab is devices with Lua programs and hosts written in Go on one wire.
type lab struct {
	*world.World
	t   testing.TB
	out strings.Builder // what all devices print, a name before each line
}

func newWorld(t testing.TB, programs ...string) *lab {
	w := &lab{World: world.New(1), t: t}
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			w.out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Panic:
			t.Errorf("%s: %s", e.Device, d.Message)
		case event.LuaError:
			t.Errorf("%s: %s", e.Device, d.Message)
		}
	})
	for _, p := range programs {
		w.device(p, true)
	}
	return w
}

var testBoard = sync.OnceValues(func() (*board.Board, error) { return boards.Load(boards.Default) })

func deviceAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(1 + i/256), byte(i)})
}

// device adds a device and switches it on. It has the modules net, tmr and wifi,
// Lua takes no time, and its program is run instead of the prompt.
func (w *lab) device(program string, wired bool) *device.Device {
	w.t.Helper()
	cfg := device.Config{
		Board:   must[*board.Board](w.t)(testBoard()),
		Flash:   flash.New(1 << 16),
		Modules: []device.Module{net.Module, tmr.Module, wifi.Module},
		HostCPU: true,
		// The times that tests compare were measured without the SDK's.
		ExactTimers: true,
		Startup: func(d *device.Device) {
			fn, err := d.VM.Load([]byte(program), "=t")
			if err != nil {
				w.t.Error(err)
				return
			}
			d.Run("program", fn)
		},
	}
	if wired {
		cfg.WiFi.Wired = netip.PrefixFrom(deviceAddr(len(device.In(w.World))), networkBits)
	}
	d := device.New(w.World, cfg)
	d.PowerOn()
	return d
}

// host adds a host.
func (w *lab) host() *peer.Host {
	n := 0
	for w.Wire.Owner(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)})) != nil {
		n++
	}
	return peer.New(w.Wire, fmt.Sprintf("host%d", n+1), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)}), networkBits))
}

func (w *lab) run(d clock.Duration) { w.Clock.RunUntil(w.Clock.Now().Add(d)) }

// output returns what devices have printed since the last call.
func (w *lab) output() string {
	s := w.out.String()
	w.out.Reset()
	return s
}

// must fails the test on an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(x T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

func spans(t testing.TB, texts ...string) []wire.Span {
	var out []wire.Span
	for _, s := range texts {
		out = append(out, must[wire.Span](t)(wire.ParseSpan(s)))
	}
	return out
}
