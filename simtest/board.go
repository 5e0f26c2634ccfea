package simtest

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/part/button"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// What a person does to a board and to what is around it.

// Restart presses the reset button. What was printed before and not read is forgotten.
func (d *Device) Restart() { d.t.Helper(); d.again(input.ResetButton{}) }

// PowerCycle takes the power away and gives it back: what only the chip remembers is lost, the
// flash stays as it is. What was printed before and not read is forgotten.
func (d *Device) PowerCycle() { d.t.Helper(); d.again(input.PowerCycle{}) }

func (d *Device) again(what world.Stimulus) {
	d.t.Helper()
	if d.ready() {
		d.unread = nil
		d.give(what)
	}
}

// Press presses a button of the board, by its name: "FLASH". It stays pressed until Release.
// "RST" is the reset button, which every board has.
func (d *Device) Press(name string) {
	d.t.Helper()
	if name == resetButton {
		d.Restart()
		return
	}
	d.Act(name, button.Press)
}

const resetButton = "RST"

// Release lets a button go.
func (d *Device) Release(name string) {
	d.t.Helper()
	if name != resetButton {
		d.Act(name, button.Release)
	}
}

// Act does something to a part of the board. Part says what can be done to it.
func (d *Device) Act(name, action string) {
	d.t.Helper()
	if d.ready() {
		d.give(input.Part{Name: name, Action: action})
	}
}

// Part is what a person sees of a part of the board.
type Part struct {
	On      bool     // it is lit, closed, pressed
	State   string   // in a word: "lit"
	Actions []string // what can be done to it now: "press"
}

// Part looks at a part of the board, by its name: whether the LED "board" is lit.
func (d *Device) Part(name string) Part {
	d.t.Helper()
	if !d.ready() {
		return Part{}
	}
	var names []string
	for _, p := range d.d.Snapshot().Parts {
		if p.Name == name {
			return Part(p.Shown)
		}
		names = append(names, p.Name)
	}
	d.fatal("%s: the board has no part %q, but %q", d.d.Name(), name, names)
	return Part{}
}

// Voltage applies a voltage to the board's analogue input.
func (d *Device) Voltage(volts float64) {
	d.t.Helper()
	if d.ready() {
		d.give(input.Voltage{Volts: volts})
	}
}

// Pin is a pin of the board.
type Pin struct {
	d *Device
	n int
}

// Pin returns a pin by the number that the firmware gives it: 4 is D4.
func (d *Device) Pin(n int) Pin {
	d.t.Helper()
	if n < 0 || n >= board.NumPins {
		d.fatal("%s: no pin %d: there are 0 to %d", d.d.Name(), n, board.NumPins-1)
		n = 0
	}
	return Pin{d, n}
}

// Level is the level that the pin shows, 0 or 1.
func (p Pin) Level() int { return p.d.d.Pins.Level(p.n) }

// Set applies a level to the pin, 0 or 1, until Float. An output of the program wins over it.
func (p Pin) Set(level int) {
	p.d.t.Helper()
	if p.d.ready() {
		p.d.give(input.PinLevel{Pin: p.n, Level: level})
	}
}

// Float applies nothing to the pin any more.
func (p Pin) Float() {
	p.d.t.Helper()
	if p.d.ready() {
		p.d.give(input.PinReleased{Pin: p.n})
	}
}

// WiFiDown switches the access points off. Devices notice after a while.
func (d *Device) WiFiDown() { d.t.Helper(); d.surround(world.SetAir{Down: true}) }

// WiFiUp switches them on again.
func (d *Device) WiFiUp() { d.t.Helper(); d.surround(world.SetAir{}) }

// Link gives all links of the world a quality on top of what they have, written as for the
// option Link; "" takes it away again.
func (d *Device) Link(quality string) {
	d.t.Helper()
	if quality != "" {
		if _, err := wire.ParseQuality(quality); err != nil {
			d.fatal("simtest: Link: %v", err)
			return
		}
	}
	d.quality = quality
	d.setLink()
}

// LinkDown loses every packet of the world, and nobody is told; LinkUp ends that.
func (d *Device) LinkDown() { d.t.Helper(); d.linkCut = true; d.setLink() }

// LinkUp is described at LinkDown.
func (d *Device) LinkUp() { d.t.Helper(); d.linkCut = false; d.setLink() }

// linkSeed keeps the decisions of Link apart from those of the option Link.
const linkSeed = 1 << 40

func (d *Device) setLink() {
	d.t.Helper()
	in := world.SetLink{On: d.linkCut || d.quality != "", Seed: linkSeed}
	if d.quality != "" {
		q, err := wire.ParseQuality(d.quality)
		if err != nil {
			panic(fmt.Sprintf("simtest: %v", err)) // Link has looked
		}
		in.Quality = q
	}
	if d.linkCut {
		in.Quality.Loss = 1
	}
	d.surround(in)
}

func (d *Device) surround(what world.Stimulus) {
	d.t.Helper()
	if !d.ready() {
		return
	}
	if _, err := d.world.Give(world.Surroundings, what); err != nil {
		d.fatal("simtest: %v", err)
		return
	}
	d.alive()
}
