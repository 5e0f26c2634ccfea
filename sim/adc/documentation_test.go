package adc_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/adc.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "adc",
		Around: func(t testing.TB, x *chiptest.Lab) { x.D.Pins.ADC.Apply(0.5) },
		Examples: []docpage.Example{
			{Of: "adc.force_init_mode(), adc.readvdd33()", What: "example", Lua: `
				if adc.force_init_mode(adc.INIT_VDD33) then print("restart") node.restart() return end
				print("mV", adc.readvdd33(0), adc.readvdd33(), adc.read(0))`, Want: "restart\nreset: software restart\nmV\t3300\t3300\t65535"},
			{Of: "adc.read()", What: "example", Lua: `print(adc.read(0), adc.readvdd33())`, Want: "155\t65535"},
		},
	}.Run(t)
}
