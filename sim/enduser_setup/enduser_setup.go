package endusersetup

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Module is the firmware module `enduser_setup`.
var Module = device.Module{Name: "enduser_setup", Open: open}

// Codes of onError (fw: app/modules/enduser_setup.c).
const (
	errMemory  = 1
	errUnknown = 3
)

// Times of the module (oracle: enduser-behaviour.md 1).
const (
	checkInterval = 3 * clock.Second
	lastWait      = 10 * clock.Second
)

// Settings of the access point.
const (
	defaultName    = "NodeMCU"
	maxName        = 32
	maxStations    = 5
	beacon         = 100 // ms
	defaultChannel = 1
	weakest        = -100 // dBm: a network must be stronger to count
)

// Sizes of the module's structures in bytes (fw: app/modules/enduser_setup.c).
const (
	sizeState    = 96 // enduser_setup_state_t
	sizeListener = 12 // scan_listener_t
	sizeRequest  = 8  // http_request_buffer_t, without its data
	sizeStation  = 112
)

// maxNesting is how often onConnected may be called within itself before the stack is used
// up. Assumed: of the stack's 4 KB a call of Lua and back takes some 350 bytes.
const maxNesting = 12

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d       *device.Device
	v       *vm.VM
	espconn *espconn.Layer
	manual  bool
	ip      string // the station's address at the time of success
	state   *state // nil: it does not run
	nesting int    // calls of onConnected under way
}

// state is the portal while it runs (fw: enduser_setup_state_t).
type state struct {
	connected, failed vm.Ref // callbacks
	name              string // of the access point, "": the default
	channel           int    // of the access point
	success, done     bool   // the station had an address; onConnected was called
	last              radio.StationStatus
	connecting        bool

	dns             *espconn.UDP
	http            *lwip.TCPConn
	page            []byte // head and body, nil: freed
	waiting         []*client
	check, shutdown *ets.Timer

	memory, nameMemory, pageMemory heap.Block
	dnsMemory                      [2]heap.Block
}

func open(d *device.Device) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, espconn: d.Espconn()}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	return &device.Lib{Funcs: []vm.Func{
		{Name: "manual", Fn: m.setManual},
		{Name: "start", Fn: m.Enter(m.start)},
		{Name: "stop", Fn: m.Enter(func(*vm.Call) int { m.stop(); return 0 })},
	}}
}

// setManual is enduser_setup.manual([on]).
func (m *module) setManual(c *vm.Call) int {
	if !c.IsNoneOrNil(1) {
		m.manual = c.Bool(1)
	}
	return c.ReturnBool(m.manual)
}

// start is enduser_setup.start([ap_name,] [onConnected [, onError [, onDebug]]]).
func (m *module) start(c *vm.Call) int {
	m.ip = ""
	again := m.state != nil
	if !again && !m.newState() {
		return 0
	}
	s, n := m.state, 1
	if c.IsString(n) {
		s.name = vm.CString(c.String(n))
		s.nameMemory, _ = m.d.Malloc(len(s.name)+1, heap.Other)
		n++
	}
	// The reference of an earlier start stays: the firmware never gives one back.
	callback := func(ref *vm.Ref, n int, name string) {
		if !c.IsNoneOrNil(n) {
			*ref = m.v.Ref(c.Arg(n), name+" callback of enduser_setup")
		}
	}
	callback(&s.connected, n, "connected")
	callback(&s.failed, n+1, "error")
	var debug vm.Ref
	if callback(&debug, n+2, "debug"); debug != 0 {
		m.Hints.Here("the third function of enduser_setup.start is never called: the firmware's messages are compiled out")
	}
	if again {
		m.Hints.Here("enduser_setup.start while it runs stops it, and calls nobody")
		m.stop()
		return 0
	}
	if !m.manual {
		m.d.Radio.SetMode(m.d.Radio.Mode()|radio.StationMode, true)
		m.d.Radio.Scan(radio.ScanFilter{}, m.scanned)
	} else {
		m.startCheck()
	}
	if !m.startDNS() || !m.startHTTP() {
		m.stop()
	}
	return 0
}

// newState makes the state, if there is memory.
func (m *module) newState() bool {
	memory, ok := m.d.Malloc(sizeState, heap.Other)
	if !ok {
		m.stop()
		return false
	}
	m.state = &state{channel: defaultChannel, memory: memory}
	return true
}

// scanned is the end of the first scan: now the access point opens (fw:
// on_initial_scan_done).
func (m *module) scanned(found []air.Network, ok bool) {
	if m.state == nil {
		return
	}
	strongest := weakest
	for _, n := range found {
		if n.RSSI > strongest {
			strongest, m.state.channel = n.RSSI, n.Channel
		}
	}
	m.startAP()
	m.startCheck()
}

// startAP opens the access point (fw: enduser_setup_ap_start).
func (m *module) startAP() {
	name := m.state.name
	if name == "" {
		mac := m.d.Radio.MAC(air.APIf)
		name = fmt.Sprintf("%s_%X", defaultName, mac[3:])
	}
	m.d.Radio.SetMode(radio.StationAPMode, true)
	m.d.Radio.AP.Configure(radio.APConfig{SSID: name[:min(len(name), maxName)], Auth: air.AuthOpen, Channel: m.state.channel,
		MaxStations: maxStations, Beacon: beacon}, true)
}

func (m *module) startCheck() {
	m.state.check = m.d.NewTimer(m.checkStation)
	m.state.check.Arm(checkInterval, true)
}

// checkStation looks whether the station has an address (fw: enduser_setup_check_station).
func (m *module) checkStation() {
	s, channel := m.state, m.d.Radio.Channel()
	ip := m.d.Radio.IP(air.StationIf)
	if ip == (air.IPInfo{}) {
		switch status := m.d.Radio.Station.Status(); status {
		case radio.StationWrongPassword, radio.StationNoAP, radio.StationFailed:
			if s.connecting = false; channel != s.channel {
				s.last = status
				m.backToChannel()
			}
		}
		return
	}
	m.ip = ip.Prefix.Addr().String()
	if !s.connecting {
		m.Hints.Once("enduser stored", "enduser_setup ends without anybody's choice: the network that the flash stores, %q, is there. On a device that knows none it waits: wifi.sta.clearconfig() first, or in nodemcu-sim.toml [wifi] stored = false",
			m.d.Radio.Station.Config().SSID)
	}
	s.success, s.last, s.connecting = true, radio.StationHasIP, false
	if channel == s.channel {
		m.callConnected()
		if m.state == nil { // it was stopped in there
			m.d.Crash("enduser_setup uses its state, which onConnected has freed with stop()")
			return
		}
		s.done = true
	} else {
		if m.manual {
			m.Hints.Once("enduser channel", "enduser_setup replaces the access point by its own: the network is on channel %d, and in manual mode it takes the access point to be on channel %d. onConnected comes only with stop(), before the station has an address again", channel, defaultChannel)
		}
		m.backToChannel()
	}
	s.check.Disarm()
	if !m.manual {
		s.shutdown = m.d.NewTimer(m.stop)
		s.shutdown.Arm(lastWait, false)
	}
}

// backToChannel leaves the station's network, so that clients find the access point again.
func (m *module) backToChannel() {
	m.d.Radio.Station.Disconnect()
	m.d.Radio.SetMode(radio.APMode, true)
	m.startAP()
}

// callConnected calls onConnected. The state counts as unreported until it has returned:
// stop() in it calls it again.
func (m *module) callConnected() {
	s := m.state
	if s.connected == 0 {
		return
	}
	if m.nesting >= maxNesting {
		m.d.Crash("enduser_setup.stop() in onConnected calls onConnected again, for ever: the stack is used up. Call it later, with node.task.post")
		return
	}
	m.nesting++
	defer func() { m.nesting-- }()
	m.Protected("connected callback of enduser_setup", m.v.Deref(s.connected))
}

// fail calls onError with the number of the firmware's source line.
func (m *module) fail(line int, text string, code int) {
	if m.state != nil && m.state.failed != 0 {
		m.Protected("error callback of enduser_setup", m.v.Deref(m.state.failed),
			vm.Number(code), m.NewString(fmt.Sprintf("%d: \t%s", line, text)))
	}
}

// stop is enduser_setup.stop(), and the end of itself.
func (m *module) stop() {
	if !m.manual {
		m.d.Radio.SetMode(m.d.Radio.Mode()&^radio.APMode, true)
	}
	if s := m.state; s != nil && s.success && !s.done {
		m.d.Radio.SetMode(m.d.Radio.Mode()|radio.StationMode, true)
		m.d.Radio.Station.Connect()
		m.callConnected()
	}
	s := m.state
	if s == nil || m.d.Resetting() {
		return
	}
	if s.dns != nil {
		s.dns.Close()
	}
	if s.http != nil {
		s.http.Close()
	}
	for _, t := range []*ets.Timer{s.check, s.shutdown} {
		if t != nil {
			t.Disarm()
		}
	}
	for _, b := range []*heap.Block{&s.memory, &s.nameMemory, &s.pageMemory, &s.dnsMemory[0], &s.dnsMemory[1]} {
		m.d.Free(b, heap.Other)
	}
	m.forgetWaiting()
	m.state = nil
}

// configure is the task that gives the station what somebody has chosen (fw:
// do_station_cfg).
func (m *module) configure(cfg radio.StationConfig, memory *heap.Block) {
	if m.state == nil {
		m.d.Crash("enduser_setup was stopped between the choice of a network and its use, and writes to address 0")
		return
	}
	m.state.connecting = true
	s := m.d.Radio.Station
	s.Disconnect()
	s.Configure(cfg, true)
	s.Connect()
	m.d.Free(memory, heap.Other)
}

// startDNS opens the DNS server.
func (m *module) startDNS() bool {
	s := m.state
	for i, size := range []int{espconn.SizeConn, espconn.SizeUDP} {
		var ok bool
		if s.dnsMemory[i], ok = m.d.Malloc(size, heap.Other); !ok {
			return false
		}
	}
	udp, err := m.espconn.ListenUDP(dnsPort, nil, m.query)
	if err == espconn.OK {
		s.dns = udp
		if udp.LocalAddr().Port() != dnsPort {
			m.Hints.Here("UDP port %d is in use: enduser_setup's DNS server gets nothing, and nobody is told", dnsPort)
		}
	}
	return err == espconn.OK
}

// heapParts adds what the portal holds to a heap snapshot.
func (m *module) heapParts(p *inspect.HeapParts) {
	s := m.state
	if s == nil {
		return
	}
	at := p.Add(inspect.NativeBlock{Kind: heap.Other, Key: "enduser_setup", Name: "enduser_setup", Size: sizeState, Age: -1})
	for _, b := range []struct {
		name string
		size int
	}{{"name", len(s.name)}, {"page", len(s.page)}, {"DNS", espconn.SizeConn + espconn.SizeUDP}, {"waiting for the list", len(s.waiting) * sizeListener}} {
		if b.size > 0 {
			p.AddTo(at, heap.Other, b.name, b.size)
		}
	}
}

const dnsPort = 53

// query answers a DNS query, or what is taken for one (fw: enduser_setup_dns_recv_callback).
func (m *module) query(data []byte, from netip.AddrPort) {
	const header = 12
	if m.d.Radio.Mode()&radio.APMode == 0 {
		m.Hints.Once("enduser dns", "enduser_setup is stopped by a DNS query that comes before its access point is up, and calls nobody")
		m.stop()
		return
	}
	at := func(i int) byte { // behind the data stands a zero; what follows is other memory
		if i < len(data) {
			return data[i]
		}
		return 0
	}
	reply := []byte{at(0), at(1), 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0} // a response, 1 question, 1 answer
	i := header
	for ; at(i) != 0; i++ {
		reply = append(reply, at(i))
	}
	reply = append(reply, 0,
		0, 1, 0, 1, // the question: A, IN
		0xc0, header, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4) // the answer: that name, A, IN, 120 s
	ip := m.d.Radio.IP(air.APIf).Prefix.Addr()
	if ip.Is4() {
		a := ip.As4()
		reply = append(reply, a[:]...)
	} else {
		reply = append(reply, 0, 0, 0, 0)
	}
	memory, ok := m.d.Malloc(len(reply), heap.Other)
	if !ok {
		return
	}
	m.state.dns.SendTo(reply, from)
	m.d.Free(&memory, heap.Other)
}
