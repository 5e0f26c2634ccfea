package mqtt_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The page's examples (fw: docs/modules/mqtt.md). At 192.168.1.20 is a broker for one client,
// which wants the password "secret" of whoever gives a name, and sends back what is published.
// Connections with TLS are tls's.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "mqtt", With: "tmr", Objects: map[string]string{"mqtt.client": "mqtt.socket"},
		Around: func(t testing.TB, x *chiptest.Lab) {
			docpage.ServeNames(t, x, "broker.test", "192.168.1.20")
			if _, err := docpage.Host(x, "192.168.1.20").Listen(1883, func(c *peer.Conn) {
				c.OnData = func(data []byte) {
					for len(data) >= 2 {
						n := 2 + int(data[1]) // shorter than 128
						if data[1] >= 0x80 {
							n = 3 + int(data[1]&0x7f) + int(data[2])<<7
						}
						c.Write(brokerSays(data[:n]))
						data = data[n:]
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		},
		Examples: []docpage.Example{
			// The page says that connect and close return true or false. They return nothing
			// (mqtt-behaviour.md).
			{Of: "mqtt.Client(), mqtt.client:connect(), mqtt.client:on(), mqtt.client:lwt(), mqtt.client:subscribe(), mqtt.client:publish(), mqtt.client:close()",
				What: "example", Lua: `
				m = mqtt.Client("lamp", 120, "someone", "secret")
				print((m:lwt("house/will", "gone", 0, 0)))
				m:on("connect", function() print("not called: connect's own function takes its place") end)
				m:on("offline", function(c) print("offline", c == m) end)
				m:on("message", function(c, topic, data) print(topic .. ":", data) if data then print((c:close())) end end)
				m:on("overflow", function(c, topic, data) print("too long", topic, #data) end)
				print((m:connect("192.168.1.20", 1883, false, function(c)
					print("connected", c == m)
					print(c:subscribe("house/lamp", 0, function(c) print("subscribed") end))
					print(c:publish("house/lamp", "on", 0, 0, function(c) print("sent") end))
				end, function(c, reason) print("failed", reason) end)))`,
				Want: "nil\nnil\nconnected\ttrue\ntrue\ntrue\nsubscribed\nsent\nhouse/lamp:\ton\nnil\noffline\ttrue"},
			{Of: "mqtt.Client()", What: "all arguments: a message longer than max_message_length", Lua: `
				m = mqtt.Client("lamp", 60, "someone", "secret", 0, 32)
				m:on("overflow", function(c, topic, data) print("too long", topic, #data) end)
				m:connect("192.168.1.20", function(c) c:publish("t", ("x"):rep(60), 0, 0) end)`, Want: "too long\tt\t60"},
			{Of: "mqtt.client:connect()", What: "every form", Lua: `
				local on = {} local forms = {{}, {1883}, {1883, false}, {1883, 0}, {on}, {1883, on, print}, {1883, false, on, print}}
				local i = 0
				local function another() i = i + 1 if not forms[i] then return end
					m = mqtt.Client("c" .. i, 60) m:on("connect", function() print(i) m:close() end) m:on("offline", function() another() end)
					for k, v in pairs(forms[i]) do if v == on then forms[i][k] = function() print(i, "by its own function") m:close() end end end
					m:connect("192.168.1.20", unpack(forms[i])) end
				another()`,
				Want: "1\n2\n3\nWarning, deprecated API! mqtt.connect secure parameter as integer. It will be removed in the future. See documentation for details.\n4\n" +
					"5\tby its own function\n6\tby its own function\n7\tby its own function"},
			{Of: "mqtt.client:connect()", What: "example: again after each failure", For: 60 * clock.Second, Lua: `
				m = mqtt.Client("lamp", 60, "someone", "wrong") local n = 0
				local connect
				local function failed(c, reason)
					print("failed", reason, reason == mqtt.CONNACK_REFUSED_BAD_USER_OR_PASS)
					n = n + 1 if n < 3 then tmr.create():alarm(10 * 1000, tmr.ALARM_SINGLE, connect) end
				end
				function connect() m:connect("broker.test", function() print("connected") end, failed) end
				connect()`, Want: "hint: mqtt client 1: connfail 4: the broker says that user name or password is wrong\nfailed\t4\ttrue\nfailed\t4\ttrue\nfailed\t4\ttrue"},
			{Of: "mqtt.client:connect()", What: "reasons: no such name, nobody there", For: 60 * clock.Second, Lua: `
				m = mqtt.Client("lamp", 60)
				m:connect("nowhere.test", nil, function(_, r) print(r == mqtt.CONN_FAIL_DNS) end)
				m2 = mqtt.Client("lamp", 60) m2:connect("192.168.1.20", 1884, function() end, function(_, r) print(r == mqtt.CONN_FAIL_SERVER_NOT_FOUND) end)`,
				Want: "hint: mqtt client 2: connfail -5: refused or reset by the server. Does it listen at this address and port, and does the program use TLS exactly where it does? As Debian installs it, " +
					"mosquitto on another computer listens for that one only\ntrue\nhint: mqtt client 1: connfail -3: \"nowhere.test\": the name has no address " +
					"(7 s without an answer that has one)\ntrue"},
			{Of: "mqtt.client:lwt()", What: "every form", Lua: `m = mqtt.Client("a", 10) print((m:lwt("t", "x")), (m:lwt("t", "x", 1)), (m:lwt("t", "x", 2, 1))) print(pcall(m.lwt, m, "t"))`, Want: "nil\tnil\tnil\nfalse\tbad argument #3 to '?' (need lwt message)"},
			{Of: "mqtt.client:publish()", What: "quality 1 and 2, retained; before there is a connection", Lua: `
				m = mqtt.Client("lamp", 60) print(pcall(m.publish, m, "t", "x", 0, 0))
				m:connect("192.168.1.20", function(c)
					print(c:publish("a", "1", 1, 0, function() print("acknowledged") end), c:publish("a", "2", 2, 1))
				end)`, Want: "false\tnot connected\ntrue\ttrue\nacknowledged\nacknowledged"},
			{Of: "mqtt.client:subscribe()", What: "example: one topic; a table of them", Lua: `
				m = mqtt.Client("lamp", 60) m:connect("192.168.1.20", function(c)
					c:subscribe("a", 0, function() print("one")
						print(c:subscribe({["b/0"] = 0, ["b/1"] = 1, b2 = 2}, function() print("three") end)) end)
				end)`, Want: "one\ntrue\nthree"},
			{Of: "mqtt.client:unsubscribe()", What: "example: one topic; a table of them", Lua: `
				m = mqtt.Client("lamp", 60) m:connect("192.168.1.20", function(c)
					c:unsubscribe("a", function() print("one")
						print(c:unsubscribe({["b/0"] = 0, ["b/1"] = 0, b2 = "anything"}, function() print("three") end)) end)
				end)`, Want: "one\ntrue\nthree"},
			{Of: "mqtt.client:close()", What: "of a client that is not connected", Lua: `m = mqtt.Client("lamp", 60) print(pcall(m.close, m))`, Want: "true"},
		},
	}.Run(t)
}

// brokerSays is what the broker answers a packet with.
func brokerSays(p []byte) []byte {
	id := func(at int) []byte { return p[at : at+2] }
	switch p[0] >> 4 {
	case 1: // CONNECT
		if p[9]&0x40 != 0 && string(p[len(p)-6:]) != "secret" {
			return []byte{0x20, 2, 0, 4}
		}
		return []byte{0x20, 2, 0, 0}
	case 3: // PUBLISH
		topic := 4 + int(p[3])
		switch p[0] >> 1 & 3 {
		case 1:
			return append([]byte{0x40, 2}, id(topic)...)
		case 2:
			return append([]byte{0x50, 2}, id(topic)...)
		}
		return p
	case 6: // PUBREL
		return append([]byte{0x70, 2}, id(2)...)
	case 8: // SUBSCRIBE
		a := append([]byte{0x90, 2}, id(2)...)
		for at := 4; at < len(p); a[1]++ {
			at += 2 + int(p[at+1]) + 1
			a = append(a, p[at-1])
		}
		return a
	case 10: // UNSUBSCRIBE
		return append([]byte{0xb0, 2}, id(2)...)
	}
	return nil
}
