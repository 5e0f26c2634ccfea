package flash

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash/partition"
)

// What is on a chip for the firmware and the SDK: the page of records, with the partition table,
// and the SDK's settings. The SDK's own form of these is closed, so in their place are records of
// ours: a mark, the length, the content and its CRC-32.
const (
	mark       = "NMCUSIM1"
	settingsAt = partition.ParametersAt              // what the radio keeps: a sector
	loadedAt   = partition.ParametersAt + SectorSize // what the app's directory had: two sectors
)

// writeTable brings the layout into the partition table of the chip, if there is one. Firmware from
// before there were tables is left alone.
func (f *FS) writeTable() {
	if f.chip == nil {
		return
	}
	l := f.layout
	lfs, fs := partition.Partition{Address: l.LFSAddress, Size: l.LFSSize}, partition.Partition{Address: l.Address, Size: l.Size}
	page := make([]byte, partition.RecordsSize)
	f.chip.ReadAt(page, partition.RecordsAt)
	t, err := partition.Read(page, f.chip.Size())
	if err != nil && !blank(page) {
		return
	}
	if err != nil {
		t = partition.Default(lfs, fs)
	}
	partition.Write(page, t.With(lfs, fs))
	f.chip.put(partition.RecordsAt, page)
}

// Settings returns what SetSettings has stored, nil when there is nothing.
func (f *FS) Settings() []byte { return f.chip.read(settingsAt, SectorSize) }

// SetSettings stores what the radio keeps through resets. Without a chip nothing does.
func (f *FS) SetSettings(content []byte) {
	if f.chip.write(settingsAt, SectorSize, content) {
		f.changed()
	}
}

// Loaded returns what SetLoaded has stored.
func (f *FS) Loaded() []byte { return f.chip.read(loadedAt, 2*SectorSize) }

// SetLoaded stores a note of what was loaded from outside. It reports whether there is room.
func (f *FS) SetLoaded(content []byte) bool {
	ok := f.chip.write(loadedAt, 2*SectorSize, content)
	f.changed()
	return ok
}

// overhead is what a record has around its content.
const overhead = len(mark) + 4 + 4

func (c *Chip) read(at, size int) []byte {
	if c == nil {
		return nil
	}
	p := make([]byte, size)
	c.ReadAt(p, at)
	if string(p[:len(mark)]) != mark {
		return nil
	}
	n := binary.LittleEndian.Uint32(p[len(mark):])
	if n > uint32(size-overhead) {
		return nil
	}
	content, sum := p[len(mark)+4:][:n], p[len(mark)+4:][n:]
	if binary.LittleEndian.Uint32(sum) != crc32.ChecksumIEEE(content) {
		return nil
	}
	return content
}

func (c *Chip) write(at, size int, content []byte) bool {
	if c == nil || len(content) > size-overhead {
		return false
	}
	p := append([]byte(mark), binary.LittleEndian.AppendUint32(nil, uint32(len(content)))...)
	p = append(p, content...)
	p = binary.LittleEndian.AppendUint32(p, crc32.ChecksumIEEE(content))
	c.put(at, p)
	return true
}
