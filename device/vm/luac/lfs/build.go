package lfs

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// ErrFull is an image of more than MaxWords.
var ErrFull = errors.New("an image of the flash store has at most 262144 bytes")

// Options are what an image depends on beside its modules.
type Options struct {
	Time int64 // when it was made, in seconds since 1970
}

// Build lays out an image of modules, in their order. It fails with ErrFull, and where there
// are none or more than MaxModules.
func Build(modules []Module, o Options) (*Image, error) {
	index, err := Index(modules, o.Time)
	if err != nil {
		return nil, err
	}
	return BuildIndex(index)
}

// BuildIndex lays out an image whose main function is index: see Index. It fails with ErrFull.
func BuildIndex(index *luac.Proto) (image *Image, err error) {
	b := &builder{addresses: newBitmap(MaxWords), strings: map[string]uint32{}}
	defer func() {
		if r := recover(); r != nil {
			if r != any(ErrFull) {
				panic(r)
			}
			image, err = nil, ErrFull
		}
	}()
	var all stringSet
	collect(&all, index)
	b.alloc(HeaderWords)
	count, buckets := b.stringTable(all.list())
	b.address(atMain, b.function(index))
	b.words[0], b.words[1] = Signature, uint32(4*len(b.words))
	b.address(atHash, HeaderWords)
	b.words[4], b.words[5] = count, buckets
	return &Image{words: b.words, addresses: b.addresses[:len(newBitmap(len(b.words)))]}, nil
}

// collect adds the strings that p refers to, in the order in which luac.cross meets them.
func collect(all *stringSet, p *luac.Proto) {
	all.add(p.Source)
	if len(p.LineInfo) > 0 {
		all.add(lineString(p))
	}
	for _, k := range p.Consts {
		if k.Kind == luac.String {
			all.add(k.Str)
		}
	}
	if p.Named {
		for _, name := range p.UpvalueNames {
			all.add(name)
		}
		for _, l := range p.Locals {
			all.add(l.Name)
		}
	}
	for _, child := range p.Protos {
		collect(all, child)
	}
}

// lineString is the string that holds p's packed lines.
func lineString(p *luac.Proto) string { return string(p.LineInfo[:len(p.LineInfo)-1]) }

// builder lays out an image. It panics with ErrFull.
type builder struct {
	words     []uint32
	addresses bitmap
	strings   map[string]uint32 // where they are
}

// alloc takes the next n words.
func (b *builder) alloc(n int) uint32 {
	at := len(b.words)
	if at+n > MaxWords {
		panic(ErrFull)
	}
	b.words = append(b.words, make([]uint32, n)...)
	return uint32(at)
}

// address writes the address to into word at, unless it is none.
func (b *builder) address(at, to uint32) {
	if to != 0 {
		b.words[at] = to
		b.addresses.set(int(at))
	}
}

func (b *builder) stringTable(list []string) (count, buckets uint32) {
	count = uint32(len(list))
	buckets = 2 << (bits.Len32(count) - 1)
	b.alloc(int(buckets))
	for _, s := range list {
		hash := heap.StringHash(s)
		bucket := HeaderWords + hash&(buckets-1)
		at := b.alloc(stringWords)
		b.address(at, b.words[bucket])
		b.address(bucket, at)
		b.words[at+1], b.words[at+2], b.words[at+3] = stringTag, hash, uint32(len(s))
		text := make([]byte, (len(s)+4)&^3)
		copy(text, s)
		to := b.words[b.alloc(len(text)/4):]
		for i := range to {
			to[i] = binary.LittleEndian.Uint32(text[4*i:])
		}
		b.strings[s] = at
	}
	return count, buckets
}

// function writes p and returns where its record is.
func (b *builder) function(p *luac.Proto) uint32 {
	inside := make([]uint32, len(p.Protos))
	for i, child := range p.Protos {
		inside[i] = b.function(child)
	}
	children := b.vector(len(inside), 1)
	for i, at := range inside {
		b.address(children+uint32(i), at)
	}
	consts := b.vector(len(p.Consts), constWords)
	for i, k := range p.Consts {
		b.constant(consts+uint32(i)*constWords, k)
	}
	code := b.vector(len(p.Code), 1)
	for i, in := range p.Code {
		b.words[code+uint32(i)] = in.Word()
	}
	var locals []luac.Local
	var upvalueNames []string
	if p.Named {
		locals, upvalueNames = p.Locals, p.UpvalueNames
	}
	localsAt := b.vector(len(locals), localWords)
	for i, l := range locals {
		at := localsAt + uint32(i)*localWords
		b.address(at, b.strings[l.Name])
		b.words[at+1], b.words[at+2] = uint32(l.Start), uint32(l.End)
	}
	namesAt := b.vector(len(upvalueNames), 1)
	for i, name := range upvalueNames {
		b.address(namesAt+uint32(i), b.strings[name])
	}

	at := b.alloc(recordWords)
	b.address(at+recConsts, consts)
	b.address(at+recCode, code)
	b.address(at+recChildren, children)
	if len(p.LineInfo) > 0 {
		b.address(at+recLines, b.strings[lineString(p)]+stringWords)
	}
	b.address(at+recLocals, localsAt)
	b.address(at+recUpvalueNames, namesAt)
	b.address(at+recSource, b.strings[p.Source])
	r := b.words[at:]
	r[recUpvalueNameCount], r[recConstCount], r[recCodeCount] = uint32(len(upvalueNames)), uint32(len(p.Consts)), uint32(len(p.Code))
	r[recChildCount], r[recLocalCount] = uint32(len(p.Protos)), uint32(len(locals))
	r[recLine], r[recLastLine] = uint32(p.LineDefined), uint32(p.LastLineDefined)
	r[recShape] = uint32(p.Upvalues) | uint32(p.Params)<<8 | uint32(p.VarargFlags())<<16 | uint32(p.MaxStack)<<24
	return at
}

// vector takes n elements' words. There is no vector of none.
func (b *builder) vector(n, words int) uint32 {
	if n == 0 {
		return 0
	}
	return b.alloc(n * words)
}

func (b *builder) constant(at uint32, k luac.Const) {
	tag := tagNil
	switch k.Kind {
	case luac.False, luac.True:
		tag = tagBoolean
		b.words[at] = uint32(k.Kind - luac.False)
	case luac.Number:
		tag = tagNumber
		n := math.Float64bits(k.Num)
		b.words[at], b.words[at+1] = uint32(n), uint32(n>>32)
	case luac.String:
		tag = tagString
		b.address(at, b.strings[k.Str])
	}
	b.words[at+2] = uint32(tag)
}
