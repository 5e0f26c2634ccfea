package simtest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// The serial port: what the device prints, and what is typed to it.

// print takes what a device prints.
func (s *state) print(text string) {
	if s.unread = append(s.unread, text...); len(s.unread) > 2*keptLog {
		s.unread = append(s.unread[:0], s.unread[len(s.unread)-keptLog:]...)
		s.cut++
	}
}

// Output returns what the device has printed, without the echo of what was typed, and no
// Expect or Output has returned yet. Line ends are \n.
func (d *Device) Output() string {
	return d.take(len(d.unread))
}

// Expect waits until the device prints a text, which may go over several lines, and returns
// what it has printed up to its end, since the last Expect. What comes behind is left for the
// next. The echo of what is typed does not count.
func (d *Device) Expect(text string) string {
	d.t.Helper()
	return d.take(d.expect(fmt.Sprintf("%q", text), func(from int) (end, next int) {
		if at := bytes.Index(d.unread[from:], []byte(text)); at >= 0 {
			return from + at + len(text), 0
		}
		return -1, max(len(d.unread)-len(text)+1, 0)
	}))
}

// ExpectMatch waits for a line that matches a regular expression (of package regexp), and
// returns what the expression and its groups have matched. Lines are held against it when they
// are complete; those up to this one are taken. A prompt stands on the line of what is printed
// after it, as in "> text".
func (d *Device) ExpectMatch(expr string) []string {
	d.t.Helper()
	re, err := regexp.Compile(expr)
	if err != nil {
		d.fatal("simtest: ExpectMatch: %v", err)
		return nil
	}
	var found []string
	d.take(d.expect("a line that matches "+expr, func(from int) (end, next int) {
		for {
			line, _, complete := bytes.Cut(d.unread[from:], []byte("\n"))
			if !complete {
				return -1, from
			}
			from += len(line) + 1
			if found = re.FindStringSubmatch(string(line)); found != nil {
				return from, 0
			}
		}
	}))
	return found
}

// expect waits for something in what is printed. look looks for it from an offset on, and
// returns where it ends, or -1 and from where to look when there is more. expect returns the
// end, or -1 when it has failed.
func (d *Device) expect(what string, look func(from int) (end, next int)) (end int) {
	d.t.Helper()
	if !d.ready() {
		return -1
	}
	looked, cut, from := -1, d.cut, 0
	end = -1
	ok := d.await(d.after(d.timeout), func() bool {
		if d.cut != cut {
			looked, cut, from = -1, d.cut, 0
		}
		if len(d.unread) > looked {
			looked = len(d.unread)
			end, from = look(from)
		}
		return end >= 0
	})
	if !ok && d.reason() == nil {
		const most = 500
		got := d.unread
		if len(got) > most {
			got = append([]byte("…"), got[len(got)-most:]...)
		}
		d.fatal("%s has not printed %s within %.6g s, but %q", d.d.Name(), what, d.timeout.Seconds(), got)
		return -1
	}
	return end
}

// take returns what was printed up to end, and forgets it.
func (d *Device) take(end int) string {
	if end < 0 || end > len(d.unread) {
		return ""
	}
	text := string(d.unread[:end])
	d.unread = d.unread[end:]
	return text
}

// Type types at the serial port, as upload tools do: when the device is up and at its
// prompt, at the speed of the port, the next line when the one before has run. It does not
// wait: that happens as time passes. Lines end with \n.
func (d *Device) Type(text string) {
	d.t.Helper()
	if d.ready() {
		d.typing = append(d.typing, text...)
		d.asked = false
		d.d.Serial.Pull()
		d.alive()
	}
}

// nextLine is the source of the device's serial port: it is asked when the device has run
// what came before.
func (s *state) nextLine() []byte {
	if len(s.typing) == 0 {
		s.asked = true
		return nil
	}
	n := len(s.typing)
	if end := bytes.IndexByte(s.typing, '\n'); end >= 0 {
		n = end + 1
	}
	line := s.typing[:n:n]
	s.typing = s.typing[n:]
	s.asked = false
	return line
}

// Lua types an expression at the prompt, with a = before it, or a statement, and returns what
// the device prints until it is at its prompt again, without the last line end: values as
// print shows them. What the program prints meanwhile is in it, too; Expect does not see it.
// It is one line, as the prompt has it: no line end, at most 254 bytes.
func (d *Device) Lua(code string) string {
	d.t.Helper()
	line := code
	if vm.CheckSyntax([]byte("return "+code), "=stdin") == nil {
		line = "=" + code
	}
	if err := vm.CheckSyntax([]byte(code), "=stdin"); line == code && err != nil && strings.HasSuffix(err.Error(), "'<eof>'") {
		d.fatal("simtest: Lua(%.40q): the statement is not complete: %v", code, err)
		return ""
	}
	if strings.ContainsAny(line, "\r\n") || line == "" || len(line)+1 >= serial.LineBuffer {
		d.fatal("simtest: Lua(%.40q): write one line of at most %d bytes", code, serial.LineBuffer-2)
		return ""
	}
	if !d.ready() {
		return ""
	}
	idle := func() bool { return d.asked && len(d.typing) == 0 }
	d.Type("")
	deadline := d.after(d.timeout)
	if !d.await(deadline, idle) {
		d.notAtPrompt()
		return ""
	}
	before := d.unread
	d.unread = nil
	d.Type(line + "\n")
	ok := d.await(deadline, idle)
	answer := string(d.unread)
	d.unread = before
	if !ok {
		d.notAtPrompt()
		return ""
	}
	answer = strings.TrimSuffix(answer, d.d.REPL.Prompt())
	return strings.TrimSuffix(answer, "\n")
}

func (d *Device) notAtPrompt() {
	d.t.Helper()
	if d.reason() == nil {
		d.fatal("%s is not at its prompt within %.6g s", d.d.Name(), d.timeout.Seconds())
	}
}
