package colorutils_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page has no examples: each function as it describes it (fw: docs/modules/color-utils.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "color_utils",
		Examples: []docpage.Example{
			// A grey has one channel of its value, the others a step less: the firmware rounds down.
			{Of: "color_utils.hsv2grb()", What: "red, green, blue", Lua: `
				for _, hue in ipairs{0, 120, 240, 360} do print(color_utils.hsv2grb(hue, 255, 255)) end print(color_utils.hsv2grb(90, 0, 77))`,
				Want: "0\t255\t0\n255\t0\t0\n0\t0\t255\n0\t255\t0\n77\t76\t76"},
			{Of: "color_utils.hsv2grbw()", What: "white is what all three have", Lua: `print(color_utils.hsv2grbw(30, 255, 200)) print(color_utils.hsv2grbw(30, 100, 200))`,
				Want: "100\t200\t0\t0\n39\t79\t0\t121"},
			{Of: "color_utils.grb2hsv()", What: "back", Lua: `print(color_utils.grb2hsv(200, 0, 0)) print(color_utils.grb2hsv(0, 90, 90))`, Want: "120\t255\t200\n300\t255\t90"},
			// The page says green first, and the firmware gives red first.
			{Of: "color_utils.colorWheel()", What: "three angles", Lua: `for _, angle in ipairs{0, 120, 240} do print(color_utils.colorWheel(angle)) end`,
				Want: "255\t0\t0\n0\t255\t0\n0\t0\t255"},
		},
	}.Run(t)
}
