package uzlib

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
)

// memory is a stream in memory. It ends the work with a panic where the input ends or the
// output is too long.
type memory struct {
	in, out []byte
	most    int
}

type ended string

func (m *memory) Get() byte {
	if len(m.in) == 0 {
		panic(ended("input"))
	}
	b := m.in[0]
	m.in = m.in[1:]
	return b
}

func (m *memory) Put(b byte) {
	if len(m.out) == m.most {
		panic(ended("output"))
	}
	m.out = append(m.out, b)
}

func (m *memory) Recall(offset uint32) byte {
	if offset == 0 || int64(offset) > int64(len(m.out)) {
		panic(ended("offset"))
	}
	return m.out[len(m.out)-int(offset)]
}

// inflate inflates a file. stopped says that the stream has ended the work.
func inflate(file []byte, most int) (out []byte, sum uint32, stopped string, err error) {
	m := &memory{in: file, most: most}
	defer func() {
		out = m.out
		if r := recover(); r != nil {
			stopped = string(r.(ended))
		}
	}()
	sum, err = Inflate(m)
	return m.out, sum, "", err
}

func deflate(t testing.TB, data []byte, level int, h gzip.Header) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	z.Header = h
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What a PC compresses is inflated: stored blocks, ones with trees of their own and ones
// without, and whatever stands in the header.
func TestInflate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		data := make([]byte, r.IntN(9000))
		for j := range data {
			data[j] = byte(r.IntN(1 + i))
		}
		h := gzip.Header{}
		if i%3 == 0 {
			h = gzip.Header{Name: "lfs.img", Comment: "made for a test", Extra: []byte("xx12345")}
		}
		file := deflate(t, data, i%11-2, h)
		out, sum, stopped, err := inflate(file, len(data))
		if err != nil || stopped != "" || !bytes.Equal(out, data) || sum != crc32.ChecksumIEEE(data) {
			t.Fatalf("%d: %v %s, %d of %d bytes", i, err, stopped, len(out), len(data))
		}
	}
}

// file is a gzip file of some bytes of deflate.
func file(deflate ...byte) []byte {
	return append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00"), deflate...)
}

// What is no gzip file is a data error, and what the firmware does not notice goes on.
func TestNoStream(t *testing.T) {
	for _, tt := range []struct {
		name    string
		file    []byte
		stopped string
		out     string
	}{
		{"signature", []byte("\x1f\x8c\x08\x00"), "", ""},
		{"method", []byte("\x1f\x8b\x07\x00"), "", ""},
		{"reserved flag", []byte("\x1f\x8b\x08\x20"), "", ""},
		{"the third kind of block", file(0x07), "", ""},
		{"a stored block whose length is not told twice", file(0x01, 1, 0, 0, 0), "", ""},
		{"an offset before the beginning", file(0x03, 0x02), "offset", ""},
		{"trees whose own codes have no lengths", file(append([]byte{0x05, 0, 0}, make([]byte, 12)...)...), "", ""},
	} {
		out, _, stopped, err := inflate(tt.file, 100)
		if stopped != tt.stopped || (err == nil) != (stopped != "") || string(out) != tt.out {
			t.Errorf("%s: %v, stopped by %q, %q", tt.name, err, stopped, out)
		}
	}
}

// Lengths and distances beyond the last symbol are what lies behind the tables.
func TestSymbolsBeyondTables(t *testing.T) {
	tab := newTables()
	for _, tt := range []struct {
		name       string
		bits, base uint32
		of         func(*tables, int) (uint32, uint32)
		i          int
	}{
		{"the shortest", 0, 3, (*tables).length, 0},
		{"the longest", 0, 258, (*tables).length, 28},
		{"symbol 287", 3, 0, (*tables).length, 30},
		{"the farthest", 13, 24577, (*tables).distance, 29},
		{"symbol 30", 1, 0x1110, (*tables).distance, 30},
		{"symbol 31", 0, 0x0012, (*tables).distance, 31},
		{"a code that does not exist", 1, 0x0b0b, (*tables).distance, invalid},
	} {
		if bits, base := tt.of(&tab, tt.i); bits != tt.bits || base != tt.base {
			t.Errorf("%s: %d bits from %#x, want %d from %#x", tt.name, bits, base, tt.bits, tt.base)
		}
	}
}

// Whatever comes in, it ends, and what a PC inflates it inflates.
func FuzzInflate(f *testing.F) {
	f.Add(deflate(f, []byte("a text, a text, and a text"), 9, gzip.Header{}))
	f.Add(deflate(f, bytes.Repeat([]byte{1, 2, 3}, 3000), 6, gzip.Header{Name: "x"}))
	f.Add(deflate(f, binary.LittleEndian.AppendUint64(nil, 0xfafaa154), 0, gzip.Header{}))
	f.Fuzz(func(t *testing.T, file []byte) {
		const most = 1 << 16
		out, sum, stopped, err := inflate(file, most)
		z, zerr := gzip.NewReader(bytes.NewReader(file))
		if zerr != nil {
			return
		}
		z.Multistream(false)
		want, zerr := io.ReadAll(io.LimitReader(z, most+1))
		if zerr == nil && len(want) <= most && (err != nil || stopped != "" || !bytes.Equal(out, want) || sum != crc32.ChecksumIEEE(want)) {
			t.Errorf("%v %s: %d of %d bytes", err, stopped, len(out), len(want))
		}
	})
}
