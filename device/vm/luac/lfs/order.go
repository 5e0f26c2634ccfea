package lfs

import "github.com/nodemcu-sim/nodemcu-sim/device/heap"

// stringSet collects strings, each once. They are in an image in the order in which luac.cross traverses the
// table whose keys they are, and that is the firmware's own (fw: app/lua/ltable.c): it grows in place.
type stringSet struct {
	nodes []setNode
	free  int // no free node is at or above
	at    map[string]bool
	count int
}

type setNode struct {
	key  string
	hash uint32
	used bool
	next int // the next of the chain, plus 1; 0 for none
}

func (t *stringSet) add(s string) {
	if t.at[s] {
		return
	}
	if t.at == nil {
		t.at = map[string]bool{}
	}
	t.at[s] = true
	t.insert(setNode{key: s, hash: heap.StringHash(s), used: true})
	t.count++
}

// list returns the strings in the order of a traversal.
func (t *stringSet) list() []string {
	list := make([]string, 0, t.count)
	for _, n := range t.nodes {
		if n.used {
			list = append(list, n.key)
		}
	}
	return list
}

// home is the node where n belongs.
func (t *stringSet) home(n setNode) int { return int(n.hash) & (len(t.nodes) - 1) }

func (t *stringSet) insert(n setNode) {
	if len(t.nodes) == 0 {
		t.grow()
	}
	home := t.home(n)
	if !t.nodes[home].used {
		t.nodes[home] = n
		return
	}
	free := t.freeNode()
	if free < 0 {
		t.grow()
		t.insert(n)
		return
	}
	if other := t.home(t.nodes[home]); other != home {
		t.nodes[t.before(other, home)].next = free + 1
		t.nodes[free] = t.nodes[home]
		t.nodes[home] = n
		return
	}
	n.next = t.nodes[home].next
	t.nodes[home].next = free + 1
	t.nodes[free] = n
}

// freeNode takes the next free node from the top down, -1 when there is none.
func (t *stringSet) freeNode() int {
	for t.free > 0 {
		t.free--
		if !t.nodes[t.free].used {
			return t.free
		}
	}
	return -1
}

// grow makes room for one more key and moves what is there towards its home.
func (t *stringSet) grow() {
	nodes := make([]setNode, 1<<heap.CeilLog2(t.count+1))
	copy(nodes, t.nodes)
	t.nodes, t.free = nodes, len(nodes)
	for i := range nodes {
		nodes[i].next = 0
	}
	for i := range nodes {
		for nodes[i].used && !t.settle(i) {
		}
	}
}

// settle moves node i into or next to its home. It reports false when another node came to
// stand at i that must settle, too.
func (t *stringSet) settle(i int) bool {
	home := t.home(t.nodes[i])
	if home == i || t.before(home, i) >= 0 {
		return true
	}
	if !t.nodes[home].used {
		t.nodes[home], t.nodes[i] = t.nodes[i], setNode{}
		return true
	}
	other := t.home(t.nodes[home])
	if other == home {
		t.nodes[i].next = t.nodes[home].next
		t.nodes[home].next = i + 1
		return true
	}
	before := t.before(other, home)
	if before >= 0 {
		t.nodes[before].next = i + 1
	}
	t.nodes[i], t.nodes[home] = t.nodes[home], t.nodes[i]
	return before >= 0
}

// before is the node whose link leads to n, looking from start; -1 when none does.
func (t *stringSet) before(start, n int) int {
	for i := start; i >= 0; i = t.nodes[i].next - 1 {
		if t.nodes[i].next == n+1 {
			return i
		}
	}
	return -1
}
