package node

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// heap is node.heap(): the bytes free.
func (m *module) heap(c *vm.Call) int { return c.ReturnInt(c.VM.FreeHeap()) }

// egc is the table node.egc.
func (m *module) egc() *vm.Table {
	return m.dev.VM.NewROMTable("node.egc", []vm.Func{
		{Name: "meminfo", Fn: m.meminfo},
		{Name: "setmode", Fn: m.setmode},
	}, []vm.Const{
		{Name: "NOT_ACTIVE", Value: vm.Number(heap.EGCNotActive)},
		{Name: "ON_ALLOC_FAILURE", Value: vm.Number(heap.EGCOnAllocFailure)},
		{Name: "ON_MEM_LIMIT", Value: vm.Number(heap.EGCOnMemLimit)},
		{Name: "ALWAYS", Value: vm.Number(heap.EGCAlways)},
	})
}

// setmode is node.egc.setmode(mode, [limit]).
func (m *module) setmode(c *vm.Call) int {
	mode, limit := c.Int(1), c.OptInt(2, 0)
	if mode < 0 || mode > heap.EGCMaxMode {
		c.ArgError(1, "invalid mode")
	}
	if mode&heap.EGCOnMemLimit != 0 && limit == 0 {
		c.ArgError(1, "limit must be non-zero")
	}
	c.VM.SetEGC(mode, limit)
	return 0
}

// meminfo is node.egc.meminfo(): the bytes that Lua has allocated, and the
// collector's estimate of those in use, which is from its last run (fw: lua_State's
// totalbytes and estimate).
func (m *module) meminfo(c *vm.Call) int {
	return c.Return(vm.Number(c.VM.LuaBytes()), vm.Number(c.VM.GCEstimate()))
}
