package vm

import "github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"

// Usage says what Lua's memory is spent on: bytes of the heap, block headers
// included, by kind of object, and how many objects of the kind there are. What
// was made at boot and never changes, stacks and buffers are in none of the kinds.
type Usage struct {
	Strings, Tables, Functions, Userdata UsageOf
	Total                                int // bytes of all that is alive, other things included
}

// UsageOf is what one kind of object takes.
type UsageOf struct{ Bytes, Objects int }

// Usage adds up what is alive, without garbage and without collecting any: the run
// goes on as if nobody had looked. Functions are closures with their upvalues and
// their code.
func (v *VM) Usage() Usage {
	var u Usage
	if !v.mem.on {
		u.Total = v.mem.heap.Used()
		return u
	}
	for _, n := range v.mem.walk(false).nodes {
		u.Total += n.bytes
		switch n.kind {
		case snapshot.String:
			u.Strings.Bytes += n.bytes
			u.Strings.Objects++
		case snapshot.Table:
			u.Tables.Bytes += n.bytes
			u.Tables.Objects++
		case snapshot.Function:
			u.Functions.Bytes += n.bytes
			u.Functions.Objects++
		case snapshot.Upvalue, snapshot.Prototype:
			u.Functions.Bytes += n.bytes
		case snapshot.Userdata:
			u.Userdata.Bytes += n.bytes
			u.Userdata.Objects++
		}
	}
	return u
}
