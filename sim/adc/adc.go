// Package adc is the firmware module adc: the analogue input (fw:
// docs/modules/adc.md, app/modules/adc.c).
//
// adc.read(0) gives 0 to 1024 for 0 V to the full scale of the board's pin: 1 V
// at the chip, 3.3 V behind the divider of most boards. The voltage is applied
// from outside (the console; input.Voltage). The converter can measure the
// supply instead: after adc.force_init_mode(adc.INIT_VDD33) and a restart,
// readvdd33 gives millivolts and read gives 65535; before, readvdd33 gives 65535.
package adc

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// What the init data says the converter measures (fw: app/modules/adc.c).
const (
	initADC   = 0x00
	initVDD33 = 0xff
)

const (
	wrongMode = 65535 // what either function gives in the other's mode
	supply    = 3300  // mV: the boards' regulator
)

// Module is the module.
var Module = device.Module{Name: "adc", Open: open}

// module is the state from one boot to the next. The mode that was forced is in
// flash and holds from the next boot on.
type module struct {
	d    *device.Device
	mode int // since boot
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d, mode: d.Pins.ADC.Mode()}
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "read", Fn: m.read},
			{Name: "readvdd33", Fn: m.readvdd33},
			{Name: "force_init_mode", Fn: m.forceInitMode},
		},
		Consts: []vm.Const{
			{Name: "INIT_ADC", Value: vm.Number(initADC)},
			{Name: "INIT_VDD33", Value: vm.Number(initVDD33)},
		},
	}
}

// read is adc.read(channel).
func (m *module) read(c *vm.Call) int {
	channel := c.Uint32(1)
	if channel != 0 {
		c.Error("adc %d does not exist", channel)
	}
	if m.mode == initVDD33 {
		return c.ReturnInt(wrongMode)
	}
	return c.ReturnInt(m.d.Pins.ADC.Read())
}

// readvdd33 is adc.readvdd33().
func (m *module) readvdd33(c *vm.Call) int {
	if m.mode != initVDD33 {
		return c.ReturnInt(wrongMode)
	}
	return c.ReturnInt(supply)
}

// forceInitMode is adc.force_init_mode(mode): true when the mode changes with the
// next restart.
func (m *module) forceInitMode(c *vm.Call) int {
	mode := int(uint8(c.Int(1))) // a byte of the init data
	if mode != initADC && mode != initVDD33 {
		c.ArgError(1, "Invalid mode")
	}
	changed := mode != m.d.Pins.ADC.Mode()
	m.d.Pins.ADC.SetMode(mode)
	return c.ReturnBool(changed)
}
