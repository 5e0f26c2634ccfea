package vm

import (
	"math"
	"unsafe"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Tables are the firmware's (fw: app/lua/ltable.c): an array for the first integer
// keys and nodes for all others, chained where keys collide, and a pointer below
// which free nodes are looked for. What a table weighs, when it grows and the order
// of a traversal are those of the device.

const (
	maxBits  = 26
	maxArray = 1 << maxBits
)

// arrayIndex is x as an index of an array, 0 when it can't be one.
func arrayIndex(x value) int {
	if !x.isNumber() {
		return 0
	}
	f := x.num()
	if i := int32(f); float64(i) == f && i > 0 {
		return int(i)
	}
	return 0
}

// mainNode is the node a key belongs in when it is free.
func (t *Table) mainNode(key value) int {
	n := len(t.nodes)
	odd := uint32(n-1) | 1
	switch key.bits {
	case kindString:
		return int(key.str().hash) & (n - 1)
	case kindFalse:
		return 0
	case kindTrue:
		return 1 & (n - 1)
	case kindNil:
		return 0
	case kindTable, kindFunction, kindUserData, kindThread, kindLight, kindROMFunc, kindROMTable, kindDead:
		return int(key.header().address % odd)
	}
	return numberNode(key.num(), odd)
}

func numberNode(f float64, odd uint32) int {
	if f == 0 {
		return 0
	}
	b := math.Float64bits(f)
	return int((uint32(b) + uint32(b>>32)) % odd)
}

// getStr is t[s], nil when there is none.
func (t *Table) getStr(s *str) value {
	if n := t.strNode(s); n != nil {
		return n.val
	}
	return value{}
}

func (t *Table) strNode(s *str) *node {
	nodes := t.nodes
	if len(nodes) == 0 {
		return nil
	}
	for i := int(s.hash) & (len(nodes) - 1); i < len(nodes); {
		n := &nodes[i]
		if n.key.ref == unsafe.Pointer(s) && n.key.bits == kindString {
			return n
		}
		i = int(n.next) - 1
		if i < 0 {
			return nil
		}
	}
	return nil
}

func (t *Table) numNode(f float64) *node {
	if len(t.nodes) == 0 {
		return nil
	}
	for i := numberNode(f, uint32(len(t.nodes)-1)|1); i >= 0; i = int(t.nodes[i].next) - 1 {
		if n := &t.nodes[i]; n.key.bits >= firstNumber && n.key.num() == f {
			return n
		}
	}
	return nil
}

// getInt is t[i].
func (t *Table) getInt(i int) value {
	if uint(i-1) < uint(len(t.array)) {
		return t.array[i-1]
	}
	if n := t.numNode(float64(i)); n != nil {
		return n.val
	}
	return value{}
}

// find returns the place of t[key], nil when there is none.
func (t *Table) find(key value) *value {
	switch {
	case key.bits == kindString:
		if n := t.strNode(key.str()); n != nil {
			return &n.val
		}
	case key.bits >= firstNumber:
		if i := arrayIndex(key); uint(i-1) < uint(len(t.array)) {
			return &t.array[i-1]
		}
		if n := t.numNode(key.num()); n != nil {
			return &n.val
		}
	case key.bits == kindNil:
	default:
		if i := t.otherNode(key); i >= 0 {
			return &t.nodes[i].val
		}
	}
	return nil
}

// otherNode is the node of a key that is neither string nor number, -1 when there
// is none.
func (t *Table) otherNode(key value) int {
	if len(t.nodes) == 0 {
		return -1
	}
	i := t.mainNode(key)
	for ; i >= 0; i = int(t.nodes[i].next) - 1 {
		if t.nodes[i].key.same(key) {
			break
		}
	}
	return i
}

// get is t[key] without metamethods.
func (v *VM) get(t *Table, key value) value {
	if t.rom != nil {
		if key.bits == kindString {
			if i, ok := t.rom.index[key.str().s]; ok {
				return t.rom.entries[i].value(v)
			}
		}
		return value{}
	}
	if p := t.find(key); p != nil {
		return *p
	}
	return value{}
}

// place returns where t[key] is stored, a new node if need be (luaH_set). key is
// neither nil nor not-a-number: see VM.checkKey.
func (t *Table) place(m *memory, key value) *value {
	t.absent = 0
	if p := t.find(key); p != nil {
		if p.isNil() && t.keepsKeys() && t.mark&inGraph != 0 {
			m.quick.dirty = true // holds its key again
		}
		return p
	}
	return t.insert(m, key)
}

// set stores t[key] = x without metamethods.
func (t *Table) set(m *memory, key, x value) {
	p := t.place(m, key)
	t.store(m, p, x)
	m.quick.storedUnder(t, key)
}

// store writes to a place of t.
func (t *Table) store(m *memory, p *value, x value) {
	old := *p
	*p = x
	if t.mark&barriers != 0 {
		m.stored(t, old, x)
		if x.isNil() && t.mark&inGraph != 0 && m.quick.valid {
			m.quick.empty(t)
		}
	}
}

// addressed gives objects that are keys their address.
func (m *memory) addressed(key value) {
	if key.bits < kindLight || key.bits >= kindUpvalue || key.bits == kindString {
		return
	}
	h := key.header()
	if h.address == 0 {
		h.address = m.v.addressOf(h, key.bits)
	}
}

// freeNode takes the next node that has never held a key, from the top down.
func (t *Table) freeNode() int {
	for t.lastFree > 0 {
		t.lastFree--
		if t.nodes[t.lastFree].key.isNil() {
			return int(t.lastFree)
		}
	}
	return -1
}

// insert gives an absent key a place. If that is left empty, quick.empty must know.
func (t *Table) insert(m *memory, key value) *value {
	m.addressed(key)
	mp := -1
	if len(t.nodes) > 0 {
		mp = t.mainNode(key)
	}
	if mp < 0 || !t.nodes[mp].val.isNil() {
		f := t.freeNode()
		if f < 0 {
			t.rehash(m, key)
			t.absent = 0
			if p := t.find(key); p != nil {
				return p
			}
			return t.insert(m, key)
		}
		if other := t.mainNode(t.nodes[mp].key); other != mp {
			// The occupant is a guest: it moves to the free node.
			for int(t.nodes[other].next)-1 != mp {
				other = int(t.nodes[other].next) - 1
			}
			t.nodes[other].next = int32(f + 1)
			t.nodes[f] = t.nodes[mp]
			t.nodes[mp].next = 0
			t.nodes[mp].val = value{}
			t.nodes[mp].key = value{}
		} else {
			t.nodes[f].next = t.nodes[mp].next
			t.nodes[mp].next = int32(f + 1)
			mp = f
		}
	}
	n := &t.nodes[mp]
	old := n.key
	n.key = key
	if t.mark&barriers != 0 {
		if t.keepsKeys() {
			old = value{} // not held since it has no value
		}
		m.storedKey(t, old, key)
	}
	return &n.val
}

// rehash finds new sizes for both parts from the keys in use and the new one.
func (t *Table) rehash(m *memory, key value) {
	var slices [maxBits + 1]int // integer keys in (2^(i-1), 2^i]
	ints, all := 0, 1
	count := func(i int) {
		if i > 0 && i <= maxArray {
			slices[heap.CeilLog2(i)]++
			ints++
		}
	}
	for lg, i, lim := 0, 1, 1; i <= len(t.array); lg, lim = lg+1, lim*2 {
		for ; i <= min(lim, len(t.array)); i++ {
			if !t.array[i-1].isNil() {
				slices[lg]++
				ints++
			}
		}
	}
	all += ints
	for i := range t.nodes {
		if n := &t.nodes[i]; !n.val.isNil() {
			count(arrayIndex(n.key))
			all++
		}
	}
	count(arrayIndex(key))

	size, inArray := 0, 0
	for i, sum, two := 0, 0, 1; two/2 < ints; i, two = i+1, two*2 {
		if slices[i] > 0 {
			sum += slices[i]
			if sum > two/2 {
				size, inArray = two, sum
			}
		}
		if sum == ints {
			break
		}
	}
	t.resize(m, size, all-inArray)
}

// resize gives both parts new sizes. A growing array comes first, a shrinking one
// last, as the order decides what is alive together. Each request for memory may run
// a finalizer, which may use t and give it other sizes.
func (t *Table) resize(m *memory, array, nodes int) {
	old, finalized := len(t.array), m.finalized
	if array > old {
		t.setArray(m, array, false)
	}
	if m.finalized != finalized {
		nodes = max(nodes, len(t.nodes))
	}
	t.resizeNodes(m, nodes, array > old)
	if array < old && m.finalized == finalized {
		rest := t.array[array:]
		t.array = t.array[:array]
		for i, x := range rest {
			if !x.isNil() {
				key := number(float64(array + i + 1))
				p := t.find(key)
				if p == nil {
					p = t.insert(m, key)
				}
				if t.mark&inGraph != 0 {
					m.stored(t, *p, value{})
				}
				*p = x
			}
		}
		m.Realloc(&t.arr, heap.ArraySlot*array)
		if len(t.array) == array {
			t.moveArray(m, array)
		}
	}
}

// setArray gives the array n slots. again: see memory.realloc.
func (t *Table) setArray(m *memory, n int, again bool) {
	m.realloc(&t.arr, heap.ArraySlot*n, again)
	if len(t.array) < n {
		t.moveArray(m, n)
	}
}

func (t *Table) moveArray(m *memory, n int) {
	var a []value
	if n > 0 {
		a = m.pool.arrays.take(n)
		copy(a, t.array)
	}
	if cap(t.array) > 0 {
		m.pool.arrays.give(t.array)
	}
	t.array = a
}

// setNodes gives the hash part n nodes. again: see memory.realloc.
func (t *Table) setNodes(m *memory, n int, again bool) {
	m.realloc(&t.nod, heap.HashNode*n, again)
	t.moveNodes(m, n)
}

func (t *Table) moveNodes(m *memory, n int) {
	nodes := m.pool.nodes.take(n)
	copy(nodes, t.nodes)
	if cap(t.nodes) > 0 {
		m.pool.nodes.give(t.nodes)
	}
	t.nodes = nodes
	t.lastFree = int32(n)
}

// resizeNodes changes the node vector in place: nodes without a value are emptied,
// integers that fit now leave for the array, survivors beyond the new end move to
// free nodes from the top, then each moves towards its main node. Once a table has
// nodes it keeps at least one.
func (t *Table) resizeNodes(m *memory, want int, again bool) {
	old := len(t.nodes)
	if want == 0 && old == 0 {
		return
	}
	size := 1
	if want > 0 {
		size = 1 << heap.CeilLog2(want)
	}
	if size > maxArray {
		m.v.runError("table overflow")
	}
	if size > old {
		m.realloc(&t.nod, heap.HashNode*size, again)
		if old = len(t.nodes); size > old {
			t.moveNodes(m, size)
		}
		size = len(t.nodes)
	}
	t.lastFree = int32(size)
	for i := range t.nodes[:old] {
		n := &t.nodes[i]
		n.next = 0
		if n.val.isNil() {
			if t.mark&inGraph != 0 && !t.keepsKeys() {
				m.storedKey(t, n.key, value{})
			}
			n.key = value{}
			continue
		}
		if k := arrayIndex(n.key); k > 0 && k <= len(t.array) {
			if t.mark&inGraph != 0 { // there, too, if memory has run out between the two
				m.stored(t, t.array[k-1], value{})
			}
			t.array[k-1] = n.val
			*n = node{}
			continue
		}
		if i >= size {
			t.nodes[t.freeNode()] = *n
		}
	}
	t.nodes = t.nodes[:size]
	for i := range t.nodes {
		for !t.nodes[i].val.isNil() && !t.settle(i) {
		}
	}
	if size < old { // after all else, since it may fail
		t.lastFree = int32(size)
		m.Realloc(&t.nod, heap.HashNode*size)
		if len(t.nodes) == size {
			t.moveNodes(m, size)
		}
	}
}

// settle moves node i into or next to its main node. It reports false when another
// node came to stand at i that must settle too.
func (t *Table) settle(i int) bool {
	mp := t.mainNode(t.nodes[i].key)
	if mp == i || t.before(mp, i) >= 0 {
		return true
	}
	if t.nodes[mp].val.isNil() {
		t.nodes[mp] = t.nodes[i]
		t.nodes[i] = node{}
		return true
	}
	other := t.mainNode(t.nodes[mp].key)
	if other == mp {
		t.nodes[i].next = t.nodes[mp].next
		t.nodes[mp].next = int32(i + 1)
		return true
	}
	p := t.before(other, mp)
	if p >= 0 {
		t.nodes[p].next = int32(i + 1)
	}
	t.nodes[i], t.nodes[mp] = t.nodes[mp], t.nodes[i]
	return p >= 0
}

// before is the node whose chain link leads to n, looking from start; -1 if none.
func (t *Table) before(start, n int) int {
	for i := start; i >= 0; i = int(t.nodes[i].next) - 1 {
		if int(t.nodes[i].next)-1 == n {
			return i
		}
	}
	return -1
}

// after returns the place of the entry that follows key in a traversal, as an index
// for entry: array first, then nodes. It is -1 when key is not in t.
func (t *Table) after(key value) int {
	if key.isNil() {
		return 0
	}
	if i := arrayIndex(key); i > 0 && i <= len(t.array) {
		return i
	}
	if len(t.nodes) == 0 {
		return -1
	}
	for i := t.mainNode(key); i >= 0; i = int(t.nodes[i].next) - 1 {
		k := t.nodes[i].key
		if k.same(key) || k.bits == kindDead && key.isObject() && k.ref == key.ref {
			return len(t.array) + i + 1
		}
	}
	return -1
}

// next returns the entry that follows key, nil at the end. ok is false when key is
// not in t.
func (v *VM) next(t *Table, key value) (k, x value, ok bool) {
	if t.rom != nil {
		return t.rom.next(v, key)
	}
	i := t.after(key)
	if i < 0 {
		return value{}, value{}, false
	}
	for ; i < len(t.array); i++ {
		if x := t.array[i]; !x.isNil() {
			return number(float64(i + 1)), x, true
		}
	}
	for i -= len(t.array); i < len(t.nodes); i++ {
		if n := &t.nodes[i]; !n.val.isNil() {
			return n.key, n.val, true
		}
	}
	return value{}, value{}, true
}

// length is a border of t, of several the one that the firmware finds (luaH_getn).
func (v *VM) length(t *Table) int {
	j := len(t.array)
	if j > 0 && t.array[j-1].isNil() {
		i := 0
		for j-i > 1 {
			if m := (i + j) / 2; t.array[m-1].isNil() {
				j = m
			} else {
				i = m
			}
		}
		return i
	}
	if len(t.nodes) == 0 {
		return j
	}
	i := j
	for j++; !t.getInt(j).isNil(); {
		i = j
		if j *= 2; j > math.MaxInt32 { // built with bad purposes
			for i = 1; !t.getInt(i).isNil(); i++ {
				v.ChargeSteps(1)
			}
			return i - 1
		}
	}
	for j-i > 1 {
		if m := (i + j) / 2; t.getInt(m).isNil() {
			j = m
		} else {
			i = m
		}
	}
	return i
}
