package flash

import "fmt"

// Layout says where in the flash the file system lies, and the Lua Flash Store
// (fw: the partition table).
type Layout struct {
	Address, Size       int // of the file system, in bytes
	LFSAddress, LFSSize int // in bytes; 0 without one
}

// MinSize is the smallest flash that holds a file system, in bytes.
const MinSize = minBlocks * smallBlock

// extent returns where the file system is in its partition: its blocks begin at a multiple of
// 8 KB and end at one (fw: app/spiffs/spiffs.c, myspiffs_set_cfg).
func (l Layout) extent() (address, size int) {
	address = (l.Address + blockSize - 1) &^ (blockSize - 1)
	return address, (l.Address+l.Size)&^(blockSize-1) - address
}

// Layout returns what SetLayout has set, and whether it was ever called.
func (f *FS) Layout() (l Layout, ok bool) { return f.layout, f.layout.Size != 0 }

// SetLayout sets the layout, which survives resets. Unless keep is set, the file
// system is another one afterwards, and empty. The error says that it is too small
// to hold anything: the device would not boot.
func (f *FS) SetLayout(l Layout, keep bool) error {
	if l.Size < MinSize {
		return fmt.Errorf("a file system of %d bytes is too small: %d is the least", l.Size, MinSize)
	}
	if !keep {
		f.Format()
		f.Sync()
		if f.chip != nil {
			f.chip.put(f.Image())
		}
		f.make(l.Size)
		f.layout = l // before anybody is told of changes
		f.vol.ChangeAll()
		clear(f.saved)
		for at := l.Address; at < l.Address+l.Size; at += SectorSize {
			f.raw.Erase(at / SectorSize) // it is the file system's now
		}
	}
	f.layout = l
	f.writeTable()
	f.changed()
	return nil
}

// CheckSize says whether an image of a file system can have that many bytes.
func CheckSize(size int) error {
	if size < MinSize || size > 16<<20 || size%blockSize != 0 {
		return fmt.Errorf("%d bytes are no size of a file system: use a multiple of 8192, from %d to 16777216", size, MinSize)
	}
	return nil
}
