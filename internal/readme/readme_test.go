package readme

import (
	"strings"
	"testing"
)

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		got, want string
		same      bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a\nb", "a", false},
		{"a", "a\nb", false},
		{"3 passed; 12.5 ms", "4 passed;  1 s", true},
		{"lib.lua:4: x", "lib.lua:5: x", false},
		{"free 12 at lib.lua:4", "free 3 at lib.lua:4", true},
		{"a\nb\nc\nd", "a\n...\nd", true},
		{"a\nb\nc\nd", "...\nc\n...", true},
		{"a\nb\nc\nd", "...\nx", false},
		{"a\nb\nc\nd", "b\n...", false},
		{"a\nb", "a\nb\n...", true},
	} {
		got, want := strings.Split(tt.got, "\n"), strings.Split(tt.want, "\n")
		lines := shown(got, want)
		if s := lines != nil && same(lines, want); s != tt.same {
			t.Errorf("%q and %q: %v (%q)", tt.got, tt.want, s, lines)
		}
	}
}
