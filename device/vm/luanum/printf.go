package luanum

import (
	"errors"
	"strconv"
	"strings"
)

// Spec is one conversion specification of C's printf: %[flags][width][.prec]verb.
type Spec struct {
	Minus, Plus, Space, Alt, Zero bool // the flags - + space # 0
	Width                         int
	Prec                          int // -1 when none was given
	Verb                          byte
}

// Errors of ParseSpec, in the firmware's words (fw: app/lua/lstrlib.c,
// scanformat).
var (
	ErrRepeatedFlags = errors.New("invalid format (repeated flags)")
	ErrTooLong       = errors.New("invalid format (width or precision too long)")
)

// ParseSpec reads the specification at the start of s, after its percent sign.
// It returns how many bytes it takes. Verb is 0 at the end of s; which verbs
// exist is the caller's business. Width and precision have two digits at most.
func ParseSpec(s string) (spec Spec, n int, err error) {
	spec.Prec = -1
	for ; n < len(s); n++ {
		switch s[n] {
		case '-':
			spec.Minus = true
		case '+':
			spec.Plus = true
		case ' ':
			spec.Space = true
		case '#':
			spec.Alt = true
		case '0':
			spec.Zero = true
		default:
			goto width
		}
		if n >= len("-+ #0") {
			return spec, n, ErrRepeatedFlags
		}
	}
width:
	two := func() (v int) {
		for i := 0; i < 2 && n < len(s) && isDigit(s[n]); i++ {
			v = v*10 + int(s[n]-'0')
			n++
		}
		return v
	}
	spec.Width = two()
	if n < len(s) && s[n] == '.' {
		n++
		spec.Prec = two()
	}
	if n < len(s) && isDigit(s[n]) {
		return spec, n, ErrTooLong
	}
	if n < len(s) {
		spec.Verb = s[n]
		n++
	}
	return spec, n, nil
}

// AppendInt formats v for the verbs d and i.
func (s Spec) AppendInt(dst []byte, v int64) []byte {
	sign, u := "", uint64(v)
	switch {
	case v < 0:
		sign, u = "-", -uint64(v)
	case s.Plus:
		sign = "+"
	case s.Space:
		sign = " "
	}
	return s.integer(dst, sign, u, 10)
}

// AppendUint formats v for the verbs u, o, x and X.
func (s Spec) AppendUint(dst []byte, v uint64) []byte {
	switch s.Verb {
	case 'o':
		return s.integer(dst, "", v, 8)
	case 'x', 'X':
		prefix := ""
		if s.Alt && v != 0 {
			prefix = "0" + string(s.Verb)
		}
		return s.integer(dst, prefix, v, 16)
	}
	return s.integer(dst, "", v, 10)
}

// integer writes the digits of u, of which there is one at least.
func (s Spec) integer(dst []byte, prefix string, u uint64, base int) []byte {
	var buf [24]byte
	digits := strconv.AppendUint(buf[:0], u, base)
	if s.Verb == 'X' {
		digits = []byte(strings.ToUpper(string(digits)))
	}
	zeros := max(0, s.Prec-len(digits))
	if base == 8 && s.Alt && u != 0 {
		zeros = max(zeros, 1)
	}
	n := len(prefix) + zeros + len(digits)
	if s.Zero && !s.Minus && s.Prec < 0 && n < s.Width {
		zeros += s.Width - n
		n = s.Width
	}
	return s.pad(dst, n, func(dst []byte) []byte {
		dst = append(dst, prefix...)
		dst = appendRepeat(dst, '0', zeros)
		return append(dst, digits...)
	})
}

// AppendString formats text for the verb s, up to its first zero byte.
func (s Spec) AppendString(dst []byte, text string) []byte {
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	if s.Prec >= 0 && len(text) > s.Prec {
		text = text[:s.Prec]
	}
	return s.pad(dst, len(text), func(dst []byte) []byte { return append(dst, text...) })
}

// AppendChar formats one byte for the verb c, which has no width here. A zero byte
// ends the text: nothing is left of it.
func (s Spec) AppendChar(dst []byte, c byte) []byte {
	if c == 0 {
		return dst
	}
	return append(dst, c)
}

// pad writes a body of n bytes with the spaces that the width asks for.
func (s Spec) pad(dst []byte, n int, body func([]byte) []byte) []byte {
	if !s.Minus {
		dst = appendRepeat(dst, ' ', s.Width-n)
	}
	dst = body(dst)
	if s.Minus {
		dst = appendRepeat(dst, ' ', s.Width-n)
	}
	return dst
}

func appendRepeat(dst []byte, c byte, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, c)
	}
	return dst
}
