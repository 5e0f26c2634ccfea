package inspect

import (
	"fmt"
	"hash/fnv"
	"io"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// HeapParts lets a firmware module add what it holds of the heap to a snapshot.
type HeapParts struct {
	s       *snapshot.Snapshot
	h       *heap.Heap
	objects map[any]int // Go value of a userdata to its place in s.Objects
	left    map[string]int
	ids     map[int]bool
}

// NativeBlock is a block of native memory as a snapshot shows it.
type NativeBlock struct {
	Kind heap.Kind
	Name string
	Key  string         // tells it from others of its kind as long as it lives; Name if empty
	Size int            // bytes asked for
	Site string         // where the program made what it belongs to; if empty, as Of
	Age  clock.Duration // -1: not known
	Of   any            // the Go value of the userdata that it belongs to; may be nil
	// Owned says that it goes when Of is collected.
	Owned bool
}

// Add adds a block of native memory. The result serves as owner of further blocks.
func (p *HeapParts) Add(b NativeBlock) int { return p.addBlock(b.Kind.String(), b) }

// AddLua adds a block that native code has taken of Lua's memory (vm.Malloc). Kind does not
// matter.
func (p *HeapParts) AddLua(block heap.Block, b NativeBlock) int {
	i := p.addBlock(snapshot.Buffer, b)
	p.s.Objects[i].Bytes = block.Length()
	return i
}

func (p *HeapParts) addBlock(kind string, b NativeBlock) int {
	if b.Key == "" {
		b.Key = b.Name
	}
	i := p.add(kind, b.Key, b.Name, b.Size)
	o := &p.s.Objects[i]
	o.Site, o.Age = b.Site, int64(b.Age)
	if !b.Owned {
		p.refer(0, i, b.Name)
	}
	if at, ok := p.objects[b.Of]; ok && b.Of != nil {
		p.refer(at, i, " "+kind)
		if b.Site == "" {
			o.Site, o.Age = p.s.Objects[at].Site, p.s.Objects[at].Age
		}
	}
	return i
}

// AddTo adds a block that the block owner holds and nothing else.
func (p *HeapParts) AddTo(owner int, kind heap.Kind, name string, size int) {
	of := p.s.Objects[owner]
	i := p.add(kind.String(), fmt.Sprintf("%d\x00%s", of.ID, name), name, size)
	p.s.Objects[i].Site = of.Site
	p.refer(owner, i, " "+name)
}

// Made says where the program made a userdata, given by its Go value, that the
// firmware has made of itself: an accepted socket.
func (p *HeapParts) Made(of any, site string) {
	if at, ok := p.objects[of]; ok && p.s.Objects[at].Site == "" {
		p.s.Objects[at].Site = site
	}
}

// nativeIDs is where the numbers of native objects begin. They follow from what
// the objects are, so that they agree between snapshots, also of two runs.
const nativeIDs = 1 << 24

func (p *HeapParts) add(kind, key, name string, size int) int {
	bytes := min(p.h.BlockLength(size), p.left[kind])
	p.left[kind] -= bytes
	h := fnv.New32a()
	io.WriteString(h, kind+"\x00"+key)
	id := nativeIDs + int(h.Sum32()%nativeIDs)
	for p.ids[id] {
		id++
	}
	p.ids[id] = true
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
func (x *Inspector) OnHeapSnapshot(fn func(*HeapParts)) { x.parts = append(x.parts, fn) }

// HeapSnapshot lists everything in the heap, with what it retains. It changes
// nothing. reason says why it is taken. It is nil while the device has no Lua.
// Call it on the world's goroutine.
func (x *Inspector) HeapSnapshot(reason string) *snapshot.Snapshot { return x.heapSnapshot(reason, 0) }

// heapSnapshot is HeapSnapshot at a moment when pending bytes have been given out
// that nothing holds yet.
func (x *Inspector) heapSnapshot(reason string, pending int) *snapshot.Snapshot {
	if x.host.Lua() == nil {
		return nil
	}
	p := &HeapParts{h: x.host.Lua().Heap(), objects: map[any]int{}, left: map[string]int{}, ids: map[int]bool{}}
	p.s = x.host.Lua().HeapSnapshot(func(value any, at int) {
		if value != nil {
			p.objects[value] = at
		}
	})
	s := p.s
	s.Device, s.Board, s.Reason, s.Boot = x.host.Name(), x.host.BoardName(), reason, x.host.Boots()
	s.Time, s.Uptime = int64(x.host.Now()), int64(x.host.Uptime())
	native := p.h.Stats().Native
	for _, t := range native {
		p.left[t.Kind] = t.Length
	}
	for _, fn := range x.parts {
		fn(p)
	}
	for _, t := range native { // what no module has told of
		if n := p.left[t.Kind]; n > 0 {
			name := "other " + t.Kind + " memory"
			switch t.Kind {
			case heap.WiFi.String():
				name = "Wi-Fi connection"
			case heap.Other.String():
				name = "other native memory"
			}
			i := p.add(t.Kind, "", name, n)
			p.refer(0, i, name)
		}
	}
	if pending > 0 {
		i := p.add(snapshot.Request, "", "request at hand", pending)
		s.Objects[i].Bytes, s.Objects[i].Site = pending, x.host.Lua().Where()
		p.refer(0, i, "request at hand")
	}
	s.Dominate()
	s.Heap.Free -= pending
	s.Heap.Garbage = max(s.Heap.Size-s.Heap.Free-s.Used(), 0)
	return s
}
