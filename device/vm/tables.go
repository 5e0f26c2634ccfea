package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Every write to a table is seen before it happens, so that the model's array
// and nodes have the history the firmware's would have. A table that turns up
// without having been announced (made by Go code through gopher-lua's own API)
// is adopted with the parts its contents need.

// tableState is what the account knows of one table.
type tableState struct {
	tb       *lua.LTable
	t        heap.Table
	epoch    uint32
	building bool // being made: its object is not known yet
	order    *traversal
}

// Used reports whether array slot i holds a value (heap.Values).
func (s *tableState) Used(i int) bool {
	if s.tb == nil {
		return false
	}
	a := tableOf(s.tb).array
	return i <= len(a) && a[i-1] != nil && a[i-1] != lua.LNil
}

// maxHostArray bounds the index up to which gopher-lua keeps integers in one
// slice, padding holes: a script could make it fill the host's memory with one
// sparse index. No array of a 44 KB heap has more than 2048 slots.
const maxHostArray = 8192

func init() { lua.MaxArrayIndex = maxHostArray }

const tableCacheSize = 256

// table returns the state of tb.
func (m *memory) table(tb *lua.LTable) *tableState {
	if s := m.known(tb); s != nil {
		return s
	}
	return m.adopt(tb)
}

// known returns the state of tb, nil if it has none: yet, or because it lies in
// flash.
func (m *memory) known(tb *lua.LTable) *tableState {
	c := &m.cache[uintptr(unsafe.Pointer(tb))>>5%tableCacheSize]
	if s := *c; s != nil && s.tb == tb {
		return s
	}
	s := m.tables[tb]
	if s != nil {
		*c = s
	}
	return s
}

// addTable notes the state of a table that is alive.
func (m *memory) addTable(tb *lua.LTable, s *tableState) {
	m.tables[tb] = s
	m.all.tables = append(m.all.tables, s)
}

// adopt makes a state for a table that was not announced.
func (m *memory) adopt(tb *lua.LTable) *tableState {
	s := &tableState{tb: tb, epoch: m.epoch}
	t := tableOf(tb)
	n := 0
	for i := len(t.array); i > 0; i-- {
		if t.array[i-1] != nil && t.array[i-1] != lua.LNil {
			n = i
			break
		}
	}
	m.addTable(tb, s)
	blocked := m.egc.Blocked
	m.egc.Blocked = true // its contents are not all on a stack
	s.t.Init(m, n, len(t.strdict)+len(t.dict))
	var key heap.Key
	for _, k := range t.keys {
		if tb.RawGetH(k) != lua.LNil && m.key(k, &key) {
			s.t.Set(m, &key, true, s)
		}
	}
	m.egc.Blocked = blocked
	return s
}

// newTable accounts for a table that is about to be made.
func (m *memory) newTable(narray, nhash int) *tableState {
	var s *tableState
	if n := len(m.spare); n > 0 && m.track == nil {
		s = m.spare[n-1]
		m.spare = m.spare[:n-1]
		s.building = true
	} else {
		s = &tableState{building: true}
	}
	m.tabs = append(m.tabs, s)
	if m.track != nil {
		m.track.note(s)
	}
	s.t.Init(m, narray, nhash)
	return s
}

// begin starts the account of a table that exists already and is alive.
func (m *memory) begin(tb *lua.LTable, narray, nhash int) *tableState {
	s := &tableState{tb: tb, epoch: m.epoch}
	m.addTable(tb, s)
	if m.track != nil {
		m.track.note(s)
	}
	s.t.Init(m, narray, nhash)
	return s
}

// bind says which table a state made by newTable belongs to.
func (m *memory) bind(s *tableState, tb *lua.LTable) {
	s.tb, s.building, s.epoch = tb, false, m.epoch
	m.addTable(tb, s)
	for i := len(m.tabs) - 1; i >= 0; i-- {
		if m.tabs[i] == s {
			m.tabs = append(m.tabs[:i], m.tabs[i+1:]...)
			break
		}
	}
}

// key turns a Lua value into a key of the model. It returns false for nil and
// NaN, which are errors.
func (m *memory) key(v lua.LValue, k *heap.Key) bool {
	switch x := v.(type) {
	case lua.LString:
		m.stringKey(string(x), k)
	case lua.LNumber:
		if x != x {
			return false
		}
		*k = heap.NumberKey(float64(x))
	case lua.LBool:
		*k = heap.BoolKey(bool(x))
	case *lua.LNilType:
		return false
	case *lua.LTable:
		*k = m.objectKey(unsafe.Pointer(x), m.v.inFlash(x))
	case *lua.LFunction:
		*k = m.objectKey(unsafe.Pointer(x), m.v.inFlash(x))
	case *lua.LUserData:
		*k = m.objectKey(unsafe.Pointer(x), m.v.inFlash(x))
	case *lua.LState:
		*k = m.objectKey(unsafe.Pointer(x), m.v.inFlash(x))
	default:
		return false
	}
	return true
}

// objectKey is the key for an object. Its hash stands for an address; it is the
// order in which objects were first used as keys, so that it does not depend on
// the host.
func (m *memory) objectKey(p unsafe.Pointer, light bool) heap.Key {
	id := m.addresses[p]
	if id == 0 {
		m.lastAddress += 40
		id = m.lastAddress
		m.addresses[p] = id
	}
	if light {
		return heap.LightKey(uintptr(p), id)
	}
	return heap.ObjectKey(uintptr(p), id)
}

// written returns the state of a table that a program is about to write to. One in
// flash is an error.
func (m *memory) written(tb *lua.LTable) *tableState {
	s := m.known(tb)
	if s == nil {
		if m.v.inFlash(tb) {
			m.v.romWrite()
		}
		s = m.adopt(tb)
	}
	return s
}

// set accounts for x[key] = value with metamethods (luaV_settable): a table
// whose __newindex takes the value has by then an empty node for the key. It returns
// what the assignment comes to, x itself or what __newindex leads to, and the
// function that takes the value there, nil if there is none.
func (m *memory) set(x, key lua.LValue, nonNil bool) (at, handler lua.LValue) {
	var k heap.Key
	have := false
	for range lua.MaxTableGetLoop {
		tb, ok := x.(*lua.LTable)
		if !ok {
			switch next := m.v.Metafield(x, "__newindex"); next.(type) {
			case *lua.LNilType:
				return x, nil
			case *lua.LFunction:
				return x, next
			default:
				x = next
				continue
			}
		}
		s := m.written(tb)
		if n, ok := key.(lua.LNumber); ok {
			if i := int(n); i >= 1 && i <= s.t.Array() && lua.LNumber(i) == n {
				if mt := tableOf(tb).Metatable; mt == lua.LNil {
					return tb, nil
				}
			}
		}
		if !have {
			if !m.key(key, &k) {
				return tb, nil
			}
			have = true
		}
		next := m.newIndex(tb, key)
		if mt, ok := tableOf(tb).Metatable.(*lua.LTable); ok {
			m.beforeWeakSet(mt, s, &k)
		}
		m.still = m.v.running
		s.t.Set(m, &k, nonNil && next == nil, s)
		m.still = nil
		switch next.(type) {
		case nil:
			return tb, nil
		case *lua.LFunction:
			return tb, next
		}
		x = next
	}
	return x, nil // a loop, which is an error
}

// newIndex is the __newindex that an assignment to tb[key] goes on to, nil when
// it stays.
func (m *memory) newIndex(tb *lua.LTable, key lua.LValue) lua.LValue {
	mt, ok := tableOf(tb).Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	h := mt.RawGetString("__newindex")
	if h == lua.LNil || tb.RawGet(key) != lua.LNil {
		return nil
	}
	return h
}

// beforeWeakSet lets a weak table lose its dead entries before it gets a new one,
// which decides where that goes and whether the table grows.
func (m *memory) beforeWeakSet(mt *lua.LTable, s *tableState, k *heap.Key) {
	if !m.exact && m.canSwitch() && !s.t.Room(k) {
		if keys, values := weakMode(mt); keys || values {
			m.collect()
		}
	}
}

// setString is set for a constant string key.
func (m *memory) setString(tb *lua.LTable, key string, nonNil bool) {
	mt, ok := tableOf(tb).Metatable.(*lua.LTable)
	if ok && mt.RawGetString("__newindex") != lua.LNil {
		m.set(tb, lua.LString(key), nonNil)
		return
	}
	s := m.written(tb)
	var k heap.Key
	m.stringKey(key, &k)
	if ok {
		m.beforeWeakSet(mt, s, &k)
	}
	m.still = m.v.running
	s.t.Set(m, &k, nonNil, s)
	m.still = nil
}

// rawSet accounts for a primitive t[key] = value.
func (m *memory) rawSet(tb *lua.LTable, key lua.LValue, nonNil bool) {
	if !m.on || m.v.inFlash(tb) {
		return
	}
	var k heap.Key
	if m.key(key, &k) {
		s := m.table(tb)
		if mt, ok := tableOf(tb).Metatable.(*lua.LTable); ok {
			m.beforeWeakSet(mt, s, &k)
		}
		m.still = m.v.running
		s.t.Set(m, &k, nonNil, s)
		m.still = nil
	}
}
