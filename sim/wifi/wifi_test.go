package wifi

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// bench is a world with one device that runs Lua at boot; what it prints is
// collected.
type bench struct {
	t   *testing.T
	w   *world.World
	d   *device.Device
	out strings.Builder
}

func run(t *testing.T, src string, cfg radio.Config, setup func(*world.World)) *bench {
	t.Helper()
	b := &bench{t: t, w: world.New(7)}
	if setup != nil {
		setup(b.w)
	}
	b.d = b.device(src, cfg)
	return b
}

func (b *bench) device(src string, cfg radio.Config) *device.Device {
	d := device.New(b.w, device.Config{
		Board:   &board.Board{Name: "test", ChipID: 0x0a1bc7, CPU: board.CPU{MHz: 80, Instruction: 1, Call: 1}, FS: board.FS{Size: 0x100000}},
		Modules: []device.Module{Module},
		WiFi:    cfg,
		Startup: func(d *device.Device) {
			d.VM.OpenModule("test", []vm.Func{{Name: "log", Fn: func(c *vm.Call) int {
				for i := 1; i <= c.NArgs(); i++ {
					if i > 1 {
						b.out.WriteByte(' ')
					}
					b.out.WriteString(show(c, c.Arg(i)))
				}
				b.out.WriteByte('\n')
				return 0
			}}, {Name: "err", Fn: func(c *vm.Call) int {
				fn := c.Function(1)
				_, err := c.PCall(fn, 0, nil)
				if err == nil {
					b.out.WriteString("no error\n")
				} else {
					b.out.WriteString(err.Message() + "\n")
				}
				return 0
			}}}, nil)
			fn, err := d.VM.Load([]byte("local log, err = test.log, test.err\n"+src), "@init.lua")
			if err != nil {
				b.t.Fatal(err)
			}
			d.Run("init.lua", fn)
		},
	})
	b.w.Subscribe(func(e world.Event) {
		if x, ok := e.Data.(event.LuaError); ok && e.Device == d.Name() {
			b.out.WriteString("ERROR " + x.Message + "\n")
		}
	})
	d.PowerOn()
	return d
}

// show prints a value; a table as its sorted fields.
func show(c *vm.Call, v vm.Value) string {
	if t, ok := v.(*vm.Table); ok {
		var lines []string
		for k, x, _ := c.VM.RawNext(t, vm.Nil); k != vm.Nil; k, x, _ = c.VM.RawNext(t, k) {
			lines = append(lines, show(c, k)+": "+show(c, x))
		}
		slices.Sort(lines)
		return strings.Join(lines, "; ")
	}
	if s, ok := c.VM.ToString(v); ok {
		return s
	}
	if b, ok := v.(vm.Bool); ok {
		return strconv.FormatBool(bool(b))
	}
	return c.VM.TypeName(v)
}

// expect runs until t and compares what was printed since the last time.
func (b *bench) expect(until clock.Time, want string) {
	b.t.Helper()
	b.w.Clock.RunUntil(until)
	if got := b.out.String(); got != want {
		b.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.out.Reset()
}

const listener = `
local e = wifi.eventmon
e.register(e.STA_CONNECTED, function(t) log("connected", t.SSID, t.BSSID, t.channel) end)
e.register(e.STA_DISCONNECTED, function(t) log("disconnected", t.SSID, t.reason) end)
e.register(e.STA_GOT_IP, function(t) log("got", t.IP, t.netmask, t.gateway) end)
e.register(e.STA_DHCP_TIMEOUT, function(t) log("timeout") end)
e.register(e.AP_STACONNECTED, function(t) log("joined", t.MAC, t.AID) end)
e.register(e.AP_STADISCONNECTED, function(t) log("left", t.MAC, t.AID) end)
e.register(e.WIFI_MODE_CHANGED, function(t) log("mode", t.old_mode, t.new_mode) end)
`

// TestUsualProgram is what most programs do at start.
func TestUsualProgram(t *testing.T) {
	b := run(t, listener+`
log(wifi.setmode(wifi.STATION), wifi.sta.getip())
log(wifi.sta.config{ssid="home", pwd="12345678"})
log(wifi.sta.status() == wifi.STA_CONNECTING)`, radio.Config{}, nil)
	b.expect(clock.At(250*clock.Millisecond), "1 nil\ntrue\ntrue\n")
	b.expect(clock.At(4*clock.Second), "connected home 02:cc:7e:6f:9d:6e 6\ngot 192.168.1.10 255.255.255.0 192.168.1.1\n")
	if s := b.d.Snapshot().WiFi; s.State != "got IP" || s.SSID != "home" || s.IP != "192.168.1.10" {
		t.Errorf("snapshot %+v", s)
	}
	b.d.PressReset()
	b.expect(clock.At(8*clock.Second), "1 nil\ntrue\ntrue\nconnected home 02:cc:7e:6f:9d:6e 6\ngot 192.168.1.10 255.255.255.0 192.168.1.1\n")
}

func TestStationCalls(t *testing.T) {
	b := run(t, `
log(wifi.getmode(), wifi.getdefaultmode(), wifi.getphymode(), wifi.getchannel(), wifi.sta.sleeptype())
log(wifi.sta.getmac(), wifi.ap.getmac(), wifi.sta.gethostname(), wifi.sta.getrssi())
log(wifi.sta.getconfig())
log(wifi.sta.getapinfo().qty, wifi.sta.getapinfo()[1].ssid, wifi.sta.getapindex())
log(wifi.sta.setip{ip="10.0.0.9", netmask="255.255.0.0", gateway="10.0.0.1"})
log(wifi.sta.getip())
log(wifi.sta.getbroadcast())
log(wifi.sta.setmac("DE:AD:BE:EF:7A:C0"), wifi.sta.getmac())
log(wifi.sta.setmac("01:00:00:00:00:00"), wifi.ap.setmac("02:00:00:00:00:00"))
log(wifi.sta.sethostname("a-1"), wifi.sta.gethostname())
log(wifi.setphymode(wifi.PHYMODE_G), wifi.sta.sleeptype(wifi.NONE_SLEEP), wifi.nullmodesleep(false), wifi.nullmodesleep())
log(wifi.sta.config{ssid="x", bssid="AA-BB-CC-DD-EE-FF", auto=false, save=false})
local c = wifi.sta.getconfig(true)
log(c.ssid, c.pwd, c.bssid_set, c.bssid)
c = wifi.sta.getdefaultconfig(true)
log(c.ssid, c.pwd, c.bssid_set, c.bssid)
log(wifi.sta.changeap(2), wifi.sta.changeap(1), wifi.sta.setaplimit(5), (wifi.sta.getconfig()))
log(wifi.sta.clearconfig(), wifi.sta.getconfig())
log(wifi.setmode(wifi.SOFTAP), wifi.sta.config{ssid="x"}, wifi.sta.setip{ip="1.2.3.4"})
log(wifi.setcountry{country="us", end_ch=11}, wifi.getcountry().country, wifi.getcountry().end_ch)
log(wifi.eventmon.reason.NO_AP_FOUND, wifi.eventmon.EVENT_MAX, wifi.startsmart, wifi.monitor)
`, radio.Config{SSID: "home", Password: "secret12"}, nil)
	b.expect(clock.At(clock.Second), `1 1 3 1 2
5c:cf:7f:0a:1b:c7 5e:cf:7f:0a:1b:c7 NODE-A1BC7 nil
home secret12 0 ff:ff:ff:ff:ff:ff
1 home 1
true
10.0.0.9 255.255.0.0 10.0.0.1
10.0.255.255
true de:ad:be:ef:7a:c0
false false
true a-1
2 0 false false
true
x nil true aa:bb:cc:dd:ee:ff
home secret12 false ff:ff:ff:ff:ff:ff
false true true home
true   0 ff:ff:ff:ff:ff:ff
2 false false
true US 11
201 10 nil nil
`)
}

func TestAccessPoint(t *testing.T) {
	b := run(t, listener+`
log(wifi.ap.getip())
log(wifi.ap.getconfig())
log(wifi.ap.config{ssid="island", pwd="12345678", max=1, channel=3, hidden=1})
local c = wifi.ap.getconfig(true)
log(c.ssid, c.pwd, c.auth == wifi.WPA_WPA2_PSK, c.channel, c.hidden, c.max, c.beacon)
log(wifi.ap.dhcp.config{start="192.168.4.100"})
log(wifi.ap.getbroadcast())
log(wifi.ap.dhcp.start(), wifi.ap.dhcp.stop(), wifi.ap.dhcp.start())
e.register(e.AP_STACONNECTED, function(t)
  log("joined", t.MAC, t.AID)
  log("clients", wifi.ap.getclient())
end)
function kick() log(wifi.ap.deauth("5c:cf:7f:0a:1b:c8")) end
`, radio.Config{Blank: true}, nil)
	b.device(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) log("station got", t.IP) end)
wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function(t) log("station lost", t.reason) end)
`, radio.Config{SSID: "island", Password: "12345678"})
	b.expect(clock.At(4*clock.Second), `192.168.4.1 255.255.255.0 192.168.4.1
NODE_0A1BC7 nil
true
island 12345678 true 3 true 1 100
192.168.4.100 192.168.4.100
192.168.4.255
false true true
joined 5c:cf:7f:0a:1b:c8 1
clients 5c:cf:7f:0a:1b:c8: 0.0.0.0
station got 192.168.4.100
`)
	b.d.PostTask(ets.Low, func() {
		b.d.Run("kick", b.d.VM.RawGetString(b.d.VM.Globals(), "kick"))
	})
	b.expect(clock.At(4100*clock.Millisecond), "true\nstation lost 2\nleft 5c:cf:7f:0a:1b:c8 1\n")
}

func TestScan(t *testing.T) {
	b := run(t, `
wifi.sta.getap(log)
function more() wifi.sta.getap({ssid="cafe", show_hidden=1}, 1, log) end`,
		radio.Config{}, func(w *world.World) {
			w.Air.Networks = []air.Network{
				{SSID: "cafe", RSSI: -70, Channel: 1, Hidden: true, BSSID: air.MAC{2, 0, 0, 0, 0, 1}},
				{SSID: "home", Password: "12345678", RSSI: -60, Channel: 11, BSSID: air.MAC{2, 0, 0, 0, 0, 2}},
			}
		})
	b.expect(clock.At(clock.Second), "")
	b.expect(clock.At(3*clock.Second), "home: 3,-60,02:00:00:00:00:02,11\n")
	b.d.PostTask(ets.Low, func() { b.d.Run("more", b.d.VM.RawGetString(b.d.VM.Globals(), "more")) })
	b.expect(clock.At(7*clock.Second), "02:00:00:00:00:01: cafe,-70,0,1\n")
}

func TestErrors(t *testing.T) {
	tests := []struct{ src, want string }{
		{`wifi.setmode(4)`, "bad argument #1 to 'setmode' (Invalid mode)"},
		{`wifi.setmode(1, 1)`, "bad argument #2 to 'setmode' (boolean expected, got number)"},
		{`wifi.setphymode(4)`, "wrong arg type"},
		{`wifi.setmaxtxpower(83)`, "bad argument #1 to 'setmaxtxpower' (tx power out of range (0->82))"},
		{`wifi.suspend()`, "wifi.suspend is unavailable"},
		{`wifi.sta.config("home", "secret")`, "bad argument #1 to 'config' (config table not found!)"},
		{`wifi.sta.config{}`, "bad argument #1 to 'config' (ssid required)"},
		{`wifi.sta.config{ssid={}}`, "bad argument #1 to 'config' (ssid:not string)"},
		{`wifi.sta.config{ssid="012345678901234567890123456789012"}`, "bad argument #1 to 'config' (ssid: length:0-32)"},
		{`wifi.sta.config{ssid="x", auto=1}`, "bad argument #1 to 'config' (auto:not boolean)"},
		{`wifi.sta.config{ssid="x", bssid="1"}`, "bad argument #1 to 'config' (bssid: FF:FF:FF:FF:FF:FF)"},
		{`wifi.sta.config{ssid="x", got_ip_cb=1}`, "bad argument #1 to 'config' (gotip_cb:not function)"},
		{`wifi.sta.autoconnect(2)`, "bad argument #1 to 'autoconnect' (0 or 1)"},
		{`wifi.sta.sethostname("-a")`, "bad argument #1 to 'sethostname' (Invalid hostname)"},
		{`wifi.sta.setmac("1")`, "bad argument #1 to 'setmac' (MAC:FF:FF:FF:FF:FF:FF)"},
		{`wifi.sta.setip("1.2.3.4")`, "wrong arg type"},
		{`wifi.sta.changeap(0)`, "bad argument #1 to 'changeap' (Valid range: 1-5)"},
		{`wifi.sta.getap()`, "wrong arg type"},
		{`wifi.sta.getap({channel=14}, print)`, "channel: 0 or 1-13"},
		{`wifi.ap.config("x")`, "bad argument #1 to 'config' (table expected, got string)"},
		{`wifi.ap.config{ssid="x", pwd="1234567"}`, "bad argument #1 to 'config' (pwd: length:0 or 8-64)"},
		{`wifi.ap.config{ssid="x", max=5}`, "bad argument #1 to 'config' (max: 1-4)"},
		{`wifi.ap.config{ssid="x", hidden="1"}`, "bad argument #1 to 'config' (hidden: not boolean)"},
		{`wifi.ap.getclient()`, "Can't list clients in STATION mode"},
		{`wifi.ap.dhcp.config{}`, "wrong arg type"},
		{`wifi.eventmon.register(11, function() end)`, "valid wifi events:0-10"},
		{`wifi.setcountry{country="u1"}`, "bad argument #1 to 'setcountry' (country: country code must be 2 chars)"},
		{`wifi.setcountry{start_ch=5, end_ch=4}`, "bad argument #1 to 'setcountry' (end_ch: can't be less than start_ch)"},
	}
	for _, test := range tests {
		b := run(t, "err(function() "+test.src+" end)", radio.Config{}, nil)
		b.w.Clock.RunUntil(clock.At(clock.Second / 2))
		if got := b.out.String(); !strings.HasSuffix(got, "init.lua:2: "+test.want+"\n") {
			t.Errorf("%s: got %q, want %q", test.src, got, test.want)
		}
	}
}

// TestEventsOfHostileProgram checks that callbacks that fail, vanish or reset
// leave the monitor in order.
func TestEventsOfHostileProgram(t *testing.T) {
	b := run(t, `
local e = wifi.eventmon
e.register(e.WIFI_MODE_CHANGED, function(t)
  log("mode", t.new_mode)
  e.unregister(e.WIFI_MODE_CHANGED)
end)
wifi.setmode(0) wifi.setmode(2) wifi.setmode(0)
e.register(e.STA_CONNECTED, function(t) nothing() end)
wifi.setmode(1)`, radio.Config{}, nil)
	b.w.Clock.RunUntil(clock.At(1500 * clock.Millisecond))
	got := b.out.String()
	if !strings.HasPrefix(got, "mode 0\nERROR ") || !strings.Contains(got, "init.lua:9: attempt to call") || strings.Count(got, "ERROR") != 1 {
		t.Errorf("got %q", got)
	}
}

// TestOddArguments goes through what the firmware makes of arguments that nobody would
// write on purpose: numbers that are cut to a byte, texts with a NUL, metatables.
func TestOddArguments(t *testing.T) {
	tests := []struct{ src, want string }{
		{`log(wifi.setmaxtxpower("10"), wifi.setmaxtxpower(10, "last"), wifi.setmaxtxpower(10.5))`, "10 last 10.5"},
		{`log(wifi.setcountry{start_ch=257, policy=256}, wifi.getcountry().start_ch, wifi.getcountry().policy)`, "true 1 0"},
		{`log(wifi.setcountry{start_ch=14}, wifi.getcountry().start_ch, wifi.getcountry().end_ch)`, "true 14 13"},
		{`log(wifi.setcountry(setmetatable({}, {__index={country="de"}})), wifi.getcountry().country)`, "true DE"},
		{`err(function() wifi.setcountry(setmetatable({}, {__index=function(t, k) error(k, 0) end})) end)`, "country"},
		{`log(wifi.sta.config(setmetatable({}, {__index={ssid="zz", save=false}})), (wifi.sta.getconfig()))`, "true zz"},
		{`wifi.sta.config{ssid="a\0b", pwd="c\0d"} log(wifi.sta.getconfig())`, "a c 0 ff:ff:ff:ff:ff:ff"},
		{`wifi.setmode(3) wifi.ap.config{ssid="a\0b", pwd="1234567\0"} log(wifi.ap.getconfig())`, "a 1234567"},
		{`wifi.setmode(3) wifi.ap.config(setmetatable({ssid="a"}, {__index={hidden=true}})) log(wifi.ap.getconfig(true).hidden)`, "true"},
		{`wifi.setmode(3) log(wifi.ap.dhcp.config{start="10.0.0.254"})`, "10.0.0.254 10.0.0.1"},
		{`log(wifi.sta.changeap(257), wifi.sta.changeap(261))`, "true false"},
		{`err(function() wifi.sta.changeap(256) end)`, "init.lua:2: bad argument #1 to 'changeap' (Valid range: 1-5)"},
		{`err(function() wifi.sta.setaplimit(257) end)`, "init.lua:2: bad argument #1 to 'setaplimit' (Valid range: 1-5)"},
		{`log(pcall(wifi.sta.getap, {channel=256, show_hidden=1.5}), pcall(wifi.sta.getap, 256), pcall(wifi.sta.getap, 1.9))`, "true true true"},
		{`err(function() wifi.sta.getap({bssid=""}) end)`, "init.lua:2: bad argument #1 to 'getap' (MAC:FF:FF:FF:FF:FF:FF)"},
		{`err(function() wifi.sta.getap({channel=-1}) end)`, "init.lua:2: channel: 0 or 1-13"},
		{`wifi.sta.connect(print, 255, print) log("no")`, "ERROR init.lua:2: valid wifi events:0-10"},
		{`err(function() wifi.sta.disconnect(print, "x") end)`, "init.lua:2: bad argument #1 to 'disconnect' (number expected, got string)"},
		{`log(select("#", wifi.sta.connect(print, 3)))`, "0"},
	}
	for _, test := range tests {
		b := run(t, test.src, radio.Config{}, nil)
		b.w.Clock.RunUntil(clock.At(clock.Second / 2))
		if got, _, _ := strings.Cut(b.out.String(), "\n"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.src, got, test.want)
		}
	}
}

// TestGetapCallback checks in which place the callback of a scan is found.
func TestGetapCallback(t *testing.T) {
	for _, args := range []string{"f", "1, f", "nil, f", "nil, 1, f", "nil, 'x', f", "{}, f", "{}, 1, f", "{}, 'x', f", "{}, nil, f"} {
		b := run(t, "f = function() log('called') end wifi.sta.getap("+args+")", radio.Config{}, nil)
		b.w.Clock.RunUntil(clock.At(5 * clock.Second))
		if got := b.out.String(); got != "called\n" {
			t.Errorf("getap(%s): %q", args, got)
		}
	}
}

// TestEventAfterError is the firmware's event monitor after a callback that failed: it
// takes what luaL_pcallx has left on the stack for its queue, and the CPU stops there.
func TestEventAfterError(t *testing.T) {
	b := run(t, `
local e = wifi.eventmon
e.register(e.WIFI_MODE_CHANGED, function(t)
  log("mode", t.new_mode)
  error("x", 0)
end)
wifi.setmode(0) wifi.setmode(2)`, radio.Config{}, nil)
	hints := 0
	b.w.Subscribe(func(e world.Event) {
		if x, ok := e.Data.(event.Hint); ok && strings.Contains(x.Text, "wifi.eventmon") {
			hints++
		}
	})
	b.w.Clock.RunUntil(clock.At(clock.Second / 2))
	if got, want := b.out.String(), "mode 0\nERROR x\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if r := b.d.BootReason(); r != device.Exception || hints == 0 {
		t.Errorf("boot reason %v, %d hints", r, hints)
	}
}
