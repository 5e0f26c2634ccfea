package pin

import "github.com/nodemcu-sim/nodemcu-sim/device/board"

// ADC is the analogue input.
type ADC struct {
	board board.ADC
	value int // what the converter reads, in its own units
	mode  int // in flash
}

// Apply applies a voltage to the board's pin. It does nothing on a board without
// one.
func (a *ADC) Apply(volts float64) { a.value = a.board.Read(volts) }

// Read returns what the converter reads, in its own units.
func (a *ADC) Read() int { return a.value }

// Mode returns byte 107 of the init data in flash, by which the converter
// measures its pin (0) or the supply (255) from the next boot on; SetMode writes
// it.
func (a *ADC) Mode() int { return a.mode }

// SetMode sets what Mode returns.
func (a *ADC) SetMode(mode int) { a.mode = mode }
