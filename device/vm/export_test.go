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

// SetOnCollected has fn called at the end of each collection.
func (v *VM) SetOnCollected(fn func()) { v.onCollected = fn }

// SetQuick says whether collections may look only at what is outside of the graph.
func (v *VM) SetQuick(on bool) {
	v.mem.quick.off = !on
	v.mem.quick.drop() // what it remembers already
}

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
		}
	})
	add(m.strt.Block)
	add(m.buf.Block)
	return fmt.Sprintf("%d bytes, %d free, threshold %d, %d blocks %x", m.total, m.heap.Free(), m.gc.threshold, n, sum.Sum64())
}
