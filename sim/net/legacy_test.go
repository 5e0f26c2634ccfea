package net

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// legacy is a build for old programs.
var legacy = device.Build{Legacy: true}

// Old programs tell constructors the type, and have UDP sockets with a peer.
func TestOldPrograms(t *testing.T) {
	x := terminal.NewBuild(t, legacy, nil, Module)
	x.Run("kind = function(o) print(o.hold and 'TCP' or o.send and 'UDP' or 'server') end")
	for _, tt := range []struct{ lua, want string }{
		{"kind(net.createServer(net.TCP, 30))", "server"},
		{"kind(net.createServer(net.TCP))", "server"},
		{"kind(net.createServer())", "server"},
		{"kind(net.createServer(180))", "server"},
		{"kind(net.createServer(net.UDP))", "UDP"},
		{"kind(net.createServer(net.UDP, 30))", "UDP"},
		{"net.createServer(3, 30)", "invalid type"},
		{"kind(net.createConnection(net.TCP, 0))", "TCP"},
		{"kind(net.createConnection())", "TCP"},
		{"kind(net.createConnection(net.UDP))", "UDP"},
		{"net.createConnection(net.TCP, 1)", "secure connections not enabled"},
		{"net.createConnection(3)", "invalid type"},
		{"u = net.createConnection(net.UDP) u:send('x')", "not connected"},
		{"u:connect(0, '1.2.3.4')", "specify port"},
		{"u:connect(9, 'name')", "invalid IP address"},
		{"getmetatable(net.createConnection()).connect(u, 9, '1.2.3.4')", "invalid user data"},
		{"getmetatable(u).connect(net.createConnection(), 9, '1.2.3.4')", "invalid user data"},
	} {
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

// A UDP socket answers whoever sent last, or sends to whom it was connected with.
func TestOldUDP(t *testing.T) {
	w := newWorldOf(t, legacy, `
		s = net.createServer(net.UDP)
		s:on("receive", function(s, data) print("got", data) s:send("re " .. data) end)
		s:listen(5683)`, `
		c = net.createConnection(net.UDP)
		c:on("receive", function(c, data) print(data) end)
		c:connect(5683, "192.168.1.10")
		c:send("hello", function() print("sent") end)
		tmr.create():alarm(500, 0, function() c:send(5683, "192.168.1.10", "to a port") end)`)
	if got, want := w.run(2*clock.Second), "sent\ngot\thello\nre hello\nsent\ngot\tto a port\nre to a port\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What old programs write means something else today, and a hint says so.
func TestOldProgramsHints(t *testing.T) {
	for lua, want := range map[string]int{
		"net.createServer(net.TCP)":        1,
		"net.createServer(net.TCP, 30)":    1,
		"net.createServer(net.UDP)":        1,
		"net.createServer(30)":             0,
		"net.createServer()":               0,
		"net.createConnection(net.UDP)":    1,
		"net.createConnection(net.TCP, 1)": 1,
		"net.createConnection(net.TCP, 0)": 0,
		"net.createConnection()":           0,
	} {
		x := terminal.New(t, nil, Module)
		x.Run(lua)
		got := 0
		for _, e := range x.Events {
			if _, ok := e.Data.(event.Hint); ok {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d hints, want %d", lua, got, want)
		}
	}
}
