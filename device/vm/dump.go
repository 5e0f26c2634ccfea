package vm

import (
	"reflect"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// luaProto repeats gopher-lua's FunctionProto; see layout.go.
type luaProto struct {
	SourceName         string
	LineDefined        int
	LastLineDefined    int
	NumUpvalues        uint8
	NumParameters      uint8
	IsVarArg           uint8
	NumUsedRegisters   uint8
	Code               []uint32
	Constants          []lua.LValue
	FunctionPrototypes []*lua.FunctionProto

	DbgSourcePositions []int
	DbgLocals          []*lua.DbgLocalInfo
	DbgCalls           []lua.DbgCall
	DbgUpvalues        []string

	stringConstants []string
}

func init() {
	if err := sameLayout(reflect.TypeOf(lua.FunctionProto{}), reflect.TypeOf(luaProto{})); err != nil {
		panic("vm: this gopher-lua is not the version that nodemcu-sim was built for: " + err.Error())
	}
}

// Dump returns fn as a precompiled chunk in the firmware's format (lua_dump),
// without its debug information if strip. ok is false when fn is not a Lua
// function.
func Dump(fn *Function, strip bool) (chunk []byte, ok bool) {
	if fn.IsG {
		return nil, false
	}
	return luac.Dump(disassemble(fn.Proto), strip), true
}

// undump makes code of a precompiled chunk, accounting for what the firmware
// takes on the way.
func (v *VM) undump(src, chunk string) (proto *lua.FunctionProto, err error) {
	m := v.mem
	v.loading(chunk, func() {
		_, err = luac.Undump(src, chunk, m, func(main *luac.Proto) {
			proto = assemble(main)
			noteLoaded(proto, chunk)
			m.adoptProto(proto, main)
			m.charge(kindFunction, heap.ClosureSize(main.Upvalues))
			for range main.Upvalues {
				m.charge(kindUpvalue, heap.UpvalueCell)
			}
		})
	}, &err)
	if err != nil {
		return nil, err
	}
	return proto, nil
}

// Debug says what debug information functions keep. A higher one keeps less.
type Debug = luac.Debug

// What is kept. node.stripdebug counts these from 1.
const (
	KeepAll     = luac.KeepAll   // names of locals and upvalues, and lines
	KeepLines   = luac.KeepLines // the firmware's default
	KeepNothing = luac.KeepNothing
)

// DebugKept returns what debug information functions keep that are compiled from
// now on, as node.stripdebug sets it.
func (v *VM) DebugKept() Debug { return v.debugKept }

// KeepDebug sets it.
func (v *VM) KeepDebug(d Debug) { v.debugKept = d }

// Bytes that the firmware counts for a name it strips: each local variable's
// entry, its name's header and a pointer, twice; each upvalue's header and
// pointer. Source: fw: app/lua/ldebug.c, stripdebug; it calls it an estimate.
const (
	strippedLocal   = 2 * (heap.LocalVarSize + heap.StringHeader + 4)
	strippedUpvalue = heap.StringHeader + heap.UpvalueNameSize
)

// StripDebug takes debug information from fn and the functions inside it, and
// returns what lua_stripdebug does: about how many bytes that freed.
func (v *VM) StripDebug(fn *Function, keep Debug) int {
	if fn.IsG {
		return 0
	}
	return v.stripProto(fn.Proto, keep)
}

func (v *VM) stripProto(p *lua.FunctionProto, keep Debug) int {
	n := 0
	for _, in := range p.FunctionPrototypes {
		n += v.stripProto(in, keep)
	}
	if lines := lineInfo(p); keep >= KeepNothing && lines != "" {
		n += len(lines)
		note(p, noteLines, "")
		clear(p.DbgSourcePositions)
		v.mem.shrinkProto(p, luac.LinesBlock)
	}
	if keep >= KeepLines && isNamed(p) {
		n += len(p.DbgLocals)*strippedLocal + len(p.DbgUpvalues)*strippedUpvalue
		p.IsVarArg &^= protoNamed
		v.mem.shrinkProto(p, luac.LocalsBlock)
		v.mem.shrinkProto(p, luac.UpvaluesBlock)
	}
	return n
}

// shrinkProto gives a block of a prototype back.
func (m *memory) shrinkProto(p *lua.FunctionProto, part int) {
	o := m.protos[p]
	if o == nil {
		return // not accounted for, or found dead
	}
	b := &o.parts[part]
	o.size -= int32(b.Size())
	m.Realloc(b, 0)
	o.strs = nil // names may be dead now
}
