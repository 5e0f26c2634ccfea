package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Names of functions and variables for tools. The firmware has none of them; our
// compiler still knows them, and nothing that a script can reach shows them.

// nameNested gives the functions inside p the names that p's code stores them
// under. A name is kept as the only entry of DbgCalls, which nothing else uses,
// at a place that no instruction has.
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
					n.DbgCalls = []lua.DbgCall{{Name: name, Pc: -1}}
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
	chunk := ChunkID(p.SourceName)
	if p.LineDefined == 0 {
		return "main chunk <" + chunk + ">"
	}
	name := "function"
	if len(p.DbgCalls) == 1 {
		name = p.DbgCalls[0].Name
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
	return fmt.Sprintf("%s:%d", ChunkID(fn.Proto.SourceName), max(fn.Proto.LineDefined, 1))
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
