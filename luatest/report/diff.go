package report

import (
	"strings"
	"unicode/utf8"
)

// A comparison that failed is shown in one of two ways. Texts of one line stand below each
// other, with marks below what differs. Of longer texts the lines are compared: what was
// expected and is not there has a minus, what is there instead a plus.

// part is a line of a comparison: its kind is '-', '+', ' ', '^' for marks, or '…' where
// lines that are the same have been left out.
type part struct {
	kind rune
	text string
}

// Bounds of a comparison, so that no device makes this computer work for long.
const (
	diffLines = 2000 // more are cut
	around    = 3    // lines that are the same, shown around what differs
)

func diff(expected, actual string) []part {
	a, b := linesOf(expected), linesOf(actual)
	if len(a) == 1 && len(b) == 1 {
		return marked(a[0], b[0])
	}
	return shorten(compare(cutLines(a), cutLines(b)))
}

func cutLines(lines []string) []string {
	if len(lines) > diffLines {
		return append(lines[:diffLines:diffLines], "… and more")
	}
	return lines
}

// marked compares two lines by what they begin and end with.
func marked(a, b string) []part {
	x, y := []rune(a), []rune(b)
	n := min(len(x), len(y))
	head := 0
	for head < n && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < n-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	marks := strings.Repeat(" ", head) + strings.Repeat("^", max(len(x)-head-tail, len(y)-head-tail, 1))
	return []part{{'-', a}, {'+', b}, {'^', marks}}
}

// compare finds the longest sequence of lines that both have.
func compare(a, b []string) []part {
	var head, tail []part
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, part{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, part{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	// longest[i][j] is the length of that of a[i:] and b[j:].
	longest := make([][]int16, len(a)+1)
	for i := range longest {
		longest[i] = make([]int16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	out := head
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, part{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			out = append(out, part{'-', a[i]})
			i++
		default:
			out = append(out, part{'+', b[j]})
			j++
		}
	}
	for n := len(tail) - 1; n >= 0; n-- {
		out = append(out, tail[n])
	}
	return out
}

// shorten leaves out lines that are the same and far from what differs.
func shorten(parts []part) []part {
	near := make([]bool, len(parts))
	for i, p := range parts {
		if p.kind != ' ' {
			for n := max(0, i-around); n <= min(len(parts)-1, i+around); n++ {
				near[n] = true
			}
		}
	}
	var out []part
	for i, p := range parts {
		switch {
		case near[i]:
			out = append(out, p)
		case len(out) == 0 || out[len(out)-1].kind != '…':
			out = append(out, part{'…', ""})
		}
	}
	return out
}

// labels are how the lines of a comparison begin.
func (p part) String() string {
	one := utf8.RuneCountInString(p.text) > 0
	switch {
	case p.kind == '^':
		return "  " + p.text
	case p.kind == '…':
		return "…"
	case !one:
		return string(p.kind)
	}
	return string(p.kind) + " " + p.text
}

// diffText is a comparison as plain text, with a legend.
func diffText(expected, actual string) string {
	lines := []string{"- expected, + actual:"}
	for _, p := range diff(expected, actual) {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}
