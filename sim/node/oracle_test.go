package node_test

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Where the region of the measurements lies, and how large it is.
const (
	regionAt   = 0x80000
	regionSize = 0x10000
	mappedAt   = device.FlashMapped + regionAt

	newTime = 1700000000
	oldTime = 1600000000
)

// chip is a device with a flash store that runs a piece of Lua at each boot.
type chip struct {
	device *device.Device
	world  *world.World
	out    strings.Builder
	lua    []string // of each boot; the last one's for all further ones
	err    *vm.Error
}

func newChip(t testing.TB, size int, lua ...string) *chip {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	x := &chip{world: world.New(1), lua: lua}
	x.world.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			x.out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Reset:
			if d.Reason == device.SoftWatchdog.Text {
				x.out.WriteString("\n<reboot by watchdog>\n")
			}
		}
	})
	f := flash.New(0x100000)
	if err := f.SetLayout(flash.Layout{Address: 0x100000, Size: 0x100000, LFSAddress: regionAt, LFSSize: size}, true); err != nil {
		t.Fatal(err)
	}
	x.device = device.New(x.world, device.Config{Board: board, Flash: f, Modules: []device.Module{node.Module}, Startup: x.run})
	return x
}

func (x *chip) run(d *device.Device) {
	src := x.lua[0]
	if len(x.lua) > 1 {
		x.lua = x.lua[1:]
	}
	fn, err := d.VM.Load([]byte(src), "@run.lua")
	if err != nil {
		panic(err)
	}
	_, x.err = d.CallProtected("run.lua", fn, 0)
}

// boot switches the device on, or resets it, and returns what it prints within some seconds.
func (x *chip) boot() string {
	x.out.Reset()
	if x.device.VM == nil {
		x.device.PowerOn()
	} else {
		x.device.PressReset()
	}
	x.world.Clock.RunUntil(x.world.Clock.Now().Add(20 * clock.Second))
	return x.out.String()
}

// load puts an image into the region.
func (x *chip) load(words []uint32) {
	for i, w := range words {
		x.device.Flash.Raw().WriteAt(binary.LittleEndian.AppendUint32(nil, w), regionAt+4*i)
	}
}

// image builds an image of sources, in pairs of name and text.
func image(t testing.TB, time int64, sources ...string) *lfs.Image {
	t.Helper()
	var modules []lfs.Module
	for i := 0; i < len(sources); i += 2 {
		p, err := luac.Compile(sources[i+1], "@"+sources[i], luac.KeepLines, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, lfs.Module{Name: lfs.ModuleName(sources[i]), Proto: p})
	}
	out, err := lfs.Build(modules, lfs.Options{Time: time})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const show = `local l = node.LFS.list() print(l and table.concat(l, ",")) print(node.LFS.time) `

// outcome is what a reload said, and what the next boot saw.
type outcome struct {
	Out, After        string
	Rebooted, Crashed bool
}

type behaviour struct {
	Modules map[string]string
	Prelude string `json:"heap_prelude"`
	Cases   []struct {
		Kind, Name, Lua, Out, Error string
		Image                       []byte `json:"image_b64"`
		Empty                       *outcome
		Loaded                      *outcome
		Words                       [][2]string
		Crashed                     bool
	}
}

func TestOracleLFS(t *testing.T) {
	oracle.Set{Name: "lfs-behaviour", Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
		set := oracle.Decode[behaviour](t, data)
		src := func(names ...string) (list []string) {
			for _, name := range names {
				list = append(list, name, set.Modules[name])
			}
			return list
		}
		all, hello := image(t, newTime, src("hello.lua", "_init.lua", "util.lua")...), image(t, oldTime, src("hello.lua")...)
		for _, c := range set.Cases {
			c.Out = bytesOf(c.Out)
			e := oracle.Entry{Name: c.Kind + ": " + c.Name, Undefined: c.Crashed}
			switch c.Kind {
			case "reload":
				e.Check = func() (difference string) {
					for _, before := range []struct {
						image *lfs.Image
						want  *outcome
					}{{nil, c.Empty}, {hello, c.Loaded}} {
						if before.want != nil && !before.want.Crashed {
							difference += reload(t, c.Name, c.Image, before.image, *before.want)
						}
					}
					return difference
				}
			case "boot":
				e.Check = func() string { return boot(t, all, c.Name, c.Words, c.Out) }
			default: // api, heap
				prelude := ""
				if c.Kind == "heap" {
					prelude = set.Prelude
				}
				e.Check = func() string {
					x := newChip(t, regionSize, prelude+c.Lua)
					x.load(all.At(mappedAt))
					got := address.ReplaceAllString(x.boot(), "${1}ADDR")
					if x.err != nil {
						got += "error: " + x.err.Message()
					}
					if c.Error != "" {
						c.Out += "error: " + c.Error
					}
					return unless(got, c.Out)
				}
			}
			entries = append(entries, e)
		}
		return entries
	}}.Compare(t)
}

var address = regexp.MustCompile(`((?:table|function|userdata|thread): )0x[0-9a-f]+`)

// bytesOf is a text of the set, in which a character stands for a byte.
func bytesOf(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

func unless(got, want string) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("\ngot  %q\nwant %q", got, want)
}

// reload has a device load an image file on a region that is empty or has an image.
func reload(t *testing.T, name string, file []byte, before *lfs.Image, want outcome) string {
	size, first := regionSize, `print(node.LFS.reload("lfs.img")) `+show
	switch name {
	case "image of 70 KB into a region of 128 KB":
		size = 0x20000
		var b strings.Builder
		b.WriteString("local t = {}\n")
		for i := range 750 {
			fmt.Fprintf(&b, "t[%d] = \"string number %d of the big module\"\n", i+1, i)
		}
		big := image(t, newTime, "bigm.lua", b.String())
		if n := big.Size(); n < 64<<10 || n > 80<<10 {
			t.Fatalf("the image has %d bytes", n)
		}
		file = big.Relocatable()
	case "missing file and odd arguments":
		first = `local r = node.LFS.reload print(r("none.img")) print(r({})) print(r(true)) print(pcall(r)) print(r(5)) print(node.flashreload("none.img"))`
	}
	x := newChip(t, size, first, show)
	if before != nil {
		x.load(before.At(mappedAt))
	}
	if err := x.device.Flash.WriteFile("lfs.img", file); err != nil {
		t.Fatal(err)
	}
	got := outcome{Out: x.boot()}
	var rest string
	if got.Out, rest, got.Rebooted = strings.Cut(got.Out, "<reboot by watchdog>\n"); got.Rebooted {
		got.Out, got.After = got.Out+"<reboot by watchdog>\n", rest
		if r := x.device.BootReason(); r != device.SoftWatchdog {
			return fmt.Sprintf("boot reason %v", r)
		}
	} else {
		got.After = x.boot()
	}
	if want.After == "" {
		got.After = ""
	}
	return unless(fmt.Sprint(got), fmt.Sprint(want))
}

// boot switches a device on whose region has words of its own.
func boot(t *testing.T, image *lfs.Image, name string, words [][2]string, want string) string {
	x := newChip(t, regionSize, show+`for k, v in pairs(node.LFS.config) do print(k, v) end`)
	var region []uint32
	if name != "erased" {
		region = image.At(mappedAt)
	}
	for _, w := range words {
		at, err := strconv.ParseUint(w[0], 0, 32)
		x, err2 := strconv.ParseUint(w[1], 0, 32)
		if err != nil || err2 != nil {
			t.Fatalf("words %v", words)
		}
		region[at/4] = uint32(x)
	}
	x.load(region)
	return unless(x.boot(), want)
}
