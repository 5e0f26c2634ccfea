package wifi

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// ap is the table wifi.ap: the functions of the access point.
type ap struct{ *module }

func (m ap) table() *vm.Table {
	v := m.dev.VM
	dhcp := v.NewROMTable("wifi.ap.dhcp", []vm.Func{
		{Name: "config", Fn: m.dhcpConfig},
		{Name: "start", Fn: m.dhcpStart},
		{Name: "stop", Fn: m.dhcpStop},
	}, nil)
	return v.NewROMTable("wifi.ap", []vm.Func{
		{Name: "config", Fn: m.config},
		{Name: "deauth", Fn: m.deauth},
		{Name: "getip", Fn: m.getip(air.APIf)},
		{Name: "setip", Fn: m.setip(air.APIf)},
		{Name: "getbroadcast", Fn: m.getbroadcast(air.APIf)},
		{Name: "getmac", Fn: m.getmac(air.APIf)},
		{Name: "setmac", Fn: m.setmac(air.APIf)},
		{Name: "getclient", Fn: m.getclient},
		{Name: "getconfig", Fn: m.getconfig},
		{Name: "getdefaultconfig", Fn: m.getdefaultconfig},
	}, []vm.Const{{Name: "dhcp", Value: dhcp}})
}

var apCallbacks = []callbackField{
	{"staconnected_cb", "staconnected_cb:not function", radio.APStationConnected},
	{"stadisconnected_cb", "stadisconnected_cb:not function", radio.APStationDisconnected},
	{"probereq_cb", "probereq_cb:not function", radio.APProbeRequest},
}

// config is wifi.ap.config(table).
func (m ap) config(c *vm.Call) int {
	f := fields{c, c.Table(1)}
	var cfg radio.APConfig
	var ok bool
	if cfg.SSID, ok = f.text("ssid", "ssid: not string"); !ok {
		c.ArgError(1, "ssid: required")
	}
	if len(cfg.SSID) < 1 || len(cfg.SSID) > maxSSID {
		c.ArgError(1, "ssid: length:1-32")
	}
	if cfg.Password, ok = f.text("pwd", "pwd: not string"); ok {
		if len(cfg.Password) < minPassword || len(cfg.Password) > maxPassword {
			c.ArgError(1, "pwd: length:0 or 8-64")
		}
		cfg.Password = vm.CString(cfg.Password) // as the SDK and getconfig read it
		cfg.Auth = air.AuthWPAWPA2
	}
	cfg.Auth = air.AuthMode(f.ranged("auth", int(cfg.Auth), 0, air.NumAuthModes-1, "auth: not number", "auth: Range:0-4"))
	cfg.Channel = f.ranged("channel", 6, 1, 13, "channel: not number", "channel: Range:1-13")
	cfg.Hidden = m.hidden(f)
	cfg.MaxStations = f.ranged("max", 4, 1, 4, "max: not number", "max: 1-4")
	cfg.Beacon = f.ranged("beacon", 100, 100, 60000, "beacon: not number", "beacon: 100-60000")
	save := f.boolean("save", true, "save: not boolean")
	m.registerFields(f, apCallbacks)
	return c.ReturnBool(m.radio.AP.Configure(cfg, save))
}

// hidden reads a field that is a boolean, or the number 0 or 1.
func (m ap) hidden(f fields) bool {
	v, ok := f.get("hidden")
	if !ok {
		return false
	}
	switch v := v.(type) {
	case vm.Bool:
		return bool(v)
	case vm.Number:
		n := vm.Integer(float64(v))
		if n != 0 && n != 1 {
			f.c.ArgError(1, "hidden: 0 or 1")
		}
		return n == 1
	}
	f.c.ArgError(1, "hidden: not boolean")
	return false
}

// getconfig is wifi.ap.getconfig([as table]), getdefaultconfig the same for
// the flash.
func (m ap) getconfig(c *vm.Call) int { return m.showConfig(c, m.radio.AP.Config()) }

func (m ap) getdefaultconfig(c *vm.Call) int { return m.showConfig(c, m.radio.AP.DefaultConfig()) }

func (m ap) showConfig(c *vm.Call, cfg radio.APConfig) int {
	cfg.SSID = vm.CString(cfg.SSID)
	if c.Arg(1) != vm.True {
		if cfg.Auth == air.AuthOpen {
			return c.Return(vm.String(cfg.SSID), vm.Nil)
		}
		return c.Return(vm.String(cfg.SSID), vm.String(cfg.Password))
	}
	t := c.NewTable(0, 0)
	setString(c, t, "ssid", cfg.SSID)
	if cfg.Auth != air.AuthOpen {
		setString(c, t, "pwd", cfg.Password)
	}
	c.VM.SetField(t, "auth", vm.Number(cfg.Auth))
	c.VM.SetField(t, "channel", vm.Number(cfg.Channel))
	c.VM.SetField(t, "hidden", vm.Bool(cfg.Hidden))
	c.VM.SetField(t, "max", vm.Number(cfg.MaxStations))
	c.VM.SetField(t, "beacon", vm.Number(cfg.Beacon))
	return c.Return(t)
}

// getclient is wifi.ap.getclient().
func (m ap) getclient(c *vm.Call) int {
	if m.radio.Mode() == radio.StationMode {
		c.Error("Can't list clients in STATION mode")
	}
	t := c.NewTable(0, 0)
	for _, client := range m.radio.AP.Clients() {
		ip := "0.0.0.0"
		if client.IP.IsValid() {
			ip = client.IP.String()
		}
		setString(c, t, client.MAC.String(), ip)
	}
	return c.Return(t)
}

// deauth is wifi.ap.deauth([MAC]).
func (m ap) deauth(c *vm.Call) int {
	if !c.IsString(1) {
		return c.ReturnBool(m.radio.AP.Deauth(nil))
	}
	text := c.String(1)
	if len(text) != macLen {
		c.ArgError(1, invalidMAC)
	}
	mac := parseMAC(text)
	return c.ReturnBool(m.radio.AP.Deauth(&mac))
}

// dhcpConfig is wifi.ap.dhcp.config{start = address}.
func (m ap) dhcpConfig(c *vm.Call) int {
	t, ok := c.Arg(1).(*vm.Table)
	if !ok {
		c.Error("wrong arg type")
	}
	first, ok := fields{c, t}.address("start")
	if !ok {
		c.Error("wrong arg type")
	}
	end := first.As4() // whose last byte has no carry
	end[3] += byte(m.radio.AP.Config().MaxStations - 1)
	last := netip.AddrFrom4(end)
	m.radio.AP.SetPool(first)
	return c.Return(vm.String(first.String()), vm.String(last.String()))
}

func (m ap) dhcpStart(c *vm.Call) int { return c.ReturnBool(m.radio.AP.SetDHCP(true)) }
func (m ap) dhcpStop(c *vm.Call) int  { return c.ReturnBool(m.radio.AP.SetDHCP(false)) }
