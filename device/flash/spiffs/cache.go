package spiffs

// cache is SPIFFS's four pages of RAM (fw: app/spiffs/spiffs_cache.c). A page that is read
// from the flash goes into the one that was used longest ago; a page of the lookup's
// second layer is read past it. A page that holds what a descriptor has written is not
// given up for that. So three files can have such a page; the fourth writes through,
// unless a page that was read is older than the last access.
type cache struct {
	pages  [cachePages]cachePage
	access uint32
}

type cachePage struct {
	used   bool
	writes bool // it holds what was written, else what was read
	access uint32
	pix    int    // that was read
	id     uint16 // of the object that was written to
	offset uint32 // in the file
	size   int
	data   [PageSize]byte
}

// What a read or write is about decides what the cache does.
type layer int

const (
	lookupLayer layer = iota // the lookups
	pastCache                // page headers while searching (SPIFFS_OP_T_OBJ_LU2)
	indexLayer
	dataLayer
)

// find returns the page of the cache that holds a page of the flash, or nil.
func (c *cache) find(pix int) *cachePage {
	for i := range c.pages {
		if p := &c.pages[i]; p.used && !p.writes && p.pix == pix {
			p.access = c.access
			return p
		}
	}
	return nil
}

// take returns a page, which takes the place of the oldest one that was read, or nil.
func (c *cache) take() *cachePage {
	for i := range c.pages {
		if p := &c.pages[i]; !p.used {
			p.used, p.access = true, c.access
			return p
		}
	}
	var oldest *cachePage
	age := uint32(0)
	for i := range c.pages {
		if p := &c.pages[i]; c.access-p.access > age && !p.writes {
			age, oldest = c.access-p.access, p
		}
	}
	if oldest != nil {
		oldest.access = c.access
	}
	return oldest
}

// rd reads bytes of a page.
func (v *Volume) rd(l layer, addr int, dst []byte) {
	c := &v.cache
	pix := addr / PageSize
	p := c.find(pix)
	c.access++
	switch {
	case p != nil:
		p.access = c.access
	case l == pastCache:
		v.read(addr, dst)
		return
	default:
		if p = c.take(); p == nil {
			v.read(addr, dst)
			return
		}
		p.writes, p.pix = false, pix
		v.read(pix*PageSize, p.data[:])
	}
	copy(dst, p.data[addr%PageSize:])
}

// wr writes bytes of a page, to the flash and to its copy.
func (v *Volume) wr(addr int, src []byte) {
	c := &v.cache
	if p := c.find(addr / PageSize); p != nil {
		copy(p.data[addr%PageSize:], src)
		c.access++
		p.access = c.access
	}
	v.program(addr, src)
}

// wrDeleted writes to a page that is gone then.
func (v *Volume) wrDeleted(addr int, src []byte) {
	v.drop(addr / PageSize)
	v.program(addr, src)
}

// drop forgets the copy of a page.
func (v *Volume) drop(pix int) {
	if p := v.cache.find(pix); p != nil {
		p.used = false
	}
}

// written returns the page that holds what was written to the descriptor's object, -1
// without one.
func (v *Volume) written(fd *descriptor) int {
	for i := range v.cache.pages {
		if p := &v.cache.pages[i]; p.used && p.writes && p.id == fd.id {
			return i
		}
	}
	return -1
}

// keep gives the descriptor a page for what it writes, if there is one.
func (v *Volume) keep(fd *descriptor, offset uint32) {
	p := v.cache.take()
	if p == nil {
		fd.page = -1
		return
	}
	p.writes, p.id, p.offset, p.size = true, fd.id, offset, 0
	for i := range v.cache.pages {
		if p == &v.cache.pages[i] {
			fd.page = i
		}
	}
}

// release gives the page back that holds what was written.
func (v *Volume) release(page int) {
	for i := range v.fds {
		if fd := &v.fds[i]; fd.open && fd.page == page {
			fd.page = -1
		}
	}
	p := &v.cache.pages[page]
	p.used, p.writes, p.id = false, false, 0
}

// Unflushed is what the cache holds for a file.
type Unflushed struct {
	Name  string
	Bytes int
}

// Unflushed returns what a reset would lose, for what looks at the device from outside.
func (v *Volume) Unflushed() (list []Unflushed) {
	for i := range v.cache.pages {
		p := &v.cache.pages[i]
		if !p.used || !p.writes || p.size == 0 {
			continue
		}
		v.EachFile(func(f Info) {
			if f.Object == p.id&^indexFlag {
				list = append(list, Unflushed{f.Name, p.size})
			}
		})
	}
	return list
}
