package wifimonitor

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

var (
	home = air.Network{SSID: "home", Password: "secret12", BSSID: air.MAC{0x5c, 1, 2, 3, 4, 5}, Channel: 3, RSSI: -50}
	cafe = air.Network{SSID: "cafe", BSSID: air.MAC{0x5c, 1, 2, 3, 4, 6}, Channel: 11, RSSI: -70}
)

// listener boots a device in a world with these networks, that has left its own.
func listener(t testing.TB, files map[string]string, nets ...air.Network) *terminal.Terminal {
	x := terminal.New(t, files, node.Module, tmr.Module, wifi.Module, Module)
	x.World.Air.Networks = nets
	if out := x.Run("wifi.sta.disconnect()"); out != "" {
		t.Fatal(out)
	}
	return x
}

// hints are those that the device gave.
func hints(x *terminal.Terminal) string {
	var all []string
	for _, e := range x.Events {
		if h, ok := e.Data.(event.Hint); ok {
			all = append(all, h.Text)
		}
	}
	return strings.Join(all, "\n")
}

// The documentation's example, stepping through the channels.
const survey = `
local heard, channel = {}, 1
wifi.monitor.start(13, 0x80, function(packet)
	local line = packet.bssid_hex .. " " .. packet.ie_ssid .. " on " .. packet[3]:byte()
	if not heard[line] then heard[line] = true print(line, packet.channel) end
end)
tmr.create():alarm(150, tmr.ALARM_AUTO, function(t)
	channel = channel + 1
	if channel > 13 then t:unregister() wifi.monitor.stop() print("end", next(heard) ~= nil) return end
	wifi.monitor.channel(channel)
end)`

func TestSurvey(t *testing.T) {
	run := func() string {
		x := listener(t, map[string]string{"survey.lua": survey}, home, cafe)
		x.Run(`dofile("survey.lua")`)
		got := x.Output()
		x.Wait(3 * clock.Second)
		return got + x.Output()
	}
	got := run()
	want := "5c:01:02:03:04:05 home on 3\t3\n5c:01:02:03:04:06 cafe on 11\t11\nend\ttrue\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if again := run(); again != got {
		t.Errorf("another run printed %q", again)
	}
}

// All that a beacon says.
func TestBeacon(t *testing.T) {
	x := listener(t, map[string]string{"p.lua": `
wifi.monitor.start(13, 0x80, function(packet) if not P then P, T = packet, tmr.now() else D = tmr.now() - T Q = packet wifi.monitor.stop() end end)
wifi.monitor.channel(3)`}, home)
	x.Run(`dofile("p.lua")`)
	x.Wait(clock.Second)
	for _, tt := range []struct{ lua, want string }{
		{`P.type, P.subtype, P.protocol, P.tods, P.fromds, P.retry, P.duration`, "0\t8\t0\t0\t0\t0\t0"},
		{`P.srcmac_hex, P.dstmac_hex, P.bssid_hex`, "ff:ff:ff:ff:ff:ff\t5c:01:02:03:04:05\t5c:01:02:03:04:05"},
		{`P.bssid == P.dstmac, #P.srcmac, P.is_group, P.channel, P.rate, P.sig_mode`, "true\t6\t1\t3\t0\t0"},
		{`P.rssi >= -52 and P.rssi <= -48, P.radio:byte() == P.rssi + 256`, "true\ttrue"},
		{`P.beacon_interval, P.capability, #P.timestamp, #P.header`, "100\t1073\t8\t12"},
		{`P[0], P.ie_ssid, P.ie_table[0], P[1] == P.ie_supported_rates, P[3]:byte(), #P[48], P[7], P.ie_country`, "home\thome\thome\ttrue\t3\t20\tnil\tnil"},
		// What is not whole in the 112 bytes that the SDK gives is not there.
		{`#P[50], P[45], P[61], P[221]`, "4\tnil\tnil\tnil"},
		{`#P.frame, #P.frame_hex, #P.radio, P.legacy_length > 112, P:frame_byte(1)`, "112\t335\t12\ttrue\t128"},
		{`D, Q.number - P.number, Q.timestamp:byte(2) - P.timestamp:byte(2)`, "102400\t16\t-112"},
		{`P.status, P.reason, P.association_id, P.current_ap, P.nothing, P[256], P[-1], P[0.9]`, "nil\tnil\tnil\tnil\tnil\tnil\tnil\thome"},
		{`P:frame_sub(38, 41), P:frame_sub(-2, 200) == P.frame:sub(-2), P:frame_sub(0) == P.frame, P:frame_sub(5, 4) == ""`, "\x04hom\ttrue\ttrue\ttrue"},
		{`P:frame_subhex(17, 22), P:frame_subhex(17, 19, "-"), P:frame_subhex(2, 1), P:radio_subhex(11, 12, ":")`, "5c0102030405\t5c-01-02\t\t03:00"},
		{`P:radio_byte(11), P:radio_byte(12), P:radio_byte(13), P:frame_byte(0), P:frame_byte(112) ~= nil, P:frame_byte(113)`, "3\t0\tnil\tnil\ttrue"},
		{`P:radio_sub(11, 11), P:radio_sub(-12) == P.radio, P.radio_sub == P.radio_sub`, "\x03\ttrue\ttrue"},
		{`pcall(P.radio_byte)`, "false\tbad argument #1 to '?' (wifi.packet expected, got no value)"},
		{`pcall(function() return P:frame_sub() end)`, "false\tstdin:1: bad argument #1 to 'frame_sub' (number expected, got no value)"},
		{`pcall(function() return P[true] end)`, "false\tstdin:1: bad argument #2 to '?' (string expected, got boolean)"},
		{`pcall(function() return P:ie_table() end)`, "false\tstdin:1: attempt to call method 'ie_table' (a table value)"},
		{`pcall(function() P.x = 1 end)`, "false\tstdin:1: attempt to index global 'P' (a userdata value)"},
		{`tostring(P):match("^[^:]*"), type(getmetatable(P).__index), getmetatable(P).radio_byte`, "userdata\tfunction\tnil"},
	} {
		if got := x.Run("print(" + tt.lua + ")"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.lua, got, tt.want)
		}
	}
}

//go:embed testdata/attributes.txt
var attributes string

// Every attribute of the documentation page is one here, and the other way round.
func TestAttributes(t *testing.T) {
	documented := strings.Fields(attributes)
	for _, name := range documented {
		if fields[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	for name := range fields {
		if !slices.Contains(documented, name) {
			t.Errorf("%s is not documented", name)
		}
	}
	ids := map[int]string{}
	for name, id := range elementNames {
		if ids[id] != "" {
			t.Errorf("element %d is both %s and %s", id, ids[id], name)
		}
		ids[id] = name
	}
}

// What filters let pass, on the channel of one network.
func TestFilters(t *testing.T) {
	for _, tt := range []struct{ args, want, hint string }{
		{"", "8", ""},
		{"13, 0x80, ", "8", ""},
		{"13, 0x80, 0xf0, ", "8", ""},
		{"23, 0x5c, ", "8", ""},
		{"13, 0x180, 0x1ff, ", "8", ""},
		{"13, 0x40, ", "", ""},
		{"13, 0x81, 0xf0, ", "", "has bits that the mask 0xf0 takes away"},
		{"13, 0x08, ", "", "drops all data and control frames"},
		{"13, 8, 0x0c, ", "", "drops all data and control frames"},
		{"0, 0x80, ", "", "no packet has a byte 256"},
		{"129, 0, ", "8", "no packet has a byte 129"},
		{"130, 0, ", "", "no packet has a byte 130"},
	} {
		x := listener(t, nil, home)
		x.Run(`wifi.monitor.start(` + tt.args + `function(p) R = p.subtype end) wifi.monitor.channel(3)`)
		x.Wait(200 * clock.Millisecond)
		if got := x.Run(`print(R or "")`); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.args, got, tt.want)
		}
		if all := hints(x); !strings.Contains(all, tt.hint) || tt.hint == "" && strings.Contains(all, "no packet") {
			t.Errorf("%s: hints %q, want %q", tt.args, all, tt.hint)
		}
	}
}

// When monitoring begins, by what the station is at.
func TestStart(t *testing.T) {
	const start = `wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function(e) print("event", e.reason) end)
		wifi.monitor.start(function() N = (N or 0) + 1 end) print(wifi.getmode(), wifi.monitor.channel()) tmr.create():alarm(50, 0, function() wifi.monitor.channel(3) end)`
	for _, tt := range []struct {
		name, before string
		wait         clock.Duration
		want         string
		heard        bool
		hint         string
	}{
		{"idle", "wifi.sta.disconnect()", 0, "1\t1", true, "switches off auto-connect"},
		{"connected", "", 6 * clock.Second, "1\t1", true, "switches off auto-connect"},
		{"connecting", "wifi.sta.disconnect() wifi.sta.connect()", 0, "1\t1", false, "it is not connected, so that never happens"},
		{"connecting, again", "wifi.sta.disconnect() wifi.sta.connect() wifi.monitor.start(print)", 0, "1\t1", true, "it is not connected, so that never happens"},
		{"failed", `wifi.sta.config{ssid = "away"}`, 6 * clock.Second, "1\t1", false, "it is not connected, so that never happens"},
		{"access point", "wifi.sta.disconnect() wifi.setmode(wifi.SOFTAP)", 0, "1\t6", false, "it is not connected, so that never happens"},
		{"both", "wifi.sta.disconnect() wifi.setmode(wifi.STATIONAP)", 0, "1\t1", true, "switches off auto-connect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, map[string]string{"p.lua": start}, node.Module, tmr.Module, wifi.Module, Module)
			x.World.Air.Networks = []air.Network{{SSID: air.DefaultSSID, Channel: 3}}
			x.Run(tt.before)
			x.Wait(tt.wait)
			x.Output()
			if got := x.Run(`dofile("p.lua")`); tt.name != "access point" && got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			x.Wait(3 * clock.Second)
			if out := x.Output(); out != "" {
				t.Errorf("wifi.eventmon got what is wifi.monitor's: %q", out)
			}
			if got, want := x.Run("print(N and N > 25, wifi.getchannel())"), fmt.Sprintf("%v\t3", tt.heard); strings.Replace(got, "nil", "false", 1) != want {
				t.Errorf("heard: got %q, want %q", got, want)
			}
			if all := hints(x); !strings.Contains(all, tt.hint) {
				t.Errorf("hints %q, want %q", all, tt.hint)
			}
		})
	}
}

// stop hears nothing more, and the device joins its network only when it is told to.
func TestStop(t *testing.T) {
	x := listener(t, nil, air.Network{SSID: air.DefaultSSID, Channel: 3})
	x.Run("N = 0 wifi.monitor.start(function() N = N + 1 end) wifi.monitor.channel(3)")
	x.Wait(clock.Second)
	// While it runs the station and its mode are out of reach.
	if got := x.Run("print(N) wifi.sta.connect() print(wifi.sta.status(), wifi.setmode(wifi.SOFTAP), wifi.sta.getap(print))"); got != "11\n0\t1" {
		t.Errorf("while monitoring: %q", got)
	}
	if all := hints(x); !strings.Contains(all, "this does nothing while wifi.monitor runs") {
		t.Errorf("hints %q", all)
	}
	x.Run("wifi.monitor.stop() N = 0")
	x.Wait(5 * clock.Second)
	if got := x.Run("print(N, wifi.sta.status(), wifi.getmode())"); got != "0\t0\t1" {
		t.Errorf("afterwards: %q", got)
	}
	before := x.World.Clock.Happened()
	x.Wait(5 * clock.Second)
	if n := x.World.Clock.Happened() - before; n > 20 {
		t.Errorf("%d events in a world where nobody listens", n)
	}
	x.Reboot()
	x.Wait(5 * clock.Second)
	if got := x.Run("print(wifi.sta.status())"); got != "0" {
		t.Errorf("after a restart: %q", got)
	}
	x.Run("wifi.sta.connect()")
	x.Wait(5 * clock.Second)
	if got := x.Run("print(wifi.sta.status())"); got != "5" {
		t.Errorf("after connect: %q", got)
	}
}

// A packet is a userdata of 130 bytes with a header of 24 before it, in blocks of 8 with a
// header of 8. What the SDK and the firmware take on the way is given back; the functions of
// earlier starts are not.
func TestMemory(t *testing.T) {
	x := listener(t, nil, home)
	x.Run("K = {0, 0, 0, 0, 0, 0, 0, 0} I = 0 local f = function(p) if I < 8 then I = I + 1 K[I] = p end end wifi.monitor.start(f) collectgarbage() H = node.heap() wifi.monitor.channel(3)")
	x.Wait(2 * clock.Second)
	got := x.Run("wifi.monitor.channel(14) collectgarbage() print(I, H - node.heap())")
	var n, bytes int
	if fmt.Sscan(got, &n, &bytes); n != 8 || bytes < 8*(130+16) || bytes > 8*(130+40) {
		t.Errorf("eight packets: %q", got)
	}
	got = x.Run("wifi.monitor.stop() K = nil collectgarbage() collectgarbage() print(H - node.heap())")
	if fmt.Sscan(got, &bytes); bytes > 0 {
		t.Errorf("without them: %q", got)
	}
	leak := "for i = 1, 20 do wifi.monitor.start(function() return i end) end wifi.monitor.stop() collectgarbage()"
	got = x.Run("collectgarbage() H = node.heap() " + leak + " print(H - node.heap())")
	if fmt.Sscan(got, &bytes); bytes < 19*40 {
		t.Errorf("functions of earlier starts: %q", got)
	}
}

func TestErrorIsAPanic(t *testing.T) {
	x := listener(t, nil, home)
	out := x.Run(`wifi.monitor.start(function(p) error("oops") end) wifi.monitor.channel(3)`)
	x.Wait(500 * clock.Millisecond)
	if out += x.Output(); !strings.Contains(out, "PANIC: unprotected error in call to Lua API (stdin:1: oops)") {
		t.Errorf("%q", out)
	}
}

// A program that keeps the CPU loses what there is no room for.
func TestBusy(t *testing.T) {
	x := listener(t, nil, home)
	x.Run("N = 0 H = node.heap() wifi.monitor.start(function(p) if N == 0 then tmr.delay(5000000) end N = N + 1 end) wifi.monitor.channel(3)")
	x.Wait(5200 * clock.Millisecond)
	if got := x.Run("wifi.monitor.stop() print(N, N < 30)"); !strings.HasSuffix(got, "true") {
		t.Errorf("%q", got)
	}
	if all := hints(x); !strings.Contains(all, "frames come faster than the program takes them") {
		t.Errorf("hints %q", all)
	}
}

// Another device is heard: it looks for its network, joins it, and leaves it.
func TestOthers(t *testing.T) {
	x := listener(t, map[string]string{"p.lua": `
wifi.monitor.start(13, 0, 0x0c, function(p)
	if p.subtype == 8 then return end
	local t = {p.subtype, p.dstmac_hex, p.ie_ssid, p.status, p.reason, p.association_id, p.authentication_transaction, p.listen_interval}
	local out = {}
	for i = 1, 8 do out[i] = tostring(t[i]) end
	print(table.concat(out, " "))
end)
wifi.monitor.channel(3)`}, home)
	x.Run(`dofile("p.lua")`)
	x.Wait(clock.Second)
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	other := device.New(x.World, device.Config{Board: board, Name: "other", HostCPU: true,
		WiFi: radio.Config{SSID: home.SSID, Password: home.Password, MAC: air.MAC{0x5c, 0xcf, 0x7f, 0xab, 0xcd, 0xef}}, Startup: func(*device.Device) {}})
	other.PowerOn()
	x.Output()
	x.Wait(4 * clock.Second)
	x.World.Clock.Do(0, func() { other.Radio.Station.Disconnect() })
	x.World.Clock.Do(clock.Second, func() { other.Radio.Scan(radio.ScanFilter{Channel: 3}, func([]air.Network, bool) {}) })
	x.Wait(3 * clock.Second)
	want := `
4 5c:cf:7f:ab:cd:ef home nil nil nil nil nil
5 5c:01:02:03:04:05 home nil nil nil nil nil
11 5c:cf:7f:ab:cd:ef nil 0 nil nil 1 nil
11 5c:01:02:03:04:05 nil 0 nil nil 2 nil
0 5c:cf:7f:ab:cd:ef home nil nil nil nil 3
1 5c:01:02:03:04:05 nil 0 nil 49153 nil nil
10 5c:cf:7f:ab:cd:ef nil nil nil nil nil nil
4 5c:cf:7f:ab:cd:ef  nil nil nil nil nil
5 5c:01:02:03:04:05 home nil nil nil nil nil
`
	if got := "\n" + x.Output(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// FuzzPacket reads everything of packets whose bytes may be any.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x80, 0})
	f.Add([]byte(strings.Repeat("\xff", frameRoom)))
	f.Add([]byte("\xb0\x00" + strings.Repeat("\x01", 100)))
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := &packet{data: make([]byte, radio.ManagementLen)}
		copy(p.data[frameAt:], frame)
		p.elements(func(byte, []byte) bool { return true })
		for name := range fields {
			if f, ok := find(name, p.subtype()); ok && f.kind <= signed {
				f.number(p.data)
			}
		}
		for id := range 256 {
			if data, ok := p.element(id); ok && len(data) > 255 {
				t.Errorf("element %d has %d bytes", id, len(data))
			}
		}
	})
}
