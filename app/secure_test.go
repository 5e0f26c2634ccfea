package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire/capture"
)

// server runs a web server of Go's on the loopback, with TLS or without, and returns its
// port.
func server(t *testing.T, secure bool, handler http.HandlerFunc) int {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	if secure {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{tlspeer.Certificate(t, "rsa")}}
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}

// await waits until the device has printed something.
func await(t *testing.T, output func() string, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(output(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in %s", text, output())
		}
	}
}

const secureProject = "[firmware]\nssl = true\nmodules = [\"http\", \"net\", \"tls\", \"tmr\", \"websocket\", \"wifi\"]\n"

// TestHTTPS has a device ask a real server, whose certificate it verifies, and Wireshark's
// dissectors look at what was on the wire: TLS 1.2, without a name.
func TestHTTPS(t *testing.T) {
	need.Program(t, "tshark")
	port := server(t, true, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s over %s for %s", strings.Repeat("x", 2000), tls.VersionName(r.TLS.Version), r.TLS.ServerName)
	})
	dir := write(t, map[string]string{
		"nodemcu-sim.toml": secureProject,
		"init.lua": fmt.Sprintf(`
			tls.cert.verify(function(k) if k == 1 then return [[%s]] end end)
			wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
				http.get("https://host.internal:%d/", nil, function(code, body) print("got", code, body and #body, body and body:match("over.*")) end)
			end)`, tlspeer.PEM(t, "ca.pem"), port)})
	var packets bytes.Buffer
	var recorder *capture.Capture
	a, output := startWith(t, Options{Dir: dir, Net: "host", Seed: 1}, 5, func(a *App) {
		var err error
		if recorder, err = capture.Start(a.World.Wire, &packets); err != nil {
			t.Fatal(err)
		}
	})
	await(t, output, "got\t200\t2018\tover TLS 1.2 for \n")
	written := make(chan []byte)
	a.World.Clock.Look(func() { recorder.Close(); written <- bytes.Clone(packets.Bytes()) })
	name := filepath.Join(t.TempDir(), "tls.pcapng")
	if err := os.WriteFile(name, <-written, 0o600); err != nil {
		t.Fatal(err)
	}
	shark := func(filter string) int {
		cmd := exec.Command("tshark", "-r", name, "-n", "-d", fmt.Sprintf("tcp.port==%d,tls", port), "-Y", filter)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark: %v", err)
		}
		return strings.Count(string(out), "\n")
	}
	for filter, want := range map[string]bool{
		"tls.handshake.type == 1": true, "tls.handshake.type == 11": true, "tls.handshake.type == 16": true, "tls.app_data": true,
		"tls.handshake.extensions_server_name": false, "_ws.malformed": false, "tls.record.length > 4416": false,
	} {
		if n := shark(filter); (n > 0) != want {
			t.Errorf("%s: %d packets", filter, n)
		}
	}
}

// TestWebSocketServer talks to a real server, plain and with TLS: text and binary, a frame
// that comes in several segments, a ping, and the server's close.
func TestWebSocketServer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		failed := make(chan error, 10)
		port := server(t, secure, func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}, CompressionMode: websocket.CompressionDisabled})
			if err != nil {
				failed <- err
				return
			}
			ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
			defer cancel()
			for range 2 { // text and binary come back
				kind, data, err := c.Read(ctx)
				if err != nil {
					failed <- err
					return
				}
				c.Write(ctx, kind, data)
			}
			read := make(chan struct{})
			go func() { // pings are answered while somebody reads
				defer close(read)
				if _, data, err := c.Read(ctx); err != nil || len(data) != 1200 {
					failed <- fmt.Errorf("%d bytes, %v", len(data), err)
				}
			}()
			if err := c.Ping(ctx); err != nil {
				failed <- err
			}
			c.Write(ctx, websocket.MessageText, bytes.Repeat([]byte("l"), 2500))
			<-read
			c.Close(websocket.StatusGoingAway, "bye")
		})
		scheme := "ws"
		if secure {
			scheme = "wss"
		}
		dir := write(t, map[string]string{
			"nodemcu-sim.toml": secureProject,
			"init.lua": fmt.Sprintf(`
			local ws, n = websocket.createClient(), 0
			ws:on("connection", function(ws) print("connected") ws:send("hello") end)
			ws:on("receive", function(_, data, op)
				n = n + 1
				print("receive", op, #data, data:sub(1, 5))
				if n == 1 then ws:send("\1\0\2", 2) elseif n == 3 then ws:send(("u"):rep(1200)) end
			end)
			ws:on("close", function(_, code) print("close", code) end)
			wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function() ws:connect("%s://host.internal:%d/path") end)`, scheme, port)})
		_, output := start(t, Options{Dir: dir, Net: "host", Seed: 1}, 5)
		await(t, output, "close\t-6\n")
		select {
		case err := <-failed:
			t.Errorf("%s: %v", scheme, err)
		default:
		}
		want := "connected\nreceive\t1\t5\thello\nreceive\t2\t3\t\x01\nreceive\t1\t2500\tlllll\nclose\t-6\n"
		if got := strings.ReplaceAll(output(), "\r", ""); !strings.Contains(got, want) {
			t.Errorf("%s: %q", scheme, got)
		}
	}
}

// A world that is closed while a handshake waits leaves nothing running.
func TestCloseWithTLS(t *testing.T) {
	for range 5 {
		dir := write(t, map[string]string{
			"nodemcu-sim.toml": secureProject,
			"init.lua": `wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
				s = tls.createConnection()
				s:connect(443, "192.168.1.20")
			end)`})
		a, err := New(Options{Dir: dir, Net: "isolated", Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		a.World.Subscribe((&observe.Log{Device: &out}).Handle)
		// The server never answers.
		server := peer.New(a.World.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
		if _, err := server.Listen(443, func(*peer.Conn) {}); err != nil {
			t.Fatal(err)
		}
		a.PowerOn()
		a.World.Clock.RunUntil(clock.At(15 * clock.Second))
		if n := handshakes(); n != 1 {
			t.Errorf("%d handshakes wait; %s", n, out.String())
		}
		a.Close()
	}
	if n := handshakes(); n != 0 {
		t.Errorf("%d handshakes run on", n)
	}
}

// handshakes is how many coroutines of package mbedtls there are; goroutines of other tests
// come and go.
func handshakes() (n int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "/device/mbedtls.") && !strings.Contains(stack, "app.handshakes") {
			n++
		}
	}
	return n
}
