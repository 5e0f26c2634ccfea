// Package wifi is the firmware module `wifi`: mode and settings of the radio, the
// station (wifi.sta), the soft access point (wifi.ap, wifi.ap.dhcp), and the event
// monitor (wifi.eventmon).
//
// The radio itself is the SDK's and belongs to package radio: it
// connects, asks for addresses, keeps settings in flash. This package only checks
// arguments, makes Lua values, and holds the callbacks. It knows nothing of
// packets.
//
// What a program meets:
//
//   - A board starts in station mode with a network in its flash and connects at
//     boot (radio.Config). As on the device, a program that wants to know must
//     wait for wifi.eventmon.STA_GOT_IP or poll wifi.sta.status(); it takes one to
//     three seconds, less with a fixed address.
//   - wifi.sta.config saves to flash unless `save` is false, connects unless `auto`
//     is false, and returns false when the station is off: set the mode first.
//   - Once told to connect, the station tries for ever. STA_DISCONNECTED comes with
//     every attempt that fails: reason 201 when the network is not there, 204, after 10 s, when the
//     password is wrong, 200 when the access point went silent, 8 when the program
//     left.
//   - Events are handed to Lua by low-priority tasks, one after the other, and only
//     those for which a callback was registered when they happened.
//   - After an error in any callback of the device the next event is an exception, and
//     the device resets: see monitor.deliver. With node.setonerror left as it is, the
//     device restarts because of the error anyway.
//   - wifi.sta.getap takes two seconds. In a world whose project names no networks it
//     finds the one that the station is set to.
//   - A legacy build has wifi.sta.config(ssid, password) and wifi.sta.eventMonReg,
//     eventMonStart and eventMonStop, too: see legacy.go.
//   - As in the default build, wifi.suspend and wifi.resume raise an error, and
//     startsmart and stopsmart are absent. wifi.monitor is the module wifi_monitor.
//
// Sources: fw: docs/modules/wifi.md, app/modules/wifi.c, wifi_eventmon.c.
package wifi

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// Module is the firmware module `wifi`.
var Module = device.Module{Name: "wifi", Open: open}

type module struct {
	dev   *device.Device
	radio *radio.Radio

	autoSleep bool // nullmodesleep
	country   country
	scanned   vm.Ref // callback of getap
	events    *monitor
	states    *states
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d, radio: d.Radio, autoSleep: true, country: defaultCountry, events: &monitor{dev: d}}
	m.radio.OnEvent = m.events.event
	m.states = newStates(m)
	lib := &device.Lib{
		Funcs: []vm.Func{
			{Name: "setmode", Fn: m.setmode},
			{Name: "getmode", Fn: m.getmode},
			{Name: "getdefaultmode", Fn: m.getdefaultmode},
			{Name: "getchannel", Fn: m.getchannel},
			{Name: "getcountry", Fn: m.getcountry},
			{Name: "setcountry", Fn: m.setcountry},
			{Name: "setphymode", Fn: m.setphymode},
			{Name: "getphymode", Fn: m.getphymode},
			{Name: "setmaxtxpower", Fn: m.setmaxtxpower},
			{Name: "suspend", Fn: m.suspend},
			{Name: "resume", Fn: m.suspend},
			{Name: "nullmodesleep", Fn: m.nullmodesleep},
			{Name: "sleeptype", Fn: m.sleeptype},
		},
		Consts: []vm.Const{
			{Name: "sta", Value: sta{m}.table()},
			{Name: "ap", Value: ap{m}.table()},
			{Name: "eventmon", Value: m.events.table()},
			{Name: "NULLMODE", Value: vm.Number(radio.NullMode)},
			{Name: "STATION", Value: vm.Number(radio.StationMode)},
			{Name: "SOFTAP", Value: vm.Number(radio.APMode)},
			{Name: "STATIONAP", Value: vm.Number(radio.StationAPMode)},
			{Name: "PHYMODE_B", Value: vm.Number(phyB)},
			{Name: "PHYMODE_G", Value: vm.Number(phyG)},
			{Name: "PHYMODE_N", Value: vm.Number(phyN)},
			{Name: "NONE_SLEEP", Value: vm.Number(0)},
			{Name: "LIGHT_SLEEP", Value: vm.Number(1)},
			{Name: "MODEM_SLEEP", Value: vm.Number(2)},
			{Name: "OPEN", Value: vm.Number(air.AuthOpen)},
			{Name: "WPA_PSK", Value: vm.Number(air.AuthWPA)},
			{Name: "WPA2_PSK", Value: vm.Number(air.AuthWPA2)},
			{Name: "WPA_WPA2_PSK", Value: vm.Number(air.AuthWPAWPA2)},
			{Name: "STA_IDLE", Value: vm.Number(radio.StationIdle)},
			{Name: "STA_CONNECTING", Value: vm.Number(radio.StationConnecting)},
			{Name: "STA_WRONGPWD", Value: vm.Number(radio.StationWrongPassword)},
			{Name: "STA_APNOTFOUND", Value: vm.Number(radio.StationNoAP)},
			{Name: "STA_FAIL", Value: vm.Number(radio.StationFailed)},
			{Name: "STA_GOTIP", Value: vm.Number(radio.StationHasIP)},
			{Name: "COUNTRY_AUTO", Value: vm.Number(countryAuto)},
			{Name: "COUNTRY_MANUAL", Value: vm.Number(countryManual)},
		},
	}
	if slices.Contains(d.ModuleNames(), "wifi_monitor") {
		const behind = "eventmon"
		i := slices.IndexFunc(lib.Consts, func(c vm.Const) bool { return c.Name == behind })
		lib.Consts = slices.Insert(lib.Consts, i+1, vm.Const{Name: "monitor", Value: vm.Nil}) // it puts itself here
	}
	return lib
}

// Standards (SDK: PHY_MODE_11B …).
const (
	phyB = 1
	phyG = 2
	phyN = 3
)

// setmode is wifi.setmode(mode[, save]).
func (m *module) setmode(c *vm.Call) int {
	mode := c.Int(1)
	if mode < int(radio.NullMode) || mode > int(radio.StationAPMode) {
		c.ArgError(1, "Invalid mode")
	}
	m.hintMonitor()
	m.radio.SetMode(radio.Mode(mode), optBool(c, 2, true))
	return c.ReturnInt(int(m.radio.Mode()))
}

// hintMonitor hints at what the SDK is asked for and does not do.
func (m *module) hintMonitor() {
	if m.radio.Sniffer.On() {
		m.dev.Inspect.Hints.Here("this does nothing while wifi.monitor runs: call wifi.monitor.stop() before")
	}
}

func (m *module) getmode(c *vm.Call) int        { return c.ReturnInt(int(m.radio.Mode())) }
func (m *module) getdefaultmode(c *vm.Call) int { return c.ReturnInt(int(m.radio.DefaultMode())) }
func (m *module) getchannel(c *vm.Call) int     { return c.ReturnInt(m.radio.Channel()) }
func (m *module) getphymode(c *vm.Call) int     { return c.ReturnInt(m.radio.PhyMode()) }

// setphymode is wifi.setphymode(mode).
func (m *module) setphymode(c *vm.Call) int {
	mode := c.Int(1)
	if mode != phyB && mode != phyG && mode != phyN {
		c.Error("wrong arg type")
	}
	m.hintMonitor()
	m.radio.SetPhyMode(mode)
	return c.ReturnInt(mode)
}

// setmaxtxpower is wifi.setmaxtxpower(quarters of a dBm). Signals do not depend on
// it. It returns its last argument, as the firmware does, which says that there is a
// result and pushes none.
func (m *module) setmaxtxpower(c *vm.Call) int {
	power := c.Int(1)
	if power <= 0 || power > 82 {
		c.ArgError(1, "tx power out of range (0->82)")
	}
	return c.Return(c.Arg(c.NArgs()))
}

// suspend is wifi.suspend and wifi.resume in a build without PMSLEEP_ENABLE.
func (m *module) suspend(c *vm.Call) int {
	m.dev.Serial.Print("\n The option \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" was disabled during FW build!\n")
	c.Error("wifi.suspend is unavailable")
	return 0
}

// nullmodesleep is wifi.nullmodesleep([enable]).
func (m *module) nullmodesleep(c *vm.Call) int {
	if !c.IsNone(1) {
		m.autoSleep = c.Bool(1)
	}
	return c.ReturnBool(m.autoSleep)
}

// sleeptype is wifi.sta.sleeptype([type]), also wifi.sleeptype.
func (m *module) sleeptype(c *vm.Call) int {
	if c.IsNumber(1) {
		t := c.Int(1)
		if t < 0 || t > 2 {
			c.ArgError(1, "range:0-2")
		}
		m.radio.SetSleepType(t)
	}
	return c.ReturnInt(m.radio.SleepType())
}

// country is what wifi.setcountry sets; no channel is ever out of bounds for it.
type country struct {
	code       string
	start, end int
	policy     int
}

// Policies of setcountry (SDK: WIFI_COUNTRY_POLICY_AUTO, MANUAL).
const (
	countryAuto   = 0
	countryManual = 1
)

var defaultCountry = country{"CN", 1, 13, countryAuto} // fw: docs/modules/wifi.md, setcountry

// getcountry is wifi.getcountry().
func (m *module) getcountry(c *vm.Call) int {
	t := c.NewTable(0, 4)
	setString(c, t, "country", m.country.code)
	c.VM.SetField(t, "start_ch", vm.Number(m.country.start))
	c.VM.SetField(t, "end_ch", vm.Number(m.country.end))
	c.VM.SetField(t, "policy", vm.Number(m.country.policy))
	return c.Return(t)
}

// setcountry is wifi.setcountry(table).
func (m *module) setcountry(c *vm.Call) int {
	f := fields{c, table(c, "Table not found!")}
	set := defaultCountry
	if v, ok := f.get("country"); ok {
		code, ok := f.c.VM.ToString(v)
		if !ok {
			c.ArgError(1, "country: must be string")
		}
		if len(code) != 2 || !isAlpha(code[0]) || !isAlpha(code[1]) {
			c.ArgError(1, "country: country code must be 2 chars")
		}
		set.code = string([]byte{upper(code[0]), upper(code[1])})
	}
	set.start = f.small("start_ch", set.start, "start_ch: must be a number")
	if set.start < 1 || set.start > 14 {
		c.ArgError(1, "start_ch: Range:1-14")
	}
	if _, given := f.get("end_ch"); given {
		set.end = f.small("end_ch", 0, "end_ch: must be a number")
		if set.end < 1 || set.end > 14 {
			c.ArgError(1, "end_ch: Range:1-14")
		}
		if set.end < set.start {
			c.ArgError(1, "end_ch: can't be less than start_ch")
		}
	}
	set.policy = f.small("policy", set.policy, "policy: must be a number")
	if set.policy != countryAuto && set.policy != countryManual {
		c.ArgError(1, "policy: must be 0 or 1")
	}
	m.country = set
	return c.ReturnBool(true)
}

// getmac returns wifi.sta.getmac or wifi.ap.getmac.
func (m *module) getmac(i air.Interface) func(*vm.Call) int {
	return func(c *vm.Call) int { return c.ReturnString(m.radio.MAC(i).String()) }
}

// setmac returns wifi.sta.setmac or wifi.ap.setmac.
func (m *module) setmac(i air.Interface) func(*vm.Call) int {
	return func(c *vm.Call) int {
		text := c.String(1)
		if len(text) != macLen {
			c.ArgError(1, invalidMAC)
		}
		return c.ReturnBool(m.radio.SetMAC(i, parseMAC(text)))
	}
}

// getip returns wifi.sta.getip or wifi.ap.getip.
func (m *module) getip(i air.Interface) func(*vm.Call) int {
	return func(c *vm.Call) int {
		ip := m.radio.IP(i)
		if !ip.Prefix.IsValid() {
			return c.ReturnNil()
		}
		return c.Return(vm.String(ip.Prefix.Addr().String()), vm.String(netmask(ip.Prefix)), vm.String(gateway(ip)))
	}
}

// getbroadcast returns wifi.sta.getbroadcast or wifi.ap.getbroadcast.
func (m *module) getbroadcast(i air.Interface) func(*vm.Call) int {
	return func(c *vm.Call) int {
		p := m.radio.IP(i).Prefix
		if !p.IsValid() {
			return c.ReturnNil()
		}
		a, mask := p.Addr().As4(), maskBytes(p)
		for i := range a {
			a[i] |= ^mask[i]
		}
		return c.ReturnString(netip.AddrFrom4(a).String())
	}
}

// setip returns wifi.sta.setip or wifi.ap.setip.
func (m *module) setip(i air.Interface) func(*vm.Call) int {
	return func(c *vm.Call) int {
		t, ok := c.Arg(1).(*vm.Table)
		if !ok {
			c.Error("wrong arg type")
		}
		f, ip := fields{c, t}, m.radio.IP(i)
		addr, bits := netip.Addr{}, 24
		if ip.Prefix.IsValid() {
			addr, bits = ip.Prefix.Addr(), ip.Prefix.Bits()
		}
		if a, ok := f.address("ip"); ok {
			addr = a
		}
		if mask, ok := f.address("netmask"); ok {
			bits = maskBits(mask)
		}
		gw, ok := f.address("gateway")
		if ok || i == air.APIf {
			ip.Gateway = gw
		}
		if !addr.IsValid() {
			return c.ReturnBool(false)
		}
		ip.Prefix = netip.PrefixFrom(addr, bits)
		return c.ReturnBool(m.radio.SetIP(i, ip))
	}
}
