// Package wps is the firmware module wps: the name and password of a network from an access
// point whose WPS button is pressed (fw: docs/modules/wps.md, app/modules/wps.c).
//
//	wps.enable()  wps.disable()
//	wps.start(fn(status))    status is wps.SUCCESS, FAILED, TIMEOUT, WEP or SCAN_ERR
//
// enable needs the station; start needs enable, and does nothing without it, so that its
// function is never called: a hint says so. SUCCESS has stored the network, and
// wifi.sta.connect() joins it.
//
// In the simulated air a network's button is pressed where nodemcu-sim.toml says wps = true,
// and that of the open air's network always is. No network with a pressed button is SCAN_ERR,
// two are FAILED, one with WEP is WEP; one that goes off meanwhile is TIMEOUT.
//
// Odd corners of the firmware:
//   - A start with something else than a function is an error, and forgets the function of
//     the one under way, whose result nobody hears.
//   - With more than one argument the last is taken for the function, as long as the first
//     is one.
//   - An error in the function is a panic of the device.
//
// What the SDK does is package radio's.
package wps

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module `wps`.
var Module = device.Module{Name: "wps", Open: open}

type module struct {
	dev      *device.Device
	callback vm.Ref
	wanted   bool // there is a callback, be it nil
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d}
	number := func(name string, s radio.WPSStatus) vm.Const { return vm.Const{Name: name, Value: vm.Number(s)} }
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "disable", Fn: m.disable},
			{Name: "enable", Fn: m.enable},
			{Name: "start", Fn: m.start},
		},
		Consts: []vm.Const{
			number("SUCCESS", radio.WPSSuccess),
			number("FAILED", radio.WPSFailed),
			number("TIMEOUT", radio.WPSTimeout),
			number("WEP", radio.WPSNoWEP),
			number("SCAN_ERR", radio.WPSScanError),
		},
	}
}

// disable is wps.disable().
func (m *module) disable(*vm.Call) int {
	m.dev.Radio.WPS.Disable()
	return 0
}

// enable is wps.enable(), with the push of a button.
func (m *module) enable(*vm.Call) int {
	if !m.dev.Radio.WPS.Enable() {
		m.dev.Inspect.Hints.Here("wps.enable() does nothing without the station: call wifi.setmode(wifi.STATION) before")
	}
	return 0
}

// start is wps.start(fn).
func (m *module) start(c *vm.Call) int {
	c.VM.Unref(&m.callback)
	m.wanted = false
	if _, ok := c.Arg(1).(*vm.Function); !ok {
		c.Error("Argument not a function")
	}
	c.VM.SetRef(&m.callback, c.Arg(c.NArgs()), "wps callback")
	m.wanted = true
	if !m.dev.Radio.WPS.Start(m.ended) {
		m.dev.Inspect.Hints.Here("wps.start() does nothing before wps.enable(): its function is never called")
	}
	return 0
}

// ended is the SDK's callback.
func (m *module) ended(status radio.WPSStatus) {
	if m.wanted {
		m.dev.RunUnprotected("wps callback", m.dev.VM.Deref(m.callback), vm.Number(status))
	}
}
