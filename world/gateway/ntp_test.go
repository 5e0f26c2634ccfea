package gateway

import (
	"net/netip"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// TestSetTimeServer: the usual names lead where they are told to, and the router tells the
// time only where they lead to it.
func TestSetTimeServer(t *testing.T) {
	w := world.New(1)
	g := New(w, Options{Policy: Isolated})
	defer g.Close()
	router, other := w.Air.RouterPrefix().Addr(), netip.MustParseAddr("192.168.1.20")
	host := peer.New(w.Wire, "host", netip.MustParsePrefix("192.168.1.30/24"))
	host.Stack().SetDNS(0, router)
	socket, err := host.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	answers := 0
	socket.OnData = func([]byte, netip.AddrPort) { answers++ }
	for n, to := range []netip.Addr{{}, router, other, {}, router} {
		if _, err := w.Give(Name, SetTimeServer{to}); err != nil || g.TimeServer() != to {
			t.Errorf("%v, %v", g.TimeServer(), err)
		}
		name := string(rune('a'+n)) + ".pool.ntp.org" // no name twice: they are remembered
		found := netip.Addr{}
		if _, err := host.Stack().Resolve(name, func(ip netip.Addr, ok bool) { found = ip }); err != lwip.ErrProgress {
			t.Fatal(err)
		}
		answers = 0
		request := make([]byte, ntpLength)
		request[0] = 4<<3 | ntpClient
		socket.SendTo(request, netip.AddrPortFrom(router, ntpPort))
		w.Clock.RunUntil(w.Clock.Now().Add(20 * clock.Second))
		if found != to || answers == 1 != (to == router) {
			t.Errorf("%v: %s is %v, %d answers", to, name, found, answers)
		}
	}
}
