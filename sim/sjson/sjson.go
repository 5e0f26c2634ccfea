// Package sjson is the firmware module sjson: Lua values to and from JSON (fw:
// docs/modules/sjson.md, app/modules/sjson.c, app/sjson/jsonsl.c).
//
// sjson.decode(text[, options]) reads a whole object or list, sjson.decoder
// reads it in pieces: write returns nothing until the value is complete, then
// the value. What follows a complete value is ignored. A list or object must be
// at the top; nesting is limited to 18 levels with a value in the innermost.
// null becomes sjson.NULL, or with a table of options what its field null says,
// which is nil if there is none. With options.metatable new tables get that
// metatable, its __newindex sees every value that is stored, and its checkpath,
// called with each new table and the list of keys that leads there, tells
// whether to store it.
//
// sjson.encode(table[, options]) and sjson.encoder write JSON. A table whose keys
// are all positive numbers is a list with null for each hole, an empty table is
// [], anything else an object. A function is called and replaced by its result.
//
// Odd corners of the firmware:
//   - The option depth is documented and not looked at: it is always 20.
//   - The encoder does not escape the backslash, so a string with one may not be
//     read back as it was. The event stream has a hint when that happens.
//   - Half of a surrogate pair is read as "?", so characters outside the basic
//     plane that are written as \uD83D\uDE00 come out as "??".
//   - In integer keys of lists beyond 16383 the encoder loses count.
//   - Strings are put together in pieces, so under the default collector setting
//     a result of 4096 bytes or more is "string length overflow"; the pieces of
//     an encoder's read do not help, as it makes the whole text first.
package sjson

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module.
var Module = device.Module{Name: "sjson", Open: open}

// maxDepth is how many levels the decoder and the encoder keep
// (DEFAULT_DEPTH).
const maxDepth = 20

// module is the state from one boot to the next.
type module struct {
	d       *device.Device
	null    *vm.UserData // sjson.NULL, a light userdata
	decoder *vm.Type
	encoder *vm.Type
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d, null: d.VM.NewLightUserData()}
	m.decoder = &vm.Type{
		Name: "sjson.decoder",
		Methods: []vm.Func{
			{Name: "write", Fn: m.decoderWrite},
			{Name: "result", Fn: m.decoderResult},
		},
		GC: func(o any) { o.(*decoder).destroy(d.VM) },
	}
	m.encoder = &vm.Type{
		Name:    "sjson.encoder",
		Methods: []vm.Func{{Name: "read", Fn: m.encoderRead}},
		GC:      func(o any) { o.(*encoder).destroy(d.VM) },
	}
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "encode", Fn: m.encode},
			{Name: "decode", Fn: m.decode},
			{Name: "encoder", Fn: m.newEncoder},
			{Name: "decoder", Fn: m.newDecoder},
		},
		Consts: []vm.Const{{Name: "NULL", Value: m.null}},
		Types:  []*vm.Type{m.decoder, m.encoder},
	}
}
