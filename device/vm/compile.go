package vm

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
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
		proto, err = v.compileSource(src, nil, chunk)
	}
	if err != nil {
		return nil, &Error{Value: String(err.Error())}
	}
	return v.loaded(proto), nil
}

// loaded is the function of a chunk that has just been compiled or undumped.
func (v *VM) loaded(proto *lua.FunctionProto) *Function {
	fn := v.newFunction(proto)
	v.pin(fn)
	if t := v.mem.track; t != nil {
		t.note(fn)
	}
	return fn
}

// maxChunk bounds what is read of a precompiled chunk that comes in pieces: many
// times what fits the device's memory.
const maxChunk = 1 << 20

// readerFailed unwinds the compiler when the function that it reads from fails.
type readerFailed struct{ err *Error }

// LoadPieces is Load for what a function of the script's hands out piece by piece;
// "" is the end. The compiler runs as it reads, and while it runs nothing is
// collected: what next leaves behind stays until the chunk is complete. An error of
// next ends the compilation and is returned.
func (v *VM) LoadPieces(next func() (string, *Error), chunk string) (fn *Function, err error) {
	v.StartAccounting()
	first, lerr := next()
	if lerr != nil {
		return nil, lerr
	}
	m := v.mem
	more := func() string {
		compiling := m.compiling
		m.compiling = false // running out of memory in there is an error in there
		piece, lerr := next()
		if m.compiling = compiling; compiling {
			m.egc.Blocked = true // a chunk compiled in there, or an error, has ended it
			if m.track != nil {
				m.track.chunk = ChunkID(chunk)
			}
		}
		if lerr != nil {
			panic(readerFailed{lerr})
		}
		return piece
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(readerFailed)
			if !ok {
				panic(r)
			}
			fn, err = nil, f.err
		}
	}()
	if !strings.HasPrefix(first, escape) {
		proto, err := v.compileSource(first, more, chunk)
		if err != nil {
			return nil, &Error{Value: String(err.Error())}
		}
		return v.loaded(proto), nil
	}
	v.BeginLoad()
	defer v.EndLoad()
	var b strings.Builder
	for piece := first; piece != ""; piece = more() {
		if b.Len()+len(piece) > maxChunk {
			return nil, &Error{Value: String(OutOfMemory)}
		}
		b.WriteString(piece)
	}
	return v.Load([]byte(b.String()), chunk)
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
	fn := v.th.NewFunctionFromProto(proto)
	for i := range fn.Upvalues {
		fn.Upvalues[i] = &lua.Upvalue{}
		fn.Upvalues[i].SetValue(Nil)
		fn.Upvalues[i].Close()
	}
	return fn
}
