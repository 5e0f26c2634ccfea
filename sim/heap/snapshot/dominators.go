package snapshot

// An object dominates another when every way from the roots to the other leads
// through it: were it to go, the other would go, too. The nearest dominator of
// each object makes a tree, and what an object retains is the sum over its
// subtree. Found by iteration over the objects in reverse postorder until nothing
// changes (K. Cooper, T. Harvey, K. Kennedy: A Simple, Fast Dominance Algorithm,
// 2001); a few passes do for graphs like these.

// graph is the references of a snapshot by index instead of id.
type graph struct {
	to    [][]int // as in Refs
	order []int   // reachable objects in postorder; the root comes last
	post  []int   // place in order, -1 when not reachable
}

func (s *Snapshot) graph() *graph {
	index := s.Index()
	g := &graph{to: make([][]int, len(s.Objects)), post: make([]int, len(s.Objects))}
	for i := range s.Objects {
		g.post[i] = -1
		refs := s.Objects[i].Refs
		g.to[i] = make([]int, len(refs))
		for j, r := range refs {
			g.to[i][j] = index[r.To]
		}
	}
	type visit struct{ at, next int }
	seen := make([]bool, len(s.Objects))
	seen[0] = true
	for stack := []visit{{0, 0}}; len(stack) > 0; {
		v := &stack[len(stack)-1]
		if v.next < len(g.to[v.at]) {
			n := g.to[v.at][v.next]
			v.next++
			if !seen[n] {
				seen[n] = true
				stack = append(stack, visit{n, 0})
			}
			continue
		}
		g.post[v.at] = len(g.order)
		g.order = append(g.order, v.at)
		stack = stack[:len(stack)-1]
	}
	return g
}

// dominators returns the nearest dominator of each object by index: -1 for the
// root and for what is not reachable.
func (g *graph) dominators() []int {
	from := make([][]int, len(g.to))
	for i, list := range g.to {
		if g.post[i] < 0 {
			continue
		}
		for _, n := range list {
			from[n] = append(from[n], i)
		}
	}
	dom := make([]int, len(g.to))
	for i := range dom {
		dom[i] = -1
	}
	dom[0] = 0
	meet := func(a, b int) int {
		for a != b {
			for g.post[a] < g.post[b] {
				a = dom[a]
			}
			for g.post[b] < g.post[a] {
				b = dom[b]
			}
		}
		return a
	}
	for changed := true; changed; {
		changed = false
		for k := len(g.order) - 2; k >= 0; k-- { // all but the root
			n := g.order[k]
			d := -1
			for _, p := range from[n] {
				switch {
				case dom[p] < 0:
				case d < 0:
					d = p
				default:
					d = meet(d, p)
				}
			}
			if d != dom[n] {
				dom[n] = d
				changed = true
			}
		}
	}
	dom[0] = -1
	return dom
}

// Dominate computes what each object retains.
func (s *Snapshot) Dominate() {
	if len(s.Objects) == 0 {
		return
	}
	g := s.graph()
	dom := g.dominators()
	for i := range s.Objects {
		s.Objects[i].Retained = s.Objects[i].Bytes
	}
	for _, n := range g.order { // children come before their dominators
		if d := dom[n]; d >= 0 {
			s.Objects[d].Retained += s.Objects[n].Retained
		}
	}
}

// Reached returns the bytes of what is reachable from the root.
func (s *Snapshot) Reached() int {
	n := 0
	for _, i := range s.graph().order {
		n += s.Objects[i].Bytes
	}
	return n
}

// Dominators returns, for each object by index in Objects, the index of the
// object that retains it, -1 for the root.
func (s *Snapshot) Dominators() []int { return s.graph().dominators() }
