package lfs

// Bits of the signature, its first word. Signature is a relocatable image of the
// float build (fw: app/lua/lflash.h).
const (
	Signature  uint32 = 0xfafaa050 | version | Packed
	Absolute   uint32 = 0x01  // its addresses are real
	Integer    uint32 = 0x02  // of the integer build
	Packed     uint32 = 0x04  // constants take 12 bytes: float builds
	InProgress uint32 = 0x08  // being written; only in flash
	Version    uint32 = 0xf00 // the format's version

	version = 0x100
)

// Places and sizes in words.
const (
	HeaderWords = 8
	MaxWords    = 0x10000 // of an image (fw: LUA_MAX_FLASH_SIZE)

	atMain = 2 // the words of the header that are addresses
	atHash = 3

	stringWords = 4 // without its bytes
	recordWords = 18
	constWords  = 3
	localWords  = 3
)

// Of a string's second word: its type, and the mark of what lies in flash.
const stringTag = tagString | 0x40<<8

// Types of constants.
const tagNil, tagBoolean, tagNumber, tagString = 0, 1, 3, 4

// Words of a function's record. The first two are zero: its next object, its
// type and mark.
const (
	recConsts = 2 + iota
	recCode
	recChildren
	recLines
	recLocals
	recUpvalueNames
	recSource
	recUpvalueNameCount
	recConstCount
	recCodeCount
	recChildCount
	recLocalCount
	recLine
	recLastLine
	recGrey  // 0: its list of grey objects
	recShape // upvalues, parameters, vararg flags, registers: a byte each
)

// Header is the start of an image.
type Header struct {
	Signature uint32
	Size      uint32 // bytes of the image, without its bitmap
	Main      uint32 // address of the index's record
	Hash      uint32 // address of the buckets
	Strings   uint32
	Buckets   uint32
}

// ReadHeader takes the header from the first words of an image. ok is false when
// they are too few.
func ReadHeader(words []uint32) (h Header, ok bool) {
	if len(words) < HeaderWords {
		return Header{}, false
	}
	return Header{words[0], words[1], words[atMain], words[atHash], words[4], words[5]}, true
}

// bitmap is a set of words, a bit each: which are addresses.
type bitmap []uint32

func newBitmap(words int) bitmap { return make(bitmap, (words+31)/32) }

func (b bitmap) set(i int)      { b[i>>5] |= 1 << (i & 31) }
func (b bitmap) has(i int) bool { return b[i>>5]>>(i&31)&1 != 0 }
