package vm

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// What the running stack tells about itself: levels, lines, and the names that
// error messages and tracebacks give to functions and values. The firmware keeps
// line numbers but, unless node.stripdebug(1) has asked for them, no names of
// locals and upvalues (oracle: memory-behaviour.md, 5), so a value has a name only
// when the code that loaded it says so: a global, a field, a method. As in app/lua/ldebug.c the name is
// found by walking the code up to the current instruction and asking which
// instruction set the register last.

// Fields of an instruction word, as gopher-lua packs them.
func opOf(inst uint32) int  { return int(inst >> 26) }
func argA(inst uint32) int  { return int(inst>>18) & 0xff }
func argB(inst uint32) int  { return int(inst & 0x1ff) }
func argC(inst uint32) int  { return int(inst>>9) & 0x1ff }
func argBx(inst uint32) int { return int(inst & 0x3ffff) }
func argS(inst uint32) int  { return argBx(inst) - 0x1ffff }

const bitRK = 0x100 // set in B or C: a constant, not a register

// line returns the current line of a frame, 0 when it has none.
func (f *luaFrame) line() int {
	if f.Fn.IsG || f.Pc < 1 || f.Pc > len(f.Fn.Proto.DbgSourcePositions) {
		return 0
	}
	return f.Fn.Proto.DbgSourcePositions[f.Pc-1]
}

// where returns "file:line: " of a Lua frame, "" of any other.
func (f *luaFrame) where() string {
	if f == nil || f.Fn.IsG {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", ChunkID(f.Fn.Proto.SourceName), f.line())
}

// inst returns the instruction that a Lua frame is executing.
func (f *luaFrame) inst() uint32 {
	if f.Fn.IsG || f.Pc < 1 || f.Pc > len(f.Fn.Proto.Code) {
		return uint32(lua.OP_NOP) << 26
	}
	return f.Fn.Proto.Code[f.Pc-1]
}

// visible returns f, or the next frame below it that scripts know of.
func (v *VM) visible(f *luaFrame) *luaFrame {
	for f != nil && (f.Fn.IsG && v.hidden[f.Fn] || f.Fn == v.yieldCall) {
		f = f.Parent
	}
	return f
}

// top returns the innermost frame of a thread that scripts know of.
func (v *VM) top(L *lua.LState) *luaFrame { return v.visible(stateOf(L).currentFrame) }

// level finds the frame at a level above f, which is level 0. Calls lost to tail
// calls count as levels; for these ok is true and the frame nil.
func (v *VM) level(f *luaFrame, n int) (found *luaFrame, ok bool) {
	for ; n > 0 && f != nil; f = v.visible(f.Parent) {
		n--
		if !f.Fn.IsG {
			n -= f.TailCall
		}
	}
	if n < 0 {
		return nil, true
	}
	return f, f != nil
}

// Where returns "file:line: " of the Lua function at a level above the running
// function, which is level 0; "" when there is none (luaL_where).
func (c *Call) Where(n int) string {
	f, _ := c.VM.level(c.VM.top(c.th), n)
	if f == nil || f.line() == 0 {
		return ""
	}
	c.VM.mem.chargeWhere(c.th, f.where())
	return f.where()
}

// FunctionAt returns the function at a level above the running one, which is
// level 0 (lua_getstack, lua_getinfo "f"). ok is false when there is no such
// level; fn is nil when a tail call has taken its place.
func (c *Call) FunctionAt(n int) (fn *Function, ok bool) {
	f, ok := c.VM.level(c.VM.top(c.th), n)
	if f == nil {
		return nil, ok
	}
	return f.Fn, true
}

// ChunkID turns a chunk name into what messages show of it: "@file" and "=name"
// lose their mark, anything else is source text and shows as [string "..."].
// What is too long is cut to 60 bytes with the final zero (fw: LUA_IDSIZE;
// app/lua/lobject.c, luaO_chunkid).
func ChunkID(name string) string {
	const idSize = 60
	name, _, _ = strings.Cut(name, "\x00")
	switch {
	case strings.HasPrefix(name, "="):
		return name[1:min(len(name), idSize)]
	case strings.HasPrefix(name, "@"):
		const room = idSize - len(" '...' ") - 1
		if name = name[1:]; len(name) > room {
			name = "..." + name[len(name)-room:]
		}
		return name
	}
	const room = idSize - len(` [string "..."] `) - 1
	n := len(name)
	if i := strings.IndexAny(name, "\r\n"); i >= 0 {
		n = i
	}
	if n = min(n, room); n < len(name) {
		return `[string "` + name[:n] + `..."]`
	}
	return `[string "` + name + `"]`
}

// objectName says how the register reg of frame f got its value: kind is "local",
// "global", "field", "method" or "upvalue", or "" when nothing useful is known.
func objectName(f *luaFrame, reg int) (kind, name string) {
	if f.Fn.IsG || f.Pc < 1 {
		return "", ""
	}
	p := f.Fn.Proto
	for {
		if isNamed(p) {
			if name := localName(p, f.Pc-1, reg); name != "" {
				return "local", name
			}
		}
		pc := lastSet(p, f.Pc-1, reg)
		if pc < 0 {
			return "", ""
		}
		switch inst := p.Code[pc]; opOf(inst) {
		case lua.OP_GETGLOBAL:
			return "global", constantName(p, argBx(inst)|bitRK)
		case lua.OP_MOVE, lua.OP_MOVEN:
			if argB(inst) >= argA(inst) {
				return "", ""
			}
			reg = argB(inst)
		case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
			return "field", constantName(p, argC(inst))
		case lua.OP_GETUPVAL:
			if isNamed(p) && argB(inst) < len(p.DbgUpvalues) {
				return "upvalue", p.DbgUpvalues[argB(inst)]
			}
			return "upvalue", "?"
		case lua.OP_SELF:
			return "method", constantName(p, argC(inst))
		default:
			return "", ""
		}
	}
}

// constantName returns the string constant that rk denotes, "?" for anything
// else.
func constantName(p *lua.FunctionProto, rk int) string {
	if i := rk &^ bitRK; rk&bitRK != 0 && i < len(p.Constants) {
		if s, ok := p.Constants[i].(String); ok {
			return string(s)
		}
	}
	return "?"
}

// lastSet returns the last instruction before pc that set register reg, on the
// straight way there, or -1 (fw: app/lua/ldebug.c, symbexec).
func lastSet(p *lua.FunctionProto, end, reg int) int {
	last := -1
	for pc := 0; pc < end; pc++ {
		inst := p.Code[pc]
		a := argA(inst)
		switch op := opOf(inst); op {
		case lua.OP_MOVE, lua.OP_MOVEN, lua.OP_LOADK, lua.OP_LOADBOOL, lua.OP_GETUPVAL, lua.OP_GETGLOBAL,
			lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_NEWTABLE, lua.OP_ADD, lua.OP_SUB, lua.OP_MUL, lua.OP_DIV,
			lua.OP_MOD, lua.OP_POW, lua.OP_UNM, lua.OP_NOT, lua.OP_LEN, lua.OP_CONCAT, lua.OP_TESTSET, lua.OP_VARARG:
			if a == reg {
				last = pc
			}
		case lua.OP_CLOSURE:
			if a == reg {
				last = pc
			}
			if bx := argBx(inst); bx < len(p.FunctionPrototypes) {
				pc += int(p.FunctionPrototypes[bx].NumUpvalues)
			}
		case lua.OP_LOADNIL:
			if a <= reg && reg <= argB(inst) {
				last = pc
			}
		case lua.OP_SELF:
			if reg == a || reg == a+1 {
				last = pc
			}
		case lua.OP_CALL, lua.OP_TAILCALL:
			if reg >= a {
				last = pc
			}
		case lua.OP_TFORLOOP:
			if reg >= a+2 {
				last = pc
			}
		case lua.OP_SETLIST:
			if argC(inst) == 0 {
				pc++
			}
		case lua.OP_FORLOOP, lua.OP_FORPREP, lua.OP_JMP:
			if op != lua.OP_JMP && a == reg {
				last = pc
			}
			if dest := pc + 1 + argS(inst); pc < dest && dest <= end {
				pc = dest - 1
			}
		}
	}
	return last
}

// functionName says under which name the function of frame f was called: kind is
// as for objectName. name is "" when nothing is known.
func functionName(f *luaFrame) (kind, name string) {
	caller := f.Parent
	if !f.Fn.IsG && f.TailCall > 0 || caller == nil || caller.Fn.IsG {
		return "", ""
	}
	inst := caller.inst()
	switch opOf(inst) {
	case lua.OP_CALL, lua.OP_TAILCALL, lua.OP_TFORLOOP:
		return objectName(caller, argA(inst))
	}
	return "", ""
}

// Levels that a traceback shows before and after the dots (fw:
// app/lua/ldblib.c).
const (
	tracebackTop    = 12
	tracebackBottom = 10
)

// levels is a thread's stack, innermost first: nil for a level lost to a tail
// call.
type levels struct {
	frames  []*luaFrame
	yielded bool // the innermost one has called yield
}

func (v *VM) levels(L *lua.LState) levels {
	top := v.top(L)
	l := levels{yielded: L != v.running && top != nil && !top.Fn.IsG && top.Pc > 0}
	if l.yielded {
		l.frames = append(l.frames, top) // gopher-lua has dropped the frame of yield
	}
	for f := top; f != nil; f = v.visible(f.Parent) {
		l.frames = append(l.frames, f)
		if !f.Fn.IsG {
			for i := 0; i < f.TailCall && len(l.frames) < 2*maxCallDepth; i++ {
				l.frames = append(l.frames, nil)
			}
		}
	}
	if L == v.th {
		for range v.below {
			l.frames = append(l.frames, ofFirmware)
		}
	}
	return l
}

// line describes level i.
func (l levels) line(i int) string {
	switch f := l.frames[i]; {
	case f == nil:
		return "(tail call): ?"
	case f == ofFirmware:
		return native("")
	case i == 0 && l.yielded:
		_, name := objectName(f, argA(f.inst()))
		return native(name)
	default:
		return describe(f)
	}
}

// Traceback returns the stack of thread L from the given level on (0 is the
// running function), as debug.traceback prints it. An error that ends a coroutine
// leaves its stack as it was.
func (v *VM) Traceback(L *lua.LState, n int) string {
	if L.Dead {
		if m := v.mem.threads[L]; m != nil && m.stack.died != nil {
			return traceback(n, m.stack.died.total, m.stack.died.line)
		}
		return traceback(n, 0, nil)
	}
	l := v.levels(L)
	return traceback(n, len(l.frames), l.line)
}

// traceback puts lines n to total-1 together, without those in the middle of many.
func traceback(n, total int, line func(i int) string) string {
	n = max(n, 0)
	var b strings.Builder
	b.WriteString("stack traceback:")
	for i := n; i < total; i++ {
		if i == max(n, tracebackTop) && total-i > tracebackBottom+1 {
			b.WriteString("\n\t...")
			i = total - tracebackBottom
		}
		b.WriteString("\n\t")
		b.WriteString(line(i))
	}
	return b.String()
}

// deadStack is what tracebacks of a dead coroutine can show: the lines at the two
// ends of its stack.
type deadStack struct {
	total       int
	top, bottom []string
}

// keepStack notes the stack of a coroutine that an error is about to end.
func (v *VM) keepStack(L *lua.LState) *deadStack {
	was := v.running
	v.running = L
	l := v.levels(L)
	v.running = was
	d := &deadStack{total: len(l.frames)}
	for i := range min(d.total, tracebackTop) {
		d.top = append(d.top, l.line(i))
	}
	for i := max(d.total-tracebackBottom-1, 0); i < d.total; i++ {
		d.bottom = append(d.bottom, l.line(i))
	}
	return d
}

func (d *deadStack) line(i int) string {
	if i < len(d.top) {
		return d.top[i]
	}
	return d.bottom[i-d.total+len(d.bottom)]
}

// ofFirmware stands for a function of the firmware's own interpreter at the
// bottom of the stack.
var ofFirmware = &luaFrame{}

// SetBelow says how many functions of the firmware's interpreter are on the stack
// below the function that Call runs: tracebacks show them. It returns the number
// before. Callbacks have none.
func (v *VM) SetBelow(n int) (before int) {
	before, v.below = v.below, n
	return before
}

// native is the line of a function of the firmware, called by a name or "".
func native(name string) string {
	if name == "" {
		return "[C]: ?"
	}
	return "[C]: in function '" + name + "'"
}

// describe is one line of a traceback.
func describe(f *luaFrame) string {
	_, name := functionName(f)
	if f.Fn.IsG {
		return native(name)
	}
	chunk := ChunkID(f.Fn.Proto.SourceName)
	where := chunk + ":"
	if l := f.line(); l > 0 {
		where += fmt.Sprintf("%d:", l)
	}
	switch {
	case name != "":
		return where + " in function '" + name + "'"
	case f.Fn.Proto.LineDefined == 0:
		return where + " in main chunk"
	}
	return fmt.Sprintf("%s in function <%s:%d>", where, chunk, f.Fn.Proto.LineDefined)
}
