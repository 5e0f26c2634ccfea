package flash

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash/partition"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/spiffs"
)

// Store keeps what is on the whole chip outside of the simulation, byte by byte.
type Store interface {
	// Commit stores all pieces or, if the host ends meanwhile, none. It must not keep them.
	Commit(pieces []Piece) error
}

// Piece is what is on a part of the chip.
type Piece struct {
	Address int
	Data    []byte
}

// FromChip makes the file system of a chip, as a device finds it that has just been switched on.
// It may be one that can't be mounted: see Mounted. The content is the chip's from then on.
func FromChip(content []byte, l Layout) (*FS, error) {
	f, err := FromImage(content, l)
	if err == nil {
		f.setChip(NewChip(content))
	}
	return f, err
}

// FromImage makes the file system that is at a place in some content, and no chip.
func FromImage(content []byte, l Layout) (*FS, error) {
	at, size := l.extent()
	if size < MinSize || at < 0 || at+size > len(content) {
		return nil, fmt.Errorf("no file system can be in %d bytes at %#x of %d", l.Size, l.Address, len(content))
	}
	f := &FS{saved: map[uint16]string{}, layout: l, raw: sectors{}}
	block := BlockSize(size)
	f.vol = spiffs.Load(content[at:at+size], block)
	f.size = size / block * block
	_ = f.vol.Mount()
	f.vol.TakeWork()
	return f, nil
}

// Fresh makes an empty file system on a chip of so many bytes that is erased but for the partition
// table.
func Fresh(l Layout, chipSize int) *FS {
	f := New(l.Size)
	f.layout = l
	f.setChip(NewChip(Blank(chipSize)))
	return f
}

func (f *FS) setChip(c *Chip) {
	f.chip, f.raw = c, c
	c.told = f.changed
	f.writeTable()
}

// Chip is what there is beside the file system, nil if there is nothing.
func (f *FS) Chip() *Chip { return f.chip }

// Why says why the file system can't be mounted, "" when it can.
func (f *FS) Why() string { return f.vol.Unmountable() }

// Blank reports whether the file system's flash is erased.
func (f *FS) Blank() bool { return f.vol.Blank() }

// Check says what is wrong with the file system, a line each.
func (f *FS) Check() []string { return f.vol.Check() }

// Geometry returns how many blocks the file system has, and their bytes.
func (f *FS) Geometry() (blocks, size int) { return f.vol.Blocks() }

// Image returns a copy of the bytes of the file system, and where on the chip they are.
func (f *FS) Image() (address int, image []byte) {
	address, _ = f.layout.extent()
	return address, f.vol.Image()
}

// Extract is Peek for whoever must know whether that is all of the file.
func (f *FS) Extract(path string) ([]byte, error) {
	info, ok := f.find(path)
	if !ok {
		return nil, ErrNotFound
	}
	return f.vol.Content(info)
}

// SetStore makes store receive every change to the chip from now on; all says that it knows nothing
// of it yet. What it fails to store is reported to failed.
func (f *FS) SetStore(store Store, all bool, failed func(error)) {
	f.store, f.sinkError = store, failed
	if !all {
		return
	}
	f.changes(func(int, []byte) {}) // they are among all
	at, image := f.Image()
	f.report(store.Commit([]Piece{{0, f.chip.data[:at]}, {at, image}, {at + len(image), f.chip.data[at+len(image):]}}))
}

// hasChanged reports whether a store lacks anything.
func (f *FS) hasChanged() bool {
	return f.vol.HasChanged() || f.chip != nil && slices.Contains(f.chip.changed, true)
}

// changes calls fn with all that has changed since the last time, by its address on the chip.
func (f *FS) changes(fn func(address int, data []byte)) {
	start, size := f.layout.extent()
	f.vol.TakeChanges(func(at int, data []byte) { fn(start+at, data) })
	if f.chip == nil {
		return
	}
	for i := range f.chip.changed {
		at := i * pieceBytes
		if f.chip.changed[i] && (at < start || at >= start+size) {
			fn(at, f.chip.data[at:min(at+pieceBytes, len(f.chip.data))])
		}
		f.chip.changed[i] = false
	}
}

// Changes returns what has changed since the last call, for a Store.
func (f *FS) Changes() (pieces []Piece) {
	f.changes(func(address int, data []byte) {
		if n := len(pieces); n > 0 && pieces[n-1].Address+len(pieces[n-1].Data) == address {
			pieces[n-1].Data = append(pieces[n-1].Data, data...)
			return
		}
		pieces = append(pieces, Piece{address, append([]byte(nil), data...)})
	})
	return pieces
}

// commit hands to the store what has changed. It returns how many bytes that was.
func (f *FS) commit() (bytes int) {
	if f.store == nil {
		return 0
	}
	pieces := f.Changes()
	for _, p := range pieces {
		bytes += len(p.Data)
	}
	if len(pieces) > 0 {
		f.report(f.store.Commit(pieces))
	}
	return bytes
}

// LayoutOf returns where things are on a chip by its partition table. It is partition.ErrNone when
// the chip has none.
func LayoutOf(chip []byte) (l Layout, t partition.Table, err error) {
	if len(chip) < partition.RecordsAt+partition.RecordsSize {
		return l, nil, partition.ErrNone
	}
	t, err = partition.Read(chip[partition.RecordsAt:][:partition.RecordsSize], len(chip))
	if err != nil {
		return l, nil, err
	}
	lfs, _ := t.Find(partition.LFS)
	fs, ok := t.Find(partition.SPIFFS)
	l = Layout{fs.Address, fs.Size, lfs.Address, lfs.Size}
	if _, size := l.extent(); !ok || size < MinSize {
		return l, t, errors.New("the partition table has no SPIFFS partition that is large enough for a file system")
	}
	return l, t, nil
}

// FindImages returns where on a chip file systems are that can be mounted, for one that has no
// partition table.
func FindImages(chip []byte) (found []Layout) {
	for at := 0; at+MinSize <= len(chip); {
		n := spiffs.Probe(chip[at:])
		if n == 0 {
			at += blockSize
			continue
		}
		found = append(found, Layout{Address: at, Size: n})
		at += n
	}
	return found
}
