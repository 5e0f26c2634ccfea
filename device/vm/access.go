package vm

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// What other packages read and make of Lua's values. How a value is laid out is
// this package's own: the test in seam sees to it that nobody else looks inside.

// FormatNumber prints a number as the firmware does.
func FormatNumber(f float64) string { return luanum.FormatNumber(f) }

// ParseNumber reads a number as the firmware's luaO_str2d does.
func ParseNumber(s string) (float64, bool) { return luanum.ParseNumber(s) }

// Integer makes a lua_Integer of a number as the firmware does (fw:
// app/lua/luaconf.h, lua_number2integer): truncated towards zero, then the low 32
// bits, signed. 3.7 is 3, -3.7 is -3, 2^31 is -2^31, 2^32+1 is 1. Infinity and
// not-a-number are -1, minus infinity 0: the ends of 64 bits, cut.
func Integer(f float64) int { return int(luanum.Int32(f)) }

// ToInteger converts a number, or a string that is one, as Integer does
// (lua_tointeger): 0 for anything else.
func (v *VM) ToInteger(x Value) int {
	f, _ := v.ToNumber(x)
	return Integer(f)
}

// ToNumber converts a number, or a string that is one.
func (v *VM) ToNumber(x Value) (float64, bool) {
	switch x := x.(type) {
	case Number:
		return float64(x), true
	case String:
		return ParseNumber(string(x))
	}
	return 0, false
}

// ToString converts a string or a number (lua_tostring).
func (v *VM) ToString(x Value) (string, bool) {
	switch x := x.(type) {
	case String:
		return string(x), true
	case Number:
		return FormatNumber(float64(x)), true
	}
	return "", false
}

// TypeName returns the name of a value's type as type() gives it.
func (v *VM) TypeName(x Value) string {
	if IsLight(x) {
		return lightTypeName
	}
	return x.Type().String()
}

// RawGet returns t[key] without metamethods, Nil when there is none (lua_rawget).
func (v *VM) RawGet(t *Table, key Value) Value {
	if s, ok := key.(String); ok {
		return v.RawGetString(t, string(s))
	}
	return v.get(t, v.take(key)).boundary()
}

// RawGetInt is RawGet for an integer key (lua_rawgeti).
func (v *VM) RawGetInt(t *Table, i int) Value {
	if t.rom != nil {
		return Nil
	}
	return t.getInt(i).boundary()
}

// RawGetString is RawGet for a string key. It makes no string of the name.
func (v *VM) RawGetString(t *Table, name string) Value {
	if t.rom != nil {
		i, ok := t.rom.index[name]
		if !ok {
			return Nil
		}
		return t.rom.entries[i].boundary()
	}
	if s := v.mem.known(name, heap.StringHash(name)); s != nil {
		return t.getStr(s).boundary()
	}
	return Nil
}

// RawNext returns the entry of t that follows key; Nil as key starts, Nil as
// next key is the end. ok is false when key is not in t.
func (v *VM) RawNext(t *Table, key Value) (next, x Value, ok bool) {
	if t.rom != nil { // without making strings of names
		i := int32(0)
		if s, isString := key.(String); isString {
			if i, ok = t.rom.index[string(s)]; !ok {
				return Nil, Nil, false
			}
			i++
		}
		if int(i) >= len(t.rom.entries) {
			return Nil, Nil, true
		}
		e := &t.rom.entries[i]
		return String(e.name), e.boundary(), true
	}
	k, y, ok := v.next(t, v.take(key))
	return k.boundary(), y.boundary(), ok
}

// Len returns the length of a table, which is one of its borders: of several the
// one that the firmware finds, given how big the table's array is.
func (v *VM) Len(t *Table) int {
	if t.rom != nil {
		return 0
	}
	return v.length(t)
}

// RawSet stores t[key] = x without metamethods, accounting for the growth.
func (v *VM) RawSet(t *Table, key, x Value) {
	m := v.mem
	pins := len(m.pins)
	v.pin(tableValue(t))
	v.holdObject(x)
	k := v.take(key)
	m.pins = append(m.pins, k)
	y := v.take(x)
	m.pins = append(m.pins, y)
	v.rawSet(t, k, y)
	m.pins = m.pins[:pins]
}

func (v *VM) rawSet(t *Table, k, y value) {
	if t.rom != nil {
		v.checkWritable(t)
		if !k.isString() {
			panic("vm: a key of a table in flash that is no name")
		}
		t.absent = 0
		t.rom.set(k.str().text(), y)
		return
	}
	if L := v.running; L != nil {
		L.fixed = true
	}
	t.set(v.mem, k, y)
	if L := v.running; L != nil {
		L.fixed = false
	}
}

// RawSetInt is RawSet for an integer key.
func (v *VM) RawSetInt(t *Table, i int, x Value) {
	m := v.mem
	pins := len(m.pins)
	v.pin(tableValue(t))
	y := v.take(x)
	m.pins = append(m.pins, y)
	v.rawSet(t, number(float64(i)), y)
	m.pins = m.pins[:pins]
}

// SetField stores t.name = x without metamethods. The name is a string of
// the script's memory from then on. In a ROM table, which modules fill at boot, it
// costs nothing.
func (v *VM) SetField(t *Table, name string, x Value) {
	if t.rom != nil {
		v.checkWritable(t)
		t.absent = 0
		if s, ok := x.(String); ok { // in flash, too
			e := t.rom.entry(name)
			e.text, e.isText = string(s), true
		} else {
			t.rom.set(name, v.take(x))
		}
		return
	}
	m := v.mem
	pins := len(m.pins)
	v.pin(tableValue(t))
	y := v.take(x)
	m.pins = append(m.pins, y)
	k := stringValue(m.intern(name))
	m.pins = append(m.pins, k)
	v.rawSet(t, k, y)
	m.pins = m.pins[:pins]
}

// NewTable makes a table with room for narray positional and nhash other
// entries, as lua_createtable.
func (v *VM) NewTable(narray, nhash int) *Table {
	v.mem.checkGC()
	t := v.mem.newTable(narray, nhash)
	v.pin(tableValue(t))
	return t
}

// NewObject makes a userdata of type t around object. size is what the
// firmware's struct takes, in bytes, without Lua's header. When the collector
// finds it unreachable, t.GC is called with object.
func (v *VM) NewObject(t *Type, size int, object any) *UserData {
	v.mem.checkGC()
	u := v.mem.newUserData(size)
	u.object, u.typ, u.meta = object, t, v.Metatable(t)
	u.env = v.environment()
	v.pin(userdataValue(u))
	return u
}

// NewProxy makes a userdata without content (newproxy).
func (v *VM) NewProxy() *UserData { return v.NewUserData(0) }

// NewUserData makes a userdata of size bytes that has no type.
func (v *VM) NewUserData(size int) *UserData {
	v.mem.checkGC()
	u := v.mem.newUserData(size)
	u.env = v.environment()
	v.pin(userdataValue(u))
	return u
}

// environment is that of what the running function makes.
func (v *VM) environment() *Table {
	if v.running != nil {
		return v.running.globals
	}
	return v.th.globals
}

// NewLightUserData makes a value that is a userdata to scripts, equal to nothing but
// itself, and takes no memory (lua_pushlightuserdata).
func (v *VM) NewLightUserData() *UserData {
	u := &UserData{light: true}
	u.kind = kindUserData
	return u
}

// NullPointer is the light userdata that is C's NULL.
func (v *VM) NullPointer() *UserData {
	if v.null == nil {
		v.null = v.NewLightUserData()
		v.null.null = true
	}
	return v.null
}

// IsLight reports whether x is a light userdata.
func IsLight(x Value) bool {
	u, ok := x.(*UserData)
	return ok && u.light
}

// NewClosure makes a native closure over upvals: where a function must hold Lua
// values from one call to the next, they belong there and not into Go variables.
// Fn finds them with Call.Upvalue.
func (v *VM) NewClosure(f Func, upvals ...Value) *Function {
	if len(upvals) == 0 {
		return v.NewFunction(f)
	}
	m := v.mem
	pins := len(m.pins)
	values := make([]value, len(upvals))
	for _, x := range upvals {
		v.holdObject(x)
	}
	for i, x := range upvals {
		values[i] = v.take(x)
		m.pins = append(m.pins, values[i])
	}
	m.checkGC()
	var b heap.Block
	m.Realloc(&b, heap.CClosureSize(len(upvals)))
	fn := &Function{native: f.Fn, name: f.Name, values: values, env: v.environment()}
	fn.blk = b
	m.link(&fn.header, kindFunction)
	m.pins = m.pins[:pins]
	v.pin(functionValue(fn))
	return fn
}

// ChargeString accounts for a string of n bytes that is dead as soon as it is made.
func (v *VM) ChargeString(n int) {
	var b heap.Block
	v.mem.Realloc(&b, heap.StringSize(n))
	v.mem.free(&b)
}

// Malloc makes b a block of n bytes that a native function works in, out of Lua's
// memory (luaM_realloc_): 0 gives it back. What an error goes by is lost, as in the
// firmware.
func (v *VM) Malloc(b *heap.Block, n int) { v.mem.Realloc(b, n) }

// Intern makes the string s, which is free when it exists already.
func (v *VM) Intern(s string) {
	v.mem.checkGC()
	v.mem.intern(s)
}

// ToObject returns what NewObject made the userdata x around, nil when x is
// anything else (lua_touserdata).
func (v *VM) ToObject(x Value) any {
	if u, ok := x.(*UserData); ok {
		return u.object
	}
	return nil
}

// IsNative reports whether fn is a function of the firmware (lua_iscfunction).
func IsNative(fn *Function) bool { return fn.proto == nil }

// FunctionEnv returns the table in which fn finds its global variables
// (lua_getfenv).
func (v *VM) FunctionEnv(fn *Function) *Table { return fn.env }

// SetFunctionEnv sets it (lua_setfenv).
func (v *VM) SetFunctionEnv(fn *Function, env *Table) {
	old := fn.env
	fn.env = env
	if fn.mark&barriers != 0 {
		v.mem.barrier(&fn.header, tableOrNil(old), tableValue(env))
	}
}

// Captures reports whether a Lua function has a userdata of the given object,
// as NewObject was given it, among its upvalues.
func (v *VM) Captures(fn *Function, object any) bool {
	for _, up := range fn.upvals {
		if up.v.bits == kindUserData && up.v.userdata().object == object {
			return true
		}
	}
	return false
}

// Heap returns the memory of the device.
func (v *VM) Heap() *heap.Heap { return v.mem.heap }

// FreeHeap returns the free heap as node.heap() gives it.
func (v *VM) FreeHeap() int { return v.mem.heap.Free() }

// LuaBytes returns the bytes Lua uses, as collectgarbage("count") gives them in
// units of 1024.
func (v *VM) LuaBytes() int { return v.mem.total }

// GCEstimate returns the collector's idea of the bytes Lua uses: what was left
// after the last collection.
func (v *VM) GCEstimate() int { return min(v.mem.gc.estimate, v.mem.total) }

// Collect runs a full collection, unless the collector is stopped.
func (v *VM) Collect() { v.mem.collect(false) }

// StopCollector is collectgarbage("stop"). On the device any error thrown and any chunk compiled restarts it, too.
func (v *VM) StopCollector() { v.mem.egc.Blocked = true }

// RestartCollector lets it run again.
func (v *VM) RestartCollector() { v.mem.egc.Blocked = false }

// EGC returns the mode and limit of the emergency collector (node.egc).
func (v *VM) EGC() (mode, limit int) { return v.mem.egc.Mode, v.mem.egc.Limit }

// SetEGC sets them.
func (v *VM) SetEGC(mode, limit int) { v.mem.egc.Mode, v.mem.egc.Limit = mode, limit }

// GCParameters returns the pause and step multiplier of the incremental
// collector; SetGCParameters sets them. Negative values are kept as they are.
func (v *VM) GCParameters() (pause, stepmul int) { return v.mem.gc.pause, v.mem.gc.stepmul }

// SetGCParameters sets what GCParameters returns.
func (v *VM) SetGCParameters(pause, stepmul int) { v.mem.gc.pause, v.mem.gc.stepmul = pause, stepmul }

// JoinOverflows reports whether gluing a piece of n bytes to the left of total
// bytes raises "string length overflow".
func (v *VM) JoinOverflows(n, total int) bool { return v.mem.egc.JoinOverflows(n, total) }

// MemoryStats is a copy of the account, for tests and snapshots.
type MemoryStats struct {
	Total, Peak, AllocTotal           int // bytes
	Requests                          uint64
	Tables, Functions, Strings, Udata int // objects
	StringSlots, ConcatBuffer         int
	StackSlots, CallInfos             int // of the main thread
	Full, Quick                       int // collections, in full and by what is outside of the graph
}

// MemoryStats returns the account as it stands.
func (v *VM) MemoryStats() MemoryStats {
	m := v.mem
	s := MemoryStats{
		Total: m.total, Peak: m.peak, AllocTotal: m.allocTotal, Requests: m.requests,
		Strings: m.strt.Live, Udata: len(m.udata),
		StringSlots: m.strt.Slots, ConcatBuffer: m.buf.Size,
		StackSlots: v.th.stk.Slots, CallInfos: v.th.stk.CallInfos,
		Full: m.fulls, Quick: m.quicks,
	}
	for h := m.gc.head.next; h != nil; h = h.next {
		switch h.kind {
		case kindTable:
			s.Tables++
		case kindFunction:
			s.Functions++
		}
	}
	return s
}

// ResetMemoryStats starts Peak, AllocTotal and Requests anew, for tests.
func (v *VM) ResetMemoryStats() {
	m := v.mem
	m.peak, m.allocTotal, m.requests = m.total, 0, 0
}
