package vm

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// What lies in the Lua Flash Store runs where it lies: its functions, their constants, code
// and lines, and all strings of the image take no memory, and the collector neither marks
// nor frees them. They are in no list; only closures of them are objects like others. A
// string of the image is in flash whoever makes it (oracle: lfs-behaviour.md, "Heap").

// Image is what the Lua Flash Store holds.
type Image struct {
	Index   *luac.Proto // returns the closure of a module, given its name
	Strings []string    // each once
}

// inFlash marks an object of the image. It counts as one of the graph of quick.go from the
// beginning, so that nobody follows what it refers to: that is in flash, too.
const inFlash = fixed | flashed | inGraph

// flashStrings is the table of the image's strings, by their hash.
type flashStrings struct {
	rows []*str
	list []*str
}

// find returns the string of the given content, nil if the image has none.
func (f *flashStrings) find(s string, hash uint32) *str {
	for p := f.rows[hash&uint32(len(f.rows)-1)]; p != nil; p = p.nextStr() {
		if p.hash == hash && p.s == s {
			return p
		}
	}
	return nil
}

func (f *flashStrings) add(s string) {
	hash := heap.StringHash(s)
	if f.find(s, hash) != nil {
		return
	}
	p := &str{hash: hash, s: s}
	p.kind, p.mark = kindString, inFlash
	row := &f.rows[hash&uint32(len(f.rows)-1)]
	if *row != nil {
		p.next = &(*row).header
	}
	*row = p
	f.list = append(f.list, p)
}

// mapImage makes what the image holds known, before any string is made.
func (v *VM) mapImage(i *Image) {
	f := &flashStrings{rows: make([]*str, 1<<heap.CeilLog2(len(i.Strings)+1))}
	for _, s := range i.Strings {
		f.add(s)
	}
	v.mem.flash = f
	v.flashIndex = v.mapProto(i.Index)
}

// mapProto makes a function of the image one that can run.
func (v *VM) mapProto(from *luac.Proto) *proto {
	p := newProto(from)
	v.fillProto(p, from)
	p.chunk = from.Source
	p.kind, p.mark = kindProto, inFlash
	for _, n := range from.Protos {
		p.protos = append(p.protos, v.mapProto(n))
	}
	p.nameNested()
	return p
}

// coverImage has the modules of the image counted.
func (v *VM) coverImage() {
	if v.flashIndex != nil && v.coverage != nil {
		for _, module := range v.flashIndex.protos {
			v.coverage.begin(module)
		}
	}
}

// PushIndex pushes a new closure of the image's index, and reports false, pushing nothing,
// when there is no image.
func (c *Call) PushIndex() bool {
	if c.VM.flashIndex == nil {
		return false
	}
	c.push(functionValue(c.VM.mem.newClosure(c.VM.flashIndex, c.th.globals)))
	return true
}

// FlashStrings returns the strings of the image, sorted. ok is false when there is none.
func (v *VM) FlashStrings() (list []string, ok bool) {
	if v.mem.flash == nil {
		return nil, false
	}
	for _, s := range v.mem.flash.list {
		list = append(list, s.text())
	}
	slices.Sort(list)
	return list, true
}

// isFlashed reports whether an object lies in the Lua Flash Store.
func (h *header) isFlashed() bool { return h.mark&flashed != 0 }
