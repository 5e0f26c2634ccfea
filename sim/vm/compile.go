package vm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/sim/vm/luasyntax"
	lua "github.com/yuin/gopher-lua"
)

// signature begins every precompiled chunk (fw: LUA_SIGNATURE).
const signature = "\x1bLua"

// Load compiles source, or undumps a precompiled chunk, under a chunk name as
// luaL_loadbuffer takes it: "@init.lua", "=stdin" or source text. The first line
// of a file ("@") is skipped when it begins with #, as luaL_loadfile does. The
// error is an *Error.
func (v *VM) Load(source []byte, chunk string) (*Function, error) {
	src := string(source)
	if strings.HasPrefix(chunk, "@") && strings.HasPrefix(src, "#") {
		_, rest, more := strings.Cut(src, "\n")
		src = rest
		if more && !strings.HasPrefix(rest, signature) {
			src = "\n" + rest
		}
	}
	var proto *lua.FunctionProto
	var err error
	if strings.HasPrefix(src, signature[:1]) {
		proto, err = undump(src, ChunkID(chunk))
	} else {
		proto, err = compile(src, chunk)
	}
	if err != nil {
		return nil, &Error{Value: String(err.Error())}
	}
	correctProto(proto)
	v.mem.chargeChunk(proto)
	fn := v.newFunction(proto)
	v.pin(fn)
	return fn, nil
}

// newFunction makes a function of proto, whose upvalues, if any, are nil
// (luaF_newLclosure).
func (v *VM) newFunction(proto *lua.FunctionProto) *Function {
	fn := v.L.NewFunctionFromProto(proto)
	for i := range fn.Upvalues {
		fn.Upvalues[i] = &lua.Upvalue{}
		fn.Upvalues[i].SetValue(Nil)
		fn.Upvalues[i].Close()
	}
	return fn
}

// compile turns source into code.
func compile(src, chunk string) (proto *lua.FunctionProto, err error) {
	tree, serr := luasyntax.Parse(src)
	if serr != nil {
		if serr.Memory {
			return nil, errors.New(OutOfMemory)
		}
		return nil, fmt.Errorf("%s:%d: %s", ChunkID(chunk), serr.Line, serr.Message)
	}
	// What the code generator does not foresee is a function that needs more
	// registers than an instruction can name.
	defer func() {
		if r := recover(); r != nil {
			proto, err = nil, fmt.Errorf("%s: function or expression too complex", ChunkID(chunk))
		}
	}()
	proto, err = lua.Compile(tree, chunk)
	var cerr *lua.CompileError
	if errors.As(err, &cerr) {
		return nil, fmt.Errorf("%s:%d: function or expression too complex", ChunkID(chunk), cerr.Line)
	}
	return proto, err
}
