package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// Names of functions and variables for tools. The firmware has none of them unless
// node.stripdebug(1) keeps them; our compiler still knows them, and nothing that a
// script can reach shows them.

// chunkLabel names the chunk of a function for people: also where the function
// itself, stripped, does not know it.
func (p *proto) chunkLabel() string { return ChunkID(p.chunk) }

// nameNested gives the functions inside p the names that p's code stores them
// under.
func (p *proto) nameNested() {
	for pc := 0; pc < len(p.code); pc++ {
		i := p.code[pc]
		switch opOf(i) {
		case luac.SetList:
			if argC(i) == 0 {
				pc++
			}
		case luac.Closure:
			if bx := argBx(i); bx < len(p.protos) {
				n := p.protos[bx]
				pc += n.nups
				n.name = p.storedName(pc+1, argA(i))
			}
		}
	}
}

// storedName is the name under which the value of register reg is stored by the
// instruction at pc, "" if it is none.
func (p *proto) storedName(pc, reg int) string {
	if name := p.localName(pc, reg); name != "" {
		return name
	}
	if pc >= len(p.code) {
		return ""
	}
	switch i := p.code[pc]; opOf(i) {
	case luac.SetGlobal:
		if argA(i) == reg {
			return p.constantName(argBx(i) | luac.ConstBit)
		}
	case luac.SetTable:
		if argC(i) != reg || argB(i)&luac.ConstBit == 0 {
			return ""
		}
		key := p.constantName(argB(i))
		if key == "?" {
			return ""
		}
		if of := p.localName(pc, argA(i)); of != "" {
			return of + "." + key
		}
		if set := p.lastSet(pc, argA(i)); set >= 0 && opOf(p.code[set]) == luac.GetGlobal {
			return p.constantName(argBx(p.code[set])|luac.ConstBit) + "." + key
		}
		return key
	}
	return ""
}

// localName is the name of the local variable that register reg is at
// instruction pc, "" if it is none.
func (p *proto) localName(pc, reg int) string {
	for _, l := range p.locals {
		if l.Start <= pc && pc < l.End {
			if reg == 0 {
				return l.Name
			}
			reg--
		}
	}
	return ""
}

// upvalueName is the name of upvalue i (from 0) of a function.
func (p *proto) upvalueName(i int) string {
	if i < len(p.upvalueNames) && p.upvalueNames[i] != "" {
		return p.upvalueNames[i]
	}
	return fmt.Sprintf("%d", i+1)
}

// label names a function for people: "handle <app.lua:12>".
func (p *proto) label() string {
	chunk := p.chunkLabel()
	if p.lineDefined == 0 {
		return "main chunk <" + chunk + ">"
	}
	name := p.name
	if name == "" {
		name = "function"
	}
	return fmt.Sprintf("%s <%s:%d>", name, chunk, p.lineDefined)
}

// FunctionLabel names a function for people: "handle <app.lua:12>", "net.send".
func (v *VM) FunctionLabel(fn *Function) string {
	if fn.proto != nil {
		return fn.proto.label()
	}
	return v.nativeName(fn)
}

// FunctionName is the name under which the firmware has fn, "" for a function of the
// program.
func (v *VM) FunctionName(fn *Function) string { return fn.name }

// Code is the code of a function of the program, for tools: it goes by its name and
// place also when the function is gone.
type Code struct{ proto *proto }

// CodeOf returns the code of fn. For anything but a function of the program it has
// neither name nor place.
func CodeOf(fn Value) Code {
	if f, ok := fn.(*Function); ok {
		return Code{f.proto}
	}
	return Code{}
}

// LineDefined returns the line at which the function begins: 0 for a whole chunk, -1
// for what is no function of the program.
func (c Code) LineDefined() int {
	if c.proto == nil {
		return -1
	}
	return c.proto.lineDefined
}

// DefinedAt returns file:line of where the function begins.
func (c Code) DefinedAt() string {
	return fmt.Sprintf("%s:%d", c.proto.chunkLabel(), max(c.proto.lineDefined, 1))
}

// Label names the function for people: "handle <app.lua:12>".
func (c Code) Label() string { return c.proto.label() }

// nativeName is the name of a function of the firmware: "string.rep",
// "net.tcpsocket:send".
func (v *VM) nativeName(fn *Function) string {
	if v.nativeNames == nil || v.namedOf != len(v.roms) {
		v.nativeNames, v.namedOf = map[*Function]string{}, len(v.roms)
		inFlash := true // what a program calls it counts only where the firmware has no name
		note := func(x value, name string) {
			if !x.isFunction() || x.function().native == nil {
				return
			}
			f := x.function()
			if old, ok := v.nativeNames[f]; !ok || inFlash && name < old {
				v.nativeNames[f] = name
			}
		}
		types := map[*Table]bool{}
		for _, mt := range v.metatables {
			types[mt] = true
		}
		for _, t := range v.roms {
			sep := "."
			if types[t] {
				sep = ":"
			}
			for _, e := range t.rom.entries {
				if t == v.romGlobals {
					note(e.val, e.name)
				} else {
					note(e.val, t.rom.name+sep+e.name)
				}
			}
		}
		inFlash = false
		for i := range v.th.globals.nodes {
			if n := &v.th.globals.nodes[i]; n.key.isString() {
				note(n.val, n.key.str().text())
			}
		}
	}
	if name := v.nativeNames[fn]; name != "" {
		return name
	}
	return "native function"
}
