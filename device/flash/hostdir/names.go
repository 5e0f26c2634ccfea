package hostdir

import (
	"fmt"
	"strconv"
	"strings"
)

// A flash name is any string of up to 31 bytes without a zero byte, also an empty one. Most are
// good paths of the host as they are, "/" being the separator. What some host or
// other forbids or changes (a leading dot, a trailing dot or space, a control
// character, one of \:*?"<>|, a byte that is not ASCII, the names of Windows's
// devices) is written as %XX.
//
// Where that path is not free, there is another for the file: in the directory
// itself, "%_" in front, with everything but lower-case letters and digits as %XX.
// It is free on hosts that do not tell "a" from "A", too, whatever else is there.
//
// flashName undoes both, but only for paths that hostPath or altPath would have
// made: a file that a user called "a%20b.txt" keeps its name.

// hostPath returns where the file called name is kept, relative to the directory.
// The result has no part that is "." or "..", and is never the project file; there
// is none for a name with a part that is empty.
func hostPath(name string) (string, bool) {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if p == "" {
			return "", false
		}
		parts[i] = escape(p)
	}
	p := strings.Join(parts, "/")
	return p, !strings.EqualFold(p, ProjectFile)
}

// altMark starts the path that altPath makes. After a "%" hostPath has two digits.
const altMark = "%_"

// altPath is the other place for the file called name. The last byte is always
// escaped: no pattern for the ends of names applies.
func altPath(name string) string {
	var b strings.Builder
	b.WriteString(altMark)
	for i := range len(name) {
		c := name[i]
		switch {
		case i == len(name)-1, !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.", c) >= 0):
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escape writes the bytes of a part of a path that a host might not like as %XX.
func escape(part string) string {
	device := isDevice(part)
	var b strings.Builder
	for i := range len(part) {
		c := part[i]
		bad := c < ' ' || c >= 0x7f || strings.IndexByte(`%\:*?"<>|`, c) >= 0
		if i == 0 {
			bad = bad || c == '.' || device
		}
		if i == len(part)-1 {
			bad = bad || c == '.' || c == ' '
		}
		if bad {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isDevice reports whether Windows takes a name for a device: whatever follows a
// dot does not matter, nor do spaces before it.
func isDevice(part string) bool {
	base, _, _ := strings.Cut(part, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	return len(base) == 4 && (base[:3] == "COM" || base[:3] == "LPT") && '0' <= base[3] && base[3] <= '9'
}

// fold returns what names have in common that a host may take for the same.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// flashName returns the flash name of the file at path p of the directory.
func flashName(p string) string {
	if !strings.Contains(p, "%") {
		return p
	}
	rest, alt := strings.CutPrefix(p, altMark)
	if alt && rest == "" {
		return "" // a name, too
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		if rest[i] == '%' && i+2 < len(rest) {
			if c, err := strconv.ParseUint(rest[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(rest[i])
	}
	name := b.String()
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return p
	}
	if made, ok := hostPath(name); ok && made == p || alt && altPath(name) == p {
		return name
	}
	return p
}
