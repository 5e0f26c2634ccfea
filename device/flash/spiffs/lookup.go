package spiffs

import "bytes"

// readLookup reads the lookup of a block. The copy is what the search goes through: it
// does not follow what is written meanwhile.
func (v *Volume) readLookup(block int) { v.rd(lookupLayer, block*v.block, v.lookup[:]) }

// entryOf returns an entry of the lookup that was read last.
func (v *Volume) entryOf(entry int) uint16 { return u16(v.lookup[2*entry:]) }

// search goes through all lookups from a place on, round to it again, until visit is
// content with an entry. It visits no free pages, and only those of object id unless that
// is anyID.
func (v *Volume) search(from place, id uint16, visit func(id uint16, at place) bool) (place, bool) {
	at := from
	if at.entry >= v.entries() {
		at = place{(at.block + 1) % len(v.blocks), 0}
	}
	for left := len(v.blocks) * v.entries(); left > 0; {
		v.readLookup(at.block)
		left -= v.entries() - at.entry
		for ; at.entry < v.entries(); at.entry++ {
			e := v.entryOf(at.entry)
			if e != freeID && (id == anyID || e == id) && visit(e, at) {
				return at, true
			}
		}
		at = place{(at.block + 1) % len(v.blocks), 0}
	}
	return place{}, false
}

const anyID = freeID

// findFree takes the next free page. Unless the collector itself asks, two blocks stay
// free.
func (v *Volume) findFree() (place, error) {
	if !v.cleaning && v.freeBlocks < spare {
		if err := v.eraseDeleted(); err != nil && err != errNoBlock {
			return place{}, err
		}
		if v.freeBlocks < spare {
			return place{}, ErrFull
		}
	}
	at := v.freeAt
	if at.entry >= v.entries() {
		at = place{(at.block + 1) % len(v.blocks), 0}
	}
	for left := len(v.blocks) * v.entries(); left > 0; {
		v.readLookup(at.block)
		left -= v.entries() - at.entry
		for ; at.entry < v.entries(); at.entry++ {
			if v.entryOf(at.entry) == freeID {
				v.freeAt = place{at.block, at.entry + 1}
				if at.entry == 0 {
					v.freeBlocks--
				}
				return at, nil
			}
		}
		at = place{(at.block + 1) % len(v.blocks), 0}
	}
	return place{}, ErrNotFound
}

// header is what each page but a lookup begins with.
type header struct {
	id    uint16
	span  uint16
	flags byte
}

func (h header) bytes() []byte {
	p := make([]byte, headerSize)
	putU16(p, h.id)
	putU16(p[2:], h.span)
	p[flagsAt] = h.flags
	return p
}

func parseHeader(p []byte) header { return header{u16(p), u16(p[2:]), p[flagsAt]} }

func (v *Volume) readHeader(l layer, pix int) header {
	var p [headerSize]byte
	v.rd(l, pix*PageSize, p[:])
	return parseHeader(p[:])
}

// check says whether a page is one of the kind that it is taken for.
func (h header) check(isIndex bool, span int) error {
	switch {
	case h.flags&used != 0:
		return errBroken
	case h.flags&deleted == 0:
		return errDeleted
	case h.flags&final != 0, (h.flags&index == 0) != isIndex, int(h.span) != span:
		return errBroken
	}
	return nil
}

// alive reports whether a first index page is that of a file.
func (h header) alive() bool {
	return h.span == 0 && h.flags&(deleted|final|ixdelete) == deleted|ixdelete
}

// findSpan finds a page of an object. It is looked for where the last search ended.
func (v *Volume) findSpan(id uint16, span int) (int, error) {
	at, ok := v.search(v.cursor, id, func(_ uint16, at place) bool {
		h := v.readHeader(lookupLayer, v.pageOf(at)) // SPIFFS takes the layer for the file handle here, so this goes through the cache
		return h.id == id && int(h.span) == span && h.flags&(final|deleted|used) == deleted &&
			(id&indexFlag == 0 || h.flags&ixdelete != 0 || h.span != 0)
	})
	if !ok {
		return 0, ErrNotFound
	}
	v.cursor = at
	return v.pageOf(at), nil
}

// findName finds the first index page of a file by its name.
func (v *Volume) findName(name string) (int, error) {
	at, ok := v.search(v.cursor, anyID, func(id uint16, at place) bool {
		if id == deletedID || id&indexFlag == 0 {
			return false
		}
		var p [firstTableAt]byte
		v.rd(pastCache, v.pageOf(at)*PageSize, p[:])
		stored, ended := nameIn(p[:])
		return parseHeader(p[:]).alive() && ended && stored == name
	})
	if !ok {
		return 0, ErrNotFound
	}
	v.cursor = at
	return v.pageOf(at), nil
}

// nameIn returns the name in a first index page, as directories show it, and whether a zero
// byte ends it: one without is never found by its name.
func nameIn(page []byte) (name string, ended bool) {
	p := page[nameAt : nameAt+nameSize]
	if n := bytes.IndexByte(p, 0); n >= 0 {
		return string(p[:n]), true
	}
	return string(p[:MaxName]), false
}

// sizeIn returns the size in a first index page as others are told it.
func sizeIn(page []byte) int {
	if n := u32(page[sizeAt:]); n != undefined {
		return int(n)
	}
	return 0
}

// freeObject returns a number that no object has. Where all numbers do not fit into the
// bits of a page, ranges of them are counted first.
func (v *Volume) freeObject() (uint16, error) {
	const bits = PageSize * 8
	lowest := 1
	highest := min(len(v.blocks)*v.entries()/2+1, indexFlag-1)
	for compaction := 0; ; {
		if highest-lowest > bits && compaction != 0 {
			best, fewest := 0, byte(0xff)
			for i, n := range v.work {
				if n < fewest {
					best, fewest = i, n
				}
				if n == 0 {
					break
				}
			}
			if int(fewest) == compaction {
				return 0, ErrFull
			}
			lowest += best * compaction
			if fewest == 0 {
				return uint16(lowest), nil
			}
			highest = lowest + compaction
		}
		clear(v.work[:])
		if highest-lowest <= bits {
			v.search(place{}, anyID, func(id uint16, _ place) bool {
				if n := int(id&^indexFlag) - lowest; id != deletedID && n >= 0 && n < bits {
					v.work[n/8] |= 1 << (n % 8)
				}
				return false
			})
			for n := range bits {
				if v.work[n/8]&(1<<(n%8)) == 0 {
					return uint16(lowest + n), nil
				}
			}
			return 0, ErrFull
		}
		compaction = (highest - lowest) / PageSize
		v.search(place{}, anyID, func(id uint16, at place) bool {
			if id&indexFlag == 0 {
				return false
			}
			h := v.readHeader(pastCache, v.pageOf(at))
			n := int(id &^ indexFlag)
			if h.span == 0 && h.flags&(index|final|deleted) == deleted && n >= lowest && n <= highest {
				if i := (n - lowest) / compaction; i < PageSize {
					v.work[i]++
				}
			}
			return false
		})
	}
}
