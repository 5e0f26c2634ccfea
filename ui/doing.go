package ui

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// enter sends what was typed.
func (c *Console) enter() {
	if n := len(c.prompt.text()); n > longestLine {
		c.say("the device throws away lines of more than " + thousands(longestLine) + " characters")
		return
	}
	line, err := c.prompt.accept()
	if err != nil {
		c.say(err.Error())
	}
	c.devices.shown.outbox.lines = append(c.devices.shown.outbox.lines, line)
	c.devices.shown.log.follow()
	if c.world.clock().State().Paused {
		c.say("the world is paused: the line is typed when it goes on")
	}
}

func (c *Console) escape() {
	if c.prompt.text() == "" {
		c.window.focus = paneLog
		return
	}
	c.prompt.draft, c.prompt.at = "", len(c.prompt.history.lines)
	c.prompt.set("")
}

func (c *Console) pause() {
	if c.world.clock().State().Paused {
		c.world.clock().Continue()
	} else {
		c.world.clock().Pause()
	}
}

func (c *Console) step() {
	if !c.world.clock().State().Paused {
		c.world.clock().Pause()
	}
	c.world.clock().Step()
}

// speeds are the factors that slower and faster go through.
var speeds = []float64{0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, clock.Max}

func (c *Console) changeSpeed(d int) {
	now := c.world.clock().State().Speed
	i := slices.IndexFunc(speeds, func(s float64) bool { return s >= now })
	if i < 0 {
		i = len(speeds) - 1
	}
	if d > 0 && speeds[i] > now {
		d-- // between two factors: the next is already higher
	}
	c.setSpeed(speeds[max(min(i+d, len(speeds)-1), 0)])
}

func (c *Console) setSpeed(s float64) { c.world.clock().SetSpeed(s) }

func (c *Console) pressReset() {
	c.world.send(c.devices.shown.device.Name(), input.ResetButton{}, nil)
}

func (c *Console) powerCycle() {
	c.world.send(c.devices.shown.device.Name(), input.PowerCycle{}, nil)
}

// restart brings changed files to the device.
func (c *Console) restart() {
	if c.cfg.Restart == nil {
		c.say("there is no app directory to load files from")
		return
	}
	c.changed = nil
	go c.cfg.Restart()
}

// toggleAir switches the access points off or on.
func (c *Console) toggleAir() {
	p, down := c.devices.shown, !c.devices.shown.model.snap.AirDown
	c.world.send(world.Surroundings, world.SetAir{Down: down}, func(string, error) {
		if down {
			p.note("the access points are off")
		} else {
			p.note("the access points are on")
		}
	})
}

func (c *Console) collectGarbage() {
	p := c.devices.shown
	c.world.send(p.device.Name(), input.CollectGarbage{}, func(reply string, _ error) {
		bytes, _ := strconv.Atoi(reply)
		p.note("garbage collected: " + thousands(bytes) + " bytes given back")
	})
}

// resetSocket makes both ends of the selected connection get a reset.
func (c *Console) resetSocket() {
	k, ok := c.devices.shown.sockets().selected()
	if !ok {
		c.say("no socket is selected")
		return
	}
	local, err1 := netip.ParseAddrPort(k.Local)
	remote, err2 := netip.ParseAddrPort(k.Remote)
	if err1 != nil || err2 != nil || !strings.EqualFold(k.Proto, "tcp") {
		c.say("only a TCP connection can be reset")
		return
	}
	c.world.send(c.devices.shown.device.Name(), input.ResetConnection{Local: local, Remote: remote}, nil)
}

// togglePin applies to the selected pin the level that it does not have.
func (c *Console) togglePin() {
	c.toPin(func(p pin.Snapshot) world.Stimulus { return input.PinLevel{Pin: p.Index, Level: 1 - p.Level} })
}

// releasePin takes away what was applied to the selected pin.
func (c *Console) releasePin() {
	c.toPin(func(p pin.Snapshot) world.Stimulus { return input.PinReleased{Pin: p.Index} })
}

// toPin sends an input to the selected pin.
func (c *Console) toPin(what func(pin.Snapshot) world.Stimulus) {
	v := c.devices.shown.pins()
	if v.cursor >= len(c.devices.shown.model.snap.Pins) {
		return
	}
	pg, p := c.devices.shown, c.devices.shown.model.snap.Pins[v.cursor]
	if p.Mode == "output" {
		c.say("pin " + p.Name + " is an output: the program decides its level")
	}
	c.world.send(pg.device.Name(), what(p), func(_ string, err error) {
		if err != nil {
			pg.note("pin " + p.Name + ": " + err.Error())
		}
	})
}

// askADC asks for the voltage at the analogue input.
func (c *Console) askADC() {
	adc := c.devices.shown.device.Board.ADC
	if adc.Max() == 0 {
		c.say("the board has no analogue input")
		return
	}
	full := strconv.FormatFloat(adc.FullScale, 'g', -1, 64)
	c.boxes.ask(question{
		label: "volts at the analogue input, 0 to " + full + ": ",
		done: func(answer string) {
			v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(answer, "V")), 64)
			if err != nil || !(v >= 0) || math.IsInf(v, 0) {
				c.say("a voltage is a number such as 0.5")
				return
			}
			c.world.send(c.devices.shown.device.Name(), input.Voltage{Volts: v}, nil)
		},
	}, "")
}

func (c *Console) leave() { c.quit = true }
