// Package spiffs is SPIFFS as the firmware builds it, on flash whose bits are really
// programmed and erased: how full it gets, what a write costs, what a reset loses and
// what the collector moves follow from the pages and are not computed beside them (fw:
// app/spiffs; oracle: spiffs-traces.json).
//
// The flash is cut into blocks of 8 KB, those into pages of 256 bytes. The first page of
// a block is the lookup: for each other page the number of the object that it belongs
// to, 0 for a deleted page, ones for a free one. A file is an object. Its data pages
// carry 251 bytes behind a header of 5; its index pages, whose object number has the
// highest bit set, list the data pages; the first of them has size and name. Bits only go
// from one to zero, so whatever changes is written to a fresh page and the old one is
// marked deleted. A block is erased by the garbage collector, which copies what is alive
// in it to somewhere else first, and for that two blocks' worth of pages is kept.
//
// In RAM are four file descriptors and a cache of four pages. Pages that are read go
// through the cache. A write of less than a page is kept in it until it does not fit to
// what was kept before, or a descriptor of the file reads, seeks, flushes or closes; until
// then it is not in the file, nor in its size. (A file that nothing was flushed to ends for
// readers before they flush.) A reset loses it.
//
// What is on the flash is the real format, byte by byte but for three that align an index page
// and that the firmware leaves as they were on its stack: Load and Image go between volumes and
// images for chips. The firmware looks at nothing but lookups when it mounts; Check looks at all.
//
// The package owns the flash of the partition and what SPIFFS has in RAM. It must not know
// Lua, devices, drives or the host. Names of fields follow SPIFFS's where those say more
// than their value: span, objix, pix are its words.
package spiffs

import "errors"

// Figures of the build (fw: app/spiffs/spiffs.c, spiffs_config.h, user_config.h).
const (
	PageSize   = 256  // bytes: LOG_PAGE_SIZE
	SectorSize = 4096 // bytes that the chip erases at once
	MaxName    = 31   // bytes: FS_OBJ_NAME_LEN
	MaxOpen    = 4    // SPIFFS_MAX_OPEN_FILES

	cachePages = 4   // of 276 bytes with their header in myspiffs_cache
	gcMaxRuns  = 256 // SPIFFS_GC_MAX_RUNS
	copyBuffer = 64  // bytes: SPIFFS_COPY_BUFFER_STACK
	hitScore   = 4   // SPIFFS_TEMPORAL_CACHE_HIT_SCORE
	spare      = 2   // blocks that are kept for the collector
)

// The layout of pages, in bytes (fw: app/spiffs/spiffs_nucleus.h).
const (
	headerSize   = 5                     // object, span, flags
	DataSize     = PageSize - headerSize // of a file in one page
	flagsAt      = 4
	sizeAt       = 8 // in the first index page
	typeAt       = 12
	nameAt       = 13
	nameSize     = MaxName + 1
	firstTableAt = 46 // of data pages in the first index page, after a byte that aligns it
	tableAt      = 8  // and in further ones
	firstEntries = (PageSize - firstTableAt) / 2
	entriesEach  = (PageSize - tableAt) / 2
)

// Objects and pages.
const (
	deletedID = 0
	freeID    = 0xffff
	indexFlag = 0x8000 // of the object number of index pages
	noPage    = 0xffff
	undefined = 0xffffffff // the size of a file that nothing was written to
	typeFile  = 1
)

// Flags of a page; a flag is set when its bit is zero.
const (
	used     = 1 << 0
	final    = 1 << 1
	index    = 1 << 2
	ixdelete = 1 << 6 // the file is being removed
	deleted  = 1 << 7
)

// Errors. Those that are not exported are for what a broken index refers to.
var (
	ErrFull        = errors.New("flash file system is full")
	ErrNotFound    = errors.New("no such file")
	ErrExists      = errors.New("file exists")
	ErrTooMany     = errors.New("too many open files")
	ErrClosed      = errors.New("file is closed")
	ErrNotReadable = errors.New("file is not open for reading")
	ErrNotWritable = errors.New("file is not open for writing")
	ErrEnd         = errors.New("position outside the file")
	ErrNotMounted  = errors.New("there is no file system that can be mounted")

	errNoBlock  = errors.New("spiffs: no block is wholly deleted")
	errBroken   = errors.New("spiffs: index refers to a page of another kind")
	errDeleted  = errors.New("spiffs: page is deleted")
	errFreePage = errors.New("spiffs: index refers to no page")
)

// Volume is a mounted file system. It is not safe for concurrent use.
type Volume struct {
	chip
	perBlock int // pages of a block, with the lookup

	// What SPIFFS has in RAM.
	cache       cache
	fds         [MaxOpen]descriptor
	freeAt      place // where the search for a free page begins
	cursor      place // where the search for an object begins
	freeBlocks  int
	allocated   int // pages
	deleted     int // pages
	cleaning    bool
	eraseCount  uint16
	work        [PageSize]byte // the index page at hand, a bitmap
	lookup      [PageSize]byte
	generations uint32
	mounted     bool

	// Changed has the objects whose content or name has changed since somebody
	// emptied it.
	Changed map[uint16]bool
}

// place is an entry of a lookup.
type place struct{ block, entry int }

// New returns a formatted file system of so many blocks of so many bytes.
func New(blocks, blockSize int) *Volume {
	v := empty(blocks, blockSize)
	_ = v.Format() // with power there is no error
	v.did, v.power, v.changed = Work{}, power{}, pages{}
	return v
}

// empty returns a volume on a partition of erased flash.
func empty(blocks, blockSize int) *Volume {
	all := make([]block, blocks)
	for i := range all {
		all[i].stamp = erasedStamp
	}
	return &Volume{chip: chip{block: blockSize, all: all, blocks: all}, perBlock: blockSize / PageSize, Changed: map[uint16]bool{}}
}

// Format flushes and closes what is open, erases the whole partition and mounts it.
func (v *Volume) Format() error {
	for i := range v.fds {
		if v.fds[i].open {
			_ = v.flush(i) // as SPIFFS_unmount does
			v.fds[i].open = false
		}
	}
	v.EachFile(func(f Info) { v.Changed[f.Object] = true })
	v.blocks = v.all
	for b := range v.blocks {
		v.eraseCount = 0
		v.eraseBlock(b)
	}
	return v.mount()
}

// entries is how many pages of a block are not its lookup.
func (v *Volume) entries() int { return v.perBlock - 1 }

// usable is how many pages may be taken.
func (v *Volume) usable() int { return (len(v.blocks) - spare) * v.entries() }

// Usage returns the pages that are in use and those that count as the whole: the
// emergency page is among them.
func (v *Volume) Usage() (used, total int) { return v.allocated, v.usable() + 1 }

// pageOf is the page that an entry of a lookup is about.
func (v *Volume) pageOf(p place) int { return p.block*v.perBlock + 1 + p.entry }

// placeOf is the entry of the lookup that is about a page. A lookup has none; a descriptor
// whose file was never found leads there, to before the first entry.
func (v *Volume) placeOf(page int) place {
	return place{page / v.perBlock, max(page%v.perBlock-1, 0)}
}

// indexOf returns which index page lists a data page, and where.
func indexOf(span int) (objix, entry int) {
	if span < firstEntries {
		return 0, span
	}
	return 1 + (span-firstEntries)/entriesEach, (span - firstEntries) % entriesEach
}

// table returns the entry of an index page.
func table(page []byte, objix, entry int) uint16 {
	at := tableAt
	if objix == 0 {
		at = firstTableAt
	}
	return u16(page[at+2*entry:])
}

func setTable(page []byte, objix, entry int, pix uint16) {
	at := tableAt
	if objix == 0 {
		at = firstTableAt
	}
	putU16(page[at+2*entry:], pix)
}

func u16(p []byte) uint16 { return uint16(p[0]) | uint16(p[1])<<8 }

func putU16(p []byte, n uint16) { p[0], p[1] = byte(n), byte(n>>8) }

func u32(p []byte) uint32 { return uint32(u16(p)) | uint32(u16(p[2:]))<<16 }

func putU32(p []byte, n uint32) { putU16(p, uint16(n)); putU16(p[2:], uint16(n>>16)) }
