package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
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

// bootUsed is what Lua takes of the heap at the prompt with each allocator.
// Source: oracle: memory-sizes.json, boot.with_*_byte_headers.
var bootUsed = map[heap.Layout]int{heap.SDK16: 5816, heap.SDK8: 5216, heap.Ideal: heap.BootBytes}

// StartAccounting begins the account of Lua's memory. What the libraries have
// made so far costs what the firmware holds at its prompt; everything from now
// on is counted. Call does it before the first script runs.
func (v *VM) StartAccounting() {
	m := v.mem
	if m.on {
		return
	}
	m.egc = heap.DefaultEGC()
	m.strt = heap.NewStringTable()
	m.buf = heap.ConcatBuffer{Size: heap.ConcatBufferMin}
	for _, s := range bootStrings {
		m.strs[s] = &object{pinned: true}
	}
	m.strt.Live = len(m.strs)

	place := func(b *heap.Block, n int) {
		if n > 0 {
			*b, _ = m.heap.Allocate(n)
			m.total += n
		}
	}
	parts := func(t *heap.Table) {
		place(&t.Head, heap.TableHeader)
		place(&t.Arr, t.Array()*heap.ArraySlot)
		place(&t.Node, t.Nodes()*heap.HashNode)
	}
	known := func(tb *lua.LTable, narray, nhash int, keys []string) {
		s := &tableState{tb: tb}
		s.t.Init(m, narray, nhash) // not counted yet
		for _, name := range keys {
			k := heap.StringKey(name)
			s.t.Set(m, &k, true, s)
		}
		parts(&s.t)
		m.tables[tb] = s
	}
	// The fixed part comes first: its place is at the bottom of the heap.
	var rest heap.Block
	globals := v.L.G.Global
	m.registry.Init(m, 0, 2)
	for _, name := range bootRegistry {
		k := heap.StringKey(name)
		m.registry.Set(m, &k, true, v)
	}
	for _, n := range []float64{0, 1} {
		k := heap.NumberKey(n)
		m.registry.Set(m, &k, true, v)
	}
	if len(v.refs) == 0 {
		v.refs = append(v.refs, refEntry{}, refEntry{})
		v.freeRefs = append(v.freeRefs, 1)
	}
	parts(&m.registry)
	known(globals, 0, 2, bootGlobals)
	if p, ok := globals.RawGetString("package").(*lua.LTable); ok && !v.IsROM(p) {
		known(p, 0, len(bootPackage), bootPackage)
		for name, init := range map[string]struct {
			narray, nhash int
			keys          []string
		}{
			"loaded":  {0, 1, []string{"package"}},
			"preload": {},
			"loaders": {4, 0, nil},
		} {
			if t, ok := p.RawGetString(name).(*lua.LTable); ok && !v.IsROM(t) {
				known(t, init.narray, init.nhash, init.keys)
			}
		}
	}
	if mt, ok := globals.Metatable.(*lua.LTable); ok && mt != globals && !v.IsROM(mt) {
		v.rom[mt] = "metatable of _G" // on the device _G is its own
	}
	for _, t := range m.threads {
		place(&t.stack.Calls, t.stack.CallInfos*heap.CallInfoSize)
		place(&t.stack.Data, t.stack.Slots*heap.StackSlot)
	}
	place(&m.strt.Block, m.strt.Slots*heap.StringTableSlot)
	place(&m.buf.Block, m.buf.Size)
	// Whatever else the libraries hold belongs to those bytes, too.
	m.on = true
	m.markAll()
	m.settle()
	m.fixed = heap.BootBytes - (m.live + m.registry.Bytes() + m.strt.Slots*heap.StringTableSlot + m.buf.Size)
	m.total = heap.BootBytes
	used := m.heap.Used()
	if n := bootUsed[m.heap.Layout()] - used - (m.heap.BlockLength(m.fixed) - m.fixed); n > 0 {
		rest, _ = m.heap.Allocate(n)
	}
	m.fixedBlk = rest
	m.peak, m.allocTotal, m.requests = m.total, 0, 0
	m.strt.Live = len(m.strs)
	m.heap.ResetLow()
	if m.track != nil {
		m.track.boot(m)
	}
}

// Used reports whether array slot i of the registry holds a value: a reference
// in use, or the next free one (heap.Values).
func (v *VM) Used(i int) bool { return i < len(v.refs) }
