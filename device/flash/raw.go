package flash

// SectorSize is what an erase makes ones of, in bytes.
const SectorSize = 4096

// Raw is the flash by addresses, for what lies beside the file system: the Lua Flash Store.
// An erase makes a sector 0xff, a write clears bits. What lies there outlives resets. Addresses
// are bytes from the start of the flash; there is no end.
type Raw interface {
	ReadAt(p []byte, address int)
	Erase(sector int)
	WriteAt(p []byte, address int)
}

// sectors is a Raw in the host's memory: those that hold something.
type sectors map[int]*[SectorSize]byte

func (s sectors) ReadAt(p []byte, address int) {
	each(p, address, func(part []byte, sector, at int) {
		if is := s[sector]; is != nil {
			copy(part, is[at:])
			return
		}
		for i := range part {
			part[i] = 0xff
		}
	})
}

func (s sectors) Erase(sector int) { delete(s, sector) }

func (s sectors) WriteAt(p []byte, address int) {
	each(p, address, func(part []byte, sector, at int) {
		is := s[sector]
		if is == nil {
			is = new([SectorSize]byte)
			for i := range is {
				is[i] = 0xff
			}
			s[sector] = is
		}
		for i, b := range part {
			is[at+i] &= b
		}
	})
}

// each calls fn with the parts of p that lie in one sector each, and where.
func each(p []byte, address int, fn func(part []byte, sector, at int)) {
	for len(p) > 0 {
		at := address % SectorSize
		n := min(len(p), SectorSize-at)
		fn(p[:n], address/SectorSize, at)
		p, address = p[n:], address+n
	}
}

// Raw is the flash beside the file system. It is in the host's memory unless SetRaw was
// called.
func (f *FS) Raw() Raw { return f.raw }

// SetRaw makes r what is beside the file system.
func (f *FS) SetRaw(r Raw) { f.raw = r }
