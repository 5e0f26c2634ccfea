package ui

import (
	"math"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// pinActions do from outside what a wire would do to the pins of the device on show.
type pinActions struct{ actor }

// toggle applies to the selected pin the level that it does not have.
func (a *pinActions) toggle() {
	a.apply(func(p pin.Snapshot) world.Stimulus { return input.PinLevel{Pin: p.Index, Level: 1 - p.Level} })
}

// release takes away what was applied to the selected pin.
func (a *pinActions) release() {
	a.apply(func(p pin.Snapshot) world.Stimulus { return input.PinReleased{Pin: p.Index} })
}

// apply sends an input to the selected pin.
func (a *pinActions) apply(what func(pin.Snapshot) world.Stimulus) {
	pg := a.devices.shown
	v := pg.pins()
	if v.cursor >= len(pg.model.snap.Pins) {
		return
	}
	p := pg.model.snap.Pins[v.cursor]
	if p.Mode == "output" {
		a.say("pin " + p.Name + " is an output: the program decides its level")
	}
	a.world.send(pg.device.Name(), what(p), func(_ string, err error) {
		if err != nil {
			pg.note("pin " + p.Name + ": " + err.Error())
		}
	})
}

// askVoltage asks for the voltage at the analogue input.
func (a *pinActions) askVoltage() {
	adc := a.devices.shown.device.Board.ADC
	if adc.Max() == 0 {
		a.say("the board has no analogue input")
		return
	}
	full := strconv.FormatFloat(adc.FullScale, 'g', -1, 64)
	a.boxes.ask(question{
		label: "volts at the analogue input, 0 to " + full + ": ",
		done: func(answer string) {
			v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(answer, "V")), 64)
			if err != nil || !(v >= 0) || math.IsInf(v, 0) {
				a.say("a voltage is a number such as 0.5")
				return
			}
			a.world.send(a.devices.shown.device.Name(), input.Voltage{Volts: v}, nil)
		},
	}, "")
}
