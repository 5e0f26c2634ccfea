package lfs

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// mostBytes is the most that a relocatable file inflates to.
const mostBytes = 4 * (MaxWords + MaxWords/32)

// Read reads a file that luac.cross or Build has made, a relocatable or an absolute one, and checks
// all of it. An error says what is wrong.
func Read(file []byte) (*Image, error) {
	if bytes.HasPrefix(file, []byte(gzipHeader[:2])) {
		return readRelocatable(file)
	}
	return readAbsolute(file)
}

func readRelocatable(file []byte) (*Image, error) {
	rest := bytes.NewReader(file)
	z, err := gzip.NewReader(rest)
	if err != nil {
		return nil, notInflated(err)
	}
	z.Multistream(false)
	data, err := io.ReadAll(io.LimitReader(z, mostBytes+1))
	switch {
	case err != nil:
		return nil, notInflated(err)
	case len(data) > mostBytes:
		return nil, damaged(fmt.Sprintf("it inflates to more than the %d bytes of the largest image", mostBytes))
	case rest.Len() > 0:
		return nil, damaged(fmt.Sprintf("%d bytes follow its end", rest.Len()))
	}
	return readPlain(data)
}

// readPlain reads what was compressed: see Image.plain.
func readPlain(data []byte) (*Image, error) {
	all, h, err := headed(data, "it inflates to")
	if err != nil {
		return nil, err
	}
	n := int(h.Size / 4)
	image := &Image{words: all[:n], addresses: bitmap(all[n:])}
	if need := len(newBitmap(n)); len(image.addresses) != need {
		return nil, damaged(fmt.Sprintf("its bitmap of addresses has %d words, and %d words of image need %d", len(image.addresses), n, need))
	}
	_, addresses, err := decode(image.words, distance)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if a := image.addresses.has(i); a != addresses.has(i) {
			if a {
				return nil, damaged(fmt.Sprintf("its bitmap says that word %d is an address, and it is none", i))
			}
			return nil, damaged(fmt.Sprintf("word %d is an address, and the bitmap does not say so", i))
		}
	}
	return image, nil
}

func notInflated(err error) error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "gzip: "), "flate: ")
	switch err {
	case io.EOF, io.ErrUnexpectedEOF:
		text = "it ends too early"
	case gzip.ErrChecksum:
		text = "its checksum or its length is not that of its contents"
	}
	return damaged("it can't be inflated: " + text)
}

// readAbsolute reads an image whose addresses are real: that of its string table, which follows the
// header, tells where it was to lie.
func readAbsolute(file []byte) (*Image, error) {
	all, h, err := headed(file, "it has")
	if err != nil {
		return nil, err
	}
	if h.Size != uint32(len(file)) {
		return nil, damaged(fmt.Sprintf("its size in the header is %d bytes, and the file has %d", h.Size, len(file)))
	}
	base := h.Hash - 4*HeaderWords
	place := placeAt(base)
	_, addresses, err := decode(all, place)
	if err != nil {
		return nil, err
	}
	for i, w := range all {
		if addresses.has(i) {
			all[i], _ = place(w)
		}
	}
	all[0] &^= Absolute
	return &Image{all, addresses, base}, nil
}

// tooShort is the error for so many bytes, which can't be an image.
func tooShort(bytes int) error {
	return damaged(fmt.Sprintf("it has %d bytes, less than the header of an image", bytes))
}

// headed are the words of an image that begins with a header which holds. what says of the
// bytes where they are from.
func headed(data []byte, what string) (all []uint32, h Header, err error) {
	if len(data)%4 != 0 {
		return nil, h, damaged(fmt.Sprintf("%s %d bytes, which are no whole words", what, len(data)))
	}
	all = words(data)
	h, ok := ReadHeader(all)
	if !ok {
		return nil, h, tooShort(len(data))
	}
	return all, h, h.check(len(all))
}

// words are the little-endian words of data.
func words(data []byte) []uint32 {
	w := make([]uint32, len(data)/4)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return w
}

func encode(words []uint32) []byte {
	b := make([]byte, 0, 4*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
