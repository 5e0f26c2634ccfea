package net

import (
	"fmt"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// BenchmarkTwoDevices moves 1 MB from one device to another, in Lua.
func BenchmarkTwoDevices(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, `
			data = string.rep("x", 1460)
			srv = net.createServer() srv:listen(80, function(c)
				local n = 0
				local function more(c)
					n = n + 1460
					if n > 1000000 then c:close() else c:send(data) end
				end
				c:on("sent", more) more(c)
			end)`, `
			n = 0
			s = net.createConnection() s:on("receive", function(s, d) n = n + #d end)
			s:on("disconnection", function() print(n) end) s:connect(80, "192.168.1.10")`)
		if got := w.run(clock.Minute); got != "998640\n" {
			b.Fatalf("got %q", got)
		}
		b.SetBytes(998640)
	}
}

// BenchmarkWorld has many devices send each other a datagram each second; one
// operation is a second of the world.
func BenchmarkWorld(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%d devices", n), func(b *testing.B) {
			var programs []string
			for i := range n {
				programs = append(programs, fmt.Sprintf(`
					u = net.createUDPSocket() u:on("receive", function() end) u:listen(4000)
					tmr.create():alarm(1000, tmr.ALARM_AUTO, function() u:send(4000, "192.168.1.%d", "hello") end)`, 10+(i+1)%n))
			}
			w := newWorld(b, programs...)
			w.run(2 * clock.Second)
			b.ResetTimer()
			for range b.N {
				w.run(clock.Second)
			}
		})
	}
}
