package tomlfile

import (
	"fmt"
	"strings"
)

// keyLines finds the line of every key and table header of a TOML document that
// is known to be well formed. The decoder keeps positions to itself, and keeps
// only the last one for the entries of an array of tables.
//
// Keys are written as File.Errorf wants them.
func keyLines(doc string) map[string]int {
	s := &lineScanner{doc: doc, line: 1, lines: map[string]int{}, count: map[string]int{}}
	for s.pos < len(doc) {
		s.statement()
	}
	return s.lines
}

type lineScanner struct {
	doc   string
	pos   int
	line  int
	table string         // the current table, arrays with their index
	lines map[string]int // what was found
	count map[string]int // entries so far of each array of tables
}

// statement reads one line of the document, or several if a value spans them.
func (s *lineScanner) statement() {
	s.skip(" \t\r")
	switch {
	case s.pos >= len(s.doc):
	case s.doc[s.pos] == '\n' || s.doc[s.pos] == '#':
		s.restOfLine()
	case s.doc[s.pos] == '[':
		s.header()
		s.restOfLine()
	default:
		key := join(s.table, s.path(s.key("=")))
		s.lines[key] = s.line
		s.value(key, 0)
		s.restOfLine()
	}
}

// header reads [table] or [[array]].
func (s *lineScanner) header() {
	array := strings.HasPrefix(s.doc[s.pos:], "[[")
	s.skip("[")
	parts := s.key("]")
	name := s.path(parts)
	if array {
		// The last part is the array itself: s.path has given it the index of its
		// latest entry; a new entry follows.
		bare := name
		if i := strings.LastIndexByte(name, '['); i >= 0 && strings.HasSuffix(name, "]") {
			bare = name[:i]
		}
		n := s.count[bare]
		s.count[bare] = n + 1
		if n == 0 {
			s.lines[bare] = s.line
		}
		name = fmt.Sprintf("%s[%d]", bare, n)
	}
	s.table = name
	s.lines[name] = s.line
}

// path joins the parts of a key under the current root and gives each part that
// names an array of tables the index of the latest entry.
func (s *lineScanner) path(parts []string) string {
	name := ""
	for _, p := range parts {
		name = join(name, p)
		if n := s.count[name]; n > 0 {
			name = fmt.Sprintf("%s[%d]", name, n-1)
		}
	}
	return name
}

// key reads a dotted key up to one of the characters in end.
func (s *lineScanner) key(end string) []string {
	var parts []string
	var part strings.Builder
	for s.pos < len(s.doc) {
		c := s.doc[s.pos]
		switch {
		case strings.IndexByte(end, c) >= 0 || c == '\n':
			s.pos++
			return append(parts, part.String())
		case c == '.':
			parts = append(parts, part.String())
			part.Reset()
			s.pos++
		case c == '"' || c == '\'':
			s.pos++
			for s.pos < len(s.doc) && s.doc[s.pos] != c && s.doc[s.pos] != '\n' {
				if c == '"' && s.doc[s.pos] == '\\' {
					s.pos++
				}
				if s.pos < len(s.doc) {
					part.WriteByte(s.doc[s.pos])
					s.pos++
				}
			}
			s.pos++
		case c == ' ' || c == '\t':
			s.pos++
		default:
			part.WriteByte(c)
			s.pos++
		}
	}
	return append(parts, part.String())
}

// maxNesting bounds the depth of arrays and inline tables that get lines of
// their own, and with it the scanner's stack.
const maxNesting = 32

// value reads the value of path, and notes the lines of what it holds.
func (s *lineScanner) value(path string, depth int) {
	s.space()
	if s.pos >= len(s.doc) {
		return
	}
	c := s.doc[s.pos]
	switch {
	case c == '"' || c == '\'':
		s.str(c)
	case (c == '[' || c == '{') && depth >= maxNesting:
		s.pos = len(s.doc)
	case c == '[':
		s.pos++
		for i := 0; ; i++ {
			s.space()
			if s.pos >= len(s.doc) || s.doc[s.pos] == ']' {
				s.pos++
				return
			}
			elem := fmt.Sprintf("%s[%d]", path, i)
			s.lines[elem] = s.line
			s.value(elem, depth+1)
			s.comma(']')
		}
	case c == '{':
		s.pos++
		for {
			s.space()
			if s.pos >= len(s.doc) || s.doc[s.pos] == '}' {
				s.pos++
				return
			}
			key := join(path, strings.Join(s.key("="), "."))
			s.lines[key] = s.line
			s.value(key, depth+1)
			s.comma('}')
		}
	default:
		for s.pos < len(s.doc) && strings.IndexByte(",]}#\n", s.doc[s.pos]) < 0 {
			s.pos++
		}
	}
}

// comma skips what separates one element from the next, anything but the end of the
// list. It always moves on, so that no text can hold the scanner.
func (s *lineScanner) comma(end byte) {
	s.space()
	if s.pos < len(s.doc) && s.doc[s.pos] != end {
		if s.doc[s.pos] == '\n' {
			s.line++
		}
		s.pos++
	}
}

// space skips white space, line ends and comments.
func (s *lineScanner) space() {
	for s.pos < len(s.doc) {
		switch s.doc[s.pos] {
		case ' ', '\t', '\r':
			s.pos++
		case '\n':
			s.pos++
			s.line++
		case '#':
			for s.pos < len(s.doc) && s.doc[s.pos] != '\n' {
				s.pos++
			}
		default:
			return
		}
	}
}

// str skips a string that starts with quote.
func (s *lineScanner) str(quote byte) {
	end := string(quote)
	if long := strings.Repeat(end, 3); strings.HasPrefix(s.doc[s.pos:], long) {
		end = long
	}
	s.pos += len(end)
	for s.pos < len(s.doc) && !strings.HasPrefix(s.doc[s.pos:], end) {
		if quote == '"' && s.doc[s.pos] == '\\' {
			s.pos++
		}
		if s.pos < len(s.doc) && s.doc[s.pos] == '\n' {
			s.line++
		}
		s.pos++
	}
	s.pos += len(end)
	// Up to two quotes before the three that end a long string belong to it.
	for n := 0; n < 2 && len(end) == 3 && s.pos < len(s.doc) && s.doc[s.pos] == quote; n++ {
		s.pos++
	}
}

func (s *lineScanner) skip(chars string) {
	for s.pos < len(s.doc) && strings.IndexByte(chars, s.doc[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *lineScanner) restOfLine() {
	if s.pos >= len(s.doc) {
		s.pos = len(s.doc)
		return
	}
	if i := strings.IndexByte(s.doc[s.pos:], '\n'); i >= 0 {
		s.pos += i + 1
		s.line++
	} else {
		s.pos = len(s.doc)
	}
}
