package net

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A snapshot has the PCBs and what they hold, and everything adds up to what the
// heap has given out.
func TestHeapSnapshot(t *testing.T) {
	w := newWorld(t, `
		srv = net.createServer(net.TCP, 30)
		srv:listen(80, function(c) c:on("receive", function(c) c:send(("x"):rep(1000)) kept = c end) end)`, `
		c = net.createConnection()
		c:on("connection", function(c) c:send("hello") end)
		c:connect(80, "192.168.1.10")`)
	w.run(clock.Second)
	d := w.devs[0]
	for range 40 { // of these moments one has data on the way
		w.run(clock.Millisecond)
	}
	s := d.Inspect.HeapSnapshot("test")
	kinds := map[string]int{}
	pcb := 0
	for _, o := range s.Objects {
		kinds[o.Kind]++
		if o.Kind == heap.PCB.String() && strings.HasPrefix(o.Name, "tcp ESTABLISHED 192.168.1.10:80 with 192.168.1.11:") {
			pcb = o.ID
		}
	}
	if pcb == 0 || kinds[heap.PCB.String()] < 2 {
		t.Fatalf("kinds %v", kinds)
	}
	found := false
	for _, o := range s.Objects {
		if o.Kind != snapshot.Userdata || !strings.Contains(o.Name, "net.tcpsocket (socket 2)") {
			continue
		}
		for _, r := range o.Refs {
			found = found || r.To == pcb && r.Name == " pcb"
		}
		if p := snapshot.PathText(s.Path(o.ID)); p != "_G.kept" && !strings.Contains(p, "accepted socket 2") {
			t.Errorf("path to the socket: %q", p)
		}
	}
	if !found {
		t.Error("the socket does not refer to its PCB")
	}
	d.VM.Collect()
	for _, o := range s.Objects { // untracked: but net knows where its objects were made
		if o.Kind == snapshot.Userdata && strings.Contains(o.Name, "tcpsocket") && o.Site != "init.lua:2" {
			t.Errorf("%s made at %q", o.Name, o.Site)
		}
	}
	chiptest.Accounted(t, d)
}

// Callbacks that outlive their socket.
func TestLeaks(t *testing.T) {
	const client = `
		for i = 1, 3 do
			local c = net.createConnection()
			c:on("connection", function(c) c:send("x") end)
			c:connect(80, "192.168.1.10")
		end`
	for _, tt := range []struct {
		name, server string
		want         []string
	}{
		{"argument used", `s:listen(80, function(c) c:on("receive", function(sk) sk:close() end) end)`, nil},
		{"upvalue used", `s:listen(80, function(c) c:on("receive", function() c:close() end) end)`,
			[]string{"is still referenced 6", "nothing but its own callbacks holds it"}},
		{"held by a table", `all = {} s:listen(80, function(c) all[#all + 1] = c c:on("receive", function(sk) sk:close() end) end)`,
			[]string{"receive callback of socket", "the program still holds it at _G.all[1]"}},
	} {
		w := newWorld(t, `s = net.createServer() `+tt.server, client)
		w.run(70 * clock.Second)
		w.devs[0].VM.Collect()
		w.devs[0].Inspect.CheckLeaks()
		var hints []string
		for _, h := range w.hints {
			if strings.Contains(h, "still referenced") {
				hints = append(hints, h)
			}
		}
		if tt.want == nil {
			if len(hints) > 0 {
				t.Errorf("%s: %q", tt.name, hints)
			}
			continue
		}
		if len(hints) != 1 { // of three, as they are of a kind
			t.Errorf("%s: hints %q", tt.name, hints)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(hints[0], want) {
				t.Errorf("%s: %q does not say %q", tt.name, hints[0], want)
			}
		}
	}
}

// Of many leaks of a kind some are told of, with how many there are.
func TestLeaksAreCounted(t *testing.T) {
	w := newWorld(t, `
		s, all, n = net.createServer(), {}, 0
		s:listen(80, function(c) all[#all + 1] = c c:on("receive", function(sk) sk:close() end) end)`, `
		tmr.create():alarm(1000, tmr.ALARM_AUTO, function()
			local c = net.createConnection()
			c:on("connection", function(c) c:send("x") end)
			c:connect(80, "192.168.1.10")
		end)`)
	w.run(85 * clock.Second)
	var hints []string
	for _, h := range w.hints {
		if strings.Contains(h, "still referenced") {
			hints = append(hints, h)
		}
	}
	if len(hints) != 2 || !strings.HasPrefix(hints[0], "receive callback of socket 2 is still") ||
		!strings.HasPrefix(hints[1], "the 10th of its kind: receive callback of socket 11 is still") {
		t.Errorf("%q", hints)
	}
}
