package simtest

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Option is a choice for Boot, New and Another. It goes before the directory's
// nodemcu-sim.toml. An option that cannot be is an error of the call that it is given to.
type Option func(*config)

// config is what options choose.
type config struct {
	app     app.Options
	noInit  bool
	speed   float64
	timeout clock.Duration
	ofWorld []string // the options that concern the world
	err     error    // the first thing wrong with an option
}

func newConfig(dir string, opts []Option) *config {
	c := &config{speed: 1}
	c.app.Dir, c.app.Net, c.app.Seed, c.app.Publish = dir, "isolated", 1, []string{}
	for _, o := range opts {
		o(c)
	}
	if dir == "" && c.app.Files == nil {
		if !c.noInit {
			c.wrong("no directory: give the one that holds init.lua, or option Files")
		}
		c.app.Files = map[string][]byte{}
	}
	return c
}

// defaultTimeout is for how long a call waits.
const defaultTimeout = clock.Minute

// world notes an option that a further device cannot have.
func (c *config) world(name string) { c.ofWorld = append(c.ofWorld, name) }

// wrong notes what is wrong with an option.
func (c *config) wrong(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// Board chooses the board by its name: "nodemcu-v1", "wemos-d1-mini" or its alias
// "d1-mini" … (nodemcu-sim boards lists them).
func Board(name string) Option { return func(c *config) { c.app.Board = name } }

// Seed is that of everything random: the device's random numbers, lost packets. It is 1
// unless it is given, and an option of the world.
func Seed(n uint64) Option {
	return func(c *config) { c.app.Seed = n; c.world("Seed") }
}

// Files are files of the device's flash, content by name, over those of the directory,
// which may then be "". nodemcu-sim.toml may be one of them. Several such options add up.
func Files(files map[string]string) Option {
	return func(c *config) {
		for name, text := range files {
			c.file(name, []byte(text))
		}
	}
}

// FS is Files with all regular files of a file system. What begins with a dot is left out.
func FS(files fs.FS) Option {
	return func(c *config) {
		err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case name != "." && strings.HasPrefix(e.Name(), "."):
				if e.IsDir() {
					return fs.SkipDir
				}
			case e.Type().IsRegular():
				data, err := fs.ReadFile(files, name)
				if err != nil {
					return err
				}
				c.file(name, data)
			}
			return nil
		})
		if err != nil {
			c.wrong("FS: %v", err)
		}
	}
}

func (c *config) file(name string, data []byte) {
	if c.app.Files == nil {
		c.app.Files = map[string][]byte{}
	}
	c.app.Files[name] = data
}

// Heap is how many bytes the SDK's allocator has before Lua starts, instead of the board's.
func Heap(bytes int) Option {
	return func(c *config) {
		if c.app.Heap = bytes; bytes == 0 {
			c.wrong("Heap 0: leave it out to keep the board's")
		}
	}
}

// LFS is what lies in the Lua Flash Store when the device boots, instead of the project's: a
// directory of Lua files, or the file of an image.
func LFS(name string) Option { return func(c *config) { c.app.LFS = name } }

// Date is what date it is in the world when it begins, to the second, instead of
// 2026-01-01; the network then has a time server that knows it. It is an option of the world.
func Date(t time.Time) Option {
	return func(c *config) { c.app.Date = t.UTC().Format(time.RFC3339); c.world("Date") }
}

// Modules are the firmware's, as [firmware] modules in nodemcu-sim.toml has them: with a +
// before each they are added to the board's, without they are all there is.
func Modules(names ...string) Option {
	return func(c *config) {
		if c.app.Modules = names; names == nil {
			c.app.Modules = []string{}
		}
	}
}

// CPU is what Lua costs: "esp8266", or "host", which takes no device time.
func CPU(model string) Option { return func(c *config) { c.app.CPU = model } }

// Legacy builds the firmware with what programs older than its release 3.0 call.
func Legacy() Option { return func(c *config) { c.app.Legacy = true } }

// Link is the quality of the link between the device and everything else, as --link of
// nodemcu-sim run has it: "latency=40ms,jitter=5ms,bandwidth=1mbit,loss=1%".
func Link(quality string) Option { return func(c *config) { c.app.Link = quality } }

// LinkDown loses every packet of the device in spans of the world's time, each as "30s-35s".
func LinkDown(spans ...string) Option { return func(c *config) { c.app.LinkDown = spans } }

// WiFiDown switches the access points off in such spans. It is an option of the world.
func WiFiDown(spans ...string) Option {
	return func(c *config) { c.app.WiFiDown = spans; c.world("WiFiDown") }
}

// NoInit leaves init.lua alone: the device boots to its prompt, as after
// node.startup{command=""}. Without this option a directory without init.lua is an error.
func NoInit() Option { return func(c *config) { c.noInit = true } }

// TrackAllocations records where the program made each object: snapshots and post-mortems
// then name the places. It changes nothing that the program can see, and takes time.
func TrackAllocations() Option {
	return func(c *config) { c.app.Inspect.TrackAllocations = true }
}

// Net says what devices reach outside of the world, as --net of nodemcu-sim run: "isolated",
// which is what holds without this option, "host" (what this computer reaches, this computer
// itself as host.internal), or "allow=HOST[:PORT],…". But for "isolated" the world's time
// then follows this computer's, while a call waits, and runs differ. It is an option of the
// world.
func Net(reach string) Option {
	return func(c *config) { c.app.Net = reach; c.world("Net") }
}

// Speed is how many seconds of the world pass in one of this computer where the time
// follows it, see Net: 1 unless it is given. It is an option of the world.
func Speed(factor float64) Option {
	return func(c *config) {
		if c.world("Speed"); !(factor >= 0.01 && factor <= 1000) {
			c.wrong("Speed %v: use a factor from 0.01 to 1000", factor)
			return
		}
		c.speed = factor
	}
}

// Timeout is for how long, in virtual time, a call waits that has no deadline of its own: a
// minute unless it is given.
func Timeout(d time.Duration) Option {
	return func(c *config) {
		if c.timeout = micros(d); c.timeout <= 0 {
			c.wrong("Timeout %v: use a time above zero", d)
		}
	}
}

// micros is a duration in the world's unit.
func micros(d time.Duration) clock.Duration { return clock.Duration(d.Microseconds()) }
