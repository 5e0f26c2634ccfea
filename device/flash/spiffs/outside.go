package spiffs

import (
	"fmt"
	"slices"
)

// What looks at the flash from outside: the device does not notice.

// EachFile calls fn with each file as it is on the flash. It is for what looks at the
// device from outside, as Content is: the device does not notice.
func (v *Volume) EachFile(fn func(Info)) {
	v.eachIndexPage(func(id uint16, pix int) {
		var page [firstTableAt]byte
		v.peek(pix*PageSize, page[:])
		if parseHeader(page[:]).alive() {
			fn(infoIn(page[:], id, pix))
		}
	})
}

// eachIndexPage calls fn with each index page and its object.
func (v *Volume) eachIndexPage(fn func(id uint16, pix int)) {
	for b := range v.blocks {
		data := v.blocks[b].data
		if data == nil {
			continue
		}
		for e := range v.entries() {
			if id := u16(data[2*e:]); id != freeID && id&indexFlag != 0 {
				fn(id&^indexFlag, v.pageOf(place{b, e}))
			}
		}
	}
}

// Content returns a copy of what a file has on the flash, up to the first page that can't be
// read. The error says which that is.
func (v *Volume) Content(of Info) ([]byte, error) {
	pages := map[int]int{0: of.first}
	var data []byte
	var page, content [PageSize]byte
	loaded := -1
	for len(data) < of.Size {
		span := len(data) / DataSize
		objix, entry := indexOf(span)
		if objix != loaded {
			if objix == 1 {
				v.furtherIndex(of.Object, pages)
			}
			pix, ok := pages[objix]
			if !ok {
				return data, fmt.Errorf("index page %d is missing", objix)
			}
			v.peek(pix*PageSize, page[:])
			loaded = objix
		}
		pix := int(table(page[:], objix, entry))
		if pix == noPage || pix >= len(v.blocks)*v.perBlock || pix%v.perBlock == 0 {
			return data, fmt.Errorf("there is no data page %d: the index has %#x for it", span, pix)
		}
		v.peek(pix*PageSize, content[:])
		if err := parseHeader(content[:]).check(false, span); err != nil {
			return data, fmt.Errorf("data page %d, in page %#x of the flash, is not whole", span, pix)
		}
		data = append(data, content[headerSize:headerSize+min(DataSize, of.Size-len(data))]...)
	}
	return data, nil
}

// furtherIndex fills pages with where the index pages of an object are behind the first.
func (v *Volume) furtherIndex(object uint16, pages map[int]int) {
	v.eachIndexPage(func(id uint16, pix int) {
		var p [headerSize]byte
		v.peek(pix*PageSize, p[:])
		if h := parseHeader(p[:]); id == object && h.span > 0 && h.check(true, int(h.span)) == nil {
			pages[int(h.span)] = pix
		}
	})
}

// Objects returns the numbers of the objects that have changed, in order, and forgets them.
func (v *Volume) Objects() []uint16 {
	ids := make([]uint16, 0, len(v.Changed))
	for id := range v.Changed {
		ids = append(ids, id)
	}
	clear(v.Changed)
	slices.Sort(ids)
	return ids
}
