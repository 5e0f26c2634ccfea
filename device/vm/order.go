package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// The order in which next and pairs meet the keys of a table is visible to
// programs: gopher-lua has the order of insertion, the firmware that of its
// array and then of its nodes. The account knows which node every key has, so a
// traversal goes the firmware's way: for keys that are numbers, strings or
// booleans it is the very order of the device; objects as keys stand in an order
// that depends on addresses there and on the order of their use here.

// traversal lists the keys of a table by the node they are in.
type traversal struct {
	nodes int // of the table when it was listed
	known int // keys that gopher-lua had heard of: it ignores t.new = nil, which takes a node
	shape uint32
	keys  []lua.LValue // by node; nil: none. Beyond the nodes, keys the account does not know
	last  lua.LValue   // the key that was returned last, and its place
	at    int
}

// RawNext returns the entry of t that follows key; Nil as key starts, Nil as
// next key is the end. ok is false when key is not in t.
func (v *VM) RawNext(t *Table, key Value) (next, value Value, ok bool) {
	if !v.mem.on || v.inFlash(t) {
		next, value = t.Next(key)
		return next, value, true
	}
	s := v.mem.table(t)
	size := s.t.Array()
	i, among := 0, false // the place after key: array first, then nodes
	if key != Nil {
		if n, isNumber := key.(Number); isNumber && n >= 1 && n <= Number(size) && n == Number(int(n)) {
			i = int(n)
		} else if i = v.mem.traversal(s, true).place(v.mem, s, key); i < 0 {
			return Nil, Nil, false
		} else {
			i += size + 1
			among = true
		}
	}
	for ; i < size; i++ {
		if x := rawInt(t, i+1); x != Nil {
			return Number(i + 1), x, true
		}
	}
	tr := v.mem.traversal(s, among)
	for i -= size; i < len(tr.keys); i++ {
		if k := tr.keys[i]; k != nil {
			if x := t.RawGet(k); x != Nil {
				tr.last, tr.at = k, i
				return k, x, true
			}
		}
	}
	return Nil, Nil, true
}

// rawInt is t[i]. gopher-lua's RawGetInt sees only what is in its slice.
func rawInt(t *Table, i int) Value {
	if i > 0 && i < lua.MaxArrayIndex {
		return t.RawGetInt(i)
	}
	return t.RawGet(Number(i))
}

// place returns where key is among the nodes, -1 when it is not there.
func (tr *traversal) place(m *memory, s *tableState, key lua.LValue) int {
	if tr.last == key {
		return tr.at // also when a collection has dropped the key meanwhile
	}
	var k heap.Key
	if m.key(key, &k) {
		if i := s.t.Slot(&k); i >= 0 {
			return i
		}
	}
	for i, x := range tr.keys {
		if x == key {
			return i
		}
	}
	return -1
}

// traversal returns the keys of a table by node. They are listed anew when keys
// have moved since; a program that adds fields while a traversal goes on, which
// Lua leaves undefined, sees them when the table grows.
func (m *memory) traversal(s *tableState, going bool) *traversal {
	nodes, t := s.t.Nodes(), tableOf(s.tb)
	known := len(t.keys) + len(t.array)
	if o := s.order; o != nil && (o.shape == s.t.Shape() && o.known == known || going && o.nodes == nodes) {
		return o
	}
	m.v.ChargeSteps(nodes / 8)
	tr := &traversal{nodes: nodes, known: known, shape: s.t.Shape(), keys: make([]lua.LValue, nodes), at: -1}
	add := func(key lua.LValue) { // also one without a value: it may get one again
		var k heap.Key
		if m.key(key, &k) {
			if i := s.t.Slot(&k); i >= 0 {
				tr.keys[i] = key
				return
			}
		}
		if s.tb.RawGet(key) != lua.LNil {
			tr.keys = append(tr.keys, key)
		}
	}
	for i := s.t.Array(); i < len(t.array); i++ {
		add(lua.LNumber(i + 1))
	}
	for _, key := range t.keys {
		add(key)
	}
	s.order = tr
	return tr
}
