package ui

import "time"

// footer is the last row: the keys that work now, or a message in their place.
type footer struct {
	buttons []button // as last drawn
	message string
	ends    time.Time // of the message
}

// button is a label of the footer that the mouse can press.
type button struct {
	rect   rect
	action *action
}

// messageTime is how long a message is shown.
const messageTime = 4 * time.Second

func (f *footer) say(message string, now time.Time) {
	f.message, f.ends = message, now.Add(messageTime)
}

// expire takes away a message that was shown for long, and reports whether it did.
func (f *footer) expire(now time.Time) bool {
	if f.message == "" || !now.After(f.ends) {
		return false
	}
	f.message = ""
	return true
}

// at returns the action of the button at a point of the terminal, or nil.
func (f *footer) at(x, y int) *action {
	for _, b := range f.buttons {
		if b.rect.contains(x, y) {
			return b.action
		}
	}
	return nil
}

// roomyFooter is the width from which the footer sets keys and labels apart.
const roomyFooter = 100

// draw draws the keys that work here, as many as fit, or the message.
func (f *footer) draw(c canvas, here scope, focus pane, paused bool) {
	f.buttons = f.buttons[:0]
	if f.message != "" {
		c.fit(1, 0, c.w-1, warn, f.message)
		return
	}
	inner, outer := "", 1
	if c.w >= roomyFooter {
		inner, outer = " ", 2
	}
	x, taken := 0, map[string]bool{}
	for i := range actions {
		a := &actions[i]
		name := a.keys[0].name
		if name == keyCtrlO.name {
			name = "^O"
		}
		if a.label == "" || !a.applies(here, focus) || taken[a.label] {
			continue
		}
		label := a.label
		if label == "Pause" && paused {
			label = "Go on"
		}
		w := width(name) + width(inner) + width(label)
		if x+w > c.w {
			return
		}
		taken[a.label] = true
		end := c.text(x, 0, keyName, name)
		c.text(end, 0, text, inner+label)
		f.buttons = append(f.buttons, button{rect{c.x + x, c.y, w, 1}, a})
		x += w + outer
	}
}
