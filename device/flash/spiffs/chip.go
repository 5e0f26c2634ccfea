package spiffs

import "bytes"

// chip is NOR flash: an erase sets the bits of a sector, a write clears bits.
type chip struct {
	block   int     // bytes
	all     []block // of the partition
	blocks  []block // those of the file system on it
	did     Work
	power   power
	changed pages
}

// power is the chip's, which may go away between two writes or in one.
type power struct {
	writes int    // that it was asked for, erases among them
	cutAt  int    // the number of the one in which power goes; 0: it does not
	part   int    // how many bytes of that one reach the flash
	cut    func() // is told so
	off    bool   // nothing is written until it is back
}

// Writes returns how many writes and erases there were.
func (c *chip) Writes() int { return c.power.writes }

// CutAt takes the power away in write n from now, counted from 1, when part of its bytes are
// written: the rest of it and all further ones do nothing until the volume is mounted again.
// Of an erase whole sectors are done. told is called there. With 0 for n the power stays.
func (c *chip) CutAt(n, part int, told func()) {
	c.power.cutAt, c.power.part, c.power.cut = 0, part, told
	if n > 0 {
		c.power.cutAt = c.power.writes + n
	}
}

// Dark reports whether power is away.
func (c *chip) Dark() bool { return c.power.off }

// powered counts a write of so many bytes and returns how many of them reach the chip.
func (c *chip) powered(bytes int) int {
	p := &c.power
	if p.off {
		return 0
	}
	if p.writes++; p.writes == p.cutAt {
		p.off = true
		p.cut()
		return min(p.part, bytes)
	}
	return bytes
}

// block is the content of one. While nothing but the stamp at the end of its lookup was
// written to it, it takes no more of the host's memory than that.
type block struct {
	data  []byte
	stamp [stampSize]byte
}

const (
	stampAt   = PageSize - stampSize // magic number and count of erases
	stampSize = 4
)

// Work is what the chip was asked to do.
type Work struct {
	Reads, ReadBytes     int
	Writes, ProgramBytes int // as the SDK is asked: whole words
	Erases               int // sectors
	Cleaned              int // blocks that the collector has cleaned
}

// TakeWork returns what the chip did since the last call.
func (c *chip) TakeWork() Work {
	w := c.did
	c.did = Work{}
	return w
}

// word is what the SDK reads and writes in, in bytes (fw: INTERNAL_FLASH_WRITE_UNIT_SIZE).
const word = 4

// erased is a page of ones, erasedStamp the end of one.
var (
	erased      = [PageSize]byte(ones(PageSize))
	erasedStamp = [stampSize]byte(ones(stampSize))
)

func ones(n int) []byte { return bytes.Repeat([]byte{0xff}, n) }

// read copies bytes of one page.
func (c *chip) read(addr int, p []byte) {
	c.did.Reads++
	c.did.ReadBytes += len(p)
	c.peek(addr, p)
}

func (c *chip) peek(addr int, p []byte) {
	at := addr % c.block
	if addr < len(c.blocks)*c.block {
		if b := &c.blocks[addr/c.block]; b.data != nil {
			copy(p, b.data[at:])
			return
		}
	}
	copy(p, erased[:])
	if addr < len(c.blocks)*c.block && at < PageSize && at+len(p) > stampAt {
		stamp := c.blocks[addr/c.block].stamp[max(at-stampAt, 0):]
		copy(p[max(stampAt-at, 0):], stamp)
	}
}

// program clears bits of one page. The platform layer writes ragged ends as words of
// their own, with what is there around them (fw: app/platform/common.c,
// platform_flash_write). What a broken index has written behind the partition is not.
func (c *chip) program(addr int, p []byte) {
	if addr >= len(c.blocks)*c.block {
		return
	}
	p = p[:c.powered(len(p))]
	if len(p) == 0 {
		return
	}
	c.changed.add(addr / PageSize)
	b, at := &c.blocks[addr/c.block], addr%c.block
	if b.data == nil && at >= stampAt && at+len(p) <= PageSize {
		for i, x := range p {
			b.stamp[at-stampAt+i] &= x
		}
	} else {
		b.fill(c.block)
		for i, x := range p {
			b.data[at+i] &= x
		}
	}
	n := len(p)
	if ragged := addr % word; ragged != 0 {
		c.count(word)
		n -= min(n, word-ragged)
	}
	if whole := n / word * word; whole > 0 {
		c.count(whole)
	}
	if n%word != 0 {
		c.count(word)
	}
}

// fill gives a block its bytes.
func (b *block) fill(size int) {
	if b.data != nil {
		return
	}
	b.data = ones(size)
	copy(b.data[stampAt:], b.stamp[:])
}

func (c *chip) count(n int) {
	c.did.Writes++
	c.did.ProgramBytes += n
}

func (c *chip) erase(n int) {
	whole := c.powered(c.block) / SectorSize * SectorSize
	c.did.Erases += whole / SectorSize
	for page := range whole / PageSize {
		c.changed.add(n*c.block/PageSize + page)
	}
	switch b := &c.blocks[n]; {
	case whole == c.block:
		*b = block{stamp: erasedStamp}
	case b.data != nil:
		copy(b.data[:whole], ones(whole))
	case whole > 0:
		b.stamp = erasedStamp
	}
}
