// Package event has the types of what happens on a device: the values that events
// of the world carry. Sizes are bytes, durations microseconds of virtual time.
//
// It knows nothing of what makes them happen, nor of who looks.
//
// This package is stable: docs/go.md.
package event

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Boot: Lua is about to start.
type Boot struct {
	Raw      int    `json:"raw"` // node.bootreason's first two results
	Extended int    `json:"extended"`
	Reason   string `json:"reason"`
}

// Reset: the device resets.
type Reset struct {
	Reason string         `json:"reason"`
	Fault  bool           `json:"fault,omitempty"` // a watchdog or an exception: nobody has asked for it
	Sleep  clock.Duration `json:"sleep,omitempty"` // after a deep sleep of this time, 0 for any other reset
}

// Restart: the program has asked for a restart or for deep sleep, or has not caught an
// error. It goes on for a moment, before the Reset.
type Restart struct {
	Reason string `json:"reason"`
	Cause  string `json:"cause,omitempty"` // why, where the program has not asked for it
}

// Output: bytes left the serial port.
type Output struct {
	Text string `json:"text"`
	Echo bool   `json:"echo,omitempty"` // of what was typed
}

// Panic: an error nobody caught.
type Panic struct {
	Message   string `json:"message"`
	Traceback string `json:"traceback,omitempty"`
	Where     string `json:"where,omitempty"` // what was being called
}

// LuaError: an error given to the onerror function, or printed at the prompt.
type LuaError struct {
	Message string `json:"message"`
	Where   string `json:"where,omitempty"`
	// Uncaught: the program ends with it. init.lua has failed, or a callback or task
	// and there is no onerror function of the program's: the device restarts.
	Uncaught bool `json:"uncaught,omitempty"`
	// Absent: there is no init.lua, or what the program has put in its place.
	Absent bool `json:"absent,omitempty"`
}

// Memory: an allocation failed.
type Memory struct {
	Request int `json:"request"`
	Free    int `json:"free"`
}

// Callback: a callback ended.
type Callback struct {
	What string         `json:"what"`
	CPU  clock.Duration `json:"cpu"`
}

// WiFi: the station or the access point has come to another state.
type WiFi struct {
	Mode  string `json:"mode"` // "sta" or "ap"
	State string `json:"state"`
	IP    string `json:"ip,omitempty"`
}

// Socket: a connection has come to another state.
type Socket struct {
	ID     int            `json:"id"`
	State  string         `json:"state"`
	Local  netip.AddrPort `json:"local,omitzero"`
	Remote netip.AddrPort `json:"remote,omitzero"`
}

// Pin: a pin changed.
type Pin struct {
	Pin   int    `json:"pin"`
	Level int    `json:"level"`
	By    string `json:"by"` // "program" or "outside"
}

// Hint: the program met a quirk that loses data or leaks.
type Hint struct {
	Text  string `json:"text"`
	Where string `json:"where,omitempty"`
}

// Note: the simulator has something to say.
type Note struct {
	Text string `json:"text"`
}

// PostMortem: memory ran out, and who held it when it did.
type PostMortem struct {
	Why     string `json:"why"`
	Where   string `json:"where,omitempty"` // file:line that was running
	Request int    `json:"request"`         // what found no room, as in "E:M n"
	Free    int    `json:"free"`
	Largest int    `json:"largest"` // longest free piece
	Size    int    `json:"size"`
	// Holders are the places in the program that made most of what is alive,
	// the largest first. Where allocations are not tracked no sites are known: they
	// are then by kind only.
	Holders []snapshot.Group `json:"holders"`
	Sockets []SocketHeld     `json:"sockets,omitempty"` // most queued first
	Refs    []RefHeld        `json:"refs,omitempty"`
	// Snapshot is the heap at that moment.
	Snapshot *snapshot.Snapshot `json:"-"`
}

// SocketHeld is a socket that was open when memory ran out.
type SocketHeld struct {
	ID     int    `json:"id"`
	Proto  string `json:"proto"`
	State  string `json:"state"`
	Remote string `json:"remote,omitempty"`
	Queued int    `json:"queued"` // bytes not acknowledged
	Site   string `json:"site,omitempty"`
}

// RefHeld counts registry references that were made at one place for one purpose.
type RefHeld struct {
	What  string `json:"what"`
	Site  string `json:"site,omitempty"`
	Count int    `json:"count"`
}

// The names of the kinds, in logs and files.

func (Boot) Kind() string       { return "boot" }
func (Reset) Kind() string      { return "reset" }
func (Restart) Kind() string    { return "restart" }
func (Output) Kind() string     { return "output" }
func (Panic) Kind() string      { return "panic" }
func (LuaError) Kind() string   { return "error" }
func (Memory) Kind() string     { return "memory" }
func (PostMortem) Kind() string { return "postmortem" }
func (Callback) Kind() string   { return "callback" }
func (WiFi) Kind() string       { return "wifi" }
func (Socket) Kind() string     { return "socket" }
func (Pin) Kind() string        { return "pin" }
func (Hint) Kind() string       { return "hint" }
func (Note) Kind() string       { return "note" }

// Kinds has a value of each kind.
var Kinds = []world.Happening{
	Boot{}, Reset{}, Restart{}, Output{}, Panic{}, LuaError{}, Memory{}, PostMortem{}, Callback{}, WiFi{}, Socket{}, Pin{}, Hint{}, Note{},
}
