package flash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash/partition"
)

// Survey is what there is on a chip: a file of ours, or a dump of a real one.
type Survey struct {
	Layout  Layout
	Known   bool     // Layout is the chip's own: of its table, or of a file system that was found
	Found   []string // what is used, a line each
	Ignored []string // what the simulator has no use for
}

// Look finds out what is on a chip. Where nothing says where the file system is, it is taken to be
// as in otherwise. The error is of a chip on which the firmware would not start.
func Look(chip []byte, otherwise Layout) (s Survey, err error) {
	l, table, err := LayoutOf(chip)
	switch {
	case err == nil:
		s.Layout, s.Known = l, true
		s.Found = append(s.Found, fmt.Sprintf("a partition table at %#x", partition.RecordsAt))
	case !errors.Is(err, partition.ErrNone):
		return s, err
	default:
		table = partition.Default(partition.Partition{}, partition.Partition{Address: otherwise.Address, Size: otherwise.Size})
		s.Layout = otherwise
		if found := FindImages(chip); len(found) > 0 {
			s.Layout, s.Known = found[0], true
			for _, other := range found[1:] {
				s.Ignored = append(s.Ignored, fmt.Sprintf("another file system at %#x", other.Address))
			}
		}
	}
	for _, p := range table {
		if p.Size <= 0 || p.Address+p.Size > len(chip) || blank(chip[p.Address:p.Address+p.Size]) {
			continue
		}
		where := fmt.Sprintf("%s at %#x", p.Name(), p.Address)
		switch p.Kind {
		case partition.SPIFFS:
		case partition.LFS:
			s.Found = append(s.Found, where)
		case partition.Parameters:
			if NewChip(chip).read(settingsAt, SectorSize) == nil {
				s.Ignored = append(s.Ignored, where+", whose form is Espressif's: the Wi-Fi settings are the project's")
			}
		case partition.IROMText:
			if p.Size > partition.RecordsSize && !blank(chip[p.Address+partition.RecordsSize:p.Address+p.Size]) {
				s.Ignored = append(s.Ignored, where+": the simulator's own is what runs")
			}
		default:
			s.Ignored = append(s.Ignored, where)
		}
	}
	if _, hasLFS := table.Find(partition.LFS); !hasLFS {
		for at := partition.RecordsAt; at+4 <= len(chip); at += SectorSize {
			if binary.LittleEndian.Uint32(chip[at:])&lfsMask == lfsSignature && (at < s.Layout.Address || at >= s.Layout.Address+s.Layout.Size) {
				s.Ignored = append(s.Ignored, fmt.Sprintf("what looks like an LFS image at %#x, as no partition is there", at))
			}
		}
	}
	if s.Known {
		s.Found = append(s.Found, fmt.Sprintf("SPIFFS at %#x", s.Layout.Address))
	}
	return s, nil
}

// What an LFS image begins with, without the bits that tell of its kind (oracle: lfs-format.md).
const (
	lfsSignature = 0xfafaa150
	lfsMask      = 0xfffffff0
)

// blank reports whether flash is erased.
func blank(p []byte) bool { return bytes.Count(p, []byte{0xff}) == len(p) }
