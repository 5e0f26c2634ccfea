package spiffs

// pages are those of the partition that were written to or erased since somebody asked, each
// once.
type pages struct {
	list []int
	has  map[int]bool
}

func (p *pages) add(page int) {
	if p.has[page] {
		return
	}
	if p.has == nil {
		p.has = map[int]bool{}
	}
	p.has[page] = true
	p.list = append(p.list, page)
}

// TakeChanges calls fn with each page that was written to or erased since the last call, in
// the order of the first time. fn must not keep data. It is for what keeps the flash outside
// of the simulation: the device does not notice.
func (v *Volume) TakeChanges(fn func(addr int, data []byte)) {
	var page [PageSize]byte
	for _, n := range v.changed.list {
		v.look(n*PageSize, page[:])
		fn(n*PageSize, page[:])
	}
	v.changed = pages{}
}

// HasChanged reports whether TakeChanges has anything to tell.
func (v *Volume) HasChanged() bool { return len(v.changed.list) > 0 }

// ChangeAll makes all pages changed ones.
func (v *Volume) ChangeAll() {
	for n := range len(v.all) * v.perBlock {
		v.changed.add(n)
	}
}
