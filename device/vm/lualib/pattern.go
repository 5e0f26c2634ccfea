package lualib

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Pattern matching of Lua 5.1 (fw: app/lua/lstrlib.c). The matcher backtracks by
// recursion, as the firmware's does: once for each item of the pattern, never
// for each character of the subject. Two things are bounded: the recursion, where
// the device would run out of C stack, and the time, since a pattern such as
// "(.-)*x" backed by a long subject can take for ever: every step is accounted.

const (
	maxCaptures   = 10  // fw: LUA_MAXCAPTURES
	maxMatchDepth = 200 // as LUAI_MAXCCALLS; the firmware's only bound is its stack
	stepBatch     = 256 // steps accounted at a time

	captureOpen     = -1
	capturePosition = -2
)

// matcher is one search for a pattern in a subject.
type matcher struct {
	src, pat string
	level    int // captures, finished or not
	capture  [maxCaptures]struct{ start, len int }
	depth    int
	steps    int
	c        *vm.Call // to which errors and steps belong
	sets     *sets
	last     *knownSet // the set that was used last
	lastAt   int       // 1 + where it stands in the pattern
}

// newMatcher prepares a search. The pattern ends at its first zero byte, as C
// strings do.
func newMatcher(c *vm.Call, src, pat string) matcher {
	if i := strings.IndexByte(pat, 0); i >= 0 {
		pat = pat[:i]
	}
	return matcher{src: src, pat: pat, c: c, sets: c.VM.Library.(*sets)}
}

// fail raises an error.
func (m *matcher) fail(text string) {
	m.flush()
	m.c.Error("%s", text)
}

// match tries the pattern from offset p on at offset s of the subject and
// returns where the match ends, -1 when there is none.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxMatchDepth {
		m.fail("pattern too complex")
	}
	end := m.items(s, p)
	m.depth--
	return end
}

func (m *matcher) items(s, p int) int {
	for {
		m.count()
		if p == len(m.pat) {
			return s
		}
		switch m.pat[p] {
		case '(':
			if m.at(p+1) == ')' {
				return m.startCapture(s, p+2, capturePosition)
			}
			return m.startCapture(s, p+1, captureOpen)
		case ')':
			return m.endCapture(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			switch c := m.at(p + 1); {
			case c == 'b':
				if s = m.balance(s, p+2); s < 0 {
					return -1
				}
				p += 4
				continue
			case c == 'f':
				end := m.frontier(s, p+2)
				if end < 0 {
					return -1
				}
				p = end
				continue
			case '0' <= c && c <= '9':
				if s = m.backReference(s, c); s < 0 {
					return -1
				}
				p += 2
				continue
			}
		}
		end := m.classEnd(p)
		hit := s < len(m.src) && m.single(m.src[s], p, end)
		switch m.at(end) {
		case '?':
			if hit {
				if r := m.match(s+1, end+1); r >= 0 {
					return r
				}
			}
			p = end + 1
			continue
		case '*':
			return m.maxExpand(s, p, end)
		case '+':
			if !hit {
				return -1
			}
			return m.maxExpand(s+1, p, end)
		case '-':
			return m.minExpand(s, p, end)
		}
		if !hit {
			return -1
		}
		s, p = s+1, end
	}
}

// count accounts for a step.
func (m *matcher) count() {
	if m.steps++; m.steps >= stepBatch {
		m.flush()
	}
}

// flush accounts for the steps so far.
func (m *matcher) flush() {
	n := m.steps
	m.steps = 0
	m.c.VM.ChargeSteps(n)
}

// at returns byte i of the pattern, 0 at its end.
func (m *matcher) at(i int) byte {
	if i < len(m.pat) {
		return m.pat[i]
	}
	return 0
}

// classEnd returns the end of the single-character class that starts at p.
func (m *matcher) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p == len(m.pat) {
			m.fail("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p == len(m.pat) {
				m.fail("malformed pattern (missing ']')")
			}
			p++
			if m.pat[p-1] == '%' && p < len(m.pat) {
				p++
			}
		}
		return p + 1
	}
	return p
}

// single reports whether c is of the class that stands at p to end.
func (m *matcher) single(c byte, p, end int) bool {
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return classHas(m.pat[p+1], c)
	case '[':
		return m.setHas(c, p, end-1)
	}
	return m.pat[p] == c
}

// setHas reports whether c is of the set whose brackets are at p and end.
func (m *matcher) setHas(c byte, p, end int) bool {
	if end-p > longSet {
		in, steps := inSet(m.pat[p:end], c)
		m.take(steps)
		return in
	}
	s := m.last
	if m.lastAt != p+1 {
		s = m.sets.find(m.pat[p:end])
		m.last, m.lastAt = s, p+1
	}
	k := s.known[c]
	if k == 0 {
		in, steps := inSet(s.text, c)
		if k = uint16(steps)<<2 | 2; in {
			k |= 1
		}
		s.known[c] = k
	}
	m.take(int(k >> 2))
	return k&1 != 0
}

// take accounts for n steps.
func (m *matcher) take(n int) {
	if m.steps += n; m.steps >= stepBatch {
		m.flush()
	}
}

// inSet reports whether c is of a set, which is written as in a pattern, without the
// bracket at its end, and in how many steps the firmware finds that out.
func inSet(set string, c byte) (in bool, steps int) {
	in = true
	p := 1
	if p < len(set) && set[p] == '^' {
		in = false
		p++
	}
	for ; p < len(set); p++ {
		steps++
		switch {
		case set[p] == '%':
			if p++; p < len(set) && classHas(set[p], c) {
				return in, steps
			}
		case p+2 < len(set) && set[p+1] == '-':
			if set[p] <= c && c <= set[p+2] {
				return in, steps
			}
			p += 2
		case set[p] == c:
			return in, steps
		}
	}
	return !in, steps
}

// sets remembers what is in the sets of patterns, of those that were used last.
type sets struct {
	list []*knownSet
	next int // to be forgotten
}

const (
	maxSets = 16
	longSet = 64 // bytes from which a set is not remembered
)

// knownSet is a set and what is known of each character: 0 nothing, otherwise 2, whether
// it is in there, and 4 times the steps in which that is found out.
type knownSet struct {
	text  string
	known [256]uint16
}

// find returns what is known of a set.
func (l *sets) find(text string) *knownSet {
	for _, s := range l.list {
		if s.text == text {
			return s
		}
	}
	s := &knownSet{text: strings.Clone(text)}
	if len(l.list) < maxSets {
		l.list = append(l.list, s)
		return s
	}
	l.list[l.next] = s
	l.next = (l.next + 1) % maxSets
	return s
}

// classes is what each character is of: a bit for each letter of a class.
var classes [256]uint16

// classBits is the bit of each class, under its letter in lower case.
var classBits = [256]uint16{'a': 1, 'c': 2, 'd': 4, 'l': 8, 'p': 16, 's': 32, 'u': 64, 'w': 128, 'x': 256, 'z': 512}

func init() {
	for i := range classes {
		c := byte(i)
		lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9'
		for class, in := range map[byte]bool{
			'a': lower || upper,
			'c': c < ' ' || c == 127,
			'd': digit,
			'l': lower,
			'p': c > ' ' && c < 127 && !lower && !upper && !digit,
			's': c == ' ' || '\t' <= c && c <= '\r',
			'u': upper,
			'w': lower || upper || digit,
			'x': digit || 'a' <= c|0x20 && c|0x20 <= 'f',
			'z': c == 0,
		} {
			if in {
				classes[i] |= classBits[class]
			}
		}
	}
}

// classHas reports whether c is of the class %class: a letter in lower case, or in upper
// case for what is not of it. Anything else stands for itself.
func classHas(class, c byte) bool {
	bit := classBits[class|0x20]
	if bit == 0 {
		return class == c
	}
	return classes[c]&bit != 0 != (class < 'a')
}

// balance matches %bxy, whose x and y are at p.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.fail("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open, closing := m.pat[p], m.pat[p+1]
	nested := 1
	for s++; s < len(m.src); s++ {
		m.count()
		if c := m.src[s]; c == closing {
			if nested--; nested == 0 {
				return s + 1
			}
		} else if c == open {
			nested++
		}
	}
	return -1
}

// frontier matches %f[set], whose set is at p. It returns the end of the set.
func (m *matcher) frontier(s, p int) int {
	if m.at(p) != '[' {
		m.fail("missing '[' after '%f' in pattern")
	}
	end := m.classEnd(p)
	var before, here byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		here = m.src[s]
	}
	if m.setHas(before, p, end-1) || !m.setHas(here, p, end-1) {
		return -1
	}
	return end
}

func (m *matcher) maxExpand(s, p, end int) int {
	n := 0
	for s+n < len(m.src) && m.single(m.src[s+n], p, end) {
		n++
		m.count()
	}
	for ; n >= 0; n-- {
		if r := m.match(s+n, end+1); r >= 0 {
			return r
		}
	}
	return -1
}

func (m *matcher) minExpand(s, p, end int) int {
	for {
		if r := m.match(s, end+1); r >= 0 {
			return r
		}
		if s >= len(m.src) || !m.single(m.src[s], p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) startCapture(s, p, what int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures")
	}
	m.capture[m.level].start, m.capture[m.level].len = s, what
	m.level++
	r := m.match(s, p)
	if r < 0 {
		m.level--
	}
	return r
}

func (m *matcher) endCapture(s, p int) int {
	l := m.level - 1
	for l >= 0 && m.capture[l].len != captureOpen {
		l--
	}
	if l < 0 {
		m.fail("invalid pattern capture")
	}
	m.capture[l].len = s - m.capture[l].start
	r := m.match(s, p)
	if r < 0 {
		m.capture[l].len = captureOpen
	}
	return r
}

// backReference matches what the capture of digit c matched.
func (m *matcher) backReference(s int, c byte) int {
	l := int(c) - '1'
	if l < 0 || l >= m.level || m.capture[l].len == captureOpen {
		m.fail("invalid capture index")
	}
	n := m.capture[l].len
	if n < 0 || len(m.src)-s < n || m.src[m.capture[l].start:][:n] != m.src[s:s+n] {
		return -1
	}
	m.steps += n / vm.BytesPerInstruction
	return s + n
}

// one returns capture i of a match from start to end: a text, or a position when
// isPosition. Without captures, capture 0 is the whole match.
func (m *matcher) one(i, start, end int) (text string, position int, isPosition bool) {
	if i >= m.level {
		if i != 0 {
			m.fail("invalid capture index")
		}
		return m.src[start:end], 0, false
	}
	switch c := m.capture[i]; c.len {
	case captureOpen:
		m.fail("unfinished capture")
		return "", 0, false
	case capturePosition:
		return "", c.start + 1, true
	default:
		return m.src[c.start:][:c.len], 0, false
	}
}
