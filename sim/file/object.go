package file

import (
	"io"
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

const (
	objectSize = 4    // bytes: file_fd_ud, a pointer (fw: app/modules/file.c)
	handleSize = 12   // bytes: struct myvfs_file (fw: app/spiffs/spiffs.c)
	readChunk  = 1024 // bytes: FILE_READ_CHUNK
)

// object is a file that a program has opened: what is in a file.obj.
type object struct {
	h      *flash.Handle // nil once closed
	closed *flash.Handle // what it was then
	block  heap.Block    // the firmware's descriptor
}

// openFile opens a file and makes it the last opened one. It returns nil when the
// file cannot be opened.
func (m *module) openFile(c *vm.Call, name, mode string) *vm.UserData {
	m.last = nil
	block, ok := m.d.Malloc(handleSize, heap.File)
	if !ok {
		return nil
	}
	h, err := m.fs.Open(name, flash.ParseMode(mode))
	if err != nil {
		m.d.Free(&block, heap.File)
		switch err {
		case flash.ErrTooMany:
			m.d.Inspect.Hints.Here("file.open gave nil: four files are open, the firmware has no more descriptors")
		case flash.ErrFull:
			m.d.Inspect.Hints.Here("file.open gave nil: the flash file system is full")
		}
		return nil
	}
	o := &object{h: h, block: block}
	ud := c.VM.NewObject(m.kind, objectSize, o)
	m.last = o
	m.lastRef = c.VM.Ref(ud, "last opened file")
	return ud
}

// heapParts adds the open files' descriptors to a heap snapshot.
func (m *module) heapParts(p *inspect.HeapParts) {
	m.d.VM.EachObject(func(value any) {
		if o, ok := value.(*object); ok && o.h != nil {
			p.Add(inspect.NativeBlock{Kind: heap.File, Name: "open file " + o.h.Name(), Size: o.block.Size(), Age: -1, Of: o, Owned: true})
		}
	})
}

// String names open files in heap snapshots.
func (o *object) String() string {
	if o.h == nil {
		return "closed"
	}
	return o.h.Name()
}

// open is file.open(name[, mode]).
func (m *module) open(c *vm.Call) int {
	c.VM.Unref(&m.lastRef)
	name := m.name(c, 1)
	mode := c.OptString(2, "r")
	if ud := m.openFile(c, name, mode); ud != nil {
		return c.Return(ud)
	}
	return c.ReturnNil()
}

// release closes what an object has open; it may be called again.
func (m *module) release(o *object) {
	if o.h == nil {
		return
	}
	m.foreign(o.h)
	if o.h.Close() == flash.ErrFull {
		m.d.Inspect.Hints.Here("closing a file lost what was written last: the flash file system is full. The firmware does not give its descriptor back, either")
	}
	o.h, o.closed = nil, o.h
	m.d.Free(&o.block, heap.File)
}

// close is file.close() and file.obj:close(). Whichever file it closes, the last
// opened one is let go.
func (m *module) close(c *vm.Call) int {
	var o *object
	_, ok := c.Arg(1).(*vm.UserData)
	if ok {
		o = c.Object(1, m.kind).(*object)
	} else if m.lastRef == 0 {
		return 0
	} else {
		last := c.VM.Deref(m.lastRef)
		if o, ok = c.VM.ToObject(last).(*object); !ok { // the program has overwritten it
			c.Error("bad argument #-1 to 'close' (%s expected, got %s)", m.kind.Name, c.VM.TypeName(last))
		}
	}
	m.release(o)
	c.VM.Unref(&m.lastRef)
	return 0
}

// target returns the file that a call is about and the number of the argument
// after it: argument 1 if that is an object, else the last opened file. A file
// that is not open is an error, but for the last opened one: the firmware goes on with
// the memory that it has freed, where mostly what was there still is.
func (m *module) target(c *vm.Call) (h *flash.Handle, next int) {
	o, next := m.last, 1
	if _, ok := c.Arg(1).(*vm.UserData); ok {
		o, next = c.Object(1, m.kind).(*object), 2
	}
	switch {
	case o == nil:
		c.Error("open a file first")
	case o.h != nil:
		return o.h, next
	case next == 2:
		c.Error("open a file first")
	}
	m.d.Inspect.Hints.Here("the file that was opened last is closed: the firmware uses memory that it has freed. Here that gives nil, a device may crash")
	return o.closed, next
}

// foreign says that a handle is about to act on another file, as the firmware's does.
func (m *module) foreign(h *flash.Handle) {
	if h.Foreign() {
		m.d.Inspect.Hints.Here("this object's file was removed while it was open, and its descriptor is another file's now: the firmware reads and writes that one. Close a file before it is removed")
	}
}

// anyObject checks that argument 1, if it is a userdata, is a file. The firmware
// does that before it looks at other arguments and at whether the file is open.
func (m *module) anyObject(c *vm.Call) (next int) {
	if _, ok := c.Arg(1).(*vm.UserData); ok {
		c.Object(1, m.kind)
		return 2
	}
	return 1
}

// read is file.read([n or char]) and file.obj:read.
func (m *module) read(c *vm.Call) int {
	next := m.anyObject(c)
	n, end := readChunk, -1
	switch arg := c.Arg(next).(type) {
	case vm.Number:
		n = c.Int(next)
	case vm.String:
		if len(arg) != 1 {
			c.Error("wrong arg range")
		}
		end = int(arg[0])
	}
	h, _ := m.target(c)
	return m.readFrom(c, h, n, end)
}

// readline is file.readline() and file.obj:readline().
func (m *module) readline(c *vm.Call) int {
	h, _ := m.target(c)
	return m.readFrom(c, h, readChunk, '\n')
}

// readFrom returns up to n bytes, or up to the byte end. At the end of the file,
// and of a file that is not open for reading, it returns nil.
func (m *module) readFrom(c *vm.Call, h *flash.Handle, n, end int) int {
	b := lualib.NewBuffer(c)
	if n > 0 {
		m.foreign(h)
		data, err := h.ReadUntil(n, end)
		if err != nil {
			return c.ReturnNil()
		}
		if n := len(data); n > 1 && c.VM.JoinOverflows(n-1, 1) {
			m.d.Inspect.Hints.Here("reading 4096 bytes or more at once is \"string length overflow\": read in smaller pieces, or lift the limit with node.egc.setmode(node.egc.ALWAYS)")
		}
		b.String(string(data))
	}
	return b.Finish()
}

// write is file.write(string) and file.obj:write.
func (m *module) write(c *vm.Call) int {
	h, next := m.target(c)
	return c.Return(m.writeTo(c, h, c.String(next)))
}

// writeline is file.writeline(string) and file.obj:writeline.
func (m *module) writeline(c *vm.Call) int {
	h, next := m.target(c)
	s := c.String(next)
	done := m.writeTo(c, h, s)
	if done == vm.True {
		done = m.writeTo(c, h, "\n")
	}
	return c.Return(done)
}

// writeTo writes s and returns true, or nil if that failed.
func (m *module) writeTo(c *vm.Call, h *flash.Handle, s string) vm.Value {
	switch m.foreign(h); h.Write([]byte(s)) {
	case nil:
		return vm.True
	case flash.ErrFull:
		m.d.Inspect.Hints.Here("write gave nil: the flash file system is full; two blocks and a page for each index are kept, so that is before fsinfo shows no room")
	}
	return vm.Nil
}

// seek is file.seek([whence[, offset]]) and file.obj:seek.
func (m *module) seek(c *vm.Call) int {
	h, next := m.target(c)
	whence := []int{io.SeekStart, io.SeekCurrent, io.SeekEnd}[c.Option(next, "cur", "set", "cur", "end")]
	m.foreign(h)
	pos, err := h.Seek(c.OptInt(next+1, 0), whence)
	if err != nil {
		return c.ReturnNil()
	}
	return c.ReturnInt(pos)
}

// flush is file.flush() and file.obj:flush().
func (m *module) flush(c *vm.Call) int {
	h, _ := m.target(c)
	m.foreign(h)
	if h.Flush() != nil {
		return c.ReturnNil()
	}
	return c.ReturnBool(true)
}

// getcontents is file.getcontents(name). It works through the last opened file,
// as the firmware's does; for a missing file it returns no value.
func (m *module) getcontents(c *vm.Call) int {
	c.SetTop(1)
	c.VM.Unref(&m.lastRef)
	if m.openFile(c, m.name(c, 1), "r") == nil {
		return 0
	}
	o := m.last
	n := m.readFrom(c, o.h, math.MaxInt32, -1)
	m.release(o)
	c.VM.Unref(&m.lastRef)
	return n
}

// putcontents is file.putcontents(name, contents).
func (m *module) putcontents(c *vm.Call) int {
	c.SetTop(2)
	c.VM.Unref(&m.lastRef)
	if m.openFile(c, m.name(c, 1), "w+") == nil {
		return c.ReturnNil()
	}
	o := m.last
	done := m.writeTo(c, o.h, c.String(2))
	m.release(o)
	c.VM.Unref(&m.lastRef)
	return c.Return(done)
}
