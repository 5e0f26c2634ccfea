// Package app puts a device together from an app directory: board, project file,
// flash, firmware modules, network and gateway. It is what the command's run and
// Go tests of Lua apps use.
//
// It owns the choice between what the caller asks for and what the project file
// says. It does not run the world, print, or know the terminal.
package app

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostfile"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/modules"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
)

// Options is what a caller may choose. Empty fields leave the choice to the
// project file, and then to the default.
type Options struct {
	Dir      string   // the app's directory; required, unless there are Files or a Flash
	Board    string   // a board profile's name
	Publish  []string // ports to make reachable, instead of the project's; empty and not nil: none
	Net      string   // "host", "isolated" or "allow=HOST[:PORT],…"; default "host"
	LFS      string   // a directory of Lua files for the Lua Flash Store, or an image's file; default the project's directory
	FlashDir string   // where changes of the file system are written; none if empty
	Flash    string   // a file that holds the whole flash, instead of FlashDir; made if it is missing
	CPU      string   // "esp8266" or "host"
	OnPanic  string   // "reboot", "halt" or "exit" (halt: the caller ends the run)
	Seed     uint64   // of everything random
	Link     string   // quality of the devices' link, see wire.ParseQuality
	Date     string   // when the world begins, see project.ParseDate
	LinkDown []string // when nothing gets through, see wire.ParseSpan
	WiFiDown []string // when the access points are off, likewise

	// HostDate is this computer's date now. The world begins with it where Date and the
	// project file say "host", or say nothing and RealTime is set; else with
	// world.DefaultDate.
	HostDate time.Time
	RealTime bool

	Legacy bool // a firmware with what programs older than release 3.0 call

	// Exclude are patterns of files that are not for the device, beside the project file's.
	Exclude []string

	// Files are laid over those of Dir (not of Others), by their names on the flash. The
	// project file may be among them.
	Files   map[string][]byte
	Modules []string // of the firmware, as in the project file
	Heap    int      // bytes, as in the project file

	Inspect inspect.Config // what is recorded and looked for

	// Others are the directories of further devices in the same world. They have
	// their own project files; Board, CPU, OnPanic and the link options hold for
	// all, Publish, FlashDir, Flash and the air (networks, router) are those of Dir.
	Others []string
	// Prepare, if set, is given each device's configuration before it is made, with its flash
	// filled.
	Prepare func(cfg *device.Config)
	// InStore, if set, is told before Prepare which Lua files are in a device's Lua Flash
	// Store.
	InStore func(files []StoreFile)
}

// App is a device that is ready to be switched on, in a world of its own, or the
// first of several.
type App struct {
	World   *world.World
	Device  *device.Device // the one of Options.Dir; device.In(World) has all
	Gateway *gateway.Gateway

	sources   []*source // in the order of device.In
	published []string
	skipped   []string
	notes     []string
	unstored  error // why Options.FlashDir or Flash has not all that is on a device's flash
	idle      []string
	taken     map[hostPort]devicePort // what is published
}

// hostPort is a port of the host, and devicePort one of a device.
type (
	hostPort struct {
		host string
		port int
		udp  bool
	}
	devicePort struct {
		device string
		port   int
	}
)

// source is where the files of a device come from, and go to.
type source struct {
	device  *device.Device
	dir     string
	exclude []string          // of the directory, what is not for the device
	files   map[string][]byte // laid over it
	loaded  map[string]string // what came from it, by flash name
	sink    *hostdir.Dir      // nil: changes go nowhere
	// sinkIsDir says that the sink is the directory itself.
	sinkIsDir bool
	file      *hostfile.File // the whole flash; nil: it is in no file
	store     *store         // as the run has begun; nil: no Lua Flash Store
	inStore   []StoreFile    // what came from its directory
}

// OptionError says what is wrong with an option.
type OptionError struct {
	Option string // the field of Options
	Value  string // what it is, where Err does not say so
	Err    error
}

func (e *OptionError) Error() string { return e.Of(e.Option) }

// Of is the error for whoever knows the option by another name.
func (e *OptionError) Of(name string) string {
	if e.Value != "" {
		name += fmt.Sprintf(" %q", e.Value)
	}
	return name + ": " + e.Err.Error()
}

func (e *OptionError) Unwrap() error { return e.Err }

// New puts the device together. Every error is one line that says what is wrong
// with the options (an *OptionError), the directory or the project file, and what to do.
func New(o Options) (_ *App, err error) {
	src, p, cfg, err := o.open(o.Dir)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	publish, err := o.publish(p)
	if err != nil {
		return nil, err
	}
	reach, err := o.reach()
	if err != nil {
		return nil, err
	}

	date, err := o.date(p)
	if err != nil {
		return nil, err
	}

	a := &App{World: world.New(o.Seed), taken: map[hostPort]devicePort{}}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	first := &source{dir: o.Dir, exclude: p.Exclude, files: o.Files}
	a.sources = append(a.sources, first)
	if first.store, err = o.openStore(p, cfg.Board, o.LFS); err != nil {
		return nil, err
	}
	if err := a.loadFlash(first, src, o, &cfg); err != nil {
		return nil, err
	}
	applyAir(a.World, p.WiFi)
	applyWiFi(&cfg, p.WiFi)
	cfg.Name = o.name()
	if o.InStore != nil && first.store != nil {
		o.InStore(first.store.files)
	}
	if o.Prepare != nil {
		o.Prepare(&cfg)
	}
	a.Device = device.New(a.World, cfg)
	first.device = a.Device
	if err := o.faults(a.Device, p); err != nil {
		return nil, err
	}
	if err := o.outages(a.World, p); err != nil {
		return nil, err
	}
	reach.TimeServer = o.setDate(a.World, date)
	a.Gateway = gateway.New(a.World, reach)
	if err := a.publish(a.Device, publish); err != nil {
		return nil, err
	}
	projects := []*project.Project{p}
	o.Files = nil // they are the first one's
	for _, dir := range o.Others {
		p, err := a.addOther(o, dir)
		if err != nil {
			return nil, err
		}
		projects = append(projects, p)
	}
	a.checkLinks(projects)
	return a, nil
}

// open opens an app's directory and reads what it says of its device. Close src
// when there is no error.
func (o Options) open(dir string) (src *opened, p *project.Project, cfg device.Config, err error) {
	src = &opened{}
	if dir != "" || o.Files == nil && o.Flash == "" {
		src.dir, err = hostdir.Open(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; run takes the directory that holds init.lua", err)
	}
	if err != nil {
		return nil, nil, cfg, err
	}
	if p, cfg, err = o.configure(dir); err != nil {
		src.Close()
	}
	return src, p, cfg, err
}

// opened is a device's directory, or none where Options.Files are all there is.
type opened struct{ dir *hostdir.Dir }

// Close ends the use of it.
func (o *opened) Close() {
	if o.dir != nil {
		o.dir.Close()
	}
}

// name is what the device is called.
func (o Options) name() string {
	if o.Dir == "" {
		return "device"
	}
	return baseName(o.Dir)
}

// project reads the project file of a directory, or the one among Options.Files, and
// brings what the caller chose into it.
func (o Options) project(dir string) (p *project.Project, err error) {
	if data, ok := o.Files[project.FileName]; ok {
		p, err = project.Parse(filepath.Join(dir, project.FileName), data)
	} else if dir != "" {
		p, err = project.Load(dir)
	} else {
		p = &project.Project{}
	}
	if err != nil {
		return nil, err
	}
	p.Exclude = append(p.Exclude, o.Exclude...)
	if o.Modules == nil {
		return p, nil
	}
	if err := p.SetModules(o.Modules); err != nil {
		return nil, &OptionError{Option: "Modules", Err: err}
	}
	return p, nil
}

// configure reads the project file of a directory and returns the device that it
// and the options ask for.
func (o Options) configure(dir string) (*project.Project, device.Config, error) {
	var cfg device.Config
	p, err := o.project(dir)
	if err != nil {
		return nil, cfg, err
	}
	board, err := p.BoardFor(o.Board)
	if err != nil {
		return nil, cfg, err
	}
	if o.Heap != 0 {
		board.Heap.Size = o.Heap
		err = boards.Check(board, func(_, format string, args ...any) error {
			return &OptionError{Option: "Heap", Err: fmt.Errorf(format, args...)}
		})
		if err != nil {
			return nil, cfg, err
		}
	}
	cfg = device.Config{Board: board, Embedded: modules.Source, Absent: firmware.Lacking, HostCPU: p.HostCPU}
	if err := o.apply(&cfg); err != nil {
		return nil, cfg, err
	}
	cfg.Modules, err = firmware.Select(board.Firmware.Modules)
	cfg.Build = p.BuildFor(board)
	if cfg.Build.Legacy = cfg.Build.Legacy || o.Legacy; cfg.Build.Legacy {
		cfg.Modules = firmware.Legacy(cfg.Modules)
	}
	return p, cfg, err
}

// apply sets what the caller chose.
func (o Options) apply(cfg *device.Config) error {
	cfg.Inspect = o.Inspect
	switch o.CPU {
	case "":
	case "esp8266", "host":
		cfg.HostCPU = o.CPU == "host"
	default:
		return &OptionError{"CPU", o.CPU, errors.New("use esp8266 or host")}
	}
	switch o.OnPanic {
	case "", "reboot":
	case "halt", "exit":
		cfg.OnPanic = device.HaltOnError
	default:
		return &OptionError{"OnPanic", o.OnPanic, errors.New("use reboot, halt or exit")}
	}
	return nil
}

// date returns what the caller or the project file says of the date.
func (o Options) date(p *project.Project) (project.Date, error) {
	if o.Date == "" {
		return p.Date, nil
	}
	d, err := project.ParseDate(o.Date)
	if err != nil {
		return d, &OptionError{"Date", o.Date, err}
	}
	return d, nil
}

// setDate gives the world its date. It reports whether somebody has asked for one: then
// the network has a server that knows it.
func (o Options) setDate(w *world.World, d project.Date) (given bool) {
	w.SetDate(o.begins(d))
	return d.Given()
}

// begins is the date with which the world begins.
func (o Options) begins(d project.Date) time.Time {
	switch {
	case !d.Time.IsZero():
		return d.Time
	case (d.Host || o.RealTime) && !o.HostDate.IsZero():
		return o.HostDate
	}
	return world.DefaultDate
}

// reach returns what the devices may reach.
func (o Options) reach() (gateway.Options, error) {
	switch o.Net {
	case "", "host":
		return gateway.Options{Policy: gateway.Host}, nil
	case "isolated":
		return gateway.Options{Policy: gateway.Isolated}, nil
	}
	list, ok := strings.CutPrefix(o.Net, "allow=")
	if !ok {
		return gateway.Options{}, &OptionError{"Net", o.Net, errors.New("use host, isolated or allow=HOST[:PORT],…")}
	}
	reach := gateway.Options{Policy: gateway.Listed}
	for _, text := range strings.Split(list, ",") {
		a, err := gateway.ParseAllowed(strings.TrimSpace(text))
		if err != nil {
			return reach, &OptionError{Option: "Net", Err: err}
		}
		reach.Allow = append(reach.Allow, a)
	}
	return reach, nil
}

// publish returns the ports to make reachable.
func (o Options) publish(p *project.Project) ([]project.Publish, error) {
	if o.Publish == nil {
		return p.Publish, nil
	}
	var list []project.Publish
	for _, text := range o.Publish {
		x, err := project.ParsePublish(text)
		if err != nil {
			return nil, &OptionError{"Publish", text, err}
		}
		list = append(list, x)
	}
	return list, nil
}

// loadFlash fills the flash from a device's directory and from the directory or file that keeps
// it, if there is one and it has been used before, and checks init.lua.
func (a *App) loadFlash(from *source, src *opened, o Options, cfg *device.Config) error {
	var report hostdir.Report
	var err error
	switch {
	case o.Flash != "" && o.FlashDir != "":
		return &OptionError{Option: "Flash", Err: errors.New("the flash is kept in a file or in a directory: give one of the two")}
	case o.Flash != "":
		report, err = a.loadFlashFile(from, src, o.Flash, cfg)
	default:
		report, err = a.loadFlashDir(from, src, o.FlashDir, cfg)
	}
	if err != nil {
		return err
	}
	for _, s := range report.Skipped {
		if cfg.Name != "" {
			s = cfg.Name + ": " + s
		}
		a.skipped = append(a.skipped, s)
	}
	if from.store != nil {
		a.skipped = append(a.skipped, from.store.skipped...)
		a.notes = append(a.notes, from.store.notes...)
	}
	a.noteIdle(from.dir, cfg.Flash)
	if err := checkInit(from.dir, cfg.Flash); err != nil || o.Flash == "" {
		return err
	}
	return a.keepFlash(from, o.Flash, cfg)
}

// loadFlashDir fills the file system from a device's directory, or from the directory that takes
// its changes.
func (a *App) loadFlashDir(from *source, src *opened, flashDir string, cfg *device.Config) (report hostdir.Report, err error) {
	if cfg.Flash, err = from.newFlash(cfg); err != nil {
		return report, err
	}
	if src.dir != nil {
		if report, err = src.dir.Load(cfg.Flash, from.left()); err != nil {
			return report, err
		}
	}
	from.loaded = contents(cfg.Flash)
	if err := from.overlay(cfg.Flash); err != nil {
		return report, err
	}
	if flashDir != "" {
		if from.sink, err = hostdir.Open(flashDir); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w; make it first", err)
			}
			return report, &OptionError{Option: "FlashDir", Err: err}
		}
		var exclude []string
		if from.sinkIsDir = sameDir(flashDir, from.dir); from.sinkIsDir {
			exclude = from.exclude
		}
		// What the device wrote before goes before what the app directory has.
		if _, err := from.sink.Load(cfg.Flash, exclude); err != nil {
			return report, &OptionError{Option: "FlashDir", Err: err}
		}
		if err := from.sink.Clean(); err != nil {
			return report, &OptionError{Option: "FlashDir", Err: err}
		}
		cfg.Flash.SetSink(from.sink, a.notStoredIn("FlashDir"))
	}
	return report, nil
}

// overlay puts the files that lie over those of the directory onto the flash.
func (s *source) overlay(f *flash.FS) error {
	return f.Fill(func(put func(path string, data []byte) error) error {
		for _, name := range slices.Sorted(maps.Keys(s.files)) {
			if name == project.FileName || s.store.keeps(name) {
				continue
			}
			if err := put("/FLASH/"+name, s.files[name]); err != nil {
				return &OptionError{"Files", name, err}
			}
		}
		return nil
	})
}

// notStoredIn returns what ends the run: what the device has on its flash is not where that option
// wants it.
func (a *App) notStoredIn(option string) func(err error) {
	return func(err error) {
		if a.unstored == nil {
			a.unstored = &OptionError{Option: option, Err: err}
		}
		a.World.Clock.Stop()
	}
}

// Store brings what is on the devices' flash to Options.FlashDir or Flash. The error is the first that
// this met since the run began; one during the run has ended it. The world must not be
// running.
func (a *App) Store() error {
	for _, s := range a.sources {
		if s.device != nil {
			s.device.Flash.Sync()
		}
	}
	return a.unstored
}

// noteIdle notes that nothing will run, and where what was meant may be.
func (a *App) noteIdle(dir string, f *flash.FS) {
	if f.Exists("init.lua") {
		return
	}
	if dir == "" {
		a.idle = append(a.idle, "there is no init.lua among the files: nothing runs by itself, the device has its prompt")
		return
	}
	note := dir + " has no init.lua: nothing runs by itself, the device has its prompt"
	if below, _ := filepath.Glob(filepath.Join(globText.Replace(dir), "*", "init.lua")); len(below) > 0 {
		note += "; " + filepath.Dir(below[0]) + " has one"
	}
	a.idle = append(a.idle, note)
}

// globText makes a name stand for itself in a pattern.
var globText = strings.NewReplacer("*", "\\*", "?", "\\?", "[", "\\[", "\\", "\\\\")

// sameDir reports whether two names are of the same directory.
func sameDir(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// checkInit compiles init.lua, so that a slip of the pen is told at once.
func checkInit(dir string, f *flash.FS) error {
	src, ok := f.Peek("init.lua")
	if !ok {
		return nil // the device says so, and has a prompt
	}
	return vm.CheckSyntax(src, "@"+filepath.Join(dir, "init.lua"))
}

// publish makes ports of a device reachable from the host.
func (a *App) publish(d *device.Device, list []project.Publish) error {
	for _, p := range list {
		if p.HostPort != 0 {
			if of, ok := a.taken[hostPort{p.Host, p.HostPort, p.UDP}]; ok {
				return fmt.Errorf("cannot publish port %d of %s on %s port %d: port %d of %s is published there; give it another, such as %d:%d",
					p.Port, d.Name(), p.Host, p.HostPort, of.port, of.device, p.HostPort+1, p.Port)
			}
			a.taken[hostPort{p.Host, p.HostPort, p.UDP}] = devicePort{d.Name(), p.Port}
		}
		at, err := a.Gateway.Publish(hostnet.Publication{
			Host: p.Host, HostPort: p.HostPort, Device: d.Name(), Port: uint16(p.Port), UDP: p.UDP,
		})
		if err != nil {
			return err
		}
		proto := "tcp"
		if p.UDP {
			proto = "udp"
		}
		of := ""
		if d != a.Device {
			of = " of " + d.Name()
		}
		a.published = append(a.published, fmt.Sprintf("%s → %s port %d%s", at, proto, p.Port, of))
	}
	return nil
}

// Name is the app's name, for titles.
func (a *App) Name() string { return baseName(a.sources[0].dir) }

// Dirs lists the directories of the devices, in the order of device.In.
func (a *App) Dirs() []string {
	var out []string
	for _, s := range a.sources {
		out = append(out, s.dir)
	}
	return out
}

// PowerOn switches all devices on.
func (a *App) PowerOn() {
	for _, d := range device.In(a.World) {
		d.PowerOn()
	}
}

// Published lists what is reachable from the host and how:
// "127.0.0.1:8080 → tcp port 80".
func (a *App) Published() []string { return a.published }

// Skipped lists, a line each, what of the app's directory is not on the device
// though one may have expected it.
func (a *App) Skipped() []string { return a.skipped }

// Notes lists, a line each, what else is odd about the project files.
func (a *App) Notes() []string { return a.notes }

// Idle lists, a line each, the devices whose flash has no init.lua.
func (a *App) Idle() []string { return a.idle }

// Reachable reports whether something outside the world can make something
// happen in it.
func (a *App) Reachable() bool { return len(a.published) > 0 }

// Close gives back the host's ports and files. The world must not be running.
func (a *App) Close() {
	if a.Gateway != nil {
		a.Gateway.Close()
	}
	for _, d := range device.In(a.World) {
		d.Close()
	}
	_ = a.Store() // who wants to know has asked before
	for _, s := range a.sources {
		if s.sink != nil {
			s.sink.Close()
		}
		if s.file != nil {
			s.file.Close()
		}
	}
}
