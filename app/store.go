package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/luaccross"
	"github.com/nodemcu-sim/nodemcu-sim/project"
)

// store is what goes into a device's Lua Flash Store: an image of the Lua files of a
// directory, or of a file, or nothing yet.
type store struct {
	layout flash.Layout
	words  []uint32 // the image as it lies there; nil: none
	below  string   // the directory, by its path in the app's; "" if it is elsewhere
	apart  []string // directories of the app that are no part of its file system
	from   string   // where it is on this computer: a directory; "" without one
	time   int64    // of the image
	left   []string // patterns of what is not for the device: see hostdir.CheckPatterns

	files   []StoreFile
	skipped []string // what of the directory is not in the store, a line each
	notes   []string
}

// StoreFile is a Lua file whose module is in a device's Lua Flash Store.
type StoreFile struct {
	Name string // as messages have it, "util.lua"
	Path string // of this computer; of one among Options.Files its name there
	Text []byte
}

// most bounds what is read of a file, in bytes: nothing that fits a chip is near.
const most = 4 << 20

// openStore makes the Lua Flash Store that the caller or the project asks for, nil if neither
// does. given is Options.LFS.
func (o Options) openStore(p *project.Project, b *board.Board, given string) (*store, error) {
	if given == "" && p.LFS == (project.LFS{}) {
		return nil, nil
	}
	date, err := o.date(p)
	if err != nil {
		return nil, err
	}
	s := &store{time: o.begins(date).Unix(), left: p.Exclude}
	if s.layout, err = partitions(b); err != nil {
		return nil, err
	}
	if p.LFS.Dir != "" {
		s.apart = append(s.apart, filepath.ToSlash(filepath.Clean(p.LFS.Dir)))
	}
	switch {
	case given != "":
		err = s.openGiven(given, o.Dir)
	case p.LFS.Dir != "":
		s.below = s.apart[0]
		s.from = filepath.Join(o.Dir, p.LFS.Dir)
		s.layOver(o.Files)
		if o.Dir != "" {
			err = s.readRoot(o.Dir, s.below)
		}
		if len(s.files) > 0 && errors.Is(err, fs.ErrNotExist) {
			err = nil // those of the caller's are all
		}
		if err == nil {
			err = s.build()
		}
	}
	if err != nil {
		if given != "" {
			err = &OptionError{Option: "LFS", Err: err}
		}
		return nil, err
	}
	return s, nil
}

// partitions is where a store goes that a board's firmware gets: behind the firmware. The
// file system begins behind it, or at 1 MB if it has a size of its own and fits there (fw:
// app/user/user_main.c, first_time_setup).
func partitions(b *board.Board) (flash.Layout, error) {
	const megabyte = 1 << 20
	l := flash.Layout{LFSAddress: b.FS.Address, LFSSize: b.LFS.Size}
	l.Address = l.LFSAddress + l.LFSSize
	if rest := b.Flash.Size - l.Address; b.FS.Address+b.FS.Size == b.Flash.Size {
		l.Size = rest
	} else if l.Size = b.FS.Size; l.Size <= b.Flash.Size-megabyte {
		l.Address = max(l.Address, megabyte)
	}
	if l.Size < flash.MinSize || l.Address+l.Size > b.Flash.Size {
		return l, fmt.Errorf("the flash of %s has %d KB, which leaves no room for a Lua Flash Store of %d KB and a file system: write a smaller [lfs] size or [fs] size in %s",
			b.Name, b.Flash.Size/1024, l.LFSSize/1024, project.FileName)
	}
	return l, nil
}

// openGiven takes a directory, or the file of an image.
func (s *store) openGiven(given, app string) error {
	info, err := os.Stat(given)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s: name a directory of Lua files, or an image", given)
	case err != nil:
		return err
	case !info.IsDir():
		return s.read(given)
	}
	s.from = given
	if in, err := filepath.Rel(app, given); err == nil && app != "" && filepath.IsLocal(in) && in != "." {
		s.below = filepath.ToSlash(in)
		s.apart = append(s.apart, s.below)
	}
	if err := s.readRoot(given, "."); err != nil {
		return err
	}
	return s.build()
}

// again is the store as its directory has it now.
func (s *store) again(app string) (*store, error) {
	if s.from == "" {
		return s, nil
	}
	now := &store{layout: s.layout, time: s.time, left: s.left, below: s.below, from: s.from}
	dir, below := s.from, "."
	if s.below != "" {
		dir, below = app, s.below
	}
	if err := now.readRoot(dir, below); err != nil {
		return nil, err
	}
	return now, now.build()
}

// changed lists the files that are not as they were.
func (s *store) changed(was []StoreFile) []string {
	text := map[string]string{}
	for _, f := range was {
		text[f.Path] = string(f.Text)
	}
	var names []string
	for _, f := range s.files {
		if before, ok := text[f.Path]; !ok || before != string(f.Text) {
			names = append(names, path.Join(s.below, f.Name))
		}
		delete(text, f.Path)
	}
	for gone := range text {
		names = append(names, path.Join(s.below, path.Base(filepath.ToSlash(gone))))
	}
	slices.Sort(names)
	return names
}

// layOver takes the files that would lie in the store's directory. They go before its own.
func (s *store) layOver(files map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if in, ok := strings.CutPrefix(name, s.below+"/"); ok && isModule(in) {
			s.files = append(s.files, StoreFile{in, name, files[name]})
		}
	}
}

// read takes the file of an image, which must fit the place.
func (s *store) read(name string) error {
	data, err := readLimited(os.DirFS(filepath.Dir(name)), filepath.Base(name))
	if err != nil {
		return err
	}
	image, err := lfs.Read(data)
	if err != nil {
		return fmt.Errorf("%s is no image that the firmware runs: %w", name, err)
	}
	if base := image.Base(); base != 0 && base != s.mapped() {
		return fmt.Errorf("%s is an absolute image for 0x%08x, and the store lies at 0x%08x: make it with luac -a 0x%08x, or with -f for any address",
			name, base, s.mapped(), s.mapped())
	}
	return s.take(image)
}

func (s *store) mapped() uint32 { return device.FlashMapped + uint32(s.layout.LFSAddress) }

// take makes an image the store's.
func (s *store) take(image *lfs.Image) error {
	if image.Size() > s.layout.LFSSize {
		return fmt.Errorf("the image for the Lua Flash Store has %d bytes, and its partition %d: write [lfs] size = %#x in %s",
			image.Size(), s.layout.LFSSize, (image.Size()+flash.SectorSize-1)/flash.SectorSize*flash.SectorSize, project.FileName)
	}
	s.words = image.At(s.mapped())
	s.words[0] &^= lfs.Absolute // as node.LFS.reload leaves it
	return nil
}

// readRoot reads the modules of the store's directory, which is dir or below it. Links do not
// lead out of dir.
func (s *store) readRoot(dir, below string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return s.unread(err)
	}
	defer root.Close()
	in, err := fs.Sub(root.FS(), below)
	if err != nil {
		return s.unread(err)
	}
	return s.unread(s.readDir(in))
}

func (s *store) unread(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot read the Lua files for the Lua Flash Store in %s: %w", s.from, pathless(err))
}

// build makes an image of the files.
func (s *store) build() error {
	if len(s.files) == 0 {
		return fmt.Errorf("%s has no Lua files for the Lua Flash Store", s.from)
	}
	var modules []lfs.Module
	of := map[string]string{}
	slices.SortFunc(s.files, func(a, b StoreFile) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range s.files {
		m, err := luaccross.Module(f.Name, f.Text)
		if err != nil {
			text := err.Error()
			if line, ok := strings.CutPrefix(text, f.Name+":"); ok {
				text = f.Path + ":" + line
			}
			return errors.New(text)
		}
		if other, ok := of[m.Name]; ok {
			s.notes = append(s.notes, fmt.Sprintf("%s and %s both make the module %q of the Lua Flash Store: the first one is found", other, f.Path, m.Name))
		} else {
			of[m.Name] = f.Path
		}
		modules = append(modules, m)
	}
	image, err := lfs.Build(modules, lfs.Options{Time: s.time})
	if err != nil {
		return fmt.Errorf("%s: %w", s.from, err)
	}
	return s.take(image)
}

// readDir reads the modules of a directory. What lies below it, and what is no Lua, is not
// in the store.
func (s *store) readDir(in fs.FS) error {
	list, err := fs.ReadDir(in, ".")
	if err != nil {
		return err
	}
	for _, e := range list {
		name := e.Name()
		at := filepath.Join(s.from, name)
		switch {
		case strings.HasPrefix(name, ".") || hostdir.Excluded(s.left, path.Join(s.below, name)):
		case !isModule(name):
			s.skipped = append(s.skipped, at+": the Lua Flash Store takes the *.lua files of its directory")
		default:
			if slices.ContainsFunc(s.files, func(f StoreFile) bool { return f.Name == name }) {
				continue
			}
			data, err := readLimited(in, name)
			if err != nil {
				return err
			}
			s.files = append(s.files, StoreFile{name, at, data})
		}
	}
	return nil
}

// isModule reports whether a file of the store's directory is a module's.
func isModule(name string) bool {
	return path.Base(name) == name && strings.HasSuffix(name, ".lua") && name != ".lua"
}

func readLimited(in fs.FS, name string) ([]byte, error) {
	f, err := in.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return data, err
}

// pathless is an error without the path that the message around it names.
func pathless(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) && pe.Path == "." {
		return pe.Err
	}
	return err
}

// keeps reports whether a file of the app's directory is no part of its file system.
func (s *store) keeps(name string) bool {
	return s != nil && slices.ContainsFunc(s.apart, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

// left are the patterns of what is not copied to the file system.
func (s *source) left() []string {
	patterns := slices.Clone(s.exclude)
	if s.store != nil {
		for _, dir := range s.store.apart {
			patterns = append(patterns, "/"+globText.Replace(dir))
		}
	}
	return patterns
}

// newFlash makes the flash of a device, with the image in its place.
func (s *source) newFlash(cfg *device.Config) (*flash.FS, error) {
	if s.store == nil {
		return flash.New(cfg.Board.FS.Size), nil
	}
	f := flash.New(s.store.layout.Size)
	if err := f.SetLayout(s.store.layout, true); err != nil {
		return nil, err
	}
	s.inStore = s.store.files
	f.Raw().WriteAt(s.store.bytes(), s.store.layout.LFSAddress)
	cfg.Build.FlashStore = s.store.layout.LFSSize
	return f, nil
}

// bytes are the image's words as they lie in flash.
func (s *store) bytes() []byte {
	var b []byte
	for _, w := range s.words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
