package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
)

// scope says where a key goes now.
func (c *Console) scope() scope { return c.boxes.scope(c.window.focus) }

// handle acts on what the terminal reports.
func (c *Console) handle(e tcell.Event) {
	c.dirty, c.devices.shown.active = true, c.cfg.now()
	switch e := e.(type) {
	case *tcell.EventKey:
		c.handleKey(e)
	case *tcell.EventMouse:
		c.handleMouse(e)
	case *tcell.EventPaste:
		c.handlePaste(e)
	case *tcell.EventResize:
		c.terminal.screen.Sync()
	}
}

func (c *Console) handleKey(e *tcell.EventKey) {
	if c.paste.takes(e) {
		return
	}
	c.footer.message = ""
	if e.Key() != tcell.KeyTab {
		c.boxes.completion = nil
	}
	here := c.scope()
	if a := find(e, here, c.window.focus); a != nil && a.do != nil {
		a.do(c)
		return
	}
	if here == inPrompt {
		c.prompt.key(e)
	} else {
		c.boxes.key(here, e)
	}
}

// handlePaste gathers pasted text and puts it into the line being typed.
func (c *Console) handlePaste(e *tcell.EventPaste) {
	if e.Start() {
		c.paste.start()
		return
	}
	pasted := c.paste.end()
	switch c.scope() {
	case inQuestion:
		c.boxes.question.edit(func(l line) { l.paste(strings.ReplaceAll(pasted, "\n", " ")) })
	case inMenu, inOverlay:
	default:
		c.prompt.pasteLines(pasted)
	}
}

// wheelLines is how far a turn of the mouse wheel scrolls.
const wheelLines = 3

func (c *Console) handleMouse(e *tcell.EventMouse) {
	x, y := e.Position()
	switch {
	case e.Buttons()&tcell.WheelUp != 0:
		c.wheel(x, y, -wheelLines)
	case e.Buttons()&tcell.WheelDown != 0:
		c.wheel(x, y, wheelLines)
	case e.Buttons()&tcell.Button1 != 0:
		c.click(x, y)
	}
}

func (c *Console) wheel(x, y, lines int) {
	if !c.boxes.wheel(lines) {
		c.window.wheel(x, y, lines)
	}
}

// click does what a button of the footer says, or gives a pane the focus and
// selects the row.
func (c *Console) click(x, y int) {
	if a := c.footer.at(x, y); a != nil {
		a.do(c)
		return
	}
	if !c.boxes.dismiss() {
		c.window.click(x, y)
	}
}
