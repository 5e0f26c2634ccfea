package vm

import (
	"fmt"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// The walk follows the same references as the mark and changes nothing: no epoch,
// no finalizer, no weak entry, no block is touched. So it can look at any moment,
// also in the middle of an allocation that fails, and the run goes on as if nobody
// had looked.

// walker finds what Lua can reach and what it takes.
type walker struct {
	m     *memory
	full  bool // keep references and their names
	index map[any]int
	nodes []walkNode
}

// walkNode is an object found. key is the object itself, a stringKey, or the name
// of a part of the state.
type walkNode struct {
	key        any
	kind       string
	bytes, lua int
	refs       []walkRef
}

type walkRef struct {
	to   int
	name string
}

// Parts of the state that are no objects of Lua's.
type part string

const (
	partRoot     part = "root"
	partState    part = "Lua state"
	partStrings  part = "string table"
	partBuffer   part = "concat buffer"
	partRegistry part = "registry"
	partLoose    part = "under construction"
)

// walk visits everything that is reachable.
func (m *memory) walk(full bool) *walker {
	w := &walker{m: m, full: full, index: make(map[any]int, 1024)}
	v := m.v
	w.add(partRoot, snapshot.Root, 0, 0)
	w.root(w.add(partState, snapshot.State, m.fixedLength, m.fixed), "Lua state")
	w.root(w.add(partStrings, snapshot.Buffer, w.taken(m.strt.Block, m.strt.Slots*heap.StringTableSlot), m.strt.Slots*heap.StringTableSlot), "string table")
	w.root(w.add(partBuffer, snapshot.Buffer, w.taken(m.buf.Block, m.buf.Size), m.buf.Size), "concat buffer")
	w.edge(0, v.main.th, "main stack")
	w.edge(0, v.th.G.Global, "_G")
	for L := v.running; L != nil; L = L.Parent {
		w.edge(0, L, "running coroutine")
	}
	reg := w.add(partRegistry, snapshot.Registry, w.table(&m.registry), m.registry.Bytes())
	w.root(reg, "")
	for i := range v.refs {
		if e := &v.refs[i]; e.value != nil {
			name := ""
			if full {
				name = RefInfo{Ref: Ref(i), What: e.what, Site: e.site}.Name()
			}
			w.edge(reg, e.value, name)
		}
	}
	m.eachInRegistry(func(name string, x lua.LValue) { w.edge(reg, x, "registry "+quote(name)) })
	for _, x := range m.pins {
		w.edge(0, x, "value held by a running firmware function")
	}
	if loose, lua := w.loose(); loose > 0 {
		w.root(w.add(partLoose, snapshot.Buffer, loose, lua), "under construction")
	}
	for i := 0; i < len(w.nodes); i++ {
		w.follow(i)
	}
	return w
}

// loose is the memory of tables whose object does not exist yet, and of the
// compiler's.
func (w *walker) loose() (bytes, lua int) {
	for _, s := range w.m.tabs {
		if s.building {
			bytes += w.table(&s.t)
			lua += s.t.Head.Size() + s.t.Arr.Size() + s.t.Node.Size()
		}
	}
	return bytes, lua
}

func (w *walker) add(key any, kind string, bytes, lua int) int {
	i := len(w.nodes)
	w.index[key] = i
	w.nodes = append(w.nodes, walkNode{key: key, kind: kind, bytes: bytes, lua: lua})
	return i
}

func (w *walker) root(i int, name string) { w.ref(0, i, name) }

func (w *walker) ref(from, to int, name string) {
	if w.full {
		n := &w.nodes[from]
		n.refs = append(n.refs, walkRef{to, name})
	}
}

// taken is what a block takes of the heap, or will take once it is placed.
func (w *walker) taken(b heap.Block, n int) int {
	if b.Size() > 0 {
		return b.Length()
	}
	if n == 0 {
		return 0
	}
	return w.m.heap.BlockLength(n)
}

func (w *walker) table(t *heap.Table) int {
	return w.taken(t.Head, heap.TableHeader) +
		w.taken(t.Arr, t.Array()*heap.ArraySlot) +
		w.taken(t.Node, t.Nodes()*heap.HashNode)
}

// edge follows a reference to a value, if it is one to an object.
func (w *walker) edge(from int, x lua.LValue, name string) {
	to := w.value(x)
	if to >= 0 {
		w.ref(from, to, name)
	}
}

// value is the node of a value, -1 when it takes no memory.
func (w *walker) value(x lua.LValue) int {
	m := w.m
	switch x := x.(type) {
	case lua.LString:
		return w.str(string(x))
	case *lua.LTable:
		if i, ok := w.index[x]; ok {
			return i
		}
		s := m.tables[x]
		if s == nil {
			if m.v.inFlash(x) {
				return -1
			}
			s = w.unknownTable(x)
		}
		return w.add(x, snapshot.Table, w.table(&s.t), s.t.Bytes())
	case *lua.LFunction:
		if m.v.inFlash(x) {
			return -1
		}
		if i, ok := w.index[x]; ok {
			return i
		}
		n := heap.ClosureSize(len(x.Upvalues))
		if x.IsG {
			n = heap.CClosureSize(len(x.Upvalues))
		}
		return w.fixed(x, snapshot.Function, m.funcs[x], n)
	case *lua.LUserData:
		if i, ok := w.index[x]; ok {
			return i
		}
		if m.v.inFlash(x) {
			return -1
		}
		var o *object
		n := heap.UserdataSize(0)
		if u := m.udataOf[x]; u != nil {
			o, n = &u.object, int(u.size)
		}
		return w.fixed(x, snapshot.Userdata, o, n)
	case *lua.LState:
		if i, ok := w.index[x]; ok {
			return i
		}
		return w.thread(x)
	case *thrown:
		return w.value(x.value)
	}
	return -1
}

// fixed adds an object of a fixed size. o may be nil: not accounted for yet.
func (w *walker) fixed(key any, kind string, o *object, n int) int {
	if o != nil && o.pinned {
		return w.add(key, kind, 0, 0)
	}
	var b heap.Block
	if o != nil {
		b = o.blk
	}
	return w.add(key, kind, w.taken(b, n), n)
}

func (w *walker) str(s string) int {
	key := stringKey(s)
	if i, ok := w.index[key]; ok {
		return i
	}
	o := w.m.strs[s]
	if o != nil && o.pinned {
		return -1
	}
	return w.fixed(key, snapshot.String, o, heap.StringSize(len(s)))
}

// unknownTable is the state that a table will get when the mark meets it.
func (w *walker) unknownTable(tb *lua.LTable) *tableState {
	s := &tableState{tb: tb}
	t := tableOf(tb)
	n := len(t.array)
	for n > 0 && (t.array[n-1] == nil || t.array[n-1] == lua.LNil) {
		n--
	}
	s.t.Init(noMemory{}, n, len(t.strdict)+len(t.dict))
	return s
}

// noMemory takes what a table asks for without accounting for it.
type noMemory struct{}

func (noMemory) Realloc(*heap.Block, int) {}

func (w *walker) thread(L *lua.LState) int {
	t := w.m.threads[L]
	if t == nil {
		return w.add(L, snapshot.Thread, 0, 0)
	}
	s := &t.stack
	bytes := w.taken(s.Data, s.Slots*heap.StackSlot) + w.taken(s.Calls, s.CallInfos*heap.CallInfoSize)
	lua := s.Bytes()
	if t != w.m.v.main {
		bytes += w.taken(s.header, heap.ThreadHeader)
		lua += heap.ThreadHeader
	}
	return w.add(L, snapshot.Thread, bytes, lua)
}

// follow visits what node i refers to.
func (w *walker) follow(i int) {
	switch x := w.nodes[i].key.(type) {
	case *lua.LTable:
		w.followTable(i, x)
	case *lua.LFunction:
		w.followFunction(i, x)
	case *lua.Upvalue:
		if v := x.Value(); v != nil {
			w.edge(i, v, "")
		}
	case *lua.FunctionProto:
		w.followProto(i, x)
	case *lua.LUserData:
		w.edge(i, x.Metatable, " metatable")
	case *lua.LState:
		w.followThread(i, x)
	}
}

func (w *walker) followTable(i int, tb *lua.LTable) {
	t := tableOf(tb)
	weakKeys, weakValues := false, false
	if mt, ok := t.Metatable.(*lua.LTable); ok {
		w.edge(i, mt, " metatable")
		weakKeys, weakValues = weakMode(mt)
	}
	if !weakValues {
		for n, x := range t.array {
			if x == nil || x == lua.LNil {
				continue
			}
			if to := w.value(x); to >= 0 && w.full {
				w.ref(i, to, "["+strconv.Itoa(n+1)+"]")
			}
		}
	}
	for _, k := range t.keys {
		x, ok := t.entry(k)
		if !ok {
			continue
		}
		_, isString := k.(lua.LString)
		_, stringValue := x.(lua.LString)
		if isString || !weakKeys {
			if to := w.value(k); to >= 0 && w.full {
				w.ref(i, to, " key "+w.keyText(k))
			}
		}
		if !weakValues || stringValue {
			if to := w.value(x); to >= 0 && w.full {
				w.ref(i, to, w.fieldText(k))
			}
		}
	}
}

// weakMode reads __mode of a metatable.
func weakMode(mt *lua.LTable) (keys, values bool) {
	mode, _ := mt.RawGetString("__mode").(lua.LString)
	for i := 0; i < len(mode); i++ {
		keys = keys || mode[i] == 'k'
		values = values || mode[i] == 'v'
	}
	return keys, values
}

// keyText is a key as paths show it.
func (w *walker) keyText(k lua.LValue) string {
	switch x := k.(type) {
	case lua.LString:
		return quote(string(x))
	case lua.LNumber:
		return FormatNumber(float64(x))
	case lua.LBool:
		return x.String()
	}
	return k.Type().String()
}

// fieldText is the way from a table to the value of a key.
func (w *walker) fieldText(k lua.LValue) string {
	if s, ok := k.(lua.LString); ok && isName(string(s)) {
		return "." + string(s)
	}
	return "[" + w.keyText(k) + "]"
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= maxPreview
}

// maxPreview is how many bytes of a string are shown.
const maxPreview = 48

// quote shows the beginning of a string.
func quote(s string) string {
	if len(s) > maxPreview {
		return strconv.QuoteToASCII(s[:maxPreview]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

func (w *walker) followFunction(i int, fn *lua.LFunction) {
	if fn.Env != nil {
		w.edge(i, fn.Env, " environment")
	}
	if !fn.IsG {
		w.ref(i, w.proto(fn.Proto), " code")
	}
	for n, uv := range fn.Upvalues {
		if uv == nil {
			continue
		}
		if fn.IsG {
			if x := uv.Value(); x != nil {
				w.edge(i, x, " upvalue "+strconv.Itoa(n+1))
			}
			continue
		}
		to, ok := w.index[uv]
		if !ok {
			to = w.fixed(uv, snapshot.Upvalue, w.m.upvals[uv], heap.UpvalueCell)
		}
		if w.full {
			w.ref(i, to, " upvalue "+upvalueName(fn.Proto, n))
		}
	}
}

func (w *walker) proto(p *lua.FunctionProto) int {
	if i, ok := w.index[p]; ok {
		return i
	}
	o := w.m.protos[p]
	if o == nil {
		return w.fixed(p, snapshot.Prototype, nil, protoSize(p))
	}
	n := 0
	for _, b := range o.parts {
		n += b.Length()
	}
	if n > 0 {
		return w.add(p, snapshot.Prototype, n, int(o.size))
	}
	return w.fixed(p, snapshot.Prototype, &o.object, int(o.size))
}

func (w *walker) followProto(i int, p *lua.FunctionProto) {
	if to := w.str(p.SourceName); to >= 0 {
		w.ref(i, to, " chunk name")
	}
	for _, k := range p.Constants {
		if s, ok := k.(lua.LString); ok {
			if to := w.str(string(s)); to >= 0 {
				w.ref(i, to, " constant")
			}
		}
	}
	for _, name := range keptNames(p) {
		if to := w.str(name); to >= 0 {
			w.ref(i, to, " name of a variable")
		}
	}
	for _, n := range p.FunctionPrototypes {
		to := w.proto(n)
		if w.full {
			w.ref(i, to, " function at line "+strconv.Itoa(n.LineDefined))
		}
	}
}

func (w *walker) followThread(i int, L *lua.LState) {
	t := w.m.threads[L]
	if t == nil {
		return
	}
	st := t.state
	if st.Env != w.m.v.Globals() {
		w.edge(i, st.Env, " environment")
	}
	if t.stack.start != nil && t.fresh {
		w.edge(i, t.stack.start, " function")
	}
	for _, x := range t.stack.corpse {
		w.edge(i, x, " left by an error")
	}
	if st.Dead {
		return
	}
	top := st.reg.top
	f := st.currentFrame
	if f != nil && f.Fn != nil && !f.Fn.IsG {
		top = max(top, f.LocalBase+int(f.Fn.Proto.NumUsedRegisters))
	}
	top = min(top, len(st.reg.array))
	for reg := top - 1; reg >= 0; reg-- {
		for f != nil && f.Parent != nil && reg < f.LocalBase {
			f = f.Parent
		}
		x := st.reg.array[reg]
		if x == nil {
			continue
		}
		if to := w.value(x); to >= 0 && w.full {
			w.ref(i, to, slotText(f, reg))
		}
	}
	for f := st.currentFrame; f != nil; f = f.Parent {
		if f.Fn != nil {
			w.edge(i, f.Fn, " running function")
		}
	}
}

// slotText names a register of a frame by the local variable it is.
func slotText(f *luaFrame, reg int) string {
	if f == nil || f.Fn == nil || f.Fn.IsG || reg < f.LocalBase {
		return " stack"
	}
	at := fmt.Sprintf(" (in %s at line %d)", protoLabel(f.Fn.Proto), f.line())
	if name := localName(f.Fn.Proto, f.Pc-1, reg-f.LocalBase); name != "" {
		return " local " + name + at
	}
	return " temporary" + at
}

// total adds up what was found.
func (w *walker) total() (bytes, lua int) {
	for i := range w.nodes {
		bytes += w.nodes[i].bytes
		lua += w.nodes[i].lua
	}
	return bytes, lua
}
