package luac

import "strings"

// escape is the byte that every precompiled chunk is known by.
const escape = "\x1b"

// FileSource returns what of a file the compiler reads: all but a first line that
// begins with #. Before a precompiled chunk everything is skipped (fw:
// luaL_loadfile).
func FileSource(file string) string {
	if !strings.HasPrefix(file, "#") {
		return file
	}
	_, rest, more := strings.Cut(file, "\n")
	switch {
	case strings.HasPrefix(rest, escape):
		return file[strings.Index(file, escape):]
	case more:
		return "\n" + rest
	}
	return rest
}

// Precompiled reports whether source, which is FileSource's, is a precompiled chunk.
func Precompiled(source string) bool { return strings.HasPrefix(source, escape) }

// cString is s up to its first zero.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}
