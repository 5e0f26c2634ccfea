package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	luanet "github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// errands makes a device that serves do what a client asks for, too: on port 81,
// GET /tcp/udp sends a datagram to a server of the host and then fetches from another
// whose name it looks up. UDP port 7 echoes.
const errands = program + `
net.createServer(30):listen(81, function(c)
  c:on("receive", function(c, data)
    local tcp, udp = data:match("^GET /(%d+)/(%d+)")
    local s = net.createUDPSocket()
    s:on("receive", function(s, pong)
      s:close()
      local got = 0
      local out = net.createConnection(net.TCP, 0)
      out:on("connection", function(out) out:send("get") end)
      out:on("receive", function(out, data) got = got + #data end)
      out:on("disconnection", function()
        c:on("sent", function(c) c:close() end)
        c:send("HTTP/1.0 200 OK\r\n\r\n" .. pong .. " " .. got)
      end)
      out:connect(tonumber(tcp), "server.example")
    end)
    s:send(tonumber(udp), "192.168.1.1", "ping")
  end)
end)
local echo = net.createUDPSocket()
echo:on("receive", function(s, data, port, ip) s:send(port, ip, "echo " .. data) end)
echo:listen(7)`

// localhost knows all names.
type localhost struct{}

func (localhost) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// spy is a network that writes down what it is told. Without another one behind it,
// it does nothing.
type spy struct {
	behind gateway.Network
	log    *[]string
}

func (s spy) told(do func(gateway.Network), format string, args ...any) {
	*s.log = append(*s.log, fmt.Sprintf(format, args...))
	if s.behind != nil {
		do(s.behind)
	}
}

func (s spy) Publish(p hostnet.Publication) (netip.AddrPort, error) { return s.behind.Publish(p) }
func (s spy) Close()                                                { s.behind.Close() }
func (s spy) Dial(c hostnet.Conn, to netip.AddrPort) {
	s.told(func(n gateway.Network) { n.Dial(c, to) }, "dial %d %v", c, to)
}
func (s spy) Read(c hostnet.Conn) {
	s.told(func(n gateway.Network) { n.Read(c) }, "read %d", c)
}
func (s spy) Write(c hostnet.Conn, data [][]byte) {
	s.told(func(n gateway.Network) { n.Write(c, data) }, "write %d %q", c, data)
}
func (s spy) CloseWrite(c hostnet.Conn) {
	s.told(func(n gateway.Network) { n.CloseWrite(c) }, "close write %d", c)
}
func (s spy) CloseConn(c hostnet.Conn) {
	s.told(func(n gateway.Network) { n.CloseConn(c) }, "close %d", c)
}
func (s spy) ResetConn(c hostnet.Conn) {
	s.told(func(n gateway.Network) { n.ResetConn(c) }, "reset %d", c)
}
func (s spy) OpenSocket(k hostnet.Socket, to netip.AddrPort) {
	s.told(func(n gateway.Network) { n.OpenSocket(k, to) }, "open socket %d %v", k, to)
}
func (s spy) SendDatagram(k hostnet.Socket, data []byte) {
	s.told(func(n gateway.Network) { n.SendDatagram(k, data) }, "send %d %q", k, data)
}
func (s spy) CloseSocket(k hostnet.Socket) {
	s.told(func(n gateway.Network) { n.CloseSocket(k) }, "close socket %d", k)
}
func (s spy) Lookup(q hostnet.Query, name string) {
	s.told(func(n gateway.Network) { n.Lookup(q, name) }, "look %s up %d", name, q)
}

// run is a world with a gateway and a device, and all that happens there: events, what
// passes over the wire, and what the network is told, in their order.
type run struct {
	w      *world.World
	g      *gateway.Gateway
	d      *device.Device
	happen []string
}

// newRun makes the world, which has the host's network or one that does nothing.
func newRun(t *testing.T, host bool) *run {
	t.Helper()
	board, err := boards.Load(boards.Default)
	if err != nil {
		t.Fatal(err)
	}
	fs := flash.New(board.FS.Size)
	if err := fs.WriteFile("init.lua", []byte(errands)); err != nil {
		t.Fatal(err)
	}
	r := &run{w: world.New(7)}
	note := func(format string, args ...any) { r.happen = append(r.happen, fmt.Sprintf(format, args...)) }
	r.w.Subscribe(func(e world.Event) { note("%+v", e) })
	r.w.Wire.Tap(func(e wire.Event) {
		to := ""
		if e.To != nil {
			to = e.To.Name
		}
		note("%d %v %d from %s to %q (%d) %s: %+v", e.Time, e.Kind, e.ID, e.From.Name, to, e.Arrivals, e.Reason, *e.Packet)
	})
	network := spy{log: &r.happen}
	if host {
		network.behind = hostnet.New(func(what world.Stimulus, done func(string, error)) {
			r.w.Send(gateway.Name, what, done)
		}, localhost{})
	}
	r.g = gateway.New(r.w, gateway.Options{Network: network})
	r.d = device.New(r.w, device.Config{Board: board, Flash: fs, Modules: []device.Module{luanet.Module, wifi.Module}})
	r.d.PowerOn()
	return r
}

// TestRecordedInputsMakeTheSameRun has clients and servers of the host deal with a
// device, records the inputs, and gives them, by way of JSON, to a second world
// whose gateway has no network. All events, all packets and all that the gateway
// would have had the network do are the same, at the same virtual times.
//
// The virtual time of an input does not say before or after which of the events of
// that time it was taken. So they are given at the time and after the number of events
// at which they were taken.
func TestRecordedInputsMakeTheSameRun(t *testing.T) {
	for _, speed := range []float64{20, clock.Max} {
		t.Run(fmt.Sprintf("speed=%v", speed), func(t *testing.T) {
			first := newRun(t, true)
			inputs := record(t, first, speed)
			kinds := map[string]int{}
			second := newRun(t, false)
			for _, in := range inputs {
				kinds[in.What.Kind()]++
				second.w.Clock.RunTo(in.After, in.At)
				second.g.Take(copied(t, in.What))
			}
			second.w.Clock.RunTo(first.w.Clock.Happened(), first.w.Clock.Now())

			for _, k := range []world.Stimulus{hostnet.Accepted{}, hostnet.Received{}, hostnet.Written{}, hostnet.Ended{}, hostnet.Dialed{},
				hostnet.Resolved{}, hostnet.Datagram{}, hostnet.ClientDatagram{}, hostnet.Closed{}} {
				if kinds[k.Kind()] == 0 {
					t.Errorf("no input of kind %s: %v", k.Kind(), kinds)
				}
			}
			for i, want := range first.happen {
				if i >= len(second.happen) || second.happen[i] != want {
					t.Fatalf("difference at %d of %d\nfirst  %s\nsecond %s", i, len(first.happen), want, second.happen[min(i, len(second.happen)-1)])
				}
			}
			if len(second.happen) != len(first.happen) {
				t.Errorf("%d happenings, and %d in the second run", len(first.happen), len(second.happen))
			}
			t.Logf("%d inputs %v, %d happenings, %d events", len(inputs), kinds, len(first.happen), first.w.Clock.Happened())
		})
	}
}

// copied returns a value as it comes out of a file.
func copied(t *testing.T, what world.Stimulus) world.Stimulus {
	t.Helper()
	raw, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range hostnet.Kinds {
		if k.Kind() == what.Kind() {
			v := reflect.New(reflect.TypeOf(k))
			if err := json.Unmarshal(raw, v.Interface()); err != nil {
				t.Fatal(err)
			}
			return v.Elem().Interface().(world.Stimulus)
		}
	}
	t.Fatalf("no kind %s", what.Kind())
	return nil
}

// record runs a world with clients and servers of the host and returns its inputs.
func record(t *testing.T, r *run, speed float64) (inputs []world.Input) {
	r.w.OnInput(func(in world.Input) { inputs = append(inputs, in) })
	r.w.Clock.SetSpeed(speed)
	done := make(chan struct{})
	go func() {
		r.w.Clock.Run(clock.Forever, false)
		close(done)
	}()
	defer func() {
		r.g.Close()
		closed := make(chan struct{})
		r.w.Clock.Look(func() { close(closed) })
		<-closed
		r.w.Clock.Stop()
		<-done
	}()
	publish := func(port int, udp bool) string {
		at, err := r.g.Publish(hostnet.Publication{Device: r.d.Name(), Port: uint16(port), UDP: udp})
		if err != nil {
			t.Fatal(err)
		}
		return at.String()
	}
	serve, errand, echo := publish(80, false), publish(81, false), publish(7, true)
	tcp, udp := hostServers(t)

	var clients sync.WaitGroup
	for i := range 3 {
		clients.Go(func() {
			for j := range 4 {
				get(t, fmt.Sprintf("http://%s/%d", serve, 1+i*5000+j), 1+i*5000+j)
			}
		})
	}
	clients.Go(func() {
		for range 3 {
			if got := get(t, fmt.Sprintf("http://%s/%d/%d", errand, tcp, udp), -1); got != "pong 3000" {
				t.Errorf("errand: %q", got)
			}
		}
	})
	clients.Go(func() {
		c, err := net.Dial("udp", echo)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for range 50 { // until the device has an address
			io.WriteString(c, "hello")
			c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, err := c.Read(make([]byte, 100)); err == nil && n == len("echo hello") {
				return
			}
		}
		t.Error("no echo")
	})
	clients.Wait()
	return
}

// get fetches a page, of size bytes unless that is negative.
func get(t *testing.T, url string, size int) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || size >= 0 && len(body) != size {
		t.Errorf("%s: %d bytes, %v", url, len(body), err)
	}
	return string(body)
}

// hostServers starts a server that sends 3000 bytes and one that answers datagrams
// with "pong", and returns their ports.
func hostServers(t *testing.T) (tcp, udp int) {
	sender := gateway.HostServer(t, func(c *net.TCPConn) {
		c.Read(make([]byte, 10))
		c.Write(bytes.Repeat([]byte("x"), 3000))
		c.Close()
	})
	p, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	go func() {
		buf := make([]byte, 100)
		for {
			_, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			p.WriteTo([]byte("pong"), from)
		}
	}()
	return int(sender.Port()), p.LocalAddr().(*net.UDPAddr).Port
}
