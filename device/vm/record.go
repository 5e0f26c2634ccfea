package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// Recorder keeps who allocated what and where CPU time went, as call stacks of
// the Lua program with what each has cost. One may serve a device over several
// boots. It costs nothing where it is absent and changes nothing that a script or
// the clock can see where it is present.
type Recorder struct {
	// Allocations records every allocation, and the place and time at which
	// each object was made.
	Allocations bool
	// CPU records CPU time: each instruction's and each call's, with nothing left out.
	CPU bool

	frames  []Frame
	frameOf map[Frame]int32
	natives map[*Function]int32 // frames of functions of the firmware
	cached  map[frameKey]int32
	stacks  []stackNode // 0 is the empty stack
	stackOf map[stackNode]int32
	cost    []Cost // by stack
	entry   string // that bottom was made of
	bottom  int32
}

// Frame is a line of a function of the program: Func as FunctionLabel gives it,
// File and Line of the call or allocation in it. Functions of the firmware and
// what started the program ("tmr callback") have a name only.
type Frame struct {
	Func          string
	File          string
	Line, Defined int
}

// Cost is what one call stack has cost. Objects are requests to the allocator that
// were granted, Bytes what they took of the heap, block headers included; a block
// that grows is a request of its new size, as the SDK's allocator moves it.
type Cost struct {
	Bytes, Objects      int64
	Instructions, Nanos int64 // executed, and the CPU time of all that was done
}

type frameKey struct {
	proto *proto
	line  int
}

// stackNode is a frame on top of another stack.
type stackNode struct{ below, frame int32 }

// maxStackDepth is how many of the outermost frames are told apart: below the
// innermost one.
const maxStackDepth = 64

// maxCachedFrames bounds the memory of a program that compiles again and again.
const maxCachedFrames = 8192

func (r *Recorder) init() {
	if r.frameOf == nil {
		r.frameOf = map[Frame]int32{}
		r.stackOf = map[stackNode]int32{}
		r.stacks = []stackNode{{-1, -1}}
		r.cost = make([]Cost, 1)
	}
	r.cached = map[frameKey]int32{} // instead of that of the boot before
	r.natives = map[*Function]int32{}
}

func (r *Recorder) frame(f Frame) int32 {
	id, ok := r.frameOf[f]
	if !ok {
		id = int32(len(r.frames))
		r.frames = append(r.frames, f)
		r.frameOf[f] = id
	}
	return id
}

func (r *Recorder) push(stack, frame int32) int32 {
	n := stackNode{stack, frame}
	id, ok := r.stackOf[n]
	if !ok {
		id = int32(len(r.stacks))
		r.stacks = append(r.stacks, n)
		r.cost = append(r.cost, Cost{})
		r.stackOf[n] = id
	}
	return id
}

// Stack returns the frames of a stack, innermost first.
func (r *Recorder) Stack(id int32) []Frame {
	var out []Frame
	for id > 0 {
		n := r.stacks[id]
		out = append(out, r.frames[n.frame])
		id = n.below
	}
	return out
}

// Stacks calls fn for every stack with what it has cost, in the order in which
// they were first met.
func (r *Recorder) Stacks(fn func(stack []Frame, c Cost)) {
	for i, c := range r.cost {
		if c != (Cost{}) {
			fn(r.Stack(int32(i)), c)
		}
	}
}

// luaFrameID is the frame of a Lua function that is at a line.
func (r *Recorder) luaFrameID(p *proto, line int) int32 {
	k := frameKey{p, line}
	id, ok := r.cached[k]
	if !ok {
		if len(r.cached) >= maxCachedFrames {
			clear(r.cached)
		}
		id = r.frame(Frame{p.label(), p.chunkLabel(), line, p.lineDefined})
		r.cached[k] = id
	}
	return id
}

// SetRecorder makes r record from now on; nil ends it. Objects that exist have no
// site.
func (v *VM) SetRecorder(r *Recorder) {
	v.endCPU()
	v.rec = r
	m := v.mem
	m.track, m.heap.OnNative = nil, nil
	m.eachObject(func(h *header) { h.origin = 0 })
	v.place, v.seen = place{}, v.CPU()
	v.setLook()
	if r == nil {
		return
	}
	r.init()
	if r.Allocations {
		t := &tracker{v: v, r: r, origins: make([]origin, 1)}
		m.track, m.heap.OnNative = t, t.native
	}
}

// eachObject calls fn with every object, dead ones that are not swept yet among
// them.
func (m *memory) eachObject(fn func(h *header)) {
	for h := m.gc.head.next; h != nil; h = h.next {
		fn(h)
		if h.kind == kindThread {
			for u := h.thread().openUp; u != nil; u = u.open {
				fn(&u.header)
			}
		}
	}
	for _, s := range m.rows {
		for ; s != nil; s = s.nextStr() {
			fn(&s.header)
		}
	}
}

// Recorder returns the recorder at work, nil if none.
func (v *VM) Recorder() *Recorder { return v.rec }

// SetEntry says what Lua is about to be called for ("tmr callback"): the
// outermost frame of stacks. It returns what it was called for before: callbacks
// may come within others.
func (v *VM) SetEntry(what string) (before string) {
	before, v.entry = v.entry, what
	return before
}

// Entry returns what SetEntry has said last.
func (v *VM) Entry() string { return v.entry }

// stack returns the stack as it is now.
func (v *VM) stack() int32 {
	L := v.running
	if L == nil {
		return v.bottom()
	}
	return v.stackOf(L)
}

// bottom is the stack of what Lua is called for.
func (v *VM) bottom() int32 {
	if v.entry == "" {
		return 0
	}
	r := v.rec
	if r.entry != v.entry {
		r.entry, r.bottom = v.entry, r.push(0, r.frame(Frame{Func: v.entry}))
	}
	return r.bottom
}

// stackOf is the stack of L as it is now.
func (v *VM) stackOf(L *Thread) int32 {
	if L.nci == 0 {
		return v.stackBelow(L, 0)
	}
	return v.rec.push(v.stackBelow(L, L.nci), v.frameOf(L, L.nci))
}

// stackBelow is the stack below call i of L. The callers of a call stay where they are
// while it runs, so it is found once and kept with the call.
func (v *VM) stackBelow(L *Thread, i int) int32 {
	if i <= 1 {
		if L.parent != nil {
			return v.stackOf(L.parent)
		}
		return v.bottom()
	}
	ci := &L.ci[i]
	if ci.site == 0 {
		if i > maxStackDepth {
			ci.site = v.stackBelow(L, maxStackDepth) + 1
		} else {
			ci.site = v.rec.push(v.stackBelow(L, i-1), v.frameOf(L, i-1)) + 1
		}
	}
	return ci.site - 1
}

// frameOf is the frame of call i of L.
func (v *VM) frameOf(L *Thread, i int) int32 {
	ci := &L.ci[i]
	f := L.function(ci)
	if f.proto == nil {
		return v.nativeFrame(f)
	}
	return v.rec.luaFrameID(f.proto, f.proto.line(ci))
}

// nativeFrame is the frame of a function of the firmware.
func (v *VM) nativeFrame(fn *Function) int32 {
	r := v.rec
	id, ok := r.natives[fn]
	if !ok {
		if len(r.natives) >= maxCachedFrames {
			clear(r.natives)
		}
		id = r.frame(Frame{Func: v.nativeName(fn)})
		r.natives[fn] = id
	}
	return id
}

// origin is where and when an object was made.
type origin struct {
	stack int32
	born  int64 // device time in microseconds
	num   int   // in the order of making
}

// tracker knows the origin of every object that was made while it is at work:
// header.origin is its index.
type tracker struct {
	v       *VM
	r       *Recorder
	origins []origin // 0: not known
	spare   []int32
	chunk   string // being compiled
	last    int    // number given
	spots   [64]spot
	request uint64 // that allocated was told of last
	stack   int32  // to which it was put down
}

// spot is an instruction of a Lua function, or a function of the firmware, with what
// has called it: most allocations are made where others were.
type spot struct {
	proto *proto
	fn    *Function
	pc    int
	below int32
	stack int32
}

// here is the stack to which what is made now is put down.
func (t *tracker) here() int32 {
	L := t.v.running
	if L == nil || L.nci == 0 || t.chunk != "" {
		return t.look()
	}
	ci := &L.ci[L.nci]
	s := spot{proto: L.function(ci).proto, pc: ci.pc, below: t.v.stackBelow(L, L.nci)}
	if s.proto == nil {
		s.fn, s.pc = L.function(ci), 0
	}
	known := &t.spots[(s.pc^int(s.below)<<2)&(len(t.spots)-1)]
	if s.stack = known.stack; *known != s {
		s.stack = t.look()
		*known = s
	}
	return s.stack
}

func (t *tracker) look() int32 {
	stack := t.v.stack()
	if t.chunk != "" {
		stack = t.r.push(stack, t.r.frame(Frame{Func: "code of " + t.chunk, File: t.chunk}))
	}
	return stack
}

// set gives an object its origin and a number.
func (t *tracker) set(h *header, stack int32) {
	t.last++
	o := origin{stack, t.v.now(), t.last}
	if n := len(t.spare); n > 0 {
		h.origin = t.spare[n-1]
		t.spare = t.spare[:n-1]
		t.origins[h.origin] = o
		return
	}
	h.origin = int32(len(t.origins))
	t.origins = append(t.origins, o)
}

// note records the origin of a new object. Its memory has been asked for just now.
func (t *tracker) note(h *header) {
	if t.request != t.v.mem.requests {
		t.stack = t.here()
	}
	t.set(h, t.stack)
}

// arguments puts the strings that were made for a call from outside, of the function
// in slot fn, down to where it begins.
func (t *tracker) arguments(L *Thread, fn int) {
	if L.nci > 0 || !L.stack[fn].isFunction() {
		return
	}
	p := L.stack[fn].function().proto
	if p == nil || len(p.lines) == 0 {
		return
	}
	outside := t.v.bottom()
	for _, x := range L.stack[fn+1 : L.top] {
		if x.isString() && x.header().origin != 0 && t.origins[x.header().origin].stack == outside {
			t.origins[x.header().origin].stack = t.r.push(outside, t.r.luaFrameID(p, p.lines[0]))
		}
	}
}

// forget is told of an object that has died.
func (t *tracker) forget(h *header) {
	if h.origin != 0 {
		t.spare = append(t.spare, h.origin)
		h.origin = 0
	}
}

func (v *VM) now() int64 {
	if v.cfg.Now == nil {
		return v.CPU() / 1000
	}
	return v.cfg.Now()
}

// OutsideLua is the outermost frame of what no Lua function has asked for.
const OutsideLua = "outside Lua"

// outside is the stack of something that is not Lua's.
func (r *Recorder) outside(what string) int32 {
	id := r.push(0, r.frame(Frame{Func: OutsideLua}))
	if what != "" {
		id = r.push(id, r.frame(Frame{Func: what}))
	}
	return id
}

// allocated counts a request for Lua's memory that was granted.
func (t *tracker) allocated(n int) {
	t.stack, t.request = t.here(), t.v.mem.requests
	stack := t.stack
	if stack == 0 {
		stack = t.r.outside("")
	}
	t.count(stack, t.v.mem.heap.BlockLength(n))
}

// native counts a granted request for native memory that takes n bytes.
func (t *tracker) native(n int, k heap.Kind) {
	stack := t.r.outside(k.String())
	if t.v.running != nil || t.v.entry != "" {
		stack = t.r.push(t.v.stack(), t.r.frame(Frame{Func: k.String()}))
	}
	t.count(stack, n)
}

func (t *tracker) count(stack int32, bytes int) {
	c := &t.r.cost[stack]
	c.Objects++
	c.Bytes += int64(bytes)
}

// boot gives what the firmware has made before the program its origin.
func (t *tracker) boot(m *memory) {
	stack := t.r.push(0, t.r.frame(Frame{Func: "boot", File: snapshot.Firmware}))
	for _, n := range m.walk(false).nodes {
		if n.object == nil {
			if n.part != partRoot {
				t.count(t.r.outside(n.kind), n.bytes)
			}
			continue
		}
		t.forget(n.object)
		t.set(n.object, stack)
		t.count(stack, n.bytes)
	}
}

// noteProto records that a function was compiled.
func (t *tracker) noteProto(p *proto) {
	leaf := t.r.frame(Frame{"code of " + p.chunkLabel(), p.chunkLabel(), p.lineDefined, p.lineDefined})
	t.origins[p.origin].stack = t.r.push(t.v.stack(), leaf)
}

// site puts an origin into words: file:line and function of the innermost Lua
// frame, and all frames.
func (t *tracker) site(o origin) (site, fn string, stack []string) {
	for _, f := range t.r.Stack(o.stack) {
		text := f.Func
		if f.File != "" {
			at := f.File
			if f.Line > 0 {
				at = fmt.Sprintf("%s:%d", f.File, f.Line)
			}
			if site == "" {
				site, fn = at, f.Func
			}
			text = at + " " + f.Func
		}
		stack = append(stack, text)
	}
	return site, fn, stack
}
