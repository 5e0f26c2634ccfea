package inspect_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// reports collects post-mortems and hints.
type reports struct {
	dead  []event.PostMortem
	hints []event.Hint
}

func watch(w *world.World) *reports {
	r := &reports{}
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.PostMortem:
			r.dead = append(r.dead, d)
		case event.Hint:
			r.hints = append(r.hints, d)
		}
	})
	return r
}

const hog = `
hog = {}
function more(n)
  for i = 1, n do hog[#hog + 1] = ("x"):rep(200) .. #hog end
end
`

func TestPostMortem(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := chiptest.Program(w, hog+`more(1000)`, device.Config{Inspect: inspect.Config{TrackAllocations: true}, OnPanic: device.HaltOnPanic})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	if len(r.dead) != 1 {
		t.Fatalf("%d post-mortems", len(r.dead))
	}
	pm := r.dead[0]
	if pm.Why != "not enough memory" || pm.Where != "init.lua:4" || pm.Request == 0 || pm.Snapshot == nil {
		t.Errorf("%+v", pm)
	}
	if h := pm.Holders[0]; h.Name != "init.lua:4" || h.Kind != snapshot.String || h.Count < 100 || h.Bytes < 200*h.Count {
		t.Errorf("largest holder %+v", h)
	}
	if used := pm.Snapshot.Used(); used+pm.Free > pm.Size || used < pm.Size*3/4 {
		t.Errorf("%d used and %d free of %d", used, pm.Free, pm.Size)
	}
}

// What a program catches is no death.
func TestCaughtMemoryErrorIsNoPostMortem(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	out := chiptest.Record(w)
	chiptest.Program(w, hog+`print(pcall(more, 1000)) hog = nil`, device.Config{}).PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	if len(r.dead) != 0 || !strings.Contains(out.String(), "false\tnot enough memory") {
		t.Errorf("%d post-mortems, printed %q", len(r.dead), out)
	}
}

func TestHeapBudget(t *testing.T) {
	for _, tt := range []struct {
		name   string
		src    string
		budget int
		broken bool
	}{
		{"kept", hog + `more(100)`, 20000, true},
		{"kept, enough left", hog + `more(20)`, 20000, false},
		{"garbage is free", `for i = 1, 3000 do local s = ("x"):rep(200) .. i end`, 20000, false},
		{"let go in time", hog + `for i = 1, 40 do more(40) hog = {} end`, 20000, false},
		{"for a moment", hog + `more(60) hog = nil`, 30000, true},
		{"after garbage", hog + `for i = 1, 3000 do local s = ("x"):rep(200) .. i end more(100)`, 20000, true},
	} {
		w := world.New(1)
		r := watch(w)
		chiptest.Program(w, tt.src, device.Config{Inspect: inspect.Config{HeapBudget: tt.budget}, HostCPU: true}).PowerOn()
		w.Clock.RunUntil(clock.At(clock.Second))
		if broken := len(r.dead) == 1 && r.dead[0].Why == inspect.BudgetBroken; broken != tt.broken {
			t.Errorf("%s: %+v", tt.name, r.dead)
		}
		if tt.broken && len(r.dead) == 1 && (r.dead[0].Free >= tt.budget+300 || r.dead[0].Free < tt.budget-2000) {
			t.Errorf("%s: reported at %d bytes free", tt.name, r.dead[0].Free)
		}
	}
}

// The budget and the tools do not change what happens.
func TestToolsChangeNothing(t *testing.T) {
	run := func(cfg device.Config) string {
		w := world.New(1)
		out := chiptest.Record(w)
		d := chiptest.Program(w, hog+`
			for i = 1, 5 do more(20) hog = {} print(i, collectgarbage("count")) end
			print(pcall(more, 1000)) hog = {} more(10) print(collectgarbage("count"))`, cfg)
		d.PowerOn()
		for i := clock.Duration(1); i < 20; i++ {
			w.Clock.RunUntil(clock.At(i * 50 * clock.Millisecond))
			if cfg.Inspect.TrackAllocations {
				d.Inspect.HeapSnapshot("test")
				d.Snapshot()
			}
		}
		fmt.Fprintf(out, "%d %d", d.VM.CPU(), d.VM.Heap().Free())
		return out.String()
	}
	plain := run(device.Config{})
	tools := run(device.Config{Inspect: inspect.Config{TrackAllocations: true, ProfileCPU: true, HeapBudget: 1000}})
	if plain != tools {
		t.Errorf("without:\n%s\nwith:\n%s", plain, tools)
	}
}

func TestLongCallbackHint(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := device.New(w, device.Config{Board: chiptest.Board(), Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte("function busy(n)\n for i = 1, n do end end"), "@init.lua")
		if err != nil {
			panic(err)
		}
		d.Run("init.lua", fn)
		for _, n := range []int{10, 20000, 20000, 600000, 600000} {
			tm := d.NewTimer(func() { d.Run("tmr callback", d.VM.RawGetString(d.VM.Globals(), "busy"), vm.Number(n)) })
			tm.Arm(clock.Second, false)
		}
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	if len(r.hints) != 2 || !strings.Contains(r.hints[0].Text+r.hints[1].Text, "over 500 ms") ||
		!strings.Contains(r.hints[0].Text+r.hints[1].Text, "over 15 ms") || r.hints[0].Where != "init.lua:1" ||
		!strings.HasPrefix(r.hints[0].Text, "busy <init.lua:1>, tmr callback kept the CPU for ") {
		t.Errorf("%+v", r.hints)
	}
}

// A callback that ended with a tail call may be gone, and another function in its
// place: the hint names the callback.
func TestLongCallbackThatIsGone(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := device.New(w, device.Config{Board: chiptest.Board(), Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(`
			function long() for i = 1, 100 do other = nil other = function() end for j = 1, 500 do end end end
			return function() return long() end`), "@init.lua")
		if err != nil {
			panic(err)
		}
		ret, _, _ := d.VM.Call(fn, 1)
		d.PostLua(ets.Low, "task", ret[0].(*vm.Function))
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	if len(r.hints) != 1 || r.hints[0].Where != "init.lua:3" || !strings.HasPrefix(r.hints[0].Text, "function <init.lua:3>, task kept") {
		t.Errorf("%+v", r.hints)
	}
}

// A program that makes chunk after chunk has no end of places; the hints have one.
func TestHintsEnd(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, Startup: func(d *device.Device) {
		for i := range 1500 {
			chunk, err := d.VM.Load([]byte("return function() end"), fmt.Sprintf("@%d.lua", i))
			if err != nil {
				t.Fatal(err)
			}
			fn, lerr, _ := d.VM.Call(chunk, 1)
			if lerr != nil {
				t.Fatal(lerr)
			}
			d.Inspect.HintLong("tmr callback", vm.CodeOf(fn[0]), 20*clock.Millisecond)
			d.Inspect.Hints.Once(fmt.Sprint(i), "%d", i)
		}
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	if len(r.hints) != 2000 {
		t.Errorf("%d hints", len(r.hints))
	}
}

// A callback that sends too much at once is told once where, however often it runs.
func TestFloodHint(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, WiFi: radio.Config{Wired: netip.MustParsePrefix("192.168.1.20/24")}, Startup: func(d *device.Device) {
		flood := d.VM.NewFunction(vm.Func{Name: "flood", Fn: func(c *vm.Call) int {
			for range 300 {
				d.Net.Transmit(int(air.StationIf), &wire.Packet{Src: netip.MustParseAddr("192.168.1.20"), Dst: wire.Broadcast, Proto: wire.UDP})
			}
			return 0
		}})
		chunk, err := d.VM.Load([]byte("local flood = ...\n for i = 1, 1 do flood() end"), "@init.lua")
		if err != nil {
			t.Fatal(err)
		}
		d.NewTimer(func() { d.Run("timer", chunk, flood) }).Arm(clock.Second, true)
	}})
	sent := 0
	w.Wire.Tap(func(e wire.Event) {
		if e.Kind == wire.Sent {
			sent++
		}
	})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	if len(r.hints) != 1 || r.hints[0].Where != "init.lua:2" || sent < 256*9 || sent > 256*10+50 {
		t.Errorf("%d packets, hints %+v", sent, r.hints)
	}
}

func TestProfiles(t *testing.T) {
	w := world.New(1)
	d := chiptest.Program(w, hog+`
local function count(n) local x = 0 for i = 1, n do x = x + i end return x end
local function twice(n) count(n) count(n) end
more(50)
for i = 1, 200 do local gone = {i} end
twice(5000)
count(1000)
`, device.Config{Inspect: inspect.Config{TrackAllocations: true, ProfileCPU: true}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	var heapFile, cpuFile bytes.Buffer
	if err := d.Inspect.WriteHeapProfile(&heapFile); err != nil {
		t.Fatal(err)
	}
	if err := d.Inspect.WriteCPUProfile(&cpuFile); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	top := func(name string, data []byte, args ...string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", append(append([]string{"tool", "pprof", "-top"}, args...), path)...)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go tool pprof: %v\n%s", err, out)
		}
		return string(out)
	}
	for _, tt := range []struct {
		out  string
		want []string
	}{
		{top("heap.pb.gz", heapFile.Bytes()), []string{"Type: inuse_space", "more init.lua:3", "outside Lua"}},
		{top("heap.pb.gz", heapFile.Bytes(), "-sample_index=alloc_objects"), []string{"main chunk init.lua", "string.rep"}},
		{top("cpu.pb.gz", cpuFile.Bytes()), []string{"Type: cpu", "count init.lua:7", "twice init.lua:8"}},
		{top("cpu.pb.gz", cpuFile.Bytes(), "-lines"), []string{"init.lua:7"}},
	} {
		for _, want := range tt.want {
			if !strings.Contains(tt.out, want) {
				t.Errorf("%q is not in\n%s", want, tt.out)
			}
		}
	}
	// The profile adds up to the CPU time that passed.
	sum := int64(0)
	d.Inspect.Recorder().Stacks(func(_ []vm.Frame, c vm.Cost) { sum += c.Nanos })
	if cpu := d.VM.CPU(); sum != cpu {
		t.Errorf("profile of %d ns, CPU %d ns", sum, cpu)
	}
}
