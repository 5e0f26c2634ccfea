package vm

import (
	lua "github.com/yuin/gopher-lua"

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

	boot := m.heap.Boot()
	known := func(tb *lua.LTable, narray, nhash int, keys []string, head, arr, node heap.Part) {
		s := &tableState{tb: tb}
		s.t.Init(m, narray, nhash) // not counted yet
		for _, name := range keys {
			k := heap.StringKey(name)
			s.t.Set(m, &k, true, s)
		}
		s.t.Head, s.t.Arr, s.t.Node = boot.Take(head), boot.Take(arr), boot.Take(node)
		m.tables[tb] = s
	}
	globals := v.th.G.Global
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
	m.registry.Head, m.registry.Node = boot.Take(heap.RegistryHead), boot.Take(heap.RegistryNode)
	known(globals, 0, 2, bootGlobals, heap.GlobalsHead, "", heap.GlobalsNode)
	if p, ok := globals.RawGetString("package").(*lua.LTable); ok && !v.inFlash(p) {
		known(p, 0, len(bootPackage), bootPackage, heap.PackageHead, "", heap.PackageNode)
		for _, t := range []struct {
			name            string
			narray, nhash   int
			keys            []string
			head, arr, node heap.Part
		}{
			{"loaded", 0, 1, []string{"package"}, heap.LoadedHead, "", heap.LoadedNode},
			{"preload", 0, 0, nil, heap.PreloadHead, "", ""},
			{"loaders", 4, 0, nil, heap.LoadersHead, heap.LoadersArray, ""},
		} {
			if tb, ok := p.RawGetString(t.name).(*lua.LTable); ok && !v.inFlash(tb) {
				known(tb, t.narray, t.nhash, t.keys, t.head, t.arr, t.node)
			}
		}
	}
	for _, name := range []string{"ipairs", "pairs", "newproxy"} { // the closures of boot
		f, ok := globals.RawGetString(name).(*lua.LFunction)
		if !ok || len(f.Upvalues) == 0 {
			continue
		}
		m.funcs[f] = &object{pinned: true}
		if tb, ok := f.Upvalues[0].Value().(*lua.LTable); ok && !v.inFlash(tb) {
			known(tb, 0, 1, []string{"__mode"}, heap.NewproxyHead, "", heap.NewproxyNode)
		}
	}
	if mt, ok := globals.Metatable.(*lua.LTable); ok && mt != globals && !v.inFlash(mt) {
		v.rom[mt] = "metatable of _G" // on the device _G is its own
	}
	v.main.stack.Calls, v.main.stack.Data = boot.Take(heap.CallInfos), boot.Take(heap.MainStack)
	m.strt.Block, m.buf.Block = boot.Take(heap.Strings), boot.Take(heap.Buffer)
	// Whatever else the libraries hold belongs to what is left.
	m.on = true
	m.markAll()
	m.settle()
	m.fixed = heap.BootBytes - (m.live + m.registry.Bytes() + m.strt.Slots*heap.StringTableSlot + m.buf.Size)
	m.total, m.fixedLength = heap.BootBytes, boot.Rest()
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
