package luatest

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
)

// Coverage is how often the apps' lines and functions ran: those of the *.lua files on the
// flash of any device, or in its Lua Flash Store, but of tests. A file that was never loaded counts, too.
type Coverage struct {
	Report *lcov.Report
	// Sources are the texts of the report's files, by path.
	Sources map[string][]byte
	// Notes say what was not counted, and why; sorted.
	Notes []string
}

func newCoverage() *Coverage {
	return &Coverage{Report: &lcov.Report{}, Sources: map[string][]byte{}}
}

// add adds what another run has counted. The order does not matter.
func (c *Coverage) add(other *Coverage) {
	c.Report.Add(other.Report)
	for file, text := range other.Sources {
		c.Sources[file] = text
	}
	for _, note := range other.Notes {
		c.note(note)
	}
}

func (c *Coverage) note(text string) {
	if at, known := slices.BinarySearch(c.Notes, text); !known {
		c.Notes = slices.Insert(c.Notes, at, text)
	}
}

// appFiles are the files of apps, each compiled once for all devices of all files' runs.
type appFiles struct {
	mu    sync.Mutex
	files map[appName]*appFile
}

// appName is an app's directory and a name on its flash. The same file can be one of two
// apps, where one's directory is in that of the other.
type appName struct{ dir, name string }

// appFile is one of them, as it was when it was first seen.
type appFile struct {
	path   string // as reports have it
	text   []byte
	source *vm.CoverSource
	err    error // why it has none
}

func (a *appFiles) of(dir, name, path string, text []byte) *appFile {
	key := appName{dir, name}
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.files[key]
	if f == nil {
		f = &appFile{path: path, text: text}
		f.source, f.err = vm.CompileCover(name, text)
		a.files[key] = f
	}
	return f
}

// covered is what is counted of the devices with an app.
type covered struct {
	dir   string
	files map[string]*appFile // by name on the flash
	count *vm.Coverage
	notes []string
}

// cover has the files counted that are on the flash of a device with an app, and those in its
// Lua Flash Store. Those of a further device with the same app, or of a later boot, are added.
func (f *file) cover(dir string, cfg *device.Config, inStore []app.StoreFile) {
	if f.o.apps == nil {
		return
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	at := slices.IndexFunc(f.covered, func(c *covered) bool { return c.dir == dir })
	if at < 0 {
		at = len(f.covered)
		f.covered = append(f.covered, f.o.apps.cover(dir, cfg, inStore))
	}
	cfg.Coverage = f.covered[at].count
}

func (a *appFiles) cover(dir string, cfg *device.Config, inStore []app.StoreFile) *covered {
	c := &covered{dir: dir, files: map[string]*appFile{}}
	var sources []*vm.CoverSource
	add := func(name string, x *appFile) {
		if x.err != nil {
			c.notes = append(c.notes, fmt.Sprintf("%s is not counted: %v", x.path, x.err))
			return
		}
		c.files[name] = x
		sources = append(sources, x.source)
	}
	list := cfg.Flash.List()
	for _, s := range list {
		if lua, is := strings.CutSuffix(s.Name, ".lc"); is && !slices.ContainsFunc(list, func(s flash.Stat) bool { return s.Name == lua+".lua" }) {
			c.notes = append(c.notes, fmt.Sprintf("%s is not counted: its source is not on the flash", shown(dir, s.Name)))
		}
		if !strings.HasSuffix(s.Name, ".lua") || isTest(s.Name) {
			continue
		}
		text, _ := cfg.Flash.Peek(s.Name)
		add(s.Name, a.of(dir, s.Name, shown(dir, s.Name), text))
	}
	for _, f := range inStore {
		// By its path it is another file than one of its name on the flash: see vm.Coverage.
		name := filepath.ToSlash(f.Path)
		add(name, a.of("", name, filepath.ToSlash(short(f.Path)), f.Text))
	}
	c.count = vm.NewCoverage(sources...)
	return c
}

func shown(dir, name string) string {
	return filepath.ToSlash(short(filepath.Join(dir, filepath.FromSlash(name))))
}

// coverage is what all of a file's devices have counted.
func (f *file) coverage() *Coverage {
	out := newCoverage()
	for _, c := range f.covered {
		c.count.Each(func(name string, lines map[int]uint64, functions []vm.CoverFunction) {
			app := c.files[name]
			out.Sources[app.path] = app.text
			to := out.Report.File(app.path)
			for line, hits := range lines {
				to.AddLine(line, hits)
			}
			names := map[string]int{}
			for _, fn := range functions {
				to.AddFunction(lcov.Function{Name: functionName(name, fn, names), Line: fn.Line, Hits: fn.Calls})
			}
		})
		for _, left := range c.count.Left() {
			why := "the code that ran under its name is not that of the file: it was changed on the flash, or compiled from another version"
			if left.Stripped {
				why = "it has no line information; node.compile leaves that out, luac.cross without -s keeps it"
			}
			out.note(fmt.Sprintf("%s is not counted where it ran: %s", shown(c.dir, left.Chunk), why))
		}
		for _, note := range c.notes {
			out.note(note)
		}
	}
	return out
}

// functionName is a name that no other function of the file has: by it functions are told
// apart in the format of lcov. names are those given already.
func functionName(file string, fn vm.CoverFunction, names map[string]int) string {
	name := strings.NewReplacer(",", ";", "\n", "␤", "\t", "␉").Replace(page.Visible(fn.Name))
	if name == "" {
		name = fmt.Sprintf("function <%s:%d>", strings.ReplaceAll(page.Visible(path.Base(file)), ",", ";"), fn.Line)
	}
	names[name]++
	if n := names[name]; n > 1 {
		return fmt.Sprintf("%s (%d)", name, n)
	}
	return name
}
