package flash

import (
	"io"
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash/spiffs"
)

// Mode is what a file is opened for.
type Mode = spiffs.Mode

// The bits of a Mode.
const (
	Read     = spiffs.Read
	Write    = spiffs.Write
	Append   = spiffs.Append
	Create   = spiffs.Create
	Truncate = spiffs.Truncate
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

// Handle is an open file as the firmware keeps it: the number of a descriptor.
type Handle struct {
	fs   *FS
	file spiffs.File
}

// Open opens a file. The position is at the start, also for Append.
func (f *FS) Open(path string, mode Mode) (*Handle, error) {
	name, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	defer f.done()
	file, err := f.vol.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return &Handle{f, file}, nil
}

// Name returns the name of the open file, "" if it is closed.
func (h *Handle) Name() string { return h.file.Name() }

// Foreign reports whether the handle's descriptor has become another file's: its own
// file was removed, or all were, and the program went on with it.
func (h *Handle) Foreign() bool { return h.file.Foreign() }

// readChunk is what file.read and readline take from SPIFFS at a time, in bytes (fw:
// app/modules/file.c, LUAL_BUFFERSIZE/2).
const readChunk = 128

// ReadUntil reads up to limit bytes, or up to and with the first byte equal to end
// if that comes sooner; an end that is no byte value (-1) never comes. At the end of the
// file the error is io.EOF.
func (h *Handle) ReadUntil(limit, end int) ([]byte, error) {
	defer h.fs.done()
	var data []byte
	var chunk [readChunk]byte
	for len(data) < limit {
		want := min(limit-len(data), readChunk)
		n, err := h.file.Read(chunk[:want])
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			if len(data) > 0 {
				break
			}
			return nil, err
		}
		for i, c := range chunk[:n] {
			if int(c) == end {
				_ = h.file.Seek(int32(i+1-n), spiffs.FromHere) // inside of what was read
				return append(data, chunk[:i+1]...), nil
			}
		}
		data = append(data, chunk[:n]...)
		if n < want {
			break
		}
	}
	return data, nil
}

// ReadLine reads up to limit bytes of the next line, with its "\n".
func (h *Handle) ReadLine(limit int) ([]byte, error) { return h.ReadUntil(limit, '\n') }

// Write writes all of p at the position, or at the end with Append. Less than a page
// may stay in SPIFFS's cache. Of a write that does not fit a part may be in the file.
func (h *Handle) Write(p []byte) error {
	defer h.fs.done()
	return h.file.Write(p)
}

// Seek flushes and moves the position to offset from the start, the position or the end
// (io.SeekStart, io.SeekCurrent, io.SeekEnd) and returns it. Beyond the end it goes to the
// end, and outside the file the error is ErrSeek.
func (h *Handle) Seek(offset, whence int) (int, error) {
	defer h.fs.done()
	from := map[int]spiffs.Whence{io.SeekStart: spiffs.FromStart, io.SeekCurrent: spiffs.FromHere, io.SeekEnd: spiffs.FromEnd}[whence]
	offset = min(max(offset, math.MinInt32), math.MaxInt32) // a C long on the device
	if err := h.file.Seek(int32(offset), from); err != nil {
		return 0, err
	}
	return h.file.Pos()
}

// Flush brings what was written to the flash.
func (h *Handle) Flush() error {
	defer h.fs.done()
	return h.file.Flush()
}

// Close flushes and closes the file. One that can't be flushed, as the flash is full,
// keeps its descriptor.
func (h *Handle) Close() error {
	defer h.fs.done()
	return h.file.Close()
}

// Size returns the length of the file, with what was not flushed yet, in bytes.
func (h *Handle) Size() (int, error) {
	at, err := h.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	size, err := h.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = h.Seek(at, io.SeekStart)
	return size, err
}

// Read reads up to len(p) bytes in one go.
func (h *Handle) Read(p []byte) (int, error) {
	defer h.fs.done()
	return h.file.Read(p)
}
