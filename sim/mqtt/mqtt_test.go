package mqtt_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mqtt"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// lab is a device with a program, and a broker that does what the test says.
type lab struct {
	*chiptest.Lab
	t      testing.TB
	broker *peer.Host
	conn   *peer.Conn // the last one
	got    []string   // packets of that, in hex
}

// newLab starts a device with a program. on answers a packet of the device's, in hex, with
// others; nil answers CONNECT only.
func newLab(t testing.TB, program string, on func(packet string) string) *lab {
	t.Helper()
	w := &lab{Lab: chiptest.NewLab(t, "init.lua", program, device.Config{
		Modules: []device.Module{mqtt.Module, node.Module, tmr.Module}, OnPanic: device.HaltOnPanic,
	}), t: t}
	if on == nil {
		on = func(string) string { return "" }
	}
	w.broker = peer.New(w.Wire, "broker", netip.MustParsePrefix("192.168.1.20/24"))
	if _, err := w.broker.Listen(1883, func(c *peer.Conn) {
		w.conn = c
		c.OnData = func(data []byte) {
			p := hex.EncodeToString(data)
			w.got = append(w.got, p)
			answer := on(p)
			if answer == "" && strings.HasPrefix(p, "10") {
				answer = "20020000"
			}
			w.send(answer)
		}
	}); err != nil {
		t.Fatal(err)
	}
	w.D.PowerOn()
	return w
}

// send has the broker send packets.
func (w *lab) send(packets string) {
	data, err := hex.DecodeString(packets)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(data) > 0 {
		w.conn.Write(data)
	}
}

func (w *lab) hinted(part string) bool { return strings.Contains(strings.Join(w.Hints, "\n"), part) }

// connected is a program that has a connected client m, with what happens printed.
const connected = `
	m = mqtt.Client("id", 60)
	for _, e in ipairs {"connect", "connfail", "offline", "message", "overflow", "puback", "suback", "unsuback"} do
		m:on(e, function(c, ...) print(e, ...) end)
	end
	m:connect("192.168.1.20")
`

// Scenarios beyond the set: what crashes, what is lost, and what the log says of it.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, program string
		on            func(string) string
		then          func(*lab) // after a second
		out           string
		hint          string
		reset         string
	}{
		{name: "connect within connfail", reset: device.Exception.Text,
			program: `m = mqtt.Client("id") m:on("connfail", function(c, n) print(n) m:on("connfail", print) m:connect("192.168.1.20") end) m:connect("192.168.1.20", 1)`,
			out:     "-5\n", hint: "connect() was called within connfail"},
		{name: "connect without a host", reset: device.Exception.Text,
			program: `mqtt.Client("id"):connect()`, hint: "connect() without a host"},
		{name: "a packet of negative length", reset: device.Exception.Text,
			program: connected, then: func(w *lab) { w.send("308080808008") },
			out: "connect\n", hint: "got a packet whose length is -2147483642"},
		{name: "connfail explained", program: connected, on: func(string) string { return "20020004" },
			out: "connfail\t4\noffline\n", hint: "user name or password is wrong"},
		{name: "nothing listens", program: `mqtt.Client("id"):connect("192.168.1.20", 1884, false, print, function(_, code) print(code) end)`,
			out: "-5\n", hint: "connfail -5: refused or reset by the server"},
		{name: "nobody answers", program: `mqtt.Client("id"):connect("192.168.1.99", 1883, false, print, function(_, code) print(code) end)`,
			then: func(w *lab) { w.RunLog(30 * clock.Second) }, out: "-5\n", hint: "connfail -5: nobody answers at this address"},
		{name: "no name", program: `mqtt.Client("id"):connect("nowhere.test", 1883, false, print, function(_, code) print(code) end)`,
			then: func(w *lab) { w.RunLog(10 * clock.Second) }, out: "-3\n", hint: `connfail -3: "nowhere.test": the name has no address`},
		{name: "an unknown refusal", program: connected, on: func(string) string { return "20020063" },
			out: "connfail\t99\noffline\n", hint: "a code that MQTT 3.1.1 does not have"},
		{name: "PINGREQ from the broker", program: connected + `tmr.create():alarm(1500, 0, function() print(m:publish("t", "x", 0, 0)) end)`,
			then: func(w *lab) { w.send("c000") }, out: "connect\ntrue\n", hint: "the answer stays at the head of the queue"},
		{name: "refused subscription", program: connected + `m:on("connect", function() m:subscribe("t", 0) end)`,
			on: func(p string) string {
				if strings.HasPrefix(p, "82") {
					return "9003000180"
				}
				return ""
			}, out: "suback\n", hint: "the broker refused a subscription"},
		{name: "message too long", program: `m = mqtt.Client("id", 60, "u", "p", 1, 8) m:connect("192.168.1.20")`,
			then: func(w *lab) { w.send("30070001747879" + "7a7a7a") }, hint: "a message of 9 bytes with its header is more than the 8"},
		{name: "clean as a boolean", program: `mqtt.Client("id", 60, "u", "p", true)`, hint: "does not use its argument #5, a boolean"},
		{name: "no id", program: `m = mqtt.Client("") m:on("connfail", function(_, code) print(code) end) m:connect("192.168.1.20")`, then: func(w *lab) { w.Run(4 * clock.Second) },
			out: "-1\n", hint: "CONNECT can't be made"},
		{name: "publish too large", program: connected + `m:on("connect", function() print(m:publish("t", ("x"):rep(1460), 0, 0)) end)`,
			out: "false\n", hint: "publish() returned false"},
		{name: "one puback for all", program: connected + `m:on("connect", function()
			m:publish("t", "a", 0, 0, function() print("a") end) m:publish("t", "b", 0, 0, function() print("b") end) end)`,
			out: "b\nb\n", hint: "there is one puback function"},
		{name: "close while connecting", program: `m = mqtt.Client("id") m:on("connect", function() print("connect") end) m:connect("192.168.1.20") m:close()`,
			out: "connect\n", hint: "close() of a client that is still connecting does nothing"},
		{name: "no TLS", program: `m = mqtt.Client("id") print(pcall(m.connect, m, "192.168.1.20", 8883, true)) print(pcall(m.connect, m, "192.168.1.20"))`,
			out: "false\tssl not available\nfalse\tssl not available\n", hint: "the client remembers"},
		{name: "autoreconnect", program: `m = mqtt.Client("id") m:connect("192.168.1.20", 1883, false, 1, function(...) print(...) end)`,
			hint: "argument #4, a number, stands in that of the connect function"},
		{name: "keepalive too long", program: `m = mqtt.Client("id", 7000) m:connect("192.168.1.20")`, out: "err3,exceed max time value\n", hint: "no PINGREQ is ever sent"},
		{name: "calls after close", program: connected + `m:on("connect", function() m:close() print(m:publish("t", "x", 0, 0)) end)`,
			out: "true\noffline\n", hint: "what is sent after close() is lost"},
		{name: "CONNACK with a message", program: connected, on: func(string) string { return "20020000" + "30050001746869" },
			out: "connect\n", hint: "7 bytes that came in one segment with CONNACK are lost"},
		{name: "half a CONNACK", program: connected, on: func(string) string { return "2002" }, out: "connect\n", hint: "CONNACK came in two segments"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLab(t, tt.program, tt.on)
			out := w.Run(clock.Second)
			if tt.then != nil {
				tt.then(w)
			}
			out += w.Run(2 * clock.Second)
			if out, _, _ := strings.Cut(out, "\n\n"); strings.TrimSuffix(out, "\n")+"\n" != tt.out && out != tt.out {
				t.Errorf("printed %q, want %q", out, tt.out)
			}
			if tt.hint == "" && len(w.Hints) > 0 || !w.hinted(tt.hint) {
				t.Errorf("hints %q, want %q", w.Hints, tt.hint)
			}
			if got := strings.Join(w.Resets, ", "); got != tt.reset {
				t.Errorf("resets %q, want %q", got, tt.reset)
			}
		})
	}
}

// A well-behaved program gets no hint.
func TestNoHints(t *testing.T) {
	w := newLab(t, connected+`m:lwt("will", "gone", 1, 1) m:on("connect", function()
		m:subscribe({a = 0, b = 1}, function() m:publish("a", "hello", 1, 0, function() m:close() end) end) end)`,
		func(p string) string {
			switch p[:2] {
			case "82":
				return "900400010001"
			case "32":
				return "40020002" + "3006000161786f78"
			}
			return ""
		})
	if got, want := w.Run(5*clock.Second), "message\ta\txox\noffline\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if len(w.Hints) > 0 {
		t.Errorf("hints %q", w.Hints)
	}
}

// What a client takes of the heap comes back, and a snapshot names it. The SDK's heap
// adds a header of 16 bytes to a block and rounds to 8.
func TestMemory(t *testing.T) {
	w := newLab(t, `
		local function free() collectgarbage() collectgarbage() return node.heap() end
		local t, x = "topic", ("x"):rep(100)
		m = mqtt.Client("id", 60)
		m:on("connect", function()
			m:publish(t, x, 1, 0)
			local before = node.heap()
			m:publish(t, x, 1, 0)
			local used = before - node.heap()
			print(used >= 176 and used < 200) -- what a hole has too much stays with the block
		end)
		m:on("offline", function() print("offline") m = nil end)
		tmr.create():alarm(100, 0, function()
			before = free()
			m:connect("192.168.1.20")
		end)
		tmr.create():alarm(3000, 0, function() print(free() >= before) end)`, nil)
	const node, bytes = 28 + 16 + 4, 2 + 2 + 5 + 2 + 100 + 16 + 1
	out := w.Run(clock.Second)
	blocks := map[string]int{}
	for _, o := range w.D.Inspect.HeapSnapshot("").Objects {
		blocks[o.Name] = o.Bytes
	}
	if blocks["connection"] != 32+16 || blocks["queued packet 2"] != node || blocks["its bytes"] != bytes {
		t.Errorf("blocks %v", blocks)
	}
	w.conn.Close()
	out += w.Run(5 * clock.Second)
	if want := "true\noffline\ntrue\n"; out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}

// An unreferenced client that never connected is collected; one that connects is not.
func TestCollection(t *testing.T) {
	w := newLab(t, `
		do
			local gone, stays = {}, {}
			mqtt.Client("a"):on("connect", function() return gone end)
			mqtt.Client("b"):connect("192.168.1.20", function() return stays end)
			weak = setmetatable({gone, stays}, {__mode = "v"})
		end
		collectgarbage() collectgarbage()
		print(weak[1], type(weak[2]))`, nil)
	if got, want := w.Run(clock.Second), "nil\ttable\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// A client whose connection has ended is a leak only if nothing but its own callbacks holds
// it: whoever holds it may connect it again.
func TestEndedClient(t *testing.T) {
	const connect = ` = mqtt.Client("id", 60) m:connect("192.168.1.20", 1884, function() m:close() end, function() end)
		tmr.create():alarm(100000, 0, function() end)`
	for program, leak := range map[string]bool{"m" + connect: false, "local m" + connect: true} {
		w := newLab(t, program, nil)
		w.Run(120 * clock.Second)
		if w.hinted("nothing but its own callbacks holds it") != leak || w.hinted("the program still holds it") {
			t.Errorf("%s: hints %q", program, w.Hints)
		}
	}
}

// The examples of the documentation, written anew: reconnecting from a timer, and a
// client whose handlers are all in connect's arguments (fw: docs/modules/mqtt.md).
func TestDocumentedUse(t *testing.T) {
	tries := 0
	w := newLab(t, `
		local m = mqtt.Client("lamp", 120, "user", "secret")
		m:lwt("/lwt", "offline", 0, 0)
		m:on("offline", function() print("offline") end)
		m:on("message", function(_, topic, data) print(topic .. ":", data) end)
		local connect
		local function failed(_, code)
			print("failed", code)
			tmr.create():alarm(10 * 1000, tmr.ALARM_SINGLE, connect)
		end
		function connect()
			m:connect("192.168.1.20", 1883, false, function(m)
				print("connected")
				m:subscribe("/topic", 0, function() print("subscribed") end)
				m:publish("/topic", "hello", 0, 0, function() print("sent") end)
			end, failed)
		end
		connect()`, func(p string) string {
		switch p[:2] {
		case "10":
			if tries++; tries == 1 {
				return "20020003"
			}
		case "82":
			return "9003000100"
		case "30":
			return p
		}
		return ""
	})
	got := w.Run(30 * clock.Second)
	if want := "failed\t3\noffline\nconnected\nsubscribed\nsent\n/topic:\thello\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// A broker may send what it likes, in pieces of any size: the host neither stops nor
// runs out of memory, and the device lives or resets.
func FuzzBroker(f *testing.F) {
	for _, p := range []string{"30050001746869", "3207000174123461", "308080808008", "32ffffff7f0001", "9003000180", "c000", "62020001", "3201", "36ff7f0000"} {
		data, _ := hex.DecodeString(p)
		for _, size := range []uint8{0, 1, 3} {
			f.Add(data, size)
			f.Add(append(data, data...), size)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		if len(data) > 10_000 {
			return
		}
		w := newLab(t, connected+`m:on("message", function() end) m:on("overflow", function() end) m:on("connect", function()
			m:publish("t", "x", 1, 0) m:subscribe("t", 0) m:publish("t", "x", 2, 0) end)`, nil)
		w.Run(clock.Second)
		for n := int(size) + 1; len(data) > 0 && len(w.Resets) == 0; {
			piece := data[:min(n, len(data))]
			data = data[len(piece):]
			w.send(hex.EncodeToString(piece))
			w.Run(5 * clock.Millisecond)
		}
		w.Run(clock.Second)
		if len(w.Hints) > 30 {
			t.Errorf("%d hints", len(w.Hints))
		}
	})
}
