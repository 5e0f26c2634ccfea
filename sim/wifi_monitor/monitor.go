// Package wifimonitor is the firmware module wifi_monitor: the frames that the radio hears
// (fw: docs/modules/wifi_monitor.md, app/modules/wifi_monitor.c; oracle: rtc-cron-traces.json,
// group monitor). Lua finds it as wifi.monitor; it is in a build that lists wifi_monitor
// beside wifi.
//
//	wifi.monitor.start([offset, value[, mask],] fn(packet))
//	wifi.monitor.channel([channel])    1 to 15; returns the one before
//	wifi.monitor.stop()
//
// offset counts the bytes of a packet from 1: 12 of the radio's header, then the frame, so
// that 13, 0x80 are beacons. Without it all management frames pass. Others never do: the
// firmware drops what the SDK gives it of data frames. start goes to channel 1.
//
// packet[n] is information element n; packet.ie_ssid and the like, too. Other fields are
// packet.bssid_hex, packet.rssi …: see fields.go. Methods are radio_byte, frame_byte,
// radio_sub, frame_sub, radio_subhex and frame_subhex. A packet is a userdata of 130 bytes.
//
// What a program meets:
//
//   - start leaves the network, for good: it switches off auto-connect, in flash, and stop
//     does not connect. The device is in station mode then, whatever it was in.
//   - Monitoring begins at once where the station is idle. Else it begins when the station
//     is disconnected, an event that wifi.eventmon does not get. A station that is still
//     connecting, or has failed to, is disconnected without an event: then nothing is ever
//     heard (#3669). So is a device in access point or null mode: assumed.
//   - An error in the function is a panic of the device.
//   - Packets wait for Lua as tasks of medium priority, of which there is room for eight;
//     what comes beyond that is lost.
//   - The radio is on one channel: call channel again and again, each 150 ms.
//
// Odd corners of the firmware:
//
//   - Each start keeps the function of the one before for ever.
//   - packet.ie_table is a table: packet:ie_table(), as documented, is an error.
//   - channel() without an argument sets the channel that it returns, again.
//   - Offset, value and mask are cut to a byte, without a word: offset 0 is 256, which no
//     packet has. A hint names filters that let nothing pass.
//   - Information elements are looked for up to the end of the packet's 128 bytes, whatever
//     the frame's length: behind a short frame stands its check sequence, and what the
//     receiver's buffer held before.
//
// What there is to hear is made by world/air, and only while somebody listens: beacons of
// the networks around at their intervals, and what other devices say when they look for
// networks, join and leave them. The SDK's part is radio.Sniffer.
package wifimonitor

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module `wifi_monitor`.
var Module = device.Module{Name: "wifi_monitor", In: "wifi.monitor", Open: open}

type module struct {
	dev      *device.Device
	radio    *radio.Radio
	callback vm.Ref
	packet   *vm.Type
	methods  *vm.Table

	filter filter

	// begin: the next disconnection of the station begins the monitoring.
	begin bool
}

// filter says which packets Lua gets.
type filter struct{ at, value, mask byte }

// managementFrames is what passes without another filter.
var managementFrames = filter{radio.RxControlLen, 0, 0x0c}

// highestChannel is what channel takes at most.
const highestChannel = 15

func open(d *device.Device) *device.Lib {
	m := &module{dev: d, radio: d.Radio}
	m.radio.Hook = m.event
	m.packet = m.packetType()
	m.methods = d.VM.NewROMTable("wifi.packet methods", m.packet.Methods, nil)
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "start", Fn: m.start},
			{Name: "stop", Fn: m.stop},
			{Name: "channel", Fn: m.channel},
		},
		Types: []*vm.Type{m.packet},
	}
}

// number is argument n, if it is a number and no text of one.
func number(c *vm.Call, n int) (int, bool) {
	if _, ok := c.Arg(n).(vm.Number); !ok {
		return 0, false
	}
	return c.Int(n), true
}

// start is wifi.monitor.start([offset, value[, mask],] fn). The filter counts at once, even
// where there is no function.
func (m *module) start(c *vm.Call) int {
	m.filter = managementFrames
	arg := 1
	if at, ok := number(c, arg); ok {
		arg++
		value, ok := number(c, arg)
		if !ok {
			c.Error("Must supply offset and value")
		}
		arg++
		mask := 0xff
		if n, ok := number(c, arg); ok {
			mask = n
			arg++
		}
		m.filter = filter{byte(at - 1), byte(value), byte(mask)}
	}
	fn, ok := c.Arg(arg).(*vm.Function)
	if !ok {
		c.Error("Missing callback")
	}
	m.callback = c.VM.Ref(fn, "wifi.monitor callback") // the one before stays
	station := m.radio.Station
	idle := m.radio.Mode()&radio.StationMode != 0 && station.Status() == radio.StationIdle
	m.hint(idle)
	station.SetAutoConnect(false)
	m.radio.SetMode(radio.StationMode, false)
	m.radio.Sniffer.Enable(false)
	m.begin = !idle
	station.Disconnect()
	m.radio.Sniffer.OnFrame(m.received)
	if idle {
		m.listen()
	}
	return 0
}

// hint says what start leads to and nobody sees.
func (m *module) hint(idle bool) {
	hint := m.dev.Inspect.Hints.Here
	f := m.filter
	switch {
	case f.at >= radio.ManagementLen:
		hint("wifi.monitor: no packet has a byte %d, so no packet passes: offsets count from 1, and the frame begins at 13", int(f.at)+1)
	case f.value&^f.mask != 0:
		hint("wifi.monitor: the value 0x%02x has bits that the mask 0x%02x takes away, so no packet passes", f.value, f.mask)
	case f.at == radio.RxControlLen && f.mask&0x0c != 0 && f.value&0x0c != 0:
		hint("wifi.monitor gives management frames only: the firmware drops all data and control frames, so no packet passes this filter")
	}
	connected := m.radio.Station.Connected()
	if !idle && !connected {
		hint("wifi.monitor.start waits for the station to be disconnected, but it is not connected, so that never happens and nothing is heard: start while wifi.sta.status() is 0 or 5, as behind wifi.sta.disconnect(), or again now (nodemcu-firmware #3669)")
	}
	if m.radio.Station.AutoConnect() {
		hint("wifi.monitor.start switches off auto-connect, in flash: from now on, and after restarts, the device joins its network only with wifi.sta.connect(), until wifi.sta.autoconnect(1)")
	}
}

// listen begins the monitoring.
func (m *module) listen() {
	m.radio.SetChannel(1)
	m.radio.Sniffer.Enable(true)
}

// event gets the SDK's events before wifi.eventmon. The one that is waited for is kept: it
// comes when Lua has returned.
func (m *module) event(e radio.Event) (kept bool) {
	if e.Kind != radio.StationDisconnected || !m.begin {
		return false
	}
	m.begin = false
	m.dev.NewTimer(m.listen).Arm(0, false)
	return true
}

// stop is wifi.monitor.stop().
func (m *module) stop(c *vm.Call) int {
	m.radio.Sniffer.Enable(false)
	m.radio.SetMode(radio.StationMode, false)
	c.VM.Unref(&m.callback)
	return 0
}

// channel is wifi.monitor.channel([channel]). Without an argument the firmware finds its own
// result in the place of one.
func (m *module) channel(c *vm.Call) int {
	old := m.radio.Channel()
	channel, ok := number(c, 1)
	if c.NArgs() == 0 {
		channel, ok = old, true
	}
	if ok {
		if channel < 1 || channel > highestChannel {
			c.Error("Channel number (%d) is out of range", channel)
		}
		m.radio.SetChannel(channel)
	}
	return c.ReturnInt(old)
}

// received is the SDK's callback: what passes the filter is copied and waits for Lua.
func (m *module) received(data []byte) {
	f := m.filter
	if len(data) != radio.ManagementLen || int(f.at) > len(data) {
		return
	}
	at := byte(0) // the byte behind the packet, which the firmware looks at, too
	if int(f.at) < len(data) {
		at = data[f.at]
	}
	if at&f.mask != f.value {
		return
	}
	block, ok := m.dev.Malloc(packetSize, heap.Other)
	if !ok {
		return
	}
	posted := m.dev.PostTask(ets.Medium, func() {
		if m.callback == 0 {
			m.dev.Free(&block, heap.Other)
			return
		}
		fn := m.dev.VM.Deref(m.callback)
		p := m.dev.VM.NewObject(m.packet, packetSize, &packet{data: data})
		m.dev.Free(&block, heap.Other)
		m.dev.RunUnprotected("wifi.monitor callback", fn, p)
	})
	if !posted {
		m.dev.Free(&block, heap.Other)
		m.dev.Inspect.Hints.Once("wifi.monitor", "frames come faster than the program takes them: those that find no room among the tasks of medium priority are lost to wifi.monitor")
	}
}
