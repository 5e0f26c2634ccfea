package vm

import "math/bits"

// pool keeps arrays and nodes that tables have left, and dead objects to be used again, since the host's allocator is what
// making objects costs. An object goes there only when the collection that found
// it dead ran while no function of the firmware was at work: then nothing but Lua's
// own stacks and objects can hold it. The bytes of strings are never used again.
type pool struct {
	arrays   [pooledSizes][]([]value)
	nodes    [pooledSizes][]([]node)
	tables   []*Table
	closures [maxPooledUpvalues + 1][]*Function
	upvals   []*upvalue
	strs     []*str
}

const (
	maxPooled         = 64 // of a kind
	maxPooledUpvalues = 4

	pooledSizes   = 10 // of arrays and nodes: 1, 2, 4 … 512
	maxPooledEach = 4  // of each size
)

// array returns n empty slots.
func (p *pool) array(n int) []value {
	if size := bits.TrailingZeros(uint(n)); size < pooledSizes && n == 1<<size {
		l := &p.arrays[size]
		if k := len(*l); k > 0 {
			a := (*l)[k-1]
			*l = (*l)[:k-1]
			return a
		}
	}
	return make([]value, n)
}

// giveArray takes back what no table has any longer.
func (p *pool) giveArray(a []value) {
	a = a[:cap(a)]
	if size := bits.TrailingZeros(uint(len(a))); size < pooledSizes && len(a) == 1<<size && len(p.arrays[size]) < maxPooledEach {
		clear(a)
		p.arrays[size] = append(p.arrays[size], a)
	}
}

// nodeVector returns n empty nodes.
func (p *pool) nodeVector(n int) []node {
	if size := bits.TrailingZeros(uint(n)); size < pooledSizes {
		l := &p.nodes[size]
		if k := len(*l); k > 0 {
			a := (*l)[k-1]
			*l = (*l)[:k-1]
			return a
		}
	}
	return make([]node, n)
}

// giveNodes is giveArray for nodes.
func (p *pool) giveNodes(a []node) {
	a = a[:cap(a)]
	if size := bits.TrailingZeros(uint(len(a))); size < pooledSizes && len(a) == 1<<size && len(p.nodes[size]) < maxPooledEach {
		clear(a)
		p.nodes[size] = append(p.nodes[size], a)
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

// bury empties a dead object, so that what may still point to it (a register with
// a number in it, a dead key) holds nothing of the host's memory, and keeps it if
// it may be used again.
func (p *pool) bury(h *header, reuse bool) {
	switch h.kind {
	case kindTable:
		t := h.table()
		if len(t.array) > 0 {
			p.giveArray(t.array)
		}
		if len(t.nodes) > 0 {
			p.giveNodes(t.nodes)
		}
		*t = Table{}
		if reuse && len(p.tables) < maxPooled {
			p.tables = append(p.tables, t)
		}
	case kindFunction:
		f := h.function()
		upvals := f.upvals
		reuse = reuse && f.proto != nil
		*f = Function{}
		if reuse && len(upvals) <= maxPooledUpvalues && len(p.closures[len(upvals)]) < maxPooled {
			clear(upvals)
			f.upvals = upvals
			p.closures[len(upvals)] = append(p.closures[len(upvals)], f)
		}
	case kindUpvalue:
		u := h.upvalue()
		*u = upvalue{}
		if reuse && len(p.upvals) < maxPooled {
			p.upvals = append(p.upvals, u)
		}
	case kindProto:
		*h.proto() = proto{}
	case kindUserData:
		*h.userdata() = UserData{}
	case kindThread:
		*h.thread() = Thread{}
	}
}
