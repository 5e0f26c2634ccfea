package spiffs

// chip is NOR flash: an erase sets the bits of a sector, a write clears bits.
type chip struct {
	block  int // bytes
	blocks []block
	did    Work
	power  power
}

// power is the chip's, which may go away between two writes.
type power struct {
	writes int    // that it was asked for, erases among them
	cutAt  int    // the number of the one before which power goes; 0: it does not
	cut    func() // is told so
	off    bool   // nothing is written until it is back
}

// Writes returns how many writes and erases there were.
func (c *chip) Writes() int { return c.power.writes }

// CutAt takes the power away before write n from now, counted from 1: it and all further
// ones do nothing until the volume is mounted again. told is called there.
func (c *chip) CutAt(n int, told func()) { c.power = power{cutAt: n, cut: told} }

// powered reports whether a write reaches the chip, and counts it.
func (c *chip) powered() bool {
	p := &c.power
	if p.off {
		return false
	}
	if p.writes++; p.writes == p.cutAt {
		p.off = true
		p.cut()
	}
	return !p.off
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

// erased is a page of ones.
var erased = func() (p [PageSize]byte) {
	for i := range p {
		p[i] = 0xff
	}
	return p
}()

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
	if addr >= len(c.blocks)*c.block || !c.powered() {
		return
	}
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
	b.data = make([]byte, size)
	for i := range b.data {
		b.data[i] = 0xff
	}
	copy(b.data[stampAt:], b.stamp[:])
}

func (c *chip) count(n int) {
	c.did.Writes++
	c.did.ProgramBytes += n
}

func (c *chip) erase(n int) {
	if !c.powered() {
		return
	}
	c.blocks[n] = block{stamp: [stampSize]byte{0xff, 0xff, 0xff, 0xff}}
	c.did.Erases += c.block / SectorSize
}
