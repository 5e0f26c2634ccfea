package net

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// lab is some devices on one wire, numbered from 192.168.1.10 on, and what they
// print and hint.
type lab struct {
	*world.World
	devs  []*device.Device
	out   strings.Builder
	hints []string
}

// newWorld starts one device per program.
func newWorld(t testing.TB, programs ...string) *lab {
	t.Helper()
	return newWorldOf(t, device.Build{}, programs...)
}

// newWorldOf is newWorld for a firmware that was compiled otherwise than usual.
func newWorldOf(t testing.TB, build device.Build, programs ...string) *lab {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	w := &lab{World: world.New(1)}
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			w.out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			w.hints = append(w.hints, d.Text+" @"+d.Where)
		}
	})
	for i, src := range programs {
		d := device.New(w.World, device.Config{
			Board: board, Modules: testModules(), Build: build, HostCPU: true, OnPanic: device.HaltOnPanic,
			WiFi: radio.Config{Wired: netip.MustParsePrefix(fmt.Sprintf("192.168.1.%d/24", 10+i))},
			Startup: func(d *device.Device) {
				fn, err := d.VM.Load([]byte(src), "@init.lua")
				if err != nil {
					t.Fatal(err)
				}
				d.Run("init.lua", fn)
			},
		})
		w.devs = append(w.devs, d)
		d.PowerOn()
	}
	return w
}

// run runs the world for a while and returns what was printed.
func (w *lab) run(d clock.Duration) string {
	w.Clock.RunUntil(w.Clock.Now().Add(d))
	return w.out.String()
}

func TestIfinfo(t *testing.T) {
	w := newWorld(t, `
		local i = net.ifinfo(0)
		print(i.ip, i.netmask, i.gateway, i.dhcp.server_ip, i.dhcp.client_ip)
		print(net.ifinfo(1).ip, #i.hwaddr, select("#", net.ifinfo(2)), select("#", net.ifinfo(-1)), net.ifinfo(256).ip)
		print(net.ifinfo().ip, pcall(net.ifinfo, "x"))`)
	want := "192.168.1.10\t255.255.255.0\t192.168.1.1\t192.168.1.1\t192.168.1.10\nnil\t6\t0\t0\t192.168.1.10\n" +
		"192.168.1.10\tfalse\tbad argument #1 to '?' (number expected, got string)\n"
	if got := w.run(clock.Second); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPing(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"answers", `net.ping("192.168.1.11", 2, function(b, ip, sq, ms) print(b, ip, sq, ms) end)`,
			"32\t192.168.1.11\t1\t4\n32\t192.168.1.11\t2\t4\n"},
		{"silence", `net.ping("192.168.1.99", 1, function(b, ip, sq, ms) print(b, ip, sq, ms) end)`,
			"0\t192.168.1.99\t0\t-1\n"},
		{"the end", `net.ping("192.168.1.11", 2, function() end, function(...) print("sent", ...) end)`,
			"sent\t192.168.1.11\t2\t0\t64\t2000\n"},
		{"the end after silence", `net.ping("192.168.1.99", 0, function() end, function(...) print("sent", ...) end)`,
			"sent\t192.168.1.99\t4\t4\t0\t4000\n"},
		{"numbers go on", `net.ping("192.168.1.11", 1, print, function() net.ping("192.168.1.11", 1, print) end)`,
			"32\t192.168.1.11\t1\t4\n32\t192.168.1.11\t2\t4\n"},
		{"for ever", `n = 0 net.ping("192.168.1.11", -1, function() n = n + 1 if n == 9 then print(n) end end)`, "9\n"},
		{"four by default", `n = 0 net.ping("192.168.1.11", function() n = n + 1 if n == 4 then print("four") end end)`,
			"four\n"},
		{"no such name", `net.ping("nobody.test", function(...) print(...) end, print)`, "0\n"},
		{"needs a function", `print(pcall(net.ping, "192.168.1.11"))`,
			"false\tbad argument #-2 to '?' (no received callback specified)\n"},
		{"the end needs one", `print(pcall(net.ping, "192.168.1.11", 2, print, "x"))`,
			"false\tbad argument #-1 to '?' (invalid sent callback, function expected)\n"},
		{"no name", `print(pcall(net.ping, "", print))`, "false\tlwip error -12\n"},
		{"the newest of two gets the answers", `
			net.ping("192.168.1.11", 2, function(b) print("old", b) end)
			net.ping("192.168.1.99", 2, function(b) print("new", b) end)`, "new\t0\nold\t0\nnew\t32\nold\t0\n"},
		{"errors go to onerror", `node.setonerror(print) net.ping("192.168.1.11", 1, function() error("x", 0) end)`,
			"x\nstack traceback:\n\t[C]: in function 'error'\n\tinit.lua:1: in function <init.lua:1>\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := newWorld(t, test.src, "").run(10 * clock.Second); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestGroups has one device send to groups and others receive.
func TestGroups(t *testing.T) {
	sender := `
		local u = net.createUDPSocket()
		u:send(4000, "255.255.255.255", "all")
		u:send(4000, "192.168.1.255", "subnet")
		u:send(4000, "239.1.2.3", "group")`
	receiver := func(name, join string) string {
		return `u = net.createUDPSocket()
			u:on("receive", function(s, d, port, ip) print("` + name + `", d, ip) end)
			u:listen(4000) ` + join
	}
	w := newWorld(t, receiver("a", `net.multicastJoin("any", "239.1.2.3")`), receiver("b", ""),
		receiver("c", `net.multicastJoin("", "239.1.2.3") net.multicastLeave("", "239.1.2.3")`), sender)
	got := strings.Split(strings.TrimSpace(w.run(clock.Second)), "\n")
	want := map[string]bool{}
	for _, d := range []string{"a", "b", "c"} {
		want[d+"\tall\t192.168.1.13"] = true
		want[d+"\tsubnet\t192.168.1.13"] = true
	}
	want["a\tgroup\t192.168.1.13"] = true
	if len(got) != len(want) {
		t.Errorf("got %d datagrams, want %d: %q", len(got), len(want), got)
	}
	for _, line := range got {
		if !want[line] {
			t.Errorf("unexpected %q", line)
		}
	}
}

func TestGroupArguments(t *testing.T) {
	w := newWorld(t, `
		for _, a in ipairs{ {}, {{}, "239.1.1.1"}, {"1.1", "239.1.1.1"}, {"any"}, {"any", "9"} } do
			print(select(2, pcall(net.multicastJoin, a[1], a[2])))
		end`)
	want := "wrong arg type\nwrong arg type\ninvalid if ip\nwrong arg type\ninvalid multicast ip\n"
	if got := w.run(clock.Second); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHints checks that what loses data or a connection is pointed out once.
func TestHints(t *testing.T) {
	server := `srv = net.createServer() srv:listen(80, function(c) %s end)`
	client := `s = net.createConnection() s:on("connection", function(s) s:send("hello") end) s:connect(80, "192.168.1.10")`
	tests := []struct {
		name     string
		programs []string
		want     []string // one substring per hint
	}{
		{"close inside receive", []string{
			fmt.Sprintf(server, "\n"+`c:on("receive", function(c) c:send("answer") c:close() end)`), client},
			[]string{"close() inside receive reset the connection and discarded 6 queued bytes"}},
		{"second listener", []string{`
			a = net.createServer() a:listen(80, function() end)
			for i = 1, 3 do b = net.createServer() pcall(b.listen, b, 80, function() end) end`},
			[]string{"port 80 has a listener already"}},
		{"send more than fits; before the handshake's ACK is processed a byte less fits", []string{
			fmt.Sprintf(server, `pcall(c.send, c, string.rep("x", 2920))`), client},
			[]string{"send() of 2920 bytes with room for 2919"}},
		{"connect in disconnection", []string{
			fmt.Sprintf(server, `c:on("sent", function(c) c:close() end) c:send("x")`),
			`s = net.createConnection() s:on("disconnection", function(s) s:connect(80, "192.168.1.10") end) s:connect(80, "192.168.1.10")`},
			[]string{"connect() inside a disconnection"}},
		{"close in sent, when the segment that acknowledges brings data", []string{
			fmt.Sprintf(server, `c:on("receive", function(c) c:send("answer") end)`),
			`s = net.createConnection() s:connect(80, "192.168.1.10")
			 s:on("connection", function(s) s:send("x") end) s:on("sent", function(s) s:close() end)`},
			[]string{"close() before 6 received bytes were delivered"}},
		{"handler that holds its socket", []string{
			fmt.Sprintf(server, `c:on("receive", function() c:send("x", function(s) s:close() end) end)`), client},
			[]string{"its receive handler uses the socket as an upvalue"}},
		{"nothing wrong", []string{
			fmt.Sprintf(server, `c:on("receive", function(c) c:send("x", function(c) c:close() end) end)`), client}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.programs...)
			w.run(5 * clock.Second)
			if len(w.hints) != len(test.want) {
				t.Fatalf("hints %q, want %q", w.hints, test.want)
			}
			for i, h := range test.want {
				if !strings.Contains(w.hints[i], h) {
					t.Errorf("hint %q, want %q", w.hints[i], h)
				}
			}
		})
	}
}

func TestNoNameHint(t *testing.T) {
	w := newWorld(t, `s = net.createConnection() s:connect(80, "nobody.test")`)
	w.run(20 * clock.Second)
	if len(w.hints) != 1 || !strings.Contains(w.hints[0], "255.255.255.255") {
		t.Errorf("hints %q", w.hints)
	}
}

// desktop puts a bigger machine on the wire.
func (w *lab) desktop() *lwip.Stack {
	var desk *lwip.Stack
	nic := w.Wire.Attach("desk", func(p *wire.Packet) { desk.Input(0, p) })
	prefix := netip.MustParsePrefix("192.168.1.20/24")
	nic.SetPrefix(prefix)
	desk = lwip.New(lwip.NewClockHost(w.Clock, 1, nic.Send), lwip.Desktop())
	desk.SetNetif(0, lwip.Netif{Prefix: prefix, Up: true})
	return desk
}

// TestLostTailHint has a client half-close behind its request.
func TestLostTailHint(t *testing.T) {
	w := newWorld(t, `srv = net.createServer() srv:listen(80, function(c)
		c:on("receive", function(c) c:send(string.rep("x", 2000)) end) end)`)
	w.run(clock.Second)
	c := w.desktop().NewTCP()
	c.OnConnected = func(c *lwip.TCPConn) lwip.Err {
		c.Write([]byte("x"))
		return c.Shutdown()
	}
	c.Connect(netip.MustParseAddr("192.168.1.10"), 80)
	w.run(5 * clock.Second)
	if len(w.hints) != 1 || !strings.Contains(w.hints[0], "the last 540 bytes were never sent") {
		t.Errorf("hints %q", w.hints)
	}
}

// TestConnectionLimitHint opens six connections to a device, which takes five.
func TestConnectionLimitHint(t *testing.T) {
	w := newWorld(t, `srv = net.createServer() srv:listen(80, function() end)`)
	w.run(clock.Second)
	desk := w.desktop()
	for range 6 {
		if err := desk.NewTCP().Connect(netip.MustParseAddr("192.168.1.10"), 80); err != lwip.OK {
			t.Fatal(err)
		}
		w.run(100 * clock.Millisecond)
	}
	if len(w.hints) == 0 || !strings.Contains(w.hints[0], "5 are established") {
		t.Errorf("hints %q", w.hints)
	}
}

func TestSnapshot(t *testing.T) {
	w := newWorld(t, `
		srv = net.createServer()
		srv:listen(80, function(c) c:on("receive", function() end) c:hold() c:send("banner") end)
		u = net.createUDPSocket() u:listen(5353)`,
		`s = net.createConnection() s:on("connection", function(s) s:send("hi") end) s:connect(80, "192.168.1.10")`)
	w.run(clock.Second)
	snap := w.devs[0].Snapshot()
	var got []string
	for _, s := range snap.Sockets {
		got = append(got, fmt.Sprintf("%d %s %s %s %d/%d held=%v %v", s.ID, s.Proto, s.State, s.Local, s.RxBytes, s.TxBytes, s.Held, s.Handlers))
	}
	want := []string{
		"3 tcp ESTABLISHED 192.168.1.10:80 2/6 held=true [receive]",
		"1 tcp LISTEN 0.0.0.0:80 0/0 held=false []",
		"2 udp  0.0.0.0:5353 0/0 held=false []",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTwoDevices has one device fetch 100 KB from another, byte by byte correct,
// over a good link and a bad one.
func TestTwoDevices(t *testing.T) {
	server := `
		srv = net.createServer(60)
		srv:listen(80, function(c)
			local left = 100
			local function more(c)
				if left == 0 then c:close() return end
				left = left - 1
				c:send(string.rep(string.char(65 + left % 26), 1024))
			end
			c:on("sent", more) more(c)
		end)`
	client := `
		local n, bad = 0, 0
		s = net.createConnection()
		s:on("receive", function(s, d)
			for i = 1, #d do
				if d:byte(i) ~= 65 + (99 - math.floor(n / 1024)) % 26 then bad = bad + 1 end
				n = n + 1
			end
		end)
		s:on("disconnection", function(s, e) print(n, bad, e) end)
		s:connect(80, "192.168.1.10")`
	for _, loss := range []float64{0, 0.03} {
		t.Run(fmt.Sprintf("loss %g", loss), func(t *testing.T) {
			w := newWorld(t, server, client)
			link := wire.NewLink(3)
			link.Loss, link.Duplicate, link.Jitter = loss, loss, clock.Duration(loss*100000)
			w.Wire.AddRule(link)
			if got := w.run(20 * clock.Minute); got != "102400\t0\t0\n" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestReset checks that a device that resets leaves nothing behind: its server
// answers again after it, and old connections are refused.
func TestReset(t *testing.T) {
	w := newWorld(t, `print("up") srv = net.createServer() srv:listen(80, function(c) c:on("receive", function() node.restart() end) end)`,
		`s = net.createConnection() s:on("connection", function(s) s:send("x") end)
		 s:on("reconnection", function(s, e) print("end", e) end) s:connect(80, "192.168.1.10")`)
	if got := w.run(20 * clock.Second); got != "up\nup\nend\t-9\n" {
		t.Errorf("got %q", got)
	}
}

// TestOutOfMemory fills a device's heap but for some bytes and then has
// connections and datagrams come: the device panics, resets because there is none for a
// received packet, or drops them, as it has memory for this or that, and nothing worse.
func TestOutOfMemory(t *testing.T) {
	const panicked = "PANIC: unprotected error in call to Lua API (not enough memory)\n"
	panics, exceptions, quiet := 0, 0, 0
	for spare := 0; spare <= 1600; spare += 50 {
		w := newWorld(t, fmt.Sprintf(`
			srv = net.createServer() srv:listen(80, function(c) end)
			u = net.createUDPSocket() u:listen(80) u:on("receive", function(s, d) end)
			spare = string.rep("s", %d) i = 0
			local function fill(n) while true do i = i + 1 hog = {hog, string.rep("x", n) .. i} end end
			local n = 2048
			while n > 8 do
				pcall(fill, n)
				n = n / 2
			end
			spare = nil collectgarbage()`, spare))
		w.run(clock.Second)
		desk := w.desktop()
		dst := netip.MustParseAddr("192.168.1.10")
		for range 8 {
			desk.NewUDP().SendTo(make([]byte, 200), dst, 80)
			desk.NewTCP().Connect(dst, 80)
			w.run(100 * clock.Millisecond)
		}
		got := w.run(5 * clock.Second)
		var said []string
		for _, line := range strings.SplitAfter(got, "\n") {
			if !strings.HasPrefix(line, "E:M ") {
				said = append(said, line)
			}
		}
		text := strings.Join(said, "")
		resets := w.devs[0].Boots() > 0
		switch why := w.devs[0].BootReason(); {
		case resets && why == device.Exception:
			exceptions++
		case resets && why == device.SoftRestart: // the program's own end: an error in a task
		case strings.HasSuffix(text, panicked):
			panics++
		case resets || text != "" && !strings.HasPrefix(text, "error calling 'print'"): // with no memory to print it
			t.Errorf("%d bytes to spare: %v, got %q", spare, why, got)
		default:
			quiet++
		}
	}
	if panics == 0 || quiet == 0 {
		t.Errorf("%d amounts of memory end in a panic, %d in an exception, %d quietly", panics, exceptions, quiet)
	}
	t.Logf("%d amounts of memory end in a panic, %d in an exception, %d quietly", panics, exceptions, quiet)
}

// A callback that a finalizer replaces while its arguments are made is called all the
// same.
func TestCallbackReplacedMeanwhile(t *testing.T) {
	receiver := `
		u = net.createUDPSocket()
		local function handler(n) return function(s, d, port, ip) print("handler", n) end end
		u:on("receive", handler(1)) u:listen(4000)
		P = newproxy(true)
		getmetatable(P).__gc = function()
			u:on("receive", function(s, d) print("other") end)
			pcall(error) local x = {} x = {} x = {1}
		end
		tmr.create():alarm(500, tmr.ALARM_SINGLE, function() P = nil end)`
	sender := `tmr.create():alarm(1000, tmr.ALARM_AUTO, function() local u = net.createUDPSocket() u:send(4000, "192.168.1.10", "text" .. tmr.now()) end)`
	w := newWorld(t, receiver, sender)
	if got := w.run(3 * clock.Second); !strings.HasPrefix(got, "handler\t1\nother\n") {
		t.Errorf("%q", got)
	}
}
