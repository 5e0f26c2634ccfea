package serial

import (
	"bytes"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
)

// A source at the other end of the serial line: a file or a program that types.
//
// A patient one behaves as upload tools do. It waits until the device is up and the
// prompt is there, sends a line at the speed of the port, waits until the interpreter
// has run it, and never sends more than the receive buffer has room for. So
// nothing is lost, however long a line takes to run.
//
// An eager one is a port of the host: what comes there goes onto the line, whatever the
// device does, and may be lost as on a board. On a line that is fast (SetFast) it waits
// for room in the receive buffer.

// SetSource makes next the sender at the device's serial port: it returns
// what comes next, nothing when there is none now. It is called on the world's
// goroutine when the device is ready for more, and may block there: device time
// stands still meanwhile. Call Pull when one that had nothing has something. It
// survives resets.
func (s *Port) SetSource(next func() []byte) {
	s.source, s.eager = next, false
	s.Pull()
}

// SetEagerSource is SetSource for an eager one.
func (s *Port) SetEagerSource(next func() []byte) {
	s.source, s.eager = next, true
	s.Pull()
}

// ready reports whether the device can take more: it has started, the reader has
// nothing to do, and no line waits for the interpreter. For an eager source the line
// has to be free.
func (s *Port) ready() bool {
	if s.eager {
		return len(s.incoming) == 0 && !(s.fast && len(s.received) == rxBuffer)
	}
	up := s.listening && s.ets.On() && !s.host.Restarting() && !s.host.Resetting()
	return up && len(s.incoming) == 0 && !s.posted && !s.interp.Behind()
}

// Pull asks the source and puts its next line onto the serial line if the device is ready
// for it, or as much of that as the receive buffer takes.
func (s *Port) Pull() {
	if s.source == nil || !s.ready() {
		return
	}
	if len(s.ahead) == 0 {
		s.ahead = s.source()
	}
	n := min(len(s.ahead), rxBuffer)
	if !s.eager || s.fast {
		n = min(n, max(rxBuffer-len(s.received), 1))
	}
	if !s.eager {
		if end := bytes.IndexAny(s.ahead[:n], "\r\n"); end >= 0 {
			n = end + 1
		}
	}
	chunk := s.ahead[:n:n]
	s.ahead = s.ahead[n:]
	if len(chunk) > 0 {
		s.host.Fetched(input.Typed{Data: chunk})
	}
	s.Type(chunk)
}
