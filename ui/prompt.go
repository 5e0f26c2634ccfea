package ui

import (
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// historyLines is how many lines the prompt remembers.
const historyLines = 500

// longestLine is how many characters a line may have: the device throws a longer
// one away (reference/device.md, serial console).
const longestLine = 255

// line is a one-line editor. Editing is tview's InputField, used as a widget
// without tview's application: the console has a loop of its own.
type line struct{ field *tview.InputField }

func newLine() line {
	f := tview.NewInputField()
	f.SetBackgroundColor(tcell.ColorDefault)
	f.SetFieldStyle(tcell.StyleDefault)
	f.Focus(func(tview.Primitive) {})
	return line{f}
}

func (l line) text() string          { return l.field.GetText() }
func (l line) set(s string)          { l.field.SetText(s) }
func (l line) key(e *tcell.EventKey) { l.field.InputHandler()(e, func(tview.Primitive) {}) }
func (l line) paste(s string)        { l.field.PasteHandler()(s, func(tview.Primitive) {}) }

// draw draws the line; with focus it shows the cursor.
func (l line) draw(c canvas, focused bool) {
	if focused {
		l.field.Focus(func(tview.Primitive) {})
	} else {
		l.field.Blur()
	}
	l.field.SetRect(c.x, c.y, c.w, 1)
	l.field.Draw(c.screen)
}

// promptLine is the line that is typed to the device, with what was typed before.
type promptLine struct {
	line
	history []string
	at      int    // position in history; len(history) is the line being typed
	draft   string // that line, while another is shown
}

// accept takes the typed line and remembers it.
func (p *promptLine) accept() string {
	s := p.text()
	if strings.TrimSpace(s) != "" && (len(p.history) == 0 || p.history[len(p.history)-1] != s) {
		if len(p.history) == historyLines {
			p.history = p.history[:copy(p.history, p.history[1:])]
		}
		p.history = append(p.history, s)
	}
	p.at, p.draft = len(p.history), ""
	p.set("")
	return s
}

// recall shows the line d steps later in the history.
func (p *promptLine) recall(d int) {
	to := max(min(p.at+d, len(p.history)), 0)
	if to == p.at {
		return
	}
	if p.at == len(p.history) {
		p.draft = p.text()
	}
	p.at = to
	if to == len(p.history) {
		p.set(p.draft)
	} else {
		p.set(p.history[to])
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
	o := &c.outbox
	if len(o.lines) == 0 || c.clock().State().Paused {
		return
	}
	answered := c.model.serial.ended > o.before && c.model.prompt() != ""
	if !answered && now.Sub(o.sent) < patience {
		return
	}
	d, data := c.cfg.Device, []byte(o.lines[0]+"\n")
	if c.post(func() { d.TypeSerial(data) }) {
		o.lines = o.lines[1:]
		o.sent, o.before = now, c.model.serial.ended
	}
}

// drawPrompt draws the device's prompt and the line typed after it, or the filter
// being typed.
func (c *Console) drawPrompt(cv canvas) {
	if cv.empty() {
		return
	}
	if c.filtering {
		x := cv.text(0, 0, accent, "show lines with: ")
		c.filterLine.draw(cv.sub(x, 0, cv.w-x, 1), true)
		return
	}
	focused := c.focus == panePrompt && c.overlay == nil
	role, label := dim, c.model.prompt()
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
