package ui

import (
	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

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
