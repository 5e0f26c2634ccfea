package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// The mark walks everything Lua can still reach and so finds what is dead and,
// in lazy accounts, what the truth is. Its order is fixed by the program (stacks
// from the bottom, keys in order of insertion), since the order in which objects
// are found decides which addresses they get.

// protoObject is a function prototype; what it refers to never changes.
type protoObject struct {
	object
	parts  [7]heap.Block // as luac's Blocks
	strs   []*object
	nested []*lua.FunctionProto
}

// udataState is what the account knows of one userdata.
type udataState struct {
	object
	ud        *lua.LUserData
	typ       *Type // nil for newproxy
	finalized bool
}

// collect runs a full collection: mark, weak tables, sweep, shrinking,
// finalizers.
func (m *memory) collect() {
	if !m.on || m.inGC {
		return
	}
	blocked := m.egc.Blocked
	m.inGC, m.egc.Blocked = true, true
	if m.exact {
		m.incr.gray = gray{}
		m.checkSizes() // the sweep that a full collection begins with
	}
	dead := m.markAll()
	if len(m.incr.garbage) > 0 { // of a cycle that this collection completes
		m.unbound = append(m.incr.garbage, m.unbound...)
		m.held += len(m.incr.garbage)
	}
	m.sweep()
	m.finalize(append(m.incr.dead, dead...))
	m.setThreshold()
	m.inGC, m.egc.Blocked = false, blocked
}

// markAll marks from the roots and returns the userdata to be finalized.
func (m *memory) markAll() []*udataState {
	v := m.v
	m.epoch++
	m.live, m.visited, m.stray = 0, m.registry.Bytes(), len(m.orphans)
	m.weak, m.work = m.weak[:0], m.work[:0]
	m.unsettledThreads = m.unsettledThreads[:0]
	m.unplaced, m.unsettled, m.unsettledProtos = m.unplaced[:0], m.unsettled[:0], m.unsettledProtos[:0]
	m.markThread(v.main)
	m.markValue(v.th.G.Global)
	for L := v.running; L != nil; L = L.Parent {
		m.markValue(L)
	}
	for i := range v.refs {
		if x := v.refs[i].value; x != nil {
			m.markValue(x)
		}
	}
	for _, x := range m.pins {
		m.markValue(x)
	}
	for _, x := range m.incr.gray.kept {
		if p, ok := x.(*lua.FunctionProto); ok {
			m.markProto(p)
		} else {
			m.markValue(x.(lua.LValue))
		}
	}
	m.propagate()
	m.eachInRegistry(func(_ string, x lua.LValue) { m.markValue(x) })
	m.propagate()
	var dead []*udataState
	if m.gcable > 0 || m.exact {
		for i := len(m.udata) - 1; i >= 0; i-- { // newest first
			u := m.udata[i]
			if u.epoch == m.epoch || u.finalized {
				continue
			}
			u.finalized = true
			if m.finalizer(u) != nil || u.typ != nil && u.typ.GC != nil {
				dead = append(dead, u)
			}
		}
		for _, u := range dead {
			m.markValue(u.ud)
		}
		m.propagate()
	}
	for _, tb := range m.weak {
		m.clearWeak(tb)
	}
	return dead
}

// eachInRegistry calls fn with what the registry holds under names.
func (m *memory) eachInRegistry(fn func(name string, x lua.LValue)) {
	t := tableOf(m.v.Registry())
	for _, k := range t.keys {
		if x, ok := t.entry(k); ok {
			name, _ := m.v.ToString(k)
			fn(name, x)
		}
	}
}

// finalizer is the __gc a script gave the metatable of u, nil if none.
func (m *memory) finalizer(u *udataState) lua.LValue {
	mt, ok := u.ud.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	if h := mt.RawGetString("__gc"); h != lua.LNil {
		return h
	}
	return nil
}

// mayFinalize reports whether u has a finalizer or a metatable of a script's, which
// may get its __gc at any time.
func (u *udataState) mayFinalize() bool {
	if u.typ != nil {
		return u.typ.GC != nil
	}
	_, ok := u.ud.Metatable.(*lua.LTable)
	return ok
}

func (m *memory) propagate() {
	for len(m.work) > 0 {
		x := m.work[len(m.work)-1]
		m.work = m.work[:len(m.work)-1]
		switch x := x.(type) {
		case *lua.LTable:
			m.traverseTable(x)
		case *lua.LFunction:
			m.traverseFunction(x)
		case *lua.LState:
			m.traverseThread(x)
		}
	}
}

func (m *memory) markValue(v lua.LValue) {
	switch x := v.(type) {
	case lua.LNumber, lua.LBool, *lua.LNilType, nil:
	case lua.LString:
		m.markString(string(x))
	case *lua.LTable:
		s := m.known(x)
		if s == nil {
			if m.v.inFlash(x) {
				return
			}
			s = m.adopt(x)
			s.epoch--
		}
		if s.epoch != m.epoch {
			s.epoch = m.epoch
			n := s.t.Bytes()
			m.live += n
			m.visited += n
			if s.t.Nodes() == 0 {
				m.visited += heap.HashNode // the shared empty node counts
			}
			if !m.exact && !(s.t.Head.Placed() && s.t.Arr.Placed() && s.t.Node.Placed()) {
				m.unsettled = append(m.unsettled, s)
			}
			m.work = append(m.work, x)
		}
	case *lua.LFunction:
		if m.v.inFlash(x) {
			return
		}
		o := objectOf(m, m.funcs, x)
		if o == nil {
			n := heap.ClosureSize(len(x.Upvalues))
			if x.IsG {
				n = heap.CClosureSize(len(x.Upvalues))
			}
			o = &object{size: int32(n)}
			m.discover(kindFunction, o)
			add(m.funcs, &m.all.funcs, x, o)
		}
		if o.epoch != m.epoch {
			m.reach(o)
			m.visited += int(o.size)
			m.work = append(m.work, x)
		}
	case *lua.LUserData:
		u := m.udataOf[x]
		if u == nil {
			if m.v.inFlash(x) {
				return
			}
			u = m.addUserdata(x, nil, 0)
		}
		if u.epoch != m.epoch {
			m.reach(&u.object)
			m.markValue(x.Metatable)
		}
	case *lua.LState:
		if t := m.threads[x]; t != nil {
			m.markThread(t)
		}
	case *thrown:
		m.markValue(x.value)
	}
}

// reach marks an object of fixed size.
func (m *memory) reach(o *object) {
	o.epoch = m.epoch
	if !o.pinned {
		m.live += int(o.size)
	}
}

func (m *memory) markString(s string) *object {
	o := m.stringObject(s)
	if o == nil {
		o = &object{size: int32(heap.StringSize(len(s)))}
		m.discover(kindString, o)
		m.addString(s, o)
	}
	if o.epoch != m.epoch {
		m.reach(o)
	}
	return o
}

func (m *memory) markThread(t *meter) {
	if t.stack.epoch != m.epoch {
		t.stack.epoch = m.epoch
		m.live += t.stack.Bytes()
		m.visited += heap.ThreadHeader + t.stack.Bytes()
		if s := &t.stack; !m.exact && !(s.header.Placed() && s.Calls.Placed() && s.Data.Placed()) {
			m.unsettledThreads = append(m.unsettledThreads, t)
		}
		if t != m.v.main {
			m.live += heap.ThreadHeader
		}
		m.work = append(m.work, t.th)
	}
}

// discover finds the block of an object the mark sees for the first time: in an
// exact account it was charged when it was made, in a lazy one it is placed
// after the sweep.
func (m *memory) discover(k objectKind, o *object) {
	if !m.exact {
		m.unplaced = append(m.unplaced, o)
		return
	}
	for i := range m.unbound {
		if u := &m.unbound[i]; u.kind == k && u.blk.Size() == int(o.size) {
			o.blk = u.blk
			m.unbound = append(m.unbound[:i], m.unbound[i+1:]...)
			if i < m.held {
				m.held--
			}
			return
		}
	}
	m.house(o)
	m.total += int(o.size)
	m.allocTotal += int(o.size)
	m.peak = max(m.peak, m.total)
}

func (m *memory) traverseTable(tb *lua.LTable) {
	t := tableOf(tb)
	s := m.known(tb)
	weakKeys, weakValues := false, false
	if mt, ok := t.Metatable.(*lua.LTable); ok {
		m.markValue(mt)
		weakKeys, weakValues = weakMode(mt)
	}
	if weakKeys || weakValues {
		m.weak = append(m.weak, tb)
	}
	if !weakValues {
		for _, x := range t.array {
			if x != nil {
				m.markValue(x)
			}
		}
	}
	for _, k := range t.keys {
		x, ok := t.entry(k)
		if !ok {
			continue
		}
		if str, ok := k.(lua.LString); ok {
			m.markString(string(str))
		} else if !weakKeys {
			m.markValue(k)
		}
		if !weakValues {
			m.markValue(x)
		} else if str, ok := x.(lua.LString); ok {
			m.markString(string(str))
		}
	}
	s.t.Collected()
	t.dropKeys()
}

// dropKeys makes gopher-lua forget keys that were removed: it keeps every key a
// table ever had, with whatever the key holds, so a table that entries come and
// go in would grow without bound on the host.
func (t *luaTable) dropKeys() {
	live := len(t.strdict) + len(t.dict)
	if len(t.keys) < 64 || len(t.keys) < 4*live {
		return
	}
	keys := make([]lua.LValue, 0, live)
	index := make(map[lua.LValue]int, live)
	for _, k := range t.keys {
		ok := false
		if s, isString := k.(lua.LString); isString {
			_, ok = t.strdict[string(s)]
		} else {
			_, ok = t.dict[k]
		}
		if ok {
			index[k] = len(keys)
			keys = append(keys, k)
		}
	}
	t.keys, t.k2i = keys, index
}

func (m *memory) traverseFunction(fn *lua.LFunction) {
	if fn.Env != nil {
		m.markValue(fn.Env)
	}
	if !fn.IsG {
		m.markProto(fn.Proto)
	}
	for _, uv := range fn.Upvalues {
		if uv == nil {
			continue
		}
		if !fn.IsG {
			o := objectOf(m, m.upvals, uv)
			if o == nil {
				o = &object{size: heap.UpvalueCell}
				m.discover(kindUpvalue, o)
				add(m.upvals, &m.all.upvals, uv, o)
			}
			if o.epoch == m.epoch {
				continue
			}
			m.reach(o)
		}
		if x := uv.Value(); x != nil {
			m.markValue(x)
		}
	}
}

func (m *memory) markProto(p *lua.FunctionProto) {
	o := m.protos[p]
	if o == nil {
		o = &protoObject{nested: p.FunctionPrototypes}
		o.size = int32(protoSize(p))
		m.discover(kindProto, &o.object)
		m.protos[p] = o
	}
	if o.epoch == m.epoch {
		return
	}
	if b := &o.parts[0]; !m.exact && b.Size() > 0 && !b.Placed() {
		m.unsettledProtos = append(m.unsettledProtos, o)
	}
	m.reach(&o.object)
	m.visited += int(o.size)
	if o.strs == nil {
		o.strs = append(o.strs, m.markString(p.SourceName))
		for _, k := range p.Constants {
			if s, ok := k.(lua.LString); ok {
				o.strs = append(o.strs, m.markString(string(s)))
			}
		}
		for _, name := range keptNames(p) {
			o.strs = append(o.strs, m.markString(name))
		}
	}
	for _, s := range o.strs {
		if s.epoch != m.epoch {
			m.reach(s)
		}
	}
	for _, n := range o.nested {
		m.markProto(n)
	}
}

// protoSize is the size of a prototype that the account does not know.
func protoSize(p *lua.FunctionProto) int {
	n := heap.ProtoSize(len(p.Code), len(p.Constants), len(p.FunctionPrototypes), len(lineInfo(p)))
	if isNamed(p) {
		n += len(p.DbgLocals)*heap.LocalVarSize + len(p.DbgUpvalues)*heap.UpvalueNameSize
	}
	return n
}

// traverseThread marks what is on a thread's stack. The firmware marks up to the
// end of the innermost function's frame, so values in registers that are no
// longer used live on.
func (m *memory) traverseThread(L *lua.LState) {
	t := m.threads[L]
	m.markValue(t.state.Env)
	if t.stack.start != nil && t.fresh {
		m.markValue(t.stack.start)
	}
	for _, x := range t.stack.corpse {
		m.markValue(x)
	}
	for _, x := range t.values() {
		m.markValue(x)
	}
	if L != m.still {
		was := t.stack.Bytes()
		t.shrink()
		m.live += t.stack.Bytes() - was
	}
}

// clearWeak takes the entries of a weak table whose key or value is dead. Strings
// are values and never weak.
func (m *memory) clearWeak(tb *lua.LTable) {
	t := tableOf(tb)
	_, weakValues := weakMode(t.Metatable.(*lua.LTable))
	s := m.tables[tb]
	if weakValues {
		for i, x := range t.array {
			if x != nil && m.isDead(x, false) {
				t.array[i] = lua.LNil
			}
		}
		if n := len(t.array); n > s.t.Array() {
			var k heap.Key
			for i := s.t.Array(); i < n; i++ {
				if t.array[i] == lua.LNil && m.key(lua.LNumber(i+1), &k) {
					s.t.Clear(&k)
				}
			}
		}
	}
	var k heap.Key
	for _, key := range t.keys {
		x := tb.RawGetH(key)
		if x == lua.LNil || !m.isDead(key, true) && !m.isDead(x, false) {
			continue
		}
		tb.RawSetH(key, lua.LNil)
		if m.key(key, &k) {
			s.t.Clear(&k)
		}
	}
	s.t.Collected()
}

// isDead reports whether the mark did not reach an object that a weak table
// holds. A userdata being finalized is gone as a value and stays as a key.
func (m *memory) isDead(v lua.LValue, key bool) bool {
	if m.v.inFlash(v) {
		return false
	}
	switch x := v.(type) {
	case *lua.LTable:
		s := m.tables[x]
		return s == nil || s.epoch != m.epoch
	case *lua.LFunction:
		o := m.funcs[x]
		return o == nil || o.epoch != m.epoch
	case *lua.LUserData:
		u := m.udataOf[x]
		return u == nil || u.epoch != m.epoch || !key && u.finalized
	case *lua.LState:
		t := m.threads[x]
		return t == nil || t.stack.epoch != m.epoch
	}
	return false
}
