package app

import (
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// BenchmarkVirtualDay is a day of a device in virtual time: a timer each second and an
// HTTP client that asks a peer every ten seconds.
func BenchmarkVirtualDay(b *testing.B) {
	dir := write(b, map[string]string{"init.lua": `
ticks, answers = 0, 0
tmr.create():alarm(1000, tmr.ALARM_AUTO, function() ticks = ticks + 1 end)
tmr.create():alarm(10000, tmr.ALARM_AUTO, function()
  local c = net.createConnection(net.TCP, 0)
  c:on("receive", function(s, d) if d:find("^HTTP/1.0 200 OK") then answers = answers + 1 end end)
  c:on("connection", function(s) s:send("GET / HTTP/1.0\r\n\r\n") end)
  c:connect(80, "192.168.1.20")
end)`})
	began, days := time.Now(), 0
	for ; b.Loop(); days++ {
		a, err := New(Options{Dir: dir, Net: "isolated", Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		server := peer.New(a.World.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
		requests := 0
		if _, err := server.Listen(80, func(c *peer.Conn) {
			c.OnData = func([]byte) {
				requests++
				if _, err := c.Write([]byte("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")); err != nil {
					b.Error(err)
				}
				c.Close()
			}
		}); err != nil {
			b.Fatal(err)
		}
		a.Device.PowerOn()
		a.World.Clock.RunUntil(clock.At(24 * clock.Hour))
		if requests < 8600 || a.Device.BootReason().Extended != 0 {
			b.Fatalf("%d requests, last reset: %s", requests, a.Device.BootReason().Text)
		}
		a.Close()
	}
	b.ReportMetric(time.Since(began).Seconds()/float64(days), "s/day")
}

// BenchmarkThousandDevices is a second of a world of a thousand devices, each of which
// has a timer each second in which it sends a UDP message to its neighbour.
func BenchmarkThousandDevices(b *testing.B) {
	const devices = 1000
	dir := write(b, map[string]string{
		"nodemcu-sim.toml": "[wifi]\ngateway = \"10.0.0.1\"\nnetmask = \"255.255.248.0\"\n",
		"init.lua": `
sent, got = 0, 0
local s, neighbour = net.createUDPSocket()
s:listen(4000)
s:on("receive", function() got = got + 1 end)
tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
  if not neighbour then
    local ip = wifi.sta.getip()
    if not ip then return end
    local head, c, d = ip:match("^(%d+%.%d+)%.(%d+)%.(%d+)$")
    local n = c * 256 + d
    n = n % 2 == 0 and n + 1 or n - 1
    neighbour = ("%s.%d.%d"):format(head, n / 256, n % 256)
  end
  s:send(4000, neighbour, "hello from a neighbour")
  sent = sent + 1
end)`})
	before := heapInUse()
	a, err := New(Options{Dir: dir, Others: slices.Repeat([]string{dir}, devices-1), Net: "isolated", Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	messages := 0
	a.World.Wire.Tap(func(e wire.Event) {
		if e.Kind == wire.Delivered {
			messages++
		}
	})
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(20 * clock.Second)) // all have an address
	messages = 0
	began, seconds := time.Now(), 0
	for ; b.Loop(); seconds++ {
		a.World.Clock.RunUntil(a.World.Clock.Now().Add(clock.Second))
	}
	b.ReportMetric(float64(seconds)/time.Since(began).Seconds(), "sim-s/s")
	if messages < seconds*devices*99/100 {
		b.Errorf("%d messages in %d s", messages, seconds)
	}
	b.ReportMetric(float64(heapInUse()-before)/devices/1024, "KiB/device")
}

// heapInUse is what Go's heap takes, without garbage.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
