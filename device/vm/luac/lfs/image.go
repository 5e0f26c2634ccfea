package lfs

import "encoding/binary"

// Size is flash_size: the bytes that the image takes in flash.
func (m *Image) Size() int { return 4 * len(m.words) }

// Absolute is the file that luac.cross -a makes: the image as it lies in flash that is
// mapped at the address base.
func (m *Image) Absolute(base uint32) []byte {
	return encode(m.At(base))
}

// At returns the image's words as they lie at the address base.
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

// plain is what is compressed in a relocatable file: the image and its bitmap.
func (m *Image) plain() []byte {
	return append(encode(m.words), encode(m.addresses)...)
}

func encode(words []uint32) []byte {
	b := make([]byte, 0, 4*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
