package hostdir

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A flash name is any string of up to 31 bytes without a zero byte. Most are
// good paths of the host as they are, "/" being the separator. What is not (a
// part that is empty or starts with a dot, a control character, a byte that some
// host forbids) is written as %XX. flashName undoes it, but only for paths that
// hostPath or flatPath would have made: a file that a user called "a%20b.txt"
// keeps its name.

// hostPath returns where the file called name is kept, relative to the
// directory. The result has no part that is empty, "." or "..", and is never the
// project file.
func hostPath(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if p == "" {
			return flatPath(name)
		}
		parts[i] = escape(p)
	}
	p := strings.Join(parts, "/")
	if strings.EqualFold(p, ProjectFile) {
		return flatPath(name)
	}
	return p
}

// flatPath is another place for the file called name, in the directory itself,
// that hostPath gives to no file: the slashes and the last byte are escaped.
func flatPath(name string) string {
	last := len(name) - 1
	return strings.ReplaceAll(escape(name[:last]), "/", "%2F") + fmt.Sprintf("%%%02X", name[last])
}

// escape writes the bytes of a part of a path that a host might not like, and a
// leading dot, as %XX.
func escape(part string) string {
	text := utf8.ValidString(part)
	var b strings.Builder
	for i := range len(part) {
		c := part[i]
		bad := c < ' ' || c == 0x7f || c >= 0x80 && !text || c == '.' && i == 0 || strings.IndexByte(`%\:*?"<>|`, c) >= 0
		if bad {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// flashName returns the flash name of the file at path p of the directory.
func flashName(p string) string {
	if !strings.Contains(p, "%") {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			var c byte
			if n, err := fmt.Sscanf(p[i+1:i+3], "%02X", &c); n == 1 && err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(p[i])
	}
	name := b.String()
	if name != "" && strings.IndexByte(name, 0) < 0 && (hostPath(name) == p || flatPath(name) == p) {
		return name
	}
	return p
}
