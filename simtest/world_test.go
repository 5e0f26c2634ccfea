package simtest_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

func TestPeers(t *testing.T) {
	d := simtest.Boot(t, "", simtest.Modules("net", "node", "wifi", "tmr", "http", "file"), program(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  http.post("http://api.example.com/v1", nil, "the body", function(code, body) print(code, body) end)
  net.createConnection():connect(99, "192.168.1.21")
end)`))
	api := d.Peer("93.184.216.34")
	d.DNS("API.example.com.", "93.184.216.34")
	d.ServeHTTP(api, 80, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s %v", r.Method, r.Host, r.URL, body, err)
	}))
	var called *peer.Conn
	if _, err := d.Peer("192.168.1.21").Listen(99, func(c *peer.Conn) { called = c }); err != nil {
		t.Fatal(err)
	}
	d.Expect("418\tPOST api.example.com /v1 the body <nil>")
	d.Run(func() bool { return called != nil }, time.Second)

	// A server that reads and writes as usual.
	d.Serve(api, 7, func(c *simtest.Conn) {
		buf := make([]byte, 100)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			d.Advance(time.Second) // it takes its time, and others go on
			fmt.Fprintf(c, "you say %s", buf[:n])
		}
	})
	d.Type(`s = net.createConnection() s:on("connection", function() s:send("yes") end) s:on("receive", function(_, x) print(x) end) s:connect(7, "93.184.216.34")` + "\n")
	before := d.Elapsed()
	d.Expect("you say yes")
	if took := d.Elapsed() - before; took < time.Second || took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTogether(t *testing.T) {
	d := simtest.Boot(t, "", program(server))
	var order []string
	client := func(name string) func() {
		return func() {
			c, err := d.Dial(7)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := range 3 {
				fmt.Fprint(c, name)
				buf := make([]byte, 10)
				if n, err := c.Read(buf); err != nil || string(buf[:n]) != name {
					t.Errorf("%q, %v", buf[:n], err)
				}
				order = append(order, fmt.Sprint(name, i))
				d.Advance(time.Second)
			}
		}
	}
	d.Together(client("a"), client("b"), func() { d.Together(client("c"), client("d")) })
	if got := strings.Join(order, " "); got != "a0 b0 c0 d0 a1 b1 c1 d1 a2 b2 c2 d2" {
		t.Error(got)
	}
}

func TestAround(t *testing.T) {
	d := simtest.Boot(t, "", program(`
wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function() print("offline") end)
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function() print("online") end)
gpio.mode(3, gpio.INT, gpio.PULLUP)
gpio.trig(3, "both", function(level) print("FLASH", level) end)
gpio.mode(0, gpio.OUTPUT) gpio.write(0, gpio.HIGH)
print("began")`))
	d.Expect("began")
	d.Expect("online")
	d.WiFiDown()
	d.Expect("offline")
	d.WiFiUp()
	d.Expect("online")
	if d.Part("board").On {
		t.Error("the LED is lit")
	}
	d.Lua("gpio.write(0, 0)")
	if !d.Part("board").On || d.Pin(0).Level() != 0 {
		t.Error("the LED is dark")
	}
	d.Press("FLASH")
	d.Expect("FLASH\t0")
	d.Release("FLASH")
	d.Expect("FLASH\t1")
	d.Pin(1).Set(1)
	if got := d.Lua("gpio.mode(1, gpio.INPUT) or gpio.read(1)"); got != "1" {
		t.Errorf("pin 1 is %s", got)
	}
	d.Pin(1).Float()
	if got := d.Lua("gpio.read(1)"); got != "0" {
		t.Errorf("pin 1 is %s", got)
	}
	d.Voltage(1.65)
	if got := d.Lua("adc.read(0)"); got != "512" && got != "511" {
		t.Errorf("the voltage is %s", got)
	}
	d.Type("file.putcontents('kept', 'x') lost = 1\n")
	d.Advance(time.Second)
	d.PowerCycle()
	d.Expect("began")
	if got := d.Lua("file.exists('kept'), lost"); got != "true\tnil" {
		t.Errorf("after the power was away: %s", got)
	}
	d.Restart()
	d.Expect("online")
	if got := d.Lua("node.bootreason()"); got != "3\t6" {
		t.Errorf("reason %s", got)
	}
}

func TestLink(t *testing.T) {
	d := simtest.Boot(t, "", program(server))
	took := func() time.Duration {
		u, err := d.DialUDP(7)
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		before := d.Elapsed()
		u.SetDeadline(d.Now().Add(2 * time.Second))
		fmt.Fprint(u, "x")
		u.Read(make([]byte, 10))
		return d.Elapsed() - before
	}
	usual := took()
	d.Link("latency=200ms")
	slow := took()
	d.LinkDown()
	lost := took()
	d.LinkUp()
	again := took()
	d.Link("")
	usual2 := took()
	if usual > 10*time.Millisecond || usual2 > 10*time.Millisecond || slow < 400*time.Millisecond || again < 400*time.Millisecond || lost != 2*time.Second {
		t.Errorf("%v, slow %v, lost %v, slow again %v, %v", usual, slow, lost, again, usual2)
	}
}

func TestSeveralDevices(t *testing.T) {
	hub := simtest.Boot(t, "", program(server), simtest.Files(map[string]string{"nodemcu-sim.toml": "[wifi]\nip = \"192.168.1.50\""}))
	sensor := hub.Another("", simtest.Board("d1-mini"), simtest.CPU("host"), program(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  local s = net.createConnection()
  s:on("connection", function() s:send("from the sensor") end)
  s:on("receive", function(_, x) print("echo:", x) end)
  s:connect(7, "192.168.1.50")
end)`))
	hub.Expect("ready at")
	sensor.Expect("echo:\tfrom the sensor")
	if hub.Name() != "device" || sensor.Name() != "device-2" || sensor.Addr().String() != "192.168.1.10" {
		t.Errorf("%s, %s at %v", hub.Name(), sensor.Name(), sensor.Addr())
	}
	if strings.Contains(hub.Output(), "echo") || !strings.Contains(hub.Log(), "device-2: > echo:\tfrom the sensor") {
		t.Errorf("the log is %s", hub.Log())
	}
	var kinds []string
	sensor.Events(func(e world.Event) {
		if _, ok := e.Data.(event.Reset); ok {
			kinds = append(kinds, e.Device)
		}
	})
	hub.Restart()
	sensor.Restart()
	sensor.Advance(time.Second)
	if fmt.Sprint(kinds) != "[device-2]" {
		t.Errorf("resets of %q", kinds)
	}
}

// The desktop computer takes no address that is somebody's.
func TestDesktopAddress(t *testing.T) {
	for ip, want := range map[string]string{"192.168.1.10": "192.168.1.253", "192.168.1.254": "192.168.1.253", "10.1.0.7": "10.1.0.254"} {
		d := simtest.Boot(t, "", program(server), simtest.Files(map[string]string{"nodemcu-sim.toml": "[wifi]\nip = \"" + ip + "\""}))
		if ip == "192.168.1.10" {
			d.Peer("192.168.1.254")
		}
		c, err := d.Dial(7)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(c.LocalAddr().String(), ":"); got != want || d.Addr().String() != ip {
			t.Errorf("%s: the client is at %s, want %s", d.Addr(), got, want)
		}
	}
	d := simtest.Boot(t, "", program(server), simtest.Files(map[string]string{"nodemcu-sim.toml": "[wifi]\nip = \"192.168.1.9\"\nnetmask = \"255.255.255.252\"\ngateway = \"192.168.1.10\""}))
	if _, err := d.Dial(7); err == nil || !strings.Contains(err.Error(), "no address is free in 192.168.1.8/30") {
		t.Errorf("%v", err)
	}
}

// The host's network is there when it is asked for.
func TestNetHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			fmt.Fprint(c, "from the host")
			c.Close()
		}
	}()
	call := fmt.Sprintf(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  local s = net.createConnection()
  s:on("receive", function(_, x) print("got", x) end)
  s:on("disconnection", function(_, code) print("end", code) end)
  s:connect(%d, "192.168.1.1")
end)`, l.Addr().(*net.TCPAddr).Port)
	alone := simtest.Boot(t, "", program(call))
	if got := alone.Expect("end"); strings.Contains(got, "got") {
		t.Errorf("an isolated world has reached the host: %q", got)
	}
	d := simtest.Boot(t, "", program(call), simtest.Net("host"), simtest.Speed(50))
	d.Expect("got\tfrom the host")
}
