package luac

import (
	"encoding/binary"
	"math"
)

// Precompiled chunks in the format of the firmware's float build: Lua 5.1's for a
// 32-bit little-endian machine with two additions of eLua's. Code and line
// information begin at multiples of four bytes, and lines are packed.
//
//	header: "\x1bLua" 0x51 0, little endian 1, sizes of int 4, string length 4,
//	        instruction 4, number 8, numbers are integers 0
//	function: source, line, last line (int); upvalues, parameters, vararg flags,
//	        registers (byte); number of instructions (int), padding, instructions;
//	        number of constants (int), each a type (byte) and its value; number of
//	        functions (int), the functions; bytes of lines (int), padding, lines;
//	        number of locals (int), each name, first and last instruction (int);
//	        number of upvalue names (int), the names
//	string: length with its final zero (int), bytes, zero; only 0 when there is none
//
// A stripped chunk has neither sources nor lines nor names.
// Source: fw: app/lua/ldump.c, lundump.c, lundump.h.
const (
	Signature = "\x1bLua" // what every precompiled chunk begins with

	chunkHeader = Signature + "\x51\x00\x01\x04\x04\x04\x08\x00"

	// Places in the header.
	headerEndian   = 6
	headerNumber   = 10
	headerIntegral = 11

	// Types of constants (fw: app/lua/lua.h).
	tagNil, tagBoolean, tagNumber, tagString = 0, 1, 3, 4

	varargHasArg, varargIsVararg, varargNeedsArg = 1, 2, 4
)

// Dump returns p as a precompiled chunk, without its debug information if strip.
func Dump(p *Proto, strip bool) []byte {
	d := dumper{b: []byte(chunkHeader), strip: strip}
	d.function(p, nil)
	return d.b
}

type dumper struct {
	b     []byte
	strip bool
}

func (d *dumper) byte(n int)      { d.b = append(d.b, byte(n)) }
func (d *dumper) int(n int)       { d.b = binary.LittleEndian.AppendUint32(d.b, uint32(n)) }
func (d *dumper) string(s string) { d.int(len(s) + 1); d.b = append(append(d.b, s...), 0) }

func (d *dumper) align() {
	for len(d.b)&3 != 0 {
		d.byte(0)
	}
}

// function dumps p, which is nested in parent or in none. The source is written
// where it is not the parent's.
func (d *dumper) function(p, parent *Proto) {
	if d.strip || parent != nil && p.Source == parent.Source {
		d.int(0)
	} else {
		d.string(p.Source)
	}
	d.int(p.LineDefined)
	d.int(p.LastLineDefined)
	d.byte(p.Upvalues)
	d.byte(p.Params)
	d.byte(p.VarargFlags())
	d.byte(p.MaxStack)
	d.int(len(p.Code))
	d.align()
	for _, in := range p.Code {
		d.int(int(in.word()))
	}
	d.int(len(p.Consts))
	for _, k := range p.Consts {
		d.constant(k)
	}
	d.int(len(p.Protos))
	for _, n := range p.Protos {
		d.function(n, p)
	}
	d.debug(p)
}

func (d *dumper) constant(k Const) {
	switch k.Kind {
	case Nil:
		d.byte(tagNil)
	case False:
		d.byte(tagBoolean)
		d.byte(0)
	case True:
		d.byte(tagBoolean)
		d.byte(1)
	case Number:
		d.byte(tagNumber)
		d.b = binary.LittleEndian.AppendUint64(d.b, math.Float64bits(k.Num))
	case String:
		d.byte(tagString)
		d.string(k.Str)
	}
}

func (d *dumper) debug(p *Proto) {
	lines := p.LineInfo
	if d.strip {
		lines = nil
	}
	d.int(len(lines))
	d.align()
	d.b = append(d.b, lines...)
	if d.strip || !p.Named {
		d.int(0)
		d.int(0)
		return
	}
	d.int(len(p.Locals))
	for _, l := range p.Locals {
		d.string(l.Name)
		d.int(l.Start)
		d.int(l.End)
	}
	d.int(len(p.UpvalueNames))
	for _, name := range p.UpvalueNames {
		d.string(name)
	}
}
