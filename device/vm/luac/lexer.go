package luac

import (
	"fmt"
	"unsafe"
)

// token is a kind of token: a character, or one of the constants below.
type token int

const (
	tkAnd token = iota + 257
	tkBreak
	tkDo
	tkElse
	tkElseif
	tkEnd
	tkFalse
	tkFor
	tkFunction
	tkIf
	tkIn
	tkLocal
	tkNil
	tkNot
	tkOr
	tkRepeat
	tkReturn
	tkThen
	tkTrue
	tkUntil
	tkWhile
	tkConcat
	tkDots
	tkEq
	tkGe
	tkLe
	tkNe
	tkNumber
	tkName
	tkString
	tkEOF
)

// tokenNames are the words of the constants above, as messages show them.
var tokenNames = [...]string{
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
	"repeat", "return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=", "~=", "<number>", "<name>", "<string>", "<eof>",
}

var reserved = func() map[string]token {
	m := map[string]token{}
	for t := tkAnd; t <= tkWhile; t++ {
		m[t.String()] = t
	}
	return m
}()

func (t token) String() string {
	switch {
	case t >= tkAnd:
		return tokenNames[t-tkAnd]
	case t < ' ' || t == 127:
		return fmt.Sprintf("char(%d)", int(t))
	}
	return string([]byte{byte(t)})
}

// lexer cuts source text into tokens, with one token of lookahead on request.
type lexer struct {
	src      string        // what has been read; without what lies behind, where more is set
	more     func() string // the next piece of the source, "" at its end; nil when src is all
	buf      []byte        // what src is a view of, where more is set
	begun    int           // where the token at hand begins in src, -1 for none
	escapes  int           // as many characters of it may make one
	pos      int
	line     int // line of the current token
	lastLine int // line of the last token consumed

	tok  token   // current token
	text string  // contents of a name or string
	num  float64 // value of a number
	raw  string  // the text that messages show for the current token

	numbers  Numbers
	account  Account
	onString func(s string) // told of each name and string read
	onLength func(n int)    // told of the length of each token that is collected

	ahead    token // token after the current one, 0 when not read yet
	aheadTxt string
	aheadNum float64
	aheadRaw string
}

// next makes the following token current.
func (x *lexer) next() {
	x.lastLine = x.line
	if x.ahead != 0 {
		x.tok, x.text, x.num, x.raw = x.ahead, x.aheadTxt, x.aheadNum, x.aheadRaw
		x.ahead = 0
		return
	}
	x.tok = x.scan()
}

// peek returns the token after the current one.
func (x *lexer) peek() token {
	tok, text, num, raw := x.tok, x.text, x.num, x.raw
	x.ahead = x.scan()
	x.aheadTxt, x.aheadNum, x.aheadRaw = x.text, x.num, x.raw
	x.tok, x.text, x.num, x.raw = tok, text, num, raw
	return x.ahead
}

// fail raises a syntax error near token tok, whose text is raw when it is a
// name, string or number; near nothing when tok is 0.
func (x *lexer) fail(message string, tok token, raw string) {
	near := ""
	switch {
	case tok == tkName || tok == tkString || tok == tkNumber:
		x.onLength(len(raw) + 1)
		near = cString(raw)
	case tok != 0:
		near = x.word(tok)
	}
	x.account.Failed(x.line, message, near)
	if near != "" {
		message = fmt.Sprintf("%s near '%s'", message, near)
	}
	panic(&Error{Line: x.line, Message: message})
}

// word is a token as messages show it (luaX_token2str).
func (x *lexer) word(t token) string {
	switch {
	case t >= tkAnd:
		return tokenNames[t-tkAnd]
	case t < ' ' || t == 127:
		return x.account.Message("char(%d)", int(t))
	}
	return x.account.Message("%s", string([]byte{byte(t)})) // %c there
}

// char returns the byte at offset i from the current position, -1 at the end.
func (x *lexer) char(i int) int {
	for x.pos+i >= len(x.src) {
		if !x.fill() {
			return -1
		}
	}
	return int(x.src[x.pos+i])
}

// fill reads another piece. It reports whether there was one.
func (x *lexer) fill() bool {
	if x.more == nil {
		return false
	}
	piece := x.more()
	if piece == "" {
		x.more = nil
		return false
	}
	// Tokens are parts of src, so bytes that are there never change.
	switch {
	case x.begun < 0:
		x.buf = append([]byte(x.src[x.pos:]), piece...)
		x.pos = 0
	case len(x.buf) != len(x.src):
		x.buf = append([]byte(x.src), piece...)
	default:
		x.buf = append(x.buf, piece...)
	}
	x.src = unsafe.String(unsafe.SliceData(x.buf), len(x.buf))
	if x.begun >= 0 { // a token without end must run out of memory
		x.onLength((len(x.src) - x.begun) / x.escapes)
	}
	return true
}

// begin notes that a token begins here of which up to n characters make one.
func (x *lexer) begin(n int) { x.begun, x.escapes = x.pos, n }

// newline skips one end of line: \n, \r, \r\n or \n\r.
func (x *lexer) newline() {
	c := x.src[x.pos]
	x.pos++
	if n := x.char(0); (n == '\n' || n == '\r') && n != int(c) {
		x.pos++
	}
	x.line++
}

func (x *lexer) scan() token {
	for {
		x.begun = -1
		c := x.char(0)
		switch {
		case c < 0:
			return tkEOF
		case c == '\n' || c == '\r':
			x.newline()
		case c == '-':
			x.pos++
			if x.char(0) != '-' {
				return '-'
			}
			x.pos++
			x.comment()
		case c == '[':
			x.begin(1)
			sep := x.separator()
			if sep >= 0 {
				return x.longString(sep, false)
			}
			if sep == -1 {
				x.pos++
				return '['
			}
			x.fail("invalid long string delimiter", tkString, x.src[x.pos:x.pos-sep])
		case c == '=':
			return x.either('=', tkEq, '=')
		case c == '<':
			return x.either('=', tkLe, '<')
		case c == '>':
			return x.either('=', tkGe, '>')
		case c == '~':
			return x.either('=', tkNe, '~')
		case c == '"' || c == '\'':
			return x.shortString(byte(c))
		case c == '.':
			if x.char(1) == '.' {
				if x.char(2) == '.' {
					x.pos += 3
					return tkDots
				}
				x.pos += 2
				return tkConcat
			}
			if !isDigit(x.char(1)) {
				x.pos++
				return '.'
			}
			return x.number()
		case isSpace(c):
			x.pos++
		case isDigit(c):
			return x.number()
		case isAlpha(c):
			x.begin(1)
			start := x.pos
			for isAlpha(x.char(0)) || isDigit(x.char(0)) {
				x.pos++
			}
			x.text = x.src[start:x.pos]
			x.raw = x.text
			x.onLength(len(x.raw))
			if t, ok := reserved[x.text]; ok {
				return t
			}
			x.onString(x.text)
			return tkName
		default:
			x.pos++
			return token(c)
		}
	}
}

// either consumes the current character, and the next one too if it is second.
func (x *lexer) either(second int, both, one token) token {
	x.pos++
	if x.char(0) == second {
		x.pos++
		return both
	}
	return one
}

func (x *lexer) comment() {
	if x.char(0) == '[' {
		x.begin(1)
		if sep := x.separator(); sep >= 0 {
			x.longString(sep, true)
			return
		}
		x.begun = -1
	}
	for c := x.char(0); c >= 0 && c != '\n' && c != '\r'; c = x.char(0) {
		x.pos++
	}
}

// separator measures [==[ or ]==] at the current position: the number of equal
// signs, or, when the second bracket is missing, minus that number minus one.
func (x *lexer) separator() int {
	n := 0
	for x.char(1+n) == '=' {
		n++
	}
	if x.char(1+n) == int(x.src[x.pos]) {
		return n
	}
	return -n - 1
}

func (x *lexer) longString(sep int, comment bool) token {
	open := x.pos
	x.pos += sep + 2
	if comment {
		x.begun = -1
	}
	if c := x.char(0); c == '\n' || c == '\r' {
		x.newline()
	}
	var b []byte
	for {
		c := x.char(0)
		switch c {
		case -1:
			if comment {
				x.fail("unfinished long comment", tkEOF, "")
			}
			x.fail("unfinished long string", tkEOF, "")
		case '[':
			// fw: app/lua/luaconf.h, LUA_COMPAT_LSTR 1
			if sep == 0 && x.char(1) == '[' {
				x.pos += 2
				x.fail("nesting of [[...]] is deprecated", '[', "")
			}
		case ']':
			if comment {
				x.begin(1)
			}
			if x.separator() == sep {
				x.pos += sep + 2
				x.text = string(b)
				if !comment {
					x.raw = x.src[open:x.pos]
					x.onLength(len(x.raw))
					x.onString(x.text)
				}
				return tkString
			}
		case '\n', '\r':
			x.newline()
			if !comment {
				b = append(b, '\n')
			}
			continue
		}
		if comment {
			x.begun = -1
		} else {
			b = append(b, byte(c))
		}
		x.pos++
	}
}

var escapes = map[int]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

func (x *lexer) shortString(quote byte) token {
	b := []byte{quote} // with its quotes, as messages show it
	x.begin(4)
	x.pos++
	for x.char(0) != int(quote) {
		c := x.char(0)
		switch c {
		case -1:
			x.fail("unfinished string", tkEOF, "")
		case '\n', '\r':
			x.fail("unfinished string", tkString, string(b))
		case '\\':
			x.pos++
			e := x.char(0)
			if v, ok := escapes[e]; ok {
				b = append(b, v)
				x.pos++
				continue
			}
			switch {
			case e == '\n' || e == '\r':
				b = append(b, '\n')
				x.newline()
			case e < 0: // the error comes with the next round
			case !isDigit(e):
				b = append(b, byte(e))
				x.pos++
			default:
				v := 0
				for i := 0; i < 3 && isDigit(x.char(0)); i++ {
					v = v*10 + x.char(0) - '0'
					x.pos++
				}
				if v > 255 {
					x.fail("escape sequence too large", tkString, string(b))
				}
				b = append(b, byte(v))
			}
		default:
			b = append(b, byte(c))
			x.pos++
		}
	}
	x.pos++
	x.text = string(b[1:])
	x.raw = string(append(b, quote))
	x.onLength(len(x.raw))
	x.onString(x.text)
	return tkString
}

func (x *lexer) number() token {
	x.begin(1)
	start := x.pos
	for isDigit(x.char(0)) || x.char(0) == '.' {
		x.pos++
	}
	if c := x.char(0); c == 'e' || c == 'E' {
		x.pos++
		if c := x.char(0); c == '+' || c == '-' {
			x.pos++
		}
	}
	for isAlpha(x.char(0)) || isDigit(x.char(0)) {
		x.pos++
	}
	x.raw = x.src[start:x.pos]
	x.onLength(len(x.raw) + 1)
	n, ok := x.numbers.Parse(x.raw)
	if !ok {
		x.fail("malformed number", tkNumber, x.raw)
	}
	x.num = n
	return tkNumber
}

func isDigit(c int) bool { return '0' <= c && c <= '9' }
func isAlpha(c int) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' && c < 128 }
func isSpace(c int) bool { return c == ' ' || '\t' <= c && c <= '\r' }
