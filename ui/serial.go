package ui

import (
	"strings"
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// maxLine is how many characters a line of the log may have; a longer one goes on
// in the next.
const maxLine = 1024

// serial is the terminal at the other end of the device's serial port: it turns
// the raw bytes into lines. It obeys carriage return, backspace and tab, and drops
// escape sequences.
type serial struct {
	line  []rune
	col   int
	since clock.Time // when the line last changed
	rest  []byte     // an unfinished UTF-8 sequence
	esc   escape
	ended int // lines that were completed
}

// escape is how far an escape sequence has come.
type escape int

const (
	noEscape escape = iota
	escapeSeen
	inSequence
)

// write takes what the device sent at time at, and calls done for each line that
// is complete.
func (s *serial) write(at clock.Time, text string, done func(at clock.Time, line string)) {
	data := append(s.rest, text...)
	s.rest = nil
	for len(data) > 0 {
		if !utf8.FullRune(data) {
			s.rest = append([]byte(nil), data...)
			return
		}
		r, n := utf8.DecodeRune(data)
		data = data[n:]
		if s.skip(r) {
			continue
		}
		s.since = at
		switch r {
		case '\n':
			s.end(done)
		case '\r':
			s.col = 0
		case '\b':
			s.col = max(s.col-1, 0)
		case '\t':
			s.put(' ', done)
			for s.col%8 != 0 {
				s.put(' ', done)
			}
		case '\a', 0:
		default:
			s.put(r, done)
		}
	}
}

// skip reports whether r is a part of an escape sequence.
func (s *serial) skip(r rune) bool {
	switch {
	case r == 0x1b:
		s.esc = escapeSeen
	case s.esc == escapeSeen && r == '[':
		s.esc = inSequence
	case s.esc == inSequence && r >= 0x20 && r < 0x40: // parameters
	case s.esc == inSequence && r >= 0x40 && r < 0x7f: // its last character
		s.esc = noEscape
	case s.esc == escapeSeen && r >= 0x20:
		s.esc = noEscape
	default:
		s.esc = noEscape
		return false
	}
	return true
}

func (s *serial) put(r rune, done func(clock.Time, string)) {
	if s.col >= maxLine {
		s.end(done)
	}
	if s.col < len(s.line) {
		s.line[s.col] = r
	} else {
		s.line = append(s.line, r)
	}
	s.col++
}

func (s *serial) end(done func(clock.Time, string)) {
	s.ended++
	done(s.since, strings.TrimRight(string(s.line), " "))
	s.line, s.col = s.line[:0], 0
}

// partial returns the line that is not complete yet: a prompt, or output without
// a line end. Blanks right of the cursor are what erasing left behind.
func (s *serial) partial() string {
	return string(s.line[:s.col]) + strings.TrimRight(string(s.line[s.col:]), " ")
}

// flush ends a line that will not be completed.
func (s *serial) flush(done func(clock.Time, string)) {
	if len(s.line) > 0 {
		s.end(done)
	}
	s.rest, s.esc = nil, noEscape
}
