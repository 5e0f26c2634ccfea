package flash

import "bytes"

// Chip is the whole flash by addresses, with all that a Store keeps; where the file system lies,
// that has it itself. An erase makes a sector 0xff, a write clears bits. Addresses are bytes from
// the start of the flash; what is behind its end is 0xff and stays so.
type Chip struct {
	data    []byte
	changed []bool // by piece
	told    func() // is called when the device has written or erased; may be nil
}

const (
	pieceBytes = 256 // what a Store is told at once
)

// NewChip returns a chip with that content, which it keeps.
func NewChip(content []byte) *Chip {
	return &Chip{data: content, changed: make([]bool, (len(content)+pieceBytes-1)/pieceBytes)}
}

// Blank returns the content of an erased chip of size bytes.
func Blank(size int) []byte { return bytes.Repeat([]byte{0xff}, size) }

// Size returns how many bytes the chip has.
func (c *Chip) Size() int { return len(c.data) }

// ReadAt copies what is at an address.
func (c *Chip) ReadAt(p []byte, address int) {
	n := 0
	if address < len(c.data) {
		n = copy(p, c.data[address:])
	}
	copy(p[n:], Blank(len(p)-n))
}

// Erase makes a sector ones.
func (c *Chip) Erase(sector int) {
	if at := sector * SectorSize; at < len(c.data) {
		c.put(at, Blank(min(SectorSize, len(c.data)-at)))
		c.tell()
	}
}

func (c *Chip) tell() {
	if c.told != nil {
		c.told()
	}
}

// WriteAt clears the bits that p has clear.
func (c *Chip) WriteAt(p []byte, address int) {
	if address >= len(c.data) {
		return
	}
	now := bytes.Clone(c.data[address:min(address+len(p), len(c.data))])
	for i := range now {
		now[i] &= p[i]
	}
	c.put(address, now)
	c.tell()
}

// put is what comes from outside: erased and written in one.
func (c *Chip) put(at int, data []byte) {
	for i, b := range data {
		if c.data[at+i] != b {
			c.data[at+i] = b
			c.changed[(at+i)/pieceBytes] = true
		}
	}
}
