package ui

import (
	"math"
	"slices"

	"github.com/gdamore/tcell/v2"
)

// scope says where a key has its meaning.
type scope int

const (
	anywhere   scope = iota
	inPrompt         // a line is being typed to the device
	inPane           // a pane has the focus
	inQuestion       // a line is asked for: a filter, a file, a voltage
	inMenu           // a list to choose from is open
	inOverlay        // help or details are open
	scopes
)

var scopeNames = [scopes]string{"Everywhere", "In the prompt", "In a pane", "While a line is asked for", "In a menu", "In help and details"}

// action is something that the user can do. The table below is the only place that
// says which key does what: help, footer, command palette and tests read it.
type action struct {
	where  scope
	only   pane // the pane that must have the focus; panePrompt: any
	keys   []key
	label  string // in the footer; empty: not there
	help   string
	do     func(*Console) // nil: the line editor does it
	motion bool           // moves about: not in the command palette
}

// actor is what an action acts with: the device on show, the world, what can stand
// in front of the panes, and a word to the user. The actions of a subject are the
// methods of a type that embeds it; the table below says which key calls which.
type actor struct {
	devices *devices
	world   *requests
	boxes   *boxes
	say     func(string)
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

// keyNames returns the names of the action's keys, as help shows them.
func (a *action) keyNames() []string {
	var names []string
	for _, k := range a.keys {
		if k.name == " " {
			k.name = "Space"
		}
		names = append(names, k.name)
	}
	return names
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
	keyTab   = code(tcell.KeyTab, "Tab")
	keyCtrlO = code(tcell.KeyCtrlO, "Ctrl-O")
	keyCtrlC = code(tcell.KeyCtrlC, "Ctrl-C")
)

// actions lists every key. Those of a scope go before those of anywhere.
var actions []action

func init() { // help and the palette, which actions open, read it
	actions = slices.Concat(promptActions(), paneActions(), boxActions(), globalActions())
}

// act and motion are rows of the table; motion moves about.
func act(where scope, only pane, keys []key, label, help string, do func(*Console)) action {
	return action{where, only, keys, label, help, do, false}
}

func motion(where scope, keys []key, help string, do func(*Console)) action {
	return action{where, panePrompt, keys, "", help, do, true}
}

func promptActions() []action {
	return []action{
		act(inPrompt, panePrompt, []key{keyEnter}, "", "send the line to the device", func(c *Console) { c.prompt.submit() }),
		act(inPrompt, panePrompt, []key{keyTab}, "", "complete a name; on an empty line go to the next pane", func(c *Console) { c.prompt.complete() }),
		motion(inPrompt, []key{keyUp, code(tcell.KeyCtrlP, "Ctrl-P")}, "the line before in the history", func(c *Console) { c.prompt.recall(-1) }),
		motion(inPrompt, []key{keyDown, code(tcell.KeyCtrlN, "Ctrl-N")}, "the line after", func(c *Console) { c.prompt.recall(1) }),
		motion(inPrompt, []key{keyEsc}, "clear the line; when it is empty, go to the log", func(c *Console) { c.prompt.clear() }),
		motion(inPrompt, []key{code(tcell.KeyLeft, "Left"), code(tcell.KeyRight, "Right"), keyHome, keyEnd, code(tcell.KeyCtrlA, "Ctrl-A"), code(tcell.KeyCtrlE, "Ctrl-E")}, "move within the line; with Alt by words", nil),
		motion(inPrompt, []key{code(tcell.KeyCtrlW, "Ctrl-W"), code(tcell.KeyCtrlU, "Ctrl-U"), code(tcell.KeyCtrlK, "Ctrl-K")}, "delete the word before, the line, the rest of it", nil),
		motion(inPrompt, []key{code(tcell.KeyCtrlZ, "Ctrl-Z"), code(tcell.KeyCtrlY, "Ctrl-Y")}, "undo, redo", nil),
	}
}

func paneActions() []action {
	all := panePrompt
	return []action{
		motion(inPane, []key{keyUp, char('k')}, "scroll up, or move to the row before", func(c *Console) { c.window.scroll(-1) }),
		motion(inPane, []key{keyDown, char('j')}, "scroll down, or move to the row after", func(c *Console) { c.window.scroll(1) }),
		motion(inPane, []key{keyHome, char('g')}, "to the first line", func(c *Console) { c.window.scroll(math.MinInt32) }),
		motion(inPane, []key{keyEnd, char('G')}, "to the last line", func(c *Console) { c.window.scroll(math.MaxInt32) }),
		act(inPane, paneSockets, []key{keyEnter}, "Details", "socket: everything about the selected one", func(c *Console) { c.sockets.openDetails() }),
		act(inPane, paneSockets, []key{char('x')}, "Reset it", "socket: reset the connection, for both ends", func(c *Console) { c.sockets.reset() }),
		act(inPane, paneSockets, []key{char('l')}, "Cut link", "socket: cut its link, so that no packet passes, or mend it", func(c *Console) { c.sockets.toggleCut() }),
		act(inPane, panePins, []key{keyEnter}, "Toggle", "pin: apply the other level, from outside; press a button", func(c *Console) { c.pins.toggle() }),
		act(inPane, panePins, []key{char('x')}, "Let go", "pin: apply nothing to the selected one", func(c *Console) { c.pins.release() }),
		act(inPane, panePins, []key{char('a')}, "Volts", "set the voltage at the analogue input", func(c *Console) { c.pins.askVoltage() }),
		act(inPane, all, []key{char('z')}, "Zoom", "the pane in focus, or the log, alone; and back", func(c *Console) { c.window.zoom() }),
		act(inPane, all, []key{char('/')}, "Search", "log: search for a text", func(c *Console) { c.log.startSearch() }),
		motion(inPane, []key{char('n')}, "to the match before, upwards", func(c *Console) { c.log.searchNext(-1) }),
		motion(inPane, []key{char('N')}, "to the match after, downwards", func(c *Console) { c.log.searchNext(1) }),
		act(inPane, all, []key{char('&')}, "Filter", "log: show lines with a text only", func(c *Console) { c.log.startFilter() }),
		act(inPane, all, []key{char('v')}, "Lines", "log: show lines of the device, the simulator, problems, or all", func(c *Console) { c.log.nextSources() }),
		act(inPane, all, []key{char('f')}, "Follow", "log: follow what happens", func(c *Console) { c.devices.shown.log.follow() }),
		act(inPane, all, []key{char('w')}, "", "log: save the lines shown to a file", func(c *Console) { c.log.askSave() }),
		act(inPane, all, []key{char('y')}, "", "log: copy the lines on the screen", func(c *Console) { c.log.copySeen() }),
		act(inPane, all, []key{char('Y')}, "", "log: copy all lines that pass the filter", func(c *Console) { c.log.copyAll() }),
		act(inPane, all, []key{char('c')}, "", "log: clear it", func(c *Console) { c.log.clear() }),
		act(inPane, all, []key{char('p'), char(' ')}, "Pause", "pause or continue", func(c *Console) { c.pace.pause() }),
		act(inPane, all, []key{char('s')}, "Step", "let one event happen, then pause", func(c *Console) { c.pace.step() }),
		act(inPane, all, []key{char('-')}, "", "slower, down to a tenth of real time", func(c *Console) { c.pace.changeSpeed(-1) }),
		act(inPane, all, []key{char('+')}, "", "faster, up to as fast as possible", func(c *Console) { c.pace.changeSpeed(1) }),
		act(inPane, all, []key{char('=')}, "", "real time", func(c *Console) { c.pace.setSpeed(1) }),
		act(inPane, all, []key{char('R')}, "", "press the board's reset button", func(c *Console) { c.board.pressReset() }),
		act(inPane, all, []key{char('P')}, "", "take the board's power away and give it back", func(c *Console) { c.board.powerCycle() }),
		act(inPane, all, []key{char('r')}, "", "restart with the changed files of the app's directory", func(c *Console) { c.board.restart() }),
		act(inPane, all, []key{char('W')}, "", "Wi-Fi: switch the access points off, or on", func(c *Console) { c.network.toggleAir() }),
		act(inPane, all, []key{char('L')}, "", "Wi-Fi: make the network far, slow or lossy", func(c *Console) { c.network.openFaults() }),
		act(inPane, all, []key{char('C')}, "", "heap: collect garbage", func(c *Console) { c.heap.collectGarbage() }),
		act(inPane, all, []key{char('S')}, "", "heap: save a snapshot and compare it with the last one", func(c *Console) { c.heap.takeSnapshot() }),
		act(inPane, all, []key{char('H')}, "", "hints: what the program does that loses data or leaks", func(c *Console) { c.boxes.overlay = c.devices.shown.hintBox() }),
		act(inPane, all, []key{char('D')}, "", "devices: switch to another one", func(c *Console) { c.devices.openMenu() }),
		act(inPane, all, []key{char('d')}, "", "devices: the next one", func(c *Console) { c.devices.next() }),
		act(inPane, all, []key{char('m')}, "", "the mouse for the console, or for the terminal to select text", func(c *Console) { c.terminal.toggleMouse() }),
		motion(inPane, []key{char('i'), keyEsc}, "back to the prompt", func(c *Console) { c.window.focus = panePrompt }),
		motion(inPane, []key{char(':')}, "everything that can be done", func(c *Console) { c.boxes.openMenu("Do", palette(c)) }),
		act(inPane, all, []key{char('?'), char('h')}, "Help", "help: every key", func(c *Console) { c.boxes.overlay = helpBox() }),
		act(inPane, all, []key{char('q')}, "Quit", "quit", func(c *Console) { c.quit = true }),
	}
}

// boxActions are the keys of what stands in front of the panes.
func boxActions() []action {
	all := panePrompt
	return []action{
		act(inQuestion, all, []key{keyEnter}, "OK", "that is the answer", func(c *Console) { c.boxes.answer() }),
		act(inQuestion, all, []key{keyEsc}, "Never mind", "leave things as they were", func(c *Console) { c.boxes.dropQuestion() }),

		motion(inMenu, []key{keyUp, code(tcell.KeyCtrlP, "Ctrl-P")}, "the item before", func(c *Console) { c.boxes.menu.move(-1) }),
		motion(inMenu, []key{keyDown, code(tcell.KeyCtrlN, "Ctrl-N"), keyTab}, "the item after", func(c *Console) { c.boxes.menu.move(1) }),
		motion(inMenu, []key{keyPgUp}, "a page up", func(c *Console) { c.boxes.menu.move(-c.boxes.menu.height) }),
		motion(inMenu, []key{keyPgDn}, "a page down", func(c *Console) { c.boxes.menu.move(c.boxes.menu.height) }),
		act(inMenu, all, []key{keyEnter}, "Do it", "do what the selected item says", func(c *Console) { c.boxes.choose() }),
		act(inMenu, all, []key{keyEsc, keyCtrlO}, "Close", "close the menu", func(c *Console) { c.boxes.menu = nil }),

		motion(inOverlay, []key{keyUp, char('k')}, "scroll up", func(c *Console) { c.boxes.overlay.move(-1) }),
		motion(inOverlay, []key{keyDown, char('j')}, "scroll down", func(c *Console) { c.boxes.overlay.move(1) }),
		motion(inOverlay, []key{keyPgUp}, "a page up", func(c *Console) { c.boxes.overlay.move(-c.boxes.overlay.height) }),
		motion(inOverlay, []key{keyPgDn, char(' ')}, "a page down", func(c *Console) { c.boxes.overlay.move(c.boxes.overlay.height) }),
		act(inOverlay, all, []key{keyEsc, keyEnter, char('q'), code(tcell.KeyF1, "F1")}, "Close", "close", func(c *Console) { c.boxes.overlay = nil }),
	}
}

func globalActions() []action {
	all := panePrompt
	return []action{
		act(anywhere, all, []key{code(tcell.KeyF1, "F1")}, "Help", "help: every key", func(c *Console) { c.boxes.overlay = helpBox() }),
		{anywhere, all, []key{keyCtrlO}, "Menu", "everything that can be done", func(c *Console) { c.boxes.openMenu("Do", palette(c)) }, true},
		act(anywhere, all, []key{code(tcell.KeyF2, "F2")}, "Pause", "pause or continue", func(c *Console) { c.pace.pause() }),
		act(anywhere, all, []key{code(tcell.KeyF3, "F3")}, "Step", "let one event happen, then pause", func(c *Console) { c.pace.step() }),
		act(anywhere, all, []key{code(tcell.KeyF4, "F4")}, "", "slower, down to a tenth of real time", func(c *Console) { c.pace.changeSpeed(-1) }),
		act(anywhere, all, []key{code(tcell.KeyF5, "F5")}, "", "faster, up to as fast as possible", func(c *Console) { c.pace.changeSpeed(1) }),
		act(anywhere, all, []key{code(tcell.KeyF6, "F6")}, "Zoom", "the pane in focus, or the log, alone; and back", func(c *Console) { c.window.zoom() }),
		act(anywhere, all, []key{code(tcell.KeyF7, "F7")}, "Filter", "log: show lines with a text only", func(c *Console) { c.log.startFilter() }),
		act(anywhere, all, []key{code(tcell.KeyF8, "F8")}, "Lines", "log: show lines of the device, the simulator, problems, or all", func(c *Console) { c.log.nextSources() }),
		act(anywhere, all, []key{code(tcell.KeyF9, "F9")}, "Reset", "press the board's reset button", func(c *Console) { c.board.pressReset() }),
		act(anywhere, all, []key{code(tcell.KeyF10, "F10"), keyCtrlC}, "Quit", "quit", func(c *Console) { c.quit = true }),
		motion(anywhere, []key{keyTab}, "the next pane", func(c *Console) { c.window.moveFocus(1) }),
		motion(anywhere, []key{code(tcell.KeyBacktab, "Shift-Tab")}, "the pane before", func(c *Console) { c.window.moveFocus(-1) }),
		motion(anywhere, []key{keyPgUp}, "a page up in the pane, or in the log", func(c *Console) { c.window.scrollPage(-1) }),
		motion(anywhere, []key{keyPgDn}, "a page down", func(c *Console) { c.window.scrollPage(1) }),
		motion(anywhere, []key{code(tcell.KeyCtrlL, "Ctrl-L")}, "draw the screen anew", func(c *Console) { c.terminal.screen.Sync() }),
	}
}

// applies reports whether the action's keys have their meaning now.
func (a *action) applies(here scope, focus pane) bool {
	return a.where == anywhere || a.where == here && (a.only == panePrompt || a.only == focus)
}

// find returns the action of a key, or nil.
func find(e *tcell.EventKey, here scope, focus pane) *action {
	for i := range actions {
		a := &actions[i]
		if a.applies(here, focus) && slices.ContainsFunc(a.keys, func(k key) bool { return k.matches(e) }) {
			return a
		}
	}
	return nil
}
