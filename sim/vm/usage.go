package vm

import "github.com/nodemcu-sim/nodemcu-sim/sim/heap"

// Usage says what Lua's memory is spent on: bytes of the heap, block headers
// included, by kind of object, and how many objects of the kind there are. What
// was made at boot and never changes is in none of the kinds.
type Usage struct {
	Strings, Tables, Functions, Userdata UsageOf
}

// UsageOf is what one kind of object takes.
type UsageOf struct{ Bytes, Objects int }

// Usage adds up what is alive, without garbage wherever the device would have
// none. Functions are closures with their upvalues and their code. Call it when
// Lua is idle.
func (v *VM) Usage() Usage {
	v.refresh()
	m := v.mem
	var u Usage
	add := func(to *UsageOf, objects int, blocks ...heap.Block) {
		to.Objects += objects
		for _, b := range blocks {
			if n := b.Size(); n > 0 {
				to.Bytes += m.heap.BlockLength(n)
			}
		}
	}
	for _, o := range m.strs {
		if !o.pinned {
			add(&u.Strings, 1, o.blk)
		}
	}
	for _, t := range m.tables {
		if !t.rom {
			add(&u.Tables, 1, t.t.Head, t.t.Arr, t.t.Node)
		}
	}
	for _, o := range m.funcs {
		add(&u.Functions, 1, o.blk)
	}
	for _, o := range m.upvals {
		add(&u.Functions, 0, o.blk)
	}
	for _, p := range m.protos {
		add(&u.Functions, 0, p.blk)
		add(&u.Functions, 0, p.parts[:]...)
	}
	for _, o := range m.udata {
		add(&u.Userdata, 1, o.blk)
	}
	return u
}
