package ui

import (
	"fmt"
	"sync"

	"github.com/gdamore/tcell/v2"
)

// terminal is the terminal that the console draws on, until it is given back. That
// may come from any goroutine; the rest belongs to the console's.
type terminal struct {
	screen tcell.Screen
	theme  *theme
	mouse  bool // the console's, not the terminal's own to select text
	say    func(string)

	mu   sync.Mutex // held while the terminal is in use
	gone bool       // it was given back
}

// openTerminal takes s, or the process's own terminal when that is nil, in use.
func openTerminal(s tcell.Screen, say func(string)) (*terminal, error) {
	if s == nil {
		var err error
		if s, err = tcell.NewScreen(); err != nil {
			return nil, fmt.Errorf("the terminal cannot show the console: %w", err)
		}
	}
	if err := s.Init(); err != nil {
		return nil, fmt.Errorf("the terminal cannot show the console: %w", err)
	}
	s.EnablePaste()
	s.EnableMouse(tcell.MouseButtonEvents)
	return &terminal{screen: s, theme: newTheme(s), mouse: true, say: say}, nil
}

// use runs fn unless the terminal was given back, and reports whether it did. A
// panic in fn leaves the way free for restore.
func (t *terminal) use(fn func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.gone {
		fn()
	}
	return !t.gone
}

// restore gives the terminal back; later calls do nothing.
func (t *terminal) restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.gone {
		t.gone = true
		t.screen.Fini()
	}
}

// clear empties the screen and returns all of it to draw on.
func (t *terminal) clear() canvas {
	t.screen.Clear()
	t.screen.HideCursor()
	w, h := t.screen.Size()
	return canvas{rect{0, 0, w, h}, t.screen, t.theme}
}

func (t *terminal) toggleMouse() {
	t.mouse = !t.mouse
	if t.mouse {
		t.screen.EnableMouse(tcell.MouseButtonEvents)
		t.say("the mouse is the console's")
	} else {
		t.screen.DisableMouse()
		t.say("the mouse is the terminal's, to select text")
	}
}
