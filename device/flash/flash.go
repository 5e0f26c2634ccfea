// Package flash is the device's flash file system as it appears through the
// firmware: SPIFFS, with its flat names of at most 31 bytes, its pages of 256
// bytes of which 251 hold data, its four file descriptors, and what it does when
// it is full. The content lives in memory, bounded by the size of the file
// system.
//
// It owns names, sizes and open files. It does not know Lua, devices or the
// host: package hostdir fills it from a directory and is the Sink that takes
// changes back. SPIFFS as the firmware builds it keeps no time stamps, so there
// are none here.
//
// What it does not model: wear, the erase cycles of garbage collection (pages of
// removed files are free at once), and the write cache of SPIFFS, which lets
// writes shorter than a page fail only when they are flushed. A reset loses
// nothing that was written.
package flash

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Figures of the file system (fw: app/spiffs/spiffs.c, spiffs_nucleus.h,
// app/include/user_config.h).
const (
	// MaxName is the longest name, in bytes (FS_OBJ_NAME_LEN).
	MaxName = 31
	// MaxOpen is how many files can be open (SPIFFS_MAX_OPEN_FILES). Reading a
	// whole file, removing and renaming need a descriptor of their own.
	MaxOpen = 4

	pageSize   = 256                   // bytes: LOG_PAGE_SIZE
	pageHeader = 5                     // bytes: sizeof(spiffs_page_header)
	pageData   = pageSize - pageHeader // bytes of a file in one page
	blockSize  = 8192                  // bytes: LOG_BLOCK_SIZE
	smallBlock = 4096                  // bytes: LOG_BLOCK_SIZE_SMALL_FS, for a file system of less than four blocks
	minBlocks  = 4                     // MIN_BLOCKS_FS
	headerRefs = (pageSize - 45) / 2   // data pages that a file's first index page lists: SPIFFS_OBJ_HDR_IX_LEN, header of 13 + 32 bytes
	indexRefs  = (pageSize - 8) / 2    // data pages that each further index page lists: SPIFFS_OBJ_IX_LEN
	spareBlock = 2                     // blocks that SPIFFS keeps for its garbage collection
	drive      = "/FLASH"              // name of the drive in full path names (app/spiffs/spiffs.c, MY_LDRV_ID)
)

// Errors of the file system. The firmware turns nearly all of them into nil or
// false.
var (
	ErrNotFound    = errors.New("no such file")
	ErrExists      = errors.New("file exists")
	ErrName        = errors.New("file name is empty, longer than 31 bytes, or contains a zero byte")
	ErrFull        = errors.New("flash file system is full")
	ErrTooMany     = errors.New("too many open files")
	ErrClosed      = errors.New("file is closed")
	ErrNotReadable = errors.New("file is not open for reading")
	ErrNotWritable = errors.New("file is not open for writing")
	ErrSeek        = errors.New("position outside the file")
)

// Sink takes what changes in the file system, so that it outlives the
// simulation.
type Sink interface {
	// Save stores the content of a file under its name. It must not keep data.
	Save(name string, data []byte) error
	// Delete forgets a file. One that is unknown is no error.
	Delete(name string) error
}

// FS is a flash file system. It is not safe for concurrent use: it belongs to
// the goroutine of its device.
type FS struct {
	size, block int
	blocks      int
	usable      int // pages that files may take
	allocated   int // pages that they take
	files       map[string]*file
	sorted      []*file // the files by name; nil when that has to be found anew
	handles     [MaxOpen]*Handle
	layout      Layout

	sink      Sink
	sinkError func(error)
}

type file struct {
	name    string
	data    []byte
	dirty   bool // the sink has not seen it as it is
	unsaved int  // bytes written since it has
	removed bool
}

// New returns an empty file system of size bytes of flash. It panics on a size
// that holds no file system; board profiles are checked for that.
func New(size int) *FS {
	f := &FS{files: map[string]*file{}}
	f.measure(size)
	return f
}

// measure computes how much fits into size bytes of flash.
func (f *FS) measure(size int) {
	f.size, f.block = size, blockSize
	if size/f.block < minBlocks {
		f.block = smallBlock
	}
	f.blocks = size / f.block
	if f.blocks < minBlocks {
		panic("flash: no file system fits in so few bytes")
	}
	perBlock := f.block / pageSize
	// One page of each block lists the owners of the others
	// (SPIFFS_OBJ_LOOKUP_PAGES is 1 for both block sizes).
	f.usable = (f.blocks - spareBlock) * (perBlock - 1)
}

// SetSink makes sink receive every change from now on. What the sink fails to
// store is reported to failed; the file system goes on.
func (f *FS) SetSink(sink Sink, failed func(error)) { f.sink, f.sinkError = sink, failed }

// Size returns the bytes of flash that the file system takes.
func (f *FS) Size() int { return f.size }

// Info returns what file.fsinfo reports, in bytes: multiples of the 251 that a
// page holds, with the pages of file headers and indexes counted as used.
func (f *FS) Info() (remaining, used, total int) {
	total = (f.usable + 1) * pageData // SPIFFS_info counts one emergency page
	used = f.allocated * pageData
	return total - used, used, total
}

// pages returns how many pages a file of size bytes takes, with its index.
func pages(size int) int {
	data := (size + pageData - 1) / pageData
	index := 1
	if data > headerRefs {
		index += (data - headerRefs + indexRefs - 1) / indexRefs
	}
	return data + index
}

// hasRoom reports whether SPIFFS would take size bytes more: it wants a page to
// spare (spiffs_gc_check).
func (f *FS) hasRoom(size int) bool {
	return (size+pageData+pageData-1)/pageData <= f.usable-f.allocated
}

// Resolve turns a path as Lua writes it into a name of this file system: names
// without a leading slash are taken as they are, "/FLASH/x" is x. It returns
// ErrNotFound for another drive and ErrName for a name that cannot be.
func Resolve(path string) (string, error) {
	name := path
	if strings.HasPrefix(path, "/") {
		rest, ok := strings.CutPrefix(path, drive)
		if !ok {
			return "", ErrNotFound
		}
		name = strings.TrimPrefix(rest, "/")
	}
	if name == "" || len(name) > MaxName || strings.IndexByte(name, 0) >= 0 {
		return "", ErrName
	}
	return name, nil
}

// lookup finds the file at path.
func (f *FS) lookup(path string) (*file, error) {
	name, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	if x := f.files[name]; x != nil {
		return x, nil
	}
	return nil, ErrNotFound
}

// Stat is what is known of a file without opening it.
type Stat struct {
	Name string
	Size int // bytes
}

// Stat returns the name and size of a file.
func (f *FS) Stat(path string) (Stat, error) {
	x, err := f.lookup(path)
	if err != nil {
		return Stat{}, err
	}
	return Stat{x.name, len(x.data)}, nil
}

// Exists reports whether there is a file at path.
func (f *FS) Exists(path string) bool {
	_, err := f.lookup(path)
	return err == nil
}

// List returns all files by name.
func (f *FS) List() []Stat {
	if f.sorted == nil {
		f.sorted = slices.SortedFunc(maps.Values(f.files), func(a, b *file) int { return strings.Compare(a.name, b.name) })
	}
	list := make([]Stat, len(f.sorted))
	for i, x := range f.sorted {
		list[i] = Stat{x.name, len(x.data)}
	}
	return list
}

// Remove removes a file. Handles that have it open are dead from then on.
func (f *FS) Remove(path string) error {
	if f.freeHandle() < 0 {
		return ErrTooMany
	}
	x, err := f.lookup(path)
	if err != nil {
		return err
	}
	f.drop(x)
	if f.sink != nil {
		f.report(f.sink.Delete(x.name))
	}
	return nil
}

// drop takes a file out and closes the handles on it.
func (f *FS) drop(x *file) {
	for i, h := range f.handles {
		if h != nil && h.file == x {
			f.handles[i] = nil
			h.file = nil
		}
	}
	x.removed = true
	delete(f.files, x.name)
	f.sorted = nil
	f.allocated -= pages(len(x.data))
}

// Rename gives a file another name, which must be free.
func (f *FS) Rename(oldPath, newPath string) error {
	x, err := f.lookup(oldPath)
	if err != nil {
		return err
	}
	name, err := Resolve(newPath)
	if err != nil {
		return err
	}
	if f.files[name] != nil {
		return ErrExists
	}
	if f.freeHandle() < 0 {
		return ErrTooMany
	}
	old := x.name
	delete(f.files, old)
	x.name = name
	f.files[name] = x
	f.sorted = nil
	if f.sink != nil {
		if err := f.sink.Save(name, x.data); err != nil {
			f.report(err)
			x.dirty = true
		} else {
			x.dirty = false
			f.report(f.sink.Delete(old))
		}
	}
	return nil
}

// Format removes every file; open handles are dead from then on.
func (f *FS) Format() {
	for _, s := range f.List() {
		f.drop(f.files[s.Name])
		if f.sink != nil {
			f.report(f.sink.Delete(s.Name))
		}
	}
}

// Reset closes all files, as a reset of the device does.
func (f *FS) Reset() {
	for _, h := range f.handles {
		if h != nil {
			_ = h.Close() // the handle is open
		}
	}
}

// OpenFiles returns how many files are open.
func (f *FS) OpenFiles() int {
	n := 0
	for _, h := range f.handles {
		if h != nil {
			n++
		}
	}
	return n
}

// ReadFile returns a copy of a file's content as the firmware's loader reads it:
// it needs a file descriptor, like any other reader.
func (f *FS) ReadFile(path string) ([]byte, error) {
	h, err := f.Open(path, Read)
	if err != nil {
		return nil, err
	}
	data := append([]byte(nil), h.file.data...)
	return data, h.Close()
}

// WriteFile replaces a file's content, or makes the file. When it does not fit,
// the file is left empty and the error is ErrFull.
func (f *FS) WriteFile(path string, data []byte) error {
	h, err := f.Open(path, Write|Create|Truncate)
	if err != nil {
		return err
	}
	_, err = h.Write(data)
	return errors.Join(err, h.Close())
}

// Peek returns a file's content without opening it, for what looks at the device
// from outside. The caller must not change it.
func (f *FS) Peek(path string) ([]byte, bool) {
	x, err := f.lookup(path)
	if err != nil {
		return nil, false
	}
	return x.data, true
}

// Put stores a file from outside, while the device is off: it needs no
// descriptor and the sink does not see it.
func (f *FS) Put(path string, data []byte) error {
	name, err := Resolve(path)
	if err != nil {
		return err
	}
	x := f.files[name]
	if x == nil {
		if pages(len(data)) > f.usable-f.allocated {
			return ErrFull
		}
		x = &file{name: name}
		f.files[name] = x
		f.sorted = nil
	} else {
		if pages(len(data)) > f.usable-f.allocated+pages(len(x.data)) {
			return ErrFull
		}
		f.allocated -= pages(len(x.data))
	}
	x.data = append([]byte(nil), data...)
	f.allocated += pages(len(data))
	return nil
}

// save hands a changed file to the sink.
func (f *FS) save(x *file) {
	if !x.dirty || x.removed {
		return
	}
	x.dirty, x.unsaved = false, 0
	if f.sink != nil {
		if err := f.sink.Save(x.name, x.data); err != nil {
			x.dirty = true
			f.report(err)
		}
	}
}

func (f *FS) report(err error) {
	if err != nil && f.sinkError != nil {
		f.sinkError(err)
	}
}
