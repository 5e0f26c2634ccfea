package lfs

// Image is an image whose addresses are distances in words.
type Image struct {
	words     []uint32
	addresses bitmap
	base      uint32
}

// Size is flash_size: the bytes that the image takes in flash.
func (m *Image) Size() int { return 4 * len(m.words) }

// Base is the address that an absolute file was made for, 0 where the image is none.
func (m *Image) Base() uint32 { return m.base }

// At returns the image's words as they lie in flash that is mapped at the address base.
func (m *Image) At(base uint32) []uint32 {
	words := make([]uint32, len(m.words))
	for i, w := range m.words {
		if m.addresses.has(i) {
			w = w*4 + base
		}
		words[i] = w
	}
	words[0] |= Absolute
	return words
}

// Absolute is the file that luac.cross -a makes: the image as it lies at the address base.
func (m *Image) Absolute(base uint32) []byte { return encode(m.At(base)) }

// Relocatable is the file that luac.cross -f makes: a gzip of the image and of the bitmap of its
// addresses.
func (m *Image) Relocatable() []byte { return compress(m.plain()) }

// plain is what of a relocatable file is compressed.
func (m *Image) plain() []byte { return append(encode(m.words), encode(m.addresses)...) }
