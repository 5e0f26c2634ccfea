package inspect

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// HeapUsage is the heap at one moment.
type HeapUsage struct {
	Total, Free, Low int // Low: least free since boot
	Lua, Native      int // used by each
	Kinds            HeapKinds
	Failed           int // requests since boot that found no room
}

// HeapKinds splits what is used, block headers included. Other is what was made
// at boot, stacks, and what native code but the network's holds.
type HeapKinds struct {
	Strings, Tables, Functions, Userdata, Network, Other int
}

// Usage returns the heap's account. What is garbage and not collected yet is among
// Other; nothing is collected.
func Usage(v *vm.VM) HeapUsage {
	u := v.Usage()
	st := v.Heap().Stats()
	s := HeapUsage{Total: st.Size, Free: st.Free, Low: st.Low, Failed: st.Failed}
	for _, t := range st.Native {
		s.Native += t.Length
		switch t.Kind {
		case heap.PCB.String(), heap.Segment.String(), heap.Pbuf.String():
			s.Kinds.Network += t.Length
		}
	}
	used := s.Total - s.Free
	s.Lua = used - s.Native
	k := &s.Kinds
	k.Strings, k.Tables, k.Functions, k.Userdata = u.Strings.Bytes, u.Tables.Bytes, u.Functions.Bytes, u.Userdata.Bytes
	k.Other = max(used-k.Strings-k.Tables-k.Functions-k.Userdata-k.Network, 0)
	return s
}
