package rtcmem_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/rtcmem.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "rtcmem",
		Examples: []docpage.Example{
			{Of: "rtcmem.write32(), rtcmem.read32()", What: "example: one slot and several, through a restart", Lua: `
				if node.bootreason() == 1 then
					print((rtcmem.write32(0, 77))) rtcmem.write32(60, 3, 1, 4) node.restart()
				else print(rtcmem.read32(0)) print(rtcmem.read32(60, 3)) end`, Want: "nil\nreset: software restart\n77\n3\t1\t4"},
			// The page says that writing outside has no effect. It is an error (fw: rtcmem_write32).
			{Of: "rtcmem.read32()", What: "outside, and over the end", Lua: `
				print(pcall(rtcmem.write32, 126, 8, 9, 10)) print(pcall(rtcmem.write32, 128, 5)) rtcmem.write32(126, 8, 9)
				print(rtcmem.read32(126, 5)) print(select("#", rtcmem.read32(128)), select("#", rtcmem.read32(-1)))`, Want: "false\tbad argument #1 to '?' (RTC mem would overrun)\nfalse\tbad argument #1 to '?' (RTC mem would overrun)\n8\t9\n0\t0"},
		},
	}.Run(t)
}
