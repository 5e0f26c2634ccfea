package uzlib

// lengthCodes is the order in which the lengths of the codes of lengths come.
var lengthCodes = [...]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// entries is how many lengths and distances the tables have.
const entries = 30

// Where the tables begin in the inflater's memory.
const (
	lengthBits   = 0
	lengthBase   = lengthBits + entries
	distanceBits = lengthBase + 2*entries
	distanceBase = distanceBits + entries
	codeOrder    = distanceBase + 2*entries
	tablesEnd    = codeOrder + 20 // of which one byte is nothing
)

// tables are the bits and bases of lengths and distances, and lengthCodes, as they lie in
// the inflater's memory: a symbol beyond the last finds the table behind.
type tables [tablesEnd]byte

func newTables() (t tables) {
	t.fill(lengthBits, lengthBase, 4, 3)
	t.fill(distanceBits, distanceBase, 2, 1)
	t[lengthBits+28] = 0 // the longest
	t.set(lengthBase, 28, 258)
	copy(t[codeOrder:], lengthCodes[:])
	return t
}

// fill fills a table of bits, which grow by one after so many entries each, and its bases.
func (t *tables) fill(bits, base, each, first int) {
	for i := range entries {
		t[bits+i] = byte(max(i-each, 0) / each)
		t.set(base, i, first)
		first += 1 << t[bits+i]
	}
}

func (t *tables) set(base, i, x int) { t[base+2*i], t[base+2*i+1] = byte(x), byte(x>>8) }

func (t *tables) entry(bits, base, i int) (n, from uint32) {
	at := base + 2*i
	return uint32(t[bits+i]), uint32(t[at]) | uint32(t[at+1])<<8
}

// length is how many bits follow a symbol that is the length i, and what is added to them;
// distance is that of a distance, or of what is none.
func (t *tables) length(i int) (n, base uint32) { return t.entry(lengthBits, lengthBase, i) }

func (t *tables) distance(i int) (n, base uint32) { return t.entry(distanceBits, distanceBase, i) }
