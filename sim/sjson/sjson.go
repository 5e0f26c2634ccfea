// Package sjson is the firmware module sjson: Lua values to and from JSON (fw:
// docs/modules/sjson.md, app/modules/sjson.c, app/sjson/jsonsl.c).
//
// sjson.decode(text[, options]) reads a whole object or list, sjson.decoder
// reads it in pieces: write returns nothing until the value is complete, then
// the value. What follows a complete value is ignored. A list or object must be
// at the top; nesting is limited to 18 levels with a value in the innermost.
// null becomes a light userdata, which type() calls "lightfunction" and which the
// encoder writes as null again, or with a table of options what its field null says,
// which is nil if there is none. There is no sjson.NULL, as the documentation has it.
// With options.metatable new tables get that metatable, its __newindex sees every value
// that is stored, and its checkpath, called with each new table and the list of keys
// that leads there, tells whether to store it.
//
// sjson.encode(table[, options]) and sjson.encoder write JSON. A table whose keys
// are all positive numbers is a list with null for each hole, an empty table is
// [], anything else an object, in the order of pairs. A function is called and replaced
// by its result. Numbers have up to 19 digits, as the chip's printf makes them: 1/3 is
// 0.3333333333333332992. What is infinite or not a number is null.
//
// Odd corners of the firmware:
//   - The option depth is documented and not looked at: it is always 20.
//   - The encoder does not escape the backslash, so a string with one may not be
//     read back as it was. The event stream has a hint when that happens.
//   - A key that is true or false is written without quotes.
//   - Half of a surrogate pair is read as "?", so characters outside the basic
//     plane that are written as \uD83D\uDE00 come out as "??". \u with less than four
//     digits takes what follows the string for digits.
//   - Strings in a list need no comma between them, -01 is -1, and of a number with a
//     point in its exponent, 1e5.5, nothing is left but 0. Control characters from 0x14 on
//     may stand in a string.
//   - A value that follows the first one behind a comma takes its place: [1],[2] is {2}.
//   - Without any argument sjson.decode takes the decoder that it has made for its text.
//   - In integer keys of lists beyond 16383 the encoder loses count.
//   - Strings are put together in pieces, so under the default collector setting
//     a result of 4096 bytes or more is "string length overflow"; the pieces of
//     an encoder's read do not help, as it makes the whole text first.
//   - An encoder that was read on after "encoder stack overflow", a metatable that is a
//     string, and a checkpath that closes more levels of its own decoder than there are,
//     are exceptions.
package sjson

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module.
var Module = device.Module{Name: "sjson", Open: open}

// CJSON is the module cjson of releases before 2.1, which had encode and decode of the same
// meaning. A legacy build has it beside sjson.
var CJSON = device.Module{Name: "cjson", Open: func(d *device.Device) *device.Lib {
	m := &module{d: d}
	m.makeTypes()
	return &device.Lib{
		Funcs: []vm.Func{{Name: "encode", Fn: m.encode}, {Name: "decode", Fn: m.decode}},
		Types: []*vm.Type{m.decoder, m.encoder},
	}
}}

// maxDepth is how many levels the decoder and the encoder keep
// (DEFAULT_DEPTH).
const maxDepth = 20

// module is the state from one boot to the next.
type module struct {
	d       *device.Device
	decoder *vm.Type
	encoder *vm.Type
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d}
	m.makeTypes()
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "encode", Fn: m.encode},
			{Name: "decode", Fn: m.decode},
			{Name: "encoder", Fn: m.newEncoder},
			{Name: "decoder", Fn: m.newDecoder},
		},
		Types: []*vm.Type{m.decoder, m.encoder},
	}
}

func (m *module) makeTypes() {
	m.decoder = &vm.Type{
		Name: "sjson.decoder",
		Methods: []vm.Func{
			{Name: "write", Fn: m.decoderWrite},
			{Name: "result", Fn: m.decoderResult},
		},
		GC: func(o any) { m.collected(o.(*decoder)) },
	}
	m.encoder = &vm.Type{
		Name:    "sjson.encoder",
		Methods: []vm.Func{{Name: "read", Fn: m.encoderRead}},
		GC:      func(o any) { o.(*encoder).destroy(m.d.VM) },
	}
}
