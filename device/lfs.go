package device

import (
	"encoding/binary"
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
)

// FlashMapped is where the flash shows in the CPU's address space (fw:
// app/include/platform.h INTERNAL_FLASH_MAPPED_ADDRESS).
const FlashMapped = 0x40200000

// Store is the Lua Flash Store of a boot, as the firmware has found it.
type Store struct {
	Base, Size int // of its partition, in bytes of the flash; 0 without one
	Used       int // bytes of the image, 0 without one
	// Damaged says what is wrong with an image that the firmware takes for a good one.
	Damaged error

	image *vm.Image
}

// Mapped is where the store's words are for the CPU.
func (s *Store) Mapped() uint32 {
	if s.Size == 0 {
		return 0
	}
	return FlashMapped + uint32(s.Base)
}

// LFS returns the Lua Flash Store of this boot.
func (d *Device) LFS() *Store { return &d.lfs }

// Partitions returns where the file system lies and the Lua Flash Store: as the program or
// the project has set it, or else as the board has it, without a store.
func (d *Device) Partitions() flash.Layout {
	if l, ok := d.Flash.Layout(); ok {
		return l
	}
	return flash.Layout{Address: d.Board.FS.Address, Size: d.Board.FS.Size}
}

// openLFS looks at the store's partition before anything of Lua is made, and says what
// the firmware says of it: it checks no more than this. (oracle: lfs-behaviour.md, "At
// power-on"; fw: app/lua/lflash.c, luaN_init.)
func (d *Device) openLFS() {
	l := d.Partitions()
	if d.lfs = (Store{}); l.LFSSize == 0 {
		return
	}
	d.lfs = Store{Base: l.LFSAddress, Size: l.LFSSize}
	h, _ := lfs.ReadHeader(d.readWords(l.LFSAddress, lfs.HeaderWords))
	switch base := d.lfs.Mapped(); {
	case h.Signature == 0 || h.Signature == 0xffffffff:
		d.Serial.WriteText("No LFS image loaded\n")
	case h.Signature&^lfs.Absolute != lfs.Signature:
		d.Serial.WriteText(fmt.Sprintf("Flash sig not correct: 0x%08x vs 0x%08x\n", h.Signature&^lfs.Absolute, lfs.Signature))
	case h.Hash == 0xffffffff || h.Main-base >= h.Size:
		d.Serial.WriteText(fmt.Sprintf("Flash size check failed: 0x%08x vs 0xFFFFFFFF; 0x%08x >= 0x%08x\n", h.Hash, h.Main-base, h.Size))
	default:
		d.lfs.Used = int(h.Size)
		words := d.readWords(l.LFSAddress, min(int(h.Size/4), lfs.MaxWords))
		content, err := lfs.Decode(words, base)
		if err != nil {
			d.lfs.Damaged = err
			d.Emit(event.Hint{Text: fmt.Sprintf("the image in the Lua Flash Store is damaged (%v), and the firmware does not notice: it crashes when it gets there. Load another one", err)})
			return
		}
		d.lfs.image = &vm.Image{Index: content.Index, Strings: content.Strings}
	}
}

func (d *Device) readWords(address, n int) []uint32 {
	b := make([]byte, 4*n)
	d.Flash.Raw().ReadAt(b, address)
	words := make([]uint32, n)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return words
}

// programPage is what one write to the flash chip takes at most, in bytes.
const programPage = 256

// EraseFlash erases a sector beside the file system, and WriteFlash writes there: both take
// the device's time and feed the watchdog.
func (d *Device) EraseFlash(sector int) {
	d.Flash.Raw().Erase(sector)
	d.flashWork(flash.Work{Erases: 1})
}

// WriteFlash is described at EraseFlash.
func (d *Device) WriteFlash(p []byte, address int) {
	d.Flash.Raw().WriteAt(p, address)
	d.flashWork(flash.Work{Writes: (len(p) + programPage - 1) / programPage, ProgramBytes: len(p)})
}
