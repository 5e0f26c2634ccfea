package vm_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// held is a program with objects of every kind.
const held = `
srv = {clients = {}, buf = nil}
local function handle(n)
  local buf = {}
  for i = 1, 20 do buf[i] = "line " .. i .. " of " .. n end
  return function() return buf end
end
function srv.open(n)
  srv.clients[n] = handle(n)
end
for i = 1, 3 do srv.open(i) end
co = coroutine.create(function() local kept = {1, 2, 3} coroutine.yield(kept) end)
coroutine.resume(co)
proxy = newproxy(true)
weak = setmetatable({}, {__mode = "v"})
weak[1] = {}
local t = {} for i = 1, 50 do t = {} end
`

func tracked(t testing.TB, r *vm.Recorder) *vm.VM {
	t.Helper()
	clock := int64(0)
	v := vm.New(vm.Config{SliceNanos: 1e15, Recorder: r, Heap: heap.New(heap.Config{}), Now: func() int64 { clock += 10; return clock }})
	openLibs(v)
	return v
}

func load(t testing.TB, v *vm.VM, src, chunk string) {
	t.Helper()
	fn, err := v.Load([]byte(src), chunk)
	if err != nil {
		t.Fatal(err)
	}
	if _, lerr, _ := v.Call(fn, 0); lerr != nil {
		t.Fatal(lerr.Message())
	}
}

// What a snapshot lists adds up to what the heap has given out, to the byte.
func TestSnapshotAddsUp(t *testing.T) {
	v := tracked(t, nil)
	load(t, v, held, "@app.lua")
	v.Collect()
	v.Collect()
	after := v.HeapSnapshot(nil)
	if got, want := after.Used(), v.Heap().Used(); got != want {
		t.Errorf("objects take %d bytes, the heap has given out %d", got, want)
	}
	lua := 0
	for _, o := range after.Objects {
		lua += o.LuaBytes
	}
	if lua != v.LuaBytes() {
		t.Errorf("objects have %d bytes for Lua, which counts %d", lua, v.LuaBytes())
	}
	if usage := v.Usage(); usage.Total != after.Used() {
		t.Errorf("snapshot %d, usage %d", after.Used(), usage.Total)
	}
}

// Looking must not change anything: the account goes on as if nobody had looked.
func TestSnapshotDisturbsNothing(t *testing.T) {
	run := func(look bool) string {
		v := tracked(t, nil)
		load(t, v, held, "@app.lua")
		var out strings.Builder
		for i := 0; i < 12; i++ {
			if look {
				v.HeapSnapshot(nil)
				v.Usage()
			}
			load(t, v, fmt.Sprintf("srv.open(%d) local t = {} for i = 1, 100 do t[i] = {i} end", i+4), "@more.lua")
			fmt.Fprintf(&out, "%d %d %+v\n", v.Heap().Free(), v.Heap().Largest(), v.MemoryStats())
		}
		return out.String()
	}
	if a, b := run(false), run(true); a != b {
		t.Errorf("without looking:\n%s\nlooking:\n%s", a, b)
	}
}

func pathTo(t *testing.T, s *snapshot.Snapshot, match func(*snapshot.Object) bool) string {
	t.Helper()
	for i := range s.Objects {
		if o := &s.Objects[i]; match(o) {
			return snapshot.PathText(s.Path(o.ID))
		}
	}
	t.Fatal("no such object")
	return ""
}

func TestSnapshotNames(t *testing.T) {
	v := tracked(t, nil)
	load(t, v, held, "@app.lua")
	load(t, v, `function cb() return 1 end`, "@cb.lua")
	v.Ref(v.RawGetString(v.Globals(), "cb"), "sent callback of socket 3")
	s := v.HeapSnapshot(nil)
	str := func(text string) func(o *snapshot.Object) bool {
		return func(o *snapshot.Object) bool { return o.Kind == snapshot.String && o.Name == text }
	}
	kind := func(kind, name string) func(o *snapshot.Object) bool {
		return func(o *snapshot.Object) bool { return o.Kind == kind && strings.HasPrefix(o.Name, name) }
	}
	for _, tt := range []struct {
		path string
		find func(o *snapshot.Object) bool
	}{
		{"_G.srv.clients[2] → upvalue buf[7]", str(`"line 7 of 2"`)},
		{`_G.srv → key "open"`, str(`"open"`)},
		{"_G.srv.open", kind(snapshot.Function, "srv.open <app.lua:8>")},
		{"_G.srv.open → upvalue handle", func(o *snapshot.Object) bool { return o.Kind == snapshot.Upvalue }},
		{"_G.co", kind(snapshot.Thread, "coroutine of function <app.lua:12>")},
		{`registry 1 "sent callback of socket 3"`, func(o *snapshot.Object) bool { return o.Name == "cb <cb.lua:1>" && o.Kind == snapshot.Function }},
	} {
		got := pathTo(t, s, tt.find)
		if got != tt.path && !(strings.HasPrefix(tt.path, "registry") && got == "_G.cb") {
			t.Errorf("path %q, want %q", got, tt.path)
		}
	}
	var refs []string
	for _, o := range s.Objects {
		for _, r := range o.Refs {
			refs = append(refs, r.Name)
		}
	}
	for _, want := range []string{`registry 1 "sent callback of socket 3"`, " local kept (in function <app.lua:12> at line 12)", " environment", " metatable"} {
		if !slices.Contains(refs, want) {
			t.Errorf("no reference is called %q", want)
		}
	}
	for _, o := range s.Objects {
		if o.Kind == snapshot.Table && o.Sizes["array_slots"] == 32 && o.Sizes["entries"] != 20 {
			t.Errorf("%+v", o)
		}
	}
	// The entry of the weak table is no reference.
	if got := pathTo(t, s, func(o *snapshot.Object) bool { return o.ID == s.Objects[0].Refs[4].To }); got == "" {
		t.Error("no path")
	}
}

func TestSnapshotSites(t *testing.T) {
	v := tracked(t, &vm.Recorder{Allocations: true})
	load(t, v, held, "@app.lua")
	v.Collect()
	s := v.HeapSnapshot(nil)
	sites := map[string]int{}
	unknown := 0
	for _, o := range s.Objects {
		switch o.Kind {
		case snapshot.String, snapshot.Table, snapshot.Function, snapshot.Upvalue, snapshot.Prototype, snapshot.Userdata, snapshot.Thread:
			if o.Site == "" && o.Bytes > 0 {
				unknown++
				t.Logf("no site: %s %s", o.Kind, o.Name)
			}
			if o.Site != "" && o.Age < 0 {
				t.Errorf("%s %s has a site and no age", o.Kind, o.Name)
			}
		}
		sites[o.Kind+" "+o.Site+" "+o.Func]++
	}
	for site, n := range map[string]int{
		"string app.lua:5 handle <app.lua:3>":      60,
		"table app.lua:4 handle <app.lua:3>":       3,
		"function app.lua:6 handle <app.lua:3>":    3,
		"upvalue app.lua:6 handle <app.lua:3>":     3,
		"table app.lua:2 main chunk <app.lua>":     2,
		"table app.lua:12 function <app.lua:12>":   1,
		"thread app.lua:12 main chunk <app.lua>":   1,
		"userdata app.lua:14 main chunk <app.lua>": 1,
		"prototype app.lua:3 code of app.lua":      1,
		"string app.lua code of app.lua":           -1,
		"function app.lua:10 main chunk <app.lua>": 1,
		"function app.lua:12 main chunk <app.lua>": 1,
		"table app.lua:14 main chunk <app.lua>":    1,
		"table app.lua:15 main chunk <app.lua>":    2,
		"prototype app.lua:12 code of app.lua":     1,
		"upvalue app.lua:10 main chunk <app.lua>":  1,
		"prototype app.lua:6 code of app.lua":      1,
		"prototype app.lua:8 code of app.lua":      1,
	} {
		if got := sites[site]; n >= 0 && got != n || n < 0 && got == 0 {
			t.Errorf("%d objects of %q, want %d", got, site, n)
		}
	}
	if unknown > 0 {
		t.Errorf("%d objects without a site", unknown)
	}
}

func TestSnapshotFile(t *testing.T) {
	v := tracked(t, &vm.Recorder{Allocations: true})
	load(t, v, held, "@app.lua")
	s := v.HeapSnapshot(nil)
	s.Dominate()
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	r, err := snapshot.Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(s)
	y, _ := json.Marshal(r)
	if !bytes.Equal(x, y) {
		t.Error("what was read is not what was written")
	}
	if r.Objects[0].Retained != r.Used() {
		t.Errorf("the root retains %d of %d", r.Objects[0].Retained, r.Used())
	}
}

// What was precompiled has its places, too.
func TestSitesOfPrecompiledChunk(t *testing.T) {
	const src = "function one() return {} end\nfunction two() return one() end\nlist = one()"
	source := vm.New(vm.Config{SliceNanos: 1e15})
	openLibs(source)
	fn, err := source.Load([]byte(src), "@big.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		strip bool
		want  []string
	}{
		{false, []string{"prototype big.lua:1", "prototype big.lua:2", "function big.lua:2", "table big.lua:1"}},
		// Stripped code knows where functions begin, and we which file they are from.
		{true, []string{"prototype big.lc:1", "prototype big.lc:2", "function big.lc", "table big.lc"}},
	} {
		chunk, ok := vm.Dump(fn, tt.strip)
		if !ok {
			t.Fatal("not dumped")
		}
		v := tracked(t, &vm.Recorder{Allocations: true})
		load(t, v, string(chunk), "@big.lc")
		sites := map[string]bool{}
		for _, o := range v.HeapSnapshot(nil).Objects {
			if o.Site != snapshot.Firmware && o.Site != "" {
				sites[o.Kind+" "+o.Site] = true
			}
			if o.Kind == snapshot.Prototype && o.Site == "" {
				t.Errorf("%s has no site", o.Name)
			}
		}
		for _, want := range tt.want {
			if !sites[want] {
				t.Errorf("no %s in %v", want, sites)
			}
		}
	}
}
