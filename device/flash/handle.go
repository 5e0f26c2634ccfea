package flash

import (
	"bytes"
	"io"
	"math"
)

// Mode is what a file is opened for.
type Mode int

// The bits of a Mode (SPIFFS_RDONLY and so on).
const (
	Read     Mode = 1 << iota // reading
	Write                     // writing
	Append                    // each write goes to the end
	Create                    // a file that is missing is made
	Truncate                  // a file that exists is emptied
)

// ParseMode reads a mode as file.open takes it. As in the firmware, what is not
// one of "r", "w", "a", "r+", "w+" and "a+" means "r".
func ParseMode(mode string) Mode {
	switch mode {
	case "w":
		return Write | Create | Truncate
	case "a":
		return Write | Create | Append
	case "r+":
		return Read | Write
	case "w+":
		return Read | Write | Create | Truncate
	case "a+":
		return Read | Write | Create | Append
	}
	return Read
}

// Handle is an open file: one of the file system's descriptors.
type Handle struct {
	fs   *FS
	file *file // nil once closed, or when the file is removed
	mode Mode
	pos  int // may be beyond the end, if another handle emptied the file
}

// freeHandle returns the number of a free descriptor, or -1.
func (f *FS) freeHandle() int {
	for i, h := range f.handles {
		if h == nil {
			return i
		}
	}
	return -1
}

// Open opens a file. The position is at the start, also for Append.
func (f *FS) Open(path string, mode Mode) (*Handle, error) {
	name, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	slot := f.freeHandle()
	if slot < 0 {
		return nil, ErrTooMany
	}
	x := f.files[name]
	switch {
	case x == nil && mode&Create == 0:
		return nil, ErrNotFound
	case x == nil:
		if !f.hasRoom(pageData) {
			return nil, ErrFull
		}
		x = &file{name: name, dirty: true}
		f.files[name] = x
		f.sorted = nil
		f.allocated += pages(0)
	case mode&Truncate != 0 && len(x.data) > 0:
		f.allocated += pages(0) - pages(len(x.data))
		x.data = nil
		x.dirty = true
	}
	h := &Handle{fs: f, file: x, mode: mode}
	f.handles[slot] = h
	return h, nil
}

// Name returns the name of the open file, "" if it is closed.
func (h *Handle) Name() string {
	if h.file == nil {
		return ""
	}
	return h.file.name
}

// Size returns the size of the open file in bytes, 0 if it is closed.
func (h *Handle) Size() int {
	if h.file == nil {
		return 0
	}
	return len(h.file.data)
}

// Pos returns the position in bytes from the start.
func (h *Handle) Pos() int { return h.pos }

// Read reads up to len(p) bytes. At the end of the file it returns io.EOF.
func (h *Handle) Read(p []byte) (int, error) {
	rest, err := h.rest()
	if err != nil {
		return 0, err
	}
	n := copy(p, rest)
	h.pos += n
	return n, nil
}

// ReadUntil reads up to limit bytes, or up to and with the first byte equal to end
// if that comes sooner; an end that is no byte value (-1) never comes. The result
// is a copy. At the end of the file the error is io.EOF.
func (h *Handle) ReadUntil(limit, end int) ([]byte, error) {
	rest, err := h.rest()
	if err != nil {
		return nil, err
	}
	if len(rest) > limit {
		rest = rest[:limit]
	}
	if end >= 0 && end <= 255 {
		if i := bytes.IndexByte(rest, byte(end)); i >= 0 {
			rest = rest[:i+1]
		}
	}
	h.pos += len(rest)
	return append([]byte(nil), rest...), nil
}

// ReadLine reads up to limit bytes of the next line, with its "\n".
func (h *Handle) ReadLine(limit int) ([]byte, error) { return h.ReadUntil(limit, '\n') }

// rest returns what can still be read, at least one byte.
func (h *Handle) rest() ([]byte, error) {
	switch {
	case h.file == nil:
		return nil, ErrClosed
	case h.mode&Read == 0:
		return nil, ErrNotReadable
	case h.pos >= len(h.file.data):
		return nil, io.EOF
	}
	return h.file.data[h.pos:], nil
}

// Write writes all of p at the position, or at the end with Append. When the
// flash has no room for it nothing is written and the error is ErrFull.
func (h *Handle) Write(p []byte) (int, error) {
	switch {
	case h.file == nil:
		return 0, ErrClosed
	case h.mode&Write == 0:
		return 0, ErrNotWritable
	case len(p) == 0:
		return 0, nil
	}
	x := h.file
	if h.mode&Append != 0 || h.pos > len(x.data) {
		h.pos = len(x.data)
	}
	end := max(h.pos+len(p), len(x.data))
	if !h.fs.hasRoom(len(p)) || pages(end)-pages(len(x.data)) > h.fs.usable-h.fs.allocated {
		return 0, ErrFull
	}
	h.fs.allocated += pages(end) - pages(len(x.data))
	n := copy(x.data[h.pos:], p)
	x.data = append(x.data, p[n:]...)
	x.dirty = true
	x.unsaved += len(p)
	h.pos += len(p)
	return len(p), nil
}

// Seek moves the position to offset from the start, the position or the end
// (io.SeekStart, io.SeekCurrent, io.SeekEnd) and returns it. Beyond the end it
// goes to the end, and outside the file the error is ErrSeek.
func (h *Handle) Seek(offset, whence int) (int, error) {
	if h.file == nil {
		return 0, ErrClosed
	}
	size := len(h.file.data)
	// A C long on the device; no file is that long.
	offset = min(max(offset, math.MinInt32), math.MaxInt32)
	switch whence {
	case io.SeekCurrent:
		offset += h.pos
	case io.SeekEnd:
		offset += size
	}
	switch {
	case offset > size:
		h.pos = size
		return 0, ErrSeek
	case offset < 0:
		return 0, ErrSeek
	}
	h.pos = offset
	return offset, nil
}

// A sink stores whole files. Of a large one that is flushed after each small write, as
// logs are, it gets every state in which so large a part is new; the last one at the
// latest when the file is closed.
const (
	alwaysFlush = 64 << 10 // bytes: a file that is not large
	flushShare  = 64       // of a large one this part
)

// Flush makes sure that what was written is stored.
func (h *Handle) Flush() error {
	x := h.file
	if x == nil {
		return ErrClosed
	}
	if len(x.data) > alwaysFlush && x.unsaved < len(x.data)/flushShare {
		return nil
	}
	h.fs.save(x)
	return nil
}

// Close flushes and closes the file.
func (h *Handle) Close() error {
	if h.file == nil {
		return ErrClosed
	}
	f, x := h.fs, h.file
	h.file = nil
	for i := range f.handles {
		if f.handles[i] == h {
			f.handles[i] = nil
		}
	}
	if x.dirty {
		f.save(x)
	}
	return nil
}
