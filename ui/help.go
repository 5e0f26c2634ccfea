package ui

import "strings"

// Help and the palette are printed from the table of actions.

func helpBox() *overlay { return &overlay{title: "Help", lines: helpLines} }

// helpLines lists every key, from the table of actions.
func helpLines() []overlayLine {
	var out []overlayLine
	for s := range scopes {
		if s > 0 {
			out = append(out, overlayLine{})
		}
		out = append(out, overlayLine{heading: true, name: scopeNames[s]})
		for _, a := range actions {
			if a.where != s {
				continue
			}
			names := a.keyNames()
			const together = 3 // so many on a line
			line := overlayLine{text: a.help}
			for len(names) > 0 {
				n := min(len(names), together)
				line.name = strings.Join(names[:n], " ")
				out, names = append(out, line), names[n:]
				line.text = ""
			}
		}
	}
	return out
}

// palette lists everything that can be done, with the keys that do it.
func palette(c *Console) []menuItem {
	var items []menuItem
	at := map[string]int{}
	for _, s := range []scope{inPane, anywhere} {
		for i := range actions {
			a := &actions[i]
			if a.where != s || a.motion || a.do == nil {
				continue
			}
			keys := strings.Join(a.keyNames(), " ")
			if j, ok := at[a.help]; ok {
				items[j].note += " " + keys
				continue
			}
			at[a.help] = len(items)
			items = append(items, menuItem{a.help, keys, func() { a.do(c) }})
		}
	}
	return items
}
