package inspect_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Memory that runs out in a coroutine has its post-mortem where that happens, if
// nothing catches the error, and where it is raised anew, if something did.
func TestPostMortemInCoroutine(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		where     string // "": none
	}{
		{"wrap", "local f = coroutine.wrap(function() more(1000) end)\nf()", "init.lua:4"},
		{"wrap in wrap", "coroutine.wrap(function() coroutine.wrap(function() more(1000) end)() end)()", "init.lua:4"},
		{"after a yield", "local f = coroutine.wrap(function() coroutine.yield() more(1000) end)\nf() f()", "init.lua:4"},
		{"resume", "print(coroutine.resume(coroutine.create(more), 1000)) hog = nil", ""},
		{"pcall of wrap", "print(pcall(coroutine.wrap(more), 1000)) hog = nil", ""},
		{"pcall in wrap", "coroutine.wrap(function() print(pcall(more, 1000)) hog = nil end)()", ""},
		{"wrap under resume", "print(coroutine.resume(coroutine.create(function() coroutine.wrap(more)(1000) end))) hog = nil", ""},
		{"raised anew", "local ok, e = coroutine.resume(coroutine.create(more), 1000)\nerror(e)", "init.lua:7"},
	} {
		w := world.New(1)
		r := watch(w)
		chiptest.Program(w, hog+tt.src, device.Config{Inspect: inspect.Config{TrackAllocations: true}, OnPanic: device.HaltOnPanic}).PowerOn()
		w.Clock.RunUntil(clock.At(clock.Second))
		switch {
		case tt.where == "" && len(r.dead) > 0:
			t.Errorf("%s: %d post-mortems, the first at %s", tt.name, len(r.dead), r.dead[0].Where)
		case tt.where != "" && (len(r.dead) != 1 || r.dead[0].Where != tt.where || r.dead[0].Holders[0].Name != "init.lua:4"):
			t.Errorf("%s: %d post-mortems", tt.name, len(r.dead))
			for _, d := range r.dead {
				t.Logf("at %s: %+v", d.Where, d.Holders)
			}
		}
	}
}

// A run that its subscriber ends when the budget is broken does not go on to run
// out of memory.
func TestBudgetEndsTheRun(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	w.Subscribe(func(e world.Event) {
		if _, ok := e.Data.(event.PostMortem); ok {
			w.Clock.Stop()
		}
	})
	d := chiptest.Program(w, hog+`more(1000)`, device.Config{Inspect: inspect.Config{TrackAllocations: true, HeapBudget: 20000}})
	d.PowerOn()
	w.Clock.Run(clock.At(clock.Second), false)
	if len(r.dead) != 1 || r.dead[0].Why != inspect.BudgetBroken {
		t.Fatalf("%d post-mortems", len(r.dead))
	}
	pm := r.dead[0]
	s := pm.Snapshot
	if s.Used()+s.Heap.Free+s.Heap.Garbage != s.Heap.Size || s.Heap.Garbage > 300 {
		t.Errorf("%d used, %d free, %d garbage of %d", s.Used(), s.Heap.Free, s.Heap.Garbage, s.Heap.Size)
	}
	if pm.Free >= 20000 || pm.Free < 19000 || pm.Largest > pm.Free {
		t.Errorf("%d free, longest piece %d", pm.Free, pm.Largest)
	}
	for _, o := range s.Objects {
		if o.Kind == snapshot.Request && o.Bytes == pm.Request && o.Site == pm.Where {
			return
		}
	}
	t.Errorf("the request of %d bytes is not in the snapshot", pm.Request)
}

func TestWatchdogHint(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := chiptest.Program(w, "\nlocal function spin()\n  while true do end\nend\nspin()", device.Config{})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(12 * clock.Second))
	if len(r.hints) != 1 || r.hints[0].Where != "init.lua:3" ||
		r.hints[0].Text != "init.lua has kept the CPU for 3.2 s without a break or tmr.wdclr: the watchdog resets the device" {
		t.Errorf("%+v", r.hints)
	}
}

// The device's arithmetic is explained where a program first meets it, and its
// registry is the firmware's.
func TestArithmeticHints(t *testing.T) {
	w := world.New(1)
	r := watch(w)
	d := chiptest.Program(w, `
		for i = 1, 5 do
			local x = math.floor(1e10)
			if 2^i == 16 then x = 7 end
		end
		local names = {}
		for k, v in pairs(debug.getregistry()) do
			if type(v) ~= "table" then names[#names + 1] = tostring(k) .. ":" .. type(v) end
		end
		table.sort(names)
		registry = table.concat(names, " ")`, device.Config{})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	var places []string
	for _, h := range r.hints {
		places = append(places, h.Where)
	}
	if !slices.Equal(places, []string{"init.lua:3", "init.lua:4"}) || !strings.Contains(r.hints[1].Text, "a power is compared") {
		t.Errorf("%+v", r.hints)
	}
	if got, _ := d.VM.ToString(d.VM.RawGetString(d.VM.Globals(), "registry")); got != "0:number onerror:function" {
		t.Errorf("in the registry, besides tables: %s", got)
	}
}

// A callback within another one leaves the outer's name as it was.
func TestEntryOfNestedCallback(t *testing.T) {
	w := world.New(1)
	d := chiptest.Program(w, `function inner() end`, device.Config{})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	d.VM.SetEntry("outer")
	d.Run("inner", d.VM.RawGetString(d.VM.Globals(), "inner"))
	if got := d.VM.Entry(); got != "outer" {
		t.Errorf("after it the entry is %q", got)
	}
}

// Profile and snapshot tell the same, and nothing in use was never allocated.
func TestHeapProfileAddsUp(t *testing.T) {
	w := world.New(1)
	d := chiptest.Program(w, hog+"more(50)\nlocal t = {} for i = 1, 100 do t[i] = {i} end kept = t", device.Config{Inspect: inspect.Config{TrackAllocations: true}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	block, ok := d.Malloc(100, heap.Other)
	if !ok {
		t.Fatal("no room")
	}
	defer d.Free(&block, heap.Other)
	var b bytes.Buffer
	if err := d.Inspect.WriteHeapProfile(&b); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	var sum [4]int64
	byFunc := map[string]*[4]int64{}
	for _, s := range p.Sample {
		var names []string
		for _, l := range s.Location {
			names = append(names, l.Line[0].Function.Name)
		}
		name := strings.Join(names, " ")
		if name == "" {
			t.Errorf("a sample without a place: %v", s.Value)
		}
		if byFunc[name] == nil {
			byFunc[name] = &[4]int64{}
		}
		for i, v := range s.Value {
			sum[i] += v
			byFunc[name][i] += v
		}
	}
	s := d.Inspect.HeapSnapshot("test")
	objects := 0
	for _, o := range s.Objects {
		if o.Bytes > 0 {
			objects++
		}
	}
	if sum[0] != int64(s.Used()) || sum[1] != int64(objects) {
		t.Errorf("profile: %d bytes in %d objects, snapshot: %d in %d", sum[0], sum[1], s.Used(), objects)
	}
	for name, v := range byFunc {
		// The registry and the string table grow in the name of who makes them.
		if v[0] > v[2] && !strings.HasPrefix(name, "registry") && !strings.HasPrefix(name, "buffer") {
			t.Errorf("%s: %d bytes in use, %d allocated", name, v[0], v[2])
		}
	}
	if v := byFunc["other outside Lua"]; v == nil || v[0] != int64(block.Length()) || v[2] != v[0] {
		t.Errorf("native memory: %v", v)
	}
}

// The numbers of native objects follow from what they are.
func TestNativeNumbers(t *testing.T) {
	w := world.New(1)
	d := chiptest.Program(w, ``, device.Config{Inspect: inspect.Config{TrackAllocations: true}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	names := []string{"a", "b", "c"}
	d.Inspect.OnHeapSnapshot(func(p *inspect.HeapParts) {
		for _, n := range names {
			p.AddTo(p.Add(inspect.NativeBlock{Kind: heap.PCB, Name: n, Size: 8, Age: -1}), heap.Pbuf, "data", 8)
		}
	})
	numbers := func() map[string]int {
		m := map[string]int{}
		owner := ""
		for _, o := range d.Inspect.HeapSnapshot("test").Objects {
			switch o.Kind {
			case heap.PCB.String():
				owner = o.Name
				m[owner] = o.ID
			case heap.Pbuf.String():
				m[owner+"'s "+o.Name] = o.ID
			}
		}
		return m
	}
	before := numbers()
	names = []string{"c", "d", "a"}
	for name, id := range numbers() {
		if was, ok := before[name]; ok && was != id {
			t.Errorf("%s is %d and was %d", name, id, was)
		}
	}
}
