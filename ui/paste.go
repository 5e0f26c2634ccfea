package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
)

// maxPaste is how many bytes of a paste are taken.
const maxPaste = 1 << 20

// paste gathers pasted text: the terminal reports it as keys, between a start and
// an end.
type paste struct {
	on   bool
	text strings.Builder
}

func (p *paste) start() {
	p.on = true
	p.text.Reset()
}

// takes gathers a key, and reports whether it was part of a paste.
func (p *paste) takes(e *tcell.EventKey) bool {
	if p.on && e.Key() >= tcell.KeyF1 {
		p.on = false // text has no such key: the end of the paste was lost
	}
	if !p.on {
		return false
	}
	switch {
	case p.text.Len() > maxPaste:
	case e.Key() == tcell.KeyRune:
		p.text.WriteRune(e.Rune())
	case e.Key() == tcell.KeyEnter, e.Key() == tcell.KeyCtrlJ:
		p.text.WriteByte('\n')
	case e.Key() == tcell.KeyTab:
		p.text.WriteByte('\t')
	}
	return true
}

// end returns what was pasted; its lines end with \n.
func (p *paste) end() string {
	p.on = false
	text := strings.ReplaceAll(p.text.String(), "\r", "\n")
	p.text.Reset()
	return text
}
