package peer_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// lines returns what the devices printed, sorted.
func (w *lab) lines() string {
	l := strings.Split(strings.TrimSpace(w.output()), "\n")
	slices.Sort(l)
	return strings.Join(l, ", ")
}

// TestGroups sends datagrams to broadcast addresses and groups, from a device and
// from a host, to devices and a host of which some have joined.
func TestGroups(t *testing.T) {
	const listener = `
		u = net.createUDPSocket()
		u:listen(4000)
		u:on("receive", function(s, data, port, ip) print(%d, data, ip) end)`
	w := newWorld(t,
		fmt.Sprintf(listener, 0),
		fmt.Sprintf(listener, 1)+` net.multicastJoin("10.0.1.1", "239.1.1.1")
			tmr.create():alarm(60000, tmr.ALARM_SINGLE, function() net.multicastLeave("10.0.1.1", "239.1.1.1") end)`,
		fmt.Sprintf(listener, 2)+` net.multicastJoin("any", "239.1.1.1") net.multicastJoin("", "239.1.1.2")`,
		`u = net.createUDPSocket() -- not bound to the port, and sends
		 function send(data, ip) u:send(4000, ip, data) end
		 tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() send("all", "255.255.255.255") end)
		 tmr.create():alarm(2000, tmr.ALARM_SINGLE, function() send("net", "10.0.255.255") end)
		 tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() send("group1", "239.1.1.1") end)
		 tmr.create():alarm(4000, tmr.ALARM_SINGLE, function() send("group2", "239.1.1.2") end)
		 tmr.create():alarm(5000, tmr.ALARM_SINGLE, function() send("one", "10.0.1.1") end)
		 tmr.create():alarm(70000, tmr.ALARM_SINGLE, function() send("again", "239.1.1.1") end)`,
	)
	host := w.host()
	u := must[*peer.UDP](t)(host.ListenUDP(4000))
	var got []string
	u.OnData = func(data []byte, from netip.AddrPort) { got = append(got, string(data)) }
	if err := host.Join(netip.MustParseAddr("239.1.1.2")); err != nil {
		t.Fatal(err)
	}
	w.run(10 * clock.Second)
	want := "0\tall\t10.0.1.3, 0\tnet\t10.0.1.3, " +
		"1\tall\t10.0.1.3, 1\tgroup1\t10.0.1.3, 1\tnet\t10.0.1.3, 1\tone\t10.0.1.3, " +
		"2\tall\t10.0.1.3, 2\tgroup1\t10.0.1.3, 2\tgroup2\t10.0.1.3, 2\tnet\t10.0.1.3"
	if s := w.lines(); s != want {
		t.Errorf("got %s\nwant %s", s, want)
	}
	if s := strings.Join(got, " "); s != "all net group2" {
		t.Errorf("the host got %s", s)
	}
	w.run(70 * clock.Second)
	if s := w.lines(); s != "2\tagain\t10.0.1.3" {
		t.Errorf("after one has left: %s", s)
	}
	for _, to := range []string{"255.255.255.255", "239.1.1.1", "10.0.1.0"} {
		if err := u.SendTo([]byte("h"), netip.AddrPortFrom(netip.MustParseAddr(to), 4000)); err != nil {
			t.Error(err)
		}
	}
	w.run(clock.Second)
	if s, want := w.lines(), "0\th\t10.0.0.1, 0\th\t10.0.0.1, 1\th\t10.0.0.1, 2\th\t10.0.0.1, 2\th\t10.0.0.1"; s != want {
		t.Errorf("from the host: %s\nwant %s", s, want)
	}
}

// TestDevicesOverWiFi has three devices that get their addresses by DHCP talk
// TCP, and one of them go away and come back.
func TestDevicesOverWiFi(t *testing.T) {
	w := newWorld(t)
	server := w.device(`net.createServer():listen(80, function(c)
		c:on("receive", function(c, data) c:send("you are " .. select(2, c:getpeer())) end)
	end)`, false)
	w.run(5 * clock.Second)
	const client = `tmr.create():alarm(5000, tmr.ALARM_AUTO, function()
		local c = net.createConnection()
		c:on("connection", function(c) c:send("hello") end)
		c:on("receive", function(c, data) print(data) end)
		c:on("disconnection", function(c, code) print("error", code) end)
		c:connect(80, "192.168.1.10")
	end)`
	w.device(client, false)
	w.run(5 * clock.Second)
	w.device(client, false)
	w.run(9 * clock.Second)
	if s := w.lines(); s != "you are 192.168.1.11, you are 192.168.1.11, you are 192.168.1.12" {
		t.Errorf("got %s", s)
	}
	server.PressReset()
	w.run(60 * clock.Second)
	if s := w.output(); strings.Count(s, "you are 192.168.1.11") < 8 || strings.Count(s, "you are 192.168.1.12") < 8 {
		t.Errorf("after the server's reset: %s", s)
	}
}

// TestWiFiDown: while the access points are off, packets are lost, with a reason
// on the wire, and the station notices.
func TestWiFiDown(t *testing.T) {
	w := newWorld(t)
	d := w.device(`tmr.create():alarm(500, tmr.ALARM_AUTO, function()
		if not u then u = net.createUDPSocket() end
		pcall(u.send, u, 7, "192.168.1.77", "x")
	end)`, false)
	host := peer.New(w.Wire, "host", netip.MustParsePrefix("192.168.1.77/24"))
	u := must[*peer.UDP](t)(host.ListenUDP(7))
	var at []int
	u.OnData = func([]byte, netip.AddrPort) { at = append(at, int(w.Clock.Now().Sub(0)/clock.Second)) }
	w.Air.Outages(spans(t, "20s-25s", "24s-40s"))
	w.run(60 * clock.Second)
	inside := func(s int) bool { return s >= 20 && s < 40 }
	if len(at) < 50 || slices.ContainsFunc(at, inside) || at[len(at)-1] != 59 {
		t.Errorf("datagrams at %v", at)
	}
	if !d.Address(0).IsValid() {
		t.Error("the device has not come back")
	}
}
