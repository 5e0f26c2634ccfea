package vm

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// What is in RAM at the first prompt, with the default modules.
// Source: oracle: memory-sizes.json, "boot".
var (
	bootGlobals  = []string{"_G", "_VERSION", "ipairs", "pairs", "newproxy", "__index", "package", "module", "require"}
	bootRegistry = []string{"_LOADED", "_LOADLIB", "file.obj", "file.vol", "mqtt.socket", "net.tcpserver",
		"net.tcpsocket", "net.udpsocket", "onerror", "stdin", "tmr.timer"}
	bootPackage = []string{"loaders", "path", "cpath", "config", "loaded", "preload"}
	bootStrings = []string{"", "/\n;\n?\n!\n-", "?.lc;?.lua", "Lua 5.1", "_G", "_LOADED", "_LOADLIB", "_VERSION",
		"__add", "__call", "__concat", "__div", "__eq", "__gc", "__index", "__le", "__len", "__lt", "__metatable",
		"__mod", "__mode", "__mul", "__newindex", "__pow", "__sub", "__unm", "config", "cpath", "file.obj",
		"file.vol", "ipairs", "kv", "loaded", "loaders", "loadlib", "module", "mqtt.socket", "net.tcpserver",
		"net.tcpsocket", "net.udpsocket", "newproxy", "not enough memory", "onerror", "package", "pairs", "path",
		"preload", "require", "seeall", "stdin", "tmr.timer"}
)

// What the registry leads to at the prompt besides tables of names: behind stdin a
// pipe, which is a table of two slots and a node, and its closure of four values.
// Source: oracle: memory-sizes.json, boot.default_modules.inventory.
const (
	bootPipeSlots  = 2
	bootPipeValues = 4
)

// StartAccounting begins the account of Lua's memory. What the libraries have
// made so far costs what the firmware holds at its prompt; everything from now
// on is counted. Call does it before the first script runs.
func (v *VM) StartAccounting() {
	m := v.mem
	if m.on {
		return
	}
	m.pins = m.pins[:0]
	var spared []int // strings that are in flash
	bytes := heap.BootBytes
	for _, s := range bootStrings {
		p := m.intern(s)
		if p.mark |= fixed; p.isFlashed() {
			spared = append(spared, heap.StringSize(len(s)))
			bytes -= heap.StringSize(len(s))
		}
	}
	boot := m.heap.Boot(spared...)
	b := booting{v, boot}
	pipe := m.newTable(bootPipeSlots, 1)
	reader := &Function{native: func(*Call) int { return 0 }, values: make([]value, bootPipeValues), env: v.th.globals}
	m.link(&reader.header, kindFunction)
	pipe.array[0] = functionValue(reader)
	v.bootRegistry(pipe)
	b.table(v.registry, 0, 2, bootRegistry, heap.RegistryHead, "", heap.RegistryNode)
	if len(v.refs) == 0 { // the boot has made a reference, and released it
		r := v.Ref(True, "boot")
		v.Unref(&r)
	}
	b.table(v.th.globals, 0, 2, bootGlobals, heap.GlobalsHead, "", heap.GlobalsNode)
	if p, ok := v.RawGetString(v.th.globals, "package").(*Table); ok && p.rom == nil {
		b.table(p, 0, len(bootPackage), bootPackage, heap.PackageHead, "", heap.PackageNode)
		b.field(p, "loaded", 0, 1, heap.LoadedHead, "", heap.LoadedNode)
		b.field(p, "preload", 0, 0, heap.PreloadHead, "", "")
		b.field(p, "loaders", 4, 0, heap.LoadersHead, heap.LoadersArray, "")
	}
	if f, ok := v.RawGetString(v.th.globals, "newproxy").(*Function); ok && len(f.values) > 0 && f.values[0].bits == kindTable {
		b.table(f.values[0].table(), 0, 1, nil, heap.NewproxyHead, "", heap.NewproxyNode)
	}
	v.th.stk.Calls, v.th.stk.Data = boot.Take(heap.CallInfos), boot.Take(heap.MainStack)
	m.full()
	for _, p := range m.rows { // whatever else the libraries hold belongs to the rest
		for ; p != nil; p = p.nextStr() {
			p.mark |= fixed
		}
	}
	live := m.strt.Live
	m.strt = heap.NewStringTable()
	m.strt.Live = live
	m.rehashStrings(m.strt.Slots)
	m.buf = heap.ConcatBuffer{Size: heap.ConcatBufferMin}
	m.strt.Block, m.buf.Block = boot.Take(heap.Strings), boot.Take(heap.Buffer)
	m.total, m.fixedLength = bytes, boot.Rest()
	m.fixed = bytes - m.held()
	m.on = true
	v.registerMetatables()
	m.egc = heap.DefaultEGC()
	m.peak, m.allocTotal, m.requests = m.total, 0, 0
	m.gc.threshold = 4 * m.total
	m.gc.estimate = m.total
	m.heap.ResetLow()
	if m.track != nil {
		m.track.boot(m)
	}
}

// held adds up the blocks that Lua holds.
func (m *memory) held() int {
	n := m.strt.Block.Size() + m.buf.Block.Size()
	add := func(h *header) {
		n += h.blk.Size()
		switch h.kind {
		case kindTable:
			t := h.table()
			n += t.arr.Size() + t.nod.Size()
		case kindThread:
			L := h.thread()
			n += L.stk.Data.Size() + L.stk.Calls.Size()
			for u := L.openUp; u != nil; u = u.open {
				n += u.blk.Size()
			}
		case kindProto:
			for i := range h.proto().parts {
				n += h.proto().parts[i].Size()
			}
		case kindScratch:
			n += h.scratch().held()
		}
	}
	for h := m.gc.head.next; h != nil; h = h.next {
		add(h)
	}
	for _, s := range m.rows {
		for ; s != nil; s = s.nextStr() {
			add(&s.header)
		}
	}
	return n
}

// bootRegistry fills the names of the registry: the metatables of the default modules,
// and what our libraries have no use for.
func (v *VM) bootRegistry(pipe *Table) {
	for _, name := range bootRegistry {
		if v.RawGetString(v.registry, name) != Nil {
			continue
		}
		var x Value
		for _, t := range v.roms {
			if t.rom.name == name {
				x = t
			}
		}
		nothing := Func{Name: name, Fn: func(*Call) int { return 0 }}
		switch {
		case x != nil:
		case name == "stdin":
			x = pipe
		case name == "onerror": // the device has its own
			x = v.NewFunction(nothing)
		case name == "_LOADLIB": // of libraries that are loaded: there are none (fw: app/lua/loadlib.c)
			nothing.Name = "__gc"
			x = v.NewROMTable(name, []Func{nothing}, nil)
		default: // of a module that is not in this build
			t := v.NewROMTable(name, nil, nil)
			v.SetField(t, "__index", t)
			x = t
		}
		v.SetField(v.registry, name, x)
	}
}

// registerMetatables gives the registry the metatables of modules beyond the default
// ones, each under its name (luaL_rometatable): a string and a node (oracle:
// memory-sizes.json, cost_of_registering_a_module_metatable).
func (v *VM) registerMetatables() {
	of := map[*Table]bool{}
	for _, mt := range v.metatables {
		of[mt] = true
	}
	for _, t := range v.roms {
		if of[t] && v.RawGetString(v.registry, t.rom.name) == Nil {
			v.SetField(v.registry, t.rom.name, t)
		}
	}
}

// booting gives the tables of the boot their layout and blocks.
type booting struct {
	v    *VM
	boot *heap.Boot
}

func (b booting) field(of *Table, name string, narray, nhash int, head, arr, node heap.Part) {
	if t, ok := b.v.RawGetString(of, name).(*Table); ok && t.rom == nil {
		b.table(t, narray, nhash, nil, head, arr, node)
	}
}

// table lays t out as if it had been made for narray and nhash entries and got the
// given keys in their order, then what else it has.
func (b booting) table(t *Table, narray, nhash int, keys []string, head, arr, nod heap.Part) {
	m := b.v.mem
	array, nodes := t.array, t.nodes
	t.array, t.nodes, t.lastFree = nil, nil, 0
	if narray > 0 {
		t.setArray(m, narray, false)
	}
	if nhash > 0 {
		t.setNodes(m, 1<<heap.CeilLog2(nhash), false)
	}
	for _, name := range keys {
		key := stringValue(m.intern(name))
		for i := range nodes {
			if n := &nodes[i]; n.key.same(key) && !n.val.isNil() {
				t.set(m, key, n.val)
			}
		}
	}
	for i, x := range array {
		t.set(m, number(float64(i+1)), x)
	}
	for i := range nodes {
		if n := &nodes[i]; !n.val.isNil() {
			t.set(m, n.key, n.val)
		}
	}
	t.blk, t.arr, t.nod = b.boot.Take(head), b.boot.Take(arr), b.boot.Take(nod)
}
