package lfs

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// Content is what is in an image.
type Content struct {
	Header  Header
	Time    int64 // when it was made, in seconds since 1970
	Modules []Module
	Index   *luac.Proto // the main function: see Index
	Strings []string    // all, in their order in the image
}

// Decode reads what lies in flash that is mapped at the address base: words begin with an image
// and may go on behind it. All that the functions need of it is checked, so they may run. An error
// says what is wrong, and with which word.
func Decode(words []uint32, base uint32) (*Content, error) {
	c, _, err := decode(words, placeAt(base))
	return c, err
}

// Content reads the image.
func (m *Image) Content() (*Content, error) {
	c, _, err := decode(m.words, distance)
	return c, err
}

// placeAt is where an address of an image at base leads.
func placeAt(base uint32) func(uint32) (uint32, bool) {
	return func(w uint32) (uint32, bool) { return (w - base) / 4, w >= base && (w-base)%4 == 0 }
}

// distance is where an address of a relocatable image leads.
func distance(w uint32) (uint32, bool) { return w, true }

// decode reads an image and notes which words are addresses. place is the word that an address
// leads to.
func decode(words []uint32, place func(address uint32) (uint32, bool)) (c *Content, addresses bitmap, err error) {
	h, ok := ReadHeader(words)
	if !ok {
		return nil, nil, tooShort(4 * len(words))
	}
	if err := h.check(len(words)); err != nil {
		return nil, nil, err
	}
	n := int(h.Size / 4)
	d := &decoder{words: words[:n], place: place, addresses: newBitmap(n), taken: newBitmap(n), strings: map[uint32]string{}}
	defer func() {
		if r := recover(); r != nil {
			wrong, damage := r.(damaged)
			if !damage {
				panic(r)
			}
			c, addresses, err = nil, nil, wrong
		}
	}()
	d.take(0, HeaderWords, "header")
	d.stringTable(h)
	c = &Content{Header: h, Index: d.function(atMain, 0)}
	for at := 0; at < n; at++ {
		if s, ok := d.strings[uint32(at)]; ok {
			c.Strings = append(c.Strings, s)
		}
	}
	if c.Modules, c.Time, ok = modulesOf(c.Index); !ok {
		return nil, nil, damaged("its main function is not an index of modules")
	}
	return c, d.addresses, nil
}

// check says what is wrong with a header of an image that lies in so many words.
func (h Header) check(words int) error {
	switch {
	case h.Signature&^(Version|Packed|Integer|InProgress|Absolute) != Signature&^(Version|Packed):
		return damaged(fmt.Sprintf("its signature is 0x%08x, and that of an image 0x%08x", h.Signature, Signature))
	case h.Signature&Version != Signature&Version:
		return damaged(fmt.Sprintf("it is of version %d of the format, and the firmware's is %d", h.Signature&Version>>8, Signature&Version>>8))
	case h.Signature&Integer != 0 || h.Signature&Packed == 0:
		return damaged(fmt.Sprintf("its signature 0x%08x is that of an integer build, and this is a float build", h.Signature))
	case h.Signature&InProgress != 0:
		return damaged("it was not written to its end")
	case h.Size%4 != 0 || h.Size < 4*HeaderWords:
		return damaged(fmt.Sprintf("its size in the header is %d bytes", h.Size))
	case int64(h.Size) > 4*int64(words):
		return damaged(fmt.Sprintf("its size in the header is %d bytes, and only %d are there", h.Size, 4*words))
	case h.Size > 4*MaxWords:
		return damaged(fmt.Sprintf("its size in the header is %d bytes, and an image has at most %d", h.Size, 4*MaxWords))
	case h.Buckets == 0 || h.Buckets&(h.Buckets-1) != 0:
		return damaged(fmt.Sprintf("its string table has %d buckets, which is no power of two", h.Buckets))
	}
	return nil
}

// damaged is what is wrong with an image.
type damaged string

func (d damaged) Error() string { return string(d) }

// decoder reads an image. It panics with damaged.
type decoder struct {
	words     []uint32
	place     func(address uint32) (uint32, bool)
	addresses bitmap
	taken     bitmap // words that belong to something
	strings   map[uint32]string
}

func (d *decoder) fail(format string, args ...any) {
	panic(damaged(fmt.Sprintf(format, args...)))
}

// take notes that n words from at belong to what.
func (d *decoder) take(at uint32, n int, what string) []uint32 {
	if int64(at)+int64(n) > int64(len(d.words)) {
		d.fail("%s at word %d has %d words, and the image ends at %d", what, at, n, len(d.words))
	}
	for i := int(at); i < int(at)+n; i++ {
		if d.taken.has(i) {
			d.fail("%s at word %d takes word %d, which belongs to something else, too", what, at, i)
		}
		d.taken.set(i)
	}
	return d.words[at : int(at)+n]
}

// follow returns where the address in word at leads, 0 when there is none.
func (d *decoder) follow(at uint32, what string) uint32 {
	w := d.words[at]
	if w == 0 {
		return 0
	}
	to, ok := d.place(w)
	if !ok || to >= uint32(len(d.words)) {
		d.fail("word %d should lead to %s, and 0x%x is no address in the image", at, what, w)
	}
	d.addresses.set(int(at))
	return to
}

func (d *decoder) stringTable(h Header) {
	table := d.follow(atHash, "the string table")
	if table == 0 {
		d.fail("it has no string table")
	}
	if h.Buckets > uint32(len(d.words)) {
		d.fail("its string table has %d buckets, and the image %d words", h.Buckets, len(d.words))
	}
	d.take(table, int(h.Buckets), "the string table")
	for b := range h.Buckets {
		for link := table + b; ; {
			at := d.follow(link, "a string")
			if at == 0 {
				break
			}
			d.string(at, b, h.Buckets)
			link = at
		}
	}
	if n := len(d.strings); n != int(h.Strings) {
		d.fail("it has %d strings, and its header says %d", n, h.Strings)
	}
}

// string reads the string at a word, which is in a bucket. One that is in a chain twice takes its
// words twice.
func (d *decoder) string(at, bucket, buckets uint32) {
	r := d.take(at, stringWords, "a string")
	if r[1] != stringTag {
		d.fail("word %d should begin a string, and its type and mark are 0x%08x instead of 0x%08x", at, r[1], uint32(stringTag))
	}
	n := r[3]
	if int64(n) >= 4*int64(len(d.words)) {
		d.fail("the string at word %d has a length of %d bytes", at, n)
	}
	var text []byte
	for _, w := range d.take(at+stringWords, int(n)/4+1, "the text of a string") {
		text = binary.LittleEndian.AppendUint32(text, w)
	}
	s := string(text[:n])
	hash := heap.StringHash(s)
	switch {
	case strings.Trim(string(text[n:]), "\x00") != "":
		d.fail("the string at word %d does not end with zero", at)
	case r[2] != hash:
		d.fail("the string at word %d has the hash 0x%08x, and its text 0x%08x", at, r[2], hash)
	case hash&(buckets-1) != bucket:
		d.fail("the string at word %d is in bucket %d instead of %d", at, bucket, hash&(buckets-1))
	}
	d.strings[at] = s
}

// number is the number in word at, which is not negative.
func (d *decoder) number(at uint32) int {
	w := d.words[at]
	if w > math.MaxInt32 {
		d.fail("word %d is the number of a line or an instruction, and is %d", at, int32(w))
	}
	return int(w)
}

// stringAt is the string that word at leads to. There must be one.
func (d *decoder) stringAt(at uint32, what string) string {
	to := d.follow(at, what)
	s, ok := d.strings[to]
	if !ok {
		d.fail("word %d should lead to %s, and no string begins at word %d", at, what, to)
	}
	return s
}

// vector is the vector of n elements that word at leads to. Without elements there is none.
func (d *decoder) vector(at, n uint32, words int, what string) (to uint32, v []uint32) {
	to = d.follow(at, what)
	switch {
	case n == 0 && to == 0:
		return 0, nil
	case n == 0 || to == 0:
		d.fail("word %d leads to %s at word %d, and there are %d of them", at, what, to, n)
	case int64(n)*int64(words) > int64(len(d.words)):
		d.fail("the %d %s of a function are more than the image has room for", n, what)
	}
	return to, d.take(to, int(n)*words, what)
}

// maxDepth is how many functions may be inside one another: the firmware's compiler stops
// before.
const maxDepth = 256

// function reads the function whose record word at leads to.
func (d *decoder) function(at uint32, depth int) *luac.Proto {
	record := d.follow(at, "a function")
	if record == 0 {
		d.fail("word %d should lead to a function and is 0", at)
	}
	if depth > maxDepth {
		d.fail("more than %d functions are inside one another", maxDepth)
	}
	r := d.take(record, recordWords, "a function")
	if r[0] != 0 || r[1] != 0 || r[recGrey] != 0 {
		d.fail("words 0, 1 and %d of the function at word %d are not 0", recGrey, record)
	}
	shape := r[recShape]
	p := &luac.Proto{
		LineDefined: d.number(record + recLine), LastLineDefined: d.number(record + recLastLine),
		Upvalues: int(shape & 0xff), Params: int(shape >> 8 & 0xff), MaxStack: int(shape >> 24),
		Source: d.stringAt(record+recSource, "the name of a source"),
	}
	p.SetVarargFlags(int(shape >> 16 & 0xff))
	if to := d.follow(record+recLines, "lines"); to != 0 {
		s, ok := d.strings[to-stringWords]
		if !ok {
			d.fail("word %d should lead to lines, and the text of no string begins at word %d", record+recLines, to)
		}
		line, _, _ := strings.Cut(s, "\x00") // a C string
		p.LineInfo = append([]byte(line), 0)
	}
	d.constants(record, p)
	_, code := d.vector(record+recCode, r[recCodeCount], 1, "instructions")
	p.Code = luac.Decode(code)
	d.names(record, p)
	children, _ := d.vector(record+recChildren, r[recChildCount], 1, "functions inside")
	for i := range r[recChildCount] {
		p.Protos = append(p.Protos, d.function(children+i, depth+1))
	}
	if !p.Complete() {
		d.fail("the code of the function at word %d (%s, line %d) can't run", record, p.Source, p.LineDefined)
	}
	return p
}

func (d *decoder) constants(record uint32, p *luac.Proto) {
	to, words := d.vector(record+recConsts, d.words[record+recConstCount], constWords, "constants")
	for i := 0; i < len(words); i += constWords {
		w, k := words[i:i+constWords], luac.Const{}
		switch w[2] {
		case tagNil:
		case tagBoolean:
			if k.Kind = luac.False; w[0] != 0 {
				k.Kind = luac.True
			}
		case tagNumber:
			k.Kind, k.Num = luac.Number, math.Float64frombits(uint64(w[1])<<32|uint64(w[0]))
		case tagString:
			k.Kind, k.Str = luac.String, d.stringAt(to+uint32(i), "a string constant")
		default:
			d.fail("the constant at word %d has type %d", int(to)+i, w[2])
		}
		p.Consts = append(p.Consts, k)
	}
}

// names reads the names of locals and upvalues, which luac.cross does not keep but precompiled
// chunks may have.
func (d *decoder) names(record uint32, p *luac.Proto) {
	to, words := d.vector(record+recLocals, d.words[record+recLocalCount], localWords, "locals")
	for i := 0; i < len(words); i += localWords {
		p.Locals = append(p.Locals, luac.Local{
			Name:  d.stringAt(to+uint32(i), "the name of a local"),
			Start: d.number(to + uint32(i) + 1), End: d.number(to + uint32(i) + 2),
		})
	}
	to, words = d.vector(record+recUpvalueNames, d.words[record+recUpvalueNameCount], 1, "names of upvalues")
	for i := range words {
		p.UpvalueNames = append(p.UpvalueNames, d.stringAt(to+uint32(i), "the name of an upvalue"))
	}
}
