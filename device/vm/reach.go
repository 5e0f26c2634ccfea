package vm

// Reach is what can be reached while some of what is held from outside does not count:
// who holds it finds out whether nothing else does, as in circles that lead through two VMs.
// It grows by what is added, and like any walk changes nothing.
type Reach struct {
	w    *walker
	next int // the first node that has not been followed
	told int // and the first that Each has not told
}

// Reach begins one. Userdata whose finalizers are functions of Lua count as reached, since
// these will run and see what they refer to.
func (v *VM) Reach(without map[Held]bool) *Reach {
	w := v.mem.newWalker(false)
	w.roots(func(h Held) bool { return !without[h] })
	if v.stringMeta != nil {
		w.edge(0, tableValue(v.stringMeta), "")
	}
	for _, u := range v.mem.gc.finalize {
		w.edge(0, userdataValue(u), "")
	}
	for _, u := range v.mem.udata {
		if u.meta == nil {
			continue
		}
		if h := v.fastField(u.meta, eventGC); h.bits == kindFunction && h.function().proto != nil {
			w.edge(0, userdataValue(u), "")
		}
	}
	return &Reach{w: w}
}

// Add makes x reached, an object that is no string.
func (r *Reach) Add(x Value) {
	r.w.edge(0, r.w.m.v.take(x), "")
}

// Each calls fn with each function in Go and userdata that is reached and was not told yet.
func (r *Reach) Each(fn func(x Value)) {
	for ; r.next < len(r.w.nodes); r.next++ {
		r.w.follow(r.next)
	}
	for ; r.told < len(r.w.nodes); r.told++ {
		switch h := r.w.nodes[r.told].object; {
		case h == nil:
		case h.kind == kindUserData:
			fn(h.userdata())
		case h.kind == kindFunction && h.function().proto == nil:
			fn(h.function())
		}
	}
}
