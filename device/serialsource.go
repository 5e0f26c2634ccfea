package device

import "bytes"

// A source at the other end of the serial line: a file or a program that types.
// It behaves as upload tools do. It waits until the device is up and the prompt
// is there, sends a line at the speed of the port, waits until the interpreter
// has run it, and never sends more than the receive buffer has room for. So
// nothing is lost, however long a line takes to run.

// SetSerialSource makes next the sender at the device's serial port: it returns
// what comes next, nothing when there is none now. It is called on the world's
// goroutine when the device is ready for more, and may block there: device time
// stands still meanwhile. See PollSerialSource. It survives resets.
func (d *Device) SetSerialSource(next func() []byte) {
	s := &d.console.serial
	s.source = next
	s.pull()
}

// PollSerialSource asks the source again, after it had nothing.
func (d *Device) PollSerialSource() { d.console.serial.pull() }

// ExpectReset says that the program has asked for a reset or for deep sleep, which
// comes when Lua has returned: a source must not send what would be lost.
func (d *Device) ExpectReset() { d.restarting = true }

// ready reports whether the device can take more: it has started, the reader has
// nothing to do, and no line waits for the interpreter.
func (s *serial) ready() bool {
	c := s.d.console
	lineWaits := c.posted && bytes.IndexByte(c.input, '\n') >= 0
	up := s.listening && s.d.powered && !s.d.restarting && s.d.pendingReset == nil
	return up && len(s.incoming) == 0 && !s.posted && !lineWaits
}

// pull puts the source's next line onto the serial line if the device is ready
// for it, or as much of that as the receive buffer takes.
func (s *serial) pull() {
	if s.source == nil || !s.ready() {
		return
	}
	if len(s.ahead) == 0 {
		s.ahead = s.source()
	}
	n := min(len(s.ahead), max(rxBuffer-len(s.received), 1))
	if end := bytes.IndexAny(s.ahead[:n], "\r\n"); end >= 0 {
		n = end + 1
	}
	chunk := s.ahead[:n:n]
	s.ahead = s.ahead[n:]
	s.d.TypeSerial(chunk)
}
