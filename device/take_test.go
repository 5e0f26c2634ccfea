package device_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// onNet is a device that runs program, with a host beside it.
func onNet(t *testing.T, program string) (*device.Device, *lwip.Stack, *strings.Builder) {
	t.Helper()
	b, err := boards.Load(boards.Default)
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(1)
	out := &strings.Builder{}
	w.Subscribe(func(e world.Event) {
		if o, ok := e.Data.(event.Output); ok {
			out.WriteString(o.Text)
		}
	})
	d := device.New(w, device.Config{
		Board: b, Modules: []device.Module{net.Module, node.Module, tmr.Module}, HostCPU: true,
		WiFi: radio.Config{Wired: netip.MustParsePrefix("192.168.1.10/24")},
	})
	if err := d.Flash.WriteFile("init.lua", []byte(program)); err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParsePrefix("192.168.1.20/24")
	var host *lwip.Stack
	nic := w.Wire.Attach("host", func(p *wire.Packet) { host.Input(0, p) })
	nic.SetPrefix(addr)
	host = lwip.New(lwip.NewClockHost(w.Clock, 7, nic.Send), lwip.Desktop())
	host.SetNetif(0, lwip.Netif{Prefix: addr, Up: true})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	return d, host, out
}

func TestResetConnection(t *testing.T) {
	d, host, out := onNet(t, `net.createServer():listen(80, function(c)
  c:on("reconnection", function(_, e) print("reset", e) end)
end)`)
	var hostErr lwip.Err
	c := host.NewTCP()
	c.OnError = func(err lwip.Err) { hostErr = err }
	c.Connect(netip.MustParseAddr("192.168.1.10"), 80)
	run := func() { d.World().Clock.RunUntil(d.World().Clock.Now().Add(clock.Second)) }
	run()
	s := d.Snapshot().Sockets
	i := slices.IndexFunc(s, func(s sockets.Snapshot) bool { return s.State == "ESTABLISHED" })
	if i < 0 || s[i].Site != "init.lua:1" {
		t.Fatalf("sockets %+v", s)
	}
	local, remote := netip.MustParseAddrPort(s[i].Local), netip.MustParseAddrPort(s[i].Remote)
	d.Take(input.ResetConnection{Local: local, Remote: remote})
	run()
	if !strings.Contains(out.String(), "reset\t-9") || hostErr != lwip.ErrReset {
		t.Errorf("the device printed %q, the host got %v", out, hostErr)
	}
	d.Take(input.ResetConnection{Local: local, Remote: remote}) // there is none any more
	run()
	if n := len(d.Snapshot().Sockets); n != 1 {
		t.Errorf("%d sockets are left, want the listener", n)
	}
}

func TestNames(t *testing.T) {
	d, _, _ := onNet(t, `cfg = {host = 1, port = 2, [3] = 4}
obj = setmetatable({own = 1}, {__index = {method = function() end}})
lazy = setmetatable({}, {__index = function() error("names must not run Lua") end})
loop = setmetatable({}, {}) getmetatable(loop).__index = loop
timer = tmr.create()`)
	for _, tt := range []struct {
		path string
		want string // names that must be there
		not  string
	}{
		{"", "cfg tmr print node net", "host"},
		{"cfg", "host port", "print"},
		{"tmr", "create now ALARM_AUTO", "alarm"},
		{"obj", "own method", ""},
		{"timer", "alarm start", "create"},
		{"lazy", "", "own"},
		{"loop", "", "own"},
		{"nothing", "", "print"},
		{"cfg.host", "", "print"},
	} {
		var path, names []string
		if tt.path != "" {
			path = strings.Split(tt.path, ".")
		}
		for _, n := range d.Names(path...) {
			names = append(names, n.Name)
		}
		if !slices.IsSorted(names) {
			t.Errorf("%q: not sorted: %v", tt.path, names)
		}
		for _, w := range strings.Fields(tt.want) {
			if !slices.Contains(names, w) {
				t.Errorf("%q: %s is not in %v", tt.path, w, names)
			}
		}
		if tt.not != "" && slices.Contains(names, tt.not) {
			t.Errorf("%q: %s is in %v", tt.path, tt.not, names)
		}
	}
}

// The split of the heap adds up, and follows what the program makes.
func TestHeapKinds(t *testing.T) {
	d, _, _ := onNet(t, "")
	eval := func(src string) inspect.HeapUsage {
		d.Serial.Type([]byte(src + "\n"))
		d.World().Clock.RunUntil(d.World().Clock.Now().Add(clock.Second))
		return d.Snapshot().Heap
	}
	before := eval("a = 1")
	total := func(h inspect.HeapUsage) int {
		k := h.Kinds
		return k.Strings + k.Tables + k.Functions + k.Userdata + k.Network + k.Other
	}
	if used := before.Total - before.Free; total(before) != used {
		t.Errorf("the kinds are %d bytes, used are %d: %+v", total(before), used, before.Kinds)
	}
	for _, tt := range []struct {
		src   string
		bytes int
		of    func(inspect.HeapKinds) int
	}{
		{`s = ("x"):rep(1000)`, 1000, func(k inspect.HeapKinds) int { return k.Strings }},
		{`t = {} for i = 1, 64 do t[i] = i end`, 64 * 12, func(k inspect.HeapKinds) int { return k.Tables }},
		{`f = function() return a end`, 120, func(k inspect.HeapKinds) int { return k.Functions }},
		{`u = {} for i = 1, 10 do u[i] = tmr.create() end`, 600, func(k inspect.HeapKinds) int { return k.Userdata }},
		{`n = net.createServer() n:listen(80, f)`, 28, func(k inspect.HeapKinds) int { return k.Network }},
	} {
		after := eval(tt.src)
		if grown := tt.of(after.Kinds) - tt.of(before.Kinds); grown < tt.bytes || grown > 2*tt.bytes+64 {
			t.Errorf("%s: the kind grew by %d bytes, want about %d", tt.src, grown, tt.bytes)
		}
		if total(after) != after.Total-after.Free {
			t.Errorf("%s: the kinds are %d of %d used", tt.src, total(after), after.Total-after.Free)
		}
		before = after
	}
	eval("s, t = nil")
	// Nothing has asked for memory since: what was let go of is there still.
	if n, _ := d.Take(input.CollectGarbage{}); len(n) < 4 {
		t.Errorf("%s bytes of garbage", n)
	}
	if n, _ := d.Take(input.CollectGarbage{}); n != "0" {
		t.Errorf("%s bytes of garbage after a collection", n)
	}
}

func TestPowerCycle(t *testing.T) {
	d, _, _ := onNet(t, "")
	if err := d.Flash.WriteFile("kept", []byte("x")); err != nil {
		t.Fatal(err)
	}
	d.Take(input.PowerCycle{})
	d.World().Clock.RunUntil(d.World().Clock.Now().Add(clock.Second))
	if s := d.Snapshot(); s.Reason != device.PowerOn.Text || s.Boots != 1 || !d.Flash.Exists("kept") {
		t.Errorf("after a power cycle: %q, %d resets", s.Reason, s.Boots)
	}
}

// Every kind of input is taken, whatever the device is at, and none of these, empty as
// they are, does more than to say what is wrong with it.
func TestEveryInputIsTaken(t *testing.T) {
	for _, state := range []string{"off", "booting", "at the prompt", "asleep", "halted"} {
		for _, in := range input.Kinds {
			w := world.New(1)
			d := device.New(w, device.Config{Board: chiptest.Board(), OnPanic: device.HaltOnPanic})
			if state != "off" {
				d.PowerOn()
			}
			switch state {
			case "at the prompt":
				w.Clock.RunUntil(clock.At(clock.Second))
			case "asleep":
				w.Clock.RunUntil(clock.At(clock.Second))
				d.Sleep(0)
			case "halted":
				w.Clock.RunUntil(clock.At(clock.Second))
				d.RunUnprotected("test", vm.Number(1))
				if !d.Halted() {
					t.Fatal("the device is not halted")
				}
			}
			if _, err := d.Take(in); err != nil {
				t.Logf("%s, %s: %v", state, in.Kind(), err)
			}
			w.Clock.RunUntil(w.Clock.Now().Add(2 * clock.Second))
			if s := d.Snapshot(); s.Name != d.Name() {
				t.Errorf("%s, %s: no snapshot", state, in.Kind())
			}
		}
	}
}

// Changed files come with the reset, also when the device is in the middle of something
// and has all its descriptors in use; what it has already is no change.
func TestFiles(t *testing.T) {
	w := world.New(1)
	var notes []string
	w.Subscribe(func(e world.Event) {
		if n, ok := e.Data.(event.Note); ok {
			notes = append(notes, n.Text)
		}
	})
	held := true
	hold := vm.Func{Name: "hold", Fn: func(*vm.Call) int { w.Clock.Hold(func() bool { return held }); return 0 }}
	d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, Modules: []device.Module{file.Module,
		{Name: "debugger", Open: func(*device.Device) *device.Lib { return &device.Lib{Funcs: []vm.Func{hold}} }}}})
	for name, text := range map[string]string{"init.lua": "open = {} for i = 1, 4 do open[i] = file.open('f' .. i, 'w') open[i]:write('old') end debugger.hold()", "gone": "x"} {
		if err := d.Flash.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	in := input.Files{Changed: []input.File{{Name: "gone", Gone: true}, {Name: "init.lua", Data: []byte("print(1)")}, {Name: "never", Gone: true}, {Name: strings.Repeat("x", 99), Data: []byte("y")}, {Name: "new", Data: []byte("z")}}}
	replies := 0
	reply := func(_ string, err error) {
		replies++
		if err != nil {
			t.Errorf("reply %d: %v", replies, err)
		}
	}
	d.PowerOn()
	go func() {
		time.Sleep(20 * time.Millisecond)
		w.Send(d.Name(), in, reply)
		w.Clock.Look(func() {
			if d.Flash.Exists("new") || !d.Flash.Exists("gone") {
				t.Error("the files changed under the program")
			}
			held = false
		})
	}()
	w.Clock.Run(clock.At(clock.Second), false)
	content, _ := d.Flash.ReadFile("init.lua")
	if d.Flash.Exists("gone") || !d.Flash.Exists("new") || !d.Flash.Exists("f4") || string(content) != "print(1)" {
		t.Errorf("init.lua is %q, there are %v", content, d.Flash.List())
	}
	boots := d.Boots()
	in.Changed = slices.DeleteFunc(in.Changed, func(f input.File) bool { return len(f.Name) == 99 })
	if _, err := d.Take(in); err != nil || d.Boots() != boots {
		t.Errorf("the same files again: %v, %d resets", err, d.Boots()-boots)
	}
	want := []string{"files have changed: gone, init.lua, " + strings.Repeat("x", 99) + ", new"}
	if replies != 1 || len(notes) != 2 || notes[0] != want[0] || !strings.HasPrefix(notes[1], "the changed files are not all loaded: ") {
		t.Errorf("%d replies, notes %q", replies, notes)
	}
}
