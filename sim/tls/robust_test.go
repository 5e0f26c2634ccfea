package tls_test

import (
	ctls "crypto/tls"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/sim/http"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tls"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A program that changes or ends what is under way from within meets the firmware's own
// consequences.
func TestFromWithin(t *testing.T) {
	const failed = "dns\t192.168.1.20\nreconnection\tnil\n"
	key := tlspeer.PEM(t, "client.key")
	for _, tt := range []struct {
		name, lua  string
		want, hint string
	}{
		{"auth takes itself away", `tls.cert.auth(function(k) tls.cert.auth(nil) return [[` + key + `]] end)` + talk,
			failed, "no handshake begins: a certificate that the function of tls.cert.auth returns can't be used (it failed, or returned nothing to read)"},
		{"auth sets another", `tls.cert.auth(function(k) tls.cert.auth(function(k) print(k) end) return [[` + key + `]] end)` + talk,
			"dns\t192.168.1.20\n1\nreconnection\tnil\n", "a certificate without a key, or a key without one, can't be used"},
		{"closed while it is asked", `tls.cert.verify(function(k) s:close() end)` + talk, failed, "-0x0045 (-69 to the program): the program had closed it"},
		{"sent after close", talk + `s:on("sent", function(s) s:close() s:send("more\n") end)`,
			"dns\t192.168.1.20\nconnection\t192.168.1.20\t443\nreconnection\tnil\n", "-0x0045 (-69 to the program): the program had closed it"},
		{"finalized, and connected again", `s = tls.createConnection() s:connect(443, "192.168.1.20") s:__gc()
			tmr.create():alarm(100, 0, function() s:on("connection", function(s) print("again") end) s:connect(443, "192.168.1.20") end)`,
			"again\n", ""},
		{"finalized in dns", `s = tls.createConnection() s:on("dns", function(s) s:__gc() end) s:connect(443, "192.168.1.20")`,
			"", "was finalized by the program in its dns event: the firmware writes the server's address to one near 0 (exception, the device resets)"},
	} {
		x := newLab(t, tt.lua)
		x.serve(t, "ecdsa", &ctls.Config{}, echo)
		x.D.PowerOn()
		if got := x.Run(5 * clock.Second); got != tt.want || !strings.Contains(strings.Join(x.Hints, "\n"), tt.hint) {
			t.Errorf("%s: %q, hints %q", tt.name, got, x.Hints)
		}
	}
}

// Where memory is free in crumbs only, a connection is not begun.
func TestCrumbs(t *testing.T) {
	crumble := device.Module{Name: "crumble", Open: func(d *device.Device) *device.Lib {
		return &device.Lib{Funcs: []vm.Func{{Name: "heap", Fn: func(*vm.Call) int {
			var blocks []heap.Block
			for b, ok := d.Malloc(600, heap.Other); ok; b, ok = d.Malloc(600, heap.Other) {
				blocks = append(blocks, b)
			}
			for i := 0; i < len(blocks); i += 2 {
				d.Free(&blocks[i], heap.Other)
			}
			return 0
		}}}}
	}}
	x := &lab{Lab: chiptest.NewLab(t, "t.lua", `s = tls.createConnection() crumble.heap() print(node.heap() > 18432) s:connect(443, "192.168.1.20")`,
		device.Config{Modules: []device.Module{tls.Module, node.Module, crumble}, Build: device.Build{SSL: true}})}
	x.D.PowerOn()
	if got := x.Run(clock.Second); !strings.Contains(got, "true\n") || !strings.Contains(strings.Join(x.Hints, "\n"), "no connection is begun (espconn_secure_connect says -1)") {
		t.Errorf("%q, hints %q", got, x.Hints)
	}
}

// A heap snapshot knows what TLS holds, whenever it is taken.
func TestSnapshots(t *testing.T) {
	most, taken := 0, 0
	look := device.Module{Name: "look", Open: func(d *device.Device) *device.Lib {
		d.VM.Heap().OnNative = func(n int, _ heap.Kind) {
			s := d.Inspect.HeapSnapshot("test")
			taken++
			sum := s.Heap.Free + s.Heap.Garbage
			for _, o := range s.Objects {
				sum += o.Bytes
				if o.Name == "other native memory" {
					most = max(most, o.Bytes-n) // what is being taken is nobody's yet
				}
			}
			if sum != s.Heap.Size {
				t.Errorf("%d bytes of %d", sum, s.Heap.Size)
			}
		}
		return &device.Lib{}
	}}
	for _, lua := range []string{talk, `http.post("https://192.168.1.20/", "A: b\r\n", "body", function() end)`} {
		x := &lab{Lab: chiptest.NewLab(t, "t.lua", lua, device.Config{
			Modules: []device.Module{tls.Module, http.Module, tmr.Module, look}, Build: device.Build{SSL: true}})}
		x.host()
		x.serve(t, "rsa", &ctls.Config{}, echo)
		x.D.PowerOn()
		x.Run(5 * clock.Second)
	}
	t.Logf("%d snapshots, %d bytes unknown at most", taken, most)
	if taken < 40 || most > 7000 { // 5416 of them are the key exchange's, for a moment
		t.Errorf("%d bytes are unknown", most)
	}
}
