package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostfile"
	"github.com/nodemcu-sim/nodemcu-sim/project"
)

// FlashFile is a file with a file system in it that no device has: an image of a SPIFFS partition,
// or a whole flash.
type FlashFile struct {
	FS     *flash.FS
	Survey flash.Survey // of a whole flash

	file *hostfile.File
}

// OpenFlash opens a file. Close it.
func OpenFlash(name string) (*FlashFile, error) {
	file, content, err := hostfile.Open(name)
	if err != nil {
		return nil, err
	}
	f := &FlashFile{file: file}
	if err := f.read(name, content); err != nil {
		file.Close()
		return nil, err
	}
	return f, nil
}

func (f *FlashFile) read(name string, content []byte) error {
	image, err := flash.FromImage(content, flash.Layout{Size: len(content)})
	if err == nil && image.Mounted() {
		f.FS = image
		return nil
	}
	why := "it is smaller than any file system"
	if err == nil {
		why = image.Why()
	}
	if f.Survey, err = flash.Look(content, flash.Layout{}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !f.Survey.Known {
		return fmt.Errorf("%s is neither an image of SPIFFS (%s) nor a whole flash with a partition table or a file system: nodemcu-sim flash make makes either", name, why)
	}
	if f.FS, err = flash.FromChip(content, f.Survey.Layout); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Mounted is an error that says what to do when the file system can't be mounted.
func (f *FlashFile) Mounted(name string) error {
	if f.FS.Mounted() {
		return nil
	}
	return fmt.Errorf("%s: the file system at %#x can't be mounted, %s: a device would format it, and so does nodemcu-sim flash format %s", name, f.Survey.Layout.Address, f.FS.Why(), name)
}

// Commit stores what has changed.
func (f *FlashFile) Commit() error { return f.file.Commit(f.FS.Changes()) }

// Close ends the use of the file.
func (f *FlashFile) Close() error { return f.file.Close() }

// FlashOptions say what MakeFlash makes.
type FlashOptions struct {
	Dir   string // the app's directory
	Board string // as in Options
	Size  int    // of the image, in bytes, instead of the board's
	Whole bool   // the whole flash of the board, instead of an image of its file system
}

// Made is what MakeFlash has made.
type Made struct {
	Files, Bytes int // of the app
	Size         int // of the file
	Address      int // where on the chip the file belongs
	Skipped      []string
}

// MakeFlash makes a file of an app's directory. One of that name must not exist.
func MakeFlash(name string, o FlashOptions) (m Made, err error) {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is there: remove it first, or give another name", name)
	}
	dir, err := hostdir.Open(o.Dir)
	if err != nil {
		return m, err
	}
	defer dir.Close()
	p, err := project.Load(o.Dir)
	if err != nil {
		return m, err
	}
	b, err := p.BoardFor(o.Board)
	if err != nil {
		return m, err
	}
	layout := flash.Layout{Address: b.FS.Address, Size: b.FS.Size}
	if o.Size != 0 {
		if err := flash.CheckSize(o.Size); err != nil {
			return m, &OptionError{Option: "Size", Err: err}
		}
		layout = flash.Layout{Size: o.Size}
	}
	f := flash.New(layout.Size)
	if o.Whole {
		f = flash.Fresh(layout, b.Flash.Size)
	}
	report, err := dir.Load(f, p.Exclude)
	if err != nil {
		return m, err
	}
	m = Made{Files: report.Files, Bytes: report.Bytes, Skipped: report.Skipped}
	if o.Whole {
		m.Size = b.Flash.Size
		noteBrought(contents(f), f)
	} else {
		m.Address = layout.Address
		m.Size = f.Size()
	}
	file, err := hostfile.Create(name, m.Size)
	if err != nil {
		return m, err
	}
	if o.Whole {
		f.SetStore(file, true, func(e error) { err = e })
	} else {
		_, image := f.Image()
		err = file.Commit([]flash.Piece{{Data: image}})
	}
	return m, errors.Join(err, file.Close())
}
