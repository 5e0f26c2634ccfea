package tls_test

import (
	"bufio"
	ctls "crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/sim/http"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tls"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// lab is a device with TLS that runs a program, and a host at 192.168.1.20.
type lab struct {
	*chiptest.Lab
	server *peer.Host
}

func newLab(t testing.TB, lua string) *lab {
	x := &lab{Lab: chiptest.NewLab(t, "t.lua", lua, device.Config{
		Modules: []device.Module{tls.Module, http.Module, node.Module, tmr.Module},
		Build:   device.Build{SSL: true}})}
	x.host()
	return x
}

func (x *lab) host() {
	x.server = peer.New(x.World.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
}

// serve listens at port 443 with a certificate.
func (x *lab) serve(t testing.TB, certificate string, config *ctls.Config, fn func(*ctls.Conn)) {
	t.Helper()
	config.Certificates = []ctls.Certificate{tlspeer.Certificate(t, certificate)}
	if err := tlspeer.Listen(x.server, 443, config, fn); err != nil {
		t.Fatal(err)
	}
}

// echo sends back what it gets, line by line, and closes after "bye".
func echo(c *ctls.Conn) {
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if err != nil || line == "bye\n" {
			break
		}
		fmt.Fprint(c, "you said "+line)
	}
	c.Close()
}

// talk is a program that says "hello" and "bye" and prints what happens.
const talk = `
	s = tls.createConnection()
	s:on("dns", function(s, ip) print("dns", ip) end)
	s:on("connection", function(s) print("connection", s:getpeer()) s:send("hello\n") end)
	s:on("sent", function(s) print("sent") end)
	s:on("receive", function(s, data) print("receive", data) s:send("bye\n") end)
	s:on("disconnection", function(s) print("disconnection", s) end)
	s:on("reconnection", function(s, why) print("reconnection", why) end)
	s:connect(443, "192.168.1.20")
`

const talked = "dns\t192.168.1.20\nconnection\t192.168.1.20\t443\nsent\nreceive\tyou said hello\n\nsent\ndisconnection\tnil\n"

func TestConversation(t *testing.T) {
	for _, certificate := range []string{"rsa", "ecdsa"} {
		for _, suite := range []uint16{0, ctls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, ctls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA} {
			x := newLab(t, talk)
			config := &ctls.Config{}
			want := talked
			if suite != 0 {
				config.CipherSuites = []uint16{suite}
				if strings.Contains(ctls.CipherSuiteName(suite), "ECDSA") != (certificate == "ecdsa") {
					want = "dns\t192.168.1.20\nreconnection\tnil\n"
				}
			}
			x.serve(t, certificate, config, echo)
			x.D.PowerOn()
			if got := x.Run(5 * clock.Second); got != want {
				t.Errorf("%s, %x:\n%s\nhints %q", certificate, suite, got, x.Hints)
			}
		}
	}
}

// A server that the chip can't talk to fails here, and a hint says why.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, certificate string
		config            *ctls.Config
		hint              string
	}{
		{"tls 1.3 only", "rsa", &ctls.Config{MinVersion: ctls.VersionTLS13}, "-0x7780 (9 to the program): the server ended it: tls: protocol version not supported. the server does not speak TLS 1.2"},
		{"x25519 only", "rsa", &ctls.Config{CurvePreferences: []ctls.CurveID{ctls.X25519}}, "-0x7780 (9 to the program): the server ended it: tls: handshake failure"},
		{"other suites", "rsa", &ctls.Config{CipherSuites: []uint16{ctls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}}, "-0x7780"},
		{"a curve of 521 bits", "p521", &ctls.Config{}, "-0x3a00 (-58 to the program): the server's key is on the curve P-521, which the chip has not"},
		{"wants a client", "rsa", &ctls.Config{ClientAuth: ctls.RequireAnyClientCert}, "or a certificate of the client (tls.cert.auth)"},
		{"wants a name", "rsa", &ctls.Config{GetConfigForClient: func(h *ctls.ClientHelloInfo) (*ctls.Config, error) {
			if h.ServerName == "" {
				return nil, fmt.Errorf("which one?")
			}
			return nil, nil
		}}, "-0x7780"},
	} {
		x := newLab(t, talk)
		x.serve(t, tt.certificate, tt.config, echo)
		x.D.PowerOn()
		got := x.Run(5 * clock.Second)
		if want := "dns\t192.168.1.20\nreconnection\tnil\n"; got != want || len(x.Hints) == 0 || !strings.Contains(x.Hints[0], tt.hint) {
			t.Errorf("%s: %q, hints %q", tt.name, got, x.Hints)
		}
	}
}

// What is no TLS, and records that are too long.
func TestRecords(t *testing.T) {
	x := newLab(t, talk)
	x.server.Listen(443, func(c *peer.Conn) { c.OnData = func([]byte) { c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) } })
	x.D.PowerOn()
	if got := x.Run(5 * clock.Second); !strings.HasSuffix(got, "reconnection\tnil\n") || !strings.Contains(x.Hints[0], "-0x7200 (-114 to the program): what the server sends is not TLS (\"HTTP/\")") {
		t.Errorf("%s %q", got, x.Hints)
	}

	for size, want := range map[int]string{4096: "1460 1460 1176 disconnection", 4097: "reconnection"} {
		x := newLab(t, `
			s = tls.createConnection()
			all = ""
			s:on("receive", function(s, data) all = all .. #data .. " " end)
			s:on("disconnection", function(s) print(all .. "disconnection") end)
			s:on("reconnection", function(s) print(all .. "reconnection") end)
			s:connect(443, "192.168.1.20")`)
		x.serve(t, "ecdsa", &ctls.Config{DynamicRecordSizingDisabled: true}, func(c *ctls.Conn) {
			c.Handshake()
			c.Write(make([]byte, size))
			c.Close()
		})
		x.D.PowerOn()
		if got := strings.TrimSpace(x.Run(5 * clock.Second)); got != want {
			t.Errorf("a record of %d bytes: %q, hints %q", size, got, x.Hints)
		}
	}
}

// A program without room for a handshake fails as on the device: at once where there is
// not even room to begin, and nothing more is heard.
func TestLittleMemory(t *testing.T) {
	for _, tt := range []struct {
		free int
		want string
		hint string
	}{
		{18000, "dns\t192.168.1.20\n", "needs more than 18432 bytes of free heap to begin with"},
		{20000, "dns\t192.168.1.20\nE:M …\nreconnection\tnil\n", "-0x7f00 (-127 to the program): "},
		{32000, talked, ""},
	} {
		x := newLab(t, fmt.Sprintf(`
			hold = {}
			local function fill(over, n)
				while node.heap() > %d + over do hold[#hold + 1] = ("x"):rep(n) .. #hold collectgarbage() end
			end
			fill(1100, 1000) fill(200, 100)
			%s`, tt.free, talk))
		x.serve(t, "ecdsa", &ctls.Config{}, echo)
		x.D.PowerOn()
		got := regexp.MustCompile(`E:M \d+`).ReplaceAllString(x.Run(5*clock.Second), "E:M …") // the SDK's word
		if got != tt.want || tt.hint != "" && (len(x.Hints) == 0 || !strings.Contains(x.Hints[0], tt.hint)) {
			t.Errorf("%d bytes free: %q, hints %q", tt.free, got, x.Hints)
		}
	}
}

// What a connection takes is what is published.
func TestMemory(t *testing.T) {
	x := newLab(t, `
		s = tls.createConnection()
		s:on("connection", function(s) tmr.create():alarm(1000, 0, function()
			collectgarbage()
			print(before - node.heap())
		end) end)
		tmr.create():alarm(1000, 0, function()
			collectgarbage()
			before = node.heap()
			s:connect(443, "192.168.1.20")
		end)`)
	x.serve(t, "rsa", &ctls.Config{}, echo)
	x.D.PowerOn()
	x.Clock.RunUntil(clock.At(500 * clock.Millisecond))
	x.D.VM.Heap().ResetLow()
	before := x.D.VM.Heap().Free()
	out := x.Run(5 * clock.Second)
	var stands int
	fmt.Sscan(out, &stands)
	peak := before - x.D.VM.Heap().Low()
	t.Logf("during the handshake %d bytes, afterwards %d", peak, stands)
	if peak < 25000 || peak > 30000 {
		t.Errorf("%d bytes during the handshake, published are 25 to 30 KB", peak)
	}
	if stands < 15900 || stands > 17400 {
		t.Errorf("%d bytes of a connection that stands, published are 17.4 KB with mqtt's 1.2", stands)
	}
}

// The same https request twice is the same to the byte, on the wire too.
func TestRepeatable(t *testing.T) {
	run := func() (all []string) {
		x := newLab(t, `
			http.get("https://192.168.1.20/a", nil, function(code, body, headers)
				print(tmr.now(), node.heap(), code, #body, headers["x-a"])
			end)`)
		x.serve(t, "ecdsa", &ctls.Config{}, web)
		x.World.Wire.Tap(func(e wire.Event) {
			if e.Kind == wire.Sent {
				all = append(all, fmt.Sprintf("%d %v %x", e.Time, e.Packet, e.Packet.Payload))
			}
		})
		x.D.PowerOn()
		all = append(all, x.Run(5*clock.Second))
		return all
	}
	first := run()
	if second := run(); !slices.Equal(first, second) {
		for i := range min(len(first), len(second)) {
			if first[i] != second[i] {
				t.Fatalf("%s\nthen\n%s", first[i], second[i])
			}
		}
		t.Fatalf("%d packets, then %d", len(first), len(second))
	}
	if last := first[len(first)-1]; !strings.HasSuffix(last, "\t200\t3000\tb\n") {
		t.Errorf("%q", last)
	}
}

// web answers one request.
func web(c *ctls.Conn) {
	r := bufio.NewReader(c)
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		head += line
	}
	if !strings.Contains(head, "\r\nHost: 192.168.1.20\r\n") {
		fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
	} else {
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n"+strings.Repeat("x", 3000))
	}
	c.Close()
}

// Who may be trusted, by each of the ways to say so.
func TestVerify(t *testing.T) {
	ca, other := tlspeer.PEM(t, "ca.pem"), tlspeer.PEM(t, "client.pem")
	for _, tt := range []struct {
		name, setup string
		ok          bool
		hint        string
	}{
		{"text", "tls.cert.verify([[" + ca + "]])", true, ""},
		{"somebody else", "tls.cert.verify([[" + other + "]])", false, "-0x2700 (-39 to the program): tls.cert.verify: CN=device.test is signed by CN=nodemcu-sim test CA, which is not among what is trusted"},
		{"off again", "tls.cert.verify([[" + other + "]]) tls.cert.verify(false)", true, ""},
		{"function", "tls.cert.verify(function(k) if k == 1 then return [[" + other + "]] elseif k == 2 then return [[" + ca + "]] end end)", true, ""},
		{"function without any", "tls.cert.verify(function() end)", false, "the function of tls.cert.verify returns no certificate: documented is that servers are not verified then"},
		{"function that fails", "tls.cert.verify(function() error('no') end)", false, "the function of tls.cert.verify failed, which the firmware keeps to itself: t.lua:1: no"},
		{"function with rubbish", "tls.cert.verify(function() return 'rubbish' end)", false, "no handshake begins: a certificate that the function of tls.cert.verify returns can't be used"},
		{"rubbish in the flash", "tls.cert.verify('-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----')", false, "the certificate in the flash"},
	} {
		x := newLab(t, tt.setup+talk)
		x.serve(t, "rsa", &ctls.Config{}, echo)
		x.D.PowerOn()
		got := x.Run(5 * clock.Second)
		_, got, _ = strings.Cut(got, "dns")
		want := talked
		if !tt.ok {
			want = "dns\t192.168.1.20\nreconnection\tnil\n"
		}
		if "dns"+got != want || tt.hint != "" && (len(x.Hints) == 0 || !strings.Contains(x.Hints[0], tt.hint)) {
			t.Errorf("%s: %q, hints %q", tt.name, got, x.Hints)
		}
	}
}

// The client's own certificate, from the flash and from a function; the flash keeps it
// over a restart.
func TestAuth(t *testing.T) {
	pem, key := tlspeer.PEM(t, "client.pem"), tlspeer.PEM(t, "client.key")
	for name, setup := range map[string]string{
		"text":     "tls.cert.auth([[" + pem + "]], [[" + key + "]])",
		"function": "tls.cert.auth(function(k) return ({[0] = [[" + key + "]], [[" + pem + "]]})[k] end)",
	} {
		x := newLab(t, setup+talk)
		x.serve(t, "rsa", &ctls.Config{ClientAuth: ctls.RequireAndVerifyClientCert, ClientCAs: tlspeer.Pool(t)}, echo)
		x.D.PowerOn()
		got := x.Run(5 * clock.Second)
		if !strings.HasSuffix(got, talked) {
			t.Errorf("%s: %q, hints %q", name, got, x.Hints)
		}
	}
	x := newLab(t, "tls.cert.auth([["+pem+"]])"+talk) // a certificate without a key
	x.serve(t, "rsa", &ctls.Config{}, echo)
	x.D.PowerOn()
	if got := x.Run(5 * clock.Second); !strings.HasSuffix(got, "reconnection\tnil\n") || !strings.Contains(x.Hints[0], "the client's key in the flash can't be used") {
		t.Errorf("%q, hints %q", got, x.Hints)
	}
}

// A name or a date that does not fit is not looked at; closing while data is handed out is
// an error; a long send goes out in records.
func TestSurprises(t *testing.T) {
	x := newLab(t, `
		s = tls.createConnection()
		s:on("connection", function(s) s:send(("x"):rep(4000) .. "\n") s:send("lost\n") end)
		s:on("sent", function() print("sent") end)
		s:on("receive", function(s, data) print("receive", #data) s:close() end)
		s:on("disconnection", function() print("disconnection") end)
		s:on("reconnection", function(s, why) print("reconnection", s, why) end)
		s:connect(443, "192.168.1.20")`)
	var lengths []int
	x.serve(t, "rsa", &ctls.Config{DynamicRecordSizingDisabled: true}, echo)
	x.World.Wire.Tap(func(e wire.Event) {
		if p := e.Packet; e.Kind == wire.Sent && p.DstPort == 443 && len(p.Payload) > 300 {
			lengths = append(lengths, len(p.Payload))
		}
	})
	x.D.PowerOn()
	got := x.Run(5 * clock.Second)
	if !strings.HasPrefix(got, "sent\nreceive\t1460\nreceive\t1460\nreceive\t1090\nreconnection\tuserdata: 0x3fff0000\tnil\n") {
		t.Errorf("%s", got)
	}
	// Three records: of 1460, 1460 and 1081 bytes, each 29 longer on the wire.
	if want := []int{1460, 1460, 1110}; !slices.Equal(lengths, want) {
		t.Errorf("segments of %v bytes", lengths)
	}
	hints := strings.Join(x.Hints, "\n")
	for _, w := range []string{"5 bytes are lost", "-0x0045 (-69 to the program): it was closed while received data was handed out"} {
		if !strings.Contains(hints, w) {
			t.Errorf("no hint %q in %s", w, hints)
		}
	}
}

// A device that restarts in the middle of everything leaves nothing behind.
func TestRestart(t *testing.T) {
	x := newLab(t, talk+`tmr.create():alarm(30, 0, node.restart)`)
	x.serve(t, "rsa", &ctls.Config{}, func(c *ctls.Conn) { io.Copy(io.Discard, c) })
	x.D.PowerOn()
	x.Run(3 * clock.Second)
	if len(x.Resets) != 1 {
		t.Errorf("%q", x.Resets)
	}
}

// Wherever memory ends on the way to a connection, the device goes on, and what was taken is
// given back.
func TestMemoryEndsAnywhere(t *testing.T) {
	seen := map[string]int{}
	for free := 18000; free < 31000; free += 150 {
		x := newLab(t, fmt.Sprintf(`
			hold = {}
			s = tls.createConnection()
			s:on("connection", function(s) print("connection") s:close() end)
			for _, e in ipairs{"disconnection", "reconnection"} do s:on(e, function() print(e) end) end
			tmr.create():alarm(60000, 0, function() s = nil collectgarbage() print("lost", before - node.heap() > 0) end)
			local function fill(over, n)
				while node.heap() > %d + over do hold[#hold + 1] = ("x"):rep(n) .. #hold collectgarbage() end
			end
			fill(1100, 1000) fill(150, 60)
			before = node.heap()
			s:connect(443, "192.168.1.20")`, free))
		x.serve(t, "rsa", &ctls.Config{}, echo)
		x.D.PowerOn()
		out := regexp.MustCompile(`E:M \d+\n`).ReplaceAllString(x.Run(90*clock.Second), "")
		if len(x.Resets) > 0 || !strings.HasSuffix(out, "lost\tfalse\n") {
			t.Errorf("%d bytes: %q, resets %q, hints %q", free, out, x.Resets, x.Hints)
		}
		seen[out]++
	}
	if len(seen) != 3 { // nothing at all, a failed handshake, a connection
		t.Errorf("%v", seen)
	}
}
