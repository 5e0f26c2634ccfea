package ui

import (
	"strings"
)

// menu is a list of things to do or to choose from, in front of the panes. What
// is typed narrows it.
type menu struct {
	title string
	items []menuItem
	line  line
	rows
	shown []menuItem // that match what was typed, as last drawn
}

type menuItem struct {
	text, note string // note stands at the right: the key, or what is in force
	do         func()
}

func (b *boxes) openMenu(title string, items []menuItem) {
	b.menu = &menu{title: title, items: items, line: newLine()}
	b.menu.narrow()
}

// narrow chooses the items in which every word typed occurs.
func (m *menu) narrow() {
	m.shown = nil
	words := strings.Fields(strings.ToLower(m.line.text()))
	for _, it := range m.items {
		matches := true
		for _, w := range words {
			matches = matches && strings.Contains(strings.ToLower(it.text), w)
		}
		if matches {
			m.shown = append(m.shown, it)
		}
	}
	m.rows.set(len(m.shown), m.height)
}

// choose closes the menu and does what the selected item says.
func (b *boxes) choose() {
	m := b.menu
	if m.cursor < len(m.shown) {
		b.menu = nil
		m.shown[m.cursor].do()
	}
}

func (m *menu) draw(c canvas) {
	texts, notes := width(m.title)+4, 0
	for _, it := range m.items {
		texts, notes = max(texts, width(it.text)), max(notes, width(it.note))
	}
	w, h := min(texts+notes+3+4, c.w), min(len(m.items)+3, c.h-2)
	box := c.sub((c.w-w)/2, max((c.h-h)/2, 0), w, h)
	box.frame()
	box.text(2, 0, accent, " "+m.title+" ")
	x := box.text(2, 1, accent, "> ")
	m.line.draw(box.sub(x, 1, w-x-2, 1), true)
	list := box.sub(2, 2, w-4, h-3)
	m.rows.set(len(m.shown), list.h)
	for y := range list.h {
		if m.top+y >= len(m.shown) {
			break
		}
		it := m.shown[m.top+y]
		list.fit(0, y, list.w-notes-1, text, it.text)
		list.right(list.w, y, dim, it.note)
		if m.top+y == m.cursor {
			list.restyle(y, selected)
		}
	}
	if len(m.shown) == 0 {
		list.text(0, 0, dim, "nothing matches")
	}
}
