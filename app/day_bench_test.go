package app

import (
	"net/netip"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// BenchmarkDay is a day of a device in virtual time: a timer each second and an
// HTTP client that asks a peer every ten seconds.
func BenchmarkDay(b *testing.B) {
	dir := write(b, map[string]string{"init.lua": `
ticks, answers = 0, 0
tmr.create():alarm(1000, tmr.ALARM_AUTO, function() ticks = ticks + 1 end)
tmr.create():alarm(10000, tmr.ALARM_AUTO, function()
  local c = net.createConnection(net.TCP, 0)
  c:on("receive", function(s, d) if d:find("^HTTP/1.0 200 OK") then answers = answers + 1 end end)
  c:on("connection", function(s) s:send("GET / HTTP/1.0\r\n\r\n") end)
  c:connect(80, "192.168.1.20")
end)`})
	for b.Loop() {
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
}
