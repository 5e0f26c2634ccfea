package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tb := table{{"BYTES", "WHAT"}}
	tb.row(12, "short")
	tb.row(123456, "a text that is so long that it needs more than the eighty columns of the terminal that it stands in")
	tb.row(1, strings.Repeat("x", 90))
	tb.row(2, "\x1b[31mred\nline\u202e")
	var b strings.Builder
	tb.write(&b)
	want := `BYTES   WHAT
12      short
123456  a text that is so long that it needs more than the eighty columns of the
        terminal that it stands in
1       ` + strings.Repeat("x", 90) + `
2       ?[31mred?line?
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}
