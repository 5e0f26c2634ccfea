package app

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostfile"
)

// A whole flash in a file (Options.Flash): what is on it goes before what the directory has, but
// for files that were added to the directory or changed in it since they were last brought to the
// flash. The flash has a note of those.

// loadFlashFile fills the flash from a file, which is made if there is none, and from a device's
// directory.
func (a *App) loadFlashFile(from *source, src *opened, name string, cfg *device.Config) (report hostdir.Report, err error) {
	wrong := func(err error) error { return &OptionError{Option: "Flash", Err: err} }
	b := cfg.Board
	layout := flash.Layout{Address: b.FS.Address, Size: b.FS.Size}
	if from.store != nil {
		layout = from.store.layout
	}
	file, content, err := hostfile.Open(name)
	fresh := errors.Is(err, fs.ErrNotExist)
	switch {
	case fresh:
		cfg.Flash = flash.Fresh(layout, b.Flash.Size)
	case err != nil:
		return report, wrong(err)
	default:
		from.file = file
		if len(content) != b.Flash.Size {
			return report, wrong(otherSize(name, len(content), b.Name, b.Flash.Size))
		}
		if err := a.readChip(name, content, layout, cfg); err != nil {
			return report, wrong(err)
		}
	}
	scratch := flash.New(layout.Size)
	if src.dir != nil {
		if report, err = src.dir.Load(scratch, from.left()); err != nil {
			return report, err
		}
	}
	from.loaded = contents(scratch)
	if err := from.overlay(scratch); err != nil {
		return report, err
	}
	if err := bringTo(contents(scratch), from.store, cfg.Flash); err != nil {
		return report, wrong(fmt.Errorf("%s: %w", name, err))
	}
	l, _ := cfg.Flash.Layout()
	cfg.Build.FlashStore = l.LFSSize
	if from.store != nil {
		from.inStore = from.store.files
	}
	cfg.WiFi.Kept = string(cfg.Flash.Settings())
	return report, nil
}

// keepFlash has the file follow the flash from now on. It is made if it is missing.
func (a *App) keepFlash(from *source, name string, cfg *device.Config) (err error) {
	fresh := from.file == nil
	if fresh {
		if from.file, err = hostfile.Create(name, cfg.Board.Flash.Size); err != nil {
			return &OptionError{Option: "Flash", Err: err}
		}
	}
	cfg.Flash.SetStore(from.file, fresh, a.notStoredIn("Flash"))
	cfg.Flash.Sync()
	return a.unstored
}

// readChip makes the flash of a file's content, and notes what it has no use for.
func (a *App) readChip(name string, content []byte, layout flash.Layout, cfg *device.Config) error {
	s, err := flash.Look(content, layout)
	if err != nil {
		return fmt.Errorf("%s: %w; nodemcu-sim flash make makes a new one", name, err)
	}
	if cfg.Flash, err = flash.FromChip(content, s.Layout); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if f := cfg.Flash; !f.Mounted() && !f.Blank() {
		return fmt.Errorf("%s: the file system at %#x is damaged, %s: the device would format it and lose all files; nodemcu-sim flash format %s does that, or give a copy from before",
			name, s.Layout.Address, f.Why(), name)
	}
	if len(s.Ignored) > 0 {
		a.notes = append(a.notes, fmt.Sprintf("%s: found %s; ignored: %s", name, strings.Join(s.Found, ", "), strings.Join(s.Ignored, "; ")))
	}
	return nil
}

// otherSize is the error for a file that is not as large as the board's flash.
func otherSize(name string, is int, board string, want int) error {
	var fit []string
	for _, n := range boards.Names() {
		if b, err := boards.Load(n); err == nil && b.Flash.Size == is {
			fit = append(fit, n)
		}
	}
	advice := "give a file of the whole flash, or another name to have one made"
	if len(fit) > 0 {
		advice = "choose a board with such a flash (--board " + strings.Join(fit, ", ") + "), or give another file"
	}
	return fmt.Errorf("%s has %d bytes, and the flash of %s %d: %s", name, is, board, want, advice)
}

// digestSize is how many bytes of a file's digest the flash keeps.
const digestSize = 8

func digest(name, content string) string {
	sum := sha256.Sum256([]byte(name + "\x00" + content))
	return string(sum[:digestSize])
}

// bringTo puts those of the directory's files onto the flash that are not what was brought there
// last, and the image of a Lua Flash Store likewise.
func bringTo(files map[string]string, s *store, to *flash.FS) error {
	last := map[string]bool{}
	for note := to.Loaded(); len(note) >= digestSize; note = note[digestSize:] {
		last[string(note[:digestSize])] = true
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if last[digest(name, files[name])] {
			continue
		}
		if err := to.Put("/FLASH/"+name, []byte(files[name])); err != nil {
			return fmt.Errorf("%q of the app does not fit beside what is on the flash: remove something with nodemcu-sim flash rm", name)
		}
	}
	if s != nil && s.words != nil {
		image := s.bytes()
		l, _ := to.Layout()
		if l.LFSAddress != s.layout.LFSAddress || l.LFSSize < len(image) {
			return fmt.Errorf("its Lua Flash Store has %d bytes at %#x, and the image %d for %#x: node.setpartitiontable moves it, or give another file", l.LFSSize, l.LFSAddress, len(image), s.layout.LFSAddress)
		}
		files[storeName] = string(image)
		if !last[digest(storeName, files[storeName])] {
			for at := l.LFSAddress; at < l.LFSAddress+l.LFSSize; at += flash.SectorSize {
				to.Raw().Erase(at / flash.SectorSize)
			}
			to.Raw().WriteAt(image, l.LFSAddress)
		}
	}
	noteBrought(files, to)
	return nil
}

// storeName stands for the image among the files that were brought: none has such a name.
const storeName = "\x00LFS"

// noteBrought notes on the flash that it has these files. Of more than there is room for none is
// noted, and all come again.
func noteBrought(files map[string]string, to *flash.FS) {
	var note []byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		note = append(note, digest(name, files[name])...)
	}
	if len(files) > 0 && string(note) != string(to.Loaded()) && !to.SetLoaded(note) {
		to.SetLoaded(nil)
	}
}
