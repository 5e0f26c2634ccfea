// Package boards holds the board profiles (*.toml, embedded) and loads them. A
// profile says everything that differs from board to board; esp8266.toml says
// what the chip gives to all of them.
//
// It knows what makes sense on a board, and nothing of how a device uses it.
package boards

import (
	"embed"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tomlfile"
)

//go:embed *.toml
var files embed.FS

// chipFile is what every profile builds on.
const chipFile = "esp8266.toml"

// Default is the board of a device for which no one chose one.
const Default = "nodemcu-v1"

// Names lists the profiles, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // embedded
	}
	var names []string
	for _, e := range entries {
		if e.Name() != chipFile {
			names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
		}
	}
	sort.Strings(names)
	return names
}

// UnknownError says that there is no board of a name.
type UnknownError struct {
	Name string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no board %q: use one of %s", e.Name, strings.Join(Names(), ", "))
}

// Load returns the profile of a board by its name or one of its aliases; case
// does not matter. The board is the caller's own. The error is an *UnknownError.
func Load(name string) (*board.Board, error) {
	want := strings.ToLower(strings.TrimSpace(name))
	for _, b := range all() {
		if b.Name == want || slices.Contains(b.Aliases, want) {
			return clone(b), nil
		}
	}
	return nil, &UnknownError{name}
}

// All returns every profile, in the order of Names.
func All() []*board.Board {
	var own []*board.Board
	for _, b := range all() {
		own = append(own, clone(b))
	}
	return own
}

// clone returns a copy that shares nothing with the profile.
func clone(b *board.Board) *board.Board {
	own := *b
	own.Aliases = slices.Clone(b.Aliases)
	own.CPU.Clocks = slices.Clone(b.CPU.Clocks)
	own.Pins = slices.Clone(b.Pins)
	own.Parts = slices.Clone(b.Parts)
	own.Firmware.Modules = slices.Clone(b.Firmware.Modules)
	own.Firmware.Absent = slices.Clone(b.Firmware.Absent)
	return &own
}

// all are the profiles, which are read once: a world may have a thousand devices.
var all = sync.OnceValue(func() []*board.Board {
	var all []*board.Board
	for _, name := range Names() {
		file := name + ".toml"
		data, err := files.ReadFile(file)
		if err == nil {
			var b *board.Board
			if b, err = Parse(file, data); err == nil {
				all = append(all, b)
			}
		}
		if err != nil {
			panic(err) // the files are embedded and tested
		}
	}
	return all
})

// Parse reads a profile, data, written in the file called file, on top of what
// the chip gives to every board. The error names the line and what to do.
func Parse(file string, data []byte) (*board.Board, error) {
	b := new(board.Board)
	chip, err := files.ReadFile(chipFile)
	if err != nil {
		panic(err) // embedded
	}
	if _, err := tomlfile.Decode(chipFile, chip, b); err != nil {
		panic(err) // embedded and tested
	}
	f, err := tomlfile.Decode(file, data, b)
	if err != nil {
		return nil, err
	}
	if err := Check(b, f.Errorf); err != nil {
		return nil, err
	}
	slices.Sort(b.Firmware.Modules)
	slices.Sort(b.Firmware.Absent)
	return b, nil
}

// The limits of a board's heap, in bytes: less does not start the firmware, and the chip's
// data RAM is no larger.
const (
	LeastHeap   = 16 << 10
	LargestHeap = 80 << 10
)

const (
	sector  = 4096        // bytes: the unit in which flash is erased (fw: INTERNAL_FLASH_SECTOR_SIZE)
	fsBlock = 2 * sector  // bytes: a SPIFFS block (fw: app/spiffs/spiffs.c, LOG_BLOCK_SIZE)
	fsMin   = 4 * fsBlock // bytes: the least that holds a file system (fw: MIN_BLOCKS_FS)
	maxMHz  = 160         // MHz: the fastest clock of the chip
	maxUS   = 10000.0     // µs: prices beyond this are typing errors
	maxADC  = 10          // bits of the chip's converter
	minTick = 4.0         // µs: what rtctime takes for a tick of the sleep clock (fw: rtc_time_calibration_is_sane)
	maxTick = 10.0
	maxID   = 0xFFFFFF // chip ids have 24 bits
	maxChip = 16 << 20 // bytes: the largest flash the chip addresses
)

// Check says what is wrong with a board. where makes an error about one of the
// profile's keys, such as "fs.size"; see tomlfile.File.Errorf.
func Check(b *board.Board, where func(key, format string, args ...any) error) error {
	switch {
	case b.Name == "" || b.Title == "":
		return where("name", "a board needs a name and a title")
	case b.Name != strings.ToLower(b.Name):
		return where("name", "name = %q: board names are lower case", b.Name)
	case b.ChipID > maxID:
		return where("chip_id", "chip_id = %#x: a chip id has 24 bits, at most %#x", b.ChipID, maxID)
	case b.Flash.Size < 512<<10 || b.Flash.Size > maxChip || b.Flash.Size&(b.Flash.Size-1) != 0:
		return where("flash.size", "flash.size = %d: write a power of two of bytes, 0x80000 to 0x1000000", b.Flash.Size)
	case !slices.Contains([]string{"qio", "qout", "dio", "dout"}, b.Flash.Mode):
		return where("flash.mode", "flash.mode = %q: write qio, qout, dio or dout", b.Flash.Mode)
	case b.FS.Address < 0 || b.FS.Address%sector != 0:
		return where("fs.address", "fs.address = %#x: write a multiple of %#x", b.FS.Address, sector)
	case b.FS.Size < fsMin || b.FS.Size%fsBlock != 0 || b.FS.Size > b.Flash.Size-b.FS.Address:
		return where("fs.size", "fs.size = %#x: write a multiple of %#x, at least %#x, that ends within the flash", b.FS.Size, fsBlock, fsMin)
	case b.LFS.Size < 0 || b.LFS.Size%sector != 0 || b.LFS.Size >= b.Flash.Size:
		return where("lfs.size", "lfs.size = %#x: write a multiple of %#x that leaves room in the flash", b.LFS.Size, sector)
	case len(b.CPU.Clocks) == 0 || slices.ContainsFunc(b.CPU.Clocks, func(m int) bool { return m != 80 && m != maxMHz }):
		return where("cpu.clocks", "cpu.clocks: the chip runs at 80 and 160 MHz")
	case !slices.Contains(b.CPU.Clocks, b.CPU.MHz):
		return where("cpu.mhz", "cpu.mhz = %d is not one of cpu.clocks", b.CPU.MHz)
	case b.Heap.Size < LeastHeap || b.Heap.Size > LargestHeap:
		return where("heap.size", "heap.size = %d: write %d to %d bytes", b.Heap.Size, LeastHeap, LargestHeap)
	case b.RTC.Tick != 0 && (b.RTC.Tick < minTick || b.RTC.Tick > maxTick):
		return where("rtc.tick_us", "rtc.tick_us = %v: write microseconds, %v to %v; 5.75 is typical", b.RTC.Tick, minTick, maxTick)
	case b.ADC.Bits < 0 || b.ADC.Bits > maxADC:
		return where("adc.bits", "adc.bits = %d: the converter has 10 bits; 0 where it is not brought out", b.ADC.Bits)
	case b.ADC.Bits > 0 && (b.ADC.FullScale <= 0 || b.ADC.FullScale > 30):
		return where("adc.full_scale_v", "adc.full_scale_v = %v: write the volts that read as full scale, 1.0 at the chip", b.ADC.FullScale)
	}
	for _, p := range []struct {
		key string
		us  float64
	}{{"instruction_us", b.CPU.Instruction}, {"call_us", b.CPU.Call}, {"rom_entry_us", b.CPU.ROMEntry}, {"machine_instruction_us", b.CPU.Machine}, {"delay_us", b.CPU.Delay}} {
		if p.us < 0 || p.us > maxUS {
			return where("cpu."+p.key, "cpu.%s = %v: write microseconds at 80 MHz, 0 to %v", p.key, p.us, maxUS)
		}
	}
	seen := map[int]bool{}
	for i, p := range b.Pins {
		key := fmt.Sprintf("pin[%d]", i)
		gpio, ok := board.GPIOOf(p.Index)
		switch {
		case !ok:
			return where(key, "%s: pin numbers are 0 to %d, not %d", key, board.NumPins-1, p.Index)
		case gpio != p.GPIO:
			return where(key, "%s: pin %d is GPIO%d, not GPIO%d", key, p.Index, gpio, p.GPIO)
		case p.Silk == "":
			return where(key, "%s: say with silk = what is printed beside the pin", key)
		case seen[p.Index]:
			return where(key, "%s: pin %d is listed twice", key, p.Index)
		}
		seen[p.Index] = true
	}
	named := map[string]bool{}
	for i, p := range b.Parts {
		key := fmt.Sprintf("part[%d]", i)
		if named[p.Name] {
			return where(key, "%s: there is a part called %q already", key, p.Name)
		}
		named[p.Name] = true
		if p.Kind == "" || p.Name == "" {
			return where(key, "%s: a part needs a kind and a name", key)
		}
		if _, ok := board.IndexOf(p.GPIO); !ok {
			return where(key, "%s: the firmware has no number for GPIO%d", key, p.GPIO)
		}
	}
	return nil
}
