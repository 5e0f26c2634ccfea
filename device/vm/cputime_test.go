package vm_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// All CPU time is put down to somebody, and each function gets what it took.
func TestCPUTimeIsExact(t *testing.T) {
	const src = `
local function leaf(n) local s = 0 for i = 1, n do s = s + i end return s end
local function deep(n) if n == 0 then return (leaf(100)) end return 1 + deep(n - 1) end
local function tail(n) return leaf(n) end
deep(5)
leaf(10)
tail(10)
local list = {5, 3, 4, 1, 2}
table.sort(list, function(a, b) leaf(10) return a < b end)
pcall(function() leaf(10) error("x") end)
local co = coroutine.wrap(function() leaf(10) coroutine.yield() leaf(10) end)
co() co()
wait()
local m = setmetatable({}, {__index = function(t, k) return leaf(10) end})
local x = m.a + m.b
`
	r := &vm.Recorder{CPU: true}
	v := vm.New(vm.Config{SliceNanos: 1e15, Recorder: r})
	v.SetPrices(vm.Prices{Instruction: 1000, Call: 5000, ROMEntry: 100})
	openLibs(v)
	v.SetField(v.ROMGlobals(), "wait", v.NewFunction(vm.Func{Name: "wait", Fn: func(*vm.Call) int { v.Charge(3e6); return 0 }}))
	v.SetEntry("test")
	load(t, v, src, "@app.lua")
	v.SetEntry("")
	v.Charge(70_000)
	load(t, v, "", "@more.lua")

	sum := int64(0)
	cost := map[string]vm.Cost{}
	r.Stacks(func(stack []vm.Frame, c vm.Cost) {
		sum += c.Nanos
		var names []string
		for _, f := range stack {
			name := f.Func
			if name == stack[0].Func { // innermost: without its line
				name, _, _ = strings.Cut(name, " <")
			}
			names = append([]string{name}, names...)
		}
		k := cost[names[len(names)-1]]
		k.Nanos += c.Nanos
		k.Instructions += c.Instructions
		cost[names[len(names)-1]] = k
	})
	if sum != v.CPU() {
		t.Errorf("%d ns are put down to somebody, the CPU took %d", sum, v.CPU())
	}
	// leaf(n): LOADK, 3 LOADK of the loop, FORPREP, n+1 FORLOOP, n ADD, RETURN.
	leaf := func(n int64) int64 { return 1 + 3 + 1 + n + 1 + n + 1 }
	calls := int64(2 + 1 + 2 + 2) // leaf(10): plain and tail, pcall, coroutine, metamethod
	sorted := (cost["leaf"].Instructions - leaf(100) - calls*leaf(10)) / leaf(10)
	if sorted < 4 || sorted > 20 || cost["leaf"].Instructions != leaf(100)+(calls+sorted)*leaf(10) {
		t.Errorf("leaf: %+v, %d calls from sort", cost["leaf"], sorted)
	}
	if c := cost["leaf"]; c.Nanos != c.Instructions*1000 {
		t.Errorf("leaf: %+v", c)
	}
	if c := cost["wait"]; c.Nanos != 3e6+5000 || c.Instructions != 0 {
		t.Errorf("wait: %+v", c)
	}
	if c := cost[vm.OutsideLua]; c.Nanos != 70_000+int64(len(src))*1000 { // and compiling it
		t.Errorf("outside Lua: %+v", c)
	}
}

// Stacks are right however a function was entered.
func TestCPUStacks(t *testing.T) {
	const src = `
local function work() local s = 0 for i = 1, 10 do s = s + i end end
local function middle() work() return 1 end
middle()
table.sort({2, 1}, function(a, b) middle() return a < b end)
pcall(middle)
coroutine.wrap(middle)()
`
	r := &vm.Recorder{CPU: true}
	v := vm.New(vm.Config{SliceNanos: 1e15, Recorder: r})
	v.SetPrices(vm.Prices{Instruction: 1000, Call: 5000})
	openLibs(v)
	v.SetEntry("entry")
	load(t, v, src, "@app.lua")
	got := map[string]bool{}
	r.Stacks(func(stack []vm.Frame, c vm.Cost) {
		if !strings.HasPrefix(stack[0].Func, "work") {
			return
		}
		var names []string
		for _, f := range stack {
			name, _, _ := strings.Cut(f.Func, " <")
			names = append(names, name)
		}
		got[strings.Join(names, " ")] = true
	})
	for _, want := range []string{
		"work middle main chunk entry",
		"work middle function table.sort main chunk entry",
		"work middle pcall main chunk entry",
		"work middle native function main chunk entry", // what coroutine.wrap has made
	} {
		if !got[want] {
			t.Errorf("no stack %q", want)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("more stacks: %v", got)
	}
}
