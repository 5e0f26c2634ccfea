package tls_test

import (
	"bufio"
	ctls "crypto/tls"
	"fmt"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/tls.md). At shop.test a server answers a line with
// what it is, and who asks; it takes clients with a certificate and without.
func TestDocumentation(t *testing.T) {
	ca, client, key := tlspeer.PEM(t, "ca.pem"), tlspeer.PEM(t, "client.pem"), tlspeer.PEM(t, "client.key")
	const ask = `
		s = tls.createConnection()
		s:on("connection", function(s) s:send("who\n") end)
		s:on("receive", function(_, text) print(text) end)
		s:on("reconnection", function(_, why) print("no", why) end)
		s:connect(443, "shop.test")`
	docpage.Page{
		Module: "tls", With: "file http net node tmr", Build: device.Build{SSL: true},
		Files: map[string]string{"ca.pem": ca},
		Around: func(t testing.TB, x *chiptest.Lab) {
			docpage.ServeNames(t, x, "shop.test", "192.168.1.20")
			config := &ctls.Config{Certificates: []ctls.Certificate{tlspeer.Certificate(t, "ecdsa")}, ClientAuth: ctls.VerifyClientCertIfGiven, ClientCAs: tlspeer.Pool(t)}
			if err := tlspeer.Listen(docpage.Host(x, "192.168.1.20"), 443, config, func(c *ctls.Conn) {
				if line, err := bufio.NewReader(c).ReadString('\n'); err != nil {
					return
				} else if line != "who\n" {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\nopen")
					c.Close()
					return
				}
				name := "nobody"
				if p := c.ConnectionState().PeerCertificates; len(p) > 0 {
					name = p[0].Subject.CommonName
				}
				fmt.Fprint(c, "shop, to "+name)
			}); err != nil {
				t.Fatal(err)
			}
		},
		Examples: []docpage.Example{
			{Of: "tls.createConnection()", What: "example", Lua: `print(type(tls.createConnection()))`, Want: "userdata"},
			// The page says "the socket"; to disconnection it is nil.
			{Of: "tls.socket:on(), tls.socket:connect(), tls.socket:send(), tls.socket:close(), tls.socket:getpeer()", What: "example: every event", Lua: `
				s = tls.createConnection() print(s:getpeer())
				for _, e in ipairs{"dns", "connection", "reconnection", "disconnection", "receive", "sent"} do
					s:on(e, function(k, v) print(e, k == s, v, s:getpeer()) if e == "connection" then s:send("who\n") elseif e == "receive" then tmr.create():alarm(50, 0, function() s:close() end) end end)
				end
				s:connect(443, "shop.test")`,
				Want: "nil\tnil\ndns\ttrue\t192.168.1.20\t0.0.0.0\t443\nconnection\ttrue\tnil\t192.168.1.20\t443\nsent\ttrue\tnil\t192.168.1.20\t443\n" +
					"receive\ttrue\tshop, to nobody\t192.168.1.20\t443\ndisconnection\tfalse\tnil\tnil\tnil"},
			{Of: "tls.socket:on()", What: "a name that does not exist, nil as function", For: 10 * clock.Second, Lua: `
				s = tls.createConnection() s:on("sent", print) s:on("sent", nil)
				s:on("dns", function(_, ip) print(ip) end) s:connect(443, "nowhere.test")`,
				Want: "nil\nhint: TLS socket 1: the name is not found, and the socket can't be used any more: connect says \"already connected\". Make a new one"},
			// "Throttle data reception": it does not.
			{Of: "tls.socket:hold(), tls.socket:unhold()", What: "forms of the call", Lua: `
				s = tls.createConnection() s:on("connection", function() s:hold() s:send("who\n") end)
				s:on("receive", function(_, text) print(text) s:unhold() end) s:connect(443, "shop.test")`,
				Want: "hint: TLS socket 1: hold does not hold a connection with TLS: data goes on coming\nshop, to nobody"},
			{Of: "tls.cert.verify()", What: "example: what the flash has, first nothing", Lua: `print(pcall(tls.cert.verify, true)) print((tls.cert.verify(false)))`,
				Want: old("verify") + "false\tno certificates found\n" + old("verify") + "true"},
			{Of: "tls.cert.verify()", What: "example: text, and http", Lua: `
				print((tls.cert.verify(file.getcontents("ca.pem"))))
				http.get("https://shop.test/", nil, function(code, body) print(code, body) end)`, Want: old("verify") + "true\n200\topen"},
			{Of: "tls.cert.verify()", What: "with a function", Lua: `
				tls.cert.verify(function(k) print("certificate", k) if k == 1 then return file.getcontents("ca.pem") end end)` + ask,
				Want: "certificate\t1\ncertificate\t2\nshop, to nobody"},
			// "If no certificates are returned, the device will not validate": it refuses.
			{Of: "tls.cert.verify()", What: "with a function that has none", Lua: `tls.cert.verify(function() end)` + ask,
				Want: "hint: the function of tls.cert.verify returns no certificate: documented is that servers are not verified then, but the firmware accepts none\n" +
					"hint: the TLS handshake with 192.168.1.20:443 failed with -0x2700 (-39 to the program): tls.cert.verify: no certificate is there to verify with, so none is good\nno\tnil"},
			{Of: "tls.cert.auth()", What: "example: text", Lua: `print((tls.cert.auth([[` + client + `]], [[` + key + `]])))` + ask, Want: old("auth") + "true\nshop, to device"},
			{Of: "tls.cert.auth()", What: "with a function", Lua: `
				tls.cert.auth(function(k) print("part", k) if k == 0 then return [[` + key + `]] elseif k == 1 then return [[` + client + `]] end end)` + ask,
				Want: "part\t0\npart\t1\npart\t2\nshop, to device"},
			{Of: "tls.cert.auth()", What: "example: what the flash has after a restart", For: 5 * clock.Second, Lua: `
				local _, why = node.bootreason()
				if why ~= 4 then tls.cert.auth([[` + client + `]], [[` + key + `]]) node.restart() return end
				tls.cert.auth(true) tls.cert.verify(false)` + ask, Want: old("auth") + "reset: software restart\n" + old("auth") + old("verify") + "shop, to device"},
		},
		Left: map[string]string{"tls.setDebug()": "only in a build with DEVELOP_VERSION"},
	}.Run(t)
}

// old is what a call of tls.cert prints that gives no function.
func old(name string) string {
	return "Warning, deprecated API! tls.cert." + name + "'s old interface. It will be removed soon. See documentation for details.\n"
}
