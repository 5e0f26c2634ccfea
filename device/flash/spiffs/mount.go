package spiffs

import (
	"bytes"
	"fmt"
)

// Mount forgets what is in RAM, as a reset does, and mounts the file system: what was written
// and not flushed is lost. Power that was away is back. With ErrNotMounted there is none, and
// the firmware formats the partition (fw: app/lua/lua.c).
//
// Only lookups are read: of pages that power has torn nothing shows until somebody reads them.
func (v *Volume) Mount() error {
	v.power.off = false
	return v.mount()
}

func (v *Volume) mount() error {
	v.cache = cache{}
	v.fds = [MaxOpen]descriptor{}
	for i := range v.fds {
		v.fds[i].page = -1
	}
	v.freeAt, v.cursor = place{}, place{}
	v.cleaning, v.mounted = false, false
	v.blocks = v.all
	n := v.probe()
	if n == 0 {
		return ErrNotMounted
	}
	v.blocks = v.all[:min(n, len(v.all))]
	if err := v.scan(); err != nil {
		return err
	}
	v.mounted = true
	v.count()
	return nil
}

// Mounted reports whether the last Mount or Format has succeeded.
func (v *Volume) Mounted() bool { return v.mounted }

// probe returns how many blocks the file system has by the magic numbers of the first three,
// of which one may be erased: power went before it was written again. 0 means that there is no
// file system (fw: spiffs_nucleus.c, spiffs_probe).
func (v *Volume) probe() int {
	var magic [3]uint16
	var n [3]int
	for b := range magic {
		magic[b] = v.storedMagic(b)
		n[b] = int(magic[b] ^ noMagic)
	}
	switch {
	case n[0] < 3:
		return 0
	case magic[0] == freeID && n[1]-n[2] == 1:
		return n[1] + 1
	case magic[1] == freeID && n[0]-n[2] == 2,
		magic[2] == freeID && n[0]-n[1] == 1,
		n[0]-n[1] == 1 && n[1]-n[2] == 1:
		return n[0]
	}
	return 0
}

// Probe returns how many bytes the file system takes that begins with a chip's content and can be
// mounted, 0 if there is none: of the sizes of blocks that the firmware uses the one that fits.
func Probe(content []byte) int {
	for _, block := range []int{2 * SectorSize, SectorSize} {
		if len(content) < 3*block {
			continue
		}
		first := Load(content[:3*block], block)
		n := first.probe()
		if n == 0 || n > len(content)/block || first.storedMagic(0) == freeID { // one more erased block before
			continue
		}
		if v := Load(content[:n*block], block); v.Mount() == nil {
			return n * block
		}
	}
	return 0
}

// scan looks at the end of all lookups for magic numbers and counts of erases. One block
// without its number is erased anew: power went while it was (fw: spiffs_nucleus.c,
// spiffs_obj_lu_scan).
func (v *Volume) scan() error {
	lowest, highest := uint16(freeID), uint16(0)
	broken := -1
	for b := range v.blocks {
		if v.storedMagic(b) != v.magic(b) {
			if broken >= 0 {
				return ErrNotMounted
			}
			broken = b
		}
		if n := v.storedEraseCount(b); n != freeID {
			lowest, highest = min(lowest, n), max(highest, n)
		}
	}
	if int(highest)-int(lowest) > freeID/2 {
		v.eraseCount = lowest + 1 // it has begun anew
	} else {
		v.eraseCount = highest + 1
	}
	if broken >= 0 {
		v.eraseBlock(broken)
	}
	return nil
}

// count counts the pages of the lookups.
func (v *Volume) count() {
	v.freeBlocks, v.allocated, v.deleted = 0, 0, 0
	for b := range v.blocks {
		v.readLookup(b)
		for e := range v.entries() {
			switch v.entryOf(e) {
			case freeID:
				if e == 0 {
					v.freeBlocks++
				}
			case deletedID:
				v.deleted++
			default:
				v.allocated++
			}
		}
	}
}

// Load returns the volume that is on a partition with that content, as many blocks of blockSize
// bytes as fit. It is not mounted.
func Load(image []byte, blockSize int) *Volume {
	v := empty(len(image)/blockSize, blockSize)
	blank := ones(blockSize)
	for i := range v.all {
		b := &v.all[i]
		data := image[i*blockSize:][:blockSize]
		copy(b.stamp[:], data[stampAt:])
		if !bytes.Equal(data[:stampAt], blank[:stampAt]) || !bytes.Equal(data[PageSize:], blank[PageSize:]) {
			b.data = bytes.Clone(data)
		}
	}
	return v
}

// Image returns a copy of the whole partition.
func (v *Volume) Image() []byte {
	image := make([]byte, len(v.all)*v.block)
	for at := 0; at < len(image); at += PageSize {
		v.look(at, image[at:at+PageSize])
	}
	return image
}

// look copies bytes of one page of the partition, whether the file system has it or not.
func (v *Volume) look(addr int, p []byte) {
	c := chip{block: v.block, blocks: v.all}
	c.peek(addr, p)
}

// Blocks returns how many blocks the mounted file system has, and their size in bytes.
func (v *Volume) Blocks() (n, size int) { return len(v.blocks), v.block }

// Unmountable says in words why Mount does not mount a partition, "" when it does: for whoever
// has the image.
func (v *Volume) Unmountable() string {
	c := Load(v.Image(), v.block)
	if c.Mount() == nil {
		return ""
	}
	n := c.probe()
	switch {
	case v.Blank():
		return "it is erased flash"
	case n == 0:
		return "its first three blocks have no magic numbers in a row"
	case n > len(c.all):
		return fmt.Sprintf("it is the beginning of a file system of %d blocks, and there are %d", n, len(c.all))
	}
	wrong := ""
	for b := range c.blocks {
		if c.storedMagic(b) != c.magic(b) {
			wrong += fmt.Sprintf(", %d", b)
		}
	}
	return fmt.Sprintf("more than one block has no magic number: %s", wrong[2:])
}

// Blank reports whether the whole partition is erased.
func (v *Volume) Blank() bool {
	for i := range v.all {
		b := &v.all[i]
		if b.data != nil && !bytes.Equal(b.data, ones(v.block)) || b.data == nil && b.stamp != erasedStamp {
			return false
		}
	}
	return true
}
