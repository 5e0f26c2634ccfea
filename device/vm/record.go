package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

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
	natives map[*lua.LFunction]int32 // frames of functions of the firmware
	cached  map[frameKey]int32
	stacks  []stackNode // 0 is the empty stack
	stackOf map[stackNode]int32
	cost    []Cost // by stack
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
	proto *lua.FunctionProto
	line  int
}

// stackNode is a frame on top of another stack.
type stackNode struct{ below, frame int32 }

// maxStackDepth is how many of the innermost frames are told apart.
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
	r.natives = map[*lua.LFunction]int32{}
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
func (r *Recorder) luaFrameID(p *lua.FunctionProto, line int) int32 {
	k := frameKey{p, line}
	id, ok := r.cached[k]
	if !ok {
		if len(r.cached) >= maxCachedFrames {
			clear(r.cached)
		}
		id = r.frame(Frame{protoLabel(p), chunkLabel(p), line, p.LineDefined})
		r.cached[k] = id
	}
	return id
}

// SetRecorder makes r record from now on; nil ends it. Objects that exist have no
// site.
func (v *VM) SetRecorder(r *Recorder) {
	v.rec = r
	v.mem.track, v.mem.heap.OnNative = nil, nil
	if r == nil {
		return
	}
	r.init()
	if r.Allocations {
		t := &tracker{v: v, r: r, origins: map[any]origin{}}
		v.mem.track, v.mem.heap.OnNative = t, t.native
	}
	v.places, v.seen = nil, v.cpu
	for _, m := range v.mem.threads {
		m.due = true
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

// stack returns the stack as it is now, with leaf on top if it has a name.
func (v *VM) stack(L *lua.LState, leaf Frame) int32 {
	if L == nil {
		return v.stackFrom(nil, nil, leaf)
	}
	return v.stackFrom(L, v.top(L), leaf)
}

// stackFrom returns the stack of L from frame f outwards, with leaf on top if it
// has a name.
func (v *VM) stackFrom(L *lua.LState, f *luaFrame, leaf Frame) int32 {
	r := v.rec
	var ids [maxStackDepth]int32
	n := 0
	if leaf.Func != "" {
		ids[n] = r.frame(leaf)
		n++
	}
	for L != nil && n < maxStackDepth {
		for ; f != nil && n < maxStackDepth; f = v.visible(f.Parent) {
			switch {
			case f.Fn == nil:
				continue
			case f.Fn.IsG:
				ids[n] = v.nativeFrame(f.Fn)
			default:
				ids[n] = r.luaFrameID(f.Fn.Proto, f.line())
			}
			n++
		}
		if L = L.Parent; L != nil {
			f = v.top(L)
		}
	}
	id := int32(0)
	if v.entry != "" {
		id = r.push(0, r.frame(Frame{Func: v.entry}))
	}
	for n--; n >= 0; n-- {
		id = r.push(id, ids[n])
	}
	return id
}

// nativeFrame is the frame of a function of the firmware.
func (v *VM) nativeFrame(fn *lua.LFunction) int32 {
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

// origin is where and when an object was made. The zero origin is not known.
type origin struct {
	stack int32
	known bool
	born  int64 // device time in microseconds
	num   int   // in the order of making
}

// tracker knows the origin of every object. Most objects have their key at once
// when they are accounted for; a closure or a glued string is known only after
// the instruction that makes it, so it is looked for before the next one.
type tracker struct {
	v       *VM
	r       *Recorder
	origins map[any]origin
	made    origin // of the instruction before
	reg     int    // what it has made is there
	th      *meter
	waiting bool
	chunk   string // being compiled
	last    int    // number given
}

// stringKey is a string as a key of origins: all equal strings are one object.
type stringKey string

func (t *tracker) here() origin {
	leaf := Frame{}
	if t.chunk != "" {
		leaf = Frame{Func: "code of " + t.chunk, File: t.chunk}
	}
	return origin{stack: t.v.stack(t.v.running, leaf), known: true, born: t.v.now()}
}

// set gives the object with the given key its origin and a number.
func (t *tracker) set(key any, o origin) {
	t.last++
	o.num = t.last
	t.origins[key] = o
}

func (v *VM) now() int64 {
	if v.cfg.Now == nil {
		return v.cpu / 1000
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
	stack := t.here().stack
	if stack == 0 {
		stack = t.r.outside("")
	}
	t.count(stack, t.v.mem.heap.BlockLength(n))
}

// native counts a granted request for native memory that takes n bytes.
func (t *tracker) native(n int, k heap.Kind) {
	stack := t.r.outside(k.String())
	if t.v.running != nil || t.v.entry != "" {
		stack = t.v.stack(t.v.running, Frame{Func: k.String()})
	}
	t.count(stack, n)
}

func (t *tracker) count(stack int32, bytes int) {
	c := &t.r.cost[stack]
	c.Objects++
	c.Bytes += int64(bytes)
}

// note records the origin of an object under its key, unless it has one.
func (t *tracker) note(key any) {
	if _, ok := t.origins[key]; ok {
		return
	}
	o := t.here()
	if fn, ok := key.(*lua.LFunction); ok && !fn.IsG && t.v.running == nil {
		if code, ok := t.origins[fn.Proto]; ok { // a chunk that the system has loaded
			o.stack = code.stack
		}
	}
	t.set(key, o)
}

// expect says that the instruction at hand will leave a new object in register
// reg.
func (t *tracker) expect(m *meter, reg int) {
	t.made, t.reg, t.th, t.waiting = t.here(), reg, m, true
}

// before looks for what the instruction before has made.
func (t *tracker) before(m *meter, f *luaFrame) {
	if t.waiting && t.th == m {
		t.waiting = false
		if t.reg < len(m.state.reg.array) {
			t.adopt(m.state.reg.array[t.reg], t.made)
		}
	}
	if f.Pc == 1 {
		if f.Parent == nil || f.Parent.Fn.IsG { // arguments that came from outside
			for i := 0; i < min(f.NArgs, int(f.Fn.Proto.NumParameters)); i++ {
				if s, ok := m.reg(f, i).(lua.LString); ok {
					if o, ok := t.origins[stringKey(s)]; ok && o.stack == 0 {
						o.stack = t.here().stack // made by the system for this call
						t.origins[stringKey(s)] = o
					}
					t.note(stringKey(s))
				}
			}
		}
	} else if inst := f.Fn.Proto.Code[f.Pc-2]; opOf(inst) == lua.OP_CALL && argC(inst) != 1 {
		if s, ok := m.reg(f, argA(inst)).(lua.LString); ok {
			t.note(stringKey(s))
		}
	}
}

// adopt gives a value and what came with it its origin.
func (t *tracker) adopt(x lua.LValue, o origin) {
	set := func(key any) {
		if _, ok := t.origins[key]; !ok {
			t.set(key, o)
		}
	}
	switch x := x.(type) {
	case lua.LString:
		set(stringKey(x))
	case *lua.LFunction:
		set(x)
		if !x.IsG {
			for _, uv := range x.Upvalues {
				if uv != nil {
					set(uv)
				}
			}
		}
	}
}

// boot gives what the firmware has made before the program its origin.
func (t *tracker) boot(m *memory) {
	o := origin{stack: t.r.push(0, t.r.frame(Frame{Func: "boot", File: snapshot.Firmware})), known: true, born: t.v.now()}
	for _, n := range m.walk(false).nodes {
		if p, ok := n.key.(part); ok {
			if p != partRoot {
				t.count(t.r.outside(n.kind), n.bytes)
			}
			continue
		}
		t.set(t.v.originKey(n.key), o)
		t.count(o.stack, n.bytes)
	}
}

// noteProto records that a function was compiled.
func (t *tracker) noteProto(p *lua.FunctionProto) {
	o := t.here()
	leaf := t.r.frame(Frame{"code of " + chunkLabel(p), chunkLabel(p), p.LineDefined, p.LineDefined})
	o.stack = t.r.push(t.r.stacks[o.stack].below, leaf)
	t.set(p, o)
}

// sweep forgets what a collection has found dead.
func (t *tracker) sweep(m *memory) {
	for key := range t.origins {
		dead := false
		switch k := key.(type) {
		case stringKey:
			o := m.strs[string(k)]
			dead = o == nil
		case *lua.LFunction:
			dead = m.funcs[k] == nil
		case *lua.Upvalue:
			dead = m.upvals[k] == nil
		case *lua.FunctionProto:
			dead = m.protos[k] == nil
		case *udataState:
			dead = m.udataOf[k.ud] != k
		case *meter:
			dead = m.threads[k.th] != k
		case *tableState:
			dead = !k.building && m.tables[k.tb] != k
		}
		if dead {
			delete(t.origins, key)
		}
	}
}

// site puts an origin into words: file:line and function of the innermost Lua
// frame, and all frames.
func (t *tracker) site(o origin) (site, fn string, stack []string) {
	if !o.known {
		return "", "", nil
	}
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
