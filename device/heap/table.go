package heap

// Mem is the path of every allocation of Lua memory. Realloc makes b a block of
// n bytes (0 frees it). It does not return when memory runs out: it raises the
// Lua error, so what it is called from must be consistent at that moment.
type Mem interface {
	Realloc(b *Block, n int)
}

// Values tells a Table which of its array slots hold a value. i counts from 1.
type Values interface {
	Used(i int) bool
}

const (
	maxBits  = 26 // array part of at most 2^26 (MAXBITS)
	maxArray = 1 << maxBits
)

// Table is a table of names and constants that the compiler works with: its array
// and node vector as the firmware has them, without values. (The tables of programs
// are the VM's.) The sizes depend on the history of insertions, so the model keeps the
// nodes themselves: which key sits where, and the pointer below which free nodes are
// looked for. Values are not kept; live says whether a node's is non-nil.
//
// A table grows only when a new key finds no node: that is the moment when old
// and new parts are alive together.
// Source: oracle: memory-behaviour.md, 4; fw: app/lua/ltable.c.
type Table struct {
	Head, Arr, Node Block

	array    int
	nodes    []node
	lastFree int
}

type node struct {
	key  Key
	next int32 // index + 1 of the next node of the chain
	live bool
}

// Array is the number of array slots, Nodes that of hash nodes.
func (t *Table) Array() int { return t.array }

// Nodes is the number of hash nodes: 0, or a power of two.
func (t *Table) Nodes() int { return len(t.nodes) }

// Bytes is the size of the table with both parts.
func (t *Table) Bytes() int {
	return TableHeader + ArraySlot*t.array + HashNode*len(t.nodes)
}

// Init makes a new table with room for the given numbers of array slots and
// hash nodes; nodes is rounded up to a power of two.
func (t *Table) Init(m Mem, array, nodes int) {
	m.Realloc(&t.Head, TableHeader)
	if array > 0 {
		t.setArray(m, array)
	}
	if nodes > 0 {
		t.setNodes(m, 1<<CeilLog2(nodes))
	}
}

// Free gives all blocks back.
func (t *Table) Free(m Mem) {
	m.Realloc(&t.Node, 0)
	m.Realloc(&t.Arr, 0)
	m.Realloc(&t.Head, 0)
	t.array, t.nodes = 0, nil
}

// Set notes that key is about to be assigned a value, nil or not, as a primitive
// set does it: an absent key gets a node even when the value is nil.
func (t *Table) Set(m Mem, key *Key, nonNil bool, vals Values) {
	if i := key.index(); i > 0 && i <= t.array {
		return
	}
	n := t.find(key)
	if n < 0 {
		n = t.insert(m, key, vals)
		if n < 0 {
			return // it went to the array
		}
	}
	t.nodes[n].live = nonNil
}

// find is the node of a key, -1 when it has none.
func (t *Table) find(key *Key) int {
	if len(t.nodes) == 0 {
		return -1
	}
	for i := key.mainNode(len(t.nodes)); i >= 0; i = int(t.nodes[i].next) - 1 {
		if t.nodes[i].key.equal(key) {
			return i
		}
	}
	return -1
}

// freeNode takes the next node that has never held a key, from the top down.
func (t *Table) freeNode() int {
	for t.lastFree > 0 {
		t.lastFree--
		if t.nodes[t.lastFree].key.Kind == keyNone {
			return t.lastFree
		}
	}
	return -1
}

// insert gives an absent key a node and returns it, or -1 when a rehash made
// room for it in the array.
func (t *Table) insert(m Mem, key *Key, vals Values) int {
	for range 2 {
		n := len(t.nodes)
		if n > 0 {
			mp := key.mainNode(n)
			if !t.nodes[mp].live {
				t.nodes[mp].key = *key
				return mp
			}
			if f := t.freeNode(); f >= 0 {
				other := t.nodes[mp].key.mainNode(n)
				if other == mp {
					t.nodes[f] = node{key: *key, next: t.nodes[mp].next}
					t.nodes[mp].next = int32(f + 1)
					return f
				}
				// The occupant is a guest: it moves to the free node.
				if p := t.prev(other, mp); p >= 0 {
					t.nodes[p].next = int32(f + 1)
				}
				t.nodes[f] = t.nodes[mp]
				t.nodes[mp] = node{key: *key}
				return mp
			}
		}
		t.rehash(m, key, vals)
		if i := key.index(); i > 0 && i <= t.array {
			return -1
		}
		if n := t.find(key); n >= 0 {
			return n
		}
	}
	panic("heap: no node for a key after a rehash")
}

// prev is the node whose chain link leads to n, looking from start; -1 if none.
func (t *Table) prev(start, n int) int {
	for i := start; i >= 0; i = int(t.nodes[i].next) - 1 {
		if int(t.nodes[i].next)-1 == n {
			return i
		}
	}
	return -1
}

// rehash finds new sizes for both parts from the keys in use and the new one.
func (t *Table) rehash(m Mem, key *Key, vals Values) {
	var slices [maxBits + 1]int // integer keys in (2^(i-1), 2^i]
	ints, all := 0, 1
	count := func(i int) {
		if i > 0 {
			slices[CeilLog2(i)]++
			ints++
		}
	}
	for i := 1; i <= t.array; i++ {
		if vals.Used(i) {
			count(i)
			all++
		}
	}
	for i := range t.nodes {
		if t.nodes[i].live {
			count(t.nodes[i].key.index())
			all++
		}
	}
	count(key.index())

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
	t.resize(m, size, all-inArray, vals)
}

// resize gives both parts new sizes. A growing array comes first, a shrinking
// one last, as the order decides what is alive together.
func (t *Table) resize(m Mem, array, nodes int, vals Values) {
	old := t.array
	if array > old {
		t.setArray(m, array)
	}
	t.resizeNodes(m, nodes)
	if array < old {
		t.array = array
		for i := array + 1; i <= old; i++ {
			if vals.Used(i) {
				k := NumberKey(float64(i))
				t.Set(m, &k, true, vals)
			}
		}
		m.Realloc(&t.Arr, ArraySlot*array)
	}
}

func (t *Table) setArray(m Mem, n int) {
	m.Realloc(&t.Arr, ArraySlot*n)
	t.array = n
}

func (t *Table) setNodes(m Mem, n int) {
	m.Realloc(&t.Node, HashNode*n)
	if n <= len(t.nodes) {
		t.nodes = t.nodes[:n:n]
	} else {
		grown := make([]node, n)
		copy(grown, t.nodes)
		t.nodes = grown
	}
	t.lastFree = n
}

// resizeNodes changes the node vector in place: nodes without a value are
// emptied, integers that fit now leave for the array, survivors beyond the new
// end move to free nodes from the top, then each moves towards its main node.
// Once a table has nodes it keeps at least one.
func (t *Table) resizeNodes(m Mem, want int) {
	old := len(t.nodes)
	if want == 0 && old == 0 {
		return
	}
	size := 1
	if want > 0 {
		size = 1 << CeilLog2(want)
	}
	if size > old {
		t.setNodes(m, size)
	}
	t.lastFree = size
	for i := 0; i < old; i++ {
		n := &t.nodes[i]
		n.next = 0
		if !n.live {
			n.key = Key{}
			continue
		}
		if k := n.key.index(); k > 0 && k <= t.array {
			*n = node{}
			continue
		}
		if i >= size {
			t.nodes[t.freeNode()] = *n
		}
	}
	if size < old {
		t.setNodes(m, size)
	}
	for i := range t.nodes {
		for t.nodes[i].live && !t.settle(i) {
		}
	}
}

// settle moves node i into or next to its main node. It reports false when
// another node came to stand at i that must settle too.
func (t *Table) settle(i int) bool {
	n := len(t.nodes)
	mp := t.nodes[i].key.mainNode(n)
	if mp == i || t.prev(mp, i) >= 0 {
		return true
	}
	if !t.nodes[mp].live {
		t.nodes[mp] = t.nodes[i]
		t.nodes[i] = node{}
		return true
	}
	other := t.nodes[mp].key.mainNode(n)
	if other == mp {
		t.nodes[i].next = t.nodes[mp].next
		t.nodes[mp].next = int32(i + 1)
		return true
	}
	p := t.prev(other, mp)
	if p >= 0 {
		t.nodes[p].next = int32(i + 1)
	}
	t.nodes[i], t.nodes[mp] = t.nodes[mp], t.nodes[i]
	return p >= 0
}
