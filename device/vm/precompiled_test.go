package vm_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// dumped compiles a source and returns it as a precompiled chunk.
func dumped(t *testing.T, source, name string, keep vm.Debug, strip bool) []byte {
	t.Helper()
	v := vm.New(vm.Config{})
	v.KeepDebug(keep)
	fn, err := v.Load([]byte(source), name)
	if err != nil {
		t.Fatal(err)
	}
	chunk, ok := vm.Dump(fn, strip)
	if !ok {
		t.Fatal("not dumped")
	}
	return chunk
}

// Every measured snippet takes the same memory when it comes from a precompiled
// chunk that keeps its debug information. Only the string table may be smaller:
// compiling has more strings at a time.
func TestSnippetsPrecompiled(t *testing.T) {
	all := oracle.Load[[]snippet](t, "memory-snippets")
	smaller := 0
	for _, s := range all {
		b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 22}))
		before := b.settle()
		fn, err := b.v.Load(dumped(t, s.Source, "=s", vm.KeepLines, false), "=s")
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		loaded := b.settle()
		b.v.ResetMemoryStats()
		if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
			t.Errorf("%s: %s", s.Name, lerr.Message())
			continue
		}
		ran := b.v.MemoryStats()
		fn = nil
		after := b.settle()
		got := [4]int{loaded, after - before, ran.Peak - before, ran.AllocTotal}
		want := [4]int{s.Loaded, s.Delta, s.Peak - s.Before, s.AllocTotal}
		switch {
		case got == want:
		case got[0] == want[0]-64*heap.StringTableSlot:
			smaller++
		default:
			t.Errorf("%s: loaded, delta, peak, alloc %v, want %v", s.Name, got, want)
		}
	}
	if smaller > 3 {
		t.Errorf("%d snippets have a smaller string table", smaller)
	}
}

// Loading a chunk, by hand: what it asks for in the order of app/lua/lundump.c.
func TestLoadingAChunkInBytes(t *testing.T) {
	for _, tt := range []struct {
		name, source string
		strip        bool
		alloc        int
	}{
		// "=?", prototype, 2 instructions, 1 constant, closure
		{"stripped", "return 1", true, 19 + 72 + 3*4 + 12 + 20},
		// also the buffer for strings, "=source" and lines
		{"with lines", "return 1", false, 19 + 72 + 32 + 24 + 3*4 + 12 + 2 + 20},
		// 50 bytes do not fit in the first buffer of 32, which "f" has asked for
		{"long string", "f('" + strings.Repeat("x", 50) + "')", true, 19 + 72 + 4*4 + 2*12 + 32 + 18 + 51 + 67 + 20},
		{"nested", "return function() end", true, 19 + 72 + 3*4 + 4 + 72 + 4 + 20},
	} {
		chunk := dumped(t, tt.source, "=source", vm.KeepLines, tt.strip)
		b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 22}))
		b.settle()
		b.v.ResetMemoryStats()
		if _, err := b.v.Load(chunk, "=s"); err != nil {
			t.Fatal(err)
		}
		if got := b.v.MemoryStats().AllocTotal; got != tt.alloc {
			t.Errorf("%s: %d bytes asked for, want %d", tt.name, got, tt.alloc)
		}
	}
}

// A function that had upvalues gets new ones, which are nil.
func TestLoadingUpvalues(t *testing.T) {
	b := newBench(t, nil)
	fn, err := b.v.Load([]byte("local a, b = 1, 2 function f() return a, b end"), "=s")
	if err != nil {
		t.Fatal(err)
	}
	b.v.Call(fn, 0)
	chunk, _ := vm.Dump(b.v.RawGetString(b.v.Globals(), "f").(*vm.Function), true)
	b = newBench(t, nil)
	before := b.settle()
	b.v.ResetMemoryStats()
	if fn, err = b.v.Load(chunk, "=s"); err != nil {
		t.Fatal(err)
	}
	// "=?", prototype, 4 instructions, closure, 2 upvalues
	if got, want := b.v.MemoryStats().AllocTotal, 19+72+4*4+28+2*24; got != want {
		t.Errorf("%d bytes asked for, want %d", got, want)
	}
	ret, lerr, _ := b.v.Call(fn, 2)
	if lerr != nil || ret[0] != vm.Nil || ret[1] != vm.Nil {
		t.Errorf("%v %v", ret, lerr)
	}
	if after := b.settle(); after != before {
		t.Errorf("%d bytes stay, %d were there", after, before)
	}
}

// Loading chunks into heaps of which each runs out at another allocation.
func TestRunningOutWhileLoading(t *testing.T) {
	source := `local a, b = ... t = {x = 1, y = function(...) local c = "a long string that asks for a bigger buffer" return a, c, ... end} return b, t`
	chunk := dumped(t, source, "=s", vm.KeepAll, false)
	failed, loaded := 0, 0
	for room := 0; room < 1600; room += 8 {
		b := roomy(t, room)
		before := b.settle()
		_, err := b.v.Load(chunk, "=s")
		switch {
		case err == nil:
			loaded++
		case err.Error() == vm.OutOfMemory:
			failed++
		default:
			t.Errorf("%d bytes of room: %v", room, err)
		}
		b.v.Call(b.v.RawGetString(b.v.ROMGlobals(), "tostring"), 0, vm.True) // lets go of what was loaded
		if after := b.settle(); after != before {
			t.Errorf("%d bytes of room: %d bytes held, %d before", room, after, before)
		}
		if problem := b.v.CheckAccount(); problem != "" {
			t.Errorf("%d bytes of room: %s", room, problem)
		}
	}
	if failed < 10 || loaded < 10 {
		t.Errorf("%d loads failed, %d did not", failed, loaded)
	}
}

// What node.stripdebug does: to functions that are compiled afterwards, and to
// functions that are there. The figures are by hand.
func TestStripDebug(t *testing.T) {
	const source = `local up
		function f(a)
			local b = a
			return b.x, up.y
		end`
	const (
		// main: variable up. f: variables a and b, upvalue up.
		nameBytes = (1+2)*12 + 4
		// "a", "b" and "up"; "f", "x", "y" are constants
		nameStrings = 18 + 18 + 19
		estimate    = nameBytes
		// main: LOADNIL is none at the start; CLOSURE and its MOVE on line 5,
		// SETGLOBAL moved to 2, RETURN on 5. f: lines 3, 4 and, RETURN, 5.
		lineBytes = (2 + 2 + 2 + 1) + (2 + 1 + 1 + 1)
	)
	var loaded [3]int
	for keep := vm.KeepAll; keep <= vm.KeepNothing; keep++ {
		b := newBench(t, nil)
		b.v.KeepDebug(keep)
		fn, err := b.v.Load([]byte(source), "=s")
		if err != nil {
			t.Fatal(err)
		}
		if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
			t.Fatal(lerr.Message())
		}
		b.v.SetField(b.v.Globals(), "main", fn)
		f := b.v.RawGetString(b.v.Globals(), "f").(*vm.Function)
		fails := func() string {
			_, lerr, _ := b.v.Call(f, 0)
			return lerr.Message()
		}
		want := []string{"s:4: attempt to index local 'b' (a nil value)", "s:4: attempt to index a nil value", "s:0: attempt to index a nil value"}
		strip := func(what vm.Debug, freed, result int) {
			t.Helper()
			before := b.settle()
			if got := b.v.StripDebug(fn, what); got != result {
				t.Errorf("kept %d, %d from now: %d, want %d", keep, what, got, result)
			}
			if got := before - b.settle(); got != freed {
				t.Errorf("kept %d, %d from now: %d bytes freed, want %d", keep, what, got, freed)
			}
			if got, want := fails(), want[max(keep, what)]; got != want {
				t.Errorf("kept %d, %d from now: %q, want %q", keep, what, got, want)
			}
		}
		names, lines := 0, lineBytes
		switch keep {
		case vm.KeepAll:
			names = 1
		case vm.KeepNothing:
			lines = 0
		}
		loaded[keep] = b.settle()
		strip(vm.KeepAll, 0, 0)
		strip(vm.KeepLines, names*(nameBytes+nameStrings), names*estimate)
		strip(vm.KeepNothing, lines, lines)
		strip(vm.KeepNothing, 0, 0)
		b.settle()
		if problem := b.v.CheckAccount(); problem != "" {
			t.Errorf("kept %d: %s", keep, problem)
		}
	}
	if loaded[0]-loaded[1] != nameBytes+nameStrings || loaded[1]-loaded[2] != lineBytes {
		t.Errorf("%v bytes with everything, with lines, without", loaded)
	}
}

// Names that a chunk brings along are known to messages and tracebacks.
func TestNamesFromChunk(t *testing.T) {
	source := `local up
		return function()
			local function g()
				return up.x
			end
			local r = g()
			return r
		end`
	for _, tt := range []struct {
		keep  vm.Debug
		strip bool
		want  string
	}{
		{vm.KeepAll, false, "app:4: attempt to index upvalue 'up' (a nil value)\nstack traceback:\n\tapp:4: in function 'g'\n\tapp:6: in function <app:2>"},
		{vm.KeepLines, false, "app:4: attempt to index upvalue '?' (a nil value)\nstack traceback:\n\tapp:4: in function <app:3>\n\tapp:6: in function <app:2>"},
		{vm.KeepAll, true, "?:0: attempt to index upvalue '?' (a nil value)\nstack traceback:\n\t?: in function <?:3>\n\t?: in function <?:2>"},
	} {
		b := newBench(t, nil)
		fn, err := b.v.Load(dumped(t, source, "@app", tt.keep, tt.strip), "=s")
		if err != nil {
			t.Fatal(err)
		}
		ret, lerr, _ := b.v.Call(fn, 1)
		if lerr != nil {
			t.Fatal(lerr.Message())
		}
		_, lerr, _ = b.v.Call(ret[0], 0)
		if got := lerr.Message() + "\n" + lerr.Traceback; got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
