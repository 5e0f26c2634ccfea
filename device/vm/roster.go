package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Objects are found by what they stand for, in maps. The sweep goes through
// lists of the same objects, since walking a map takes several times as long, and
// a mark that looks up the same objects as the one before remembers where they
// were.

// rosters lists the objects of the kinds that are many.
type rosters struct {
	tables []*tableState
	funcs  []entry[*lua.LFunction]
	upvals []entry[*lua.Upvalue]
	strs   []entry[string]
}

type entry[K comparable] struct {
	key K
	o   *object
}

func add[K comparable](of map[K]*object, all *[]entry[K], key K, o *object) {
	of[key] = o
	*all = append(*all, entry[K]{key, o})
}

func (m *memory) addString(s string, o *object) { add(m.strs, &m.all.strs, s, o) }

// complete lists what the boot has made without listing it.
func (m *memory) complete() {
	if len(m.all.tables) != len(m.tables) {
		m.all.tables = m.all.tables[:0]
		for _, s := range m.tables {
			m.all.tables = append(m.all.tables, s)
		}
	}
	fill(m.funcs, &m.all.funcs)
	fill(m.upvals, &m.all.upvals)
	fill(m.strs, &m.all.strs)
}

func fill[K comparable](of map[K]*object, all *[]entry[K]) {
	if len(*all) == len(of) {
		return
	}
	*all = (*all)[:0]
	for key, o := range of {
		*all = append(*all, entry[K]{key, o})
	}
}

// sweepKind frees the objects of a kind that the mark did not reach.
func sweepKind[K comparable](m *memory, of map[K]*object, all *[]entry[K], forget func(K)) {
	keep := (*all)[:0]
	for _, e := range *all {
		if e.o.epoch == m.epoch || e.o.pinned {
			keep = append(keep, e)
			continue
		}
		m.freeObject(e.o)
		e.o.gone = true
		delete(of, e.key)
		if forget != nil {
			forget(e.key)
		}
	}
	clear((*all)[len(keep):])
	*all = keep
}

// lookup remembers the object of a function or upvalue.
type lookup struct {
	p unsafe.Pointer
	o *object
}

const lookups = 512

// objectOf returns of[p].
func objectOf[T any](m *memory, of map[*T]*object, p *T) *object {
	e := &m.lookups[uintptr(unsafe.Pointer(p))>>4%lookups]
	if e.p == unsafe.Pointer(p) && !e.o.gone {
		return e.o
	}
	o := of[p]
	if o != nil {
		*e = lookup{unsafe.Pointer(p), o}
	}
	return o
}
