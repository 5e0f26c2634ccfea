package radio_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// radioLog is a device's radio events, one line each.
type radioLog []string

func (l *radioLog) add(at clock.Time, e radio.Event) {
	s := ""
	switch e.Kind {
	case radio.StationConnected:
		s = fmt.Sprintf("connected %s ch %d", e.SSID, e.Channel)
	case radio.StationDisconnected:
		s = fmt.Sprintf("disconnected %s %d", e.SSID, e.Reason)
	case radio.StationGotIP:
		s = fmt.Sprintf("got %s gw %s", e.IP.Prefix, e.IP.Gateway)
	case radio.StationDHCPTimeout:
		s = "dhcp timeout"
	case radio.APProbeRequest:
		s = "asked"
	case radio.APStationConnected:
		s = fmt.Sprintf("joined %d", e.AID)
	case radio.APStationDisconnected:
		s = fmt.Sprintf("left %d", e.AID)
	case radio.ModeChanged:
		s = fmt.Sprintf("mode %d>%d", e.Old, e.New)
	case radio.APStationGotIP:
		return
	}
	*l = append(*l, s)
}

// radioDevice is a device without Lua whose radio events are logged from power-on.
func radioDevice(w *world.World, cfg radio.Config) (*device.Device, *radioLog) {
	log := &radioLog{}
	d := device.New(w, device.Config{Board: chiptest.Board(), WiFi: cfg, Startup: func(*device.Device) {}})
	d.PowerOn()
	d.Radio.OnEvent = func(e radio.Event) { log.add(w.Clock.Now(), e) }
	return d, log
}

func (l *radioLog) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*l, want) {
		t.Errorf("got  %q\nwant %q", *l, want)
	}
	*l = nil
}

func TestStoredStationConnectsAtBoot(t *testing.T) {
	for seed := range uint64(50) {
		w := world.New(seed)
		d, log := radioDevice(w, radio.Config{})
		w.Clock.RunUntil(clock.At(device.DefaultBootDelay + clock.Second - 1))
		if d.Address(air.StationIf).IsValid() {
			t.Fatalf("seed %d: address after less than a second", seed)
		}
		w.Clock.RunUntil(clock.At(device.DefaultBootDelay + 3*clock.Second))
		log.expect(t, "connected nodemcu-sim ch 6", "got 192.168.1.10/24 gw 192.168.1.1")
		if got := d.Net.Stack().Netif(0); !got.Up || got.Prefix != netip.MustParsePrefix("192.168.1.10/24") {
			t.Fatalf("netif is %+v", got)
		}
		if s := d.Snapshot().WiFi; s != (radio.Snapshot{Mode: "station", State: "got IP", SSID: "nodemcu-sim", IP: "192.168.1.10"}) {
			t.Fatalf("snapshot is %+v", s)
		}
	}
}

func TestBlankFlashIsAnAccessPoint(t *testing.T) {
	w := world.New(1)
	d, log := radioDevice(w, radio.Config{Blank: true})
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	log.expect(t)
	if r := d.Radio; r.Mode() != radio.APMode || r.AP.Config().SSID != "NODE_000000" || r.Station.Status() != radio.StationIdle {
		t.Errorf("mode %v, AP %+v, status %v", r.Mode(), r.AP.Config(), r.Station.Status())
	}
	if got := d.Address(air.APIf).String(); got != "192.168.4.1/24" {
		t.Errorf("address %s", got)
	}
}

func TestWrongPasswordAndMissingNetwork(t *testing.T) {
	w := world.New(1)
	w.Air.Networks = []air.Network{{SSID: "home", Password: "secret12", Channel: 11}}
	d, log := radioDevice(w, radio.Config{SSID: "home", Password: "wrong"})
	r := d.Radio
	w.Clock.RunUntil(clock.At(21 * clock.Second))
	log.expect(t, "disconnected home 204", "disconnected home 204") // no pause between attempts
	if r.Station.Status() != radio.StationWrongPassword {
		t.Errorf("status %v", r.Station.Status())
	}
	r.Station.Configure(radio.StationConfig{SSID: "away"}, false)
	r.Station.Connect()
	w.Clock.RunUntil(clock.At(23 * clock.Second))
	log.expect(t, "disconnected away 201")
	if r.Station.Status() != radio.StationNoAP || r.Station.RSSI() != 31 {
		t.Errorf("status %v, RSSI %d", r.Station.Status(), r.Station.RSSI())
	}
	// The network appears: the station finds it without being told.
	w.Air.Networks = append(w.Air.Networks, air.Network{SSID: "away", RSSI: -80})
	w.Clock.RunUntil(clock.At(30 * clock.Second))
	if got := []string(*log); len(got) < 2 || got[len(got)-1] != "got 192.168.1.10/24 gw 192.168.1.1" {
		t.Errorf("events %q", got)
	}
	if rssi := r.Station.RSSI(); rssi < -82 || rssi > -78 {
		t.Errorf("RSSI %d", rssi)
	}
}

func TestSettingsInFlashSurviveReset(t *testing.T) {
	w := world.New(1)
	d, _ := radioDevice(w, radio.Config{Blank: true})
	r := d.Radio
	r.SetMode(radio.StationAPMode, true)
	r.Station.Configure(radio.StationConfig{SSID: "kept", Password: "12345678"}, true)
	r.Station.Configure(radio.StationConfig{SSID: "lost"}, false)
	r.AP.Configure(radio.APConfig{SSID: "mine", Channel: 3, MaxStations: 4}, true)
	r.SetHostname("lost")
	r.SetMode(radio.NullMode, false)
	d.PressReset()
	if r.Mode() != radio.StationAPMode || r.Station.Config().SSID != "kept" || r.AP.Config().SSID != "mine" || r.Hostname() != "NODE-000" {
		t.Errorf("after reset: %v %+v %+v %s", r.Mode(), r.Station.Config(), r.AP.Config(), r.Hostname())
	}
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	if r.Station.Status() != radio.StationHasIP {
		t.Errorf("status %v", r.Station.Status())
	}
	r.Station.SetAutoConnect(false)
	d.PressReset()
	w.Clock.RunUntil(clock.At(8 * clock.Second))
	if r.Station.Status() != radio.StationIdle {
		t.Errorf("status %v without autoconnect", r.Station.Status())
	}
}

func TestFixedAddress(t *testing.T) {
	w := world.New(1)
	d, log := radioDevice(w, radio.Config{})
	ip := air.IPInfo{Prefix: netip.MustParsePrefix("192.168.1.77/24"), Gateway: netip.MustParseAddr("192.168.1.1")}
	d.Radio.SetIP(air.StationIf, ip)
	w.Clock.RunUntil(clock.At(device.DefaultBootDelay + 1200*clock.Millisecond))
	log.expect(t, "connected nodemcu-sim ch 6", "got 192.168.1.77/24 gw 192.168.1.1")
	other, _ := radioDevice(w, radio.Config{})
	w.Clock.RunUntil(clock.At(5 * clock.Second))
	if a, b := d.Address(air.StationIf), other.Address(air.StationIf); a == b || !b.IsValid() {
		t.Errorf("addresses %v and %v", a, b)
	}
}

func TestAccessPointsGoDown(t *testing.T) {
	w := world.New(1)
	d, log := radioDevice(w, radio.Config{})
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	*log = nil
	w.Air.SetDown(true)
	w.Clock.RunUntil(clock.At(12 * clock.Second))
	w.Air.SetDown(false) // in time
	w.Clock.RunUntil(clock.At(15 * clock.Second))
	log.expect(t)
	w.Air.SetDown(true)
	w.Clock.RunUntil(clock.At(23499 * clock.Millisecond))
	log.expect(t)
	w.Clock.RunUntil(clock.At(23501 * clock.Millisecond))
	log.expect(t, "disconnected nodemcu-sim 200")
	if d.Address(air.StationIf).IsValid() {
		t.Error("still has an address")
	}
	w.Air.SetDown(false)
	w.Clock.RunUntil(clock.At(30 * clock.Second))
	if d.Radio.Station.Status() != radio.StationHasIP {
		t.Errorf("status %v; events %q", d.Radio.Station.Status(), *log)
	}
}

func TestStationInADevicesAccessPoint(t *testing.T) {
	w := world.New(1)
	ap, apLog := radioDevice(w, radio.Config{Blank: true})
	cfg := ap.Radio.AP.Config()
	cfg.SSID, cfg.Password, cfg.Auth, cfg.MaxStations = "island", "12345678", air.AuthWPA2, 1
	ap.Radio.AP.Configure(cfg, true)
	sta, staLog := radioDevice(w, radio.Config{SSID: "island", Password: "12345678"})
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	staLog.expect(t, "connected island ch 6", "got 192.168.4.2/24 gw 192.168.4.1")
	apLog.expect(t, "asked", "joined 1")
	if c := ap.Radio.AP.Clients(); len(c) != 1 || c[0].MAC != sta.Radio.MAC(air.StationIf) || c[0].IP.String() != "192.168.4.2" {
		t.Errorf("clients %v", c)
	}
	if dns := sta.Net.Stack().DNS(0); dns != ap.Address(air.APIf).Addr() {
		t.Errorf("the access point names %v as DNS server, want itself", dns)
	}
	late, lateLog := radioDevice(w, radio.Config{SSID: "island", Password: "12345678"})
	w.Clock.RunUntil(clock.At(6 * clock.Second))
	if late.Address(air.StationIf).IsValid() || !strings.HasPrefix((*lateLog)[0], "disconnected island 5") {
		t.Errorf("the access point took more than it may: %q", *lateLog)
	}
	late.Radio.Station.Disconnect()
	ap.PressReset()
	w.Clock.RunUntil(clock.At(15 * clock.Second))
	if len(*staLog) == 0 || (*staLog)[0] != "disconnected island 200" {
		t.Errorf("station: %q", *staLog)
	}
	w.Clock.RunUntil(clock.At(20 * clock.Second))
	if !sta.Address(air.StationIf).IsValid() {
		t.Errorf("the station did not come back: %q", *staLog)
	}
	sta.Radio.SetMode(radio.NullMode, false)
	if c := ap.Radio.AP.Clients(); len(c) != 0 {
		t.Errorf("clients %v", c)
	}
}

func TestScanAndStoredNetworks(t *testing.T) {
	w := world.New(1)
	w.Air.Networks = []air.Network{{SSID: "a", Channel: 1}, {SSID: "b", Password: "12345678", Channel: 6}, {SSID: "c", Hidden: true, Channel: 6}}
	d, _ := radioDevice(w, radio.Config{Blank: true})
	r := d.Radio
	r.SetMode(radio.StationMode, true)
	scan := func(f radio.ScanFilter) (names string) {
		r.Scan(f, func(found []air.Network, _ bool) {
			for _, n := range found {
				names += n.SSID
			}
		})
		w.Clock.RunUntil(w.Clock.Now().Add(3 * clock.Second))
		return
	}
	for f, want := range map[radio.ScanFilter]string{{}: "ab", {Hidden: true}: "abc", {Channel: 6}: "b", {SSID: "a"}: "a"} {
		if got := scan(f); got != want {
			t.Errorf("scan %+v: %q, want %q", f, got, want)
		}
	}
	r.Station.SetStoredLimit(2)
	for _, ssid := range []string{"a", "b", "a", "c"} {
		r.Station.Configure(radio.StationConfig{SSID: ssid}, true)
	}
	aps, current := r.Station.Stored()
	if len(aps) != 2 || aps[0].SSID != "a" || aps[1].SSID != "c" || current != 1 {
		t.Errorf("stored %v, %d", aps, current)
	}
	if r.Station.Change(2) || !r.Station.Change(0) || r.Station.Config().SSID != "a" {
		t.Errorf("station is %+v", r.Station.Config())
	}
}

func TestRouterSettings(t *testing.T) {
	w := world.New(1)
	w.Air.Router = netip.MustParsePrefix("10.1.2.1/16")
	w.Air.DNS = []netip.Addr{netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("8.8.8.8")}
	w.Air.ConnectDelay, w.Air.DHCPDelay = 100*clock.Millisecond, 50*clock.Millisecond
	first, _ := radioDevice(w, radio.Config{})
	second, _ := radioDevice(w, radio.Config{Lease: netip.MustParseAddr("10.1.0.10")})
	w.Clock.RunUntil(clock.At(device.DefaultBootDelay + 150*clock.Millisecond))
	if a, b := first.Address(air.StationIf).String(), second.Address(air.StationIf).String(); a != "10.1.0.11/16" || b != "10.1.0.10/16" {
		t.Errorf("addresses %s and %s", a, b)
	}
	if s := first.Net.Stack(); s.DNS(0) != w.Air.DNS[0] || s.DNS(1) != w.Air.DNS[1] {
		t.Errorf("DNS servers %v, %v", s.DNS(0), s.DNS(1))
	}
}

func TestManyDevicesHaveTheirOwnAddresses(t *testing.T) {
	w := world.New(1)
	w.Air.Router = netip.MustParsePrefix("10.0.0.1/29") // room for 6 hosts, but leases start at .10
	full, log := radioDevice(w, radio.Config{})
	w.Clock.RunUntil(clock.At(70 * clock.Second))
	if full.Address(air.StationIf).IsValid() || len(*log) != 1 { // it asks for ever

		t.Errorf("%q", *log)
	}
	w = world.New(1)
	seen := map[string]bool{}
	for range 20 {
		radioDevice(w, radio.Config{})
	}
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	for _, d := range device.In(w) {
		seen[d.Address(air.StationIf).String()] = true
		seen[d.Radio.MAC(air.StationIf).String()] = true
		if w.NodeAt(d.Address(air.StationIf).Addr()) != d {
			t.Errorf("%s not found by its address", d.Name())
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d different addresses", len(seen))
	}
}

func TestAddressConflictIsNoted(t *testing.T) {
	w := world.New(1)
	var notes []string
	w.Subscribe(func(e world.Event) {
		if n, ok := e.Data.(event.Note); ok {
			notes = append(notes, e.Device+": "+n.Text)
		}
	})
	radioDevice(w, radio.Config{Blank: true})
	radioDevice(w, radio.Config{Blank: true})
	if want := "device2: device1 has the address 192.168.4.1, too: packets reach only one of the two"; len(notes) != 1 || notes[0] != want {
		t.Errorf("got %q, want %q", notes, want)
	}
}

func TestWiredDevicesTalk(t *testing.T) {
	w := world.New(1)
	a, _ := radioDevice(w, radio.Config{Wired: netip.MustParsePrefix("10.1.0.1/24")})
	b, _ := radioDevice(w, radio.Config{Wired: netip.MustParsePrefix("10.1.0.2/24")})
	var got string
	l := b.Net.Stack().NewTCP()
	l.Bind(lwip.AnyAddr, 80)
	l = l.Listen()
	l.OnAccept = func(c *lwip.TCPConn) lwip.Err {
		c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
			for _, p := range data {
				got += string(p)
			}
			return lwip.OK
		}
		return lwip.OK
	}
	c := a.Net.Stack().NewTCP()
	c.OnConnected = func(c *lwip.TCPConn) lwip.Err { return c.Write([]byte("hello")) }
	c.Connect(netip.MustParseAddr("10.1.0.2"), 80)
	w.Clock.RunUntil(clock.At(clock.Second))
	if got != "hello" {
		t.Errorf("got %q", got)
	}
	a.PressReset()
	w.Clock.RunUntil(clock.At(2 * clock.Second))
	for _, c := range a.Net.Stack().Netstat() {
		if c.Proto == wire.TCP {
			t.Errorf("connection after reset: %+v", c)
		}
	}
}
