package pixbuf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestPixbuf(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"numbers, a table and a string", `b = pixbuf.newBuffer(4, 3) print(tostring(b:set(1, 255, 0, 0):set(2, {1, "2"}):set(3, "abcdef")))`, "[(255,0,0),(1,2,0),(97,98,99),(100,101,102)]"},
		{"set and get", `b = pixbuf.newBuffer(2, 4) b:set(2, 1.9, 256, -1, "3") print(b:get(2)) print(pcall(b.get, b, 3))`, "1\t0\t255\t3\nfalse\tbad argument #2 to '?' (index out of range)"},
		{"a copy", `a = pixbuf.newBuffer(2, 1) a:set(1, 5) b = a:sub(1) b:set(2, 6) print(tostring(a), tostring(b)) b:replace(a:dump()) print(tostring(b), a == b)`, "[(5),(0)]\t[(5),(6)]\n[(5),(0)]\tfalse"},
		{"a cross fade", `a, b, o = pixbuf.newBuffer(1, 3):fill(0, 100, 200), pixbuf.newBuffer(1, 3):fill(200, 100, 0), pixbuf.newBuffer(1, 3)
			for x = 0, 256, 64 do print(tostring(o:mix(256 - x, a, x, b))) end`, "[(0,100,200)]\n[(50,100,150)]\n[(100,100,100)]\n[(150,100,50)]\n[(200,100,0)]"},
		{"as bright as the supply allows", `b = pixbuf.newBuffer(10, 3):fill(255, 255, 255) max = 1000 * 255 / 20 p = b:power() print(p, max) b:mix(256 * max / p * 0.5, b) print(b:power())`, "7650\t12750\n6360"},
		{"a mix of itself", `b = pixbuf.newBuffer(2, 1):fill(100) b:mix(192, b, 64, b, 1) print(tostring(b))`, "[(100),(100)]"},
		{"a running light", `b = pixbuf.newBuffer(4, 2) b:set(1, 9, 8) for i = 1, 5 do b:shift(1, pixbuf.SHIFT_CIRCULAR) print(tostring(b)) end`,
			"[(0,0),(9,8),(0,0),(0,0)]\n[(0,0),(0,0),(9,8),(0,0)]\n[(0,0),(0,0),(0,0),(9,8)]\n[(9,8),(0,0),(0,0),(0,0)]\n[(0,0),(9,8),(0,0),(0,0)]"},
		{"fading", `b = pixbuf.newBuffer(1, 3):fill(200, 100, 3) b:fade(2) print(tostring(b)) b:fade(3, pixbuf.FADE_IN) print(tostring(b)) b:fade(2^31 - 1) print(b:power())`, "[(100,50,1)]\n[(255,150,3)]\n0"},
		{"fading an intensity", `b = pixbuf.newBuffer(2, 4) b:set(1, 31, 1, 2, 3) b:set(2, 16, 4, 5, 6) print(b:powerI(), b:power()) b:fadeI(2) print(tostring(b)) b:fadeI(3, pixbuf.FADE_IN) print(tostring(b))`,
			"426\t68\n[(15,1,2,3),(8,4,5,6)]\n[(45,1,2,3),(8,12,5,6)]"},
		{"below 0 an intensity is bright", `a, o = pixbuf.newBuffer(1, 4):fill(31, 255, 1, 0), pixbuf.newBuffer(1, 4) print(tostring(o:mix4I5(-256, a)))`, "[(31,255,255,0)]"},
		{"map of two", `a, b, o = pixbuf.newBuffer(3, 1):fill(1), pixbuf.newBuffer(4, 2):fill(2, 3), pixbuf.newBuffer(2, 3) print(tostring(o:map(function(...) return ... end, a, 2, 3, b, -2)))`, "[(1,2,3),(1,2,3)]"},
		{"map with an error", `b = pixbuf.newBuffer(2, 1) print(pcall(b.map, b, function() error("x", 0) end)) print(pcall(b.map, b, function() return "q" end)) print(pcall(b.map, b, function() return "7" end), tostring(b))`,
			"false\tx\nfalse\tbad argument #-1 to '?' (number expected, got string)\ntrue\t[(7),(7)]"},
		{"an empty buffer", `b = pixbuf.newBuffer(2, 4):sub(2, 1) print(b:size(), b:channels(), #b:dump(), b:power(), b:powerI(), tostring(b), b:fill(1) == b, tostring(b:sub(1)))
			print(pcall(b.shift, b, 0)) print(pcall(b.set, b, 1)) print(pcall(b.replace, b, "")) print(pcall(b.map, b, print))`,
			"0\t4\t0\t0\t0\t[]\ttrue\t[(4,0,0,0)]\nfalse\tbad argument #4 to '?' (start position must be >= 1)\nfalse\tbad argument #2 to '?' (index out of range)\n" +
				"false\tbad argument #2 to '?' (does not fit into destination)\nfalse\tbad argument #3 to '?' (Buffer limits out of order)"},
		{"too large", `print(pcall(pixbuf.newBuffer, 8193, 1)) print(pcall(pixbuf.newBuffer, 1, 33)) print(pcall(pixbuf.newBuffer, 8192, 32))`,
			"false\tpixbuf size limits exeeded\nfalse\tpixbuf size limits exeeded\nE:M 262192\nfalse\tnot enough memory"},
		{"the names", `for k in pairs(pixbuf) do print(k) end print(pixbuf.FADE_IN, pixbuf.FADE_OUT, pixbuf.SHIFT_LOGICAL, pixbuf.SHIFT_CIRCULAR)`,
			"FADE_IN\nFADE_OUT\nSHIFT_CIRCULAR\nSHIFT_LOGICAL\nnewBuffer\n0\t1\t0\t1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, map[string]string{"t.lua": tt.lua}, Module)
			if got := x.Run(`dofile("t.lua")`); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// A buffer is a userdata of 8 bytes and its values, with a header of 24.
func TestMemory(t *testing.T) {
	x := terminal.New(t, map[string]string{"t.lua": `
		local function size(n, c) collectgarbage() local m = node.egc.meminfo() local b = pixbuf.newBuffer(n, c) return node.egc.meminfo() - m end
		size(1, 1)
		print(size(1, 1)) print(size(100, 4))`}, Module, node.Module)
	if got, want := x.Run(`dofile("t.lua")`), "33\n432"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// said is what was said about a program, and whether it was reset.
func said(t *testing.T, src string) string {
	x := terminal.New(t, nil, Module)
	x.Run(src)
	x.Wait(clock.Second)
	out := ""
	for _, e := range x.Events {
		switch d := e.Data.(type) {
		case event.Hint:
			out += d.Text + "\n"
		case event.Reset:
			out += fmt.Sprintln("reset:", d.Reason)
		}
	}
	return out
}

// Where the firmware writes outside of a buffer.
func TestOutside(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`pixbuf.newBuffer(40, 1):shift(35, pixbuf.SHIFT_CIRCULAR)`, "pixbuf: a circular shift by more than 32 bytes is done in steps that move on, and so the firmware writes behind the buffer"},
		{`pixbuf.newBuffer(40, 1):shift(35)`, ""},
		{`pixbuf.newBuffer(4, 4):fadeI(2, pixbuf.FADE_IN)`, ""},
		{`pixbuf.newBuffer(5, 4):fadeI(2, pixbuf.FADE_IN)`, "pixbuf: fadeI with FADE_IN skips a byte for each pixel, and so"},
		{`pixbuf.newBuffer(2, 3):sub(2, 1):replace("\1\2\3")`, "replace in an empty pixbuf writes over what the firmware knows of its size (exception, the device resets)\nreset: exception reset\n"},
	} {
		if got := said(t, tt.src); !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q", tt.src, got)
		}
	}
}
