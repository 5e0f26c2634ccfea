// Package pipe is the firmware module pipe: a queue of bytes between tasks, with
// a reader that is called when something was written (fw: docs/modules/pipe.md,
// app/modules/pipe.c). node.output hands one to its function.
//
// A pipe is a Lua table. Its first slot holds the function that is both its
// write method and the task that calls the reader; the slots behind it hold
// chunks, userdata of up to 256 bytes of content, first written first. Everything
// in it is visible to the memory model as the firmware would hold it.
//
// Odd corners of the firmware:
//   - A reader that returns nothing is called for ever, and keeps tasks of lower
//     priority, the prompt among them, from running: the firmware looks at what was
//     written before the call, and that has always been something. Return false, or
//     true while there is something to read. The event stream has a hint.
//   - Whatever is written while the reader runs posts one more task.
//   - write and unread take what is neither a string nor a number for "", write nothing
//     and raise no error.
//   - nrec is one less than the length of whatever it is given.
//   - What else than text is looked up in a pipe, as p[true], is an exception.
package pipe

import (
	"strings"

	"slices"

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
	written   = 2 // something was written, and a task is posted
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
	meta  *vm.Table // of the pipes and of their chunks
	funcs *vm.Table // their methods, but for write
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d, chunk: &vm.Type{Name: "pipe"}}
	length := vm.Func{Name: "__len", Fn: m.length}
	text := vm.Func{Name: "__tostring", Fn: m.text}
	m.funcs = d.VM.NewROMTable("pipe", []vm.Func{
		length,
		text,
		{Name: "read", Fn: m.read},
		{Name: "reader", Fn: m.reader},
		{Name: "unread", Fn: m.unread},
		{Name: "nrec", Fn: m.nrec},
	}, nil)
	m.meta = d.VM.NewROMTable("pipe", []vm.Func{{Name: "__index", Fn: m.index}, length, text}, nil)
	return &device.Lib{Funcs: []vm.Func{{Name: "create", Fn: m.create}}}
}

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

// index is __index of a pipe and of a chunk: write is in the pipe's first slot.
func (m *module) index(c *vm.Call) int {
	c.SetTop(2)
	key, ok := c.StringAt(2)
	t, isTable := c.Arg(1).(*vm.Table)
	switch {
	case !ok:
		m.dev.Crash("in a pipe only text and numbers may be looked up: the firmware compares the name with \"write\" and has none")
		return 0
	case key != "write":
		return c.Return(c.VM.RawGetString(m.funcs, key))
	case !isTable:
		m.dev.Crash("a pipe's chunk has no write: the firmware takes it for the pipe's table")
		return 0
	}
	return c.Return(c.VM.RawGetInt(t, 1))
}

// length is __len of a chunk. Lua does not ask it for that of a pipe.
func (m *module) length(c *vm.Call) int {
	if t, ok := c.Arg(1).(*vm.Table); ok {
		return c.ReturnInt(slots(c, t))
	}
	return c.ReturnInt(len(m.content(c, 1).data))
}

// text is __tostring of a pipe and of a chunk.
func (m *module) text(c *vm.Call) int {
	if t, ok := c.Arg(1).(*vm.Table); ok {
		return c.ReturnString("Pipe: " + c.VM.Address(t))
	}
	return c.ReturnString(string(m.content(c, 1).data))
}

// content returns the chunk at position n of the stack. Anything but a userdata there is
// an error, and a userdata of another kind an exception: the firmware goes on without.
func (m *module) content(c *vm.Call, n int) *chunk {
	x := c.Arg(n)
	ud, ok := x.(*vm.UserData)
	if !ok {
		c.TypeError(n, "userdata")
	}
	if k, ok := c.VM.ToObject(ud).(*chunk); ok && c.VM.RawMetatable(ud) == vm.Value(m.meta) {
		return k
	}
	m.dev.Crash("this userdata is no chunk of a pipe, and the firmware takes it for one")
	return &chunk{}
}

// slot returns the chunk in slot i, which must be one.
func (m *module) slot(c *vm.Call, t *vm.Table, i int) *chunk {
	x := c.VM.RawGetInt(t, i)
	if _, ok := x.(*vm.UserData); !ok {
		c.ArgError(-1, "userdata expected, got "+c.VM.TypeName(x))
	}
	c.Push(x)
	k := m.content(c, c.Top())
	c.Pop(1)
	return k
}

// pipe returns argument 1, which must be a pipe, with how many of its slots are in use,
// the function's included.
func (m *module) pipe(c *vm.Call) (t *vm.Table, n int) {
	t, ok := c.Arg(1).(*vm.Table)
	if !ok || c.VM.RawMetatable(t) != vm.Value(m.meta) {
		c.ArgError(1, "pipe table")
	}
	return t, slots(c, t)
}

// first returns the pipe that is argument 1 and its first chunk, nil when it is empty.
func (m *module) first(c *vm.Call) (*vm.Table, *chunk) {
	t, n := m.pipe(c)
	if n == 1 {
		return t, nil
	}
	return t, m.slot(c, t, 2)
}

// slots returns how many slots of the table are in use, the function's included.
func slots(c *vm.Call, t *vm.Table) int { return c.VM.Len(t) }

// newChunk puts an empty chunk into slot i.
func (m *module) newChunk(c *vm.Call, t *vm.Table, i int) *chunk {
	k := &chunk{}
	ud := c.VM.NewObject(m.chunk, chunkSize, k)
	c.VM.SetMetatable(ud, m.meta)
	c.VM.RawSetInt(t, i, ud)
	return k
}

// removeFirst drops the first chunk and returns the next, nil when there is none.
func (m *module) removeFirst(c *vm.Call, t *vm.Table) *chunk {
	n := slots(c, t)
	for j := 2; j < n; j++ {
		c.VM.RawSetInt(t, j, c.VM.RawGetInt(t, j+1))
	}
	c.VM.RawSetInt(t, n, vm.Nil)
	if n <= 2 {
		return nil
	}
	return m.slot(c, t, 2)
}

// toWrite returns argument 2 as the text to be written.
func (m *module) toWrite(c *vm.Call) string {
	s, ok := c.StringAt(2)
	if !ok && !c.IsNoneOrNil(2) {
		m.dev.Inspect.Hints.Here("a pipe takes only strings and numbers: of a %s it writes nothing, and raises no error", c.TypeName(2))
	}
	return s
}

// writeOrCall is the function in a pipe's first slot. With the pipe as argument
// it is write; as a task it calls the reader.
func (m *module) writeOrCall(c *vm.Call) int {
	t := c.Upvalue(upPipe).(*vm.Table)
	state := c.VM.ToInteger(c.Upvalue(upState))
	switch {
	case c.Arg(1) == vm.Value(t):
		if m.write(c) && state != 0 && state&written == 0 {
			c.SetUpvalue(upState, vm.Number(state|written))
			m.post(c, t)
		}
	case state != 0:
		m.callReader(c, t, state)
	}
	return 0
}

// callReader is the task. Whether the reader is called again it says itself: true, when
// there is something to read; false, not. After anything else what counts is the state
// before the call.
func (m *module) callReader(c *vm.Call, t *vm.Table, state int) {
	c.SetUpvalue(upState, vm.Number(active))
	reader := c.Upvalue(upReader)
	returned := false
	defer func() {
		if !returned && strings.Contains(c.VM.Failing(), "table") {
			m.dev.Inspect.Hints.At(vm.CodeOf(reader).DefinedAt(), "a pipe's reader, as the function given to node.output, is called with the pipe, a table: pipe:read() returns its text. "+
				"Before firmware 3.0 the function of node.output was called with a string: --legacy ([firmware] legacy = true) does that")
		}
	}()
	again := state & written
	if answer, ok := c.Invoke(reader, 1, t)[0].(vm.Bool); ok {
		again = 0
		if answer && slots(c, t) > 1 {
			again = written
		}
	} else if again != 0 && slots(c, t) == 1 {
		m.dev.Inspect.Hints.At(vm.CodeOf(reader).DefinedAt(), "a pipe's reader that returns nothing is called for ever, though there is nothing to read: "+
			"the prompt and tasks of low priority never run again. Return false, or true while there is something to read")
	}
	returned = true
	c.SetUpvalue(upState, vm.Number(quiescent|again))
	if again != 0 {
		m.post(c, t)
	}
}

// post queues the task that calls the reader.
func (m *module) post(c *vm.Call, t *vm.Table) {
	fn, ok := c.VM.RawGetInt(t, 1).(*vm.Function)
	if !ok { // a program can put something else there
		c.Error("invalid post task")
	}
	if !m.dev.PostLua(ets.Priority(c.VM.ToInteger(c.Upvalue(upPriority))), "pipe reader", fn) {
		c.Error("%s", ets.TaskQueueFull)
	}
}

// write is p:write(s). It reports whether there was anything to write.
func (m *module) write(c *vm.Call) bool {
	s := m.toWrite(c)
	if s == "" {
		return false
	}
	t, n := m.pipe(c)
	var last *chunk
	if n == 1 {
		last = m.newChunk(c, t, 2)
	} else {
		last = m.slot(c, t, n)
	}
	for {
		n := min(len(s), chunkData-len(last.data))
		last.data = append(last.data, s[:n]...)
		if s = s[n:]; s == "" {
			return true
		}
		last = m.newChunk(c, t, slots(c, t)+1)
	}
}

// unread is p:unread(s): s goes before what is there.
func (m *module) unread(c *vm.Call) int {
	s := m.toWrite(c)
	if s == "" {
		return 0
	}
	t, first := m.first(c)
	if first == nil {
		first = m.newChunk(c, t, 2)
	}
	for {
		n := min(len(s), chunkData-len(first.data))
		first.data = slices.Concat([]byte(s[len(s)-n:]), first.data)
		if s = s[:len(s)-n]; s == "" {
			return 0
		}
		for i := slots(c, t); i > 1; i-- {
			c.VM.RawSetInt(t, i+1, c.VM.RawGetInt(t, i))
		}
		first = m.newChunk(c, t, 2)
	}
}

// nrec is p:nrec(): how many chunks there are.
func (m *module) nrec(c *vm.Call) int { return c.ReturnInt(c.ObjectLength(1) - 1) }

// limit says where a record ends.
type limit struct {
	size  int  // bytes, 0: at the delimiter
	delim byte //
	keep  bool // the delimiter is part of the record
}

// parseLimit reads argument 2 of read and reader: a size, or a delimiter with an
// optional "+", "\n+" by the documentation. The firmware's own default drops the
// newline.
func parseLimit(c *vm.Call) limit {
	switch c.Arg(2).(type) {
	case vm.Number:
		n := c.Int(2)
		if n <= 0 {
			c.ArgError(2, "invalid chunk size")
		}
		return limit{size: n}
	case vm.String:
		switch s := c.String(2); {
		case len(s) == 1:
			return limit{delim: s[0]}
		case len(s) == 2 && s[1] == '+':
			return limit{delim: s[0], keep: true}
		}
	}
	if !c.IsNoneOrNil(2) {
		c.ArgError(2, "invalid delimiter")
	}
	return limit{delim: '\n'}
}

// read is p:read([size or delimiter]): the next record, or nil when the pipe is
// empty. A last record without its end counts as one.
func (m *module) read(c *vm.Call) int {
	t, k := m.first(c)
	c.SetTop(2)
	l := parseLimit(c)
	c.Pop(1)
	pieces := 0
	for done := false; k != nil && !done; pieces++ {
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
		c.PushBytes(k.data[:give])
		k.data = k.data[used:]
		if len(k.data) == 0 {
			k = m.removeFirst(c, t)
		}
	}
	if pieces == 0 {
		return c.ReturnNil()
	}
	c.ConcatTop(pieces)
	return 1
}

// reader is p:reader([size or delimiter]): a function that reads a record.
func (m *module) reader(c *vm.Call) int {
	c.SetTop(2)
	m.first(c)
	parseLimit(c)
	return c.Return(c.VM.NewClosure(vm.Func{Name: "read", Fn: func(c *vm.Call) int {
		c.SetTop(0)
		c.PushUpvalue(1)
		c.PushUpvalue(2)
		return m.read(c)
	}}, c.Arg(1), c.Arg(2)))
}
