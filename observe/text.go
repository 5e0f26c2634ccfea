package observe

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Text is something to look for in what devices print: a text, which may stand across
// writes and line ends, or a pattern, which is held against one line at a time.
type Text struct {
	Device string // whose; "": any
	Text   string

	pattern *regexp.Regexp // nil: it is Text as it stands
	// ahead: what follows decides whether the pattern matches, so it waits for the
	// end of the line.
	ahead bool
}

// Pattern returns the Text for a regular expression.
func Pattern(expr string) (Text, error) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return Text{}, err
	}
	re, err := regexp.Compile(expr)
	return Text{Text: expr, pattern: re, ahead: looksAhead(tree)}, err
}

// looksAhead reports whether what follows decides if an expression matches.
func looksAhead(e *syntax.Regexp) bool {
	switch e.Op {
	case syntax.OpEndLine, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	return slices.ContainsFunc(e.Sub, looksAhead)
}

// Of parts a text of several devices, DEVICE:TEXT, at the colon if it begins with one
// of these names. "DEVICE:" is a text like any.
func Of(text string, devices []string) (device, rest string) {
	name, rest, ok := strings.Cut(text, ":")
	if ok && rest != "" && slices.Contains(devices, name) {
		return name, rest
	}
	return "", text
}

// String is the text as it was given.
func (t Text) String() string {
	if t.Device != "" {
		return t.Device + ":" + t.Text
	}
	return t.Text
}

// by reports whether the text counts when a device prints it.
func (t Text) by(device string) bool { return t.Device == "" || t.Device == device }

// match returns where the first match in a line that begins at from or behind ends. A
// line that is not complete may go on.
func (t Text) match(line string, from int, complete bool) (end int, ok bool) {
	if t.pattern == nil || t.ahead && !complete {
		return 0, false
	}
	for _, at := range t.pattern.FindAllStringIndex(line, -1) {
		if at[0] >= from {
			return at[1], true
		}
	}
	return 0, false
}
