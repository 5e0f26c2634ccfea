package ui

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// completion is a list of the names that could go on where the cursor is, above
// the prompt.
type completion struct{ names []vm.Name }

// expression returns what completion starts from: the names before the last dot
// or colon in front of the cursor, and the beginning of the one behind it. ok is
// false where no name can stand.
func expression(before string) (path []string, prefix string, ok bool) {
	i := len(before)
	for i > 0 && (isNameByte(before[i-1]) || before[i-1] == '.' || before[i-1] == ':') {
		i--
	}
	if before[i:] == "" || i > 0 && strings.IndexByte(")]}\"'", before[i-1]) >= 0 && (before[i] == '.' || before[i] == ':') {
		return nil, "", false // the fields of a result are not known without calling
	}
	parts := strings.FieldsFunc(before[i:], func(r rune) bool { return r == '.' || r == ':' })
	if strings.ContainsAny(before[len(before)-1:], ".:") {
		parts = append(parts, "")
	}
	for _, p := range parts[:len(parts)-1] {
		if p[0] >= '0' && p[0] <= '9' {
			return nil, "", false
		}
	}
	path, prefix = parts[:len(parts)-1], parts[len(parts)-1]
	if prefix != "" && prefix[0] >= '0' && prefix[0] <= '9' || prefix == "" && len(path) == 0 {
		return nil, "", false
	}
	return path, prefix, true
}

func isNameByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// complete asks the device for the names that can follow, and goes on with them
// when they come; on an empty line it moves the focus.
func (p *prompt) complete() {
	if strings.TrimSpace(p.text()) == "" {
		p.window.moveFocus(1)
		return
	}
	line, cursor := p.text(), p.cursor()
	path, prefix, ok := expression(line[:cursor])
	if !ok {
		p.say("there is no name to complete")
		return
	}
	d := p.devices.shown.device
	var names []vm.Name
	p.world.look(func() { names = d.Names(path...) }, func() {
		if p.text() == line && p.cursor() == cursor && p.devices.shown.device == d {
			p.completeWith(names, prefix)
		}
	})
}

// completeWith types what all names that begin with prefix have in common, and
// lists them when there are several.
func (p *prompt) completeWith(names []vm.Name, prefix string) {
	var fit []vm.Name
	for _, n := range names {
		// What is no name cannot follow a dot.
		if strings.HasPrefix(n.Name, prefix) && isName(n.Name) && (prefix != "" || !strings.HasPrefix(n.Name, "__")) {
			fit = append(fit, n)
		}
	}
	switch len(fit) {
	case 0:
		p.say("no name begins with " + prefix)
		return
	case 1:
		rest := fit[0].Name[len(prefix):]
		if fit[0].Type == "function" {
			rest += "("
		}
		p.insert(rest)
		p.boxes.completion = nil
		return
	}
	common := fit[0].Name
	for _, n := range fit[1:] {
		for !strings.HasPrefix(n.Name, common) {
			common = common[:len(common)-1]
		}
	}
	p.insert(common[len(prefix):])
	p.boxes.completion = &completion{fit}
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return s != "" && (s[0] < '0' || s[0] > '9')
}

// completionRows is how many rows the list may take.
const completionRows = 8

// draw draws the list above the prompt, in columns.
func (l *completion) draw(full canvas, prompt rect) {
	if l == nil {
		return
	}
	widest := 0
	for _, n := range l.names {
		widest = max(widest, width(n.Name)+1)
	}
	perRow := max((full.w-4)/(widest+2), 1)
	h := min((len(l.names)+perRow-1)/perRow, completionRows, max(prompt.y-3, 1))
	perRow = min(perRow, (len(l.names)+h-1)/h)
	w := min(perRow*(widest+2)+2, full.w)
	box := full.sub(0, prompt.y-h-2, w, h+2)
	box.frame()
	if cut := len(l.names) - h*perRow; cut > 0 {
		box.right(w-2, h+1, dim, " and "+thousands(cut)+" more ")
	}
	inside := box.sub(2, 1, w-3, h)
	for i, n := range l.names {
		x, y := i/h*(widest+2), i%h
		if i/h >= perRow {
			break
		}
		role, mark := text, ""
		switch n.Type {
		case "function":
			role, mark = accent, "("
		case "table":
			role, mark = strong, "."
		}
		inside.fit(x, y, widest, role, n.Name+mark)
	}
}
