package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

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
	ids := make(map[any]int, len(w.nodes))
	number := func(key any) int {
		id, ok := v.ids[key]
		if !ok {
			id = v.newID(key)
		}
		ids[key] = id
		return id
	}
	for i := range w.nodes {
		n := &w.nodes[i]
		o := snapshot.Object{ID: number(n.key), Kind: n.kind, Bytes: n.bytes, LuaBytes: n.lua, Age: -1}
		v.describeObject(&o, n.key)
		if t := m.track; t != nil {
			if org, ok := t.origins[v.originKey(n.key)]; ok {
				o.Site, o.Func, o.Stack = t.site(org)
				o.StackID = org.stack
				o.Age = max(now-org.born, 0)
			}
		}
		s.Objects = append(s.Objects, o)
	}
	for i := range w.nodes {
		for _, r := range w.nodes[i].refs {
			s.Objects[i].Refs = append(s.Objects[i].Refs, snapshot.Ref{To: s.Objects[r.to].ID, Name: r.name})
		}
		if ud, ok := w.nodes[i].key.(*lua.LUserData); ok && object != nil {
			object(ud.Value, i)
		}
	}
	v.ids = ids
	st := m.heap.Stats()
	s.Heap = snapshot.Heap{Size: st.Size, Free: st.Free, Largest: st.Largest, Low: st.Low}
	return s
}

// EachObject calls fn with the Go value of each userdata, the oldest first.
func (v *VM) EachObject(fn func(value any)) {
	for _, u := range v.mem.udata {
		fn(u.ud.Value)
	}
}

// SnapshotID returns the number that the last snapshot gave to the userdata around
// a Go value, 0 if it was not in it.
func (v *VM) SnapshotID(object any) int {
	for _, u := range v.mem.udata {
		if u.ud.Value == object {
			return v.ids[u.ud]
		}
	}
	return 0
}

// Numbers of objects. With a recorder they follow the order in which objects were
// made, so that they agree between two runs that are the same; what it does not
// know, and everything without it, is numbered when a snapshot first meets it.
const (
	firstTracked   = 10 // below: parts of the state
	firstUntracked = 1 << 22
)

var partIDs = map[part]int{partRoot: 0, partState: 1, partStrings: 2, partBuffer: 3, partRegistry: 4, partLoose: 5}

func (v *VM) newID(key any) int {
	if p, ok := key.(part); ok {
		return partIDs[p]
	}
	if t := v.mem.track; t != nil {
		if o, ok := t.origins[v.originKey(key)]; ok && o.num > 0 {
			return firstTracked + o.num
		}
	}
	v.lastID++
	if v.mem.track != nil {
		return firstUntracked + v.lastID
	}
	return firstTracked + v.lastID
}

// originKey is the key under which the tracker knows an object.
func (v *VM) originKey(key any) any {
	switch x := key.(type) {
	case *lua.LTable:
		if s := v.mem.tables[x]; s != nil {
			return s
		}
	case *lua.LUserData:
		if u := v.mem.udataOf[x]; u != nil {
			return u
		}
	case *lua.LState:
		if t := v.mem.threads[x]; t != nil {
			return t
		}
	}
	return key
}

// describeObject fills in what can be said of an object by itself.
func (v *VM) describeObject(o *snapshot.Object, key any) {
	switch x := key.(type) {
	case part:
		o.Name = string(x)
	case stringKey:
		o.Name = quote(string(x))
		o.Sizes = map[string]int{"length": len(x)}
	case *lua.LTable:
		s := v.mem.tables[x]
		if s == nil {
			return
		}
		o.Sizes = map[string]int{"array_slots": s.t.Array(), "hash_nodes": s.t.Nodes(), "entries": entries(x)}
	case *lua.LFunction:
		o.Name = v.FunctionLabel(x)
		o.Sizes = map[string]int{"upvalues": len(x.Upvalues)}
	case *lua.FunctionProto:
		o.Name = protoLabel(x)
		code := heap.InstructionSize * len(x.Code)
		consts := heap.ConstantSize * len(x.Constants)
		o.Sizes = map[string]int{"instructions": len(x.Code), "constants": len(x.Constants), "nested": len(x.FunctionPrototypes),
			"line_info": o.LuaBytes - heap.ProtoHeader - code - consts - heap.NestedProtoSize*len(x.FunctionPrototypes)}
	case *lua.LUserData:
		o.Name = "userdata"
		if u := v.mem.udataOf[x]; u != nil && u.typ != nil {
			o.Name = u.typ.Name
		}
		if s, ok := x.Value.(fmt.Stringer); ok {
			o.Name += " (" + s.String() + ")"
		}
		o.Sizes = map[string]int{"content": o.LuaBytes - heap.UserdataHeader}
	case *lua.LState:
		o.Name = "coroutine"
		if x == v.th {
			o.Name = "main thread"
		}
		if t := v.mem.threads[x]; t != nil {
			o.Sizes = map[string]int{"stack_slots": t.stack.Slots, "call_infos": t.stack.CallInfos}
			if t.stack.start != nil {
				o.Name += " of " + v.FunctionLabel(t.stack.start)
			}
		}
	}
}

// entries counts the fields of a table that are not nil.
func entries(tb *lua.LTable) int {
	t := tableOf(tb)
	n := 0
	for _, x := range t.array {
		if x != nil && x != lua.LNil {
			n++
		}
	}
	for _, x := range t.strdict {
		if x != lua.LNil {
			n++
		}
	}
	for _, x := range t.dict {
		if x != lua.LNil {
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

// Eager reports whether the device would have collected garbage before now: the
// collector runs before each allocation and is not held up.
func (v *VM) Eager() bool {
	m := v.mem
	return m.on && !m.exact && m.egc.Mode&heap.EGCAlways != 0 && !m.egc.Blocked && !m.inGC && !m.compiling
}

// TrueFree returns the free heap, garbage that the device would have collected by
// now not counted as used, without collecting anything. native is what native code
// holds, in bytes of the heap; pending is a request at hand that is in the heap's
// total and held by nothing yet.
func (v *VM) TrueFree(native, pending int) int {
	h := v.mem.heap
	if !v.Eager() {
		return h.Free()
	}
	return max(h.Size()-v.Reachable()-native-pending, h.Free())
}
