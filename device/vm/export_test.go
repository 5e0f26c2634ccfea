package vm

import (
	"fmt"
	"hash/fnv"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

func init() { Poison(true) }

// Poison says whether text that nobody should read any longer is made to show if it is.
func Poison(on bool) { poison = on }

// CheckAccount compares the account right after a collection with the sum over
// what there is, and says what is wrong.
func (v *VM) CheckAccount() string {
	m := v.mem
	if sum := m.fixed + m.held(); m.total != sum {
		return fmt.Sprintf("the account says %d, what there is adds up to %d", m.total, sum)
	}
	return ""
}

// CheckGraph counts what quick collections count anew, and says what is wrong.
func (v *VM) CheckGraph() string {
	m, q := v.mem, &v.mem.quick
	if !q.valid || q.dirty {
		return ""
	}
	refs := map[*header]int32{}
	reached := map[*header]bool{}
	count := func(_ *quick, from, to *header) {
		refs[to]++
		reached[to] = reached[to] || from == to.via || to.via == &unsure
	}
	for _, t := range []*Table{v.th.globals, v.registry, v.held, v.stringMeta} {
		if t != nil && t.rom == nil {
			count(q, nil, &t.header)
		}
	}
	for _, s := range q.snap {
		count(q, nil, (*header)(s.ref))
	}
	if v.held != nil { // in no list
		q.follow(&v.held.header, count)
	}
	m.eachObject(func(h *header) {
		if h.mark&inGraph != 0 {
			q.follow(h, count)
		}
	})
	wrong := ""
	m.eachObject(func(h *header) {
		switch {
		case h.mark&fixed != 0:
		case h.refs != refs[h]:
			wrong = fmt.Sprintf("an object of kind %d has %d references from the graph, not %d", h.kind, refs[h], h.refs)
		case h.kind == kindString:
		case (h.mark&inGraph != 0) != (refs[h] > 0):
			wrong = fmt.Sprintf("an object of kind %d has %d references from the graph, in it: %v", h.kind, refs[h], h.mark&inGraph != 0)
		case h.mark&inGraph != 0 && !reached[h] && h.quick&quickSuspect == 0:
			wrong = fmt.Sprintf("an object of kind %d is reached from elsewhere", h.kind)
		}
	})
	return wrong
}

// SetOnCollected has fn called at the end of each collection.
func (v *VM) SetOnCollected(fn func()) { v.mem.onCollected = fn }

// SetQuick says whether collections may look only at what is outside of the graph.
func (v *VM) SetQuick(on bool) {
	v.mem.quick.off = !on
	v.mem.quick.drop() // what it remembers already
}

// SetManyCircle sets after how many objects of circles all of the graph is looked at.
func SetManyCircle(n int) { manyCircle = n }

// SetReuse says whether dead objects may be used again.
func (v *VM) SetReuse(on bool) { v.mem.pool.off = !on }

// Layout sums up where every block is, and what the account says.
func (v *VM) Layout() string {
	m := v.mem
	sum := fnv.New64a()
	n := 0
	add := func(b heap.Block) {
		if b.Size() > 0 {
			fmt.Fprintln(sum, b)
			n++
		}
	}
	m.eachObject(func(h *header) {
		add(h.blk)
		switch h.kind {
		case kindTable:
			add(h.table().arr)
			add(h.table().nod)
		case kindThread:
			add(h.thread().stk.Data)
			add(h.thread().stk.Calls)
		case kindProto:
			for _, b := range h.proto().parts[1:] {
				add(b)
			}
		}
	})
	add(m.strt.Block)
	add(m.buf.Block)
	return fmt.Sprintf("%d bytes, %d free, threshold %d, %d blocks %x", m.total, m.heap.Free(), m.gc.threshold, n, sum.Sum64())
}
