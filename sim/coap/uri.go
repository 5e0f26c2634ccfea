package coap

import "strings"

// uri is a URL taken apart (fw: coap_uri_t).
type uri struct {
	host, path, query string
	port              uint16
}

// splitURI takes a URL apart as the firmware does (fw: coap_split_uri): also one that is
// only a path, and without looking whether coaps:// is meant.
func splitURI(url string) (u uri, ok bool) {
	u.port = defaultPort
	rest := url
	afterPort := true // only there a query may follow without a path
	if !strings.HasPrefix(rest, "/") {
		if rest, ok = cutFold(rest, "coap"); !ok {
			return u, false
		}
		if rest != "" && lower(rest[0]) == 's' {
			rest = rest[1:]
		}
		if rest, ok = cutFold(rest, "://"); !ok {
			return u, false
		}
		if strings.HasPrefix(rest, "[") {
			end := strings.IndexByte(rest, ']')
			if end < 0 || end == 1 {
				return u, false
			}
			u.host = rest[1:end]
			rest = rest[end+1:]
		} else {
			end := strings.IndexAny(rest, ":/?")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return u, false
			}
			u.host = toLower(rest[:end])
			rest = rest[end:]
		}
		afterPort = false
		if strings.HasPrefix(rest, ":") {
			rest = rest[1:]
			n := 0
			for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
				n++
			}
			if n > 0 {
				port := uint32(0) // wraps as the firmware's does
				for _, d := range []byte(rest[:n]) {
					port = port*10 + uint32(d-'0')
				}
				u.port = uint16(port)
			}
			rest = rest[n:]
			afterPort = true
		}
	}
	if rest == "" {
		return u, true
	}
	if rest[0] == '/' {
		rest = rest[1:]
		u.path, _, _ = strings.Cut(rest, "?")
		rest = rest[len(u.path):]
		afterPort = true
	}
	if strings.HasPrefix(rest, "?") && afterPort {
		u.query, rest = rest[1:], ""
	}
	return u, rest == ""
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

func toLower(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

// cutFold takes a prefix off, whatever its case.
func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || toLower(s[:len(prefix)]) != prefix {
		return s, false
	}
	return s[len(prefix):], true
}

// segments are the parts of a path or query (fw: coap_parse_next). It ends at a character
// of end. Empty parts and those that begin with "..", or are ".", are left out.
func segments(s string, separator byte, end string) (list []string) {
	if i := strings.IndexAny(s, end); i >= 0 {
		s = s[:i]
	}
	for _, part := range strings.Split(s, string(separator)) {
		if !strings.HasPrefix("..", part[:min(len(part), 2)]) {
			list = append(list, part)
		}
	}
	return list
}

// decode replaces %XX. A part in which that is malformed is none.
func decode(s string) (value []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b == '%' {
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return nil, false
			}
			b = hex(s[i+1])<<4 + hex(s[i+2])
			i += 2
		}
		value = append(value, b)
	}
	return value, true
}

func isHex(b byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", b) >= 0 }

func hex(b byte) byte {
	if b&0x40 != 0 {
		return b&0xf + 9
	}
	return b & 0xf
}
