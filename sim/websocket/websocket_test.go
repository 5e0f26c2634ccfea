package websocket

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// bench is a device with a program, and a server at 192.168.1.20.
type bench struct{ *chiptest.Lab }

var keyLine = regexp.MustCompile(`Sec-WebSocket-Key: (\S+)\r\n`)

// newBench starts the program when the world runs. frame gets each frame that the server
// receives, unmasked.
func newBench(t testing.TB, lua string, frame func(c *peer.Conn, op byte, data string)) *bench {
	t.Helper()
	b := &bench{chiptest.NewLab(t, "t.lua", lua, device.Config{Modules: []device.Module{Module, node.Module, tmr.Module}})}
	server := peer.New(b.World.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
	server.Listen(80, func(c *peer.Conn) {
		open, buf := false, []byte{}
		c.OnData = func(data []byte) {
			buf = append(buf, data...)
			if m := keyLine.FindSubmatch(buf); !open && m != nil {
				open, buf = true, nil
				c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + clienttrace.AcceptKey(string(m[1])) + "\r\n\r\n"))
				b.World.Clock.After(10*clock.Millisecond, func() { frame(c, opened, "") })
				return
			}
			for open && len(buf) >= 6 {
				n, at := int(buf[1]&0x7f), 2
				if n == 126 {
					n, at = int(buf[2])<<8+int(buf[3]), 4
				}
				if len(buf) < at+4+n {
					return
				}
				mask, text := buf[at:at+4], buf[at+4:at+4+n]
				for i := range text {
					text[i] ^= mask[i%4]
				}
				op := buf[0] & 0xf
				buf = buf[at+4+n:]
				frame(c, op, string(text))
			}
		}
	})
	b.D.PowerOn()
	return b
}

// opened is the opcode with which a bench's frame function hears of a new websocket.
const opened = 0xff

// write sends pieces, each in a segment of its own.
func write(c *peer.Conn, pieces [][]byte) {
	for _, p := range pieces {
		c.Write(p)
	}
}

// frameOf makes a server's frame.
func frameOf(first byte, data string) []byte {
	if n := len(data); n > 125 {
		return append([]byte{first, 126, byte(n >> 8), byte(n)}, data...)
	}
	return append([]byte{first, byte(len(data))}, data...)
}

// echo sends back what it gets and closes when asked to.
func echo(c *peer.Conn, op byte, data string) {
	switch op {
	case opText, 2:
		c.Write(frameOf(0x80|op, data))
	case opClose:
		c.Close()
	}
}

// What the documentation shows, with an echo server: text, a counter in binary, close.
func TestEcho(t *testing.T) {
	b := newBench(t, `
		ws = websocket.createClient()
		ws:config({headers = {["User-Agent"] = "NodeMCU"}})
		ws:on("connection", function(ws) print("got ws connection") ws:send("hello!") end)
		local n = 0
		ws:on("receive", function(ws, msg, opcode)
			print("got message:", msg, opcode)
			n = n + 1
			if n < 3 then
				tmr.create():alarm(50, tmr.ALARM_SINGLE, function() ws:send("n" .. n, 2) end)
			else
				ws:close()
			end
		end)
		ws:on("close", function(_, status) print("connection closed", status) ws = nil end)
		ws:connect("ws://192.168.1.20/")`, echo)
	want := "got ws connection\ngot message:\thello!\t1\ngot message:\tn1\t2\ngot message:\tn2\t2\nconnection closed\t-99\n"
	if got := b.Run(3 * clock.Second); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.Run(30 * clock.Second) // until TIME_WAIT is over
	b.D.PostTask(ets.Low, func() { b.D.Run("another", b.D.VM.RawGetString(b.D.VM.Globals(), "print")) })
	b.Run(clock.Second)
	b.D.VM.Collect()
	if n := b.D.Snapshot().Heap.Native; n != 0 {
		t.Errorf("%d bytes of native memory are left", n)
	}
}

const program = `
	ws = websocket.createClient()
	ws:on("receive", function(_, msg, op) print(#msg, op) end)
	ws:on("close", function(_, code) print("close", code) end)
	ws:connect("ws://192.168.1.20/")`

// A heap snapshot accounts for everything, and the connection shows as the client's.
func TestSnapshot(t *testing.T) {
	b := newBench(t, program, func(c *peer.Conn, op byte, _ string) {
		if op == opened {
			c.Write(frameOf(0x81, strings.Repeat("x", 100))[:50]) // the rest is waited for
		}
	})
	b.Run(2 * clock.Second)
	chiptest.Accounted(t, b.D)
	sockets := b.D.Snapshot().Sockets
	if len(sockets) != 1 || sockets[0].Remote != "192.168.1.20:80" || sockets[0].Site != "t.lua:2" || fmt.Sprint(sockets[0].Handlers) != "[receive close]" {
		t.Errorf("sockets: %+v", sockets)
	}
}

// The firmware's faults are named once.
func TestHints(t *testing.T) {
	send := func(frames ...[]byte) func(*peer.Conn, byte, string) {
		return func(c *peer.Conn, op byte, _ string) {
			if op == opened {
				write(c, frames)
			}
		}
	}
	on := func(what string) string {
		return `ws = websocket.createClient() ` + what + ` ws:connect("ws://192.168.1.20/")`
	}
	for _, c := range []struct {
		lua    string
		frame  func(*peer.Conn, byte, string)
		hint   string
		resets int
	}{
		{on(`ws:on("connection", function(w) w:send("a") w:send("b") end)`), echo, "this one (opcode 1, 1 bytes) is lost", 0},
		{on(`ws:on("connection", function(w) w:send(("a"):rep(3000)) end)`), echo, "freed memory", 0},
		{program, send(frameOf(0x01, "abc"), frameOf(0x80, "def")), "first fragment", 0},
		{program, send(frameOf(0x81, "0123456789")[:6], append(frameOf(0x81, "0123456789")[6:], frameOf(0x81, "x")...)), "loses what follows", 0},
		{program, send([]byte{0x88, 1, 3}), "copy 4 GB", 1},
		{`ws = websocket.createClient() ws:connect("wss://192.168.1.20/")`, echo, "-18: no connection within 10 s", 0},
		{`ws = websocket.createClient() ws:connect("ws://192.168.1.20:81/")`, echo, "-109: TCP: refused", 0},
		{`websocket.createClient():on("close", print)`, echo, "close -100: the client was never closed", 0},
		{on(`ws:on("connection", function(w) if w then w:close() end end) ws:on("close", function(w) if w then w:connect("ws://192.168.1.20/") end end)`), echo, "connect from a task", 0},
	} {
		b := newBench(t, c.lua, c.frame)
		b.Run(2 * clock.Second)
		b.D.VM.Collect()
		b.Run(20 * clock.Second)
		if n := strings.Count(strings.Join(b.Hints, "\n"), c.hint); n != 1 {
			t.Errorf("%s: hint %q came %d times: %q", c.lua, c.hint, n, b.Hints)
		}
		if len(b.Resets) != c.resets {
			t.Errorf("%s: %d resets, want %d", c.lua, len(b.Resets), c.resets)
		}
	}
}

// A finalizer that a program calls itself does nothing the second time.
func TestFinalizerCalled(t *testing.T) {
	b := newBench(t, `ws = websocket.createClient() ws:on("close", print) ws:__gc() ws:__gc() ws:on("receive", print) ws:connect("ws://192.168.1.20/") ws = nil`, echo)
	b.Run(2 * clock.Second)
	b.D.VM.Collect()
	b.Run(20 * clock.Second)
}

// Whatever a server sends, the host survives it: the connection goes on, or ends, or the
// device resets with a hint.
func FuzzFrames(f *testing.F) {
	for _, s := range []string{
		"\x81\x05hello\x82\x01x", "\x01\x03abc\x00\x03def\x80\x03ghi", "\x89\x02ab\x8a\x00\x88\x02\x03\xe8", "\x81\x7e\x01\x00" + strings.Repeat("a", 256),
		"\x81\x7f\xff\xff\xff\xff", "\x81\x7f\x7f\xff\xff\xff\xff", "\x81\xff\x00\x00\x00\x01mask", "\x81\x85mask12345", "\x80\x00", "\x88\x01\x00", "\x81",
		"\x01\x00\x81\xfe\xff\xff", "\x00\x7f\x80\x00\x00\x00",
	} {
		f.Add([]byte(s), uint16(0))
		f.Add([]byte(s), uint16(100))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		data = data[:min(len(data), 4000)]
		b := newBench(t, program, func(c *peer.Conn, op byte, _ string) {
			if op != opened {
				return
			}
			write(c, slices.Collect(slices.Chunk(data, int(size)+1)))
		})
		b.Run(100 * clock.Second)
		b.D.VM.Collect()
	})
}
