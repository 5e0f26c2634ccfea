package websocket_test

import (
	"regexp"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

var (
	keyLine  = regexp.MustCompile(`Sec-WebSocket-Key: (\S+)\r\n`)
	nameLine = regexp.MustCompile(`User-Agent: (\S+)\r\n`)
)

// The page's examples (fw: docs/modules/websocket.md). echo.test says who the client is, as
// its request told, and then sends back what it gets.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "websocket",
		Around: func(t testing.TB, x *chiptest.Lab) {
			docpage.ServeNames(t, x, "echo.test", "192.168.1.20")
			if _, err := docpage.Host(x, "192.168.1.20").Listen(80, func(c *peer.Conn) {
				c.OnData = func(data []byte) {
					if key := keyLine.FindSubmatch(data); key != nil {
						c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + clienttrace.AcceptKey(string(key[1])) + "\r\n\r\n"))
						name := []byte("nobody")
						if m := nameLine.FindSubmatch(data); m != nil {
							name = m[1]
						}
						x.Clock.After(100*clock.Millisecond, func() { c.Write(append([]byte{0x81, byte(len(name))}, name...)) })
						return
					}
					for len(data) >= 6 { // frames shorter than 126 bytes
						n := int(data[1] & 0x7f)
						frame := append([]byte{data[0], byte(n)}, data[6:6+n]...)
						for i := range n {
							frame[2+i] ^= data[2+i%4]
						}
						c.Write(frame)
						data = data[6+n:]
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		},
		Examples: []docpage.Example{
			{Of: "websocket.createClient()", What: "example", Lua: `local w = websocket.createClient() print(type(w)) w:close() w = nil`, Want: "userdata"},
			{Of: "websocket.client:close()", What: "example: of one that is not connected, twice", Lua: `w = websocket.createClient() print((w:close())) w:close() w = nil`, Want: "nil"},
			{Of: "websocket.client:config()", What: "example", Lua: `
				w = websocket.createClient() print((w:config({headers = {["User-Agent"] = "doorbell"}})))
				w:on("receive", print) w:on("receive", function(_, text) print(text) end) w:connect("ws://echo.test")`, Want: "nil\ndoorbell"},
			{Of: "websocket.client:connect()", What: "example; what fails comes to close", For: 5 * clock.Second, Lua: `
				w = websocket.createClient() w:on("connection", function() print("open") end) print((w:connect("ws://echo.test")))
				v = websocket.createClient() v:on("close", function(_, code) print("close", code) end)
				for _, url in ipairs{"http://echo.test", "ws://echo.test:0", "ws://"} do v:connect(url) end`,
				Want: "nil\nhint: websocket 2: close -1: the URL does not begin with ws:// or wss://\nclose\t-1\nhint: websocket 2: close -3: the port is not between 1 and 65535\n" +
					"close\t-3\nhint: websocket 2: close -4: the URL has no host\nclose\t-4\nopen"},
			// A close that the program asks for is no 0 either: -6 where the server answers with a
			// frame, else -99 (websocket-behaviour.md).
			{Of: "websocket.client:on()", What: "example; nil takes one back", For: 5 * clock.Second, Lua: `
				local w = websocket.createClient()
				w:on("connection", function(w) print("open") w:send("hello") end)
				w:on("receive", function(w, text, opcode) print("got", text, opcode) if text == "hello" then w:send("\1\2", 2) elseif opcode == 2 then w:close() end end)
				w:on("close", function(_, code) print("close", code) w = nil end)
				w:connect("ws://echo.test/")
				local v = websocket.createClient() v:on("receive", print) v:on("receive", nil) v:connect("ws://192.168.1.20/")`,
				Want: "open\ngot\thello\t1\ngot\t\x01\x02\t2\nhint: websocket 1: close -6: the server has sent a close frame\nclose\t-6"},
			{Of: "websocket.client:send()", What: "example", Lua: `
				w = websocket.createClient() w:on("connection", function() print((w:send("hello!"))) end)
				w:on("receive", function(_, text) print(text) end) w:connect("ws://echo.test")`, Want: "nil\nhello!\nESP8266"},
			{Of: "websocket.client:send()", What: "without a connection", Lua: `w = websocket.createClient() print(pcall(w.send, w, "hello"))`, Want: "false\tWebsocket isn't connected.\n"},
		},
	}.Run(t)
}
