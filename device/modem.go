package device

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The two transistors between a NodeMCU board's USB bridge and the chip (schematic of the
// NodeMCU DevKit 1.0, "DTR RTS RST GPIO0"):
//
//	DTR  RTS   RST   GPIO0
//	off  off   high  high
//	on   on    high  high
//	off  on    low   high   the chip is held in reset
//	on   off   high  low    at the end of a reset: the ROM waits for a download
//
// So a program that sets both lines, one after the other, resets nothing unless RTS comes
// first, and one that switches RTS on and off again with DTR off presses the button.

// resetRise is how long the capacitor at RST keeps the chip in reset after its line was
// let go of; then the chip looks at GPIO0. Assumed, from 12 kΩ and 100 nF.
const resetRise = clock.Millisecond

// modem is what the modem lines do to the chip.
type modem struct {
	lines   input.ModemLines
	off     bool         // it is held in reset, or waits for a download
	release *clock.Event // when RST has risen
}

// holds reports whether the lines hold the chip in reset, and downloads whether they ask
// for a download at the end of one.
func (m *modem) holds() bool     { return m.lines.RTS && !m.lines.DTR }
func (m *modem) downloads() bool { return m.lines.DTR && !m.lines.RTS }

// setModemLines is what the board does when a program at its USB port sets the lines.
func (d *Device) setModemLines(lines input.ModemLines) {
	m := &d.modem
	held := m.holds()
	m.lines = lines
	switch {
	case m.holds() == held:
	case !held:
		m.release.Stop()
		if d.VM != nil {
			d.VM.Kill(ExternalReset.Text)
		}
		d.ETS.Halt()
		d.afterwards(0, func() {
			d.Emit(event.Reset{Reason: ExternalReset.Text})
			d.shutdown()
			m.off = true
		})
	default:
		m.release = d.world.Clock.After(resetRise, d.released)
	}
}

// released is the end of a reset by the modem lines.
func (d *Device) released() {
	m := &d.modem
	switch {
	case m.downloads():
		if !m.off {
			d.Emit(event.Reset{Reason: ExternalReset.Text})
			d.shutdown()
			m.off = true
		}
		d.Note("DTR on and RTS off at the end of a reset put GPIO0 low: the chip's ROM waits for a download, which is not simulated; it boots after a reset without that")
	case m.off:
		m.off = false
		d.start(ExternalReset)
	default:
		d.Reset(ExternalReset)
	}
}
