package sjson

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// The decoder's parser takes text byte by byte, as the firmware's jsonsl does, so
// that a value may come in any number of pieces. It knows JSON; what is made of
// it is in decode.go. Errors have jsonsl's names.

// kind is what a level of nesting is.
type kind byte

const (
	root    kind = 0
	list    kind = '['
	object  kind = '{'
	str     kind = '"'
	hashKey kind = '#'
	special kind = '^' // a number, true, false or null
)

// level is one value that has begun and not ended.
type level struct {
	kind   kind
	items  int    // values and keys seen in a list or object
	text   []byte // of a string as written, or a special
	escape bool   // of a string: the last character was a backslash

	table vm.Ref // of a list or object
	used  int    // of a list: elements stored
}

// parser is the state between two pieces.
type parser struct {
	levels    []level // the first is the root
	canInsert bool    // a value may come
	expecting byte    // the separator or quote that may come; 0: none
	last      byte    // the last separator, 0 after anything else
}

func newParser() parser {
	return parser{levels: make([]level, 1, maxDepth), canInsert: true}
}

func (p *parser) top() *level { return &p.levels[len(p.levels)-1] }

// push begins a value. It returns an error when the levels are used up.
func (p *parser) push(k kind) string {
	if len(p.levels) >= maxDepth {
		return "LEVELS_EXCEEDED"
	}
	p.levels = append(p.levels, level{kind: k})
	return ""
}

func (p *parser) pop() { p.levels = p.levels[:len(p.levels)-1] }

// feed takes one byte. It returns the name of an error, or "". begin and end are
// called when a value (or key) has begun and when it has ended; it is the top
// level then.
func (p *parser) feed(x byte, begin, end func()) string {
	switch s := p.top(); s.kind {
	case str, hashKey:
		return p.inString(s, x, end)
	case special:
		if !endsSpecial(x) {
			s.text = append(s.text, x)
			if len(s.text) > maxSpecial {
				return "SPECIAL_EXPECTED"
			}
			return ""
		}
		if problem := checkSpecial(string(s.text)); problem != "" {
			return problem
		}
		p.canInsert = false
		p.expecting = ','
		end()
		p.pop()
	}
	return p.token(x, begin, end)
}

// maxSpecial is more than the longest number that has a meaning.
const maxSpecial = 400

func (p *parser) inString(s *level, x byte, end func()) string {
	switch {
	case s.escape:
		s.escape = false
		switch x {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u':
		default:
			return "ESCAPE_INVALID"
		}
	case x == '"':
		p.canInsert = false
		end()
		p.pop()
		return ""
	case x == '\\':
		s.escape = true
	case x < ' ':
		return "WEIRD_WHITESPACE"
	}
	s.text = append(s.text, x)
	return ""
}

// token takes a byte outside strings and specials.
func (p *parser) token(x byte, begin, end func()) string {
	s := p.top()
	switch x {
	case ' ', '\t', '\n', '\r':
		return ""
	case '"':
		return p.quote(s, begin)
	case '\\':
		return "ESCAPE_OUTSIDE_STRING"
	case ':':
		if p.expecting != ':' {
			return "STRAY_TOKEN"
		}
		p.last, p.expecting, p.canInsert = ':', '"', true
		return ""
	case ',':
		if p.expecting != ',' {
			return "STRAY_TOKEN"
		}
		if s.kind == object && s.items%2 != 0 {
			return "VALUE_EXPECTED"
		}
		p.last, p.expecting, p.canInsert = ',', '"', true
		return ""
	case '{', '[':
		if !p.canInsert {
			return "CANT_INSERT"
		}
		if s.kind == object && s.items%2 == 0 {
			return "HKEY_EXPECTED"
		}
		s.items++
		if problem := p.push(kind(x)); problem != "" {
			return problem
		}
		p.canInsert, p.last, p.expecting = true, 0, 0
		if x == '{' {
			p.expecting = '"'
		}
		begin()
		return ""
	case '}', ']':
		return p.close(s, x, end)
	}
	return p.beginSpecial(s, x)
}

func (p *parser) quote(s *level, begin func()) string {
	p.canInsert = false
	k := str
	switch s.kind {
	case object:
		s.items++
		if s.items%2 == 0 {
			if p.last != ':' {
				return "MISSING_TOKEN"
			}
			p.expecting = ','
		} else {
			if p.expecting != '"' {
				return "STRAY_TOKEN"
			}
			k = hashKey
			p.expecting = ':'
		}
	case list:
		if s.items > 0 && p.last != ',' {
			return "MISSING_TOKEN"
		}
		s.items++
		p.expecting = ','
	default:
		return "STRING_OUTSIDE_CONTAINER"
	}
	p.last = 0
	return p.push(k)
}

func (p *parser) close(s *level, x byte, end func()) string {
	if p.last == ',' {
		return "TRAILING_COMMA"
	}
	open := list
	if x == '}' {
		open = object
	}
	if s.kind != open {
		return "BRACKET_MISMATCH"
	}
	if x == '}' && s.items%2 != 0 {
		return "VALUE_EXPECTED"
	}
	p.canInsert, p.expecting, p.last = false, ',', 0
	end()
	p.pop()
	return ""
}

func (p *parser) beginSpecial(s *level, x byte) string {
	switch {
	case x == 0:
		return "FOUND_NULL_BYTE"
	case x < ' ':
		return "WEIRD_WHITESPACE"
	case x != 't' && x != 'f' && x != 'n' && x != '-' && (x < '0' || x > '9'):
		return "SPECIAL_EXPECTED"
	case s.kind == object && s.items%2 == 0:
		return "HKEY_EXPECTED"
	case !p.canInsert:
		return "CANT_INSERT"
	}
	s.items++
	p.last = 0
	if problem := p.push(special); problem != "" {
		return problem
	}
	p.top().text = append(p.top().text, x)
	return ""
}

// endsSpecial reports whether x cannot be part of a number or word.
func endsSpecial(x byte) bool {
	switch x {
	case ' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']', '"', '\\':
		return true
	}
	return false
}

// checkSpecial says what is wrong with a number or word, "" for nothing.
func checkSpecial(text string) string {
	switch text[0] {
	case 't', 'f', 'n':
		for _, word := range []string{"true", "false", "null"} {
			if word[0] != text[0] {
				continue
			}
			if text == word {
				return ""
			}
			if len(text) < len(word) && word[:len(text)] == text {
				return "SPECIAL_INCOMPLETE"
			}
		}
		return "SPECIAL_EXPECTED"
	}
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if digits == "" || !isDigit(digits[0]) || !isDigit(digits[len(digits)-1]) || digits[0] == '0' && len(digits) > 1 && isDigit(digits[1]) {
		return "INVALID_NUMBER"
	}
	for i := range len(digits) {
		switch x := digits[i]; {
		case isDigit(x), x == '.', x == 'e', x == 'E', x == '+', x == '-':
		default:
			return "INVALID_NUMBER"
		}
	}
	return ""
}

func isDigit(x byte) bool { return x >= '0' && x <= '9' }
