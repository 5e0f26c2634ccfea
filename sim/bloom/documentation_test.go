package bloom_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/bloom.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "bloom", Objects: map[string]string{"filter": "bloom.filter"},
		Examples: []docpage.Example{
			// The page says about 11 KB: 10,000 × 7 × 1.5 bits are 13 (fw: bloom_create).
			{Of: "bloom.create()", What: "example: ten thousand take 13 KB", Lua: `
				collectgarbage() local before = node.heap()
				words = bloom.create(10000, 100)
				local used = before - node.heap() print(used > 13125 and used < 13400)`, Want: "true"},
			{Of: "filter:add()", What: "example: the first and the second time", Lua: `
				local seen = bloom.create(50, 200)
				for i = 1, 2 do if seen:add("pear") then print("a pear again") else print("the first pear") end end`, Want: "the first pear\na pear again"},
			{Of: "filter:check()", What: "example", Lua: `
				local seen = bloom.create(50, 200) seen:add("pear") print(seen:check("pear"), seen:check("plum"))`, Want: "true\tfalse"},
			{Of: "filter:reset()", What: "example", Lua: `
				local seen = bloom.create(50, 200) seen:add("pear") print((seen:reset()), seen:check("pear"))`, Want: "nil\tfalse"},
			{Of: "filter:info()", What: "example; the rate is at most one in a million", Lua: `
				local seen = bloom.create(50, 200) print(seen:info()) seen:add("pear")
				local bits, functions, occupancy, rate = seen:info() print(bits, functions, occupancy <= functions, rate)`,
				Want: "608\t8\t0\t1000000\n608\t8\ttrue\t1000000"},
		},
	}.Run(t)
}
