package wifi

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// Room for texts in the SDK's struct station_config, in bytes.
const (
	maxSSID     = 32
	maxPassword = 64
	minPassword = 8 // of an access point
)

// sta is the table wifi.sta: the functions of the station.
type sta struct{ *module }

func (m sta) table() *vm.Table {
	funcs := []vm.Func{
		{Name: "autoconnect", Fn: m.autoconnect},
		{Name: "changeap", Fn: m.changeap},
		{Name: "clearconfig", Fn: m.clearconfig},
		{Name: "config", Fn: m.config},
		{Name: "connect", Fn: m.connect},
		{Name: "disconnect", Fn: m.disconnect},
		{Name: "getap", Fn: m.getap},
		{Name: "getapindex", Fn: m.getapindex},
		{Name: "getapinfo", Fn: m.getapinfo},
		{Name: "getbroadcast", Fn: m.getbroadcast(air.StationIf)},
		{Name: "getconfig", Fn: m.getconfig},
		{Name: "getdefaultconfig", Fn: m.getdefaultconfig},
		{Name: "gethostname", Fn: m.gethostname},
		{Name: "getip", Fn: m.getip(air.StationIf)},
		{Name: "getmac", Fn: m.getmac(air.StationIf)},
		{Name: "getrssi", Fn: m.getrssi},
		{Name: "setaplimit", Fn: m.setaplimit},
		{Name: "sethostname", Fn: m.sethostname},
		{Name: "setip", Fn: m.setip(air.StationIf)},
		{Name: "setmac", Fn: m.setmac(air.StationIf)},
		{Name: "sleeptype", Fn: m.sleeptype},
		{Name: "status", Fn: m.status},
	}
	if m.dev.Build().Legacy {
		funcs = append(funcs, m.states.functions()...)
	}
	return m.dev.VM.NewROMTable("wifi.sta", funcs, nil)
}

// callbackField is a field of a configuration that registers with the event
// monitor; message is what the firmware calls the field when it is no function.
type callbackField struct {
	name, message string
	kind          radio.EventKind
}

// The firmware reads connect_cb and disconnect_cb, where its documentation says
// connected_cb and disconnected_cb.
var stationCallbacks = []callbackField{
	{"connect_cb", "connect_cb:not function", radio.StationConnected},
	{"disconnect_cb", "disconnect_cb:not function", radio.StationDisconnected},
	{"authmode_change_cb", "authmode_change_cb:not function", radio.StationAuthChange},
	{"got_ip_cb", "gotip_cb:not function", radio.StationGotIP},
	{"dhcp_timeout_cb", "dhcp_timeout_cb:not function", radio.StationDHCPTimeout},
}

// misread says which callbacks of a table the firmware does not read, although its
// documentation has them.
func (m *module) misread(f fields) {
	for _, name := range []string{"connect", "disconnect"} {
		if f.c.VM.RawGetString(f.t, name+"ed_cb") != vm.Nil {
			m.dev.Inspect.Hints.Here("wifi.sta.config does not read %sed_cb, although the firmware's documentation has it: the name is %s_cb", name, name)
		}
	}
}

// registerFields registers the callbacks among a table's fields.
func (m *module) registerFields(f fields, list []callbackField) {
	for _, cb := range list {
		v, ok := f.get(cb.name)
		if !ok {
			continue
		}
		fn, ok := v.(*vm.Function)
		if !ok {
			f.c.ArgError(1, cb.message)
		}
		m.events.setCallback(cb.kind, fn)
	}
}

// config is wifi.sta.config(table).
func (m sta) config(c *vm.Call) int {
	if c.IsString(1) {
		if m.dev.Build().Legacy {
			return m.configOld(c)
		}
		m.dev.Inspect.Hints.Here("wifi.sta.config(ssid, password) is what firmware before 3.0 had: now it takes a table, as in {ssid = ..., pwd = ...}. Or run with --legacy ([firmware] legacy = true)")
	}
	f := fields{c, table(c, "config table not found!")}
	var cfg radio.StationConfig
	var ok bool
	if cfg.SSID, ok = f.text("ssid", "ssid:not string"); !ok {
		c.ArgError(1, "ssid required")
	}
	if len(cfg.SSID) > maxSSID {
		c.ArgError(1, "ssid: length:0-32")
	}
	if cfg.Password, _ = f.text("pwd", "pwd:not string"); len(cfg.Password) > maxPassword {
		c.ArgError(1, "pwd: length:0-64")
	}
	cfg.SSID, cfg.Password = vm.CString(cfg.SSID), vm.CString(cfg.Password) // as the SDK reads them
	if mac, ok := f.text("bssid", "bssid:not string"); ok {
		if len(mac) != macLen {
			c.ArgError(1, "bssid: FF:FF:FF:FF:FF:FF")
		}
		cfg.BSSID, cfg.BSSIDSet = parseMAC(mac), true
	}
	auto := f.boolean("auto", true, "auto:not boolean")
	save := f.boolean("save", true, "save:not boolean")
	m.misread(f)
	m.registerFields(f, stationCallbacks)
	return m.configure(c, cfg, auto, save)
}

// configure takes a configuration and connects, if auto is set.
func (m sta) configure(c *vm.Call, cfg radio.StationConfig, auto, save bool) int {
	done := m.radio.Station.Configure(cfg, save)
	m.radio.Station.SetAutoConnect(auto)
	if auto {
		m.radio.Station.Connect()
	}
	return c.ReturnBool(done)
}

// clearconfig is wifi.sta.clearconfig().
func (m sta) clearconfig(c *vm.Call) int {
	done := m.radio.Station.Configure(radio.StationConfig{}, true)
	m.radio.Station.SetAutoConnect(false)
	return c.ReturnBool(done)
}

// connect is wifi.sta.connect([callback]).
func (m sta) connect(c *vm.Call) int {
	m.events.registerArg(c, radio.StationConnected)
	m.hintMonitor()
	m.radio.Station.Connect()
	return 0
}

// disconnect is wifi.sta.disconnect([callback]).
func (m sta) disconnect(c *vm.Call) int {
	m.events.registerArg(c, radio.StationDisconnected)
	m.radio.Station.Disconnect()
	return 0
}

// autoconnect is wifi.sta.autoconnect(0 or 1).
func (m sta) autoconnect(c *vm.Call) int {
	on := c.Int(1)
	if on != 0 && on != 1 {
		c.ArgError(1, "0 or 1")
	}
	m.radio.Station.SetAutoConnect(on == 1)
	return 0
}

func (m sta) status(c *vm.Call) int { return c.ReturnInt(int(m.radio.Station.Status())) }

// getrssi is wifi.sta.getrssi(): nil without a network.
func (m sta) getrssi(c *vm.Call) int {
	rssi := m.radio.Station.RSSI()
	if rssi >= 10 { // fw: wifi.c
		return c.ReturnNil()
	}
	return c.ReturnInt(rssi)
}

func (m sta) gethostname(c *vm.Call) int { return c.ReturnString(m.radio.Hostname()) }

// sethostname is wifi.sta.sethostname(name), a name by RFC 1123.
func (m sta) sethostname(c *vm.Call) int {
	name := c.String(1)
	valid := len(name) > 0 && len(name) <= maxSSID && isAlnum(name[0]) && isAlnum(name[len(name)-1])
	for i := range len(name) {
		valid = valid && (isAlnum(name[i]) || name[i] == '-')
	}
	if !valid {
		c.ArgError(1, "Invalid hostname")
	}
	m.radio.SetHostname(name)
	return c.ReturnBool(true)
}

// getconfig is wifi.sta.getconfig([as table]), getdefaultconfig the same for the
// flash.
func (m sta) getconfig(c *vm.Call) int { return m.showConfig(c, m.radio.Station.Config()) }

func (m sta) getdefaultconfig(c *vm.Call) int {
	return m.showConfig(c, m.radio.Station.DefaultConfig())
}

func (m sta) showConfig(c *vm.Call, cfg radio.StationConfig) int {
	bssid := cfg.BSSID
	if !cfg.BSSIDSet {
		// The SDK fills in the access point's address once it is known.
		if bssid = m.radio.Station.BSSID(); bssid == (air.MAC{}) || cfg.SSID != m.radio.Station.Config().SSID {
			bssid = air.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		}
	}
	if c.Arg(1) != vm.True {
		set := vm.Number(0)
		if cfg.BSSIDSet {
			set = 1
		}
		return c.Return(vm.String(cfg.SSID), vm.String(cfg.Password), set, vm.String(bssid.String()))
	}
	t := c.NewTable(0, 0)
	setString(c, t, "ssid", cfg.SSID)
	if cfg.Password != "" {
		setString(c, t, "pwd", cfg.Password)
	}
	c.VM.SetField(t, "bssid_set", vm.Bool(cfg.BSSIDSet))
	setString(c, t, "bssid", bssid.String())
	return c.Return(t)
}

// getapinfo is wifi.sta.getapinfo().
func (m sta) getapinfo(c *vm.Call) int {
	aps, _ := m.radio.Station.Stored()
	t := c.NewTable(0, 0)
	c.VM.SetField(t, "qty", vm.Number(len(aps)))
	for i, ap := range aps {
		e := c.NewTable(0, 0)
		setString(c, e, "ssid", ap.SSID)
		if ap.Password != "" {
			setString(c, e, "pwd", ap.Password)
		}
		if ap.BSSIDSet {
			setString(c, e, "bssid", ap.BSSID.String())
		}
		c.VM.RawSet(t, vm.Number(i+1), e)
	}
	return c.Return(t)
}

// getapindex is wifi.sta.getapindex().
func (m sta) getapindex(c *vm.Call) int {
	_, current := m.radio.Station.Stored()
	return c.ReturnInt(current + 1)
}

// changeap is wifi.sta.changeap(index).
func (m sta) changeap(c *vm.Call) int {
	i := int(uint8(c.Int(1)))
	if i < 1 || i > 5 {
		c.ArgError(1, "Valid range: 1-5")
	}
	return c.ReturnBool(m.radio.Station.Change(i - 1))
}

// setaplimit is wifi.sta.setaplimit(quantity).
func (m sta) setaplimit(c *vm.Call) int {
	n := c.Int(1)
	if n < 1 || n > 5 {
		c.ArgError(1, "Valid range: 1-5")
	}
	return c.ReturnBool(m.radio.Station.SetStoredLimit(n))
}

// getap is wifi.sta.getap([[filter,] format,] callback). Where there is a filter, or a
// nil, a format of another type than a number counts as none.
func (m sta) getap(c *vm.Call) int {
	if m.radio.Mode() == radio.APMode {
		c.Error("Can't list ap in SOFTAP mode")
	}
	var filter radio.ScanFilter
	at := 2 // of the format
	switch first := c.Arg(1).(type) {
	case *vm.Table:
		filter = m.scanFilter(fields{c, first})
	case vm.Number:
		at = 1
	case *vm.Function:
		at = 0
	default:
		if first != vm.Nil || c.IsNone(1) {
			c.Error("wrong arg type")
		}
	}
	if _, ok := c.Arg(at + 1).(*vm.Function); !ok && at == 2 {
		if _, ok := c.Arg(at).(*vm.Function); ok {
			at = 1 // the callback comes at once
		}
	}
	bySSID := true
	if _, ok := c.Arg(at).(vm.Number); ok && at > 0 {
		format := uint8(c.Int(at))
		if format > 1 {
			c.Error("wrong arg type")
		}
		bySSID = format == 0
	}
	fn, ok := c.Arg(at + 1).(*vm.Function)
	if !ok {
		m.dev.VM.Unref(&m.scanned)
		return 0
	}
	m.hintMonitor()
	m.dev.VM.SetRef(&m.scanned, fn, "wifi.sta.getap callback")
	m.radio.Scan(filter, func(found []air.Network, _ bool) { m.found(found, bySSID) })
	return 0
}

func (m sta) scanFilter(f fields) (filter radio.ScanFilter) {
	c := f.c
	text := func(name string) (string, bool) {
		v, ok := f.get(name)
		if !ok {
			return "", false
		}
		s, ok := c.VM.ToString(v)
		if !ok {
			c.Error("wrong arg type")
		}
		return s, true
	}
	small := func(name string) uint8 {
		v, ok := f.get(name)
		if !ok {
			return 0
		}
		n, ok := c.VM.ToNumber(v)
		if !ok {
			c.Error("wrong arg type")
		}
		return uint8(vm.Integer(n))
	}
	if filter.SSID, _ = text("ssid"); len(filter.SSID) > maxSSID {
		c.Error("ssid:<32")
	}
	filter.SSID = vm.CString(filter.SSID)
	if mac, ok := text("bssid"); ok {
		if len(mac) != macLen {
			c.ArgError(1, invalidMAC)
		}
		filter.BSSID = parseMAC(mac)
	}
	channel := small("channel")
	if channel > 13 {
		c.Error("channel: 0 or 1-13")
	}
	filter.Channel = int(channel)
	hidden := small("show_hidden")
	if hidden > 1 {
		c.Error("show_hidden: 0 or 1")
	}
	filter.Hidden = hidden == 1
	return filter
}

// found gives the result of a scan to the callback, which is used once.
func (m sta) found(nets []air.Network, bySSID bool) {
	v := m.dev.VM
	if m.scanned == 0 {
		return
	}
	t := v.NewTable(0, 0)
	for _, n := range nets {
		key, value := n.BSSID.String(), fmt.Sprintf("%s,%d,%d,%d", n.SSID, n.RSSI, n.Auth, n.Channel)
		if bySSID {
			key, value = n.SSID, fmt.Sprintf("%d,%d,%s,%d", n.Auth, n.RSSI, n.BSSID, n.Channel)
		}
		v.ChargeString(len(value))
		v.SetField(t, key, vm.String(value))
	}
	fn := v.Deref(m.scanned)
	v.Unref(&m.scanned)
	m.dev.Run("wifi.sta.getap callback", fn, t)
}
