package vm

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/sim/vm/luac"
)

// escape is what a precompiled chunk is known by (fw: LUA_SIGNATURE).
const escape = "\x1b"

// Load compiles source, or undumps a precompiled chunk, under a chunk name as
// luaL_loadbuffer takes it: "@init.lua", "=stdin" or source text. The first line
// of a file ("@") is skipped when it begins with #, as luaL_loadfile does. The
// error is an *Error.
func (v *VM) Load(source []byte, chunk string) (*Function, error) {
	v.StartAccounting()
	src := chunkSource(source, chunk)
	var proto *lua.FunctionProto
	var err error
	if strings.HasPrefix(src, escape) {
		proto, err = v.undump(src, chunk)
	} else {
		proto, err = v.compileSource(src, chunk)
	}
	if err != nil {
		return nil, &Error{Value: String(err.Error())}
	}
	fn := v.newFunction(proto)
	v.pin(fn)
	if t := v.mem.track; t != nil {
		t.note(fn)
	}
	return fn, nil
}

// chunkSource returns what of a file the compiler reads: all but a first line
// that begins with #. Before a precompiled chunk everything is skipped (fw:
// luaL_loadfile).
func chunkSource(source []byte, chunk string) string {
	src := string(source)
	if strings.HasPrefix(chunk, "@") && strings.HasPrefix(src, "#") {
		_, rest, more := strings.Cut(src, "\n")
		switch {
		case strings.HasPrefix(rest, escape):
			return src[strings.Index(src, escape):]
		case more:
			return "\n" + rest
		}
		return rest
	}
	return src
}

// CheckSyntax compiles source without a VM and returns the error that Load would
// give for it.
func CheckSyntax(source []byte, chunk string) error {
	src := chunkSource(source, chunk)
	if strings.HasPrefix(src, escape) {
		_, err := luac.Undump(src, chunk, nil, nil)
		return err
	}
	if _, err := luac.Compile(src, chunk, luac.KeepLines, nil, nil); err != nil {
		return fmt.Errorf("%s:%w", ChunkID(chunk), err)
	}
	return nil
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
