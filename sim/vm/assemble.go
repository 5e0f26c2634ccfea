package vm

import (
	"errors"
	"fmt"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm/luac"
)

// The firmware's instructions are gopher-lua's but for the encoding and for
// variants of two that take a constant string as key.

// opcodes are gopher-lua's codes for the firmware's operations.
var opcodes = [...]int{
	luac.Move: lua.OP_MOVE, luac.LoadK: lua.OP_LOADK, luac.LoadBool: lua.OP_LOADBOOL, luac.LoadNil: lua.OP_LOADNIL,
	luac.GetUpval: lua.OP_GETUPVAL, luac.GetGlobal: lua.OP_GETGLOBAL, luac.GetTable: lua.OP_GETTABLE,
	luac.SetGlobal: lua.OP_SETGLOBAL, luac.SetUpval: lua.OP_SETUPVAL, luac.SetTable: lua.OP_SETTABLE,
	luac.NewTable: lua.OP_NEWTABLE, luac.Self: lua.OP_SELF, luac.Add: lua.OP_ADD, luac.Sub: lua.OP_SUB,
	luac.Mul: lua.OP_MUL, luac.Div: lua.OP_DIV, luac.Mod: lua.OP_MOD, luac.Pow: lua.OP_POW, luac.Unm: lua.OP_UNM,
	luac.Not: lua.OP_NOT, luac.Len: lua.OP_LEN, luac.Concat: lua.OP_CONCAT, luac.Jmp: lua.OP_JMP, luac.Eq: lua.OP_EQ,
	luac.Lt: lua.OP_LT, luac.Le: lua.OP_LE, luac.Test: lua.OP_TEST, luac.TestSet: lua.OP_TESTSET, luac.Call: lua.OP_CALL,
	luac.TailCall: lua.OP_TAILCALL, luac.Return: lua.OP_RETURN, luac.ForLoop: lua.OP_FORLOOP,
	luac.ForPrep: lua.OP_FORPREP, luac.TForLoop: lua.OP_TFORLOOP, luac.SetList: lua.OP_SETLIST, luac.Close: lua.OP_CLOSE,
	luac.Closure: lua.OP_CLOSURE, luac.Vararg: lua.OP_VARARG,
}

// assemble makes gopher-lua's form of a prototype.
func assemble(p *luac.Proto) *lua.FunctionProto {
	out := &lua.FunctionProto{
		SourceName:         p.Source,
		LineDefined:        p.LineDefined,
		LastLineDefined:    p.LastLineDefined,
		NumUpvalues:        uint8(p.Upvalues),
		NumParameters:      uint8(p.Params),
		NumUsedRegisters:   uint8(p.MaxStack),
		Code:               make([]uint32, len(p.Code)),
		Constants:          make([]lua.LValue, len(p.Consts)),
		DbgSourcePositions: p.Lines,
		DbgUpvalues:        p.UpvalueNames,
	}
	if p.HasArg {
		out.IsVarArg |= lua.VarArgHasArg
	}
	if p.IsVararg {
		out.IsVarArg |= lua.VarArgIsVarArg
	}
	if p.NeedsArg {
		out.IsVarArg |= lua.VarArgNeedsArg
	}
	for _, l := range p.Locals {
		out.DbgLocals = append(out.DbgLocals, &lua.DbgLocalInfo{Name: l.Name, StartPc: l.Start, EndPc: l.End})
	}
	strings := make([]string, len(p.Consts))
	for i, k := range p.Consts {
		switch k.Kind {
		case luac.Nil:
			out.Constants[i] = lua.LNil
		case luac.False, luac.True:
			out.Constants[i] = lua.LBool(k.Kind == luac.True)
		case luac.Number:
			out.Constants[i] = lua.LNumber(k.Num)
		case luac.String:
			out.Constants[i] = lua.LString(k.Str)
			strings[i] = k.Str
		}
	}
	(*luaProto)(unsafe.Pointer(out)).stringConstants = strings
	for i, in := range p.Code {
		out.Code[i] = encode(in, p.Consts)
	}
	for _, n := range p.Protos {
		out.FunctionPrototypes = append(out.FunctionPrototypes, assemble(n))
	}
	nameNested(out)
	return out
}

func encode(in luac.Instruction, consts []luac.Const) uint32 {
	stringConst := func(rk int) bool {
		return rk&luac.ConstBit != 0 && consts[rk&^luac.ConstBit].Kind == luac.String
	}
	const zeroDistance = 1<<17 - 1
	switch in.Op {
	case luac.Extra:
		return uint32(in.B)
	case luac.LoadK, luac.GetGlobal, luac.SetGlobal, luac.Closure:
		return uint32(opcodes[in.Op])<<26 | uint32(in.A)<<18 | uint32(in.B)
	case luac.Jmp, luac.ForLoop, luac.ForPrep:
		return uint32(opcodes[in.Op])<<26 | uint32(in.A)<<18 | uint32(in.B+zeroDistance)
	}
	op := opcodes[in.Op]
	switch {
	case in.Op == luac.GetTable && stringConst(in.C):
		op = lua.OP_GETTABLEKS
	case in.Op == luac.SetTable && stringConst(in.B):
		op = lua.OP_SETTABLEKS
	}
	return uint32(op)<<26 | uint32(in.A)<<18 | uint32(in.C)<<9 | uint32(in.B)
}

// compileOutOfMemory unwinds the compiler when memory runs out.
type compileOutOfMemory struct{}

// compileSource turns source into code, accounting for what the firmware's
// compiler takes on the way. The collector is blocked meanwhile, as in the
// firmware.
func (v *VM) compileSource(src, chunk string) (proto *lua.FunctionProto, err error) {
	m := v.mem
	v.BeginLoad()
	m.hold, m.compiling = true, true
	if m.track != nil {
		m.track.chunk = ChunkID(chunk)
	}
	defer func() {
		if m.track != nil {
			m.track.chunk = ""
		}
		m.hold, m.compiling = false, false
		v.EndLoad()
		if r := recover(); r != nil {
			if _, ok := r.(compileOutOfMemory); !ok {
				panic(r)
			}
			proto, err = nil, errors.New(OutOfMemory)
		}
	}()
	_, cerr := luac.Compile(src, chunk, m, func(main *luac.Proto, garbage []*heap.Table) {
		m.orphans = append(m.orphans, garbage...)
		proto = assemble(main)
		m.adoptProto(proto, main)
		m.charge(kindFunction, heap.ClosureSize(0))
	})
	if cerr != nil {
		return nil, fmt.Errorf("%s:%d: %s", ChunkID(chunk), cerr.Line, cerr.Message)
	}
	return proto, nil
}

// BeginLoad stops the collector until EndLoad: what is compiled, and what a
// function that reads it makes meanwhile, stays as long as the compilation takes.
func (v *VM) BeginLoad() {
	m := v.mem
	if m.on && !m.exact && !m.egc.Blocked {
		m.collect() // the device has just done so
	}
	m.egc.Blocked = true
	if m.named == nil {
		m.named = map[string]bool{}
	}
}

// EndLoad lets the collector run again, even if a script had stopped it.
func (v *VM) EndLoad() { v.mem.egc.Blocked, v.mem.named = false, nil }

// Intern accounts for a string (luac.Account).
func (m *memory) Intern(s string) { m.intern(s) }

// adoptProto takes the blocks of a freshly compiled prototype over.
func (m *memory) adoptProto(p *lua.FunctionProto, from *luac.Proto) {
	if !m.on {
		return
	}
	o := &protoObject{nested: p.FunctionPrototypes, parts: from.Blocks()}
	o.size = int32(from.Bytes())
	o.epoch = m.epoch
	m.protos[p] = o
	if m.track != nil {
		m.track.noteProto(p)
	}
	for i, n := range p.FunctionPrototypes {
		m.adoptProto(n, from.Protos[i])
	}
}
