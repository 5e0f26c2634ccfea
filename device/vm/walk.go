package vm

import (
	"fmt"
	"strconv"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// The walk follows the same references as the mark and changes nothing: no mark,
// no finalizer, no weak entry, no block is touched. So it can look at any moment,
// also in the middle of an allocation that fails, and the run goes on as if nobody
// had looked.

// walker finds what Lua can reach and what it takes.
type walker struct {
	m     *memory
	full  bool // keep references and their names
	index map[*header]int
	nodes []walkNode
}

// walkNode is something found: an object, or a part of the state.
type walkNode struct {
	object     *header
	part       part
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
	partRoot    part = "root"
	partState   part = "Lua state"
	partStrings part = "string table"
	partBuffer  part = "concat buffer"
)

// walk visits everything that is reachable.
func (m *memory) walk(full bool) *walker {
	w := m.newWalker(full)
	w.roots(func(Held) bool { return true })
	for i := 0; i < len(w.nodes); i++ {
		w.follow(i)
	}
	return w
}

func (m *memory) newWalker(full bool) *walker {
	return &walker{m: m, full: full, index: make(map[*header]int, 1024)}
}

// roots begins with what refers to all else, and with those of what is held from outside
// that count.
func (w *walker) roots(counts func(h Held) bool) {
	m, v := w.m, w.m.v
	w.part(partRoot, snapshot.Root, 0, 0)
	w.ref(0, w.part(partState, snapshot.State, m.fixedLength, m.fixed), "Lua state")
	w.ref(0, w.part(partStrings, snapshot.Buffer, m.strt.Block.Length(), m.strt.Slots*heap.StringTableSlot), "string table")
	w.ref(0, w.part(partBuffer, snapshot.Buffer, m.buf.Block.Length(), m.buf.Size), "concat buffer")
	w.edge(0, threadValue(v.th), "main stack")
	w.edge(0, tableValue(v.th.globals), "_G")
	for L := v.running; L != nil; L = L.parent {
		w.edge(0, threadValue(L), "running coroutine")
	}
	w.edge(0, tableValue(v.registry), "")
	if v.held != nil {
		for i, x := range v.held.array {
			if x.isObject() && counts(Held(i+1)) {
				w.edge(0, x, "held from outside of the device")
			}
		}
	}
	if v.running != nil || v.natives > 0 { // else they are what the last one has held
		for _, x := range m.pins {
			w.edge(0, x, "value held by a running firmware function")
		}
	}
}

func (w *walker) part(p part, kind string, bytes, lua int) int {
	w.nodes = append(w.nodes, walkNode{part: p, kind: kind, bytes: bytes, lua: lua})
	return len(w.nodes) - 1
}

func (w *walker) ref(from, to int, name string) {
	if w.full {
		n := &w.nodes[from]
		n.refs = append(n.refs, walkRef{to, name})
	}
}

// isHere reports whether x is an object of the heap.
func isHere(x value) bool { return x.isObject() && !x.header().isFlashed() }

// edge follows a reference to a value, if it is one to an object of the heap.
func (w *walker) edge(from int, x value, name string) {
	if isHere(x) {
		w.ref(from, w.object(x.header()), name)
	}
}

// kinds are the names of kinds of objects in snapshots.
var kinds = [...]string{kindString: snapshot.String, kindTable: snapshot.Table, kindFunction: snapshot.Function,
	kindUserData: snapshot.Userdata, kindThread: snapshot.Thread, kindUpvalue: snapshot.Upvalue, kindProto: snapshot.Prototype}

// object is the node of an object.
func (w *walker) object(h *header) int {
	if i, ok := w.index[h]; ok {
		return i
	}
	bytes, lua := h.blk.Length(), h.blk.Size()
	add := func(b heap.Block) {
		bytes += b.Length()
		lua += b.Size()
	}
	kind := kinds[h.kind]
	switch h.kind {
	case kindTable:
		t := h.table()
		add(t.arr)
		add(t.nod)
		if t == w.m.v.registry {
			kind = snapshot.Registry
		}
	case kindThread:
		L := h.thread()
		add(L.stk.Data)
		add(L.stk.Calls)
	case kindProto:
		for _, b := range h.proto().parts {
			add(b)
		}
	}
	i := len(w.nodes)
	w.index[h] = i
	w.nodes = append(w.nodes, walkNode{object: h, kind: kind, bytes: bytes, lua: lua})
	return i
}

// follow visits what node i refers to.
func (w *walker) follow(i int) {
	h := w.nodes[i].object
	if h == nil {
		return
	}
	switch h.kind {
	case kindTable:
		w.followTable(i, h.table())
	case kindFunction:
		w.followFunction(i, h.function())
	case kindUpvalue:
		w.edge(i, *h.upvalue().v, "")
	case kindProto:
		w.followProto(i, h.proto())
	case kindUserData:
		u := h.userdata()
		w.metatable(i, u.meta)
		if u.env != w.m.v.th.globals {
			w.edge(i, tableOrNil(u.env), " environment")
		}
	case kindThread:
		w.followThread(i, h.thread())
	}
}

func (w *walker) metatable(i int, mt *Table) { w.edge(i, tableOrNil(mt), " metatable") }

func (w *walker) followTable(i int, t *Table) {
	w.metatable(i, t.meta)
	var weak uint8
	if t.meta != nil {
		weak = w.m.weakMode(t.meta)
	}
	for n, x := range t.array {
		if isHere(x) && (weak&weakValues == 0 || x.isString()) {
			if to := w.object(x.header()); w.full {
				w.ref(i, to, w.elementText(t, n+1))
			}
		}
	}
	for n := range t.nodes {
		k, x := t.nodes[n].key, t.nodes[n].val
		if x.isNil() {
			continue
		}
		if isHere(k) && (weak&weakKeys == 0 || k.isString()) {
			if to := w.object(k.header()); w.full {
				w.ref(i, to, " key "+w.keyText(k))
			}
		}
		if isHere(x) && (weak&weakValues == 0 || x.isString()) {
			if to := w.object(x.header()); w.full {
				w.ref(i, to, w.fieldText(t, k))
			}
		}
	}
}

// elementText is the way from a table to its element n: of the registry that is a
// reference, which says what it is for.
func (w *walker) elementText(t *Table, n int) string {
	if refs := w.m.v.refs; t == w.m.v.registry && refs[n].used {
		return RefInfo{Ref: Ref(n), What: refs[n].what, Site: refs[n].site}.Name()
	}
	return "[" + strconv.Itoa(n) + "]"
}

// keyText is a key as paths show it.
func (w *walker) keyText(k value) string {
	switch {
	case k.isString():
		return quote(k.str().text())
	case k.isNumber():
		return FormatNumber(k.num())
	case k.bits == kindTrue:
		return "true"
	case k.bits == kindFalse:
		return "false"
	}
	return k.typeName()
}

// fieldText is the way from a table to the value of a key.
func (w *walker) fieldText(t *Table, k value) string {
	if n := arrayIndex(k); n > 0 {
		return w.elementText(t, n)
	}
	if t == w.m.v.registry && k.isString() {
		return "registry " + quote(k.str().text())
	}
	if k.isString() && isName(k.str().text()) {
		return "." + k.str().text()
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

func (w *walker) followFunction(i int, f *Function) {
	w.edge(i, tableOrNil(f.env), " environment")
	for n, x := range f.values {
		w.edge(i, x, " upvalue "+strconv.Itoa(n+1))
	}
	if f.proto == nil {
		return
	}
	w.edge(i, protoValue(f.proto), " code")
	for n, u := range f.upvals {
		if u == w.m.v.noUpvalue {
			continue
		}
		if to := w.object(&u.header); w.full {
			w.ref(i, to, " upvalue "+f.proto.upvalueName(n))
		}
	}
}

func (w *walker) followProto(i int, p *proto) {
	w.edge(i, stringValue(p.source), " chunk name")
	for _, k := range p.k {
		w.edge(i, k, " constant")
	}
	for _, s := range p.names {
		w.edge(i, stringValue(s), " name of a variable")
	}
	for _, n := range p.protos {
		if to := w.object(&n.header); w.full {
			w.ref(i, to, " function at line "+strconv.Itoa(n.lineDefined))
		}
	}
}

func (w *walker) followThread(i int, L *Thread) {
	if L.globals != w.m.v.th.globals {
		w.edge(i, tableValue(L.globals), " environment")
	}
	call := L.nci
	for slot := L.top - 1; slot >= 0; slot-- {
		for call > 0 && slot < L.ci[call].fn {
			call--
		}
		if x := L.stack[slot]; isHere(x) {
			if to := w.object(x.header()); w.full {
				w.ref(i, to, L.slotText(call, slot))
			}
		}
	}
}

// slotText names a slot within a call by the local variable it is.
func (L *Thread) slotText(call, slot int) string {
	ci := &L.ci[call]
	p := L.protoOf(ci)
	switch {
	case L.status == threadFailed:
		return " left by an error"
	case L.nci == 0 && L.start != nil && slot == 1:
		return " function"
	case call == 0 || p == nil && slot != ci.fn:
		return " stack"
	case slot == ci.fn:
		return " running function"
	case slot < ci.base:
		return " extra argument"
	}
	at := fmt.Sprintf(" (in %s at line %d)", p.label(), p.line(ci))
	if name := p.localName(ci.pc-1, slot-ci.base); name != "" {
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
