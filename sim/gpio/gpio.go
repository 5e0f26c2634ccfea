// Package gpio is the firmware module gpio: the chip's pins by the numbers of the
// NodeMCU board (fw: docs/modules/gpio.md, app/modules/gpio.c). Pin 0 (GPIO16)
// has neither interrupt nor open drain.
//
// What a pin's level is, and who decides it, is the business of package pin. The
// submodule gpio.pulse is there, as in a build with LUA_USE_MODULES_GPIO_PULSE.
package gpio

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is gpio as release 3.0 has it.
var Module = device.Module{Name: "gpio", Open: open}

// Constants of the module (fw: app/platform/platform.h).
const (
	float  = 0
	pullup = 1
)

type module struct {
	dev    *device.Device
	pins   [board.NumPins]interrupt
	serout serout
	pulses *pulses
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d}
	m.serout.m = m
	m.pulses = newPulses(m)
	number := func(name string, n int) vm.Const { return vm.Const{Name: name, Value: vm.Number(n)} }
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "mode", Fn: m.mode},
			{Name: "read", Fn: m.read},
			{Name: "write", Fn: m.write},
			{Name: "serout", Fn: m.serout.start},
			{Name: "pulse"},
			{Name: "trig", Fn: m.trig},
		},
		Consts: []vm.Const{
			{Name: "pulse", Value: m.pulses.table()},
			number("INT", int(pin.Interrupt)),
			number("OUTPUT", int(pin.Output)),
			number("OPENDRAIN", int(pin.OpenDrain)),
			number("INPUT", int(pin.Input)),
			number("HIGH", 1),
			number("LOW", 0),
			number("FLOAT", float),
			number("PULLUP", pullup),
		},
		Types: []*vm.Type{m.pulses.kind},
		Close: func() { m.serout.stop(); m.pulses.halt() },
	}
}

// exists reports whether there is a pin of that number.
func exists(pin int) bool { return pin >= 0 && pin < board.NumPins }

// checkPin returns argument 1 as a pin number; the error is that of the functions
// that leave the pin as it is.
func checkPin(c *vm.Call) int {
	pin := c.Int(1)
	if !exists(pin) {
		c.Error("gpio %d does not exist", pin)
	}
	return pin
}

// mode is gpio.mode(pin, mode, [pullup]). Any mode but INT ends the pin's
// trigger. Pin 0 is an input, or an output in every other mode.
func (m *module) mode(c *vm.Call) int {
	index, mode, pull := c.Int(1), pin.Mode(c.Int(2)), c.OptInt(3, float)
	if !exists(index) || index == 0 && mode == pin.Interrupt {
		c.ArgError(1, "Invalid pin")
	}
	if mode < pin.Input || mode > pin.OpenDrain {
		c.ArgError(2, "wrong arg type")
	}
	if mode != pin.Interrupt {
		c.VM.Unref(&m.pins[index].fn)
		m.pins[index].stale = false
	}
	if index == 0 {
		if mode != pin.Input {
			mode = pin.Output
		}
		pull = float
	}
	m.dev.Pins.SetMode(index, mode, pull != float)
	return 0
}

// read is gpio.read(pin).
func (m *module) read(c *vm.Call) int { return c.ReturnInt(m.dev.Pins.Level(checkPin(c))) }

// write is gpio.write(pin, level). Pin 0 becomes an output by it.
func (m *module) write(c *vm.Call) int {
	index, level := c.Int(1), c.Int(2)
	checkPin(c)
	if level != 0 && level != 1 {
		c.ArgError(2, "wrong level type")
	}
	if index == 0 {
		m.dev.Pins.SetMode(0, pin.Output, false)
	}
	m.dev.Pins.Write(index, level)
	return 0
}
