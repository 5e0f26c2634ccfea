package ui

import (
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
)

// longestLine is how many characters a line may have: the device throws a longer
// one away (reference/device.md, serial console).
const longestLine = 255

// line is a one-line editor. Editing is tview's TextArea, used as a widget without
// tview's application: the console has a loop of its own.
type line struct{ area *tview.TextArea }

func newLine() line {
	a := tview.NewTextArea().SetWrap(false)
	a.SetBackgroundColor(tcell.ColorDefault)
	a.SetTextStyle(tcell.StyleDefault)
	a.SetSelectedStyle(tcell.StyleDefault.Reverse(true))
	a.Focus(func(tview.Primitive) {})
	return line{a}
}

func (l line) text() string          { return l.area.GetText() }
func (l line) set(s string)          { l.area.SetText(s, true) }
func (l line) key(e *tcell.EventKey) { l.area.InputHandler()(e, func(tview.Primitive) {}) }
func (l line) paste(s string)        { l.area.PasteHandler()(s, func(tview.Primitive) {}) }

// cursor returns where the cursor is, in bytes from the start.
func (l line) cursor() int {
	_, start, end := l.area.GetSelection()
	return max(start, end)
}

// insert puts s where the cursor is.
func (l line) insert(s string) { at := l.cursor(); l.area.Replace(at, at, s) }

// draw draws the line; with focus it shows the cursor.
func (l line) draw(c canvas, focused bool) {
	if focused {
		l.area.Focus(func(tview.Primitive) {})
	} else {
		l.area.Blur()
	}
	l.area.SetRect(c.x, c.y, c.w, 1)
	l.area.Draw(c.screen)
}

// promptLine is the line that is typed to the device, with what was typed before.
type promptLine struct {
	line
	history *history
	at      int    // position in the history; its length is the line being typed
	draft   string // that line, while another is shown
}

func newPromptLine(stateDir string) promptLine {
	p := promptLine{line: newLine(), history: openHistory(stateDir)}
	p.at = len(p.history.lines)
	return p
}

// accept takes the typed line and remembers it. The error says that it could not
// be kept for the next run.
func (p *promptLine) accept() (string, error) {
	s := p.text()
	err := p.history.add(s)
	p.at, p.draft = len(p.history.lines), ""
	p.set("")
	return s, err
}

// recall shows the line d steps later in the history.
func (p *promptLine) recall(d int) {
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

// outbox are the lines that are to be typed to the device. It gets the next one
// when it has taken the one before and shows a prompt, as a person would: its
// receive buffer holds 256 bytes and loses what does not fit.
type outbox struct {
	lines  []string
	sent   time.Time // when the last one was typed
	before int       // lines the device had printed then
}

// patience is how long the outbox waits for a prompt; a program may have taken the
// serial port over and show none.
const patience = time.Second

// sendNext types the next line of the outbox, if it is time to.
func (c *Console) sendNext(now time.Time) {
	o := &c.devices.shown.outbox
	if len(o.lines) == 0 || c.world.clock().State().Paused {
		return
	}
	answered := c.devices.shown.model.serial.ended > o.before && c.devices.shown.model.prompt() != ""
	if !answered && now.Sub(o.sent) < patience {
		return
	}
	if c.world.send(c.devices.shown.device.Name(), input.Typed{Data: []byte(o.lines[0] + "\n")}, nil) {
		o.lines = o.lines[1:]
		o.sent, o.before = now, c.devices.shown.model.serial.ended
	}
}

// drawPrompt draws the device's prompt and the line typed after it.
func (c *Console) drawPrompt(cv canvas) {
	focused := c.scope() == inPrompt
	role, label := dim, c.devices.shown.model.prompt()
	if label == "" {
		label = "> " // the device is not waiting for a line; it buffers what is typed
	} else if focused {
		role = accent
	}
	x := cv.text(0, 0, role, label)
	room := cv.w - x
	if n := len(c.prompt.text()); n > longestLine*3/4 {
		role := dim
		if n > longestLine {
			role = bad
		}
		room = cv.right(cv.w, 0, role, " "+thousands(n)+"/"+thousands(longestLine)) - x
	}
	if c.prompt.text() == "" && !focused {
		cv.text(x, 0, dim, "Esc to type Lua")
		return
	}
	c.prompt.draw(cv.sub(x, 0, room, 1), focused)
}

// enter sends what was typed.
func (c *Console) enter() {
	if n := len(c.prompt.text()); n > longestLine {
		c.say("the device throws away lines of more than " + thousands(longestLine) + " characters")
		return
	}
	line, err := c.prompt.accept()
	if err != nil {
		c.say(err.Error())
	}
	c.devices.shown.outbox.lines = append(c.devices.shown.outbox.lines, line)
	c.devices.shown.log.follow()
	if c.world.clock().State().Paused {
		c.say("the world is paused: the line is typed when it goes on")
	}
}

func (c *Console) escape() {
	if c.prompt.text() == "" {
		c.window.focus = paneLog
		return
	}
	c.prompt.draft, c.prompt.at = "", len(c.prompt.history.lines)
	c.prompt.set("")
}
