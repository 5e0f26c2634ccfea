package colorutils

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
)

func TestColorUtils(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"green, red, blue", `print(color_utils.hsv2grb(240, 128, 200)) print(color_utils.hsv2grb(59, 10, 255)) print(color_utils.hsv2grb(0, 0, 100))`, "99\t99\t200\n254\t255\t244\n99\t100\t99"},
		{"and white", `print(color_utils.hsv2grbw(0, 0, 100)) print(color_utils.hsv2grbw(200, 100, 255))`, "0\t1\t0\t99\n67\t0\t101\t154"},
		{"the wheel has red first", `print(color_utils.colorWheel(0)) print(color_utils.colorWheel(100)) print(color_utils.colorWheel(359))`, "255\t0\t0\n85\t255\t0\n255\t0\t4"},
		{"back", `print(color_utils.grb2hsv(10, 200, 30)) print(color_utils.grb2hsv(1, 2, 250)) print(color_utils.grb2hsv(color_utils.hsv2grb(77, 255, 255)))`, "354\t243\t200\n240\t254\t250\n78\t255\t255"},
		{"only 8 bits count", `print(color_utils.grb2hsv(300, 20, 10)) print(color_utils.grb2hsv(300, 44, 44)) print(color_utils.grb2hsv(-1, 0, 0))`, "103\t197\t44\n65535\t0\t44\n120\t255\t255"},
		{"a grey", `print(pcall(color_utils.grb2hsv, 5, 5, 5)) print(pcall(color_utils.grb2hsv, 5, 5))`,
			"false\tbad argument #1 to '?' (greyscale value cannot be converted to hsv)\nfalse\tbad argument #3 to '?' (number expected, got no value)"},
		{"numbers first, then ranges", `print(pcall(color_utils.hsv2grb, 999, 999)) print(pcall(color_utils.hsv2grb, 999, 999, 999)) print(pcall(color_utils.hsv2grbw, 0, 999, 999))`,
			"false\tbad argument #3 to '?' (number expected, got no value)\nfalse\tbad argument #1 to '?' (should be a 0-360)\nfalse\tbad argument #2 to '?' (should be 0-255)"},
		{"the names", `for k in pairs(color_utils) do print(k) end`, "hsv2grb\nhsv2grbw\ncolorWheel\ngrb2hsv"},
		{"every colour of the wheel comes back within a degree", `for h = 0, 358 do local x = color_utils.grb2hsv(color_utils.hsv2grb(h, 255, 255)) if math.abs(x - h) > 1 then print(h, x) end end`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			if got := x.Run(tt.lua); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
