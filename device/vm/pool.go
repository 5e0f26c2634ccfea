package vm

import (
	"math/bits"
	"unsafe"
)

// pool keeps dead objects, and what tables and strings had, to be used again, since
// the host's allocator is what making objects costs. An object is used again
// only when a collection has begun, after the one that found it dead or with that, while
// no function of the firmware was at work: then nothing but Lua's own stacks and objects
// can hold it. The bytes of a string are if they were never lent (str.text).
//
// An array or nodes go there as soon as their table has others: nobody keeps a part
// of one in a Go variable while something can be allocated.
type pool struct {
	off      bool // for tests: objects are not used again
	texts    [2 * textSizes][][]byte
	kept     int // bytes in texts
	arrays   vectors[value]
	nodes    vectors[node]
	tables   []*Table
	closures [maxPooledUpvalues + 1][]*Function
	upvals   []*upvalue
	strs     []*str
	late     []*header // emptied, to be used again as soon as no function of the firmware is at work
}

const (
	maxPooled         = 64 // of a kind
	maxPooledUpvalues = 4

	pooledSizes   = 10 // of arrays and nodes: 1, 2, 4 … 512
	maxPooledEach = 4  // of each size

	textSizes   = 32 // in steps of textStep, and as many in steps of longStep
	textStep    = 16
	longTexts   = textSizes * textStep // bytes from which they are long
	longStep    = 512
	pooledTexts = textSizes * longStep // the longest one
	maxText     = 64 << 10             // bytes of texts to keep
)

// vectors are what tables have left, by size.
type vectors[T any] [pooledSizes][][]T

// take returns n empty elements.
func (v *vectors[T]) take(n int) []T {
	if size := bits.TrailingZeros(uint(n)); size < pooledSizes && n == 1<<size {
		if k := len(v[size]); k > 0 {
			a := v[size][k-1]
			v[size] = v[size][:k-1]
			return a
		}
	}
	return make([]T, n)
}

// give takes back what no table has any longer.
func (v *vectors[T]) give(a []T) {
	a = a[:cap(a)]
	if size := bits.TrailingZeros(uint(len(a))); size < pooledSizes && len(a) == 1<<size && len(v[size]) < maxPooledEach {
		clear(a)
		v[size] = append(v[size], a)
	}
}

func (p *pool) table() *Table {
	if n := len(p.tables); n > 0 {
		t := p.tables[n-1]
		p.tables = p.tables[:n-1]
		return t
	}
	return &Table{}
}

func (p *pool) closure(nups int) *Function {
	if nups <= maxPooledUpvalues {
		l := &p.closures[nups]
		if n := len(*l); n > 0 {
			f := (*l)[n-1]
			*l = (*l)[:n-1]
			return f
		}
	}
	f := &Function{}
	if nups > 0 {
		f.upvals = make([]*upvalue, nups)
	}
	return f
}

func (p *pool) upvalue() *upvalue {
	if n := len(p.upvals); n > 0 {
		u := p.upvals[n-1]
		p.upvals = p.upvals[:n-1]
		return u
	}
	return &upvalue{}
}

func (p *pool) str() *str {
	if n := len(p.strs); n > 0 {
		s := p.strs[n-1]
		p.strs = p.strs[:n-1]
		return s
	}
	return &str{}
}

// text returns n bytes for a string to be made of.
func (p *pool) text(n int) []byte {
	if n == 0 || n > pooledTexts {
		return make([]byte, n)
	}
	class, size := textClass(n)
	l := &p.texts[class]
	if k := len(*l); k > 0 {
		t := (*l)[k-1]
		*l = (*l)[:k-1]
		p.kept -= size
		return t[:n]
	}
	return make([]byte, size)[:n]
}

// textClass is where texts of n bytes are kept, and how many bytes those have.
func textClass(n int) (class, size int) {
	if n <= longTexts {
		class = (n - 1) / textStep
		return class, (class + 1) * textStep
	}
	class = (n - 1) / longStep
	return textSizes + class, (class + 1) * longStep
}

// poison makes text that is read when nobody should read it any longer show. For
// tests.
var poison bool

// giveText takes back what was made of a text.
func (p *pool) giveText(s string) {
	n := len(s)
	if n == 0 || n > pooledTexts {
		return
	}
	class, size := textClass(n)
	if l := &p.texts[class]; len(*l) < maxPooledEach && p.kept+size <= maxText {
		t := unsafe.Slice(unsafe.StringData(s), size)
		if poison {
			for i := range t {
				t[i] = '!'
			}
		}
		*l = append(*l, t)
		p.kept += size
	}
}

// The objects that are buried are emptied, so that what may still point to them (a
// register with a number in it, a dead key) holds nothing of the host's memory.

// reset makes the header of a dead object that of a new one. It is in no list.
func (h *header) reset() {
	if h.via != nil {
		h.via = nil
	}
	h.next, h.prev = nil, nil
	h.mark, h.quick, h.age, h.refs = 0, 0, 0, 0
	h.number, h.address = 0, 0
}

func (p *pool) buryString(s *str, reuse bool) {
	if s.own && !p.off {
		p.giveText(s.s)
	}
	s.reset()
	s.own, s.s, s.box, s.romTable = false, "", nil, nil
	if reuse {
		p.keepString(s)
	} else {
		p.wait(&s.header)
	}
}

func (p *pool) buryTable(t *Table, reuse bool) {
	if len(t.array) > 0 {
		p.arrays.give(t.array)
	}
	if len(t.nodes) > 0 {
		p.nodes.give(t.nodes)
	}
	t.reset()
	t.array, t.nodes, t.meta, t.index = nil, nil, nil, nil
	t.lastFree, t.absent, t.weak = 0, 0, 0
	if reuse {
		p.keepTable(t)
	} else {
		p.wait(&t.header)
	}
}

func (p *pool) buryFunction(f *Function, reuse bool) {
	if f.proto == nil || len(f.upvals) > maxPooledUpvalues {
		*f = Function{}
		return
	}
	f.reset()
	f.proto, f.env = nil, nil
	if reuse {
		p.keepFunction(f)
	} else {
		p.wait(&f.header)
	}
}

func (p *pool) buryUpvalue(u *upvalue, reuse bool) {
	u.reset()
	u.v, u.own, u.open, u.th = nil, value{}, nil, nil
	if reuse {
		p.keepUpvalue(u)
	} else {
		p.wait(&u.header)
	}
}

func (p *pool) keepString(s *str) {
	if len(p.strs) < maxPooled {
		p.strs = append(p.strs, s)
	}
}

func (p *pool) keepTable(t *Table) {
	if len(p.tables) < maxPooled {
		p.tables = append(p.tables, t)
	}
}

// keepFunction keeps a closure with its upvalues, which it gets anew.
func (p *pool) keepFunction(f *Function) {
	if l := &p.closures[len(f.upvals)]; len(*l) < maxPooled {
		*l = append(*l, f)
	}
}

func (p *pool) keepUpvalue(u *upvalue) {
	if len(p.upvals) < maxPooled {
		p.upvals = append(p.upvals, u)
	}
}

// wait notes an emptied object that a function of the firmware at work may still hold.
func (p *pool) wait(h *header) {
	if !p.off && len(p.late) < maxPooled {
		p.late = append(p.late, h)
	}
}

// keepLate keeps what had to wait.
func (p *pool) keepLate() {
	for _, h := range p.late {
		switch h.kind {
		case kindString:
			p.keepString(h.str())
		case kindTable:
			p.keepTable(h.table())
		case kindFunction:
			p.keepFunction(h.function())
		case kindUpvalue:
			p.keepUpvalue(h.upvalue())
		}
	}
	p.late = p.late[:0]
}
