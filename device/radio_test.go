package device

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// radioLog is a device's radio events, one line each.
type radioLog []string

func (l *radioLog) add(at clock.Time, e RadioEvent) {
	s := ""
	switch e.Kind {
	case StationConnected:
		s = fmt.Sprintf("connected %s ch %d", e.SSID, e.Channel)
	case StationDisconnected:
		s = fmt.Sprintf("disconnected %s %d", e.SSID, e.Reason)
	case StationGotIP:
		s = fmt.Sprintf("got %s gw %s", e.IP.Prefix, e.IP.Gateway)
	case StationDHCPTimeout:
		s = "dhcp timeout"
	case APStationConnected:
		s = fmt.Sprintf("joined %d", e.AID)
	case APStationDisconnected:
		s = fmt.Sprintf("left %d", e.AID)
	case ModeChanged:
		s = fmt.Sprintf("mode %d>%d", e.Old, e.New)
	case APStationGotIP:
		return
	}
	*l = append(*l, s)
}

// radioDevice is a device without Lua whose radio events are logged from power-on.
func radioDevice(w *World, cfg WiFiConfig) (*Device, *radioLog) {
	log := &radioLog{}
	d := w.AddDevice(Config{Board: testBoard(), WiFi: cfg, Startup: func(*Device) {}})
	d.PowerOn()
	d.Radio().OnEvent = func(e RadioEvent) { log.add(w.Clock.Now(), e) }
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
		w := NewWorld(seed)
		d, log := radioDevice(w, WiFiConfig{})
		w.Clock.RunUntil(clock.At(defaultBootDelay + clock.Second - 1))
		if d.Address(StationIf).IsValid() {
			t.Fatalf("seed %d: address after less than a second", seed)
		}
		w.Clock.RunUntil(clock.At(defaultBootDelay + 3*clock.Second))
		log.expect(t, "connected nodemcu-sim ch 6", "got 192.168.1.10/24 gw 192.168.1.1")
		if got := d.Net().Netif(0); !got.Up || got.Prefix != netip.MustParsePrefix("192.168.1.10/24") {
			t.Fatalf("netif is %+v", got)
		}
		if s := d.Snapshot().WiFi; s != (WiFiSnapshot{Mode: "station", State: "got IP", SSID: "nodemcu-sim", IP: "192.168.1.10"}) {
			t.Fatalf("snapshot is %+v", s)
		}
	}
}

func TestBlankFlashIsAnAccessPoint(t *testing.T) {
	w := NewWorld(1)
	d, log := radioDevice(w, WiFiConfig{Blank: true})
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	log.expect(t)
	if r := d.Radio(); r.Mode() != APMode || r.AP().SSID != "NODE_000000" || r.Status() != StationIdle {
		t.Errorf("mode %v, AP %+v, status %v", r.Mode(), r.AP(), r.Status())
	}
	if got := d.Address(APIf).String(); got != "192.168.4.1/24" {
		t.Errorf("address %s", got)
	}
}

func TestWrongPasswordAndMissingNetwork(t *testing.T) {
	w := NewWorld(1)
	w.Air.Networks = []Network{{SSID: "home", Password: "secret12", Channel: 11}}
	d, log := radioDevice(w, WiFiConfig{SSID: "home", Password: "wrong"})
	r := d.Radio()
	w.Clock.RunUntil(clock.At(11 * clock.Second))
	log.expect(t, "disconnected home 2", "disconnected home 2")
	if r.Status() != StationWrongPassword {
		t.Errorf("status %v", r.Status())
	}
	r.SetStation(StationConfig{SSID: "away"}, false)
	r.Connect()
	w.Clock.RunUntil(clock.At(14 * clock.Second))
	log.expect(t, "disconnected away 201")
	if r.Status() != StationNoAP || r.RSSI() != 31 {
		t.Errorf("status %v, RSSI %d", r.Status(), r.RSSI())
	}
	// The network appears: the station finds it without being told.
	w.Air.Networks = append(w.Air.Networks, Network{SSID: "away", RSSI: -80})
	w.Clock.RunUntil(clock.At(21 * clock.Second))
	if got := []string(*log); len(got) < 2 || got[len(got)-1] != "got 192.168.1.10/24 gw 192.168.1.1" {
		t.Errorf("events %q", got)
	}
	if rssi := r.RSSI(); rssi < -82 || rssi > -78 {
		t.Errorf("RSSI %d", rssi)
	}
}

func TestSettingsInFlashSurviveReset(t *testing.T) {
	w := NewWorld(1)
	d, _ := radioDevice(w, WiFiConfig{Blank: true})
	r := d.Radio()
	r.SetMode(StationAPMode, true)
	r.SetStation(StationConfig{SSID: "kept", Password: "12345678"}, true)
	r.SetStation(StationConfig{SSID: "lost"}, false)
	r.SetAP(APConfig{SSID: "mine", Channel: 3, MaxStations: 4}, true)
	r.SetHostname("lost")
	r.SetMode(NullMode, false)
	d.PressReset()
	if r.Mode() != StationAPMode || r.Station().SSID != "kept" || r.AP().SSID != "mine" || r.Hostname() != "NODE-000" {
		t.Errorf("after reset: %v %+v %+v %s", r.Mode(), r.Station(), r.AP(), r.Hostname())
	}
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	if r.Status() != StationHasIP {
		t.Errorf("status %v", r.Status())
	}
	r.SetAutoConnect(false)
	d.PressReset()
	w.Clock.RunUntil(clock.At(8 * clock.Second))
	if r.Status() != StationIdle {
		t.Errorf("status %v without autoconnect", r.Status())
	}
}

func TestFixedAddress(t *testing.T) {
	w := NewWorld(1)
	d, log := radioDevice(w, WiFiConfig{})
	ip := IPInfo{netip.MustParsePrefix("192.168.1.77/24"), netip.MustParseAddr("192.168.1.1")}
	d.Radio().SetIP(StationIf, ip)
	w.Clock.RunUntil(clock.At(defaultBootDelay + associateMax))
	log.expect(t, "connected nodemcu-sim ch 6", "got 192.168.1.77/24 gw 192.168.1.1")
	other, _ := radioDevice(w, WiFiConfig{})
	w.Clock.RunUntil(clock.At(5 * clock.Second))
	if a, b := d.Address(StationIf), other.Address(StationIf); a == b || !b.IsValid() {
		t.Errorf("addresses %v and %v", a, b)
	}
}

func TestAccessPointsGoDown(t *testing.T) {
	w := NewWorld(1)
	d, log := radioDevice(w, WiFiConfig{})
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	*log = nil
	w.Air.SetDown(true)
	w.Clock.RunUntil(clock.At(5 * clock.Second))
	w.Air.SetDown(false) // in time
	w.Clock.RunUntil(clock.At(15 * clock.Second))
	log.expect(t)
	w.Air.SetDown(true)
	w.Clock.RunUntil(clock.At(22 * clock.Second))
	log.expect(t, "disconnected nodemcu-sim 200")
	if d.Address(StationIf).IsValid() {
		t.Error("still has an address")
	}
	w.Air.SetDown(false)
	w.Clock.RunUntil(clock.At(30 * clock.Second))
	if d.Radio().Status() != StationHasIP {
		t.Errorf("status %v; events %q", d.Radio().Status(), *log)
	}
}

func TestStationInADevicesAccessPoint(t *testing.T) {
	w := NewWorld(1)
	ap, apLog := radioDevice(w, WiFiConfig{Blank: true})
	cfg := ap.Radio().AP()
	cfg.SSID, cfg.Password, cfg.Auth, cfg.MaxStations = "island", "12345678", AuthWPA2, 1
	ap.Radio().SetAP(cfg, true)
	sta, staLog := radioDevice(w, WiFiConfig{SSID: "island", Password: "12345678"})
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	staLog.expect(t, "connected island ch 6", "got 192.168.4.2/24 gw 192.168.4.1")
	apLog.expect(t, "joined 1")
	if c := ap.Radio().APClients(); len(c) != 1 || c[0].MAC != sta.Radio().MAC(StationIf) || c[0].IP.String() != "192.168.4.2" {
		t.Errorf("clients %v", c)
	}
	if dns := sta.Net().DNS(0); dns != defaultAPAddress.Addr() {
		t.Errorf("the access point names %v as DNS server, want itself", dns)
	}
	late, lateLog := radioDevice(w, WiFiConfig{SSID: "island", Password: "12345678"})
	w.Clock.RunUntil(clock.At(6 * clock.Second))
	if late.Address(StationIf).IsValid() || !strings.HasPrefix((*lateLog)[0], "disconnected island 5") {
		t.Errorf("the access point took more than it may: %q", *lateLog)
	}
	late.Radio().Disconnect()
	ap.PressReset()
	w.Clock.RunUntil(clock.At(13 * clock.Second))
	if len(*staLog) == 0 || (*staLog)[0] != "disconnected island 200" {
		t.Errorf("station: %q", *staLog)
	}
	w.Clock.RunUntil(clock.At(20 * clock.Second))
	if !sta.Address(StationIf).IsValid() {
		t.Errorf("the station did not come back: %q", *staLog)
	}
	sta.Radio().SetMode(NullMode, false)
	if c := ap.Radio().APClients(); len(c) != 0 {
		t.Errorf("clients %v", c)
	}
}

func TestScanAndStoredNetworks(t *testing.T) {
	w := NewWorld(1)
	w.Air.Networks = []Network{{SSID: "a", Channel: 1}, {SSID: "b", Password: "12345678", Channel: 6}, {SSID: "c", Hidden: true, Channel: 6}}
	d, _ := radioDevice(w, WiFiConfig{Blank: true})
	r := d.Radio()
	r.SetMode(StationMode, true)
	scan := func(f ScanFilter) (names string) {
		r.Scan(f, func(found []Network) {
			for _, n := range found {
				names += n.SSID
			}
		})
		w.Clock.RunUntil(w.Clock.Now().Add(3 * clock.Second))
		return
	}
	for f, want := range map[ScanFilter]string{{}: "ab", {Hidden: true}: "abc", {Channel: 6}: "b", {SSID: "a"}: "a"} {
		if got := scan(f); got != want {
			t.Errorf("scan %+v: %q, want %q", f, got, want)
		}
	}
	r.SetAPLimit(2)
	for _, ssid := range []string{"a", "b", "a", "c"} {
		r.SetStation(StationConfig{SSID: ssid}, true)
	}
	aps, current := r.StoredAPs()
	if len(aps) != 2 || aps[0].SSID != "a" || aps[1].SSID != "c" || current != 1 {
		t.Errorf("stored %v, %d", aps, current)
	}
	if r.ChangeAP(2) || !r.ChangeAP(0) || r.Station().SSID != "a" {
		t.Errorf("station is %+v", r.Station())
	}
}

func TestRouterSettings(t *testing.T) {
	w := NewWorld(1)
	w.Air.Router = netip.MustParsePrefix("10.1.2.1/16")
	w.Air.DNS = []netip.Addr{netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("8.8.8.8")}
	w.Air.ConnectDelay, w.Air.DHCPDelay = 100*clock.Millisecond, 50*clock.Millisecond
	first, _ := radioDevice(w, WiFiConfig{})
	second, _ := radioDevice(w, WiFiConfig{Lease: netip.MustParseAddr("10.1.0.10")})
	w.Clock.RunUntil(clock.At(defaultBootDelay + 150*clock.Millisecond))
	if a, b := first.Address(StationIf).String(), second.Address(StationIf).String(); a != "10.1.0.11/16" || b != "10.1.0.10/16" {
		t.Errorf("addresses %s and %s", a, b)
	}
	if s := first.Net(); s.DNS(0) != w.Air.DNS[0] || s.DNS(1) != w.Air.DNS[1] {
		t.Errorf("DNS servers %v, %v", s.DNS(0), s.DNS(1))
	}
}

func TestManyDevicesHaveTheirOwnAddresses(t *testing.T) {
	w := NewWorld(1)
	w.Air.Router = netip.MustParsePrefix("10.0.0.1/29") // room for 6 hosts, but leases start at .10
	full, log := radioDevice(w, WiFiConfig{})
	w.Clock.RunUntil(clock.At(70 * clock.Second))
	if full.Address(StationIf).IsValid() || !slices.Contains(*log, "dhcp timeout") {
		t.Errorf("%q", *log)
	}
	w = NewWorld(1)
	seen := map[string]bool{}
	for range 20 {
		radioDevice(w, WiFiConfig{})
	}
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	for _, d := range w.Devices() {
		seen[d.Address(StationIf).String()] = true
		seen[d.Radio().MAC(StationIf).String()] = true
		if w.DeviceAt(d.Address(StationIf).Addr()) != d {
			t.Errorf("%s not found by its address", d.Name)
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d different addresses", len(seen))
	}
}

func TestAddressConflictIsNoted(t *testing.T) {
	w := NewWorld(1)
	var notes []string
	w.Subscribe(func(e Event) {
		if n, ok := e.Data.(NoteData); ok {
			notes = append(notes, e.Device+": "+n.Text)
		}
	})
	radioDevice(w, WiFiConfig{Blank: true})
	radioDevice(w, WiFiConfig{Blank: true})
	if want := "device2: device1 has the address 192.168.4.1, too: packets reach only one of the two"; len(notes) != 1 || notes[0] != want {
		t.Errorf("got %q, want %q", notes, want)
	}
}

func TestWiredDevicesTalk(t *testing.T) {
	w := NewWorld(1)
	a, _ := radioDevice(w, WiFiConfig{Wired: netip.MustParsePrefix("10.1.0.1/24")})
	b, _ := radioDevice(w, WiFiConfig{Wired: netip.MustParsePrefix("10.1.0.2/24")})
	var got string
	l := b.Net().NewTCP()
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
	c := a.Net().NewTCP()
	c.OnConnected = func(c *lwip.TCPConn) lwip.Err { return c.Write([]byte("hello")) }
	c.Connect(netip.MustParseAddr("10.1.0.2"), 80)
	w.Clock.RunUntil(clock.At(clock.Second))
	if got != "hello" {
		t.Errorf("got %q", got)
	}
	a.PressReset()
	w.Clock.RunUntil(clock.At(2 * clock.Second))
	for _, c := range a.Net().Netstat() {
		if c.Proto == wire.TCP {
			t.Errorf("connection after reset: %+v", c)
		}
	}
}
