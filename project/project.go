// Package project reads nodemcu-sim.toml, the file in an app's directory that
// says on what the app runs:
//
//	board = "nodemcu-v1"       # a board profile; flags may choose another
//	chip_id = 0x123456         # what node.chipid() returns
//	publish = ["8080:80", "0.0.0.0:5353:53/udp"]
//	date = "2026-03-29"        # when the world begins, as NTP servers say it; see ParseDate
//
//	[firmware]
//	modules = ["+http", "+cron"]   # besides the board's; without +: only these
//	from = "user_modules.h"    # or what the firmware's own list selects, in this directory
//	ssl = true                 # a build with TLS; the default is whether it has tls
//	i2c = "new"                # the I2C driver: "old" or "new"
//	legacy = true              # what programs older than firmware 3.0 call, as
//	                           # tmr.alarm(0, 1000, 1, fn); static_timers means the same
//
//	[heap]
//	size = 50000               # bytes the SDK's allocator has before Lua starts
//
//	[cpu]
//	model = "esp8266"          # or "host": Lua takes no device time
//	mhz = 160                  # the clock at boot
//
//	[fs]
//	size = 0x80000             # bytes of flash for the file system
//	exclude = ["*.md", "test"] # not copied to the device
//
//	[lfs]
//	dir = "lfs"                # Lua files for the Lua Flash Store: an image is built of them,
//	                           # and there when the device boots
//	size = 0x20000             # bytes of its partition; alone, an empty store
//
//	[wifi]
//	stored = true              # false: the device's flash stores no network
//	join = "home"              # the network stored in the device's flash
//	ip = "192.168.1.50"        # the station's address; without it DHCP gives one
//	netmask = "255.255.255.0"
//	gateway = "192.168.1.1"
//	dns = ["192.168.1.1"]
//	connect_delay = "300ms"    # from connect to connected
//	dhcp_delay = "1.2s"        # from connected to an address
//
//	[[wifi.network]]           # what a scan finds; none: every SSID is there
//	ssid = "home"
//	password = "topsecret"
//	auth = "wpa2"              # open, wep, wpa, wpa2 or wpa-wpa2
//	channel = 6
//	rssi = -55                 # dBm
//	bssid = "02:00:00:00:00:01"
//	hidden = false
//	wps = false                # is its WPS button pressed?
//
//	[[wifi.outage]]            # the access points are off, by device time
//	from = "10s"
//	to = "20s"                 # without it they stay off
//
//	[link]                     # between the device and everything else; see
//	latency = "40ms"           # wire.ParseQuality
//	jitter = "5ms"
//	bandwidth = "1mbit"
//	queue = "200ms"            # longest wait for the bandwidth
//	loss = "1%"
//	dup = "0.1%"
//	reorder = "2%"
//	reorder_by = "80ms"
//
//	[[link.outage]]            # nothing gets through, and nobody is told
//	from = "30s"
//	to = "31.5s"
//
//	[[link.to]]                # on top of that, between the device and one host:
//	host = "hub"               # a device by its name, "gateway" (the world outside),
//	latency = "100ms"          # or an address such as "192.168.1.20" or "10.0.0.0/8"
//	loss = "5%"                # keys as in [link]
//
//	[[link.to.outage]]
//	from = "10s"
//
// Everything may be left out. An unknown key and a value that cannot be are
// errors that name the line. The package knows what a file may say; what the
// simulator makes of it is decided elsewhere.
package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tomlfile"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// FileName is the name of the project file in an app's directory.
const FileName = hostdir.ProjectFile

// maxSize bounds the project file, in bytes.
const maxSize = 64 << 10

// Project is what a project file says. The zero value is that of an empty file.
type Project struct {
	// Board is the board's name as written, "" when the file names none.
	Board string
	// Publish lists the device's ports to make reachable from the host.
	Publish []Publish
	// Date is when the world begins.
	Date Date
	// HostCPU makes Lua take no device time.
	HostCPU bool
	// Exclude lists patterns of files that are not copied to the device; see
	// hostdir.CheckPatterns.
	Exclude []string
	// Build is what the file says of how the firmware is compiled. See BuildFor.
	Build device.Build
	// Notes are what else is to be said of the file, a line each.
	Notes []string
	WiFi  WiFi
	Link  Link
	// LFS is the Lua Flash Store.
	LFS LFS

	// Changes to the board; zero or nil for none.
	modules    []string
	addModules bool     // besides the board's
	absent     []string // modules of the build that the simulator has not
	ssl        *bool    // nil: whether the build has tls
	chipID     *uint32
	heap       int
	mhz        int
	fsSize     int

	where func(key, format string, args ...any) error
}

// LFS is what a project says of the Lua Flash Store.
type LFS struct {
	Dir  string // with Lua files, in the project's directory; "" without
	Size int    // bytes of the partition; 0: the board's, where there is something to put into it
}

// document is the file as written.
type document struct {
	Board    string    `toml:"board"`
	ChipID   uint32    `toml:"chip_id"`
	Publish  []Publish `toml:"publish"`
	Date     Date      `toml:"date"`
	Firmware struct {
		Modules      []string `toml:"modules"`
		From         string   `toml:"from"`
		SSL          bool     `toml:"ssl"`
		I2C          string   `toml:"i2c"`
		Legacy       bool     `toml:"legacy"`
		StaticTimers bool     `toml:"static_timers"`
	} `toml:"firmware"`
	Heap struct {
		Size int `toml:"size"`
	} `toml:"heap"`
	CPU struct {
		Model string `toml:"model"`
		MHz   int    `toml:"mhz"`
	} `toml:"cpu"`
	FS struct {
		Size    int      `toml:"size"`
		Exclude []string `toml:"exclude"`
	} `toml:"fs"`
	LFS struct {
		Dir  string `toml:"dir"`
		Size int    `toml:"size"`
	} `toml:"lfs"`
	WiFi wifiDocument `toml:"wifi"`
	Link linkDocument `toml:"link"`
}

// Load reads the project file of the directory dir. A directory without one has
// an empty project. Errors start with the file and, where there is one, the
// line. What is read lies in the directory: a link that leads out of it is refused, as
// those of the device's files are.
func Load(dir string) (*Project, error) {
	name := filepath.Join(dir, FileName)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Project{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	defer root.Close()
	info, err := root.Lstat(FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return &Project{}, nil
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if info, err = root.Stat(FileName); err != nil {
			return nil, fmt.Errorf("%s: the link leads nowhere or out of the directory", name)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := root.Open(FileName)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxSize)
	}
	return parse(name, data, func(file string) (string, error) {
		if info, err := root.Stat(file); err != nil {
			return "", reason(err)
		} else if !info.Mode().IsRegular() {
			return "", errors.New("not a regular file")
		}
		f, err := root.Open(file)
		if err != nil {
			return "", reason(err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxSize))
		return string(text), reason(err)
	})
}

// reason is an error without the path that the message around it names.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Parse reads data, the content of the project file called name, which stands alone: it
// may name no other file.
func Parse(name string, data []byte) (*Project, error) {
	return parse(name, data, func(string) (string, error) { return "", errors.New("the project has no directory") })
}

// parse is Parse with read for the files of the project's directory.
func parse(name string, data []byte, read func(file string) (string, error)) (*Project, error) {
	var doc document
	f, err := tomlfile.Decode(name, data, &doc)
	if err != nil {
		return nil, err
	}
	p := &Project{
		Board:   doc.Board,
		Publish: doc.Publish,
		Date:    doc.Date,
		Exclude: doc.FS.Exclude,

		Build:   device.Build{Legacy: doc.Firmware.Legacy || doc.Firmware.StaticTimers},
		modules: doc.Firmware.Modules,
		heap:    doc.Heap.Size,
		mhz:     doc.CPU.MHz,
		fsSize:  doc.FS.Size,
		LFS:     LFS{doc.LFS.Dir, doc.LFS.Size},
		where:   f.Errorf,
	}
	if f.Has("chip_id") {
		p.chipID = &doc.ChipID
	}
	// A setting written as 0 is a mistake, not one left out.
	for _, s := range []struct {
		key string
		n   int
	}{{"heap.size", p.heap}, {"cpu.mhz", p.mhz}, {"fs.size", p.fsSize}, {"lfs.size", p.LFS.Size}} {
		if s.n == 0 && f.Has(s.key) {
			return nil, f.Errorf(s.key, "%s must not be 0; leave it out to keep the board's", s.key)
		}
	}
	if f.Has("lfs.dir") && (!filepath.IsLocal(p.LFS.Dir) || filepath.Clean(p.LFS.Dir) == ".") {
		return nil, f.Errorf("lfs.dir", "lfs.dir = %q: name a directory inside of the project's, such as \"lfs\"", p.LFS.Dir)
	}
	if f.Has("board") && p.Board == "" {
		return nil, f.Errorf("board", "board is empty; leave it out for %s", boards.Default)
	}
	if f.Has("cpu.model") {
		switch doc.CPU.Model {
		case "host":
			p.HostCPU = true
		case "esp8266":
		default:
			return nil, f.Errorf("cpu.model", "cpu.model = %q: write \"esp8266\" or \"host\"", doc.CPU.Model)
		}
	}
	if err := p.readBuild(f, &doc, read); err != nil {
		return nil, err
	}
	for i, a := range p.Publish {
		for _, b := range p.Publish[:i] {
			if a.HostPort != 0 && a.Host == b.Host && a.HostPort == b.HostPort && a.UDP == b.UDP {
				return nil, f.Errorf(fmt.Sprintf("publish[%d]", i), "host port %d is published twice; give each entry a host port of its own, such as %d:%d", a.HostPort, a.HostPort+1, a.Port)
			}
		}
	}
	for i, e := range p.Exclude {
		if err := hostdir.CheckPatterns([]string{e}); err != nil {
			return nil, f.Errorf(fmt.Sprintf("fs.exclude[%d]", i), "fs.exclude: %v", err)
		}
	}
	if p.WiFi, err = doc.WiFi.check(f); err != nil {
		return nil, err
	}
	if p.Link, err = doc.Link.check(f); err != nil {
		return nil, err
	}
	if _, err := p.BoardFor(""); err != nil {
		return nil, err
	}
	return p, nil
}

// BoardFor returns the board called name, or the file's when name is empty, with
// the file's changes to it.
func (p *Project) BoardFor(name string) (*board.Board, error) {
	key := ""
	if name == "" {
		name, key = p.Board, "board"
	}
	if name == "" {
		name = boards.Default
	}
	b, err := boards.Load(name)
	if err != nil {
		if key != "" && p.where != nil {
			return nil, p.where(key, "%v", err)
		}
		return nil, err
	}
	if p.modules != nil {
		listed := slices.Clone(p.modules)
		if p.addModules {
			listed = append(listed, b.Firmware.Modules...)
		} else {
			b.Firmware.Absent = p.absent
		}
		b.Firmware.Modules = slices.Compact(slices.Sorted(slices.Values(listed)))
	}
	if (p.modules == nil || p.addModules) && p.ssl != nil && *p.ssl && !slices.Contains(b.Firmware.Modules, "tls") {
		// The firmware's own list has tls, which is empty without the switch.
		b.Firmware.Modules = slices.Sorted(slices.Values(append(b.Firmware.Modules, "tls")))
	}
	if p.chipID != nil {
		b.ChipID = *p.chipID
	}
	if p.heap != 0 {
		b.Heap.Size = p.heap
	}
	if p.mhz != 0 {
		b.CPU.MHz = p.mhz
	}
	if p.fsSize != 0 {
		b.FS.Size = p.fsSize
	}
	if p.LFS.Size != 0 {
		b.LFS.Size = p.LFS.Size
	}
	if p.where != nil {
		if err := boards.Check(b, p.where); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// BuildFor is how the firmware of a board is compiled: what the file says, and TLS where a
// module is there that needs it.
func (p *Project) BuildFor(b *board.Board) device.Build {
	build := p.Build
	build.SSL = slices.Contains(b.Firmware.Modules, "tls")
	if p.ssl != nil {
		build.SSL = *p.ssl
	}
	return build
}

// duration turns wall-clock notation into virtual time.
func duration(d time.Duration) clock.Duration { return clock.Duration(d.Microseconds()) }
