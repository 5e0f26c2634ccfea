package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// memoryFlags are the flags of run that look at memory and CPU time.
type memoryFlags struct {
	snapshot    string
	heapProfile string
	cpuProfile  string
	budget      int
	leakAfter   time.Duration
}

func (m *memoryFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&m.snapshot, "heap-snapshot", "", "write every object in the heap to this file, at the end or when memory runs out; on SIGUSR1 and the console's S, too, to a file with a number (see nodemcu-sim heap)")
	fl.StringVar(&m.heapProfile, "heap-profile", "", "write who allocates and who holds memory to this file, for go tool pprof")
	fl.StringVar(&m.cpuProfile, "cpu-profile", "", "write where device CPU time goes to this file, for go tool pprof")
	fl.IntVar(&m.budget, "heap-budget", 0, "end with status 1 as soon as less than this many bytes of heap are free")
	fl.DurationVar(&m.leakAfter, "leak-after", time.Minute, "hint at callbacks whose socket or timer ended this long ago (device time); 0 for never")
}

// apply checks the flags and sets what the device needs for them.
func (m *memoryFlags) apply(o *app.Options) error {
	if m.budget < 0 {
		return fmt.Errorf("--heap-budget takes a number of bytes above zero")
	}
	if m.leakAfter < 0 {
		return fmt.Errorf("--leak-after takes a duration such as 60s, or 0")
	}
	o.Inspect.TrackAllocations = m.snapshot != "" || m.heapProfile != "" || m.budget > 0
	o.Inspect.ProfileCPU = m.cpuProfile != ""
	o.Inspect.HeapBudget = m.budget
	if o.Inspect.LeakAfter = clock.Duration(m.leakAfter.Microseconds()); o.Inspect.LeakAfter == 0 {
		o.Inspect.LeakAfter = -1
	}
	return nil
}

// memoryTools writes what the flags ask for.
type memoryTools struct {
	flags   *memoryFlags
	app     *app.App
	err     io.Writer
	console bool             // the screen is not ours: the log tells
	crashes map[string]crash // of the devices that had one, by name
	asked   map[string]int   // snapshots written on a signal or a key, by device
	failed  error            // of a file
	broken  string           // how the budget was broken
}

// crash is what is left of a device's first crash.
type crash struct {
	profile *bytes.Buffer // the heap profile; nil: nobody asked
}

// openTools checks that the files can be written, so that a long run does not end
// with that news, and begins to listen.
func openTools(f *memoryFlags, a *app.App, err io.Writer, console bool) (*memoryTools, error) {
	t := &memoryTools{flags: f, app: a, err: err, console: console, crashes: map[string]crash{}, asked: map[string]int{}}
	for _, file := range []struct{ flag, name string }{
		{"--heap-snapshot", f.snapshot}, {"--heap-profile", f.heapProfile}, {"--cpu-profile", f.cpuProfile},
	} {
		if file.name == "" {
			continue
		}
		for _, d := range device.In(a.World) {
			w, err := os.OpenFile(t.fileOf(file.name, d.Name()), os.O_WRONLY|os.O_CREATE, 0o666)
			if err != nil {
				return nil, fmt.Errorf("%s: %w; name a file that can be written", file.flag, err)
			}
			if err := w.Close(); err != nil {
				return nil, fmt.Errorf("%s: %w", file.flag, err)
			}
		}
	}
	a.World.Subscribe(t.handle)
	return t, nil
}

// several reports whether there is more than one device.
func (t *memoryTools) several() bool { return len(device.In(t.app.World)) > 1 }

// fileOf returns the file of a device: the name with the device's before the
// extension, where there are several devices.
func (t *memoryTools) fileOf(name, dev string) string {
	if !t.several() {
		return name
	}
	return beforeExt(name, "-"+dev)
}

// beforeExt puts text before the extension of a file name: a.pb.gz has .pb.gz.
func beforeExt(name, text string) string {
	stem, ext := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
	if inner := filepath.Ext(stem); ext == ".gz" && inner == ".pb" {
		stem, ext = strings.TrimSuffix(stem, inner), inner+ext
	}
	return stem + text + ext
}

// device returns the device of that name.
func (t *memoryTools) device(name string) *device.Device {
	for _, d := range device.In(t.app.World) {
		if d.Name() == name {
			return d
		}
	}
	return nil
}

// handle is the subscriber: a device's first crash is what its files are about.
func (t *memoryTools) handle(e world.Event) {
	switch d := e.Data.(type) {
	case event.PostMortem:
		if d.Why == inspect.BudgetBroken {
			t.broken = fmt.Sprintf("only %d bytes of heap are free, --heap-budget is %d", d.Free, t.flags.budget)
			if t.several() {
				t.broken = e.Device + ": " + t.broken
			}
			t.app.World.Clock.Stop()
		}
		t.crashed(e.Device, d.Snapshot)
	case event.Panic:
		_, done := t.crashes[e.Device]
		if dev := t.device(e.Device); dev != nil && !done && (t.flags.snapshot != "" || t.flags.heapProfile != "") {
			t.crashed(e.Device, dev.Inspect.HeapSnapshot("panic: "+d.Message))
		}
	}
}

func (t *memoryTools) crashed(dev string, s *snapshot.Snapshot) {
	if _, done := t.crashes[dev]; done || s == nil {
		return
	}
	var c crash
	if t.flags.snapshot != "" {
		file := t.fileOf(t.flags.snapshot, dev)
		if err := t.write("--heap-snapshot", file, s.Write); err == nil {
			t.say(dev, "heap snapshot of the crash: "+file)
		}
	}
	if t.flags.heapProfile != "" {
		c.profile = &bytes.Buffer{}
		t.note("--heap-profile", t.device(dev).Inspect.WriteHeapProfile(c.profile))
	}
	t.crashes[dev] = c
}

// snapshotNow writes a snapshot of each device on a signal. It runs on the world's
// goroutine.
func (t *memoryTools) snapshotNow() {
	for _, d := range device.In(t.app.World) {
		s := d.Inspect.HeapSnapshot("asked for")
		if s == nil {
			t.say(d.Name(), t.of(d)+"no heap snapshot: the device is not running Lua now")
			continue
		}
		if name, err := t.save(s); err == nil {
			t.say(d.Name(), "heap snapshot: "+name)
		} else {
			t.say(d.Name(), err.Error())
		}
	}
}

// of starts a message about a device.
func (t *memoryTools) of(d *device.Device) string {
	if t.several() {
		return d.Name() + ": "
	}
	return ""
}

// save writes a snapshot to a file of its own, with the next number that is free.
func (t *memoryTools) save(s *snapshot.Snapshot) (file string, err error) {
	name := t.flags.snapshot
	if name == "" {
		name = "heap.json"
	}
	name = t.fileOf(name, s.Device)
	for {
		t.asked[s.Device]++
		file = beforeExt(name, fmt.Sprintf("-%d", t.asked[s.Device]))
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			return file, t.write("heap snapshot", file, s.Write)
		} else if err != nil {
			return "", err
		}
	}
}

// say tells of a file. It runs on the world's goroutine.
func (t *memoryTools) say(dev, text string) {
	if !t.console {
		fmt.Fprintln(t.err, text)
		return
	}
	for _, d := range device.In(t.app.World) {
		if d.Name() == dev {
			t.app.World.Clock.Look(func() { d.Note(text) })
		}
	}
}

// finish writes what the run has left. The world must not be running.
func (t *memoryTools) finish() error {
	for _, d := range device.In(t.app.World) {
		t.finishDevice(d)
	}
	return t.failed
}

func (t *memoryTools) finishDevice(d *device.Device) {
	c, crashed := t.crashes[d.Name()]
	if t.flags.snapshot != "" && !crashed {
		if s := d.Inspect.HeapSnapshot("end of the run"); s != nil {
			t.write("--heap-snapshot", t.fileOf(t.flags.snapshot, d.Name()), s.Write)
		} else {
			fmt.Fprintln(t.err, t.of(d)+"no heap snapshot: the device is not running Lua at the end of the run")
		}
	}
	if name := t.flags.heapProfile; name != "" {
		t.write("--heap-profile", t.fileOf(name, d.Name()), func(w io.Writer) error {
			if c.profile != nil {
				_, err := c.profile.WriteTo(w)
				return err
			}
			return d.Inspect.WriteHeapProfile(w)
		})
	}
	if name := t.flags.cpuProfile; name != "" {
		t.write("--cpu-profile", t.fileOf(name, d.Name()), d.Inspect.WriteCPUProfile)
	}
}

func (t *memoryTools) write(what, name string, fill func(io.Writer) error) error {
	var b bytes.Buffer
	err := fill(&b)
	if err == nil {
		err = os.WriteFile(name, b.Bytes(), 0o666)
	}
	t.note(what, err)
	return err
}

// note keeps the first error of a file.
func (t *memoryTools) note(what string, err error) {
	if err != nil && t.failed == nil {
		t.failed = fmt.Errorf("%s: %w", what, err)
	}
}
