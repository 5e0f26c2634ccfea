package flash

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash/partition"
)

// memory is a Store that has a chip's bytes.
type memory struct {
	content []byte
	commits int
	fail    error
}

func (m *memory) Commit(pieces []Piece) error {
	m.commits++
	for _, p := range pieces {
		copy(m.content[p.Address:], p.Data)
	}
	return m.fail
}

var testLayout = Layout{Address: 0x80000, Size: 0x20000}

const testChip = 0x100000

// TestStoreFollows does all kinds of things to a flash and reads it anew from what its store was
// given: the files, the settings and the layout are the same.
func TestStoreFollows(t *testing.T) {
	f := Fresh(testLayout, testChip)
	m := &memory{content: make([]byte, testChip)}
	f.SetStore(m, true, func(err error) { t.Error(err) })
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 600 {
		name := fmt.Sprint("f", rng.IntN(6))
		switch rng.IntN(11) {
		case 9:
			f.Chip().WriteAt([]byte{byte(i), byte(i / 256)}, 0x20000+rng.IntN(0x10000))
		case 10:
			f.Chip().Erase(0x20 + rng.IntN(16))
		case 0:
			_ = f.Remove(name)
		case 1:
			_ = f.Rename(name, fmt.Sprint("f", rng.IntN(6)))
		case 2:
			f.SetSettings(fmt.Appendf(nil, "settings %d", i))
		case 3:
			if rng.IntN(5) == 0 {
				if err := f.SetLayout(Layout{0x80000 + rng.IntN(4)*0x2000, 0x20000, 0x40000, 0x10000 * (1 + rng.IntN(3))}, false); err != nil {
					t.Fatal(err)
				}
			}
		case 4:
			_ = f.Put(name, make([]byte, rng.IntN(3000)))
		case 5:
			if rng.IntN(10) == 0 {
				f.Format()
			} else {
				f.Reset()
			}
		default:
			_ = f.WriteFile(name, make([]byte, rng.IntN(3000)))
		}
		if i%7 != 0 {
			continue
		}
		s, err := Look(m.content, Layout{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := FromChip(bytes.Clone(m.content), s.Layout)
		if err != nil {
			t.Fatal(err)
		}
		_, a := f.Image()
		_, b := g.Image()
		beside, stored := make([]byte, 0x10000), make([]byte, 0x10000)
		f.Chip().ReadAt(beside, 0x20000)
		g.Chip().ReadAt(stored, 0x20000)
		if s.Layout != f.layout || !bytes.Equal(a, b) || !bytes.Equal(beside, stored) || fmt.Sprint(g.List()) != fmt.Sprint(f.List()) || !bytes.Equal(g.Settings(), f.Settings()) {
			t.Fatalf("step %d: layout %+v, files %v, settings %q; the store has %+v, %v, %q", i, f.layout, f.List(), f.Settings(), s.Layout, g.List(), g.Settings())
		}
	}
	failed := errors.New("disk full")
	m.fail = failed
	var got error
	f.SetStore(m, false, func(err error) { got = err })
	_ = f.WriteFile("x", []byte("x"))
	if got != failed {
		t.Errorf("a store that fails: %v", got)
	}
}

// Changes wait for Sync, or for Settle once that was asked for.
func TestSettle(t *testing.T) {
	f := Fresh(testLayout, testChip)
	m := &memory{content: make([]byte, testChip)}
	f.SetStore(m, false, func(err error) { t.Error(err) })
	asked := 0
	f.SyncLater(func() { asked++ })
	f.Sync() // the partition table
	if f.Settle(); m.commits != 1 || asked != 0 {
		t.Errorf("%d commits, asked %d times", m.commits, asked)
	}
	for range 3 {
		_ = f.WriteFile("a", []byte("1"))
	}
	if m.commits != 1 || asked != 1 {
		t.Errorf("%d commits, asked %d times", m.commits, asked)
	}
	f.Settle()
	if f.Settle(); m.commits != 2 {
		t.Errorf("%d commits", m.commits)
	}
}

// TestRaw holds the chip beside the file system to the rules of flash.
func TestRaw(t *testing.T) {
	c := NewChip(Blank(8192))
	c.WriteAt([]byte{0x0f, 0xf0}, 4095)
	c.WriteAt([]byte{0x3c}, 4095)
	c.WriteAt([]byte{0, 0}, 8191)
	p := make([]byte, 4)
	if c.ReadAt(p, 4094); !bytes.Equal(p, []byte{0xff, 0x0c, 0xf0, 0xff}) {
		t.Errorf("% x", p)
	}
	c.Erase(0)
	c.Erase(2)
	if c.ReadAt(p, 4094); !bytes.Equal(p, []byte{0xff, 0xff, 0xf0, 0xff}) {
		t.Errorf("after an erase % x", p)
	}
	if c.ReadAt(p, 8190); !bytes.Equal(p, []byte{0xff, 0, 0xff, 0xff}) {
		t.Errorf("at the end % x", p)
	}
}

// TestLook finds its way about chips: with a table, from before tables, erased, and broken.
func TestLook(t *testing.T) {
	image := func(size int) []byte {
		f := New(size)
		_ = f.WriteFile("init.lua", []byte("print(1)"))
		_, p := f.Image()
		return p
	}
	with := func(change func(chip []byte)) []byte {
		chip := Blank(testChip)
		change(chip)
		return chip
	}
	table := func(chip []byte, lfs, fs partition.Partition) {
		partition.Write(chip[partition.RecordsAt:][:partition.RecordsSize], partition.Default(lfs, fs))
	}
	for _, tt := range []struct {
		name    string
		chip    []byte
		layout  Layout
		known   bool
		ignored string
		err     string
	}{
		{"erased", with(func([]byte) {}), testLayout, false, "", ""},
		{"a table", with(func(p []byte) {
			table(p, partition.Partition{}, partition.Partition{Address: 0x90000, Size: 0x10000})
		}), Layout{Address: 0x90000, Size: 0x10000}, true, "", ""},
		{"a dump", with(func(p []byte) {
			table(p, partition.Partition{Address: 0x60000, Size: 0x10000}, partition.Partition{Address: 0x80000, Size: 0x20000})
			copy(p[0x60000:], "\x54\xa1\xfa\xfa")
			copy(p, "\xe9rom")
			copy(p[0xd000:], "SDK")
			copy(p[0x20000:], "code")
			copy(p[0x80000:], image(0x20000))
		}), Layout{0x80000, 0x20000, 0x60000, 0x10000}, true, "the firmware's first part at 0x0|the SDK's settings at 0xd000, whose form is Espressif's: the Wi-Fi settings are the project's|the firmware at 0x10000: the simulator's own is what runs", ""},
		{"before tables", with(func(p []byte) {
			copy(p[0x10000:], "code, not records")
			copy(p[0x40000:], "\x54\xa1\xfa\xfa")
			copy(p[0x62000:], image(0x40000))
			copy(p[0xb0000:], image(0x10000))
		}), Layout{Address: 0x62000, Size: 0x40000}, true, "another file system at 0xb0000|the firmware at 0x10000: the simulator's own is what runs|what looks like an LFS image at 0x40000, as no partition is there", ""},
		{"no SPIFFS in the table", with(func(p []byte) {
			table(p, partition.Partition{Address: 0x60000, Size: 0x10000}, partition.Partition{})
		}), Layout{}, false, "", "the partition table has no SPIFFS partition that is large enough for a file system"},
	} {
		s, err := Look(tt.chip, testLayout)
		if tt.err != "" || err != nil {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if got := strings.Join(s.Ignored, "|"); s.Layout != tt.layout || s.Known != tt.known || got != tt.ignored {
			t.Errorf("%s: %+v, known %v, ignored %q", tt.name, s.Layout, s.Known, got)
		}
	}
}

// FuzzChip has anything be on a chip where the firmware looks.
func FuzzChip(f *testing.F) {
	page := Blank(64)
	partition.Write(page, partition.Default(partition.Partition{}, partition.Partition{Address: 0x80000, Size: 0x10000}))
	f.Add(page, []byte("SDK"), []byte(nil))
	f.Fuzz(func(t *testing.T, records, parameters, fs []byte) {
		chip := Blank(testChip)
		copy(chip[partition.ParametersAt:][:partition.ParametersSize], parameters)
		copy(chip[partition.RecordsAt:][:partition.RecordsSize], records)
		copy(chip[0x80000:], fs)
		s, err := Look(chip, testLayout)
		if err != nil {
			return
		}
		g, err := FromChip(chip, s.Layout)
		if err != nil {
			return // the table leaves a file system no room, and that was said
		}
		g.Settings()
		g.Loaded()
		g.List()
		if !g.Mounted() {
			g.Format()
		}
		if err := g.Put("x", []byte("x")); err != nil && err != ErrFull {
			t.Log(err)
		}
	})
}
