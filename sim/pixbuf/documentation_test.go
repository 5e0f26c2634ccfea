package pixbuf_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/pixbuf.md). The page describes types
// (pixbuf.TYPE_RGB …), getRGB, setRGB and fillRGB, which the firmware does not have:
// newBuffer takes the number of bytes of a pixel.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "pixbuf", Objects: map[string]string{"pixbuf.buffer": "pixbuf.buf"},
		Examples: []docpage.Example{
			{Of: "pixbuf.newBuffer()", What: "the page's types are not there", Lua: `
				print(pixbuf.TYPE_RGB, pixbuf.TYPE_GRBW, pixbuf.newBuffer(2, 3).getRGB) print(pcall(pixbuf.newBuffer, 2, pixbuf.TYPE_RGB))`,
				Want: "nil\tnil\tnil\nfalse\tbad argument #2 to '?' (number expected, got nil)"},
			{Of: "pixbuf.buffer:get()", What: "example", Lua: `local strip = pixbuf.newBuffer(8, 4) print(strip:get(8))`, Want: "0\t0\t0\t0"},
			{Of: "pixbuf.buffer:set()", What: "first example: numbers", Lua: `local strip = pixbuf.newBuffer(8, 3) strip:set(2, 9, 200, 7) print(strip:get(2))`, Want: "9\t200\t7"},
			{Of: "pixbuf.buffer:set()", What: "second example: a table", Lua: `local strip = pixbuf.newBuffer(8, 4) strip:set(3, {50, 0, 0, 60}) print(strip:get(3))`, Want: "50\t0\t0\t60"},
			{Of: "pixbuf.buffer:set()", What: "third example: a string, and the buffer comes back", Lua: `
				local strip = pixbuf.newBuffer(8, 3):set(1, string.char(1, 2, 3, 4, 5, 6)) print(strip:get(1)) print(strip:get(2))`, Want: "1\t2\t3\n4\t5\t6"},
			{Of: "pixbuf.buffer:size(), pixbuf.buffer:channels()", What: "as newBuffer was asked", Lua: `local strip = pixbuf.newBuffer(12, 4) print(strip:size(), strip:channels())`, Want: "12\t4"},
			{Of: "pixbuf.buffer:fill()", What: "example", Lua: `local strip = pixbuf.newBuffer(3, 3) print(strip:fill(4, 5, 6) == strip, strip)`, Want: "true\t[(4,5,6),(4,5,6),(4,5,6)]"},
			{Of: "pixbuf.buffer:dump()", What: "example", Lua: `local text = pixbuf.newBuffer(2, 3):fill(72, 105, 33):dump() print(#text, text)`, Want: "6\tHi!Hi!"},
			{Of: "pixbuf.buffer:replace()", What: "example: by a string, by a buffer, at an offset", Lua: `
				local a, b = pixbuf.newBuffer(4, 1):fill(1), pixbuf.newBuffer(2, 1):fill(9)
				a:replace(b:dump()) print(a) a:replace(b, 3) print(a) a:fill(1) print((a:replace(b, -2)), a) print(pcall(a.replace, a, pixbuf.newBuffer(1, 3)))`,
				Want: "[(9),(9),(1),(1)]\n[(9),(9),(9),(9)]\nnil\t[(1),(1),(9),(9)]\nfalse\tbad argument #2 to '?' (buffers have different channels)"},
			{Of: "pixbuf.buffer:mix()", What: "example: a cross fade, and three quarters", Lua: `
				local day, night, now = pixbuf.newBuffer(1, 3):fill(200, 180, 160), pixbuf.newBuffer(1, 3):fill(0, 0, 40), pixbuf.newBuffer(1, 3)
				local x = 64 now:mix(256 - x, day, x, night) print(now) print(now:mix(192, now) == now, now)`, Want: "[(150,135,130)]\ntrue\t[(113,101,98)]"},
			{Of: "pixbuf.buffer:power()", What: "example: no more than the supply gives", Lua: `
				local strip = pixbuf.newBuffer(60, 3):fill(255, 255, 255)
				local most = 600 * 255 / 20 local p = strip:power() if p > most then strip:mix(256 * most / p, strip) end
				print(p, most, strip:power())`, Want: "45900\t7650\t7560"},
			{Of: "pixbuf.buffer:fade()", What: "example: out and in", Lua: `local strip = pixbuf.newBuffer(1, 3):fill(100, 60, 20) strip:fade(4) print(strip) print((strip:fade(2, pixbuf.FADE_IN)), strip)`,
				Want: "[(25,15,5)]\nnil\t[(50,30,10)]"},
			{Of: "pixbuf.buffer:shift()", What: "example; circular, of a part, backwards", Lua: `
				local strip = pixbuf.newBuffer(5, 1):set(1, "\1\2\3\4\5")
				strip:shift(3) print(strip) strip:set(1, "\1\2\3\4\5"):shift(-2, pixbuf.SHIFT_CIRCULAR) print(strip)`, Want: "[(0),(0),(0),(1),(2)]\n[(3),(4),(5),(1),(2)]"},
			{Of: "pixbuf.buffer:shift()", What: "a part", Lua: `
				local strip = pixbuf.newBuffer(5, 1):set(1, "\1\2\3\4\5") strip:shift(1, pixbuf.SHIFT_LOGICAL, 2, -2) print(strip)`, Want: "[(1),(0),(2),(3),(5)]"},
			{Of: "pixbuf.buffer:sub()", What: "example; from the end", Lua: `
				local strip = pixbuf.newBuffer(5, 1):set(1, "\1\2\3\4\5") print(strip:sub(1, 3), strip:sub(-2), strip:sub(4))`, Want: "[(1),(2),(3)]\t[(4),(5)]\t[(4),(5)]"},
			// The firmware does not find its own metamethod (modules-pixbuf.json pixbuf/026).
			{Of: "pixbuf.buffer:__concat()", What: "example", Lua: `
				local a, b = pixbuf.newBuffer(1, 2):fill(1, 2), pixbuf.newBuffer(2, 2):fill(3, 4) print(pcall(function() return a .. b end))`,
				Want: "false\tinit.lua:2: attempt to concatenate upvalue '?' (a userdata value)"},
		},
		Left: map[string]string{
			"pixbuf.buffer:fadeI()":  "not on the page; modules-pixbuf.json has it",
			"pixbuf.buffer:map()":    "likewise",
			"pixbuf.buffer:mix4I5()": "likewise",
		},
	}.Run(t)
}
