package sim

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
	"github.com/nodemcu-sim/nodemcu-sim/sim/heap/snapshot"
)

// HeapParts lets a firmware module add what it holds of the heap to a snapshot.
type HeapParts struct {
	s       *snapshot.Snapshot
	h       *heap.Heap
	objects map[any]int // Go value of a userdata to its place in s.Objects
	left    map[string]int
	ids     map[string]int
	dev     *Device
}

// Add adds a block of native memory: what it is for, how it is called, its size in
// bytes, where the program made what it belongs to, and its age (-1: not known).
// of is the Go value of the userdata that it belongs to; it may be nil. The result
// serves as owner of further blocks.
func (p *HeapParts) Add(kind heap.Kind, name string, size int, site string, age clock.Duration, of any) int {
	bytes := min(p.h.BlockLength(size), p.left[kind.String()])
	p.left[kind.String()] -= bytes
	i := p.add(kind.String(), name, bytes, size)
	o := &p.s.Objects[i]
	o.Site, o.Age = site, int64(age)
	p.refer(0, i, name)
	if at, ok := p.objects[of]; ok && of != nil {
		p.refer(at, i, " "+kind.String())
	}
	return i
}

// AddTo adds a block that the block owner holds and nothing else.
func (p *HeapParts) AddTo(owner int, kind heap.Kind, name string, size int) {
	bytes := min(p.h.BlockLength(size), p.left[kind.String()])
	p.left[kind.String()] -= bytes
	i := p.add(kind.String(), name, bytes, size)
	of := p.s.Objects[owner]
	p.s.Objects[i].Site, p.s.Objects[i].Age = of.Site, -1
	p.refer(owner, i, " "+name)
}

// nativeIDs is where the numbers of native objects begin: they have no number
// that lasts, so they get one by their name.
const nativeIDs = 1 << 24

func (p *HeapParts) add(kind, name string, bytes, size int) int {
	key := kind + "\x00" + name
	for n := 2; ; n++ {
		if _, taken := p.ids[key]; !taken {
			break
		}
		key = fmt.Sprintf("%s\x00%s\x00%d", kind, name, n)
	}
	t := &p.dev.tools
	id, ok := t.nativeIDs[key]
	if !ok {
		if t.nativeIDs == nil || len(t.nativeIDs) > nativeIDs {
			t.nativeIDs = map[string]int{}
		}
		id = nativeIDs + len(t.nativeIDs)
		t.nativeIDs[key] = id
	}
	p.ids[key] = id
	p.s.Objects = append(p.s.Objects, snapshot.Object{ID: id, Kind: kind, Name: name, Bytes: bytes, Age: -1,
		Sizes: map[string]int{"size": size}})
	return len(p.s.Objects) - 1
}

func (p *HeapParts) refer(from, to int, name string) {
	o := &p.s.Objects[from]
	o.Refs = append(o.Refs, snapshot.Ref{To: p.s.Objects[to].ID, Name: name})
}

// OnHeapSnapshot makes fn add its part to every heap snapshot until the next
// reset. Firmware modules that hold native memory call it when they open.
func (d *Device) OnHeapSnapshot(fn func(*HeapParts)) { d.tools.parts = append(d.tools.parts, fn) }

// HeapSnapshot lists everything in the heap, with what it retains. It changes
// nothing. reason says why it is taken. It is nil while the device has no Lua.
// Call it on the world's goroutine.
func (d *Device) HeapSnapshot(reason string) *snapshot.Snapshot {
	if d.VM == nil {
		return nil
	}
	p := &HeapParts{h: d.VM.Heap(), objects: map[any]int{}, left: map[string]int{}, ids: map[string]int{}, dev: d}
	p.s = d.VM.HeapSnapshot(func(value any, at int) {
		if value != nil {
			p.objects[value] = at
		}
	})
	s := p.s
	s.Device, s.Board, s.Reason, s.Boot = d.Name, d.Board.Name, reason, d.boots
	s.Time, s.Uptime = int64(d.Now()), int64(d.Uptime())
	native := p.h.Stats().Native
	for _, t := range native {
		p.left[t.Kind] = t.Length
	}
	for _, fn := range d.tools.parts {
		fn(p)
	}
	for _, t := range native { // what no module has told of
		if n := p.left[t.Kind]; n > 0 {
			i := p.add(t.Kind, "other "+t.Kind+"s", n, n)
			p.refer(0, i, "other "+t.Kind+"s")
		}
	}
	s.Dominate()
	s.Heap.Free = d.trueFree(0)
	s.Heap.Largest = min(s.Heap.Largest, s.Heap.Free) // young objects have no place yet
	s.Heap.Garbage = max(s.Heap.Size-s.Heap.Free-s.Used(), 0)
	return s
}

// nativeBytes is what native code holds, block headers included.
func nativeBytes(st heap.Stats) int {
	n := 0
	for _, t := range st.Native {
		n += t.Length
	}
	return n
}

// trueFree is the free heap without the garbage that the device would have
// collected by now. pending bytes of what the heap has given out are held by
// nothing yet.
func (d *Device) trueFree(pending int) int {
	return d.VM.TrueFree(nativeBytes(d.VM.Heap().Stats()), pending)
}
