package vm

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// Names of functions and variables for tools. The firmware has none of them unless
// node.stripdebug(1) keeps them; our compiler still knows them, and nothing that a
// script can reach shows them.

// What is noted on a prototype besides what gopher-lua has fields for. A note is
// an entry of DbgCalls, which nothing else uses, at a place that no instruction
// has. protoNamed is a flag in IsVarArg.
const (
	noteName  = -1 // the function's name
	noteLines = -2 // the packed line information, as the device has it
	noteChunk = -3 // the chunk that a function without a source was loaded from

	protoNamed = 0x80 // the device has the names of locals and upvalues
)

// note keeps a text about p; "" takes it away.
func note(p *lua.FunctionProto, what int, text string) {
	for i := range p.DbgCalls {
		if p.DbgCalls[i].Pc == what {
			p.DbgCalls[i].Name = text
			return
		}
	}
	if text != "" {
		p.DbgCalls = append(p.DbgCalls, lua.DbgCall{Name: text, Pc: what})
	}
}

func noted(p *lua.FunctionProto, what int) string {
	for i := range p.DbgCalls {
		if p.DbgCalls[i].Pc == what {
			return p.DbgCalls[i].Name
		}
	}
	return ""
}

func lineInfo(p *lua.FunctionProto) string { return noted(p, noteLines) }

func isNamed(p *lua.FunctionProto) bool { return p.IsVarArg&protoNamed != 0 }

// keptNames returns the names of locals and upvalues that the device has of p.
func keptNames(p *lua.FunctionProto) []string {
	if !isNamed(p) {
		return nil
	}
	names := slices.Clone(p.DbgUpvalues)
	for _, l := range p.DbgLocals {
		names = append(names, l.Name)
	}
	return names
}

// chunkLabel names the chunk of a function for people: also where the function
// itself, stripped, does not know it.
func chunkLabel(p *lua.FunctionProto) string {
	if chunk := noted(p, noteChunk); chunk != "" {
		return ChunkID(chunk)
	}
	return ChunkID(p.SourceName)
}

// noteLoaded notes where a precompiled function comes from, if it was stripped.
func noteLoaded(p *lua.FunctionProto, chunk string) {
	if p.SourceName == luac.UnknownSource && !strings.HasPrefix(chunk, escape) {
		note(p, noteChunk, chunk)
	}
	for _, n := range p.FunctionPrototypes {
		noteLoaded(n, chunk)
	}
}

// nameNested gives the functions inside p the names that p's code stores them
// under.
func nameNested(p *lua.FunctionProto) {
	for pc := 0; pc < len(p.Code); pc++ {
		inst := p.Code[pc]
		switch opOf(inst) {
		case lua.OP_SETLIST:
			if argC(inst) == 0 {
				pc++
			}
		case lua.OP_CLOSURE:
			if bx := argBx(inst); bx < len(p.FunctionPrototypes) {
				n := p.FunctionPrototypes[bx]
				pc += int(n.NumUpvalues)
				if name := storedName(p, pc+1, argA(inst)); name != "" {
					note(n, noteName, name)
				}
			}
		}
	}
}

// storedName is the name under which the value of register reg is stored by the
// instruction at pc, "" if it is none.
func storedName(p *lua.FunctionProto, pc, reg int) string {
	if name := localName(p, pc, reg); name != "" {
		return name
	}
	if pc >= len(p.Code) {
		return ""
	}
	switch inst := p.Code[pc]; opOf(inst) {
	case lua.OP_SETGLOBAL:
		if argA(inst) == reg {
			return constantName(p, argBx(inst)|bitRK)
		}
	case lua.OP_SETTABLEKS, lua.OP_SETTABLE:
		if argC(inst) != reg || argB(inst)&bitRK == 0 {
			return ""
		}
		key := constantName(p, argB(inst))
		if key == "?" {
			return ""
		}
		if of := localName(p, pc, argA(inst)); of != "" {
			return of + "." + key
		}
		if set := lastSet(p, pc, argA(inst)); set >= 0 && opOf(p.Code[set]) == lua.OP_GETGLOBAL {
			return constantName(p, argBx(p.Code[set])|bitRK) + "." + key
		}
		return key
	}
	return ""
}

// localName is the name of the local variable that register reg is at
// instruction pc, "" if it is none.
func localName(p *lua.FunctionProto, pc, reg int) string {
	for _, l := range p.DbgLocals {
		if l.StartPc <= pc && pc < l.EndPc {
			if reg == 0 {
				return l.Name
			}
			reg--
		}
	}
	return ""
}

// upvalueName is the name of upvalue i (from 0) of a function.
func upvalueName(p *lua.FunctionProto, i int) string {
	if i < len(p.DbgUpvalues) && p.DbgUpvalues[i] != "" {
		return p.DbgUpvalues[i]
	}
	return fmt.Sprintf("%d", i+1)
}

// protoLabel names a function for people: "handle <app.lua:12>".
func protoLabel(p *lua.FunctionProto) string {
	chunk := chunkLabel(p)
	if p.LineDefined == 0 {
		return "main chunk <" + chunk + ">"
	}
	name := noted(p, noteName)
	if name == "" {
		name = "function"
	}
	return fmt.Sprintf("%s <%s:%d>", name, chunk, p.LineDefined)
}

// FunctionLabel names a function for people: "handle <app.lua:12>", "net.send".
func (v *VM) FunctionLabel(fn *Function) string {
	if !fn.IsG {
		return protoLabel(fn.Proto)
	}
	return v.nativeName(fn)
}

// DefinedAt returns file:line of where a function of the program begins, "" for
// one of the firmware.
func DefinedAt(fn *Function) string {
	if fn.IsG {
		return ""
	}
	return fmt.Sprintf("%s:%d", chunkLabel(fn.Proto), max(fn.Proto.LineDefined, 1))
}

// nativeName is the name of a function of the firmware: "string.rep",
// "net.tcpsocket:send".
func (v *VM) nativeName(fn *Function) string {
	if v.natives == nil || v.nativesOf != len(v.rom) {
		v.natives, v.nativesOf = map[*Function]string{}, len(v.rom)
		type named struct {
			name string
			t    *Table
		}
		var list []named
		for t, name := range v.rom {
			list = append(list, named{name, t})
		}
		note := func(fn *Function, name string) {
			if old, ok := v.natives[fn]; !ok || name < old {
				v.natives[fn] = name
			}
		}
		types := map[*Table]bool{}
		for _, mt := range v.metatables {
			types[mt] = true
		}
		for _, n := range list {
			sep := "."
			if types[n.t] {
				sep = ":"
			}
			n.t.ForEach(func(k, x lua.LValue) {
				if f, ok := x.(*Function); ok {
					switch {
					case v.hidden[f]:
					case n.t == v.romGlobals:
						note(f, k.String())
					default:
						note(f, n.name+sep+k.String())
					}
				}
			})
		}
		v.Globals().ForEach(func(k, x lua.LValue) {
			if f, ok := x.(*Function); ok && f.IsG {
				note(f, k.String())
			}
		})
	}
	if name := v.natives[fn]; name != "" {
		return name
	}
	return "native function"
}
