package wifi

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// eventMax is EVENT_MAX: its callback gets the events that the firmware has no
// names for.
const eventMax = radio.NumEvents

// maxQueue bounds the events that wait for Lua. The firmware's queue ends with the
// heap.
const maxQueue = 64

// reasons is wifi.eventmon.reason.
var reasons = []vm.Const{
	{Name: "UNSPECIFIED", Value: vm.Number(1)},
	{Name: "AUTH_EXPIRE", Value: vm.Number(2)},
	{Name: "AUTH_LEAVE", Value: vm.Number(3)},
	{Name: "ASSOC_EXPIRE", Value: vm.Number(4)},
	{Name: "ASSOC_TOOMANY", Value: vm.Number(5)},
	{Name: "NOT_AUTHED", Value: vm.Number(6)},
	{Name: "NOT_ASSOCED", Value: vm.Number(7)},
	{Name: "ASSOC_LEAVE", Value: vm.Number(8)},
	{Name: "ASSOC_NOT_AUTHED", Value: vm.Number(9)},
	{Name: "DISASSOC_PWRCAP_BAD", Value: vm.Number(10)},
	{Name: "DISASSOC_SUPCHAN_BAD", Value: vm.Number(11)},
	{Name: "IE_INVALID", Value: vm.Number(13)},
	{Name: "MIC_FAILURE", Value: vm.Number(14)},
	{Name: "4WAY_HANDSHAKE_TIMEOUT", Value: vm.Number(15)},
	{Name: "GROUP_KEY_UPDATE_TIMEOUT", Value: vm.Number(16)},
	{Name: "IE_IN_4WAY_DIFFERS", Value: vm.Number(17)},
	{Name: "GROUP_CIPHER_INVALID", Value: vm.Number(18)},
	{Name: "PAIRWISE_CIPHER_INVALID", Value: vm.Number(19)},
	{Name: "AKMP_INVALID", Value: vm.Number(20)},
	{Name: "UNSUPP_RSN_IE_VERSION", Value: vm.Number(21)},
	{Name: "INVALID_RSN_IE_CAP", Value: vm.Number(22)},
	{Name: "802_1X_AUTH_FAILED", Value: vm.Number(23)},
	{Name: "CIPHER_SUITE_REJECTED", Value: vm.Number(24)},
	{Name: "BEACON_TIMEOUT", Value: vm.Number(200)},
	{Name: "NO_AP_FOUND", Value: vm.Number(201)},
	{Name: "AUTH_FAIL", Value: vm.Number(202)},
	{Name: "ASSOC_FAIL", Value: vm.Number(203)},
	{Name: "HANDSHAKE_TIMEOUT", Value: vm.Number(204)},
}

// monitor is the table wifi.eventmon: it queues the SDK's events and calls back from a
// task.
type monitor struct {
	dev       *device.Device
	callbacks [radio.NumEvents + 1]vm.Ref // the last is EVENT_MAX
	queue     []radio.Event
}

func (m *monitor) table() *vm.Table {
	v := m.dev.VM
	return v.NewROMTable("wifi.eventmon", []vm.Func{
		{Name: "register", Fn: m.register},
		{Name: "unregister", Fn: m.register},
	}, []vm.Const{
		{Name: "STA_CONNECTED", Value: vm.Number(radio.StationConnected)},
		{Name: "STA_DISCONNECTED", Value: vm.Number(radio.StationDisconnected)},
		{Name: "STA_AUTHMODE_CHANGE", Value: vm.Number(radio.StationAuthChange)},
		{Name: "STA_GOT_IP", Value: vm.Number(radio.StationGotIP)},
		{Name: "STA_DHCP_TIMEOUT", Value: vm.Number(radio.StationDHCPTimeout)},
		{Name: "AP_STACONNECTED", Value: vm.Number(radio.APStationConnected)},
		{Name: "AP_STADISCONNECTED", Value: vm.Number(radio.APStationDisconnected)},
		{Name: "AP_PROBEREQRECVED", Value: vm.Number(radio.APProbeRequest)},
		{Name: "WIFI_MODE_CHANGED", Value: vm.Number(radio.ModeChanged)},
		{Name: "EVENT_MAX", Value: vm.Number(eventMax)},
		{Name: "reason", Value: v.NewROMTable("wifi.eventmon.reason", nil, reasons)},
	})
}

// register is wifi.eventmon.register(event[, function]); without a function it
// unregisters.
func (m *monitor) register(c *vm.Call) int {
	m.registerAs(c, c.Int(1), 2)
	return 0
}

// registerAs makes argument at the callback of an event, whose number is truncated to
// a byte.
func (m *monitor) registerAs(c *vm.Call, number, at int) {
	id := uint8(number)
	if int(id) > int(eventMax) {
		c.Error("valid wifi events:0-%d", int(eventMax))
	}
	fn, _ := c.Arg(at).(*vm.Function)
	m.setCallback(radio.EventKind(id), fn)
}

// registerArg makes argument 1, if it is a function, the callback of an event
// (wifi.sta.connect and disconnect). Where more arguments follow, the firmware takes
// the first of them for the event's number and the second for the callback.
func (m *monitor) registerArg(c *vm.Call, kind radio.EventKind) {
	fn, ok := c.Arg(1).(*vm.Function)
	switch {
	case !ok:
	case c.NArgs() == 1:
		m.setCallback(kind, fn)
	default:
		number, ok := c.VM.ToNumber(c.Arg(2))
		if !ok {
			c.ArgError(1, "number expected, got "+c.TypeName(2))
		}
		m.registerAs(c, vm.Integer(number), 3)
	}
}

func (m *monitor) setCallback(kind radio.EventKind, fn *vm.Function) {
	if fn == nil {
		m.dev.VM.Unref(&m.callbacks[kind])
		return
	}
	m.dev.VM.SetRef(&m.callbacks[kind], fn, "wifi event callback")
}

// callbackFor returns the callback that gets an event.
func (m *monitor) callbackFor(kind radio.EventKind) vm.Ref {
	if r := m.callbacks[kind]; r != 0 {
		return r
	}
	if kind > radio.ModeChanged {
		return m.callbacks[eventMax]
	}
	return 0
}

// event takes an event of the SDK, if the program wants it.
func (m *monitor) event(e radio.Event) {
	if m.callbackFor(e.Kind) == 0 || len(m.queue) >= maxQueue {
		return
	}
	m.queue = append(m.queue, e)
	if len(m.queue) == 1 {
		m.post()
	}
}

// post makes a task for the first event of the queue. When there is no room for
// the task, no event is ever delivered again until the device is reset (fw:
// wifi_eventmon.c posts only for an empty queue).
func (m *monitor) post() {
	if !m.dev.PostTask(ets.Low, m.deliver) {
		m.dev.Inspect.Hints.Once("eventmon", "the task queue was full when a Wi-Fi event came: wifi.eventmon delivers nothing more")
	}
}

// deliver calls the callback of the first event. The task for the next one is in the
// queue by then, before those that the callback posts.
func (m *monitor) deliver() {
	if m.dev.Leftovers() > 0 {
		m.dev.Crash("an error in a callback has left its value on the firmware's Lua stack, and wifi.eventmon, which looks for its queue at the bottom of that stack, takes it for a table: catch errors in callbacks with pcall, or restart in node.setonerror")
		return
	}
	e := m.queue[0]
	m.queue = m.queue[1:]
	if len(m.queue) > 0 {
		m.post()
	}
	if r := m.callbackFor(e.Kind); r != 0 {
		m.dev.Run("wifi event", m.dev.VM.Deref(r), m.eventTable(e))
	}
}

// eventTable makes what a callback gets.
func (m *monitor) eventTable(e radio.Event) *vm.Table {
	v := m.dev.VM
	t := v.NewTable(0, 0)
	text := func(name, value string) {
		v.ChargeString(len(value))
		v.SetField(t, name, vm.String(value))
	}
	number := func(name string, value int) { v.SetField(t, name, vm.Number(value)) }
	switch e.Kind {
	case radio.StationConnected:
		text("SSID", e.SSID)
		text("BSSID", e.MAC.String())
		number("channel", e.Channel)
	case radio.StationDisconnected:
		text("SSID", e.SSID)
		number("reason", int(e.Reason))
		text("BSSID", e.MAC.String())
	case radio.StationAuthChange:
		number("old_auth_mode", e.Old)
		number("new_auth_mode", e.New)
	case radio.StationGotIP:
		text("IP", e.IP.Prefix.Addr().String())
		text("netmask", netmask(e.IP.Prefix))
		text("gateway", gateway(e.IP))
	case radio.StationDHCPTimeout:
	case radio.APStationConnected, radio.APStationDisconnected:
		text("MAC", e.MAC.String())
		number("AID", e.AID)
	case radio.APProbeRequest:
		text("MAC", e.MAC.String())
		number("RSSI", e.RSSI)
	case radio.ModeChanged:
		number("old_mode", e.Old)
		number("new_mode", e.New)
	default: // the firmware's own words for an event that it has no fields for
		text("info", fmt.Sprintf("event %d not implemented", int(e.Kind)))
	}
	return t
}
