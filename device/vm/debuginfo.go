package vm

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// What the running stack tells about itself: levels, lines, and the names that
// error messages and tracebacks give to functions and values. The firmware keeps
// line numbers but, unless node.stripdebug(1) has asked for them, no names of
// locals and upvalues (oracle: memory-behaviour.md, 5), so a value has a name only
// when the code that loaded it says so: a global, a field, a method. As in
// app/lua/ldebug.c the name is found by walking the code up to the current
// instruction and asking which instruction set the register last.

// function is the function of a call, nil for the level below the first.
func (L *Thread) function(ci *callInfo) *Function {
	if x := L.stack[ci.fn]; x.isFunction() {
		return x.function()
	}
	return nil
}

// protoOf is the code of a call, nil if its function is the firmware's.
func (L *Thread) protoOf(ci *callInfo) *proto {
	if f := L.function(ci); f != nil {
		return f.proto
	}
	return nil
}

// line is the current line of a call of p, 0 when it has none.
func (p *proto) line(ci *callInfo) int {
	if ci.pc < 1 || ci.pc > len(p.lines) {
		return 0
	}
	return p.lines[ci.pc-1]
}

// instruction is what a call of p is executing.
func (p *proto) instruction(ci *callInfo) uint32 {
	if ci.pc < 1 || ci.pc > len(p.code) {
		return uint32(luac.Move)
	}
	return p.code[ci.pc-1]
}

// level finds the call at a level above the running one, which is level 0. Calls
// lost to tail calls count as levels; for these ok is true and the call nil.
func (L *Thread) level(n int) (ci *callInfo, ok bool) {
	i := L.nci
	for ; n > 0 && i > 0; i-- {
		n--
		if L.protoOf(&L.ci[i]) != nil {
			n -= L.ci[i].tailCalls
		}
	}
	switch {
	case n < 0:
		return nil, true
	case i > 0:
		return &L.ci[i], true
	}
	return nil, false
}

// Where returns "file:line: " of the Lua function at a level above the running
// function, which is level 0; "" when there is none (luaL_where).
func (c *Call) Where(n int) string {
	c.VM.pushWhere(c.th, n)
	c.th.top--
	return c.th.stack[c.th.top].str().text()
}

// FunctionAt returns the function at a level above the running one, which is
// level 0 (lua_getstack, lua_getinfo "f"). ok is false when there is no such
// level; fn is nil when a tail call has taken its place.
func (c *Call) FunctionAt(n int) (fn *Function, ok bool) {
	ci, ok := c.th.level(n)
	if ci == nil {
		return nil, ok
	}
	return c.th.function(ci), true
}

// ChunkID turns a chunk name into what messages show of it: "@file" and "=name"
// lose their mark, anything else is source text and shows as [string "..."].
// What is too long is cut to 60 bytes with the final zero (fw: LUA_IDSIZE;
// app/lua/lobject.c, luaO_chunkid).
func ChunkID(name string) string { return chunkID(name, 60) }

// CompilerChunkID is ChunkID in the compiler's messages, with 80 bytes (fw:
// app/lua/llex.c, MAXSRC).
func CompilerChunkID(name string) string { return chunkID(name, 80) }

func chunkID(name string, idSize int) string {
	name, _, _ = strings.Cut(name, "\x00")
	switch {
	case strings.HasPrefix(name, "="):
		return name[1:min(len(name), idSize)]
	case strings.HasPrefix(name, "@"):
		room := idSize - len(" '...' ") - 1
		if name = name[1:]; len(name) > room {
			name = "..." + name[len(name)-room:]
		}
		return name
	}
	room := idSize - len(` [string "..."] `) - 1
	n := len(name)
	if i := strings.IndexAny(name, "\r\n"); i >= 0 {
		n = i
	}
	if n = min(n, room); n < len(name) {
		return `[string "` + name[:n] + `..."]`
	}
	return `[string "` + name + `"]`
}

// objectName says how the register reg of a call got its value: kind is "local",
// "global", "field", "method" or "upvalue", or "" when nothing useful is known.
func (L *Thread) objectName(ci *callInfo, reg int) (kind, name string) {
	p := L.protoOf(ci)
	if p == nil || ci.pc < 1 {
		return "", ""
	}
	for {
		if p.named {
			if name := p.localName(ci.pc-1, reg); name != "" {
				return "local", name
			}
		}
		pc := p.lastSet(ci.pc-1, reg)
		if pc < 0 {
			return "", ""
		}
		switch i := p.code[pc]; opOf(i) {
		case luac.GetGlobal:
			return "global", p.constantName(argBx(i) | luac.ConstBit)
		case luac.Move:
			if argB(i) >= argA(i) {
				return "", ""
			}
			reg = argB(i)
		case luac.GetTable:
			return "field", p.constantName(argC(i))
		case luac.GetUpval:
			if p.named && argB(i) < len(p.upvalueNames) {
				return "upvalue", p.upvalueNames[argB(i)]
			}
			return "upvalue", "?"
		case luac.Self:
			return "method", p.constantName(argC(i))
		default:
			return "", ""
		}
	}
}

// pathTo is how the code before instruction pc has come to what register reg holds, as
// "wifi.sta.config", for tools: it knows also the locals that the firmware has no names
// for. "" is of what has no such name.
func (p *proto) pathTo(pc, reg int) string {
	if name := p.localName(pc, reg); name != "" {
		return name
	}
	set := p.lastSet(pc, reg)
	if set < 0 {
		return ""
	}
	switch i := p.code[set]; opOf(i) {
	case luac.GetGlobal:
		return p.constantName(argBx(i) | luac.ConstBit)
	case luac.Move:
		return p.pathTo(set, argB(i))
	case luac.GetUpval:
		if n := argB(i); n < len(p.upvalueNames) {
			return p.upvalueNames[n]
		}
	case luac.GetTable:
		if of := p.pathTo(set, argB(i)); of != "" {
			return of + "." + p.constantName(argC(i))
		}
	}
	return ""
}

// constantName returns the string constant that rk denotes, "?" for anything
// else.
func (p *proto) constantName(rk int) string {
	if i := rk &^ luac.ConstBit; rk >= luac.ConstBit && i < len(p.k) && p.k[i].isString() {
		return CString(p.k[i].str().text())
	}
	return "?"
}

// lastSet returns the last instruction before end that set register reg, on the
// straight way there, or -1 (fw: app/lua/ldebug.c, symbexec).
func (p *proto) lastSet(end, reg int) int {
	last := -1
	for pc := 0; pc < end; pc++ {
		i := p.code[pc]
		op, a, b := opOf(i), argA(i), argB(i)
		if luac.SetsA(op) && a == reg {
			last = pc
		}
		switch op {
		case luac.LoadNil:
			if a <= reg && reg <= b {
				last = pc
			}
		case luac.Self:
			if reg == a+1 {
				last = pc
			}
		case luac.Call, luac.TailCall:
			if reg >= a {
				last = pc
			}
		case luac.TForLoop:
			if reg >= a+2 {
				last = pc
			}
		case luac.SetList:
			if argC(i) == 0 {
				pc++
			}
		case luac.Closure:
			if bx := argBx(i); bx < len(p.protos) {
				pc += p.protos[bx].nups
			}
		case luac.ForLoop, luac.ForPrep, luac.Jmp:
			if dest := pc + 1 + argSBx(i); pc < dest && dest <= end {
				pc = dest - 1
			}
		}
	}
	return last
}

// functionName says under which name the function of call i was called: kind is
// as for objectName. name is "" when nothing is known.
func (L *Thread) functionName(i int) (kind, name string) {
	if i < 1 {
		return "", ""
	}
	ci, caller := &L.ci[i], &L.ci[i-1]
	if L.protoOf(ci) != nil && ci.tailCalls > 0 {
		return "", ""
	}
	p := L.protoOf(caller)
	if i == 1 || p == nil {
		return "", ""
	}
	in := p.instruction(caller)
	switch opOf(in) {
	case luac.Call, luac.TailCall, luac.TForLoop:
		return L.objectName(caller, argA(in))
	}
	return "", ""
}

// Levels that a traceback shows before and after the dots (fw:
// app/lua/ldblib.c).
const (
	tracebackTop    = 12
	tracebackBottom = 10
)

// Places of a traceback that are no calls of a thread's.
const (
	levelTail     = -1 // lost to a tail call
	levelFirmware = -2 // of the firmware's own interpreter, below the program
)

// levels lists the calls of a thread, innermost first.
func (v *VM) levels(L *Thread) []int {
	var out []int
	for i := L.nci; i > 0; i-- {
		out = append(out, i)
		if L.protoOf(&L.ci[i]) != nil {
			for j := 0; j < L.ci[i].tailCalls && len(out) < maxTraceback; j++ {
				out = append(out, levelTail)
			}
		}
	}
	if L == v.th {
		for range v.below {
			out = append(out, levelFirmware)
		}
	}
	return out
}

// maxTraceback bounds the levels of a traceback of a program that tail-calls for ever.
const maxTraceback = 40000

// formattedPerInstruction is how many characters of a message the firmware makes in
// the time of one VM instruction, when it is formatted, hashed and glued: an estimate
// of 20 cycles each.
const formattedPerInstruction = 4

// Traceback returns the stack of thread L from the given level on (0 is the
// running function), as debug.traceback prints it. An error that ends a coroutine
// leaves its stack as it was.
func (v *VM) Traceback(L *Thread, n int) string { return v.TracebackUnder(L, n, 0) }

// TracebackUnder is Traceback for whoever makes it in the place of so many functions of
// the firmware that would be on top of the stack, and count for where the dots stand.
func (v *VM) TracebackUnder(L *Thread, n, above int) string {
	levels := v.levels(L)
	n = max(n, 0)
	var b strings.Builder
	b.WriteString("stack traceback:")
	for i := n; i < len(levels); i++ {
		if i == max(n, tracebackTop-above) && len(levels)-i > tracebackBottom+1 {
			b.WriteString("\n\t...")
			i = len(levels) - tracebackBottom
		}
		b.WriteString("\n\t")
		switch level := levels[i]; level {
		case levelTail:
			b.WriteString("(tail call): ?")
		case levelFirmware:
			b.WriteString(native(""))
		default:
			b.WriteString(L.describe(level))
		}
	}
	v.cpu += int64(b.Len()/formattedPerInstruction) * v.instrNanos
	return b.String()
}

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

// describe is the line of a traceback for call i.
func (L *Thread) describe(i int) string {
	ci := &L.ci[i]
	_, name := L.functionName(i)
	p := L.protoOf(ci)
	if p == nil {
		return native(name)
	}
	chunk := ChunkID(p.source.text())
	where := chunk + ":"
	if l := p.line(ci); l > 0 {
		where += fmt.Sprintf("%d:", l)
	}
	switch {
	case name != "":
		return where + " in function '" + name + "'"
	case p.lineDefined == 0:
		return where + " in main chunk"
	}
	return fmt.Sprintf("%s in function <%s:%d>", where, chunk, p.lineDefined)
}

// Where returns "file:line" of the innermost Lua function that is running, or
// "" when Lua is idle.
func (v *VM) Where() string {
	L := v.running
	if L == nil {
		return ""
	}
	for i := L.nci; i > 0; i-- {
		p := L.protoOf(&L.ci[i])
		switch {
		case p == nil:
		case p.line(&L.ci[i]) > 0:
			return p.at(p.line(&L.ci[i]))
		case L.ci[i].pc > 0:
			return p.chunkLabel() // stripped
		}
	}
	return ""
}

// at is "file:line", made once for each line that asks.
func (p *proto) at(line int) string {
	s := p.places[line]
	if s == "" {
		if p.places == nil {
			p.places = map[int]string{}
		}
		s = fmt.Sprintf("%s:%d", p.chunkLabel(), line)
		p.places[line] = s
	}
	return s
}

// indexError says that t can't be indexed. It has a name where it stands in a
// register of the instruction at hand.
func (v *VM) indexError(t value, inRegister bool) {
	L := v.running
	ci := &L.ci[L.nci]
	slot := -1
	if p := L.protoOf(ci); p != nil && inRegister {
		switch i := p.instruction(ci); opOf(i) {
		case luac.GetTable, luac.Self:
			slot = ci.base + argB(i)
		case luac.SetTable:
			slot = ci.base + argA(i)
		}
	}
	v.typeError(t, slot, "index")
}
