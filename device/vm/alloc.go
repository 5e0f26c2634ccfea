package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// ChargeString accounts for a new string of n bytes made by Go code. It raises
// "not enough memory" when the heap has no room for it; ask before making the
// string when a script chooses its size.
func (v *VM) ChargeString(n int) { v.mem.charge(kindString, heap.StringSize(n)) }

// Intern accounts for making the string s, which is free when it exists already.
// It is exact where ChargeString, which does not know the content, can't be.
func (v *VM) Intern(s string) {
	v.mem.checkGC()
	v.mem.intern(s)
}

// ChargeClosure accounts for a native closure with n upvalues, about to be made
// with gopher-lua's NewClosure.
func (v *VM) ChargeClosure(n int) {
	if n > 0 {
		v.mem.checkGC()
		v.mem.charge(kindFunction, heap.CClosureSize(n))
	}
}

// NewClosure makes a native closure over upvals: where a function must hold Lua
// values from one call to the next, they belong there and not into Go variables.
// Fn finds them with Call.Upvalue.
func (v *VM) NewClosure(f Func, upvals ...Value) *Function {
	v.ChargeClosure(len(upvals))
	fn := v.th.NewClosure(v.goFunction(f), upvals...)
	v.pin(fn)
	for _, x := range upvals {
		v.mem.stores(x)
	}
	if t := v.mem.track; t != nil {
		t.note(fn)
	}
	return fn
}

// Upvalue returns value n (from 1) of the closure that is running.
func (c *Call) Upvalue(n int) Value { return c.th.Get(lua.UpvalueIndex(n)) }

// SetUpvalue replaces value n of the closure that is running.
func (c *Call) SetUpvalue(n int, x Value) {
	c.VM.mem.stores(x)
	c.th.Replace(lua.UpvalueIndex(n), x)
}

// NewTable makes a table with room for narray positional and nhash other
// entries, as lua_createtable.
func (v *VM) NewTable(narray, nhash int) *Table {
	m := v.mem
	if !m.on {
		return v.th.CreateTable(min(narray, 64), min(nhash, 64))
	}
	m.checkGC()
	tb := v.th.CreateTable(min(narray, 64), min(nhash, 64))
	v.pin(tb)
	m.begin(tb, narray, nhash)
	return tb
}

// RawSet stores t[key] = value without metamethods, accounting for the growth.
func (v *VM) RawSet(t *Table, key, value Value) {
	v.mem.rawSet(t, key, value != Nil)
	v.mem.stores(key)
	v.mem.stores(value)
	t.RawSet(key, value)
}

// RawSetInt is RawSet for an integer key.
func (v *VM) RawSetInt(t *Table, i int, value Value) {
	v.mem.rawSet(t, Number(i), value != Nil)
	v.mem.stores(value)
	t.RawSetInt(i, value)
}

// SetField stores t.name = value without metamethods. The name is a string of
// the script's memory from then on. In a ROM table, which modules fill at boot, it
// costs nothing.
func (v *VM) SetField(t *Table, name string, value Value) {
	if v.mem.on && !v.inFlash(t) {
		v.pin(value)
		v.mem.intern(name)
		v.mem.rawSet(t, String(name), value != Nil)
		v.mem.stores(String(name))
		v.mem.stores(value)
		v.unpin(1)
	}
	t.RawSetString(name, value)
}

// NewObject makes a userdata of type t around object. size is what the
// firmware's struct takes, in bytes, without Lua's header. When the collector
// finds it unreachable, t.GC is called with object.
func (v *VM) NewObject(t *Type, size int, object any) *UserData {
	v.mem.checkGC()
	ud := &lua.LUserData{Value: object, Env: v.th.Env, Metatable: v.Metatable(t)}
	v.mem.addUserdata(ud, t, size)
	v.pin(ud)
	return ud
}

// NewProxy makes a userdata without content (newproxy).
func (v *VM) NewProxy() *UserData {
	v.mem.checkGC()
	ud := &lua.LUserData{Env: v.th.Env, Metatable: Nil}
	v.mem.addUserdata(ud, nil, 0)
	v.pin(ud)
	return ud
}

// SetMetatable sets the metatable of a table or a userdata; mt may be Nil.
func (v *VM) SetMetatable(x, mt Value) {
	switch x := x.(type) {
	case *Table:
		x.Metatable = mt
	case *UserData:
		x.Metatable = mt
		if u := v.mem.udataOf[x]; u != nil && u.mayFinalize() {
			v.mem.gcable++
		}
	}
}

// CheckStack makes room for n more values on the stack of the running function
// (lua_checkstack). It returns false when a script asks for more than the
// firmware allows one function.
func (c *Call) CheckStack(n int) bool {
	st := stateOf(c.th)
	f := st.currentFrame
	if f == nil || n > heap.MaxCStackResults || st.reg.top-f.LocalBase+n > heap.MaxCStackResults {
		return false
	}
	if mt := c.VM.mem.threads[c.th]; mt != nil && c.VM.mem.on {
		mt.stackFor(st.reg.top, n, 0)
	}
	return true
}

// pin keeps a value alive while firmware code holds it in a Go variable: until
// the function that runs returns to Lua.
func (v *VM) pin(x Value) {
	if v.mem.on {
		v.mem.pins = append(v.mem.pins, x)
	}
}

func (v *VM) unpin(n int) {
	if v.mem.on {
		v.mem.pins = v.mem.pins[:len(v.mem.pins)-n]
	}
}

// chargeRef accounts for registry reference number n, which is new.
func (v *VM) chargeRef(n int) {
	if v.mem.on {
		k := heap.NumberKey(float64(n))
		v.mem.registry.Set(v.mem, &k, true, v)
	}
}

// Heap returns the memory of the device.
func (v *VM) Heap() *heap.Heap { return v.mem.heap }

// FreeHeap returns the free heap as node.heap() gives it: without garbage, as the
// device collects before each allocation.
func (v *VM) FreeHeap() int {
	v.refresh()
	return v.mem.heap.Free()
}

// LuaBytes returns the bytes Lua uses, as collectgarbage("count") gives them in
// units of 1024.
func (v *VM) LuaBytes() int {
	v.refresh()
	return v.mem.total
}

// GCEstimate returns the collector's idea of the bytes Lua uses: what was left
// after the last collection. In mode ALWAYS that was before the last allocation.
func (v *VM) GCEstimate() int {
	v.refresh()
	m := v.mem
	if !m.always && m.egc.Mode&heap.EGCAlways != 0 && !m.egc.Blocked {
		return max(m.total-m.growth, 0)
	}
	return min(m.incr.estimate, m.total)
}

// refresh finds the truth where the account is an upper bound.
func (v *VM) refresh() {
	m := v.mem
	if m.on && !m.always && m.egc.Mode&heap.EGCAlways != 0 && !m.egc.Blocked && (m.exact || m.sinceMark > 0) {
		m.asked = true
		m.collect()
		m.asked = false
	}
}

// Collect runs a full collection, unless the collector is stopped.
func (v *VM) Collect() {
	if !v.mem.egc.Blocked {
		v.mem.collect()
	}
}

// StopCollector is collectgarbage("stop"). On the device any error thrown and any chunk compiled restarts it, too.
func (v *VM) StopCollector() {
	v.mem.beExact()
	v.mem.egc.Blocked = true
}

// RestartCollector lets it run again.
func (v *VM) RestartCollector() { v.mem.egc.Blocked = false }

// EGC returns the mode and limit of the emergency collector (node.egc).
func (v *VM) EGC() (mode, limit int) { return v.mem.egc.Mode, v.mem.egc.Limit }

// SetEGC sets them.
func (v *VM) SetEGC(mode, limit int) {
	if mode&heap.EGCAlways == 0 {
		v.mem.beExact()
	}
	v.mem.egc.Mode, v.mem.egc.Limit = mode, limit
}

// GCParameters returns the pause and step multiplier of the incremental
// collector; SetGCParameters sets them. Negative values are kept as they are.
func (v *VM) GCParameters() (pause, stepmul int) { return v.mem.pause, v.mem.stepmul }

// SetGCParameters sets what GCParameters returns.
func (v *VM) SetGCParameters(pause, stepmul int) { v.mem.pause, v.mem.stepmul = pause, stepmul }

// JoinOverflows reports whether gluing a piece of n bytes to the left of total
// bytes raises "string length overflow".
func (v *VM) JoinOverflows(n, total int) bool { return v.mem.egc.JoinOverflows(n, total) }

// MemoryStats is a copy of the account, for tests and snapshots.
type MemoryStats struct {
	Total, Peak, AllocTotal           int // bytes
	Requests                          uint64
	Tables, Functions, Strings, Udata int // live objects at the last collection
	StringSlots, ConcatBuffer         int
	StackSlots, CallInfos             int // of the main thread
}

// MemoryStats returns the account as it stands.
func (v *VM) MemoryStats() MemoryStats {
	m := v.mem
	return MemoryStats{
		Total: m.total, Peak: m.peak, AllocTotal: m.allocTotal, Requests: m.requests,
		Tables: len(m.tables), Functions: len(m.funcs), Strings: len(m.strs), Udata: len(m.udata),
		StringSlots: m.strt.Slots, ConcatBuffer: m.buf.Size,
		StackSlots: v.main.stack.Slots, CallInfos: v.main.stack.CallInfos,
	}
}

// ResetMemoryStats starts Peak and AllocTotal anew.
func (v *VM) ResetMemoryStats() {
	v.mem.peak, v.mem.allocTotal, v.mem.requests, v.mem.settled = v.mem.total, 0, 0, 0
}

func objectPointer[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
