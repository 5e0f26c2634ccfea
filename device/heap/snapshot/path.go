package snapshot

import (
	"fmt"
	"strings"
)

// Step is one step of a path: the reference followed and where it led.
type Step struct {
	Name   string
	Object *Object
}

// Paths is a shortest way from a root to every object that can be reached.
type Paths struct {
	s     *Snapshot
	index map[int]int
	came  []edge // by object: how it was first reached
}

type edge struct{ from, ref int } // from -1: not reached, or the root

// Paths finds the ways. Of ways that are equally short the one that comes first in
// the snapshot is taken.
func (s *Snapshot) Paths() *Paths {
	p := &Paths{s: s, index: s.Index(), came: make([]edge, len(s.Objects))}
	for i := range p.came {
		p.came[i].from = -1
	}
	if len(s.Objects) == 0 {
		return p
	}
	queue := []int{0}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for i, r := range s.Objects[n].Refs {
			if to := p.index[r.To]; to != 0 && p.came[to].from < 0 {
				p.came[to] = edge{n, i}
				queue = append(queue, to)
			}
		}
	}
	return p
}

// To returns the steps after the root to the object with an id. It is nil when
// there is no such object, or no way to it.
func (p *Paths) To(id int) []Step {
	n, ok := p.index[id]
	if !ok {
		return nil
	}
	length := 0
	for i := n; p.came[i].from >= 0; i = p.came[i].from {
		length++
	}
	if length == 0 {
		return nil
	}
	steps := make([]Step, length)
	for ; length > 0; length-- {
		e := p.came[n]
		steps[length-1] = Step{p.s.Objects[e.from].Refs[e.ref].Name, &p.s.Objects[n]}
		n = e.from
	}
	return steps
}

// Path returns a shortest way from a root to an object, as Paths.To does.
func (s *Snapshot) Path(id int) []Step { return s.Paths().To(id) }

// Of a long path the text has these many steps at its beginning and its end.
const (
	firstSteps = 8
	lastSteps  = 4
)

// PathText is a path on one line: "_G.srv → upvalue buf[3]". Steps in the middle
// of a long one are left out.
func PathText(steps []Step) string {
	var b strings.Builder
	for i := 0; i < len(steps); i++ {
		if left := len(steps) - firstSteps - lastSteps; i == firstSteps && left > 1 {
			fmt.Fprintf(&b, " … %d more … ", left)
			i += left
		}
		name := steps[i].Name
		if text, word := strings.CutPrefix(name, " "); word {
			if b.Len() > 0 {
				b.WriteString(" → ")
			}
			name = text
		}
		b.WriteString(name)
	}
	return b.String()
}
