package partition

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

const flashSize = 0x400000

func page(records ...[]byte) []byte {
	p := bytes.Repeat([]byte{0xff}, RecordsSize)
	at := 0
	for _, r := range records {
		at += copy(p[at:], r)
	}
	return p
}

// rec is a record of words.
func rec(number byte, words ...uint32) []byte {
	r := []byte{byte(len(words)), number, 0, 0}
	for _, w := range words {
		r = binary.LittleEndian.AppendUint32(r, w)
	}
	return r
}

// TestRead reads pages of records as the firmware leaves them.
func TestRead(t *testing.T) {
	const all = 0xffffffff
	// What is compiled in: sizes of 0, an end mark with the end of the firmware's text.
	first := []uint32{101, 0, 0xb000, 4, 0xb000, 0x1000, 5, 0xc000, 0x1000, 6, 0xd000, 0x3000, 102, 0x10000, 0}
	with := func(more ...uint32) []byte { return page(rec(1, append(append([]uint32{}, first...), more...)...)) }
	for _, tt := range []struct {
		name string
		page []byte
		want string // LFS and SPIFFS, or the error
	}{
		{"not completed, no LFS", with(103, 0, 0, 106, 0, all, 0, 0x40280010, 0), "0+0 82000+37e000"},
		{"not completed, LFS", with(103, 0, 0x10001, 106, 0, all, 0, 0x4027f000, 0), "80000+12000 92000+36e000"},
		{"SPIFFS of a size goes to 1 MB", with(103, 0, 0, 106, 0, 0x80000, 0, 0x4027f000, 0), "0+0 100000+80000"},
		{"where it fits", with(103, 0, 0, 106, 0, 0x380000, 0, 0x4027f000, 0), "0+0 80000+380000"},
		{"completed, behind a deleted one and another", page(rec(0, 1, 2), rec(2), rec(1, 103, 0x80000, 0x10000, 106, 0x100000, 0x300000)), "80000+10000 100000+300000"},
		{"erased", page(), ErrNone.Error()},
		{"another record", page(rec(2)), ErrNone.Error()},
		{"firmware from before", bytes.Repeat([]byte{0x10, 0x21}, RecordsSize/2), ErrNone.Error()},
		{"no whole entries", page(rec(1, 103, 0x80000)), "the partition table at 0x10000 has 8 bytes, which is no number of entries: the firmware would not start"},
		{"overlapping", page(rec(1, 103, 0x80000, 0x10000, 106, 0x81000, 0x300000)), "the partition table has SPIFFS at 0x81000 with 0x300000 bytes, which overlaps another one, begins within a sector or ends outside the flash: the firmware would not start"},
		{"outside", page(rec(1, 106, 0x81000, 0x400000)), "the partition table has SPIFFS at 0x81000 with 0x400000 bytes, which overlaps another one, begins within a sector or ends outside the flash: the firmware would not start"},
	} {
		table, err := Read(tt.page, flashSize)
		lfs, _ := table.Find(LFS)
		fs, _ := table.Find(SPIFFS)
		got := fmt.Sprintf("%x+%x %x+%x", lfs.Address, lfs.Size, fs.Address, fs.Size)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestWrite changes a table over and over: what is read is what was written last, other records
// stay, and the page never runs full.
func TestWrite(t *testing.T) {
	p := page(rec(2, 7))
	for i := range 200 {
		lfs := Partition{LFS, 0x80000, i % 3 * 0x10000}
		fs := Partition{SPIFFS, 0x100000, 0x10000 * (i%16 + 1)}
		Write(p, Default(lfs, fs))
		table, err := Read(p, flashSize)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := table.Find(LFS); ok != (lfs.Size > 0) || ok && got != lfs {
			t.Fatalf("%d: LFS %+v", i, got)
		}
		if got, _ := table.Find(SPIFFS); got != fs {
			t.Fatalf("%d: SPIFFS %+v", i, got)
		}
		if from, to, ok := record(p, 2); !ok || to-from != 8 || p[from+4] != 7 {
			t.Fatalf("%d: the other record is gone", i)
		}
		before := bytes.Clone(p)
		if Write(p, table); !bytes.Equal(before, p) {
			t.Fatalf("%d: the same table was written again", i)
		}
	}
	junk := bytes.Repeat([]byte{0x55}, RecordsSize)
	Write(junk, Default(Partition{}, Partition{SPIFFS, 0x100000, 0x10000}))
	if _, err := Read(junk, flashSize); err != nil {
		t.Error(err)
	}
}

// FuzzRecords has anything be a page of records.
func FuzzRecords(f *testing.F) {
	f.Add(page(rec(1, 103, 0x80000, 0x10000, 106, 0x100000, 0x300000)))
	f.Add(page(rec(1, 102, 0x10000, 0, 106, 0, 0xffffffff, 0, 0x40280010, 0)))
	f.Fuzz(func(t *testing.T, p []byte) {
		p = append(p, make([]byte, RecordsSize)...)[:RecordsSize]
		table, err := Read(p, flashSize)
		if err != nil {
			return
		}
		lfs, _ := table.Find(LFS)
		fs, ok := table.Find(SPIFFS)
		if !ok {
			return
		}
		Write(p, table.With(lfs, fs))
		again, err := Read(p, flashSize)
		if got, _ := again.Find(SPIFFS); err != nil || got != fs {
			t.Errorf("%+v: read again as %+v, %v", table, again, err)
		}
	})
}
