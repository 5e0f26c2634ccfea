// Package serial is the serial port of the chip, UART 0: its line at the configured
// speed, the transmit FIFO that makes a talkative program wait, the receive buffer
// that loses what nobody reads in time, and the reader that turns bytes into lines for
// an Interpreter or into calls of a uart.on handler (fw: app/driver/uart.c,
// app/driver/input.c).
//
// It does not know Lua, nor what is at the other end of the line.
package serial

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Interpreter takes the lines that the reader has completed.
type Interpreter interface {
	// Typed is given each line that is not empty.
	Typed(line string)
	// Prompt is what stands before the line that is being typed.
	Prompt() string
	// Behind reports whether a line waits to be run.
	Behind() bool
}

// Host is the device as its serial port sees it.
type Host interface {
	// Resetting reports whether the piece of work at hand ends in a reset, and
	// Restarting whether the program has asked for one that comes later.
	Resetting() bool
	Restarting() bool
	// Sent is told what leaves the port, and Fetched what a source has typed.
	Sent(event.Output)
	Fetched(input.Typed)
	// Overrun is told that the receive buffer has lost bytes.
	Overrun()
}

// Config is how the UART is set up (uart.setup).
type Config struct {
	Baud     int
	DataBits int // 5 to 8
	Parity   int // ParityEven, ParityOdd or ParityNone
	StopBits int // StopBits1, StopBits1_5 or StopBits2
}

// Values of Config (fw: app/platform/platform.h).
const (
	ParityNone = 0
	ParityEven = 1
	ParityOdd  = 2

	StopBits1   = 1
	StopBits2   = 2
	StopBits1_5 = 3
)

// Figures of the UART.
const (
	defaultBaud = 115200 // fw: app/include/user_config.h BIT_RATE_DEFAULT
	rxBuffer    = 256    // bytes; fw: app/include/driver/uart.h RX_BUFF_SIZE
	LineBuffer  = 256    // bytes; fw: app/include/user_config.h LUA_MAXINPUT
	txFIFO      = 126    // bytes that a writer may leave behind; fw: uart_tx_one_char
)

// ByteTime returns how long one byte takes on the line, in nanoseconds.
func (c Config) ByteTime() int64 {
	halfBits := 2 * (1 + c.DataBits)
	if c.Parity != ParityNone {
		halfBits += 2
	}
	switch c.StopBits {
	case StopBits1_5:
		halfBits += 3
	case StopBits2:
		halfBits += 4
	default:
		halfBits += 2
	}
	return int64(halfBits) * 1e9 / 2 / int64(c.Baud)
}

// Port is the serial port of a device. What is on the line survives a reset of the
// device; the rest does not.
type Port struct {
	host   Host
	clock  *clock.Clock
	ets    *ets.Scheduler
	interp Interpreter

	config   Config
	echo     bool
	sent     int64 // device time at which the last byte written has left, in nanoseconds
	redirect func(s string)
	quiet    bool // redirected output does not go to the line as well

	incoming []byte // on the line, not yet received
	lineTime int64  // when the byte before incoming[0] had arrived, in nanoseconds
	arrival  *clock.Event
	fast     bool          // see SetFast
	source   func() []byte // see SetSource
	eager    bool          // it does not wait for the device
	ahead    []byte        // what it gave, not yet on the line

	listening bool   // the interrupt is enabled: Lua has started
	received  []byte // the receive buffer
	posted    bool   // the reader's task waits in the queue
	line      []byte // what the reader has collected
	last      byte   // the byte before, to join \r\n and \n\r

	handler  func(data []byte)
	count    int  // bytes per call of the handler, negative: up to end
	end      byte // terminator
	runInput bool // lines go to the interpreter
}

// New returns the port of a device that is off.
func New(h Host, c *clock.Clock, sched *ets.Scheduler) *Port {
	s := &Port{host: h, clock: c, ets: sched}
	s.Reset()
	return s
}

// Connect says who takes the lines.
func (s *Port) Connect(i Interpreter) { s.interp = i }

// Listen begins to receive: Lua has started.
func (s *Port) Listen() { s.listening = true }

// Reset puts the port into its state at power-on.
func (s *Port) Reset() {
	*s = Port{
		host:     s.host,
		clock:    s.clock,
		ets:      s.ets,
		interp:   s.interp,
		config:   Config{defaultBaud, 8, ParityNone, StopBits1},
		echo:     true,
		runInput: true,
		incoming: s.incoming,
		lineTime: s.lineTime,
		arrival:  s.arrival,
		fast:     s.fast,
		source:   s.source,
		eager:    s.eager,
		ahead:    s.ahead,
	}
}

// Config returns how the serial port is set up.
func (s *Port) Config() Config { return s.config }

// SetFast has bytes take no time on the line, in both directions: all that is typed at
// once is received at once. It survives resets.
func (s *Port) SetFast(on bool) { s.fast = on }

// byteTime returns how long one byte takes on the line, in nanoseconds.
func (s *Port) byteTime() int64 {
	if s.fast {
		return 0
	}
	return s.config.ByteTime()
}

// SetConfig sets the serial port up.
func (s *Port) SetConfig(c Config) { s.config = c }

// SetEcho says whether the reader echoes what is typed.
func (s *Port) SetEcho(on bool) { s.echo = on }

// OnData makes fn receive what comes in at the serial port, or nobody when fn
// is nil. count is the number of bytes that make a call: 0 for each byte on its
// own, negative for all up to and including end. When runInput is true, input
// goes to the interpreter line by line and fn is told each line, without its end.
func (s *Port) OnData(count int, end byte, runInput bool, fn func(data []byte)) {
	s.count, s.end, s.runInput, s.handler = count, end, runInput, fn
}

// Redirect makes fn receive what print and the prompt write, instead of
// the serial port or, when serialToo is true, besides it. A nil fn ends that.
func (s *Port) Redirect(fn func(text string), serialToo bool) {
	s.redirect, s.quiet = fn, fn != nil && !serialToo
}

// Write sends raw bytes out of the serial port. With the CPU model on, it takes
// the time that the bytes have to wait for room in the transmit FIFO.
func (s *Port) Write(text string) {
	if text == "" {
		return
	}
	s.send(event.Output{Text: text})
}

func (s *Port) send(e event.Output) {
	s.transmit(len(e.Text))
	s.host.Sent(e)
}

// WriteText sends text out of the serial port with line ends as the firmware
// makes them: \n becomes \r\n, a \r of the text is dropped.
func (s *Port) WriteText(text string) { s.Write(lineEnds.Replace(text)) }

var lineEnds = strings.NewReplacer("\r", "", "\n", "\r\n")

// Print is where print and the prompt write: the serial port, or whoever
// node.output has put in its place.
func (s *Port) Print(text string) {
	if !s.quiet {
		s.WriteText(text)
	}
	if s.redirect != nil {
		s.redirect(text)
	}
}

// transmit lets n bytes enter the transmit FIFO.
func (s *Port) transmit(n int) {
	per := s.byteTime()
	now := int64(s.ets.Now()) * 1000
	s.sent = max(s.sent, now) + int64(n)*per
	s.ets.WaitUnfed(s.sent - now - txFIFO*per)
}

// Sending returns how long it takes until all that was written has left.
func (s *Port) Sending() clock.Duration {
	return clock.Duration(max(s.sent-int64(s.ets.Now())*1000, 0) / 1000)
}

// Leaves returns when the last byte written has left the port, in nanoseconds of device
// time.
func (s *Port) Leaves() int64 { return s.sent }

// Queued returns how many bytes wait in the transmit FIFO and in the
// receive FIFO (uart.fifodepth). The interrupt empties the latter at once.
func (s *Port) Queued() (tx, rx int) {
	left := max(s.sent-int64(s.ets.Now())*1000, 0)
	return int(min(left/s.config.ByteTime(), txFIFO)), 0
}

// Type puts bytes onto the line to the device's serial port. They arrive
// one after the other at the configured speed. The receive buffer of 256 bytes
// loses the oldest when the program leaves no time to read them. Call it on the
// world's goroutine; see Pending for how to keep pace.
func (s *Port) Type(data []byte) {
	// A byte that has just arrived may have done so within this microsecond.
	if now := int64(s.clock.Now()) * 1000; len(s.incoming) == 0 && now-s.lineTime >= 1000 {
		s.lineTime = now
	}
	s.incoming = append(s.incoming, data...)
	s.expect()
}

// Pending returns how many typed bytes are still on the line.
func (s *Port) Pending() int { return len(s.incoming) }

// expect schedules the arrival of the next byte.
func (s *Port) expect() {
	if len(s.incoming) == 0 || s.arrival.Pending() {
		return
	}
	at := clock.Time((s.lineTime + s.byteTime() + 999) / 1000)
	s.arrival = s.clock.At(at, s.arrive)
}

// arrive is the receive interrupt: it takes one byte from the line, or all of a line on
// which they take no time, and wakes the reader.
func (s *Port) arrive() {
	n := 1
	if s.fast {
		n = len(s.incoming)
	}
	bytes := s.incoming[:n]
	s.incoming = s.incoming[n:]
	if len(s.incoming) == 0 {
		s.incoming = nil
	}
	s.lineTime += int64(n) * s.byteTime()
	if s.listening {
		s.received = append(s.received, bytes...)
		if lost := len(s.received) - rxBuffer; lost > 0 {
			s.received = slices.Delete(s.received, 0, lost)
			s.host.Overrun()
		}
		s.wake()
	}
	s.expect()
	s.Pull()
}

// wake posts the reader's task, unless it is waiting already.
func (s *Port) wake() {
	if !s.posted {
		s.posted = s.ets.PostTask(ets.High, s.read)
	}
}

// next takes a byte out of the receive buffer.
func (s *Port) next() (b byte, ok bool) {
	if len(s.received) == 0 {
		return 0, false
	}
	b = s.received[0]
	s.received = s.received[1:]
	return b, true
}

// read is the reader's task: it works off the receive buffer.
func (s *Port) read() {
	s.posted = false
	for s.ets.On() && !s.host.Resetting() {
		var more bool
		if s.runInput {
			more = s.readLine()
		} else {
			more = s.readData()
		}
		if !more {
			s.Pull()
			return
		}
	}
}

// readData hands bytes to the handler. It reports whether there may be more to
// read: after each call, since the handler may have changed the mode.
func (s *Port) readData() bool {
	for {
		b, ok := s.next()
		if !ok {
			return false
		}
		if s.handler == nil {
			continue
		}
		if s.count == 0 {
			s.handler([]byte{b})
			return true
		}
		s.line = append(s.line, b)
		if len(s.line) >= LineBuffer || s.count > 0 && len(s.line) >= s.count || s.count < 0 && b == s.end {
			data := slices.Clone(s.line)
			s.line = s.line[:0]
			s.handler(data)
			return true
		}
	}
}

// readLine echoes and edits until a line is complete, and gives it to the
// interpreter. It reports whether there may be more to read.
func (s *Port) readLine() bool {
	const (
		backspace = 8
		del       = 0x7f
	)
	var echo strings.Builder
	flush := func() {
		if s.echo && echo.Len() > 0 {
			s.send(event.Output{Text: lineEnds.Replace(echo.String()), Echo: true})
		}
		echo.Reset()
	}
	defer flush()
	for {
		b, ok := s.next()
		if !ok {
			return false
		}
		switch {
		case b == '\r' && s.last == '\n' || b == '\n' && s.last == '\r':
			s.last = 0
			continue
		case b == del || b == backspace:
			if len(s.line) > 0 {
				echo.WriteString("\b \b")
				s.line = s.line[:len(s.line)-1]
			}
			s.last = 0
			continue
		}
		s.last = b
		if b == '\r' || b == '\n' {
			echo.WriteByte('\n')
			flush()
			line := string(s.line)
			s.line = s.line[:0]
			if s.handler != nil {
				s.handler([]byte(line))
			}
			if line == "" {
				s.WriteText(s.interp.Prompt())
			} else {
				s.interp.Typed(line)
			}
			return true
		}
		echo.WriteByte(b)
		// A line that is too long starts over with the byte that no longer fits.
		if len(s.line)+1 >= LineBuffer {
			s.line = s.line[:0]
		}
		s.line = append(s.line, b)
	}
}
