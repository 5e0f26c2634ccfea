package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// HeapSnapshot lists what Lua can reach, as it is now, and changes nothing. The
// objects' numbers stay the same over the snapshots of one VM. What native code
// holds is not in it: see Heap. With a Recorder that records allocations the
// objects have sites and ages.
//
// object is called for each userdata with its Go value and its place in Objects.
func (v *VM) HeapSnapshot(object func(value any, at int)) *snapshot.Snapshot {
	m := v.mem
	w := m.walk(true)
	now := v.now()
	s := &snapshot.Snapshot{Format: snapshot.Format, Tracked: m.track != nil}
	for i := range w.nodes {
		n := &w.nodes[i]
		o := snapshot.Object{ID: v.number(n), Kind: n.kind, Bytes: n.bytes, LuaBytes: n.lua, Age: -1}
		v.describe(&o, n)
		if t := m.track; t != nil && n.object != nil && n.object.origin != 0 && n.kind != snapshot.Registry {
			org := t.origins[n.object.origin]
			o.Site, o.Func, o.Stack = t.site(org)
			o.StackID = org.stack
			o.Age = max(now-org.born, 0)
		}
		s.Objects = append(s.Objects, o)
	}
	for i := range w.nodes {
		for _, r := range w.nodes[i].refs {
			s.Objects[i].Refs = append(s.Objects[i].Refs, snapshot.Ref{To: s.Objects[r.to].ID, Name: r.name})
		}
		if h := w.nodes[i].object; h != nil && h.kind == kindUserData && object != nil {
			object(h.userdata().object, i)
		}
	}
	st := m.heap.Stats()
	s.Heap = snapshot.Heap{Size: st.Size, Free: st.Free, Largest: st.Largest, Low: st.Low}
	return s
}

// EachObject calls fn with the Go value of each userdata, the oldest first.
func (v *VM) EachObject(fn func(value any)) {
	for _, u := range v.mem.udata {
		fn(u.object)
	}
}

// SnapshotID returns the number that the last snapshot gave to the userdata around
// a Go value, 0 if it was not in it.
func (v *VM) SnapshotID(object any) int {
	for _, u := range v.mem.udata {
		if u.object == object {
			return int(u.number)
		}
	}
	return 0
}

// Numbers of objects. With a recorder they follow the order in which objects were
// made, so that they agree between two runs that are the same; what it does not
// know, and everything without it, is numbered when a snapshot first meets it.
const (
	firstTracked   = 10 // below: parts of the state, and the registry
	firstUntracked = 1 << 22
	registryID     = 4
)

var partIDs = map[part]int{partRoot: 0, partState: 1, partStrings: 2, partBuffer: 3}

// number is the number of what a walk has found.
func (v *VM) number(n *walkNode) int {
	h := n.object
	switch {
	case h == nil:
		return partIDs[n.part]
	case h == &v.registry.header:
		return registryID
	case h.number == 0:
		h.number = int32(v.newID(h))
	}
	return int(h.number)
}

func (v *VM) newID(h *header) int {
	t := v.mem.track
	if t != nil && h.origin != 0 {
		return firstTracked + t.origins[h.origin].num
	}
	v.lastID++
	if t != nil {
		return firstUntracked + v.lastID
	}
	return firstTracked + v.lastID
}

// describe fills in what can be said of an object by itself.
func (v *VM) describe(o *snapshot.Object, n *walkNode) {
	h := n.object
	if h == nil {
		o.Name = string(n.part)
		return
	}
	switch h.kind {
	case kindString:
		s := h.str().text()
		o.Name = quote(s)
		o.Sizes = map[string]int{"length": len(s)}
	case kindTable:
		t := h.table()
		if t == v.registry {
			o.Name = "registry"
			return
		}
		o.Sizes = map[string]int{"array_slots": len(t.array), "hash_nodes": len(t.nodes), "entries": t.entries()}
	case kindFunction:
		f := h.function()
		o.Name = v.FunctionLabel(f)
		o.Sizes = map[string]int{"upvalues": len(f.upvals) + len(f.values)}
	case kindProto:
		p := h.proto()
		o.Name = p.label()
		code := heap.InstructionSize * len(p.code)
		consts := heap.ConstantSize * len(p.k)
		o.Sizes = map[string]int{"instructions": len(p.code), "constants": len(p.k), "nested": len(p.protos),
			"line_info": o.LuaBytes - heap.ProtoHeader - code - consts - heap.NestedProtoSize*len(p.protos)}
	case kindUserData:
		u := h.userdata()
		o.Name = "userdata"
		if u.typ != nil {
			o.Name = u.typ.Name
		}
		if s, ok := u.object.(fmt.Stringer); ok {
			o.Name += " (" + s.String() + ")"
		}
		o.Sizes = map[string]int{"content": o.LuaBytes - heap.UserdataHeader}
	case kindThread:
		L := h.thread()
		o.Name = "coroutine"
		if L == v.th {
			o.Name = "main thread"
		}
		o.Sizes = map[string]int{"stack_slots": L.stk.Slots, "call_infos": L.stk.CallInfos}
		if L.start != nil {
			o.Name += " of " + L.start.label()
		}
	}
}

// entries counts the fields of a table that are not nil.
func (t *Table) entries() int {
	n := 0
	for i := range t.array {
		if !t.array[i].isNil() {
			n++
		}
	}
	for i := range t.nodes {
		if !t.nodes[i].val.isNil() {
			n++
		}
	}
	return n
}

// Reachable returns the bytes of the heap that Lua holds, block headers included,
// without garbage. It changes nothing; of a running collection or compilation it
// sees only what Lua can reach already.
func (v *VM) Reachable() int {
	if !v.mem.on {
		return v.mem.heap.Used()
	}
	bytes, _ := v.mem.walk(false).total()
	return bytes
}

// Usage says what Lua's memory is spent on: bytes of the heap, block headers
// included, by kind of object, and how many objects of the kind there are. What
// was made at boot and never changes, stacks and buffers are in none of the kinds.
type Usage struct {
	Strings, Tables, Functions, Userdata UsageOf
	Total                                int // bytes of all that is alive, other things included
}

// UsageOf is what one kind of object takes.
type UsageOf struct{ Bytes, Objects int }

// Usage adds up what is alive, without garbage and without collecting any: the run
// goes on as if nobody had looked. Functions are closures with their upvalues and
// their code.
func (v *VM) Usage() Usage {
	var u Usage
	if !v.mem.on {
		u.Total = v.mem.heap.Used()
		return u
	}
	for _, n := range v.mem.walk(false).nodes {
		u.Total += n.bytes
		switch n.kind {
		case snapshot.String:
			u.Strings.Bytes += n.bytes
			u.Strings.Objects++
		case snapshot.Table:
			u.Tables.Bytes += n.bytes
			u.Tables.Objects++
		case snapshot.Function:
			u.Functions.Bytes += n.bytes
			u.Functions.Objects++
		case snapshot.Upvalue, snapshot.Prototype:
			u.Functions.Bytes += n.bytes
		case snapshot.Userdata:
			u.Userdata.Bytes += n.bytes
			u.Userdata.Objects++
		}
	}
	return u
}
