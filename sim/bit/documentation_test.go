package bit_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page has no examples: each function as it describes it (fw: docs/modules/bit.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "bit",
		Examples: []docpage.Example{
			{Of: "bit.arshift()", What: "the sign stays", Lua: `print(bit.arshift(-80, 3), bit.arshift(80, 3))`, Want: "-10\t10"},
			{Of: "bit.band()", What: "two and more", Lua: `print(bit.band(0x6d, 0x3c), bit.band(0xff, 0x7e, 0x1f))`, Want: "44\t30"},
			{Of: "bit.bit()", What: "masks", Lua: `print(bit.bit(0), bit.bit(9))`, Want: "1\t512"},
			{Of: "bit.bnot()", What: "all bits", Lua: `print(bit.bnot(0x0f))`, Want: "-16"},
			{Of: "bit.bor()", What: "two and more", Lua: `print(bit.bor(0x41, 0x22), bit.bor(8, 16, 1))`, Want: "99\t25"},
			{Of: "bit.bxor()", What: "two and more", Lua: `print(bit.bxor(0x41, 0x61), bit.bxor(7, 7, 5))`, Want: "32\t5"},
			{Of: "bit.clear()", What: "one and several", Lua: `print(bit.clear(0x7f, 2), bit.clear(0x7f, 0, 1, 6))`, Want: "123\t60"},
			{Of: "bit.isclear()", What: "both answers", Lua: `print(bit.isclear(0x24, 2), bit.isclear(0x24, 3))`, Want: "false\ttrue"},
			{Of: "bit.isset()", What: "both answers", Lua: `print(bit.isset(0x24, 2), bit.isset(0x24, 3))`, Want: "true\tfalse"},
			{Of: "bit.lshift()", What: "as << in C", Lua: `print(bit.lshift(5, 6))`, Want: "320"},
			{Of: "bit.rshift()", What: "zeros come from the left", Lua: `print(bit.rshift(320, 6), bit.rshift(-2, 30))`, Want: "5\t3"},
			{Of: "bit.set()", What: "one and several", Lua: `print(bit.set(0x40, 3), bit.set(0, 1, 2, 5))`, Want: "72\t38"},
		},
	}.Run(t)
}
