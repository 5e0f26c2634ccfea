package luac

// Local is a local variable of a function: from instruction Start on and before
// End it is active. Of the variables active at one place, the n-th in the list is
// in register n. The firmware strips these names; tools that look at a program
// from outside use them.
type Local struct {
	Name       string
	Start, End int
}

// upvalueNames returns the names of the upvalues.
func (f *fn) upvalueNames() []string {
	names := make([]string, len(f.upvals))
	for i, u := range f.upvals {
		names[i] = u.name
	}
	return names
}

// opened notes that variables begin to be active.
func (f *fn) opened(names []string) {
	for _, name := range names {
		f.active = append(f.active, len(f.p.Locals))
		f.p.Locals = append(f.p.Locals, Local{name, len(f.p.Code), 0})
	}
}

// closed notes that all but the first n variables have ended.
func (f *fn) closed(n int) {
	for _, i := range f.active[n:] {
		f.p.Locals[i].End = len(f.p.Code)
	}
	f.active = f.active[:n]
}
