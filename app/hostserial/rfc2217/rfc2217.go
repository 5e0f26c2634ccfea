// Package rfc2217 is the server's side of the Telnet COM Port Control Option: it takes a
// client's bytes apart into data and commands, and says what to answer (RFC 854, RFC 2217).
//
// Data are binary in both directions from the beginning, as every client of this option
// asks for. The package does no input or output and knows no port: what a command asks of
// one comes out as a value.
package rfc2217

import "encoding/binary"

// Bytes of Telnet (RFC 854).
const (
	iac  = 255
	dont = 254
	do   = 253
	wont = 252
	will = 251
	sb   = 250 // begins a subnegotiation
	se   = 240 // ends it
)

// Options of Telnet that the server agrees to.
const (
	optBinary  = 0  // RFC 856
	optEcho    = 1  // RFC 857: the device echoes
	optSGA     = 3  // RFC 858
	optComPort = 44 // RFC 2217
)

// Commands of the option, as the client sends them. The answer has fromServer more.
const (
	cmdSignature     = 0
	cmdBaud          = 1
	cmdDataSize      = 2
	cmdParity        = 3
	cmdStopSize      = 4
	cmdControl       = 5
	cmdLineStateMask = 10
	cmdModemMask     = 11
	cmdPurge         = 12

	notifyModemState = 107
	fromServer       = 100
)

// Values of cmdControl: what it asks for and what it sets.
const (
	askFlow    = 0
	noFlow     = 1
	askBreak   = 4
	breakOn    = 5
	breakOff   = 6
	askDTR     = 7
	dtrOn      = 8
	dtrOff     = 9
	askRTS     = 10
	rtsOn      = 11
	rtsOff     = 12
	askInFlow  = 13
	noInFlow   = 14
	maxControl = 19
)

// maxCommand is how many bytes of a subnegotiation are kept: those of the longest command
// with a meaning are 6. A signature may be longer, and is not looked at.
const maxCommand = 16

// Signature is what the server calls itself.
const Signature = "nodemcu-sim"

// Lines are the modem lines that a client sets, true for on.
type Lines struct{ DTR, RTS bool }

// Taken is what a piece of a client's bytes was.
type Taken struct {
	Data  []byte // for the port
	Reply []byte // for the client, before anything else

	Lines []Lines // the modem lines, each time the client has set one
	Baud  int     // the speed that it has set, 0: none
	Purge bool    // what the client has not yet been sent is to be dropped
}

// Server is one connection. Its zero value is a new one. A client's wish that nothing be
// sent for a while is not heeded: one that does not read has the same.
type Server struct {
	lines  Lines
	broken bool // the client's break is on
	baud   uint32
	size   [3]byte // bits, parity, stop bits
	agreed bool    // the option was asked for

	state   state
	verb    byte // of a negotiation
	command []byte
}

type state int

const (
	data      state = iota
	escaped         // after IAC
	option          // after WILL, WONT, DO or DONT
	inCommand       // in a subnegotiation
	commandEscaped
)

// Begins reports whether a connection whose first bytes these are speaks Telnet. It can't
// be told, known is false, from less than two.
func Begins(first []byte) (telnet, known bool) {
	switch {
	case len(first) == 0 || len(first) == 1 && first[0] == iac:
		return false, false
	case first[0] != iac:
		return false, true
	}
	return first[1] >= sb && first[1] <= dont, true
}

// Escape is data as they go to the client.
func Escape(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for _, b := range data {
		if b == iac {
			out = append(out, iac)
		}
		out = append(out, b)
	}
	return out
}

// Take takes bytes of the client.
func (s *Server) Take(bytes []byte) (t Taken) {
	for _, b := range bytes {
		switch s.state {
		case data:
			if b == iac {
				s.state = escaped
			} else {
				t.Data = append(t.Data, b)
			}
		case escaped:
			s.state = data
			switch b {
			case iac:
				t.Data = append(t.Data, b)
			case will, wont, do, dont:
				s.verb, s.state = b, option
			case sb:
				s.command, s.state = s.command[:0], inCommand
			}
		case option:
			s.state = data
			s.negotiate(b, &t)
		case inCommand:
			if b == iac {
				s.state = commandEscaped
			} else {
				s.keep(b)
			}
		case commandEscaped:
			s.state = inCommand
			switch b {
			case iac:
				s.keep(b)
			case se:
				s.state = data
				s.execute(s.command, &t)
			default: // the client has begun something else
				s.state = data
			}
		}
	}
	return t
}

// keep keeps a byte of a subnegotiation.
func (s *Server) keep(b byte) {
	if len(s.command) < maxCommand {
		s.command = append(s.command, b)
	}
}

// negotiate answers what the client says of an option: once to each offer, so that two
// sides that both answer answers come to an end.
func (s *Server) negotiate(opt byte, t *Taken) {
	var answer byte
	known := opt == optBinary || opt == optSGA || opt == optComPort
	switch s.verb {
	case will:
		if answer = dont; known {
			answer = do
		}
	case do:
		if answer = wont; known || opt == optEcho {
			answer = will
		}
	case wont, dont:
		return // nothing depends on it
	}
	t.Reply = append(t.Reply, iac, answer, opt)
	if opt == optComPort && !s.agreed {
		s.agreed = true
		s.reply(t, notifyModemState-fromServer, 0) // no CTS, DSR, RI or CD on the board
	}
}

// execute carries out a subnegotiation: what is no command of this option, or has another
// length than the command, has no answer.
func (s *Server) execute(c []byte, t *Taken) {
	if len(c) < 2 || c[0] != optComPort {
		return
	}
	cmd, args := c[1], c[2:]
	if cmd == cmdSignature {
		s.reply(t, cmd, []byte(Signature)...)
		return
	}
	if cmd == cmdBaud {
		if len(args) != 4 {
			return
		}
		if asked := binary.BigEndian.Uint32(args); asked != 0 && asked <= 1<<24 {
			s.baud, t.Baud = asked, int(asked)
		}
		s.reply(t, cmd, binary.BigEndian.AppendUint32(nil, s.speed())...)
		return
	}
	if len(args) != 1 {
		return
	}
	switch value := args[0]; cmd {
	case cmdDataSize, cmdParity, cmdStopSize:
		s.reply(t, cmd, s.format(cmd, value))
	case cmdControl:
		if value <= maxControl {
			s.reply(t, cmd, s.control(value, t))
		}
	case cmdLineStateMask, cmdModemMask:
		s.reply(t, cmd, value)
	case cmdPurge:
		t.Purge = t.Purge || value == 1 || value == 3
		s.reply(t, cmd, value)
	}
}

// speed is the client's: what it has set, or what a board begins with.
func (s *Server) speed() uint32 {
	if s.baud == 0 {
		return 115200
	}
	return s.baud
}

// format sets the form of a byte, or tells it where value is 0: 8 bits, no parity and one
// stop bit at first, which is 1 for both. What is no such value is not set.
func (s *Server) format(cmd, value byte) byte {
	kept := &s.size[cmd-cmdDataSize]
	first, least, most := byte(1), byte(1), byte(5)
	switch cmd {
	case cmdDataSize:
		first, least, most = 8, 5, 8
	case cmdStopSize:
		most = 3
	}
	if value >= least && value <= most {
		*kept = value
	}
	if *kept == 0 {
		return first
	}
	return *kept
}

// control carries cmdControl out and returns the answer's value.
func (s *Server) control(value byte, t *Taken) byte {
	switch value {
	case dtrOn, dtrOff:
		s.lines.DTR = value == dtrOn
		t.Lines = append(t.Lines, s.lines)
	case rtsOn, rtsOff:
		s.lines.RTS = value == rtsOn
		t.Lines = append(t.Lines, s.lines)
	case breakOn, breakOff:
		s.broken = value == breakOn // the firmware does not look
	}
	choose := func(on bool, yes, no byte) byte {
		if on {
			return yes
		}
		return no
	}
	switch {
	case value >= askBreak && value <= breakOff:
		return choose(s.broken, breakOn, breakOff)
	case value >= askDTR && value <= dtrOff:
		return choose(s.lines.DTR, dtrOn, dtrOff)
	case value >= askRTS && value <= rtsOff:
		return choose(s.lines.RTS, rtsOn, rtsOff)
	case value >= askInFlow && value <= 16 || value == 18:
		return noInFlow // the board has none
	}
	return noFlow
}

// reply adds the answer to a command.
func (s *Server) reply(t *Taken, cmd byte, args ...byte) {
	t.Reply = append(t.Reply, iac, sb, optComPort, cmd+fromServer)
	t.Reply = append(t.Reply, Escape(args)...)
	t.Reply = append(t.Reply, iac, se)
}
