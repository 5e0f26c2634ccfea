// Package pipe is the firmware module pipe: a queue of bytes between tasks, with
// a reader that is called when something was written (fw: docs/modules/pipe.md,
// app/modules/pipe.c). node.output hands one to its function.
//
// A pipe is a Lua table. Its first slot holds the function that is both its
// write method and the task that calls the reader; the slots behind it hold
// chunks, userdata of up to 256 bytes of content, first written first. Everything
// in it is visible to the memory model as the firmware would hold it.
//
// A reader that returns nothing is called again when something was written since
// it was called, as the documentation has it. The firmware's code tests a stale
// copy of that flag, calls such a reader for ever and starves the prompt.
package pipe

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is pipe as release 3.0 has it.
var Module = device.Module{Name: "pipe", Open: open}

const (
	chunkData = 256           // bytes; fw: LUAL_BUFFERSIZE
	chunkSize = 8 + chunkData // bytes of the struct: two indexes before the data
)

// chunk is the content of one slot.
type chunk struct{ data []byte }

// States of the reader, kept with the pipe's function. A pipe without a reader
// has none of them.
const (
	active    = 1 // the reader is running
	written   = 2 // something was written since it was last called
	quiescent = 4 // it waits
)

// Upvalues of the pipe's function.
const (
	upPipe = 1 + iota
	upReader
	upPriority
	upState
)

type module struct {
	dev   *device.Device
	chunk *vm.Type
	meta  *vm.Table // of the pipes
	funcs *vm.Table // their methods, but for write
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d}
	m.funcs = d.VM.NewROMTable("pipe", []vm.Func{
		{Name: "read", Fn: m.read},
		{Name: "reader", Fn: m.reader},
		{Name: "unread", Fn: m.unread},
		{Name: "nrec", Fn: m.nrec},
	}, nil)
	m.meta = d.VM.NewROMTable("pipe", []vm.Func{
		{Name: "__index", Fn: m.index},
		{Name: "__tostring", Fn: func(c *vm.Call) int { return c.ReturnString("Pipe: " + c.VM.Address(c.Arg(1))) }},
	}, nil)
	m.chunk = &vm.Type{Name: "pipe.chunk", Methods: []vm.Func{
		{Name: "__len", Fn: func(c *vm.Call) int { return c.ReturnInt(len(m.content(c).data)) }},
		{Name: "__tostring", Fn: func(c *vm.Call) int { return c.ReturnString(string(m.content(c).data)) }},
	}}
	return &device.Lib{Funcs: []vm.Func{{Name: "create", Fn: m.create}}}
}

func (m *module) content(c *vm.Call) *chunk { return c.Object(1, m.chunk).(*chunk) }

// create is pipe.create([reader, [priority]]).
func (m *module) create(c *vm.Call) int {
	reader, prio, state := c.Arg(1), -1, 0
	if reader != vm.Nil {
		c.Function(1)
		prio, state = int(ets.Medium), quiescent
		if !c.IsNoneOrNil(2) {
			prio = c.VM.ToInteger(c.Arg(2))
			if prio < int(ets.Low) || prio > int(ets.High) {
				c.ArgError(2, "invalid priority")
			}
		}
	}
	t := c.NewTable(1, 0)
	c.VM.SetMetatable(t, m.meta)
	fn := c.VM.NewClosure(vm.Func{Name: "write", Fn: m.writeOrCall}, t, reader, vm.Number(prio), vm.Number(state))
	c.VM.RawSetInt(t, 1, fn)
	return c.Return(t)
}

// index is __index of a pipe: write is in its first slot.
func (m *module) index(c *vm.Call) int {
	t, ok := c.Arg(1).(*vm.Table)
	if key := c.Arg(2); ok && key == vm.Value(vm.String("write")) {
		return c.Return(c.VM.RawGetInt(t, 1))
	}
	return c.Return(c.VM.RawGet(m.funcs, c.Arg(2)))
}

// pipe returns argument 1, which must be a pipe.
func (m *module) pipe(c *vm.Call) *vm.Table {
	t, ok := c.Arg(1).(*vm.Table)
	if !ok || c.VM.RawMetatable(t) != vm.Value(m.meta) {
		c.ArgError(1, "pipe table")
	}
	return t
}

// slots returns how many slots of the table are in use, the function's included.
func slots(c *vm.Call, t *vm.Table) int { return c.VM.Len(t) }

// at returns the chunk in slot i, nil when there is none.
func at(c *vm.Call, t *vm.Table, i int) *chunk {
	k, _ := c.VM.ToObject(c.VM.RawGetInt(t, i)).(*chunk)
	return k
}

// insert puts an empty chunk into slot i and moves those from there on up.
func (m *module) insert(c *vm.Call, t *vm.Table, i int) *chunk {
	k := &chunk{}
	ud := c.VM.NewObject(m.chunk, chunkSize, k)
	for j := slots(c, t); j >= i; j-- {
		c.VM.RawSetInt(t, j+1, c.VM.RawGetInt(t, j))
	}
	c.VM.RawSetInt(t, i, ud)
	return k
}

// removeFirst drops the first chunk.
func (m *module) removeFirst(c *vm.Call, t *vm.Table) {
	n := slots(c, t)
	for j := 2; j < n; j++ {
		c.VM.RawSetInt(t, j, c.VM.RawGetInt(t, j+1))
	}
	c.VM.RawSetInt(t, n, vm.Nil)
}

// text returns argument 2 as the string to be written.
func text(c *vm.Call) string {
	if !c.IsString(2) {
		c.ArgError(2, "must be a string")
	}
	return c.String(2)
}

// writeOrCall is the function in a pipe's first slot. With the pipe as argument
// it is write; as a task it calls the reader.
func (m *module) writeOrCall(c *vm.Call) int {
	t := c.Upvalue(upPipe).(*vm.Table)
	state := upvalueInt(c, upState)
	if c.Arg(1) == vm.Value(t) {
		if m.write(c, t, text(c)) && state != 0 && state&written == 0 {
			c.SetUpvalue(upState, vm.Number(state|written))
			if state == quiescent {
				m.post(c, t)
			}
		}
		return 0
	}
	if state == 0 {
		return 0
	}
	c.SetUpvalue(upState, vm.Number(active))
	answer, ok := c.Invoke(c.Upvalue(upReader), 1, t)[0].(vm.Bool)
	again := upvalueInt(c, upState)&written != 0
	if ok {
		again = bool(answer) && slots(c, t) > 1
	}
	if !again {
		c.SetUpvalue(upState, vm.Number(quiescent))
		return 0
	}
	c.SetUpvalue(upState, vm.Number(quiescent|written))
	m.post(c, t)
	return 0
}

func upvalueInt(c *vm.Call, n int) int {
	return c.VM.ToInteger(c.Upvalue(n))
}

// post queues the task that calls the reader.
func (m *module) post(c *vm.Call, t *vm.Table) {
	fn, ok := c.VM.RawGetInt(t, 1).(*vm.Function)
	if !ok { // a program can put something else there
		c.Error("invalid post task")
	}
	if !m.dev.PostLua(ets.Priority(upvalueInt(c, upPriority)), "pipe reader", fn) {
		c.Error("%s", ets.TaskQueueFull)
	}
}

// write appends s. It reports whether there was anything to write.
func (m *module) write(c *vm.Call, t *vm.Table, s string) bool {
	if s == "" {
		return false
	}
	last := at(c, t, slots(c, t))
	for s != "" {
		if last == nil || len(last.data) == chunkData {
			last = m.insert(c, t, slots(c, t)+1)
		}
		n := min(len(s), chunkData-len(last.data))
		last.data = append(last.data, s[:n]...)
		s = s[n:]
	}
	return true
}

// unread is p:unread(s): s goes before what is there.
func (m *module) unread(c *vm.Call) int {
	s := text(c)
	if s == "" {
		return 0
	}
	t := m.pipe(c)
	first := at(c, t, 2)
	for s != "" {
		if first == nil || len(first.data) == chunkData {
			first = m.insert(c, t, 2)
		}
		n := min(len(s), chunkData-len(first.data))
		first.data = slices.Concat([]byte(s[len(s)-n:]), first.data)
		s = s[:len(s)-n]
	}
	return 0
}

// nrec is p:nrec(): how many chunks there are.
func (m *module) nrec(c *vm.Call) int { return c.ReturnInt(slots(c, m.pipe(c)) - 1) }

// limit says where a record ends.
type limit struct {
	size  int  // bytes, 0: at the delimiter
	delim byte //
	keep  bool // the delimiter is part of the record
}

// parseLimit reads the argument of read and reader: a size, or a delimiter with
// an optional "+", "\n+" by the documentation. The firmware's own default drops
// the newline.
func parseLimit(c *vm.Call, arg vm.Value) limit {
	switch x := arg.(type) {
	case vm.Number:
		n := int(min(max(float64(x), 0), 1<<31-1))
		if n == 0 {
			c.ArgError(2, "invalid chunk size")
		}
		return limit{size: n}
	case vm.String:
		switch s := string(x); {
		case len(s) == 1:
			return limit{delim: s[0]}
		case len(s) == 2 && s[1] == '+':
			return limit{delim: s[0], keep: true}
		}
	}
	if arg != vm.Nil {
		c.ArgError(2, "invalid delimiter")
	}
	return limit{delim: '\n'}
}

// read is p:read([size or delimiter]): the next record, or nil when the pipe is
// empty. A last record without its end counts as one.
func (m *module) read(c *vm.Call) int {
	return m.take(c, m.pipe(c), parseLimit(c, c.Arg(2)))
}

// reader is p:reader([size or delimiter]): a function that reads a record.
func (m *module) reader(c *vm.Call) int {
	t := m.pipe(c)
	arg := c.Arg(2)
	parseLimit(c, arg)
	return c.Return(c.VM.NewClosure(vm.Func{Name: "read", Fn: func(c *vm.Call) int {
		return m.take(c, c.Upvalue(1).(*vm.Table), parseLimit(c, c.Upvalue(2)))
	}}, t, arg))
}

// take removes a record from the pipe and returns it.
func (m *module) take(c *vm.Call, t *vm.Table, l limit) int {
	var parts []string
	for done := false; !done; {
		k := at(c, t, 2)
		if k == nil {
			break
		}
		used := len(k.data)
		give := used
		if l.size > 0 {
			used = min(used, l.size)
			give = used
			l.size -= used
			done = l.size == 0
		} else if i := slices.Index(k.data, l.delim); i >= 0 {
			used, give, done = i+1, i, true
			if l.keep {
				give = used
			}
		}
		parts = append(parts, string(k.data[:give]))
		k.data = k.data[used:]
		if len(k.data) == 0 {
			m.removeFirst(c, t)
		}
	}
	if parts == nil {
		return c.ReturnNil()
	}
	total := len(parts[len(parts)-1])
	for i := len(parts) - 2; i >= 0; i-- {
		if c.VM.JoinOverflows(len(parts[i]), total) {
			c.Error("string length overflow")
		}
		total += len(parts[i])
	}
	return c.ReturnString(strings.Join(parts, ""))
}
