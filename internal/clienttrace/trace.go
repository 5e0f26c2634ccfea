// Package clienttrace runs sets of measured programs that talk to scripted peers (oracle:
// formats.md, "Network client modules"): each on a device in a world of its own, with
// everything compared: events and calls with arguments, results, errors and times, what
// the serial port says, the packets on the wire with their bytes, what the peers saw, and
// in which order.
//
// What is random on a device is brought into one form before: the ports and query numbers
// that it picks, keys and masks of websockets, message numbers of CoAP.
//
// It must not know what a set is about. A module's test hands it the module.
package clienttrace

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// scenario is one measured program.
type scenario struct {
	Name, Group, Note string
	UntilMS           int64    `json:"until_ms"`
	Config            []string `json:"config"`
	PeerScript        []string `json:"peer_script"`
	DNSScript         []string `json:"dns_script"`
	Lua               string   `json:"lua"`
	Input             []typed  `json:"input"`
	// Undefined: what becomes of it depends on a device's memory.
	Undefined string `json:"heap_or_reset"`

	options
	lists
}

// lists is what happened; "q" orders entries among each other.
type lists struct {
	Trace []entry `json:"trace"`
	Wire  []entry `json:"wire"`
	Peer  []entry `json:"peer"`
}

type entry = traces.Entry

// Read makes entries of such a file, run on devices with these modules. A restart of the
// device is the end.
func Read(modules ...device.Module) func(t *testing.T, data []byte) []oracle.Entry {
	return read(options{}, modules)
}

// ReadBuild is Read for devices whose firmware was compiled so.
func ReadBuild(build device.Build, modules ...device.Module) func(t *testing.T, data []byte) []oracle.Entry {
	return read(options{build: build}, modules)
}

// ReadBooting is Read for a set in which the device boots again after a restart, which
// takes no time there.
func ReadBooting(modules ...device.Module) func(t *testing.T, data []byte) []oracle.Entry {
	return read(options{boots: true}, modules)
}

// ReadConsole is Read for a set whose subject is the serial port: the device is at its
// prompt when the script starts, and somebody types.
func ReadConsole(modules ...device.Module) func(t *testing.T, data []byte) []oracle.Entry {
	return read(options{console: true}, modules)
}

// options are what a set's devices have of their own.
type options struct {
	boots   bool // they boot again after a restart
	console bool
	build   device.Build
}

func read(with options, modules []device.Module) func(t *testing.T, data []byte) []oracle.Entry {
	return func(t *testing.T, data []byte) (entries []oracle.Entry) {
		type file struct{ Scenarios []scenario }
		for _, s := range oracle.Decode[file](t, data).Scenarios {
			entries = append(entries, oracle.Entry{
				Name: s.Name, Undefined: s.Undefined != "",
				Check: func() string { s.options = with; return s.check(t, modules) },
			})
		}
		return entries
	}
}

// check runs the scenario and returns the first difference, or "".
func (s *scenario) check(t *testing.T, modules []device.Module) string {
	have, want := traces.Plain(s.run(t, modules)), traces.Plain(s.lists)
	normalize(&have, s)
	normalize(&want, s)
	difference := ""
	at := -1.0
	for _, l := range []struct {
		name       string
		have, want []entry
	}{{"trace", have.Trace, want.Trace}, {"wire", have.Wire, want.Wire}, {"peer", have.Peer, want.Peer}} {
		for i := range max(len(l.have), len(l.want)) {
			a, b := traces.Nth(l.have, i), traces.Nth(l.want, i)
			withoutPage(a, b)
			if b["proto"] == float64(wire.ICMP) && b["d"] == nil {
				delete(a, "d") // some sets have no bytes of these
			}
			if reflect.DeepEqual(a.Without("q"), b.Without("q")) {
				continue
			}
			// The earliest difference is the one that explains the others.
			if when := earliest(a, b); difference == "" || when < at {
				at = when
				difference = fmt.Sprintf("%s entry %d:\n  got  %s\n  want %s", l.name, i, traces.Show(a.Without("q")), traces.Show(b.Without("q")))
			}
			break
		}
	}
	if difference != "" {
		return difference
	}
	if a, b := traces.Order(have.Trace, have.Wire, have.Peer), traces.Order(want.Trace, want.Wire, want.Peer); a != b {
		return fmt.Sprintf("order of what happens at one instant:\n  got  %s\n  want %s", a, b)
	}
	return ""
}

// withoutPage takes the bytes of the portal's built-in page away, which is another one here
// of the same length: the set has their hashes only.
func withoutPage(have, want entry) {
	if d, ok := want["d"].(map[string]any); ok && d["head"] == nil && d["fnv"] != nil {
		want["d"], have["d"] = d["len"], have["len"]
	}
	if head, _ := want["head"].(string); strings.Contains(head, "text/html") && strings.Contains(head, builtInPage) {
		delete(want, "body_fnv")
		delete(have, "body_fnv")
	}
}

// builtInPage tells the portal's own page by its length (oracle: enduser-behaviour.md 4).
const builtInPage = "Content-Encoding: gzip\r\nContent-length: 2818\r\n"

// earliest is when the first of the entries happened.
func earliest(entries ...entry) float64 {
	first := -1.0
	for _, e := range entries {
		if t, ok := e["t"].(float64); ok && (first < 0 || t < first) {
			first = t
		}
	}
	return first
}
