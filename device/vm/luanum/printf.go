package luanum

import (
	"errors"
	"math"
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
		digits := strconv.FormatUint(v, 8)
		if s.Alt && s.Prec <= len(digits) && v != 0 {
			s.Prec = len(digits) + 1
		} else if s.Alt && v == 0 && s.Prec == 0 {
			s.Prec = 1
		}
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

func (s Spec) integer(dst []byte, prefix string, u uint64, base int) []byte {
	var buf [24]byte
	digits := strconv.AppendUint(buf[:0], u, base)
	if s.Verb == 'X' {
		digits = []byte(strings.ToUpper(string(digits)))
	}
	if s.Prec == 0 && u == 0 {
		digits = nil
	}
	zeros := max(0, s.Prec-len(digits))
	if s.Zero && !s.Minus && s.Prec < 0 {
		zeros = max(0, s.Width-len(prefix)-len(digits))
	}
	return s.pad(dst, len(prefix)+zeros+len(digits), func(dst []byte) []byte {
		dst = append(dst, prefix...)
		dst = appendRepeat(dst, '0', zeros)
		return append(dst, digits...)
	})
}

// AppendFloat formats f for the verbs e, E, f, g and G.
func (s Spec) AppendFloat(dst []byte, f float64) []byte {
	prec := s.Prec
	if prec < 0 {
		prec = 6
	}
	verb := s.Verb
	upper := verb == 'E' || verb == 'G'
	if upper {
		verb |= 0x20
	}
	body := appendFloat(nil, math.Abs(f), verb, prec, s.Alt)
	if upper {
		body = []byte(strings.ToUpper(string(body)))
	}
	sign := ""
	switch {
	case math.Signbit(f) && f == f:
		sign = "-"
	case s.Plus:
		sign = "+"
	case s.Space:
		sign = " "
	}
	zeros := 0
	if s.Zero && !s.Minus && f-f == 0 { // not for infinities and nan
		zeros = max(0, s.Width-len(sign)-len(body))
	}
	return s.pad(dst, len(sign)+zeros+len(body), func(dst []byte) []byte {
		dst = append(dst, sign...)
		dst = appendRepeat(dst, '0', zeros)
		return append(dst, body...)
	})
}

// AppendString formats text for the verb s; AppendChar one byte for the verb c.
func (s Spec) AppendString(dst []byte, text string) []byte {
	if s.Prec >= 0 && len(text) > s.Prec {
		text = text[:s.Prec]
	}
	return s.pad(dst, len(text), func(dst []byte) []byte { return append(dst, text...) })
}

// AppendChar formats one byte for the verb c.
func (s Spec) AppendChar(dst []byte, c byte) []byte {
	return s.pad(dst, 1, func(dst []byte) []byte { return append(dst, c) })
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

// appendFloat is printf's %.prec{e,f,g} of a number; alt is the # flag (keep the
// point, and for g the trailing zeros).
func appendFloat(dst []byte, f float64, verb byte, prec int, alt bool) []byte {
	switch {
	case f != f:
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	start := len(dst)
	if verb != 'g' {
		dst = strconv.AppendFloat(dst, f, verb, prec, 64)
		if alt && prec == 0 {
			dst = insertPoint(dst, start)
		}
		return dst
	}
	prec = max(prec, 1)
	if !alt {
		return strconv.AppendFloat(dst, f, 'g', prec, 64)
	}
	// With #, %g keeps its trailing zeros: choose between e and f as C does.
	exp := 0
	if f != 0 {
		e := strconv.FormatFloat(f, 'e', prec-1, 64)
		exp, _ = strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	}
	decimals := prec - 1
	verb = 'e'
	if exp >= -4 && exp < prec {
		verb, decimals = 'f', prec-1-exp
	}
	dst = strconv.AppendFloat(dst, f, verb, decimals, 64)
	if decimals == 0 {
		dst = insertPoint(dst, start)
	}
	return dst
}

// insertPoint puts a decimal point after the integer digits that start at start.
func insertPoint(dst []byte, start int) []byte {
	i := start
	for i < len(dst) && dst[i] != 'e' {
		i++
	}
	dst = append(dst, 0)
	copy(dst[i+1:], dst[i:])
	dst[i] = '.'
	return dst
}
