package snapshot

import "strings"

// Step is one step of a path: the reference followed and where it led.
type Step struct {
	Name   string
	Object *Object
}

// Path returns a shortest way from a root to an object: the steps after the root.
// It is nil when there is no such object, or no way to it. Of ways that are
// equally short it is the one that comes first in the snapshot.
func (s *Snapshot) Path(id int) []Step {
	if len(s.Objects) == 0 {
		return nil
	}
	index := s.Index()
	goal, ok := index[id]
	if !ok || goal == 0 {
		return nil
	}
	type edge struct{ from, ref int }
	came := make(map[int]edge, len(s.Objects))
	came[0] = edge{-1, 0}
	queue := []int{0}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if n == goal {
			break
		}
		for i, r := range s.Objects[n].Refs {
			to := index[r.To]
			if _, seen := came[to]; !seen {
				came[to] = edge{n, i}
				queue = append(queue, to)
			}
		}
	}
	if _, found := came[goal]; !found {
		return nil
	}
	var steps []Step
	for n := goal; n != 0; {
		e := came[n]
		steps = append(steps, Step{s.Objects[e.from].Refs[e.ref].Name, &s.Objects[n]})
		n = e.from
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	return steps
}

// PathText is a path on one line: "_G.srv upvalue buf[3]".
func PathText(steps []Step) string {
	var b strings.Builder
	for _, st := range steps {
		b.WriteString(st.Name)
	}
	return strings.TrimSpace(b.String())
}
