package snapshot

// An object dominates another when every way from the roots to the other leads
// through it: were it to go, the other would go, too. The nearest dominator of
// each object makes a tree, and what an object retains is the sum over its
// subtree. Found as T. Lengauer and R. Tarjan do (A Fast Algorithm for Finding
// Dominators in a Flowgraph, 1979; with path compression alone): the time does not
// depend on the shape of the graph, so a file made to be slow is not.

// graph is the references of a snapshot by index instead of id.
type graph struct {
	to     [][]int // as in Refs
	order  []int   // reachable objects in preorder; the root comes first
	number []int   // place in order, -1 when not reachable
	parent []int   // by place in order: the place from where it was first reached
}

func (s *Snapshot) graph() *graph {
	index := s.Index()
	n := len(s.Objects)
	g := &graph{to: make([][]int, n), number: make([]int, n)}
	for i := range s.Objects {
		g.number[i] = -1
		refs := s.Objects[i].Refs
		g.to[i] = make([]int, len(refs))
		for j, r := range refs {
			g.to[i][j] = index[r.To]
		}
	}
	enter := func(i, parent int) {
		g.number[i] = len(g.order)
		g.order = append(g.order, i)
		g.parent = append(g.parent, parent)
	}
	type visit struct{ at, next int }
	enter(0, -1)
	for stack := []visit{{0, 0}}; len(stack) > 0; {
		v := &stack[len(stack)-1]
		if v.next == len(g.to[v.at]) {
			stack = stack[:len(stack)-1]
			continue
		}
		i := g.to[v.at][v.next]
		v.next++
		if g.number[i] < 0 {
			enter(i, g.number[v.at])
			stack = append(stack, visit{i, 0})
		}
	}
	return g
}

// dominators returns the nearest dominator of each object in g.order, both by
// their place there: -1 for the root.
func (g *graph) dominators() []int {
	n := len(g.order)
	from := make([][]int, n)
	for v, i := range g.order {
		for _, k := range g.to[i] {
			w := g.number[k]
			from[w] = append(from[w], v)
		}
	}
	semi, label, ancestor, dom := make([]int, n), make([]int, n), make([]int, n), make([]int, n)
	waiting := make([][]int, n) // for whom the dominator is being looked for, by semidominator
	for v := range n {
		semi[v], label[v], ancestor[v], dom[v] = v, v, -1, -1
	}
	var path []int
	// least is the object with the least semidominator on the way up from v to
	// the root of its tree.
	least := func(v int) int {
		if ancestor[v] < 0 {
			return v
		}
		path = path[:0]
		for u := v; ancestor[ancestor[u]] >= 0; u = ancestor[u] {
			path = append(path, u)
		}
		for i := len(path) - 1; i >= 0; i-- {
			u := path[i]
			a := ancestor[u]
			if semi[label[a]] < semi[label[u]] {
				label[u] = label[a]
			}
			ancestor[u] = ancestor[a]
		}
		return label[v]
	}
	for w := n - 1; w > 0; w-- {
		for _, v := range from[w] {
			semi[w] = min(semi[w], semi[least(v)])
		}
		waiting[semi[w]] = append(waiting[semi[w]], w)
		p := g.parent[w]
		ancestor[w] = p
		for _, v := range waiting[p] {
			dom[v] = p
			if u := least(v); semi[u] < semi[v] {
				dom[v] = u
			}
		}
		waiting[p] = nil
	}
	for w := 1; w < n; w++ {
		if dom[w] != semi[w] {
			dom[w] = dom[dom[w]]
		}
	}
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
	for w := len(g.order) - 1; w > 0; w-- { // who is dominated comes after
		s.Objects[g.order[dom[w]]].Retained += s.Objects[g.order[w]].Retained
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
