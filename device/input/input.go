// Package input has the types of what comes to a device from outside: the values that
// inputs of the world carry. Each says what has happened; what follows is the
// device's business.
//
// It knows neither the device nor where inputs come from.
package input

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Typed: bytes came onto the line to the serial port.
type Typed struct{ Data []byte }

// ResetButton: the board's reset button was pressed.
type ResetButton struct{}

// PowerCycle: the power was taken away and given back.
type PowerCycle struct{}

// ModemLines: a program at the board's USB port has set the lines DTR and RTS, true for
// on, which is the low level at the bridge's pins.
type ModemLines struct{ DTR, RTS bool }

// PinLevel: a level, 0 or 1, was applied to a pin, by the firmware's number.
type PinLevel struct{ Pin, Level int }

// PinReleased: nothing is applied to a pin any more.
type PinReleased struct{ Pin int }

// Voltage: a voltage was applied to the board's analogue input.
type Voltage struct{ Volts float64 }

// Part: a person does something to a part of the board, by its name.
type Part struct{ Name, Action string }

// ResetConnection: both ends of a TCP connection get a reset from the other. The
// addresses are those of the device and of the peer.
type ResetConnection struct{ Local, Remote netip.AddrPort }

// CollectGarbage: somebody wants a full collection. The reply says how many bytes
// were given back.
type CollectGarbage struct{}

// Files: files of the app's directory have changed. The device is reset, and has
// them so when it boots.
type Files struct {
	Changed []File
	Store   Region // what the Lua Flash Store holds now; the zero value: it has not changed
}

// Region is a part of the flash beside the file system.
type Region struct {
	Address, Size int // in bytes
	Data          []byte
}

// File is a file as it is now.
type File struct {
	Name string // without /FLASH/
	Data []byte
	Gone bool // it is no longer there
}

// The names of the kinds, in files.

func (Typed) Kind() string           { return "typed" }
func (ResetButton) Kind() string     { return "reset-button" }
func (PowerCycle) Kind() string      { return "power-cycle" }
func (ModemLines) Kind() string      { return "modem-lines" }
func (PinLevel) Kind() string        { return "pin" }
func (PinReleased) Kind() string     { return "pin-released" }
func (Voltage) Kind() string         { return "voltage" }
func (Part) Kind() string            { return "part" }
func (ResetConnection) Kind() string { return "reset-connection" }
func (CollectGarbage) Kind() string  { return "collect-garbage" }
func (Files) Kind() string           { return "files" }

// Kinds has a value of each kind, for those who read them from files.
var Kinds = []world.Stimulus{
	Typed{}, ResetButton{}, PowerCycle{}, ModemLines{}, PinLevel{}, PinReleased{}, Voltage{}, Part{},
	ResetConnection{}, CollectGarbage{}, Files{},
}
