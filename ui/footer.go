package ui

// button is a label of the footer that the mouse can press.
type button struct {
	rect   rect
	action *action
}

// roomyFooter is the width from which the footer sets keys and labels apart.
const roomyFooter = 100

// drawFooter draws the keys that work now, as many as fit, or a message.
func (c *Console) drawFooter(cv canvas) {
	c.buttons = c.buttons[:0]
	if c.status != "" {
		cv.fit(1, 0, cv.w-1, warn, c.status)
		return
	}
	here := c.scope()
	inner, outer := "", 1
	if cv.w >= roomyFooter {
		inner, outer = " ", 2
	}
	x, taken := 0, map[string]bool{}
	for i := range actions {
		a := &actions[i]
		name := a.keys[0].name
		if name == keyCtrlO.name {
			name = "^O"
		}
		if a.label == "" || !a.applies(here, c.focus) || taken[a.label] {
			continue
		}
		label := a.label
		if label == "Pause" && c.world.clock().State().Paused {
			label = "Go on"
		}
		w := width(name) + width(inner) + width(label)
		if x+w > cv.w {
			return
		}
		taken[a.label] = true
		end := cv.text(x, 0, keyName, name)
		cv.text(end, 0, text, inner+label)
		c.buttons = append(c.buttons, button{rect{cv.x + x, cv.y, w, 1}, a})
		x += w + outer
	}
}
