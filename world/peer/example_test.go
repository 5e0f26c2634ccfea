package peer_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// A device sends a line each time the server has answered the one before. The
// link is slow, loses packets, and is down for three seconds.
func Example_badLink() {
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		panic(err)
	}
	fs := flash.New(board.FS.Size)
	fs.WriteFile("init.lua", []byte(`
		local n = 0
		local c = net.createConnection()
		local function line(c) n = n + 1; c:send("line " .. n .. "\n") end
		c:on("connection", line)
		c:on("receive", line)
		c:connect(9000, "192.168.1.20")`))
	w := world.New(1)
	d := device.New(w, device.Config{Board: board, Flash: fs, Modules: []device.Module{net.Module},
		WiFi: radio.Config{Wired: netip.MustParsePrefix("192.168.1.10/24")}})

	link := wire.NewLink(1)
	link.Host = d.Name()
	if link.Quality, err = wire.ParseQuality("latency=40ms,jitter=5ms,loss=2%"); err != nil {
		panic(err)
	}
	w.Wire.AddRule(link)
	w.Wire.AddRule(&wire.Outage{Match: wire.Match{Host: d.Name()}, Spans: []wire.Span{{From: clock.At(4 * clock.Second), To: clock.At(7 * clock.Second)}}})

	server := peer.New(w.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
	server.Listen(9000, func(c *peer.Conn) {
		c.OnData = func(data []byte) {
			for _, l := range strings.Split(strings.TrimSpace(string(data)), "\n") {
				if strings.HasSuffix(l, "0") {
					fmt.Printf("%.1f s: %s\n", w.Clock.Now().Seconds(), l)
				}
			}
			c.Write([]byte("thanks"))
		}
	})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	// Output:
	// 1.1 s: line 10
	// 1.9 s: line 20
	// 2.7 s: line 30
	// 3.6 s: line 40
	// 8.1 s: line 50
	// 9.0 s: line 60
}
