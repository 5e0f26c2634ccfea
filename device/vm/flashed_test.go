package vm_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
)

// imageOf builds the image of modules, in pairs of name and source.
func imageOf(modules ...string) (*vm.Image, error) {
	var list []lfs.Module
	for i := 0; i < len(modules); i += 2 {
		p, err := luac.Compile(modules[i+1], "@"+modules[i]+".lua", luac.KeepLines, nil, nil)
		if err != nil {
			return nil, err
		}
		list = append(list, lfs.Module{Name: modules[i], Proto: p})
	}
	image, err := lfs.Build(list, lfs.Options{})
	if err != nil {
		return nil, err
	}
	c, err := image.Content()
	if err != nil {
		return nil, err
	}
	return &vm.Image{Index: c.Index, Strings: c.Strings}, nil
}

// fromFlash returns the closure of a module, or nil if the run was killed.
func fromFlash(v *vm.VM, name string) (vm.Value, error) {
	get := v.NewFunction(vm.Func{Name: "get", Fn: func(c *vm.Call) int {
		if !c.PushIndex() {
			return c.ReturnNil()
		}
		c.PushString(name)
		c.CallTop(1, 1)
		return 1
	}})
	values, err, kill := v.Call(get, 1)
	switch {
	case kill != nil:
		return nil, nil
	case err != nil:
		return nil, err
	case values[0] == vm.Nil:
		return nil, errors.New("there is no module " + name)
	}
	return values[0], nil
}

// flashed is a VM with an image.
func flashed(t testing.TB, modules ...string) (v *vm.VM, out *strings.Builder) {
	t.Helper()
	image, err := imageOf(modules...)
	if err != nil {
		t.Fatal(err)
	}
	out = &strings.Builder{}
	v = vm.NewFlashed(vm.Config{Output: func(s string) { out.WriteString(s) }, Heap: heap.New(heap.Config{})}, image)
	openLibs(v)
	return v, out
}

// runModule runs a module of the image.
func runModule(t testing.TB, v *vm.VM, name string) {
	t.Helper()
	fn, err := fromFlash(v, name)
	if err != nil {
		t.Fatal(err)
	}
	if _, lerr, _ := v.Call(fn, 0); lerr != nil {
		t.Fatal(lerr)
	}
}

// Names of metamethods and of what the boot makes come from flash, if the image has them,
// and what is left of Lua's memory at the prompt is less by them.
func TestBootWithImage(t *testing.T) {
	plain, _ := flashed(t, "m", "return 1")
	names, _ := flashed(t, "m", "return '__index', '__gc', 'package', 'require'")
	plain.StartAccounting()
	names.StartAccounting()
	want := 0
	for _, s := range []string{"__index", "__gc", "package", "require"} {
		want += heap.StringSize(len(s))
	}
	if got := plain.LuaBytes() - names.LuaBytes(); got != want {
		t.Errorf("%d bytes less, want %d", got, want)
	}
	if less := names.FreeHeap() - plain.FreeHeap(); less < want || less > want+4*24 {
		t.Errorf("%d bytes more are free", less)
	}
	for _, v := range []*vm.VM{plain, names} {
		if p := v.CheckAccount(); p != "" {
			t.Error(p)
		}
	}
	if slices.Contains(names.Strings(), "__index") || !slices.Contains(plain.Strings(), "__index") {
		t.Error("__index is in memory with the image that has it, or not with the other")
	}
}

// A program in flash does what it does elsewhere: metamethods whose names lie in flash,
// environments, varargs, upvalues that its closures share, coroutines, errors with their
// places, dump and strip.
func TestProgramInFlash(t *testing.T) {
	v, out := flashed(t, "m", `
		local t = setmetatable({}, {__index = function(_, k) return k .. "!" end, __call = function(_, ...) return select("#", ...) end, __tostring = function() return "T" end})
		print(t.x, t(1, nil, nil), tostring(t))
		local n = 0
		local function up() n = n + 1 return n end
		local function down() n = n - 1 return n end
		print(up(), up(), down())
		print(coroutine.wrap(function(...) return coroutine.yield((...)) end)("y"))
		print(pcall(function() local x = nil; return x.y end))
		local env = setfenv(function() return z end, {z = "env"})
		print(env(), getfenv(1) == _G)
		local f = loadstring(string.dump(function(a) return a * 2 end))
		print(f(21))
		local weak = setmetatable({}, {__mode = "k"})
		weak[{}] = "v"; collectgarbage()
		print(next(weak), ("%s"):format("a" .. "b"), #debug.getstrings("ROM") > 20)
	`)
	runModule(t, v, "m")
	// As luac.cross compiles: without the names of locals.
	want := "x!\t3\tT\n1\t2\t1\ny\nfalse\tm.lua:9: attempt to index a nil value\nenv\ttrue\n42\nnil\tab\ttrue\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
}

// Fields whose names lie in flash are found from outside, and so are the names.
func TestNamesInFlash(t *testing.T) {
	v, _ := flashed(t, "m", "kept = {inside = 7}")
	runModule(t, v, "m")
	kept, _ := v.RawGetString(v.Globals(), "kept").(*vm.Table)
	if kept == nil || v.RawGetString(kept, "inside") != vm.Value(vm.Number(7)) {
		t.Errorf("kept is %v", kept)
	}
	if !v.HasString("inside") || v.HasString("outside") || slices.Contains(v.Strings(), "inside") {
		t.Error("the name is not in flash alone")
	}
}

// What is in flash can't be stripped, and stays what it is.
func TestStripInFlash(t *testing.T) {
	v, out := flashed(t, "m", "\nprint(pcall(error, 'x'))\nerror('here')")
	fn, err := fromFlash(v, "m")
	if err != nil {
		t.Fatal(err)
	}
	if n := v.StripDebug(fn.(*vm.Function), vm.KeepNothing); n != 0 {
		t.Errorf("%d bytes stripped", n)
	}
	if _, lerr, _ := v.Call(fn, 0); lerr == nil || lerr.Message() != "m.lua:3: here" {
		t.Errorf("%v, printed %q", lerr, out)
	}
}

// Closures of functions in flash cost themselves, and snapshots name them; their code and
// strings are in none.
func TestSnapshotOfFlash(t *testing.T) {
	v, _ := flashed(t, "m", "kept = function() return 'a text in flash' end\nowner = {'a text in flash', kept}")
	runModule(t, v, "m")
	s := v.HeapSnapshot(nil)
	var named []string
	for _, o := range s.Objects {
		if strings.Contains(o.Name, "text in flash") || o.Kind == "prototype" {
			t.Errorf("the snapshot has %s %s", o.Kind, o.Name)
		}
		if strings.Contains(o.Name, "m.lua") {
			named = append(named, fmt.Sprint(o.Name, " ", o.LuaBytes))
		}
	}
	if want := []string{"kept <m.lua:1> 20"}; !slices.Equal(named, want) {
		t.Errorf("named %q, want %q", named, want)
	}
}
