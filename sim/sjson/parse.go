package sjson

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// The decoder's parser is a machine that takes text byte by byte, so that a value may
// come in any number of pieces. It accepts what the firmware's does (fw:
// app/sjson/jsonsl.c), and that is not JSON alone; its errors have the names that they
// have there. What is made of the text is in decode.go.

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

// flags say what a special is, as far as it is known.
type flags uint16

const (
	signed flags = 1 << iota
	unsigned
	isTrue
	isFalse
	isNull
	fraction // it has a point
	exponent
	zero    flags = 1<<9 | unsigned // it begins with 0
	dash    flags = 1 << 10         // it is "-" so far
	numeric       = signed | unsigned
)

// words are the specials that are no numbers. Where one ends the firmware compares with
// the NUL of C, too.
var words = map[flags]string{isTrue: "true\x00", isFalse: "false\x00", isNull: "null\x00"}

// level is one value that has begun. What is left of those before it on its level stays.
type level struct {
	kind   kind
	depth  int // which level it is; 0 is around everything
	begin  int // position in the text of its first byte
	end    int // of its last, when it has ended
	items  int // values and keys seen in a list or object
	flags  flags
	length int // of a word: bytes so far

	table vm.Ref // of a list or object
	used  int    // of a list: elements stored
}

// parser is the state between two pieces.
type parser struct {
	levels    [maxDepth]level
	level     int  // the innermost that has begun and not ended
	pos       int  // position in the text of the next byte
	expecting byte // the separator or quote that may come; 0: none
	last      byte // the last separator; within a number what came last
	canInsert bool // a value may come
	escaped   bool // within a string: the last byte was a backslash
}

// events is told of values and keys.
type events interface {
	begin(*level) // the first byte of one is read
	end(*level)   // the last byte of one is read
}

// lost is a problem of ours and no name: what the program does while it is told of an
// event has taken the parser out of its levels.
const lost = "lost"

func newParser() parser {
	p := parser{canInsert: true}
	for i := range p.levels {
		p.levels[i].depth = i
	}
	return p
}

// feed takes a piece of text. It returns the name of an error, or "". An event may throw
// a Lua error: what is read next is then the byte at hand once more.
func (p *parser) feed(text string, on events) (problem string) {
	if p.level < 0 {
		return lost
	}
	s := &p.levels[p.level]
	for i := range len(text) {
		if s, problem = p.take(s, text[i], on); problem != "" {
			return problem
		}
		p.pos++
	}
	return ""
}

// take takes one byte within the level s and returns the level after it.
func (p *parser) take(s *level, x byte, on events) (_ *level, problem string) {
	switch {
	case s.kind == str || s.kind == hashKey:
		return p.inString(s, x, on)
	case s.kind == special:
		ended, problem := p.inSpecial(s, x)
		if !ended {
			return s, problem
		}
		if s, problem = p.pop(s, on); problem != "" {
			return s, problem
		}
		p.last, p.expecting = 0, ','
		if isSpace(x) {
			return s, ""
		}
	case isSpace(x):
		return s, ""
	case x == '"':
		return p.quote(s, on)
	case x == '\\':
		return s, "ESCAPE_OUTSIDE_STRING"
	}
	return p.token(s, x, on)
}

// push begins a value or key.
func (p *parser) push(k kind) (_ *level, problem string) {
	if p.level >= maxDepth-1 {
		return nil, "LEVELS_EXCEEDED"
	}
	p.level++
	if p.level < 1 {
		return nil, lost
	}
	s := &p.levels[p.level]
	s.kind, s.begin = k, p.pos
	return s, ""
}

// pop ends a string, a key or a special.
func (p *parser) pop(s *level, on events) (_ *level, problem string) {
	s.end = p.pos
	on.end(s)
	return p.up()
}

// up goes back to the level around.
func (p *parser) up() (_ *level, problem string) {
	if p.level--; p.level < 0 {
		return nil, lost
	}
	return &p.levels[p.level], ""
}

func (p *parser) inString(s *level, x byte, on events) (_ *level, problem string) {
	switch {
	case p.escaped:
		p.escaped = false
		switch x {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't', 'u':
		default:
			return s, "ESCAPE_INVALID"
		}
	case x == '"':
		p.canInsert = false
		return p.pop(s, on)
	case x == '\\':
		p.escaped = true
	case x < 0x14: // the firmware's idea of a control character
		return s, "WEIRD_WHITESPACE"
	}
	return s, ""
}

// inSpecial takes a byte of a special, or the one behind it, which ends it.
func (p *parser) inSpecial(s *level, x byte) (ended bool, problem string) {
	switch {
	case s.flags == signed || s.flags == unsigned:
		if isDigit(x) {
			return false, ""
		}
		return p.inNumber(s, x)
	case s.flags == dash:
		switch {
		case !isDigit(x):
			return false, "INVALID_NUMBER"
		case x == '0':
			s.flags = zero | signed // digits may follow this one
		default:
			s.flags = signed
		}
		return false, ""
	case s.flags == zero:
		if isDigit(x) {
			return false, "INVALID_NUMBER"
		}
		s.flags = unsigned
		return p.inNumber(s, x)
	case s.flags&numeric != 0:
		return p.inNumber(s, x)
	}
	word := words[s.flags]
	if endsSpecial(x) {
		p.canInsert = false
		if s.length != len(word)-1 {
			return false, "SPECIAL_INCOMPLETE"
		}
		return true, ""
	}
	s.length++
	if at := p.pos - s.begin; at >= len(word) || word[at] != x {
		return false, "SPECIAL_EXPECTED"
	}
	return false, ""
}

// inNumber is inSpecial where a number may have a point, an exponent and an end. A second
// point is an error before the exponent, not behind it: 1e5.5 is a number here.
func (p *parser) inNumber(s *level, x byte) (ended bool, problem string) {
	switch {
	case isDigit(x):
		p.last = '1'
	case x == '.' && s.flags&fraction == 0:
		s.flags |= fraction
		p.last = '.'
	case (x == 'e' || x == 'E') && s.flags&exponent == 0:
		s.flags |= exponent
		p.last = 'e'
	case (x == '-' || x == '+') && p.last == 'e':
		p.last = '-'
	case endsSpecial(x):
		return p.endNumber(s)
	default:
		return false, "INVALID_NUMBER"
	}
	return false, ""
}

func (p *parser) endNumber(s *level) (ended bool, problem string) {
	p.canInsert = false
	switch s.flags {
	case signed, unsigned:
	case zero, zero | signed:
		s.flags = unsigned
	default:
		if p.last != '1' {
			return false, "INVALID_NUMBER"
		}
	}
	return true, ""
}

// token takes a byte outside of strings and specials.
func (p *parser) token(s *level, x byte, on events) (_ *level, problem string) {
	switch x {
	case ':':
		if p.expecting != ':' {
			return s, "STRAY_TOKEN"
		}
		p.last, p.expecting, p.canInsert = ':', '"', true
		return s, ""
	case ',':
		if p.expecting != ',' {
			return s, "STRAY_TOKEN"
		}
		if s.kind != object {
			p.canInsert = true
		}
		p.last, p.expecting = ',', '"'
		return s, ""
	case '{', '[':
		return p.open(s, x, on)
	case '}', ']':
		return p.close(s, x, on)
	}
	return p.beginSpecial(s, x, on)
}

// wantsKey reports whether s is an object in which a key comes next.
func (s *level) wantsKey() bool { return s.kind == object && s.items%2 == 0 }

// quote begins a string or a key. In a list the firmware asks for no comma before it.
func (p *parser) quote(s *level, on events) (_ *level, problem string) {
	p.canInsert = false
	k, expecting := str, byte(',')
	switch s.kind {
	case object:
		k = hashKey
		if !s.wantsKey() {
			k = str
		}
		s.items++
		switch {
		case k == str && p.last != ':':
			return s, "MISSING_TOKEN"
		case k == hashKey && p.expecting != '"':
			return s, "STRAY_TOKEN"
		case k == hashKey:
			expecting = ':'
		}
	case list:
		s.items++
	default:
		return s, "STRING_OUTSIDE_CONTAINER"
	}
	p.last, p.expecting = 0, expecting
	if s, problem = p.push(k); problem != "" {
		return s, problem
	}
	on.begin(s)
	return s, ""
}

func (p *parser) open(s *level, x byte, on events) (_ *level, problem string) {
	switch {
	case !p.canInsert:
		return s, "CANT_INSERT"
	case s.wantsKey():
		return s, "HKEY_EXPECTED"
	}
	s.items++
	if s, problem = p.push(kind(x)); problem != "" {
		return s, problem
	}
	s.items = 0
	p.canInsert = true
	if x == '{' {
		p.expecting = '"'
	}
	on.begin(s)
	p.last = 0
	return s, ""
}

func (p *parser) close(s *level, x byte, on events) (_ *level, problem string) {
	if p.last == ',' {
		return s, "TRAILING_COMMA"
	}
	p.canInsert, p.expecting, p.last = false, ',', 0
	opened := list
	if x == '}' {
		opened = object
	}
	switch {
	case s.kind != opened:
		return s, "BRACKET_MISMATCH"
	case opened == object && s.items%2 != 0:
		return s, "VALUE_EXPECTED"
	}
	around, problem := p.up()
	on.end(s)
	return around, problem
}

func (p *parser) beginSpecial(s *level, x byte, on events) (_ *level, problem string) {
	f := beginning(x)
	switch {
	case f != 0:
	case x == 0:
		return s, "FOUND_NULL_BYTE"
	case x < ' ':
		return s, "WEIRD_WHITESPACE"
	default:
		return s, "SPECIAL_EXPECTED"
	}
	if s.wantsKey() {
		return s, "HKEY_EXPECTED"
	}
	s.items++
	if !p.canInsert {
		return s, "CANT_INSERT"
	}
	if s, problem = p.push(special); problem != "" {
		return s, problem
	}
	s.flags, s.length = f, 1
	p.last = '-'
	if f == unsigned {
		p.last = '1'
	}
	on.begin(s)
	return s, ""
}

// beginning is what a special that begins with x may be, 0 when none does.
func beginning(x byte) flags {
	switch {
	case x == '-':
		return dash
	case x == '0':
		return zero
	case isDigit(x):
		return unsigned
	case x == 't':
		return isTrue
	case x == 'f':
		return isFalse
	case x == 'n':
		return isNull
	}
	return 0
}

// endsSpecial reports whether x ends a number or word.
func endsSpecial(x byte) bool {
	switch x {
	case ',', ':', '{', '}', '[', ']', '"', '\\':
		return true
	}
	return isSpace(x)
}

func isSpace(x byte) bool { return x == ' ' || x == '\t' || x == '\n' || x == '\r' }

func isDigit(x byte) bool { return x >= '0' && x <= '9' }
