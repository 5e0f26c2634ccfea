// Package sntp is the firmware module sntp: the time of day from servers of the network
// (fw: app/modules/sntp.c, docs/modules/sntp.md). In a build with rtctime it sets the
// device's clock.
//
// # Functions
//
//	sntp.sync([server | {server, …} [, fn(sec, usec, server, info) [, errfn(code, text) [, repeat]]]])
//	sntp.setoffset(seconds)    between the clock and NTP's time; counts leap seconds from now on
//	sntp.getoffset()
//
// A server is a name or an address. Names are resolved one after the other, and those that
// have no address are left out. Then the servers are asked in turn, one at a time, each
// second or as soon as one has answered: up to five times each, but no more than it takes
// until rounds times servers are eight. Of all answers the one with the shortest way
// counts. With repeat, anything but nil, this happens again every 1000 s, and small
// differences correct how fast the clock runs.
//
// Codes of errfn: 1 no address (text is the first name, or the one that is none), 2 no
// memory, 4 no usable answer. Callbacks run protected: an error goes to the onerror
// function. setoffset and getoffset exist only in a build with rtctime.
//
// # What surprises, and is kept because programs meet it
//
//   - A list that is empty, or whose element is no text, is an error that leaves the module
//     in progress: every later sync fails until a restart. In an element behind a name it
//     is a panic.
//   - nil is the servers of the last sync, if that has succeeded. Then the last argument
//     given is taken for a list: a table is one, whose servers are added, and with a number
//     or a text, such as the 1 of repeat, the device crashes. Anything else stops the
//     repetition that was asked for.
//   - A sync that fails at once, with repeat, crashes the device.
//   - Answers may come from any port, with any version and mode. One of stratum 0 counts as
//     none. One whose clock is not synchronized is ignored; if it says DENY, the server is
//     not asked again in this sync.
//   - The last answer twice, while the CPU is busy, crashes the device.
//   - A request that can't be sent costs its second like one that is not answered: code 3
//     never comes.
//   - An offset has eight bits.
package sntp

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Module is the firmware module sntp.
var Module = device.Module{Name: "sntp", Open: func(d *device.Device) *device.Lib {
	if slices.Contains(d.ModuleNames(), "rtctime") {
		return open(d, d.RTC)
	}
	return open(d, nil)
}}

// timeOfDay is the device's clock, as rtctime keeps it.
type timeOfDay interface {
	// Now returns seconds since 1970 and microseconds, 0 when the time is not known.
	Now() (sec, usec uint32)
	// Set returns by how many µs what Now shows is ahead of the time that was set.
	Set(sec, usec uint32) (owed uint32)
	// SetRate makes the clock faster by so many 2^-32.
	SetRate(rate int32)
}

// The module's limits (oracle: client-constants.json sntp; fw: app/modules/sntp.c).
const (
	port        = 123
	answerTime  = clock.Second
	rounds      = 5
	roundLimit  = 8 // of rounds times servers
	repeatEvery = 1000 * clock.Second
	maxHost     = 128 // bytes
	poolServers = 4
	pool        = "%d.nodemcu.pool.ntp.org"
)

// failure is a code of errfn (fw: ntp_err_t).
type failure int

const (
	dnsFailed    failure = 1
	noMemory     failure = 2
	noneAnswered failure = 4
)

// Sizes of the module's structures in bytes (fw: app/modules/sntp.c).
const (
	sizeState   = 104 // sntp_state_t
	sizeRepeat  = 32  // sntp_repeat_t
	sizeAddress = 4   // ip_addr_t
)

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d     *device.Device
	v     *vm.VM
	clock timeOfDay // nil in a build without rtctime

	sync   *sync // nil: none is in progress
	repeat *repetition

	// servers outlive the sync; of them count are valid.
	servers   []netip.Addr
	serversAt heap.Block
	count     uint8

	leap      leap
	increment uint64 // of the clock's rate, kept over syncs
}

// sync is one synchronization (fw: sntp_state_t).
type sync struct {
	sockets.Object
	m      *module
	memory heap.Block
	udp    *lwip.UDPSocket
	timer  *ets.Timer

	onSync, onError vm.Ref
	list            vm.Ref // of what is to be looked up
	lookedUp        uint8  // of them

	cookie   timestamp // of the request under way
	pos      int       // the server that was asked, -1 before the first
	attempts uint8     // rounds that are over
	denied   uint32    // servers that don't want to be asked, a bit each
	repeated bool      // it is not the first one of a repetition
	best     result

	// What has been ignored, for the hint.
	unsynchronized, foreign int
}

// repetition is the sync that is made again and again (fw: sntp_repeat_t).
type repetition struct {
	memory                heap.Block
	timer                 *ets.Timer
	onSync, onError, list vm.Ref
}

func open(d *device.Device, t timeOfDay) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, clock: t}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	lib := &device.Lib{Funcs: []vm.Func{{Name: "sync", Fn: m.Enter(m.start)}}}
	if t != nil {
		lib.Funcs = append(lib.Funcs,
			vm.Func{Name: "setoffset", Fn: m.setOffset},
			vm.Func{Name: "getoffset", Fn: m.getOffset})
	}
	return lib
}

// String names the synchronization for people.
func (s *sync) String() string { return fmt.Sprintf("sntp sync %d", s.ID) }

// Callbacks lists those that are set.
func (s *sync) Callbacks() []sockets.Callback {
	var out []sockets.Callback
	if s.onSync != 0 {
		out = append(out, sockets.Callback{Name: "sync", Ref: s.onSync})
	}
	if s.onError != 0 {
		out = append(out, sockets.Callback{Name: "error", Ref: s.onError})
	}
	return out
}

// Over reports whether the synchronization has ended.
func (s *sync) Over() bool { return s.m.sync != s }

// start is sntp.sync.
func (m *module) start(c *vm.Call) int {
	m.stopRepeating()
	if m.sync != nil {
		c.Error("sync in progress")
	}
	if wrong := m.begin(); wrong != "" {
		c.Error("%s", wrong)
	}
	s := m.sync
	s.onSync = m.v.Ref(c.Arg(2), "sync callback of sntp")
	s.onError = m.v.Ref(c.Arg(3), "error callback of sntp")
	list, repeat := vm.Nil, c.Arg(4)
	switch {
	case !c.IsNoneOrNil(1):
		m.count = 0
		if t, ok := c.Arg(1).(*vm.Table); ok {
			list = t
			break
		}
		if !c.IsString(1) {
			m.hintStuck()
		}
		name := c.String(1)
		if len(name) > maxHost {
			m.free(s) // the callbacks stay in the registry
			c.Error("need <128 hostname")
		}
		t := c.NewTable(0, 0)
		m.v.RawSetInt(t, 1, m.NewString(vm.CString(name)))
		list = t
	case m.count == 0:
		t := c.NewTable(0, 0)
		for i := range poolServers {
			m.v.RawSetInt(t, i+1, m.NewString(fmt.Sprintf(pool, i)))
		}
		list = t
	default:
		// The firmware has pushed nothing, and takes what lies there.
		n := c.NArgs()
		if n > 0 {
			list = c.Arg(n)
		}
		if n == 4 {
			if length, indexed := m.length(list); repeat != vm.Nil && (length == 0 || indexed) {
				m.Hints.Here("sntp.sync(nil, …) after one that has succeeded does not repeat: the firmware takes its 4th argument for a list of servers. Name the servers")
			}
			repeat = vm.Nil
		}
	}
	s.list = m.v.Ref(list, "servers of sntp")
	m.lookUp(c)
	if repeat != vm.Nil && !m.d.Resetting() {
		m.startRepeating()
	}
	return 0
}

// begin makes the state of a synchronization (fw: state_init). It returns what went wrong.
// What there is of the state then stays: no other sync can begin.
func (m *module) begin() (wrong string) {
	memory, ok := m.d.Malloc(sizeState, heap.Other)
	if !ok {
		return "out of memory"
	}
	s := &sync{Object: m.NewObject(), m: m, memory: memory, pos: -1}
	s.timer = m.d.NewTimer(func() { m.send() })
	s.udp = m.Stack.NewUDP()
	if s.udp == nil {
		m.d.Free(&s.memory, heap.Other)
		return "out of memory"
	}
	s.udp.Owner = s
	if s.udp.Bind(lwip.AnyAddr, 0) != lwip.OK {
		s.udp.Close()
		m.d.Free(&s.memory, heap.Other)
		return "no port available"
	}
	s.udp.OnRecv = func(data []byte, from netip.AddrPort) { m.received(s, data, from) }
	m.sync = s
	return ""
}

// free gives back what a synchronization holds but its references.
func (m *module) free(s *sync) {
	s.timer.Disarm()
	s.udp.Close()
	m.d.Free(&s.memory, heap.Other)
	m.sync = nil
}

// cleanup ends a synchronization (fw: cleanup).
func (m *module) cleanup(s *sync) {
	m.v.Unref(&s.onSync)
	m.v.Unref(&s.onError)
	m.v.Unref(&s.list)
	m.free(s)
}

// fail ends a synchronization with an error (fw: handle_error). text may be nil.
func (m *module) fail(code failure, text vm.Value) {
	s := m.sync
	m.explain(s, code, text)
	if s.onError == 0 {
		m.cleanup(s)
		return
	}
	fn := m.v.Deref(s.onError)
	m.cleanup(s)
	m.Protected("sntp error callback", fn, vm.Number(code), text)
}

// explain says what a code means here.
func (m *module) explain(s *sync, code failure, text vm.Value) {
	var cause inspect.Cause
	var details []any
	if name, ok := text.(vm.String); ok {
		details = append(details, string(name))
	}
	if code == noneAnswered {
		switch {
		case s.unsynchronized > 0:
			cause = inspect.Unsynchronized
		case s.denied != 0:
			cause = inspect.Denied
		case s.foreign > 0:
			cause = inspect.Foreign
		}
	}
	m.Hints.Failed("sntp", s.String(), int(code), cause, details...)
}

// hintStuck says what an error in a list of servers leaves behind.
func (m *module) hintStuck() {
	m.Hints.Here("sntp.sync fails on a server that is no text, and leaves the module in progress: every later sync fails until a restart")
}

// startRepeating makes the synchronization at hand one that is repeated (fw:
// set_repeat_mode).
func (m *module) startRepeating() {
	m.stopRepeating()
	memory, ok := m.d.Malloc(sizeRepeat, heap.Other)
	if !ok {
		return
	}
	s := m.sync
	if s == nil {
		m.d.Crash("sntp.sync(…, repeat) has failed at once and forgotten its callbacks, which the firmware then reads at address 0")
		return
	}
	r := &repetition{memory: memory}
	r.onSync = m.v.Ref(m.v.Deref(s.onSync), "sync callback of sntp, repeated")
	r.onError = m.v.Ref(m.v.Deref(s.onError), "error callback of sntp, repeated")
	r.list = m.v.Ref(m.v.Deref(s.list), "servers of sntp, repeated")
	r.timer = m.d.NewTimer(m.again)
	r.timer.Arm(repeatEvery, true)
	m.repeat = r
}

func (m *module) stopRepeating() {
	r := m.repeat
	if r == nil {
		return
	}
	r.timer.Disarm()
	m.v.Unref(&r.onSync)
	m.v.Unref(&r.onError)
	m.v.Unref(&r.list)
	m.d.Free(&r.memory, heap.Other)
	m.repeat = nil
}

// again is the repetition (fw: on_long_timeout). Where the last one still runs, or there
// is no memory, it is left out.
func (m *module) again() {
	if m.sync != nil || m.begin() != "" {
		return
	}
	s, r := m.sync, m.repeat
	s.onSync = m.v.Ref(m.v.Deref(r.onSync), "sync callback of sntp")
	s.onError = m.v.Ref(m.v.Deref(r.onError), "error callback of sntp")
	if m.count == 0 {
		s.list = m.v.Ref(m.v.Deref(r.list), "servers of sntp")
	}
	s.repeated = true
	m.lookUp(nil)
}

// heapParts adds what the module holds to a heap snapshot.
func (m *module) heapParts(p *inspect.HeapParts) {
	if s := m.sync; s != nil {
		p.Add(inspect.NativeBlock{Kind: heap.Other, Key: "sntp", Name: s.String(), Size: sizeState, Site: s.Site, Age: m.d.Now().Sub(s.Born), Of: s})
	}
	if m.repeat != nil {
		p.Add(inspect.NativeBlock{Kind: heap.Other, Key: "sntp repetition", Name: "sntp repetition", Size: sizeRepeat, Age: -1})
	}
	if len(m.servers) > 0 {
		p.Add(inspect.NativeBlock{Kind: heap.Other, Key: "sntp servers", Name: "sntp servers", Size: sizeAddress * len(m.servers), Age: -1})
	}
}
