package vm

import (
	"errors"
	"fmt"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
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
	if p.Named {
		out.IsVarArg |= protoNamed
	}
	note(out, noteLines, string(p.LineInfo))
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

// disassemble is the inverse of assemble.
func disassemble(p *lua.FunctionProto) *luac.Proto {
	out := &luac.Proto{
		Source:          p.SourceName,
		LineDefined:     p.LineDefined,
		LastLineDefined: p.LastLineDefined,
		Upvalues:        int(p.NumUpvalues),
		Params:          int(p.NumParameters),
		MaxStack:        int(p.NumUsedRegisters),
		HasArg:          p.IsVarArg&lua.VarArgHasArg != 0,
		IsVararg:        p.IsVarArg&lua.VarArgIsVarArg != 0,
		NeedsArg:        p.IsVarArg&lua.VarArgNeedsArg != 0,
		Code:            make([]luac.Instruction, len(p.Code)),
		Lines:           p.DbgSourcePositions,
		LineInfo:        []byte(lineInfo(p)),
		Consts:          make([]luac.Const, len(p.Constants)),
		Named:           isNamed(p),
		UpvalueNames:    p.DbgUpvalues,
	}
	for i, inst := range p.Code {
		if i > 0 && out.Code[i-1].Op == luac.SetList && out.Code[i-1].C == 0 {
			out.Code[i] = luac.Instruction{Op: luac.Extra, B: int(inst)}
			continue
		}
		out.Code[i] = decode(inst)
	}
	for i, k := range p.Constants {
		switch k := k.(type) {
		case lua.LString:
			out.Consts[i] = luac.Const{Kind: luac.String, Str: string(k)}
		case lua.LNumber:
			out.Consts[i] = luac.Const{Kind: luac.Number, Num: float64(k)}
		case lua.LBool:
			out.Consts[i].Kind = luac.False
			if k {
				out.Consts[i].Kind = luac.True
			}
		}
	}
	for _, l := range p.DbgLocals {
		out.Locals = append(out.Locals, luac.Local{Name: l.Name, Start: l.StartPc, End: l.EndPc})
	}
	for _, n := range p.FunctionPrototypes {
		out.Protos = append(out.Protos, disassemble(n))
	}
	return out
}

// operations are the firmware's operations for gopher-lua's codes.
var operations = func() (ops [lua.OP_NOP]luac.Op) {
	for op, code := range opcodes {
		ops[code] = luac.Op(op)
	}
	ops[lua.OP_GETTABLEKS], ops[lua.OP_SETTABLEKS] = luac.GetTable, luac.SetTable
	return ops
}()

// decode is the inverse of encode, but for the numbers of blocks.
func decode(inst uint32) luac.Instruction {
	in := luac.Instruction{Op: operations[opOf(inst)], A: argA(inst)}
	switch in.Op {
	case luac.LoadK, luac.GetGlobal, luac.SetGlobal, luac.Closure:
		in.B = argBx(inst)
	case luac.Jmp, luac.ForLoop, luac.ForPrep:
		in.B = argS(inst)
	default:
		in.B, in.C = argB(inst), argC(inst)
	}
	return in
}

// compileOutOfMemory unwinds the compiler when memory runs out.
type compileOutOfMemory struct{}

// loading runs the compiler or the reader of precompiled chunks. The collector is
// blocked meanwhile, as in the firmware. err becomes the error of running out of
// memory.
func (v *VM) loading(chunk string, run func(), err *error) {
	m := v.mem
	m.checkGC()
	v.BeginLoad()
	m.holdUnbound()
	m.compiling = true
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
			*err = errors.New(OutOfMemory)
		}
	}()
	run()
}

// compileSource turns source into code, accounting for what the firmware's
// compiler takes on the way. more, if not nil, returns what follows src.
func (v *VM) compileSource(src string, more func() string, chunk string) (proto *lua.FunctionProto, err error) {
	m := v.mem
	v.loading(chunk, func() {
		_, cerr := luac.CompilePieces(src, more, chunk, v.debugKept, m, func(main *luac.Proto, garbage []*heap.Table) {
			m.orphans = append(m.orphans, garbage...)
			proto = assemble(main)
			m.adoptProto(proto, main)
			m.charge(kindFunction, heap.ClosureSize(0))
		})
		if cerr != nil {
			err = fmt.Errorf("%s:%d: %s", ChunkID(chunk), cerr.Line, cerr.Message)
		}
	}, &err)
	if err != nil {
		return nil, err
	}
	return proto, nil
}

// BeginLoad stops the collector until EndLoad: what is compiled, and what a
// function that reads it makes meanwhile, stays as long as the compilation takes.
func (v *VM) BeginLoad() {
	v.mem.beExact() // the device has just collected, too
	v.mem.egc.Blocked = true
}

// EndLoad lets the collector run again, even if a script had stopped it.
func (v *VM) EndLoad() { v.mem.egc.Blocked = false }

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
