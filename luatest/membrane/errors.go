package membrane

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// What becomes of errors that go on from one side to the other: their values, places and
// tracebacks.

type markedFail struct {
	near vm.Value
	held vm.Held
}

// Opaque has errors whose value is says passes on the far side as values of which nothing
// is to be seen there, and not as tables that have moved.
func (m *Membrane) Opaque(is func(x vm.Value) bool) { m.opaque = is }

// Unwound returns what has unwound a side that was called from the other, and forgets it:
// nil if nothing has. Who has entered a side looks when it has come back, and panics with it
// unless it knows better.
func (m *Membrane) Unwound() any {
	r := m.unwound
	m.unwound = nil
	return r
}

// Traceback is that of the far side's last error, if the error x of the near one is that.
func (m *Membrane) Traceback(x vm.Value) string {
	if x == nil || x != m.failed {
		return ""
	}
	return m.traces
}

// Passed is the traceback of the last error of the near side that went on to the far one.
func (m *Membrane) Passed() string { return m.passed }

// JoinTracebacks is the traceback of an error that has gone on from one side to the other.
// What calls across are made with is left out, and the function that was called has the name
// that its caller has for it.
func JoinTracebacks(from, to string) string {
	const header = "stack traceback:"
	var lines []string
	for _, traceback := range []string{from, to} {
		called := len(lines) // the function that the code of to has called stands before it
		for _, line := range strings.Split(traceback, "\n") {
			s := strings.TrimSpace(line)
			if s == "" || s == header || s == "[C]: ?" || s == "[C]: in function '?'" {
				continue
			}
			name, isNative := strings.CutPrefix(s, "[C]: in function ")
			if isNative && len(lines) == called && called > 0 {
				if at, _, ok := strings.Cut(lines[called-1], " in function <"); ok {
					lines[called-1] = at + " in function " + name
					called = -1
					continue
				}
			}
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return header + "\n" + strings.Join(lines, "\n")
}

// Marked returns the error of the near side that passes the far one as x.
func (m *Membrane) Marked(x vm.Value) (vm.Value, bool) {
	u, ok := x.(*vm.UserData)
	if !ok {
		return nil, false
	}
	f, ok := m.marks[u]
	return f.near, ok
}

// pushError pushes the value of an error of the near side's.
func (m *Membrane) pushError(dc *vm.Call, err *vm.Error) {
	x := err.Value
	if m.opaque != nil && m.opaque(x) {
		for u, f := range m.marks {
			if f.near == x {
				dc.Push(u)
				return
			}
		}
		u := m.far.NewLightUserData()
		m.marks[u] = markedFail{x, m.near.Hold(x)}
		dc.Push(u)
		return
	}
	switch x.(type) {
	case *vm.Table, *vm.Function, *vm.UserData, *vm.Thread:
		held := m.near.Hold(x)
		defer m.near.Drop(&held)
	}
	m.given(dc, func() { m.pushFar(dc, val{x: x, h: m.proxied(x)}) })
}

// placed is where the near side has called a function of the firmware.
type placed struct{ at, name string }

// naming calls a function of the far side, and has its errors begin with the place of the
// near side that has called it where they would otherwise begin with none, as those of the
// firmware's functions do.
func (m *Membrane) naming(dc *vm.Call, h *handle, at string, call func()) {
	fn, ok := h.x.(*vm.Function)
	if !ok || !vm.IsNative(fn) {
		call()
		return
	}
	m.place = placed{at: at, name: m.far.FunctionName(fn)}
	call()
}

// where completes the message of an error of the firmware's.
func (m *Membrane) where(x vm.Value) vm.Value {
	p := m.place
	s, ok := x.(vm.String)
	if !ok || p == (placed{}) {
		return x
	}
	message := string(s)
	if message == vm.OutOfMemory || hasPlace(message) {
		return x
	}
	return vm.String(p.at + strings.Replace(message, "to '?'", "to '"+p.name+"'", 1))
}

// hasPlace reports whether a message begins with a file and line.
func hasPlace(message string) bool {
	_, rest, ok := strings.Cut(message, ":")
	digits := strings.TrimLeft(rest, "0123456789")
	return ok && len(digits) < len(rest) && strings.HasPrefix(digits, ":")
}
