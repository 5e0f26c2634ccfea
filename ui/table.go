package ui

// column is a column of a table. Its cells are at least min wide and get up to
// max when there is room.
type column struct {
	name     string
	min, max int
	right    bool // numbers align right
	keep     int  // columns with the highest go first when the table is too narrow
	cell     func(row int) (string, role)
}

// fitColumns chooses the columns that fit into w cells, with one cell between
// them, and sets their min to the width they get.
func fitColumns(all []column, w int) []column {
	chosen := make([]bool, len(all))
	used := -1
	for {
		best := -1
		for i, c := range all {
			if !chosen[i] && (best < 0 || c.keep < all[best].keep) {
				best = i
			}
		}
		if best < 0 || used+1+all[best].min > w {
			break
		}
		chosen[best] = true
		used += 1 + all[best].min
	}
	for _, right := range []bool{false, true} { // text gets spare room before numbers
		for i := range all {
			if c := &all[i]; chosen[i] && c.right == right {
				grow := max(min(c.max-c.min, w-used), 0)
				c.min += grow
				used += grow
			}
		}
	}
	var cols []column
	for i, c := range all {
		if chosen[i] {
			cols = append(cols, c)
		}
	}
	return cols
}

// rows is the state of a list that scrolls and has a row the next key acts on.
type rows struct {
	n, height   int // as last drawn
	top, cursor int
}

// move moves the cursor by d rows.
func (r *rows) move(d int) { r.cursor = max(min(r.cursor+d, r.n-1), 0) }

// set tells how many rows there are and how many can be seen.
func (r *rows) set(n, height int) {
	r.n, r.height = n, max(height, 0)
	r.cursor = max(min(r.cursor, n-1), 0)
	r.top = max(min(r.top, r.cursor, n-r.height), 0)
	if r.cursor >= r.top+r.height {
		r.top = r.cursor - r.height + 1
	}
}

// click selects the row at y, which counts from the heads.
func (r *rows) click(_, y int) {
	if y >= 1 && r.top+y-1 < r.n {
		r.cursor = r.top + y - 1
	}
}

// drawTable draws n rows under their heads.
func drawTable(c canvas, all []column, n int, r *rows, focused bool) {
	r.set(n, c.h-1)
	cols := fitColumns(all, c.w)
	x := 0
	for _, col := range cols {
		if col.right {
			c.right(x+col.min, 0, dim, col.name)
		} else {
			c.fit(x, 0, col.min, dim, col.name)
		}
		for y := 1; y < c.h && r.top+y-1 < n; y++ {
			s, role := col.cell(r.top + y - 1)
			if col.right && width(s) <= col.min {
				c.right(x+col.min, y, role, s)
			} else {
				c.fit(x, y, col.min, role, s)
			}
		}
		x += col.min + 1
	}
	if focused && n > 0 {
		c.restyle(1+r.cursor-r.top, selected)
	}
}
