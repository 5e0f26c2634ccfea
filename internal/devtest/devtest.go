// Package devtest is the bench on which the Lua modules are tested: a device of package
// simtest with a program in its flash, whose Lua takes no time, and hosts on its network
// whose TCP connections do what a test says, segment by segment.
//
// It owns that arrangement and nothing of the modules. Only tests import it.
package devtest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// hostAddr is the address of the bench's own host.
var hostAddr = netip.MustParsePrefix("192.168.1.20/24")

// Quiet is how long after a connection everything of it is gone from the device:
// TIME_WAIT lasts 10 s (oracle: net-constants.json), and the TCP tick runs on.
const Quiet = 11 * clock.Second

// heapSize leaves programs what a device has on which Wi-Fi takes nothing: limits of the
// tests are those of the modules.
const heapSize = 50_000 + 2816

// Bench is a device on a network. A panic or an error that is not announced (ExpectError)
// fails the test.
type Bench struct {
	*simtest.Device
	Chip *device.Device // what simtest does not show

	t     testing.TB
	addr  netip.Addr
	host  *lwip.Stack
	hosts int
}

// New makes a bench whose device runs program as its init.lua, and waits until it has an
// address.
func New(t testing.TB, program string) *Bench {
	t.Helper()
	b := &Bench{t: t}
	b.Device = simtest.Boot(t, "", simtest.Files(map[string]string{"init.lua": program}),
		simtest.Modules("net", "node", "tmr"), simtest.CPU("host"), simtest.Heap(heapSize))
	b.Chip = device.In(b.World())[0]
	b.addr = b.Addr()
	b.host = b.Host(lwip.Desktop())
	b.Run(clock.Second)
	return b
}

// Use has failures be those of a test within the one that made the bench, until that ends.
func (b *Bench) Use(t testing.TB) {
	outer, d := b.t, b.Device
	t.Cleanup(func() { b.t, b.Device = outer, d })
	b.t, b.Device = t, d.For(t)
}

// Run lets virtual time pass.
func (b *Bench) Run(d clock.Duration) {
	b.t.Helper()
	b.Advance(time.Duration(d) * time.Microsecond)
}

// Eval runs Lua source in a task of the device, and returns what was printed
// meanwhile.
func (b *Bench) Eval(source string) string {
	b.t.Helper()
	b.Output()
	ran := b.Chip.PostTask(ets.Low, func() {
		fn, err := b.Chip.VM.Load([]byte(source), "=eval")
		if err != nil {
			panic(err) // of the test
		}
		b.Chip.Run("eval", fn)
	})
	if !ran {
		b.t.Fatal("the device's task queue is full")
	}
	b.Run(clock.Millisecond)
	return b.Output()
}

// LuaBytes returns the bytes of the Lua objects that are reachable, when the
// stack has been used for something else. Left out is what follows the use of the
// past and not what is there: stack, string table, concatenation buffer.
func (b *Bench) LuaBytes() int {
	b.t.Helper()
	b.Eval("local _")
	b.Chip.VM.Collect()
	b.Chip.VM.Collect() // what finalizers have released
	b.Chip.VM.Collect() // and what weak tables have let go then
	s := b.Chip.VM.MemoryStats()
	return s.Total - heap.StackSlot*s.StackSlots - heap.CallInfoSize*s.CallInfos -
		heap.StringTableSlot*s.StringSlots - s.ConcatBuffer
}

// FreeHeap returns what node.heap() gives, 0 while the device is down.
func (b *Bench) FreeHeap() int {
	if b.Chip.VM == nil {
		return 0
	}
	b.Chip.VM.Collect() // as the next allocation will
	return b.Chip.VM.FreeHeap()
}

// Sockets returns how many TCP connections the device has in any state,
// listeners not counted.
func (b *Bench) Sockets() int {
	n := 0
	for _, c := range b.Chip.Net.Stack().Netstat() {
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
	nic := b.World().Wire.Attach(fmt.Sprintf("host%d", b.hosts), func(p *wire.Packet) { s.Input(0, p) })
	nic.SetPrefix(prefix)
	s = lwip.New(lwip.NewClockHost(b.World().Clock, uint64(b.hosts), nic.Send), p)
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
