package ui

import (
	"math"
	"slices"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
)

// scope says where a key has its meaning.
type scope int

const (
	anywhere  scope = iota
	inPrompt        // a line is being typed to the device
	inPane          // a pane has the focus
	inFilter        // the filter is being typed
	inOverlay       // help or details are open
	scopes
)

var scopeNames = [scopes]string{"Everywhere", "In the prompt", "In a pane", "While typing a filter", "In help and details"}

// action is something that the user can do. The table below is the only place that
// says which key does what: help and footer are made from it.
type action struct {
	where scope
	only  pane // the pane that must have the focus; panePrompt: any
	keys  []key
	label string // in the footer; empty: not there
	help  string
	do    func(*Console) // nil: the line editor does it
}

// key is a key of the keyboard: a code, or a character.
type key struct {
	code tcell.Key
	char rune
	name string
}

func code(c tcell.Key, name string) key { return key{code: c, name: name} }
func char(r rune) key                   { return key{code: tcell.KeyRune, char: r, name: string(r)} }

func (k key) matches(e *tcell.EventKey) bool {
	return k.code == e.Key() && (k.code != tcell.KeyRune || k.char == e.Rune() && e.Modifiers()&tcell.ModAlt == 0)
}

// Keys that several actions use.
var (
	keyUp    = code(tcell.KeyUp, "Up")
	keyDown  = code(tcell.KeyDown, "Down")
	keyEnter = code(tcell.KeyEnter, "Enter")
	keyEsc   = code(tcell.KeyEscape, "Esc")
	keyHome  = code(tcell.KeyHome, "Home")
	keyEnd   = code(tcell.KeyEnd, "End")
	keyPgUp  = code(tcell.KeyPgUp, "PgUp")
	keyPgDn  = code(tcell.KeyPgDn, "PgDn")
)

// actions lists every key. Those of a scope go before those of anywhere.
var actions []action

func init() { actions = actionTable() } // help, which an action opens, reads it

func actionTable() []action {
	return []action{
		{inPrompt, panePrompt, []key{keyEnter}, "", "send the line to the device", (*Console).enter},
		{inPrompt, panePrompt, []key{keyUp, code(tcell.KeyCtrlP, "Ctrl-P")}, "", "the line before in the history", func(c *Console) { c.prompt.recall(-1) }},
		{inPrompt, panePrompt, []key{keyDown, code(tcell.KeyCtrlN, "Ctrl-N")}, "", "the line after", func(c *Console) { c.prompt.recall(1) }},
		{inPrompt, panePrompt, []key{keyEsc}, "", "clear the line; when it is empty, go to the log", (*Console).escape},
		{inPrompt, panePrompt, []key{code(tcell.KeyLeft, "Left"), code(tcell.KeyRight, "Right"), keyHome, keyEnd, code(tcell.KeyCtrlA, "Ctrl-A"), code(tcell.KeyCtrlE, "Ctrl-E")}, "", "move within the line; with Alt by words", nil},
		{inPrompt, panePrompt, []key{code(tcell.KeyCtrlW, "Ctrl-W"), code(tcell.KeyCtrlU, "Ctrl-U"), code(tcell.KeyCtrlK, "Ctrl-K")}, "", "delete the word before, the line, the rest of it", nil},
		{inPrompt, panePrompt, []key{code(tcell.KeyCtrlZ, "Ctrl-Z"), code(tcell.KeyCtrlY, "Ctrl-Y")}, "", "undo, redo", nil},

		{inPane, panePrompt, []key{keyUp, char('k')}, "", "scroll up, or move to the row before", func(c *Console) { c.scroll(-1) }},
		{inPane, panePrompt, []key{keyDown, char('j')}, "", "scroll down, or move to the row after", func(c *Console) { c.scroll(1) }},
		{inPane, panePrompt, []key{keyHome, char('g')}, "", "to the first line", func(c *Console) { c.scroll(math.MinInt32) }},
		{inPane, panePrompt, []key{keyEnd, char('G')}, "", "to the last line", func(c *Console) { c.scroll(math.MaxInt32) }},
		{inPane, paneSockets, []key{keyEnter}, "Details", "sockets: everything about the selected one", (*Console).openDetails},
		{inPane, panePins, []key{keyEnter}, "Toggle", "pins: apply the other level to the selected one, from outside", (*Console).togglePin},
		{inPane, panePins, []key{char('x')}, "Let go", "pins: apply nothing to the selected one", (*Console).releasePin},
		{inPane, panePrompt, []key{char('z')}, "Zoom", "this pane alone, and back", (*Console).zoom},
		{inPane, panePrompt, []key{char('f')}, "Follow", "the log follows what happens", func(c *Console) { c.log.follow() }},
		{inPane, panePrompt, []key{char('/')}, "Filter", "show lines with a text only", (*Console).startFilter},
		{inPane, panePrompt, []key{char('v')}, "Lines", "show lines of the device, the simulator, problems, or all", (*Console).nextSources},
		{inPane, panePrompt, []key{char('c')}, "", "clear the log", func(c *Console) { c.model.log.clear(); c.log.follow() }},
		{inPane, panePrompt, []key{char('p'), char(' ')}, "Pause", "pause or continue", (*Console).pause},
		{inPane, panePrompt, []key{char('s')}, "Step", "let one event happen, then pause", (*Console).step},
		{inPane, panePrompt, []key{char('-')}, "", "slower", func(c *Console) { c.changeSpeed(-1) }},
		{inPane, panePrompt, []key{char('+')}, "", "faster", func(c *Console) { c.changeSpeed(1) }},
		{inPane, panePrompt, []key{char('=')}, "", "real time", func(c *Console) { c.setSpeed(1) }},
		{inPane, panePrompt, []key{char('R')}, "", "press the board's reset button", (*Console).pressReset},
		{inPane, panePrompt, []key{char('m')}, "", "the mouse for the console, or for the terminal to select text", (*Console).toggleMouse},
		{inPane, panePrompt, []key{char('i'), char(':'), keyEsc}, "Prompt", "back to the prompt", (*Console).toPrompt},
		{inPane, panePrompt, []key{char('?'), char('h')}, "Help", "help", (*Console).openHelp},
		{inPane, panePrompt, []key{char('q')}, "Quit", "quit", (*Console).leave},

		{inFilter, panePrompt, []key{keyEnter}, "Keep", "keep the filter", (*Console).keepFilter},
		{inFilter, panePrompt, []key{keyEsc}, "All lines", "show all lines again", (*Console).dropFilter},

		{inOverlay, panePrompt, []key{keyUp, char('k')}, "", "scroll up", func(c *Console) { c.overlay.move(-1) }},
		{inOverlay, panePrompt, []key{keyDown, char('j')}, "", "scroll down", func(c *Console) { c.overlay.move(1) }},
		{inOverlay, panePrompt, []key{keyPgUp}, "", "a page up", func(c *Console) { c.overlay.move(-c.overlay.height) }},
		{inOverlay, panePrompt, []key{keyPgDn, char(' ')}, "", "a page down", func(c *Console) { c.overlay.move(c.overlay.height) }},
		{inOverlay, panePrompt, []key{keyEsc, keyEnter, char('q'), code(tcell.KeyF1, "F1")}, "Close", "close", func(c *Console) { c.overlay = nil }},

		{anywhere, panePrompt, []key{code(tcell.KeyF1, "F1")}, "Help", "help: every key", (*Console).openHelp},
		{anywhere, panePrompt, []key{code(tcell.KeyF2, "F2")}, "Pause", "pause or continue", (*Console).pause},
		{anywhere, panePrompt, []key{code(tcell.KeyF3, "F3")}, "Step", "let one event happen, then pause", (*Console).step},
		{anywhere, panePrompt, []key{code(tcell.KeyF4, "F4")}, "Slower", "slower, down to a tenth of real time", func(c *Console) { c.changeSpeed(-1) }},
		{anywhere, panePrompt, []key{code(tcell.KeyF5, "F5")}, "Faster", "faster, up to as fast as possible", func(c *Console) { c.changeSpeed(1) }},
		{anywhere, panePrompt, []key{code(tcell.KeyF6, "F6")}, "Zoom", "the pane in focus, or the log, alone; and back", (*Console).zoom},
		{anywhere, panePrompt, []key{code(tcell.KeyF7, "F7")}, "Filter", "show lines of the log with a text only", (*Console).startFilter},
		{anywhere, panePrompt, []key{code(tcell.KeyF8, "F8")}, "Lines", "show lines of the device, the simulator, problems, or all", (*Console).nextSources},
		{anywhere, panePrompt, []key{code(tcell.KeyF9, "F9")}, "Reset", "press the board's reset button", (*Console).pressReset},
		{anywhere, panePrompt, []key{code(tcell.KeyF10, "F10"), code(tcell.KeyCtrlC, "Ctrl-C")}, "Quit", "quit", (*Console).leave},
		{anywhere, panePrompt, []key{code(tcell.KeyTab, "Tab")}, "", "the next pane", func(c *Console) { c.moveFocus(1) }},
		{anywhere, panePrompt, []key{code(tcell.KeyBacktab, "Shift-Tab")}, "", "the pane before", func(c *Console) { c.moveFocus(-1) }},
		{anywhere, panePrompt, []key{keyPgUp}, "", "a page up in the pane, or in the log", func(c *Console) { c.scrollPage(-1) }},
		{anywhere, panePrompt, []key{keyPgDn}, "", "a page down", func(c *Console) { c.scrollPage(1) }},
		{anywhere, panePrompt, []key{code(tcell.KeyCtrlL, "Ctrl-L")}, "", "draw the screen anew", func(c *Console) { c.screen.Sync() }},
	}
}

// applies reports whether the action's keys have their meaning now.
func (a *action) applies(here scope, focus pane) bool {
	return a.where == anywhere || a.where == here && (a.only == panePrompt || a.only == focus)
}

// scope returns where a key would go now.
func (c *Console) scope() scope {
	switch {
	case c.overlay != nil:
		return inOverlay
	case c.filtering:
		return inFilter
	case c.focus == panePrompt:
		return inPrompt
	}
	return inPane
}

// find returns the action of a key, or nil.
func (c *Console) find(e *tcell.EventKey) *action {
	here := c.scope()
	for i := range actions {
		a := &actions[i]
		if a.applies(here, c.focus) && slices.ContainsFunc(a.keys, func(k key) bool { return k.matches(e) }) {
			return a
		}
	}
	return nil
}

// enter sends what was typed.
func (c *Console) enter() {
	if n := len(c.prompt.text()); n > longestLine {
		c.say("the device throws away lines of more than " + thousands(longestLine) + " characters")
		return
	}
	c.outbox.lines = append(c.outbox.lines, c.prompt.accept())
	c.log.follow()
	if c.clock().State().Paused {
		c.say("the world is paused: the line is typed when it goes on")
	}
}

func (c *Console) escape() {
	if c.prompt.text() == "" {
		c.focus = paneLog
		return
	}
	c.prompt.accept()
}

func (c *Console) toPrompt() { c.focus = panePrompt }

// moveFocus goes to the next pane that is seen.
func (c *Console) moveFocus(d int) {
	for range panes {
		c.focus = (c.focus + pane(d) + panes) % panes
		if !c.layout.panes[c.focus].empty() {
			return
		}
	}
}

// scrolling is the view that scroll keys act on.
func (c *Console) scrolling() view {
	if v := c.views[c.focus]; v != nil {
		return v
	}
	return c.log
}

func (c *Console) scroll(n int) { c.scrolling().scroll(n) }

func (c *Console) scrollPage(d int) {
	v := c.scrolling()
	v.scroll(d * v.page())
}

// zoom shows the pane in focus alone, or all of them again.
func (c *Console) zoom() {
	switch {
	case c.zoomed != panePrompt:
		c.zoomed = panePrompt
	case c.focus == panePrompt:
		c.zoomed = paneLog
	default:
		c.zoomed = c.focus
	}
}

func (c *Console) startFilter() {
	c.filtering = true
	c.filterLine.set(c.log.filter)
}

func (c *Console) keepFilter() { c.filtering = false }

func (c *Console) dropFilter() {
	c.filtering = false
	c.log.filter = ""
	c.filterLine.set("")
}

func (c *Console) nextSources() {
	c.log.sources = (c.log.sources + 1) % sourceChoices
	c.log.follow()
	c.say("the log shows " + sourceNames[c.log.sources])
}

func (c *Console) pause() {
	if c.clock().State().Paused {
		c.clock().Continue()
	} else {
		c.clock().Pause()
	}
}

func (c *Console) step() {
	if !c.clock().State().Paused {
		c.clock().Pause()
	}
	c.clock().Step()
}

// speeds are the factors that slower and faster go through.
var speeds = []float64{0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, clock.Max}

func (c *Console) changeSpeed(d int) {
	now := c.clock().State().Speed
	i := slices.IndexFunc(speeds, func(s float64) bool { return s >= now })
	if d > 0 && speeds[i] > now {
		d-- // between two factors: the next is already higher
	}
	c.setSpeed(speeds[max(min(i+d, len(speeds)-1), 0)])
}

func (c *Console) setSpeed(s float64) { c.clock().SetSpeed(s) }

func (c *Console) pressReset() {
	d := c.cfg.Device
	c.post(func() { d.PressReset() })
}

// togglePin applies to the selected pin the level that it does not have.
func (c *Console) togglePin() {
	c.withPin(func(d *sim.Device, p sim.PinSnapshot) error { return d.SetInput(p.Index, 1-p.Level) })
}

// releasePin takes away what was applied to the selected pin.
func (c *Console) releasePin() {
	c.withPin(func(d *sim.Device, p sim.PinSnapshot) error { return d.ReleaseInput(p.Index) })
}

func (c *Console) withPin(do func(*sim.Device, sim.PinSnapshot) error) {
	v := c.views[panePins].(*pinView)
	if v.cursor >= len(c.model.snap.Pins) {
		return
	}
	d, p := c.cfg.Device, c.model.snap.Pins[v.cursor]
	if p.Mode == "output" {
		c.say("pin " + p.Name + " is an output: the program decides its level")
	}
	c.post(func() {
		if err := do(d, p); err != nil {
			c.Note("pin " + p.Name + ": " + err.Error())
		}
	})
}

func (c *Console) toggleMouse() {
	c.mouse = !c.mouse
	if c.mouse {
		c.screen.EnableMouse(tcell.MouseButtonEvents)
		c.say("the mouse is the console's")
	} else {
		c.screen.DisableMouse()
		c.say("the mouse is the terminal's, to select text")
	}
}

func (c *Console) leave() { c.quit = true }
