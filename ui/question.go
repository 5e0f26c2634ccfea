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
func (c *Console) ask(q question, answer string) {
	q.line = newLine()
	q.line.set(answer)
	c.question, c.completion = &q, nil
}

func (c *Console) answer() {
	q := c.question
	c.question = nil
	q.done(q.line.text())
}

func (c *Console) dropQuestion() {
	q := c.question
	c.question = nil
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
