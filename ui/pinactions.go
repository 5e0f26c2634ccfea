package ui

import (
	"math"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// pinActions do from outside what a wire or a finger would do to the pins and parts of
// the device on show.
type pinActions struct{ actor }

// toggle applies to the selected pin the level that it does not have, or does to a
// part what is likeliest: it presses a button, or lets it go.
func (a *pinActions) toggle() {
	if pin, part := a.devices.shown.pins().selected(); pin != nil {
		a.apply(*pin, input.PinLevel{Pin: pin.Index, Level: 1 - pin.Level})
	} else if part != nil {
		a.act(*part)
	}
}

// release takes away what was applied to the selected pin.
func (a *pinActions) release() {
	if pin, part := a.devices.shown.pins().selected(); pin != nil {
		a.apply(*pin, input.PinReleased{Pin: pin.Index})
	} else if part != nil {
		a.say(part.Name + " is a part of the board: Enter does what can be done to it")
	}
}

// apply sends an input to a pin.
func (a *pinActions) apply(p pin.Snapshot, what world.Stimulus) {
	if p.Mode == "output" {
		a.say("pin " + p.Name + " is an output: the program decides its level")
	}
	a.send("pin "+p.Name, what)
}

// act does to a part what it lists first.
func (a *pinActions) act(p device.PartSnapshot) {
	if len(p.Actions) == 0 {
		a.say("the " + p.Kind + " " + p.Name + " is " + p.State + ": the program decides that")
		return
	}
	a.send(p.Kind+" "+p.Name, input.Part{Name: p.Name, Action: p.Actions[0]})
}

// send sends an input to the device; name says what it concerns, should it fail.
func (a *pinActions) send(name string, what world.Stimulus) {
	p := a.devices.shown
	a.world.send(p.device.Name(), what, func(_ string, err error) {
		if err != nil {
			p.note(name + ": " + err.Error())
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
