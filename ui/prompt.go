package ui

import "strings"

// longestLine is how many characters a line may have: the device throws a longer
// one away (reference: serial console).
const longestLine = 255

// prompt is the line that is typed to the device on show, with what was typed
// before. Completion (complete.go) is a part of it.
type prompt struct {
	actor
	window *window

	line
	history *history
	at      int    // position in the history; its length is the line being typed
	draft   string // that line, while another is shown
}

func newPrompt(with actor, w *window, stateDir string) prompt {
	p := prompt{actor: with, window: w, line: newLine(), history: openHistory(stateDir)}
	p.at = len(p.history.lines)
	return p
}

// submit hands the typed line to the typist of the device on show.
func (p *prompt) submit() {
	if n := len(p.text()); n > longestLine {
		p.say("the device throws away lines of more than " + thousands(longestLine) + " characters")
		return
	}
	line, err := p.takeLine()
	if err != nil {
		p.say(err.Error())
	}
	p.devices.shown.typist.add(line)
	p.devices.shown.log.follow()
	if p.world.clock().State().Paused {
		p.say("the world is paused: the line is typed when it goes on")
	}
}

// takeLine empties the prompt and remembers the line. The error says that it could
// not be kept for the next run.
func (p *prompt) takeLine() (string, error) {
	s := p.text()
	err := p.history.add(s)
	p.at, p.draft = len(p.history.lines), ""
	p.set("")
	return s, err
}

// clear empties the prompt; when it is empty the log gets the focus.
func (p *prompt) clear() {
	if p.text() == "" {
		p.window.focus = paneLog
		return
	}
	p.draft, p.at = "", len(p.history.lines)
	p.set("")
}

// recall shows the line d steps later in the history.
func (p *prompt) recall(d int) {
	lines := p.history.lines
	to := max(min(p.at+d, len(lines)), 0)
	if to == p.at {
		return
	}
	if p.at == len(lines) {
		p.draft = p.text()
	}
	p.at = to
	if to == len(lines) {
		p.set(p.draft)
	} else {
		p.set(lines[to])
	}
}

// pasteLines puts pasted text into the prompt. Lines that are complete are submitted
// one by one; the last, without a line end, waits for Enter.
func (p *prompt) pasteLines(pasted string) {
	p.window.focus = panePrompt
	for {
		line, rest, more := strings.Cut(pasted, "\n")
		p.paste(strings.ReplaceAll(line, "\t", "    "))
		if !more {
			return
		}
		if p.submit(); p.text() != "" {
			return // too long: the rest would be typed after it
		}
		pasted = rest
	}
}

// draw draws the device's prompt and the line typed after it; with focus
// it shows the cursor.
func (p *prompt) draw(c canvas, focused bool) {
	role, label := dim, p.devices.shown.model.prompt()
	if label == "" {
		label = "> " // the device is not waiting for a line; it buffers what is typed
	} else if focused {
		role = accent
	}
	x := c.text(0, 0, role, label)
	room := c.w - x
	if n := len(p.text()); n > longestLine*3/4 {
		role := dim
		if n > longestLine {
			role = bad
		}
		room = c.right(c.w, 0, role, " "+thousands(n)+"/"+thousands(longestLine)) - x
	}
	if p.text() == "" && !focused {
		c.text(x, 0, dim, "Esc to type Lua")
		return
	}
	p.line.draw(c.sub(x, 0, room, 1), focused)
}
