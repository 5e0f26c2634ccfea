package vm

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// memVM is testVM with an account of the given kind.
func memVM(t testing.TB, h *heap.Heap) *VM {
	v := New(Config{SliceNanos: 1e15, Heap: h})
	rom := v.ROMGlobals()
	meta := v.NewROMTable("test", nil, []Const{{"__index", rom}})
	v.SetMetatable(v.Globals(), meta)
	blob := &Type{Name: "blob"}
	for _, f := range append(callFuncs, []Func{
		{"setmeta", func(c *Call) int { v.SetMetatable(c.Arg(1), c.Arg(2)); return c.Return(c.Arg(1)) }},
		{"proxy", func(c *Call) int { return c.Return(v.NewProxy()) }},
		{"udata", func(c *Call) int { return c.Return(v.NewObject(blob, c.Int(1), nil)) }},
		{"gc", func(c *Call) int { v.Collect(); return 0 }},
		{"bytes", func(c *Call) int { return c.ReturnInt(v.LuaBytes()) }},
	}...) {
		v.SetField(rom, f.Name, v.NewFunction(f))
	}
	return v
}

func runLua(t testing.TB, v *VM, src string) *Error {
	t.Helper()
	fn, err := v.Load([]byte(src), "=t")
	if err != nil {
		t.Fatal(err)
	}
	_, lerr, kill := v.Call(fn, 0)
	if kill != nil {
		t.Fatal(kill)
	}
	return lerr
}

// A program that eats memory gets "not enough memory", whichever way it eats it,
// and what it dropped is free again afterwards.
func TestOutOfMemory(t *testing.T) {
	for _, tt := range []struct{ name, src string }{
		{"array", `local t = {} for i = 1, 1e6 do t[i] = i end`},
		{"fields", `local t = {} for i = 1, 1e6 do t["k" .. i] = i end`},
		{"list", `local t for i = 1, 1e6 do t = {n = t} end`},
		{"strings", `local t = {} for i = 1, 1e6 do t[i] = "string number " .. i end`},
		{"closures", `local t = {} for i = 1, 1e6 do t[i] = function() return i end end`},
		{"coroutines", `local t = {} for i = 1, 1e6 do t[i] = create(function() end) end`},
		{"recursion", `local function f(n) return 1 + f(n + 1) end f(1)`},
		{"userdata", `local t = {} for i = 1, 1e6 do t[i] = udata(100) end`},
		{"one big userdata", `local t = udata(60000)`},
		{"in a coroutine", `local ok, e = resume(create(function() local t = {} for i = 1, 1e6 do t[i] = {} end end)) return e()`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := memVM(t, nil)
			v.StartAccounting()
			free := v.FreeHeap()
			err := runLua(t, v, tt.src)
			if err == nil || !err.Memory() && !strings.Contains(tt.src, "resume") {
				t.Fatalf("error %v", err)
			}
			for range 12 { // the stack and the string table halve each time
				v.Collect()
			}
			if d := free - v.FreeHeap(); d > 400 {
				t.Errorf("%d bytes did not come back", d)
			}
		})
	}
}

func TestOutOfMemoryCanBeCaught(t *testing.T) {
	v := memVM(t, nil)
	err := runLua(t, v, `
		for i = 1, 20 do
			local ok, e = pcall(function() local t = {} for i = 1, 1e6 do t[i] = {} end end)
			if ok or e ~= "not enough memory" then error() end
		end`)
	if err != nil {
		t.Fatal(err.Message())
	}
}

// A program that makes garbage runs for ever in a heap that fits what it holds.
func TestGarbageIsFree(t *testing.T) {
	n := "20000"
	v := memVM(t, heap.New(heap.Config{Size: 9000}))
	if err := runLua(t, v, `local keep for i = 1, `+n+` do keep = {i, x = "s" .. i} end`); err != nil {
		t.Fatal(err.Message())
	}
}

func TestFinalizers(t *testing.T) {
	v := memVM(t, nil)
	var order []any
	typ := &Type{Name: "thing", GC: func(o any) { order = append(order, o) }}
	n := 0
	v.SetField(v.ROMGlobals(), "thing", v.NewFunction(Func{"thing", func(c *Call) int {
		n++
		return c.Return(v.NewObject(typ, 8, n))
	}}))
	if err := runLua(t, v, `a = thing() b = thing() local c = thing()`); err != nil {
		t.Fatal(err.Message())
	}
	runLua(t, v, `local t = {}`) // the next allocation finds c dead
	if len(order) != 1 || order[0] != 3 {
		t.Fatalf("finalized %v, want [3]", order)
	}
	runLua(t, v, `a = nil b = nil local t = {} t = {}`)
	if len(order) != 3 || order[1] != 2 || order[2] != 1 {
		t.Fatalf("finalized %v, want the newest first", order)
	}
	err := runLua(t, v, `
		count = 0
		local u = proxy()
		setmeta(u, {__gc = function(o) count = count + 1 last = o end})
		u = nil gc()
		if count ~= 1 then error() end
		gc() gc()
		if count ~= 1 then error() end -- only once, though it lived on in last`)
	if err != nil {
		t.Fatal(err.Message())
	}
}

func TestWeakTables(t *testing.T) {
	v := memVM(t, nil)
	err := runLua(t, v, `
		local values, keys = setmeta({}, {__mode = "v"}), setmeta({}, {__mode = "k"})
		local held = {}
		values.a, values.b, values.c, values[1], values[2] = {}, held, "s", {}, 5
		keys[{}], keys[held] = 1, 2
		local function clear() local a, b, c, d, e, f, g end
		clear()
		gc()
		if values.a or values[1] then error("weak value alive") end
		if values.b ~= held or values.c ~= "s" or values[2] ~= 5 then error("value lost") end
		if keys[held] ~= 2 then error("key lost") end`)
	if err != nil {
		t.Fatal(err.Message())
	}
}

// A table that entries come and go in stays small on the host, too, and can be
// traversed while it is emptied.
func TestRemovedKeysAreForgotten(t *testing.T) {
	v := memVM(t, nil)
	if err := runLua(t, v, `t = {} for i = 1, 20000 do t["k" .. i] = {} t["k" .. i] = nil end t.x = 1`); err != nil {
		t.Fatal(err.Message())
	}
	v.Collect()
	tb := v.RawGetString(v.Globals(), "t").(*Table)
	if n := len(tb.nodes); n > 64 || v.RawGetString(tb, "x") != Value(Number(1)) {
		t.Errorf("%d nodes, t.x is %v", n, v.RawGetString(tb, "x"))
	}
}

// A reference that was never released keeps what it refers to.
func TestReferencesAreRoots(t *testing.T) {
	v := memVM(t, nil)
	runLua(t, v, `local t = {}`)
	v.Collect()
	before := v.LuaBytes()
	tb := v.NewTable(10, 0)
	r := v.Ref(tb, "test")
	tb = nil
	runLua(t, v, `local t = {}`)
	v.Collect()
	if d := v.LuaBytes() - before; d != 32+120 {
		t.Errorf("%d bytes held by a reference to a table of 152", d)
	}
	v.Unref(&r)
	runLua(t, v, `local t = {}`)
	v.Collect()
	if d := v.LuaBytes() - before; d != 0 {
		t.Errorf("%d bytes left", d)
	}
}

// An exact account must never drift from the sum over what is alive.
func TestExactAccountAddsUp(t *testing.T) {
	v := memVM(t, nil)
	for _, src := range []string{
		`x = {} for i = 1, 40 do x[i] = {id = i, name = "n" .. i} end`,
		`for i = 1, 40, 2 do x[i] = nil end x.y = function() return x end`,
		`co = create(function() local a = {} yield(a) return a end) resume(co)`,
		`pcall(function() local t = {} for i = 1, 1e6 do t[i] = {} end end)`,
		`resume(co) co = nil x = nil gc()`,
	} {
		if err := runLua(t, v, src); err != nil {
			t.Fatal(err.Message())
		}
		v.Collect()
		if problem := v.CheckAccount(); problem != "" {
			t.Errorf("after %q: %s", src, problem)
		}
	}
}

func BenchmarkMark44KB(b *testing.B) {
	v := memVM(b, heap.New(heap.Config{Size: 1 << 17}))
	if err := runLua(b, v, `keep = {} for i = 1, 170 do keep[i] = {id = i, name = "name" .. i, f = function() return i end} end`); err != nil {
		b.Fatal(err.Message())
	}
	v.SetQuick(false)
	for b.Loop() {
		v.mem.collect(false)
	}
	b.ReportMetric(float64(v.mem.total), "bytes")
}

// A program that lives a hundred bytes below the limit, where every few
// allocations need a mark.
func BenchmarkNearTheLimit(b *testing.B) {
	h := heap.New(heap.Config{})
	v := memVM(b, h)
	if err := runLua(b, v, `keep = {} for i = 1, 120 do keep[i] = {id = i, name = "name" .. i} end`); err != nil {
		b.Fatal(err.Message())
	}
	v.Collect()
	v.SetPrices(Prices{Instruction: 1})
	fn, err := v.Load([]byte(`for i = 1, 100 do local t = {i} local s = "a" .. i end`), "=t")
	if err != nil {
		b.Fatal(err)
	}
	r := v.Ref(fn, "benchmark")
	v.Collect()
	if _, ok := h.Allocate(h.Largest() - 700); !ok {
		b.Fatal("no room")
	}
	before := v.CPU()
	for b.Loop() {
		if _, lerr, _ := v.Call(v.Deref(r), 0); lerr != nil {
			b.Fatal(lerr.Message())
		}
	}
	b.ReportMetric(float64(v.CPU()-before)/b.Elapsed().Seconds(), "instructions/s")
	b.ReportMetric(float64(h.Free()), "free")
}

// A program whose only allocations are closures makes garbage like any other.
func TestClosuresAreFreed(t *testing.T) {
	v := memVM(t, nil)
	if err := runLua(t, v, `for i = 1, 3000 do local f = function() return i end end`); err != nil {
		t.Fatal(err.Message())
	}
}

// Programs that stay just below the number of strings at which the string table
// grows and make strings for ever.
func BenchmarkStringTableNearlyFull(b *testing.B) {
	for _, held := range []int{60, 61, 124, 508, 509} {
		b.Run(strconv.Itoa(held), func(b *testing.B) {
			v := memVM(b, nil)
			fn, err := v.Load([]byte(`for i = 1, 100 do local s = "a" .. i end`), "=t")
			if err != nil {
				b.Fatal(err)
			}
			r := v.Ref(fn, "benchmark")
			for i := 0; ; i++ {
				v.Collect()
				if v.mem.strt.Live >= held {
					break
				}
				v.Ref(String("held"+strconv.Itoa(i)), "benchmark")
			}
			slots := v.mem.strt.Slots
			v.SetPrices(Prices{Instruction: 1})
			before := v.CPU()
			for b.Loop() {
				if _, lerr, _ := v.Call(v.Deref(r), 0); lerr != nil {
					b.Fatal(lerr.Message())
				}
			}
			b.ReportMetric(float64(v.CPU()-before)/b.Elapsed().Seconds(), "instructions/s")
			b.ReportMetric(float64(v.mem.strt.Slots-slots), "grown")
		})
	}
}
