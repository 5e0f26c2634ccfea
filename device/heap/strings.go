package heap

// StringTable is the hash table of the interned strings: how many there are and
// how many slots it has. Source: oracle: memory-sizes.json, "string_table".
type StringTable struct {
	Slots int
	Live  int
	// Stuck is set when memory ran out while the table was being resized: the
	// firmware then never resizes it again (oracle: memory-behaviour.md, 7).
	Stuck bool
	Block Block
}

const (
	stringSlotsBoot = 64
	stringSlotsMin  = 32
)

// NewStringTable is the table as it is at the prompt.
func NewStringTable() StringTable { return StringTable{Slots: stringSlotsBoot} }

// Grown is the number of slots needed before one more string is made, or 0 when it
// needs no resize.
func (t *StringTable) Grown() int {
	if t.Live < t.Slots || t.Stuck {
		return 0
	}
	return 2 * t.Slots
}

// Shrunk is the number of slots a collection leaves, or 0 when it stays.
func (t *StringTable) Shrunk() int {
	if t.Live < t.Slots/4 && t.Slots > 2*stringSlotsMin && !t.Stuck {
		return t.Slots / 2
	}
	return 0
}

// ConcatBuffer is the one buffer in which strings are glued.
// Source: oracle: memory-sizes.json, "concat_buffer".
type ConcatBuffer struct {
	Size int
	// InUse stays set when memory ran out inside a concatenation, until the
	// next successful one; the buffer does not shrink meanwhile.
	InUse bool
	Block Block
}

// Grown is the size needed for a result of n bytes, or 0 when it fits.
func (b *ConcatBuffer) Grown(n int) int {
	if n <= b.Size {
		return 0
	}
	return max(n, ConcatBufferMin)
}

// Shrunk is the size one collection leaves, or 0 when it stays.
func (b *ConcatBuffer) Shrunk() int {
	if b.Size > 2*ConcatBufferMin && !b.InUse {
		return b.Size / 2
	}
	return 0
}
