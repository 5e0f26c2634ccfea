package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// CheckAccount compares the account right after a collection with the sum over
// what is alive, and says what is wrong.
func (v *VM) CheckAccount() string {
	m := v.mem
	sum := m.fixed + m.live + m.registry.Bytes() + m.strt.Slots*heap.StringTableSlot + m.buf.Size
	if m.total != sum {
		return fmt.Sprintf("the account says %d, what is alive adds up to %d", m.total, sum)
	}
	return ""
}

// IsExact reports whether the account is exact now.
func (v *VM) IsExact() bool { return v.mem.exact }
