package net_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The page's examples (fw: docs/modules/net.md). At 192.168.1.20, web.test, is a web server.
// A visitor connects to port 80 of the device after a second, and
// sends a datagram to port 5000.
func TestDocumentation(t *testing.T) {
	var visitor string // what it got
	page := docpage.Page{
		Module: "net", With: "tmr node pipe",
		Objects: map[string]string{"net.server": "net.tcpserver", "net.socket": "net.tcpsocket"},
		Around: func(t testing.TB, x *chiptest.Lab) {
			visitor = ""
			web := docpage.Host(x, "192.168.1.20")
			docpage.ServeNames(t, x, "web.test", "192.168.1.20")
			if _, err := web.Listen(80, func(c *peer.Conn) {
				c.OnData = func(data []byte) {
					c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("-", 3000+17000*strings.Count(string(data), "/long")) + "you asked for " + strings.Fields(string(data))[1]))
					c.Close()
				}
			}); err != nil {
				t.Fatal(err)
			}
			u, err := web.ListenUDP(0)
			if err != nil {
				t.Fatal(err)
			}
			u.OnData = func(data []byte, _ netip.AddrPort) { x.Log.WriteString("visitor got: " + string(data) + "\n") }
			x.Clock.After(clock.Second, func() {
				u.SendTo([]byte("foo"), netip.MustParseAddrPort("192.168.1.10:5000"))
				c, err := web.Dial(netip.MustParseAddrPort("192.168.1.10:80"))
				if err != nil {
					t.Fatal(err)
				}
				c.OnConnect = func() { c.Write([]byte("hello device")) }
				c.OnData = func(data []byte) { visitor += string(data) }
				c.OnClose = func(error) {
					if visitor != "" {
						x.Log.WriteString("visitor got: " + visitor + "\n")
					}
				}
			})
		},
		Examples: []docpage.Example{
			// Since release 3.0 there is no type: what stands in its place is not looked at, or is the
			// time-out of a server.
			{Of: "net.createConnection()", What: "example: every form", Lua: `print(type(net.createConnection(net.TCP, 0)), type(net.createConnection(net.TCP)), type(net.createConnection()), type(net.createConnection(net.UDP, 0)))`,
				Want: "hint: net.createConnection takes no type since firmware 3.0: this is a TCP socket. Use net.createUDPSocket() for UDP, or run with --legacy ([firmware] legacy = true)\n" +
					"userdata\tuserdata\tuserdata\tuserdata"},
			// One that does not listen cannot be closed (fw: net_close).
			{Of: "net.createServer(), net.server:close()", What: "example", Lua: `local s = net.createServer(net.TCP, 30) print(type(s), pcall(s.close, s)) s:listen(81, function() end) print((s:close()))`,
				Want: "hint: net.createServer takes no type since firmware 3.0: this is a TCP server with a timeout of 1 s, as net.createServer(1). Leave net.TCP out, " +
					"use net.createUDPSocket() for UDP, or run with --legacy ([firmware] legacy = true)\nuserdata\tfalse\tnot connected\nnil"},
			{Of: "net.createServer()", What: "other forms; no time-out is out of range", Lua: `print(type(net.createServer()), type(net.createServer(10))) print((pcall(net.createServer, 30000)))`, Want: "userdata\tuserdata\ntrue"},
			{Of: "net.createUDPSocket(), net.udpsocket:close()", What: "alone", Lua: `local u = net.createUDPSocket() u:listen(4000) print((u:close()))`, Want: "nil"},
			{Of: "net.multicastJoin(), net.multicastLeave()", What: "every interface, and one", Lua: `
				print((net.multicastJoin("any", "239.1.1.1")), (net.multicastJoin("", "239.1.1.2")), (net.multicastJoin("192.168.1.10", "239.1.1.3"))) print((net.multicastLeave("any", "239.1.1.1")))`, Want: "nil\tnil\tnil\nnil"},
			// The page's example loses its own answer when the client speaks first.
			{Of: "net.server:listen()", What: "example", Lua: `
				local s = net.createServer(30)
				local function got(c, data) print(data) c:close() end
				if s then s:listen(80, function(c) c:on("receive", got) c:send("hello world") end) end`,
				Want: "hello device\nhint: close() inside receive reset the connection and discarded 11 queued bytes: close from the sent callback or a task instead"},
			{Of: "net.server:getaddr()", What: "before and while it listens", Lua: `local s = net.createServer() print(s:getaddr()) s:listen(80, "192.168.1.10", function() end) print(s:getaddr())`, Want: "nil\tnil\n80\t192.168.1.10"},
			{Of: "net.socket:dns()", What: "example; of no such name", Lua: `
				local s = net.createConnection(net.TCP, 0) s:dns("web.test", function(c, ip) print(type(c), ip) end) s = nil
				tmr.create():alarm(500, 0, function() net.createConnection():dns("nowhere.test", function(c, ip) print("none:", ip) end) end)`,
				For: 9 * clock.Second, Want: "userdata\t192.168.1.20\nnone:\tnil"},
			{Of: "net.socket:connect(), net.socket:on(), net.socket:getpeer(), net.socket:getaddr()", What: "example of on: a page of a server, by name", Lua: `
				local s, n, last = net.createConnection(net.TCP, 0), 0
				s:on("receive", function(_, data) n, last = n + 1, data end)
				s:on("connection", function(c) print(c:getpeer()) print(select(2, c:getaddr())) c:send("GET /get HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\nAccept: */*\r\n\r\n") end)
				s:on("disconnection", function(c, code) print("over", code, n > 1, last:match("you.*")) end)
				print(s:getpeer(), s:getaddr()) s:connect(80, "web.test")`, Want: "nil\tnil\tnil\n80\t192.168.1.20\n192.168.1.10\nover\t0\ttrue\tyou asked for /get"},
			{Of: "net.socket:on()", What: "example: pieces put together; reconnection takes the errors", Lua: `
				local all local s = net.createConnection()
				s:on("receive", function(_, data) if all == nil then all = data else all = all .. data end end)
				s:on("connection", function(c) c:send("GET /x HTTP/1.0\r\n\r\n") end)
				s:on("disconnection", function() print(#all) end) s:connect(80, "192.168.1.20")
				local z = net.createConnection() z:on("disconnection", function() print("no") end) z:on("reconnection", function(_, code) print("refused", code) end) z:connect(81, "192.168.1.20")`, Want: "refused\t-9\n3035"},
			{Of: "net.socket:send()", What: "first example: a response in pieces", Lua: `
				local s = net.createServer()
				local function got(c)
					local parts = {"lots of ", "data, ", "in pieces"}
					local function more(c) if #parts > 0 then c:send(table.remove(parts, 1)) else c:close() parts = nil end end
					c:on("sent", more) more(c)
				end
				s:listen(80, function(c) c:on("receive", got) end)`, Want: "visitor got: lots of data, in pieces"},
			{Of: "net.socket:send()", What: "second example: by callbacks", Lua: `
				net.createServer():listen(80, function(c) c:send("head ", function() c:send("body ", function() c:send("tail", function(c) c:close() end) end) end) end)`, Want: "visitor got: head body tail"},
			// The page of pipe has on("sent") without a function, which is an error: nil has to be given.
			{Of: "net.socket:close()", What: "what pipe's page shows: a reader that sends until nothing is left", Lua: `
				local p = pipe.create() for i = 1, 14 do p:write("line " .. i .. "\n") end
				net.createServer():listen(80, function(c)
					local reader, flush = p:reader(30)
					function flush(c) local piece = reader() if piece then c:send(piece, flush) else print(pcall(c.on, c, "sent")) c:on("sent", nil) print((c:close())) end end
					flush(c) end)`,
				Want: "false\tinvalid callback function\nnil\nvisitor got: line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\nline 10\nline 11\nline 12\nline 13\nline 14\n"},
			{Of: "net.socket:hold(), net.socket:unhold()", What: "a pause in what comes", Lua: `
				local s, n = net.createConnection(), 0
				s:on("receive", function(c, data) n = n + #data end)
				s:on("connection", function(c) print((c:hold())) c:send("GET /long HTTP/1.0\r\n\r\n") tmr.create():alarm(1000, 0, function() print(n < 20000) print((c:unhold())) end) end)
				s:on("disconnection", function() print(n) end) s:connect(80, "192.168.1.20")`, For: 4 * clock.Second, Want: "nil\ntrue\nnil\n20038"},
			{Of: "net.socket:ttl()", What: "example", Lua: `local s = net.createConnection(net.TCP, 0) s:connect(80, "192.168.1.20") print(s:ttl()) print(s:ttl(1), s:ttl())`, Want: "255\n1\t1"},
			{Of: "net.udpsocket:listen(), net.udpsocket:on(), net.udpsocket:send(), net.udpsocket:getaddr()", What: "example: an echo", Lua: `
				local u = net.createUDPSocket() u:listen(5000)
				u:on("receive", function(s, data, port, ip) print(("'%s' from %s:%s"):format(data, ip, port > 1024 and "a port" or port)) s:send(port, ip, "echo: " .. data) end)
				print(u:getaddr())`,
				Want: "5000\t0.0.0.0\n'foo' from 192.168.1.20:a port\nvisitor got: echo: foo"},
			{Of: "net.udpsocket:dns(), net.udpsocket:ttl()", What: "as of a TCP socket", Lua: `local u = net.createUDPSocket() u:dns("web.test", function(_, ip) print(ip) end) u:listen(5001) print(u:ttl(3), u:ttl())`, Want: "3\t3\n192.168.1.20"},
			{Of: "net.dns.getdnsserver(), net.dns.setdnsserver()", What: "example", Lua: `
				print(net.dns.getdnsserver(0)) print((net.dns.getdnsserver(1))) net.dns.setdnsserver("9.9.9.9", 0) net.dns.setdnsserver("192.168.1.53", 1) print(net.dns.getdnsserver(0), net.dns.getdnsserver(1))`,
				Want: "208.67.222.222\nnil\n9.9.9.9\t192.168.1.53"},
			{Of: "net.dns.resolve()", What: "example", Lua: `
				local function got(s, ip) if ip == nil then print("no such name", s) else print(ip, s) end end
				net.dns.resolve("web.test", function(s, ip) got(s, ip) net.dns.resolve("nowhere.test", got) end)`, For: 9 * clock.Second, Want: "192.168.1.20\tnil\nno such name\tnil"},
			{Of: "net.ping()", What: "twice", For: 4 * clock.Second, Lua: `net.ping("192.168.1.20", 2, function(bytes, ip, seq, ms) print(bytes, ip, seq, type(ms)) end)`, Want: "32\t192.168.1.20\t1\tnumber\n32\t192.168.1.20\t2\tnumber"},
			{Of: "net.ifinfo()", What: "the station", Lua: `local i = net.ifinfo(0) print(i.ip, i.netmask, i.gateway)`, Want: "192.168.1.10\t255.255.255.0\t192.168.1.1"},
		},
	}
	page.Run(t)
}
