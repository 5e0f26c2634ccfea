// Package devtest is the bench on which the Lua modules are tested: a device with
// a program in its flash, in virtual time, and hosts on its network whose TCP
// connections do what a test says, segment by segment.
//
// It owns that arrangement and nothing of the modules. Only tests import it.
package devtest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/modules"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Addresses on the bench's network.
var (
	deviceAddr = netip.MustParsePrefix("192.168.1.10/24")
	hostAddr   = netip.MustParsePrefix("192.168.1.20/24")
)

// Quiet is how long after a connection everything of it is gone from the device:
// TIME_WAIT lasts 10 s (oracle: net-constants.json), and the TCP tick runs on.
const Quiet = 11 * clock.Second

// Bench is a device on a network.
type Bench struct {
	T      testing.TB
	World  *world.World
	Device *device.Device
	// Panics are the messages of the device's panics and of errors in its
	// callbacks. The bench fails the test for those that are still there at its
	// end; a test that provokes one empties the list.
	Panics []string
	// Hints are what the simulator had to say about the program.
	Hints []string

	output strings.Builder
	host   *lwip.Stack
	hosts  int
}

// New makes a bench whose device runs program as its init.lua.
func New(t testing.TB, program string) *Bench {
	t.Helper()
	board, err := boards.Load(boards.Default)
	if err != nil {
		t.Fatal(err)
	}
	fs := flash.New(board.FS.Size)
	if err := fs.WriteFile("init.lua", []byte(program)); err != nil {
		t.Fatal(err)
	}
	b := &Bench{T: t, World: world.New(1)}
	b.World.Subscribe(b.event)
	b.Device = device.New(b.World, device.Config{
		Board:    board,
		Modules:  []device.Module{net.Module, node.Module, tmr.Module},
		Flash:    fs,
		HostCPU:  true,
		WiFi:     radio.Config{Wired: deviceAddr},
		Embedded: modules.Source,
	})
	b.host = b.Host(lwip.Desktop())
	b.Device.PowerOn()
	b.Run(clock.Second)
	t.Cleanup(func() {
		if len(b.Panics) > 0 {
			t.Errorf("the device failed: %q", b.Panics)
		}
	})
	return b
}

func (b *Bench) event(e world.Event) {
	switch d := e.Data.(type) {
	case event.Output:
		b.output.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
	case event.Panic:
		b.Panics = append(b.Panics, d.Message)
	case event.LuaError:
		b.Panics = append(b.Panics, d.Message)
	case event.Hint:
		b.Hints = append(b.Hints, d.Text)
	}
}

// Run lets virtual time pass.
func (b *Bench) Run(d clock.Duration) { b.World.Clock.RunUntil(b.World.Clock.Now().Add(d)) }

// Output returns what the device has printed since the last call.
func (b *Bench) Output() string {
	s := b.output.String()
	b.output.Reset()
	return s
}

// Eval runs Lua source in a task of the device, and returns what was printed
// meanwhile.
func (b *Bench) Eval(source string) string {
	b.T.Helper()
	b.Output()
	ran := b.Device.PostTask(ets.Low, func() {
		fn, err := b.Device.VM.Load([]byte(source), "=eval")
		if err != nil {
			b.Panics = append(b.Panics, err.Error())
			return
		}
		b.Device.Run("eval", fn)
	})
	if !ran {
		b.T.Fatal("the device's task queue is full")
	}
	b.Run(clock.Millisecond)
	return b.Output()
}

// LuaBytes returns the bytes of the Lua objects that are reachable, when the
// stack has been used for something else. Left out is what follows the use of the
// past and not what is there: stack, string table, concatenation buffer.
func (b *Bench) LuaBytes() int {
	b.T.Helper()
	b.Eval("local _")
	b.Device.VM.Collect()
	b.Device.VM.Collect() // what finalizers have released
	b.Device.VM.Collect() // and what weak tables have let go then
	s := b.Device.VM.MemoryStats()
	return s.Total - heap.StackSlot*s.StackSlots - heap.CallInfoSize*s.CallInfos -
		heap.StringTableSlot*s.StringSlots - s.ConcatBuffer
}

// FreeHeap returns what node.heap() gives, 0 while the device is down.
func (b *Bench) FreeHeap() int {
	if b.Device.VM == nil {
		return 0
	}
	b.Device.VM.Collect() // as the next allocation will
	return b.Device.VM.FreeHeap()
}

// Sockets returns how many TCP connections the device has in any state,
// listeners not counted.
func (b *Bench) Sockets() int {
	n := 0
	for _, c := range b.Device.Net.Stack().Netstat() {
		if c.Remote.IsValid() {
			n++
		}
	}
	return n
}

// Host puts another host on the network.
func (b *Bench) Host(p lwip.Params) *lwip.Stack {
	addr := hostAddr.Addr()
	for range b.hosts {
		addr = addr.Next()
	}
	b.hosts++
	prefix := netip.PrefixFrom(addr, hostAddr.Bits())
	var s *lwip.Stack
	nic := b.World.Wire.Attach(fmt.Sprintf("host%d", b.hosts), func(p *wire.Packet) { s.Input(0, p) })
	nic.SetPrefix(prefix)
	s = lwip.New(lwip.NewClockHost(b.World.Clock, uint64(b.hosts), nic.Send), p)
	s.SetNetif(0, lwip.Netif{Prefix: prefix, Up: true})
	return s
}

// Short quotes a string for a message, and leaves out the middle of a long one.
func Short(s string) string {
	const end = 60
	if len(s) <= 2*end+20 {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q…%q (%d bytes)", s[:end], s[len(s)-end:], len(s))
}
