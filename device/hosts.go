package device

import (
	"cmp"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What the parts of a device see of it: each has a Host interface of its own, and
// here is the device in that shape. What a type below does not have it has from the
// Device.

// etsHost is the device as its scheduler sees it.
type etsHost struct{ *Device }

func (h etsHost) Work(fn func()) {
	h.Inspect.WorkBegins()
	h.lua.work(fn)
	h.Inspect.WorkEnded()
}

func (h etsHost) Worked() {
	d := h.Device
	if r := d.pendingReset; r != nil {
		// The reset comes when the CPU has got there, not before.
		d.pendingReset = nil
		d.ETS.Halt()
		d.world.Clock.At(d.ETS.FreeAt(), d.ifThisBoot(func() { d.reset(*r) }))
	}
}

func (h etsHost) Bitten(kept clock.Duration) {
	h.Inspect.HintWatchdog(kept)
	h.Reset(SoftWatchdog)
}

func (h etsHost) Print(text string) { h.Serial.WriteText(text) }

// radioHost is the device as its radio sees it.
type radioHost struct{ *Device }

func (h radioHost) Received(fn func())   { h.ETS.Receive(fn) }
func (h radioHost) Keep(settings []byte) { h.Flash.SetSettings(settings) }

// netHost is the device as its network interfaces see it.
type netHost struct{ *Device }

func (h netHost) Heap() *heap.Heap            { return h.heap() }
func (h netHost) MAC(i air.Interface) air.MAC { return h.Radio.MAC(i) }
func (h netHost) Deaf(i air.Interface) string { return h.Radio.Deaf(i) }

func (h netHost) Hint(text string) {
	if h.VM != nil {
		h.Inspect.Hints.Here("%s", text)
	}
}

// NoPbuf is a fatal exception: the SDK writes through the null pointer (oracle:
// sdk-behaviour.md, 4.2).
func (h netHost) NoPbuf() {
	h.Hint("no memory is left for a received packet: the SDK does not look, and writes to address 4, a fatal exception (29)")
	h.Reset(Exception)
}

// espconnHost is the device as its connection layer sees it.
type espconnHost struct{ *Device }

func (h espconnHost) FreeHeap() int {
	if heap := h.heap(); heap != nil {
		return heap.Free()
	}
	return h.Board.Heap.Size
}

// Compute takes no time where Lua takes none.
func (h espconnHost) Compute(d clock.Duration) {
	if h.ETS.Running() && h.ETS.LuaTakesTime() {
		h.ETS.FeedWatchdog()
		h.ETS.DelayFed(d)
	}
}

// serialHost is the device as its serial port sees it.
type serialHost struct{ *Device }

func (h serialHost) Restarting() bool { return h.restarting }

// Sent is told of what leaves the port. What the program has flushed before is stored by then:
// who sees its word for that can rely on it.
func (h serialHost) Sent(e event.Output) {
	h.Flash.Settle()
	h.Emit(e)
}

// lostInput is the hint at bytes that the serial port has lost.
const lostInput = "the serial port lost input: its buffer holds 256 bytes, and the oldest go while Lua is busy; send less at once, or wait for the prompt"

func (h serialHost) Overrun() { h.Inspect.Hints.Once("serial overrun", lostInput) }

func (h serialHost) Fetched(in input.Typed) { h.world.Taken(h.Name(), in) }

// rtcHost is the device as its real-time clock sees it.
type rtcHost struct{ *Device }

func (h rtcHost) Uptime() clock.Duration    { return h.ETS.Uptime() }
func (h rtcHost) Busy(d clock.Duration)     { h.ETS.DelayUnfed(d) }
func (h rtcHost) SleepNow(d clock.Duration) { h.sleepNow(d) }

// replHost is the device as its interpreter sees it.
type replHost struct{ *Device }

func (h replHost) Lua() *vm.VM                            { return h.VM }
func (h replHost) ReportError(what string, err *vm.Error) { h.lua.report(what, err) }
func (h replHost) Panic(what string, err *vm.Error)       { h.lua.panic(what, err) }

func (h replHost) CallBelow(below int, what string, fn vm.Value, nret int, args ...vm.Value) ([]vm.Value, *vm.Error) {
	before := h.VM.SetBelow(below)
	values, err := h.lua.call(what, fn, nret, args)
	if h.VM != nil {
		h.VM.SetBelow(before)
	}
	return values, err
}

func (h replHost) ReadFile(name string) ([]byte, bool) { return h.readFile(name) }

// inspectHost is the device as it is looked at.
type inspectHost struct{ *Device }

func (h inspectHost) Lua() *vm.VM            { return h.VM }
func (h inspectHost) BoardName() string      { return h.Board.Name }
func (h inspectHost) Uptime() clock.Duration { return h.ETS.Uptime() }
func (h inspectHost) Say(text string)        { h.Serial.Write(text) }
func (h inspectHost) Ending() bool           { return h.world.Clock.Ending(0) }

func (h inspectHost) Sockets() []event.SocketHeld {
	if h.sockets == nil {
		return nil
	}
	var out []event.SocketHeld
	for _, k := range h.sockets.Snapshot() {
		out = append(out, event.SocketHeld{ID: k.ID, Proto: k.Proto, State: k.State, Remote: k.Remote, Queued: k.Queued, Site: k.Site})
	}
	slices.SortStableFunc(out, func(a, b event.SocketHeld) int { return cmp.Compare(b.Queued, a.Queued) })
	return out
}
