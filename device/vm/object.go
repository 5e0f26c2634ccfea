package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// The objects of Lua, laid out as the firmware's: what the collector looks after,
// what takes memory of the device, what order a traversal has and when a table
// grows all follow from them.

// header is the beginning of every object.
type header struct {
	next, prev *header    // in the list of all objects: see collector.head; strings: of their row
	blk        heap.Block // of the object itself
	mark       uint8      // see gc.go
	kind       uint8      // kindString …
	quick      uint8      // see quick.go
	age        uint8
	shared     bool    // outside of that graph: more than one thing refers to it, see quick.dies
	refs       int32   // from the graph that quick.go remembers
	via        *header // from which of its objects it was first reached
	origin     int32   // with a recorder: index of where it was made, 0 if not known
	number     int32   // of its making, see snapshot.go
	address    uint32
}

// str is a string. There is one of each content.
type str struct {
	header
	hash uint32
	own  bool // nobody else has the bytes: see text
	s    string
	box  Value // s, as the world outside sees it; made when first asked for

	// Where a table in flash has an entry of that name: of the table that was
	// asked last.
	romTable *Table
	romEntry int32
}

// text is what the string holds, for whoever may keep it. Only with what is done
// before anything can be collected is s itself asked.
func (s *str) text() string {
	s.own = false
	return s.s
}

// Table is a Lua table (Table of the firmware): an array and nodes. One in flash
// has entries instead, and takes no memory.
type Table struct {
	header
	array    []value
	nodes    []node
	lastFree int32 // nodes from here on are not free
	absent   uint8 // metamethods that it is known not to have, a bit each; knownIndex
	weak     uint8 // weakKeys, weakValues: as the collector has last seen it
	meta     *Table
	index    *Table // with knownIndex: the table in flash that is its __index
	arr, nod heap.Block
	rom      *romTable
}

// node is an entry of the hash part.
type node struct {
	val, key value
	next     int32 // 1 + the next node of the chain; 0: none
}

// Function is a Lua closure, or a function of the firmware.
type Function struct {
	header
	proto  *proto     // of a Lua closure
	env    *Table     // where it finds global variables
	upvals []*upvalue // of a Lua closure
	native func(*Call) int
	name   string
	values []value // upvalues of a native closure
}

// IsNative reports whether the firmware has the function, not the program.
func (f *Function) IsNative() bool { return f.native != nil }

// upvalue is a variable of a function that closures use. While the function that
// has it runs, it is open: v points into the stack.
type upvalue struct {
	header
	v     *value
	own   value
	open  *upvalue // next of the thread's open upvalues, the highest first
	th    *Thread  // whose stack it is in while open
	level int
}

func (u *upvalue) isOpen() bool { return u.v != &u.own }

// proto is the code of a function.
type proto struct {
	header
	code     []uint32
	run      []uint32 // what is executed: code, or a copy that counts (cover.go)
	k        []value
	protos   []*proto
	maxStack int
	params   int
	nups     int
	vararg   uint8
	source   *str
	names    []*str // of locals and upvalues, where the device has them
	parts    [7]heap.Block

	lineDefined, lastLine int
	lines                 []int  // of each instruction, 0 where lineInfo does not tell
	lineInfo              []byte // as the device has it
	named                 bool   // the device has the names
	locals                []luac.Local
	upvalueNames          []string
	name                  string         // for tools
	chunk                 string         // for tools: the source, or what a stripped function was loaded from
	places                map[int]string // for tools: see at
	counts                *coverCounts   // with coverage
}

// Flags of proto.vararg (fw: app/lua/lobject.h).
const (
	varargHasArg   = 1
	varargIsVararg = 2
	varargNeedsArg = 4
)

// UserData is a full userdata, or a light one, which takes no memory.
type UserData struct {
	header
	object    any // what NewObject was given
	typ       *Type
	meta      *Table
	env       *Table
	size      int
	light     bool
	null      bool // of a light one: it is C's NULL
	finalized bool
	index     int // in memory.udata
}

// scratch is what the compiler leaves: a table of names that it has worked with, or a
// prototype that it could not finish. It is garbage from the moment it is linked.
type scratch struct {
	header
	t *heap.Table
	p *luac.Proto
}

func (s *scratch) held() int {
	if s.p != nil {
		return s.p.Held()
	}
	return s.t.Head.Size() + s.t.Arr.Size() + s.t.Node.Size()
}

func (s *scratch) free(m heap.Mem) {
	if s.p != nil {
		s.p.Free(m)
	} else {
		s.t.Free(m)
	}
}

// String and Type make the objects values.

func (t *Table) String() string        { return "table" }
func (f *Function) String() string     { return "function" }
func (u *UserData) String() string     { return "userdata" }
func (t *Thread) String() string       { return "thread" }
func (*Table) Type() lua.LValueType    { return lua.LTTable }
func (*Function) Type() lua.LValueType { return lua.LTFunction }
func (*UserData) Type() lua.LValueType { return lua.LTUserData }
func (*Thread) Type() lua.LValueType   { return lua.LTThread }

func (h *header) str() *str           { return (*str)(unsafe.Pointer(h)) }
func (h *header) table() *Table       { return (*Table)(unsafe.Pointer(h)) }
func (h *header) function() *Function { return (*Function)(unsafe.Pointer(h)) }
func (h *header) upvalue() *upvalue   { return (*upvalue)(unsafe.Pointer(h)) }
func (h *header) proto() *proto       { return (*proto)(unsafe.Pointer(h)) }
func (h *header) userdata() *UserData { return (*UserData)(unsafe.Pointer(h)) }
func (h *header) thread() *Thread     { return (*Thread)(unsafe.Pointer(h)) }
func (h *header) scratch() *scratch   { return (*scratch)(unsafe.Pointer(h)) }
