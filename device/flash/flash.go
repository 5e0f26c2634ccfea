// Package flash is the part of the device's flash that programs know: the file system,
// and where it lies. The file system is SPIFFS (package spiffs), with flat names of at
// most 31 bytes; before it stands the firmware's layer of drives, of which there is one:
// "/FLASH/x" is x (fw: app/platform/vfs.c, app/spiffs/spiffs.c).
//
// It owns paths, open files as the firmware keeps them, what flash operations take of
// the device's time, and the way to a Sink that keeps what is on the flash. It does not
// know Lua, devices or the host: package hostdir fills it from a directory and is the
// Sink that takes changes back, file by file; package hostfile is a Store, which has the
// whole chip byte by byte (package partition: its table). SPIFFS as the firmware builds it
// keeps no time stamps, so there are none here.
//
// What a program has written is on the flash when its file is flushed or closed, or
// when it was a page or more; a reset loses the rest. The Sink sees what is on the flash.
package flash

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash/spiffs"
)

// Figures of the file system (fw: app/spiffs/spiffs.c).
const (
	// MaxName is the longest name, in bytes (FS_OBJ_NAME_LEN).
	MaxName = spiffs.MaxName
	// MaxOpen is how many files can be open. Reading a whole file, removing and
	// renaming need a descriptor of their own.
	MaxOpen = spiffs.MaxOpen

	blockSize  = 8192     // bytes: LOG_BLOCK_SIZE
	smallBlock = 4096     // bytes: LOG_BLOCK_SIZE_SMALL_FS, for a file system of less than four blocks
	minBlocks  = 4        // MIN_BLOCKS_FS
	drive      = "/FLASH" // MY_LDRV_ID
)

// Errors of the file system. The firmware turns nearly all of them into nil or false.
var (
	ErrNotFound    = spiffs.ErrNotFound
	ErrExists      = spiffs.ErrExists
	ErrFull        = spiffs.ErrFull
	ErrTooMany     = spiffs.ErrTooMany
	ErrClosed      = spiffs.ErrClosed
	ErrNotReadable = spiffs.ErrNotReadable
	ErrNotWritable = spiffs.ErrNotWritable
	ErrSeek        = spiffs.ErrEnd
	ErrName        = errors.New("file name is longer than 31 bytes, or contains a zero byte")
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
	vol    *spiffs.Volume
	size   int    // bytes of the blocks
	sorted []Stat // the files by name
	layout Layout
	raw    Raw
	work   func(Work)

	sink      Sink
	store     Store
	chip      *Chip             // nil: nothing but the file system is kept
	sinkError func(error)       // of the sink or the store
	later     func()            // asks for Sync; nil: at once
	asked     bool              // later was called
	saved     map[uint16]string // what the sink knows, by object
}

// New returns an empty file system of size bytes of flash. It panics on a size
// that holds no file system; board profiles are checked for that.
func New(size int) *FS {
	f := &FS{saved: map[uint16]string{}, raw: sectors{}}
	f.make(size)
	return f
}

// make formats size bytes of flash. What does not fill a block is left over.
func (f *FS) make(size int) {
	block := BlockSize(size)
	f.vol = spiffs.New(size/block, block)
	f.size = size / block * block
}

// BlockSize is the size of the blocks of a file system of size bytes. It panics on a size that
// holds none.
func BlockSize(size int) int {
	switch {
	case size >= minBlocks*blockSize:
		return blockSize
	case size >= MinSize:
		return smallBlock
	}
	panic("flash: no file system fits in so few bytes")
}

// Size returns the bytes of flash that the file system takes.
func (f *FS) Size() int { return f.size }

// Info returns what file.fsinfo reports, in bytes: multiples of the 251 that a
// page holds, with the pages of file headers and indexes counted as used.
func (f *FS) Info() (remaining, used, total int) {
	u, t := f.vol.Usage()
	return (t - u) * spiffs.DataSize, u * spiffs.DataSize, t * spiffs.DataSize
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
	if len(name) > MaxName || strings.IndexByte(name, 0) >= 0 {
		return "", ErrName
	}
	return name, nil
}

// Stat is what is known of a file without opening it.
type Stat struct {
	Name string
	Size int // bytes on the flash
}

// Stat returns the name and size of a file.
func (f *FS) Stat(path string) (Stat, error) {
	name, err := Resolve(path)
	if err != nil {
		return Stat{}, err
	}
	defer f.done()
	s, err := f.vol.Stat(name)
	if err != nil {
		return Stat{}, err
	}
	return Stat{s.Name, s.Size}, nil
}

// Exists reports whether there is a file at path.
func (f *FS) Exists(path string) bool {
	_, err := f.Stat(path)
	return err == nil
}

// Each calls fn with each file in the order in which they lie in the flash, until it
// returns false.
func (f *FS) Each(fn func(Stat) bool) {
	defer f.done()
	for d := f.vol.Dir(); ; {
		s, ok := d.Next()
		f.spend()
		if !ok || !fn(Stat{s.Name, s.Size}) {
			return
		}
	}
}

// List returns all files by name, for what looks at the device from outside: the device
// does not notice.
func (f *FS) List() []Stat {
	f.sorted = f.sorted[:0]
	f.vol.EachFile(func(s spiffs.Info) { f.sorted = append(f.sorted, Stat{s.Name, s.Size}) })
	slices.SortFunc(f.sorted, func(a, b Stat) int { return strings.Compare(a.Name, b.Name) })
	return slices.Clone(f.sorted)
}

// Remove removes a file. Handles that have it open are dead from then on.
func (f *FS) Remove(path string) error {
	name, err := Resolve(path)
	if err != nil {
		return err
	}
	defer f.done()
	return f.vol.Remove(name)
}

// Rename gives a file another name, which must be free. Of a file that is open, what
// was written and not flushed is lost where nothing was flushed before.
func (f *FS) Rename(oldPath, newPath string) error {
	from, err := Resolve(oldPath)
	if err != nil {
		return err
	}
	to, err := Resolve(newPath)
	if err != nil {
		return err
	}
	defer f.done()
	return f.vol.Rename(from, to)
}

// Format removes every file; open handles are dead from then on.
func (f *FS) Format() {
	defer f.done()
	_ = f.vol.Format() // without power it is not mounted, and the device about to reset
	if f.Loaded() != nil {
		f.SetLoaded(nil) // nothing of it is there
	}
}

// Reset is what a reset of the device does: files are closed, and what was not flushed
// is lost. The file system is mounted again, if it can be; Mounted says whether it was.
func (f *FS) Reset() {
	_ = f.vol.Mount()
	f.vol.TakeWork()
	f.Sync()
}

// Mounted reports whether there is a file system that could be mounted. The firmware formats
// one at boot that could not.
func (f *FS) Mounted() bool { return f.vol.Mounted() }

// Dark reports whether the power that CutAt has taken away is still missing.
func (f *FS) Dark() bool { return f.vol.Dark() }

// dotSize is how many bytes are erased for each dot that formatting prints (fw:
// app/spiffs/spiffs.c, erase_cnt).
const dotSize = 64 << 10

// Dots is what formatting prints.
func (f *FS) Dots() string { return strings.Repeat(".", (f.size+dotSize-1)/dotSize) }

// Writes returns how many times the flash of the file system was written to, or a sector
// of it erased.
func (f *FS) Writes() int { return f.vol.Writes() }

// CutAt takes the power away in write n from now, counted from 1, of which the first bytes are
// done, 0: none. What is on the flash stays like that until Reset. told, which is called there,
// has the device lose its power, too. With 0 for n the power stays.
func (f *FS) CutAt(n, bytes int, told func()) { f.vol.CutAt(n, bytes, told) }

// Unflushed returns what Reset would lose.
func (f *FS) Unflushed() []spiffs.Unflushed { return f.vol.Unflushed() }

// OpenFiles returns how many files are open.
func (f *FS) OpenFiles() int { return f.vol.OpenFiles() }

// ReadFile returns a copy of a file's content as the firmware's loader reads it (fw:
// app/lua/lauxlib.c, luaL_loadfile): it needs a file descriptor, like any other reader.
func (f *FS) ReadFile(path string) ([]byte, error) {
	h, err := f.Open(path, Read)
	if err != nil {
		return nil, err
	}
	defer f.done()
	// It looks at the first character, and asks whether there is one: that flushes
	// what others have written.
	if _, err := h.file.Pos(); err != nil {
		return nil, errors.Join(err, h.file.Close())
	}
	var data []byte
	var chunk [loadChunk]byte
	if n, _ := h.file.Read(chunk[:1]); n > 0 {
		_ = h.file.Seek(-1, spiffs.FromHere) // inside of what was read
	}
	for {
		n, err := h.file.Read(chunk[:])
		data = append(data, chunk[:n]...)
		if err != nil || n == 0 {
			return data, errors.Join(err, h.file.Close())
		}
	}
}

// loadChunk is what the loader reads at a time, in bytes (fw: app/lua/lauxlib.c,
// LUAL_BUFFERSIZE).
const loadChunk = 256

// WriteFile replaces a file's content, or makes the file. When it does not fit,
// the file is left empty and the error is ErrFull.
func (f *FS) WriteFile(path string, data []byte) error {
	h, err := f.Open(path, Write|Create|Truncate)
	if err != nil {
		return err
	}
	return errors.Join(h.Write(data), h.Close())
}

// find returns a file as it is on the flash.
func (f *FS) find(path string) (info spiffs.Info, ok bool) {
	name, err := Resolve(path)
	if err != nil {
		return info, false
	}
	f.vol.EachFile(func(s spiffs.Info) {
		if s.Name == name {
			info, ok = s, true
		}
	})
	return info, ok
}

// Peek returns a copy of what a file has on the flash, for what looks at the device from
// outside: the device does not notice. Of a file that is not whole it is what comes before the
// first page that can't be read.
func (f *FS) Peek(path string) ([]byte, bool) {
	info, ok := f.find(path)
	if !ok {
		return nil, false
	}
	data, _ := f.vol.Content(info)
	return data, true
}

// Put stores a file from outside, while the device is off: it takes no time, and the sink
// does not see it, nor what the device had written to that file. One that does not fit is
// not there afterwards.
func (f *FS) Put(path string, data []byte) error {
	return f.Fill(func(put func(path string, data []byte) error) error { return put(path, data) })
}

// Fill stores many files as Put does, those that fn puts, and returns fn's error. The file
// system is mounted once for them.
func (f *FS) Fill(fn func(put func(path string, data []byte) error) error) error {
	objects := func() map[string]uint16 {
		list := map[string]uint16{}
		f.vol.EachFile(func(s spiffs.Info) { list[s.Name] = s.Object })
		return list
	}
	before := objects()
	var names []string
	if f.vol.Mount() != nil {
		_ = f.vol.Format() // as the firmware would at the next boot
	}
	err := fn(func(path string, data []byte) error {
		name, err := Resolve(path)
		if err != nil {
			return err
		}
		names = append(names, name)
		return f.put(name, data)
	})
	_ = f.vol.Mount()
	f.vol.TakeWork()
	after := objects()
	for _, name := range names {
		was, now := before[name], after[name]
		for _, id := range []uint16{was, now} {
			delete(f.vol.Changed, id)
			delete(f.saved, id)
		}
		if now != 0 {
			f.saved[now] = name
		}
	}
	if f.store != nil {
		f.changed()
	}
	return err
}

func (f *FS) put(name string, data []byte) error {
	h, err := f.vol.Open(name, Write|Create|Truncate)
	if err == nil {
		if err = errors.Join(h.Write(data), h.Close()); err != nil {
			_ = f.vol.Remove(name) // the first error says more
		}
	}
	if errors.Is(err, ErrFull) {
		return ErrFull
	}
	return err
}

// SetSink makes sink receive every change from now on; what is there it need not know.
// What the sink fails to store is reported to failed; the file system goes on.
func (f *FS) SetSink(sink Sink, failed func(error)) {
	f.sink, f.sinkError = sink, failed
	f.vol.Objects()
	clear(f.saved)
	f.vol.EachFile(func(s spiffs.Info) { f.saved[s.Object] = s.Name })
}

// SyncLater makes changes wait for Sync, for which ask asks once they are there. Without it
// the sink is told of each one at once.
func (f *FS) SyncLater(ask func()) { f.later = ask }

// SavesFiles reports whether there is a sink, which is given whole files.
func (f *FS) SavesFiles() bool { return f.sink != nil }

// Sync hands to the sink what has changed on the flash since the last call. It returns how
// many bytes that was.
func (f *FS) Sync() (bytes int) {
	f.asked = false
	bytes = f.commit()
	changed := f.vol.Objects()
	if f.sink == nil || len(changed) == 0 {
		return bytes
	}
	now := map[uint16]spiffs.Info{}
	names := map[string]bool{}
	f.vol.EachFile(func(s spiffs.Info) {
		now[s.Object] = s
		names[s.Name] = true
	})
	gone := map[string]bool{}
	for _, id := range changed {
		was, known := f.saved[id]
		info, there := now[id]
		if known && !names[was] {
			gone[was] = true
		}
		delete(f.saved, id)
		if !there {
			continue
		}
		f.saved[id] = info.Name
		data, _ := f.vol.Content(info)
		bytes += len(data)
		f.report(f.sink.Save(info.Name, data))
	}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		f.report(f.sink.Delete(name))
	}
	return bytes
}

// Settle is Sync if that was asked for and has not come yet.
func (f *FS) Settle() {
	if f.asked {
		f.Sync()
	}
}

// pending reports whether the sink or the store lacks anything.
func (f *FS) pending() bool {
	return f.sink != nil && len(f.vol.Changed) > 0 || f.store != nil && f.hasChanged()
}

func (f *FS) report(err error) {
	if err != nil && f.sinkError != nil {
		f.sinkError(err)
	}
}

// done ends an operation: its time is told, and the sink of what changed.
func (f *FS) done() {
	f.spend()
	f.changed()
}

// changed has the sink or the store told, if there is anything to tell.
func (f *FS) changed() {
	switch {
	case f.asked || !f.pending():
	case f.later == nil:
		f.Sync()
	default:
		f.asked = true
		f.later()
	}
}
