package bloom

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestBloom(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"what was added is there", `f = bloom.create(100, 100) for i = 1, 3 do print(f:add("apple"), f:check("apple"), f:check("pear")) end`,
			"false\ttrue\tfalse\ntrue\ttrue\tfalse\ntrue\ttrue\tfalse"},
		{"reset empties", `f = bloom.create(100, 100) f:add("apple") f:reset() print(f:check("apple"), f:info())`, "false\t1056\t6\t0\t1000000"},
		{"info", `f = bloom.create(64, 64) for i = 1, 200 do f:add(i) end print(f:info())`, "672\t6\t565\t2"},
		{"no more than the rate", `f, n = bloom.create(200, 50), 0 for i = 1, 200 do f:add(i) end for i = 1000, 1999 do if f:check(i) then n = n + 1 end end print(n <= 20)`, "true"},
		{"fewer than none", `print(bloom.create(-5, 100):info())`, "256\t2\t0\t1000000"},
		{"too much", `print(pcall(bloom.create, 100000, 1000)) print(pcall(bloom.create, 10000000, 1000))`, "E:M 187552\nfalse\tnot enough memory\nE:M 18750048\nfalse\tnot enough memory"},
		{"32 bits", `print(bloom.create(2^31 - 1, 100):info())`, "256\t2\t0\t1000000"},
		{"the names", `for k in pairs(bloom) do print(k) end f = bloom.create(1, 1) print(type(f.add), type(f.check), type(f.reset), type(f.info))`, "create\nfunction\tfunction\tfunction\tfunction"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			if got := x.Run(tt.lua); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// A filter is a userdata of 8 bytes and its bits, with a header of 24.
func TestMemory(t *testing.T) {
	x := terminal.New(t, map[string]string{"t.lua": `
		local function size(n) collectgarbage() local m = node.egc.meminfo() local f = bloom.create(n, 100) return node.egc.meminfo() - m end
		size(1)
		for _, n in ipairs{1, 1000} do print(size(n)) end`}, Module, node.Module)
	if got, want := x.Run(`dofile("t.lua")`), "64\n1348"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNoElements(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run(`bloom.create(0, 100) print("went on")`)
	x.Wait(clock.Second)
	said := ""
	for _, e := range x.Events {
		switch d := e.Data.(type) {
		case event.Hint:
			said += d.Text
		case event.Reset:
			said += ", " + d.Reason
		}
	}
	if want := "bloom.create was asked for 0 elements, by which the firmware divides (exception, the device resets), exception reset"; !strings.HasSuffix(said, want) {
		t.Errorf("%q", said)
	}
}
