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

// Layout returns what SetLayout has set, and whether it was ever called.
func (f *FS) Layout() (l Layout, ok bool) { return f.layout, f.layout.Size != 0 }

// SetLayout sets the layout, which survives resets. Unless keep is set, the file
// system is another one afterwards, and empty. The error says that it is too small
// to hold anything: the device would not boot.
func (f *FS) SetLayout(l Layout, keep bool) error {
	if l.Size < MinSize {
		return fmt.Errorf("a file system of %d bytes is too small: %d is the least", l.Size, MinSize)
	}
	f.layout = l
	if !keep {
		f.Format()
		f.Sync()
		f.make(l.Size)
		clear(f.saved)
		for at := l.Address; at < l.Address+l.Size; at += SectorSize {
			f.raw.Erase(at / SectorSize) // it is the file system's now
		}
	}
	return nil
}
