package ui

// question is a line that the user is asked for, in place of the prompt.
type question struct {
	label   string
	line    line
	typed   func(answer string) // after each key; may be nil
	done    func(answer string) // Enter
	dropped func()              // Esc; may be nil
}

// ask asks for a line; answer is what stands there at first.
func (b *boxes) ask(q question, answer string) {
	q.line = newLine()
	q.line.set(answer)
	b.question, b.completion = &q, nil
}

func (b *boxes) answer() {
	q := b.question
	b.question = nil
	q.done(q.line.text())
}

func (b *boxes) dropQuestion() {
	q := b.question
	b.question = nil
	if q.dropped != nil {
		q.dropped()
	}
}

// edit changes the line: a key, or pasted text.
func (q *question) edit(change func(line)) {
	change(q.line)
	if q.typed != nil {
		q.typed(q.line.text())
	}
}

// draw draws what is asked for and the line; with focus it shows the cursor.
func (q *question) draw(c canvas, focused bool) {
	x := c.text(0, 0, accent, q.label)
	q.line.draw(c.sub(x, 0, c.w-x, 1), focused)
}
