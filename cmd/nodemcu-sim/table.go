package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tableWidth is how wide a table may get, in columns. A last column that needs more
// goes on below, so that a terminal does not break lines anywhere.
const tableWidth = 80

// table is rows of cells; the first row is the heading.
type table [][]string

// row adds a row.
func (t *table) row(cells ...any) {
	r := make([]string, len(cells))
	for i, c := range cells {
		r[i] = plain(fmt.Sprint(c))
	}
	*t = append(*t, r)
}

// write writes the table.
func (t table) write(w io.Writer) {
	widths := make([]int, len(t[0])-1)
	left := 0
	for i := range widths {
		for _, r := range t {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i]))
		}
		left += widths[i] + 2
	}
	for _, r := range t {
		for i, width := range widths {
			fmt.Fprintf(w, "%-*s  ", width, r[i])
		}
		for i, line := range wrap(r[len(widths)], max(tableWidth-left, tableWidth/3)) {
			if i > 0 {
				fmt.Fprint(w, strings.Repeat(" ", left))
			}
			fmt.Fprintln(w, line)
		}
	}
}

// wrap breaks a text at blanks into lines of at most width columns. A word that is
// longer has a line of its own.
func wrap(s string, width int) []string {
	var lines []string
	line, length := "", 0
	for _, word := range strings.Split(s, " ") {
		n := utf8.RuneCountInString(word)
		if line != "" && length+1+n > width {
			lines = append(lines, line)
			line, length = "", 0
		}
		if line != "" {
			line += " "
			length++
		}
		line += word
		length += n
	}
	return append(lines, line)
}

// plain makes text of a file harmless to a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
