// Package partition reads and writes the partition table of the firmware, which says where in
// the flash everything lies (fw: app/user/user_main.c, app/platform/platform.c; the SDK's
// partition_item_t).
//
// The table is one of the records in the page at 0x10000 that outlive resets. A record is a
// header of a word, with the length in words and a number, and that many words. As the page is
// flash, a record that is replaced stays with the number 0, and the new one comes behind the
// last; behind all are ones.
package partition

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Where the firmware has the records, and the SDK its settings, in bytes.
const (
	RecordsAt      = 0x10000 // start of the firmware's text
	RecordsSize    = 0x1000
	ParametersAt   = 0xd000
	ParametersSize = 0x3000
)

// Kinds of partitions (SDK: SYSTEM_PARTITION_…; fw: app/include/user_config.h, from 100 on).
const (
	RFCal      = 4
	PHYData    = 5
	Parameters = 6
	EagleROM   = 101
	IROMText   = 102
	LFS        = 103
	LFS1       = 104
	TLSCert    = 105
	SPIFFS     = 106
	SPIFFS1    = 107
)

var names = map[uint32]string{
	RFCal: "RF calibration", PHYData: "PHY data", Parameters: "the SDK's settings", EagleROM: "the firmware's first part",
	IROMText: "the firmware", LFS: "LFS", LFS1: "a second LFS", TLSCert: "TLS certificates", SPIFFS: "SPIFFS", SPIFFS1: "a second SPIFFS",
}

// Partition is a part of the flash, in bytes.
type Partition struct {
	Kind          uint32
	Address, Size int
}

// Name says what the partition is for.
func (p Partition) Name() string {
	if n := names[p.Kind]; n != "" {
		return n
	}
	return fmt.Sprintf("partition %d", p.Kind)
}

// Table is a partition table, in the order of the addresses.
type Table []Partition

// ErrNone says that there are no records: the firmware was never there, or is one from before
// tables.
var ErrNone = errors.New("there is no partition table at 0x10000")

const (
	recordDeleted = 0x00
	recordTable   = 0x01 // PLATFORM_RCR_PT
	recordFree    = 0xff
	word          = 4
	itemSize      = 3 * word
	chunk         = 0x2000     // bytes to which the firmware rounds partitions up: PT_CHUNK
	rest          = 0xffffffff // as a size: all that is left
	mapped        = 0x40200000 // where the CPU sees the flash
	roomy         = 0x100000   // where SPIFFS goes if it fits behind it
)

// record returns where the first record with a number is in the page, and its end; the end of
// the last one for recordFree.
func record(page []byte, number byte) (from, to int, ok bool) {
	for at := 0; at+word <= len(page); {
		n, length := page[at+1], int(page[at])
		end := at + word*(1+length)
		if n == recordFree {
			return at, at, number == recordFree
		}
		if end > len(page) {
			return 0, 0, false
		}
		if n == number {
			return at, end, true
		}
		at = end
	}
	return 0, 0, false
}

// Read returns the table in the page of records. One that the firmware has yet to complete, at
// its first start, is completed as it would be.
func Read(page []byte, flashSize int) (Table, error) {
	from, to, ok := record(page, recordTable)
	if !ok {
		return nil, ErrNone
	}
	body := page[from+word : to]
	if len(body)%itemSize != 0 || len(body) == 0 {
		return nil, fmt.Errorf("the partition table at %#x has %d bytes, which is no number of entries: the firmware would not start", RecordsAt+from, len(body))
	}
	var t Table
	for ; len(body) > 0; body = body[itemSize:] {
		u := func(n int) int { return int(binary.LittleEndian.Uint32(body[n*word:])) }
		t = append(t, Partition{uint32(u(0)), u(1), u(2)})
	}
	if end := t[len(t)-1]; end.Kind == 0 {
		t = t[:len(t)-1].complete(end.Address, flashSize)
	}
	last := 0
	for _, p := range t {
		if p.Address < last || p.Address+p.Size > flashSize || p.Address%0x1000 != 0 || p.Size%0x1000 != 0 {
			return nil, fmt.Errorf("the partition table has %s at %#x with %#x bytes, which overlaps another one, begins within a sector or ends outside the flash: the firmware would not start", p.Name(), p.Address, p.Size)
		}
		last = p.Address + p.Size
	}
	return t, nil
}

// complete is first_time_setup: textEnd is where the CPU sees the end of the firmware.
func (t Table) complete(textEnd, flashSize int) (done Table) {
	align := func(n int) int { return (n + chunk - 1) / chunk * chunk }
	last := 0
	for _, p := range t {
		switch p.Kind {
		case IROMText:
			if p.Size == 0 {
				p.Size = align(textEnd - mapped - RecordsAt)
			}
		case LFS:
			p.Size = align(p.Size)
			if p.Address == 0 {
				p.Address = last
			}
		case SPIFFS:
			switch {
			case p.Size == rest:
				if p.Address == 0 {
					p.Address = last
				}
				p.Size = flashSize - p.Address
			case p.Address == 0:
				p.Address = last
				if p.Size <= flashSize-roomy {
					p.Address = roomy
				}
			}
		}
		if p.Size != 0 {
			done = append(done, p)
			last = p.Address + p.Size
		}
	}
	return done
}

// Write puts a table into a page of records, as platform_rcr_write does.
func Write(page []byte, t Table) {
	var body []byte
	for _, p := range t {
		body = binary.LittleEndian.AppendUint32(body, p.Kind)
		body = binary.LittleEndian.AppendUint32(body, uint32(p.Address))
		body = binary.LittleEndian.AppendUint32(body, uint32(p.Size))
	}
	rec := append([]byte{byte(len(body) / word), recordTable, 0, 0}, body...)
	if from, to, ok := record(page, recordTable); ok {
		if bytes.Equal(page[from:to], rec) {
			return
		}
		page[from+1] = recordDeleted
	}
	if free, _, ok := record(page, recordFree); ok && free+len(rec)+word <= len(page) {
		copy(page[free:], rec)
		return
	}
	// Full, or no records at all: those that hold move to the front of an erased page.
	var kept []byte
	for at := 0; at+word <= len(page); {
		end := at + word*(1+int(page[at]))
		if page[at+1] == recordFree || end > len(page) {
			break
		}
		if n := page[at+1]; n != recordDeleted && n != recordTable {
			kept = append(kept, page[at:end]...)
		}
		at = end
	}
	if len(kept)+len(rec)+word > len(page) {
		kept = nil
	}
	n := copy(page, append(kept, rec...))
	for i := n; i < len(page); i++ {
		page[i] = 0xff
	}
}

// Find returns the first partition of a kind.
func (t Table) Find(kind uint32) (p Partition, ok bool) {
	for _, p := range t {
		if p.Kind == kind {
			return p, true
		}
	}
	return p, false
}

// Default is the table of a chip on which the firmware has LFS, if it has any, and SPIFFS behind
// it.
func Default(lfs, spiffs Partition) Table {
	t := Table{{EagleROM, 0, 0xb000}, {RFCal, 0xb000, 0x1000}, {PHYData, 0xc000, 0x1000}, {Parameters, ParametersAt, ParametersSize}}
	next := spiffs.Address
	if lfs.Size > 0 {
		next = lfs.Address
	}
	t = append(t, Partition{IROMText, RecordsAt, next - RecordsAt})
	return t.With(lfs, spiffs)
}

// With is the table with other partitions for LFS and SPIFFS; one of size 0 is left out.
func (t Table) With(lfs, spiffs Partition) (out Table) {
	for _, p := range t {
		switch {
		case p.Kind == LFS, p.Kind == SPIFFS:
			continue
		case p.Kind == IROMText: // a firmware that is smaller makes room
			for _, next := range []Partition{lfs, spiffs} {
				if next.Size > 0 && next.Address > p.Address {
					p.Size = min(p.Size, next.Address-p.Address)
				}
			}
		}
		out = append(out, p)
	}
	for _, p := range []Partition{{LFS, lfs.Address, lfs.Size}, {SPIFFS, spiffs.Address, spiffs.Size}} {
		if p.Size == 0 {
			continue
		}
		at := len(out)
		for at > 0 && out[at-1].Address > p.Address {
			at--
		}
		out = append(out[:at], append(Table{p}, out[at:]...)...)
	}
	return out
}
