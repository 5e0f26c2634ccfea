package vm

import "strings"

// CString is what C sees of a Lua string: it ends at the first zero byte.
func CString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}
