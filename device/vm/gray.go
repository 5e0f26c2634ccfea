package vm

import (
	"sort"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// gray is what the incremental collector has found in the cycle at hand and not
// yet visited. As in the firmware, what was found last is visited first, tables
// are visited from their last slot to their first, and each visit counts as many
// bytes as the object has (fw: app/lua/lgc.c, propagatemark).
type gray struct {
	list []any        // tables, functions, prototypes, threads; grayRegistry
	seen map[any]bool // these, userdata and strings
	kept []any        // what was seen, in the order in which it was found
}

// grayRegistry stands for the registry, which is no gopher-lua table.
const grayRegistry part = "gray registry"

// What the registry leads to at the prompt besides what the account knows as
// objects: the pipe behind stdin, a table of two slots, and its closure of four
// values. Source: oracle: memory-sizes.json, boot.default_modules.inventory.
const (
	bootHiddenObjects = 2
	bootHiddenBytes   = heap.TableHeader + 2*heap.ArraySlot + heap.HashNode + heap.ClosureHeader + 4*heap.CClosureUpval
)

func (g *gray) pending() bool { return len(g.list) > 0 }

// grayRoots begins a cycle.
func (m *memory) grayRoots() {
	m.incr.gray = gray{seen: map[any]bool{}}
	m.found(m.v.main.th)
	m.found(m.v.th.G.Global)
	m.incr.gray.list = append(m.incr.gray.list, grayRegistry)
}

// found notes a value that something visited refers to.
func (m *memory) found(v any) {
	g := &m.incr.gray
	waits := true
	switch x := v.(type) {
	case lua.LString:
		waits = false
	case *lua.LTable, *lua.LFunction:
		if m.v.inFlash(v) {
			return
		}
	case *lua.LUserData:
		if m.v.inFlash(v) {
			return
		}
		waits = false
	case *lua.LState, *lua.FunctionProto:
	case *thrown:
		m.found(x.value)
		return
	default:
		return
	}
	if g.seen[v] {
		return
	}
	g.seen[v] = true
	g.kept = append(g.kept, v)
	if waits {
		g.list = append(g.list, v)
	} else if ud, ok := v.(*lua.LUserData); ok {
		m.found(ud.Metatable)
	}
}

// visit follows the references of one object and returns what that costs.
func (m *memory) visit() int {
	g := &m.incr.gray
	v := g.list[len(g.list)-1]
	g.list = g.list[:len(g.list)-1]
	switch x := v.(type) {
	case *lua.LTable:
		return m.visitTable(x)
	case *lua.LFunction:
		if x.Env != nil {
			m.found(x.Env)
		}
		n := heap.CClosureSize(len(x.Upvalues))
		if !x.IsG {
			m.found(x.Proto)
			n = heap.ClosureSize(len(x.Upvalues))
		}
		for _, uv := range x.Upvalues {
			if uv != nil && uv.Value() != nil {
				m.found(uv.Value())
			}
		}
		return n
	case *lua.FunctionProto:
		m.found(lua.LString(x.SourceName))
		for _, k := range x.Constants {
			m.found(k)
		}
		for _, name := range keptNames(x) {
			m.found(lua.LString(name))
		}
		for _, n := range x.FunctionPrototypes {
			m.found(n)
		}
		if o := m.protos[x]; o != nil {
			return int(o.size)
		}
		return protoSize(x)
	case *lua.LState:
		return m.visitThread(x)
	}
	for i := range m.v.refs { // the registry
		if x := m.v.refs[i].value; x != nil {
			m.found(x)
		}
	}
	m.eachInRegistry(func(_ string, x lua.LValue) { m.found(x) })
	return m.registry.Bytes() + bootHiddenBytes
}

func (m *memory) visitTable(tb *lua.LTable) int {
	t, s := tableOf(tb), m.table(tb)
	size := s.t.Bytes()
	if s.t.Nodes() == 0 {
		size += heap.HashNode // the node that empty tables share counts
	}
	weakKeys, weakValues := false, false
	if mt, ok := t.Metatable.(*lua.LTable); ok {
		m.found(mt)
		weakKeys, weakValues = weakMode(mt)
	}
	if !weakValues {
		for i := min(len(t.array), s.t.Array()) - 1; i >= 0; i-- {
			m.found(t.array[i])
		}
	}
	type entry struct {
		slot int
		key  lua.LValue
	}
	var entries []entry
	var k heap.Key
	note := func(key lua.LValue) {
		if m.key(key, &k) {
			entries = append(entries, entry{s.t.Slot(&k), key})
		}
	}
	for i := s.t.Array(); i < len(t.array); i++ {
		note(lua.LNumber(i + 1))
	}
	for _, key := range t.keys {
		note(key)
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].slot > entries[j].slot })
	for _, e := range entries {
		x := tb.RawGet(e.key)
		if x == lua.LNil {
			continue
		}
		if _, isString := e.key.(lua.LString); isString || !weakKeys {
			m.found(e.key)
		}
		if !weakValues {
			m.found(x)
		}
	}
	return size
}

// visitThread also shrinks the stacks of the thread. It is visited again at the
// end of the mark.
func (m *memory) visitThread(L *lua.LState) int {
	t := m.threads[L]
	if t == nil {
		return 0
	}
	m.found(t.state.Env)
	if t.stack.start != nil && t.fresh {
		m.found(t.stack.start)
	}
	for _, x := range t.stack.corpse {
		m.found(x)
	}
	for _, x := range t.values() {
		m.found(x)
	}
	if L != m.still {
		t.shrink()
	}
	return heap.ThreadHeader + t.stack.Bytes()
}
