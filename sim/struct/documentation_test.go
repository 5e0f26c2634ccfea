package structs_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/struct.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "struct", With: "encoder",
		Examples: []docpage.Example{
			{Of: "struct.pack()", What: "example of the format: a C struct { char kind; int at[4]; }", Lua: `
				local s = struct.pack("<!4biiii", -7, 10, 20, 30, 40) print(#s, struct.unpack("<!4biiii", s))`, Want: "20\t-7\t10\t20\t30\t40\t21"},
			{Of: "struct.pack()", What: "example of the format: a string behind its length", Lua: `
				local name = "kitchen" local s = struct.pack("Bc0", #name, name) print(encoder.toHex(s), (struct.unpack("Bc0", s)))`,
				Want: "076b69746368656e\tkitchen"},
			{Of: "struct.pack()", What: "example of the format: ten characters, filled up with blanks", Lua: `
				local name = "hall" print("[" .. struct.pack("c10", name .. (" "):rep(10)) .. "]")`, Want: "[hall      ]"},
			{Of: "struct.pack()", What: "example", Lua: `print(struct.pack("I", 0x21756c4c))`, Want: "Llu!"},
			{Of: "struct.pack()", What: "every element of the format", Lua: `
				local f = "!8 >bBhHlLTxi3I3 <i3I fds c c2c0"
				local s = struct.pack(f, -1, 255, -2, 65534, -3, 3, 4, -5, 6, -7, 8, 1.5, -0.25, "zero", "x", "yz", "rest")
				print(encoder.toHex(s))
				print(struct.unpack("!8 >bBhHlLTxi3I3 <i3I fds c c2", s))`, Want: "fffffffefffe0000fffffffd0000000300000004000000fffffb0000060000f9ffff0000080000000000c03f00000000000000000000d0bf7a65726f0078797a72657374\n" +
				"-1\t255\t-2\t65534\t-3\t3\t4\t-5\t6\t-7\t8\t1.5\t-0.25\tzero\tx\tyz\t65"},
			{Of: "struct.unpack()", What: "example: numbers up to a zero", Lua: `
				local s, list, at = struct.pack("dddd", 3, 1.25, -8, 0) .. "more", {}, 1
				while true do local d d, at = struct.unpack("d", s, at) if d == 0 then break end list[#list + 1] = d end
				print(at, table.concat(list, " "))`, Want: "33\t3 1.25 -8"},
			{Of: "struct.size()", What: "example; padding counts", Lua: `print(struct.size("i"), struct.size("b!4i"), struct.size("<!4biiii")) print(pcall(struct.size, "s"), pcall(struct.size, "c0"))`,
				Want: "4\t8\t20\nfalse\tfalse\tbad argument #1 to '?' (option 'c0' has no fixed size)"},
		},
	}.Run(t)
}
