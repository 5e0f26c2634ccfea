package mdns_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mdns"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// bench is a world with devices and a Go peer; out is what the devices print,
// hints what the simulator says.
type bench struct {
	t     *testing.T
	w     *world.World
	peer  *peer.Host
	out   strings.Builder
	hints []string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, w: world.New(1)}
	b.w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			b.out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			b.hints = append(b.hints, d.Text)
		case event.Panic:
			t.Error(d.Message)
		}
	})
	b.peer = peer.New(b.w.Wire, "peer", netip.MustParsePrefix("192.168.1.20/24"))
	return b
}

// device adds a device that runs a program; blank means that it has no address.
func (b *bench) device(program string, wired bool) *device.Device {
	board, err := boards.Load(boards.Default)
	if err != nil {
		b.t.Fatal(err)
	}
	fs := flash.New(board.FS.Size)
	if err := fs.WriteFile("init.lua", []byte(program)); err != nil {
		b.t.Fatal(err)
	}
	cfg := device.Config{Board: board, Flash: fs, HostCPU: true, Modules: []device.Module{mdns.Module, net.Module, tmr.Module}}
	if wired {
		cfg.WiFi.Wired = netip.MustParsePrefix(fmt.Sprintf("192.168.1.%d/24", 10+len(device.In(b.w))))
	}
	d := device.New(b.w, cfg)
	d.PowerOn()
	return d
}

func (b *bench) run(d clock.Duration) { b.w.Clock.RunUntil(b.w.Clock.Now().Add(d)) }

// query asks one question and returns the answers' records as text.
func (b *bench) query(name string, qtype uint16) []string {
	var got []string
	err := b.peer.QueryLocal(name, qtype, func(m *dns.Msg) bool {
		if m == nil {
			return true
		}
		if !m.Authoritative {
			b.t.Error("an answer without authority")
		}
		for _, rr := range m.Answer {
			got = append(got, strings.ReplaceAll(rr.String(), "\t", " "))
		}
		return true
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.run(5 * clock.Second)
	return got
}

const fishtank = `mdns.register("fishtank", {description="Top Fishtank", service="http", port=8080, location="Living Room"})`

func TestAnswers(t *testing.T) {
	b := newBench(t)
	b.device(fishtank, true)
	b.run(clock.Second)
	all := []string{
		`_http._tcp.local. 10 IN PTR Top\ Fishtank._http._tcp.local.`,
		`Top\ Fishtank._http._tcp.local. 10 IN TXT "location=Living Room" "platform=nodemcu"`,
		`Top\ Fishtank._http._tcp.local. 10 IN SRV 0 0 8080 fishtank.local.`,
		`fishtank.local. 10 IN A 192.168.1.10`,
	}
	host := all[3:]
	tests := []struct {
		name  string
		qtype uint16
		want  []string
	}{
		{"fishtank.local", dns.TypeA, host},
		{"fishtank.local", dns.TypeANY, host},
		{"fishtank.local", dns.TypeAAAA, nil},
		{"Fishtank.LOCAL", dns.TypeA, host},
		{"fishtan.local", dns.TypeA, nil},
		{"fishtank", dns.TypeA, host}, // a beginning does
		{"fishtank.loc", dns.TypeA, host},
		{"_http._tcp.local", dns.TypePTR, all},
		{"_http._tcp.local", dns.TypeA, nil},
		{`Top\ Fishtank._http._tcp.local`, dns.TypeSRV, all},
		{"_services._dns-sd._udp.local", dns.TypePTR, []string{"_services._dns-sd._udp.local. 10 IN PTR _http._tcp.local."}},
	}
	for _, test := range tests {
		if got := b.query(test.name, test.qtype); strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%s %s:\n got %q\nwant %q", dns.TypeToString[test.qtype], test.name, got, test.want)
		}
	}
}

// TestNamesAmongDevices has a Go peer and a device's own Lua find another device.
func TestNamesAmongDevices(t *testing.T) {
	b := newBench(t)
	b.device(`mdns.register("fishtank")`, true)
	b.device(`mdns.register("lamp", {service="lamp", port=99})`, true)
	// A query for fishtank.local, A, IN, and the address before the NSEC record in the answer.
	b.device(`
		local u = net.createUDPSocket()
		u:on("receive", function(s, data, port, ip) print(("%d.%d.%d.%d from"):format(data:byte(-21, -18)), ip, port) end)
		tmr.create():alarm(500, tmr.ALARM_SINGLE, function()
			u:send(5353, "224.0.0.251", "\0\7\0\0\0\1\0\0\0\0\0\0\8fishtank\5local\0\0\1\0\1")
		end)`, true)
	b.run(2 * clock.Second)
	if got := b.out.String(); !strings.Contains(got, "192.168.1.10 from\t192.168.1.10\t5353\n") {
		t.Errorf("a device's own query: %q", got)
	}
	for name, want := range map[string]string{"fishtank.local": "192.168.1.10 <nil>", "lamp.local": "192.168.1.11 <nil>",
		"nobody.local": "invalid IP no answer to the mDNS query"} {
		got := ""
		if err := b.peer.LookupLocal(name, func(a netip.Addr, err error) { got += fmt.Sprint(a, err) }); err != nil {
			t.Fatal(err)
		}
		b.run(5 * clock.Second)
		if strings.Replace(want, " ", "", 1) != strings.Replace(got, " ", "", 1) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestAnnouncements listens to the group.
func TestAnnouncements(t *testing.T) {
	b := newBench(t)
	var got []string
	u, err := b.peer.ListenUDP(5353)
	if err != nil {
		t.Fatal(err)
	}
	listen := func(data []byte, from netip.AddrPort) {
		m := new(dns.Msg)
		if err := m.Unpack(data); err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprintf("%d %s %d", b.w.Clock.Now().Sub(0)/clock.Second, from, len(m.Answer)))
		if len(m.Answer) == 4 && m.Answer[3].Header().Class != dns.ClassINET|1<<15 {
			t.Errorf("class %x", m.Answer[3].Header().Class)
		}
	}
	u.OnData = listen
	b.device(`mdns.register("x", {service="s"}) tmr.create():alarm(300000, tmr.ALARM_SINGLE, function() mdns.close() end)`, true)
	b.run(100 * clock.Second)
	if len(got) != 0 {
		t.Errorf("got %q without having joined the group", got)
	}
	if err := b.peer.Join(netip.MustParseAddr("224.0.0.251")); err != nil {
		t.Fatal(err)
	}
	b.run(500 * clock.Second)
	want := "280 192.168.1.10:5353 4"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

func TestRegisterErrors(t *testing.T) {
	b := newBench(t)
	b.device(`
		print(pcall(mdns.register))
		print(pcall(mdns.register, "x", 1))
		print(pcall(mdns.register, "x", {"a"}))
		print(pcall(mdns.register, "x", {port={}}))
		print(pcall(mdns.register, "x", {a={}}))
		local u = net.createUDPSocket()
		u:listen(5353)
		print(pcall(mdns.register, "x"))
		u:close()
		print(pcall(mdns.register, "x"))
		print(pcall(mdns.register, "y", {port="8080"}))
		mdns.close()
		mdns.close()`, true)
	b.run(clock.Second)
	const want = `false	bad argument #1 to '?' (string expected, got no value)
false	bad argument #2 to '?' (table expected, got number)
false	bad argument #-2 to '?' (string expected, got number)
false	bad argument #-1 to '?' (number expected, got table)
false	bad argument #-1 to '?' (string expected, got table)
false	Unable to start mDns daemon
true
true
`
	if got := b.out.String(); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.out.Reset()
	b.device(`print(pcall(mdns.register, "x"))`, false)
	b.run(200 * clock.Millisecond)
	if got := b.out.String(); !strings.Contains(got, "false\tNo network connection\n") {
		t.Errorf("got %q", got)
	}
}

// TestTooLong registers what does not fit a packet: silence, and a hint. A description that
// does not is written beyond the end of it, and a service beyond that of a buffer.
func TestTooLong(t *testing.T) {
	b := newBench(t)
	d := b.device(`mdns.register("x", {a=("v"):rep(200), b=("w"):rep(200), c=("w"):rep(200)})
		tmr.create():alarm(7000, tmr.ALARM_SINGLE, function() mdns.register("x", {description=("l"):rep(500)}) end)`, true)
	b.run(clock.Second)
	if got := b.query("_http._tcp.local", dns.TypePTR); got != nil {
		t.Errorf("got %q", got)
	}
	b.run(2 * clock.Second)
	if len(b.hints) < 2 || !strings.Contains(b.hints[1], "beyond the end of a packet") || d.Boots() < 1 {
		t.Errorf("hints %q, %d boots", b.hints, d.Boots())
	}
	b = newBench(t)
	d = b.device(`if node == nil then tmr.create():alarm(500, tmr.ALARM_SINGLE, function() mdns.register("x", {service=("s"):rep(116)}) end) end`, true)
	b.run(clock.Second)
	if len(b.hints) != 1 || !strings.Contains(b.hints[0], "beyond the end of a buffer") || d.Boots() < 1 {
		t.Errorf("hints %q, %d boots", b.hints, d.Boots())
	}
}

// TestPointerLoop asks for a name that is a pointer to itself: the watchdog bites.
func TestPointerLoop(t *testing.T) {
	b := newBench(t)
	d := b.device(fishtank, true)
	b.run(clock.Second)
	u, err := b.peer.ListenUDP(0)
	if err != nil {
		t.Fatal(err)
	}
	u.SendTo([]byte("\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"), netip.MustParseAddrPort("192.168.1.10:5353"))
	b.run(10 * clock.Second)
	if d.BootReason().Text != device.SoftWatchdog.Text || !strings.Contains(b.hints[0], "pointer") {
		t.Errorf("%v, hints %q", d.BootReason(), b.hints)
	}
}

// FuzzReceive throws datagrams at a device's responder.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x08fishtank\x05local\x00\x00\x01\x00\x01"))
	f.Add([]byte("\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x3faaaaaaaaaaaaaaaaaaaaaaaaaa"))
	board, err := boards.Load(boards.Default)
	if err != nil {
		f.Fatal(err)
	}
	fs := flash.New(board.FS.Size)
	if err := fs.WriteFile("init.lua", []byte(fishtank)); err != nil {
		f.Fatal(err)
	}
	w := world.New(1)
	host := peer.New(w.Wire, "peer", netip.MustParsePrefix("192.168.1.20/24"))
	device.New(w, device.Config{Board: board, Flash: fs, Modules: []device.Module{mdns.Module},
		WiFi: radio.Config{Wired: netip.MustParsePrefix("192.168.1.10/24")}}).PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	u, err := host.ListenUDP(0)
	if err != nil {
		f.Fatal(err)
	}
	answers := 0
	u.OnData = func(data []byte, _ netip.AddrPort) {
		answers++
		if err := new(dns.Msg).Unpack(data); err != nil {
			f.Errorf("an answer that is no DNS message: %v", err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		answers = 0
		if u.SendTo(data, netip.MustParseAddrPort("192.168.1.10:5353")) != nil {
			return
		}
		w.Clock.RunUntil(w.Clock.Now().Add(100 * clock.Millisecond))
		if answers > 255 {
			t.Errorf("%d answers to one datagram", answers)
		}
	})
}
