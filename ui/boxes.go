package ui

import "github.com/gdamore/tcell/v2"

// boxes are what stands in front of the panes and the prompt, at most one of each
// kind. When several are open, keys go to the menu, then to the overlay, then to the
// question; closing one gives the one behind it the keys back.
type boxes struct {
	menu       *menu
	overlay    *overlay
	question   *question   // in place of the prompt
	completion *completion // above the prompt; takes no keys
}

// scope says where a key goes when the pane focus has the focus.
func (b *boxes) scope(focus pane) scope {
	switch {
	case b.menu != nil:
		return inMenu
	case b.overlay != nil:
		return inOverlay
	case b.question != nil:
		return inQuestion
	case focus == panePrompt:
		return inPrompt
	}
	return inPane
}

// key types into the line of the box that has the keys.
func (b *boxes) key(here scope, e *tcell.EventKey) {
	switch here {
	case inQuestion:
		b.question.edit(func(l line) { l.key(e) })
	case inMenu:
		b.menu.line.key(e)
		b.menu.narrow()
	}
}

// wheel scrolls the menu or the overlay, and reports whether one is open.
func (b *boxes) wheel(lines int) bool {
	switch {
	case b.menu != nil:
		b.menu.move(lines)
	case b.overlay != nil:
		b.overlay.move(lines)
	default:
		return false
	}
	return true
}

// dismiss closes menu and overlay, and reports whether one was open.
func (b *boxes) dismiss() bool {
	open := b.menu != nil || b.overlay != nil
	b.menu, b.overlay = nil, nil
	return open
}

// draw draws what stands in front of everything. A question is drawn in the place
// of the prompt.
func (b *boxes) draw(full canvas, prompt rect) {
	b.completion.draw(full, prompt)
	switch {
	case b.menu != nil:
		b.menu.draw(full)
	case b.overlay != nil:
		b.overlay.draw(full)
	}
}
