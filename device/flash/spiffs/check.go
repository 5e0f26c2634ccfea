package spiffs

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// Check says what is wrong with a mounted file system, a line each. The firmware never looks
// (fw: app/spiffs/spiffs.c calls no SPIFFS_check): it meets these when it reads.
func (v *Volume) Check() []string {
	c := checker{v: v, known: map[int]bool{}}
	c.pages()
	c.files()
	c.lost()
	return c.faults
}

type checker struct {
	v      *Volume
	used   []int        // pages that a lookup gives to an object
	known  map[int]bool // pages that a file reaches
	faults []string
}

// maxFaults is how many are told.
const maxFaults = 100

func (c *checker) fault(format string, args ...any) {
	switch len(c.faults) {
	case maxFaults:
	case maxFaults - 1:
		c.faults = append(c.faults, "and more")
	default:
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

// pages compares the lookups with the headers of their pages.
func (c *checker) pages() {
	v := c.v
	var page, lookup [PageSize]byte
	for b := range v.blocks {
		v.peek(b*v.block, lookup[:])
		for e := range v.entries() {
			id := u16(lookup[2*e:])
			pix := v.pageOf(place{b, e})
			v.peek(pix*PageSize, page[:])
			h := parseHeader(page[:])
			switch {
			case id == deletedID:
				continue
			case id == freeID:
				if !bytes.Equal(page[:], erased[:]) {
					c.fault("page %#x is free and not erased: what is written to it next is spoilt", pix)
				}
				continue
			case h.flags&deleted == 0:
				c.fault("page %#x is deleted, and its lookup gives it to object %d", pix, id&^indexFlag)
			case h.id != id:
				c.fault("page %#x says that it belongs to object %#x, its lookup to %#x", pix, h.id, id)
			case h.flags&(used|final) != 0:
				c.fault("page %#x of object %d is not finished", pix, id&^indexFlag)
			case h.flags&index == 0 != (id&indexFlag != 0):
				c.fault("page %#x of object %d is an index page by its flags or by its number, not both", pix, id&^indexFlag)
			}
			c.used = append(c.used, pix)
		}
	}
}

// files reads all files.
func (c *checker) files() {
	v := c.v
	names := map[string]int{}
	firsts := map[uint16]int{}
	v.EachFile(func(f Info) {
		var page [PageSize]byte
		v.peek(f.first*PageSize, page[:])
		if _, ended := nameIn(page[:]); !ended {
			c.fault("the name %q has no end: the file is never found", f.Name)
		}
		if other, ok := firsts[f.Object]; ok {
			c.fault("object %d begins twice, in pages %#x and %#x", f.Object, other, f.first)
		}
		firsts[f.Object] = f.first
		if other, ok := names[f.Name]; ok {
			c.fault("there are two files %q, in pages %#x and %#x: the one that the search meets first is opened", f.Name, other, f.first)
		}
		names[f.Name] = f.first
		if data, err := v.Content(f); err != nil {
			c.fault("%q has %d bytes, of which %d can be read: %v", f.Name, f.Size, len(data), err)
		}
	})
	v.eachIndexPage(func(id uint16, pix int) {
		var page [PageSize]byte
		v.peek(pix*PageSize, page[:])
		h := parseHeader(page[:])
		if first, ok := firsts[id]; !ok || h.span == 0 && pix != first || h.check(true, int(h.span)) != nil {
			return
		}
		c.known[pix] = true
		at := tableAt
		if h.span == 0 {
			at = firstTableAt
		}
		for ; at < PageSize; at += 2 {
			c.known[int(u16(page[at:]))] = true
		}
	})
}

// lost tells of pages that no file reaches.
func (c *checker) lost() {
	lost := map[uint16]int{}
	for _, pix := range c.used {
		if !c.known[pix] {
			var p [2]byte
			c.v.peek(c.v.lookupAt(c.v.placeOf(pix)), p[:])
			lost[u16(p[:])&^indexFlag]++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		c.fault("%d pages of object %d belong to no file: they stay taken until the file system is formatted", lost[id], id)
	}
}
