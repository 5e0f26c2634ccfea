package perf_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's example (fw: docs/modules/perf.md). Lua takes no time in this test, so that the
// samples come from what a program waits for.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "perf", With: "tmr",
		Examples: []docpage.Example{
			{Of: "perf.start(), perf.stop()", What: "example", Lua: `
				perf.start() for i = 1, 100 do tmr.delay(60) end
				local total, outside, found, size = perf.stop()
				local keys = {} for address in pairs(found) do keys[#keys + 1] = address end table.sort(keys)
				local sum = outside for _, address in ipairs(keys) do sum = sum + found[address] if address % size ~= 0 then print("odd") end end
				print(total, sum == total, #keys > 0, size)`, Want: "120\ttrue\ttrue\t4096"},
			{Of: "perf.start()", What: "range and bins: the size is a power of two, the bins no more", Lua: `
				perf.start(0x40200000, 0x40210000, 100) tmr.delay(500) print((select(4, perf.stop())))
				perf.start(0x40200000, 0x40210000) tmr.delay(500) print((select(4, perf.stop())))
				perf.start(0x40200000) print((select(4, perf.stop())))`, Want: "1024\n64\n1024"},
		},
	}.Run(t)
}
