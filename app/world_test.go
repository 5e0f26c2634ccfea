package app

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// TestSeveralDevices puts three directories, two of the same name, on one network.
func TestSeveralDevices(t *testing.T) {
	root := t.TempDir()
	var dirs []string
	for _, name := range []string{"x/lamp", "y/lamp", "y/switch"} {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"init.lua":         `tmr.create():alarm(5000, tmr.ALARM_SINGLE, function() print(wifi.sta.getip()) end)`,
			"nodemcu-sim.toml": "publish = [\"0:80\"]\n[link]\nlatency = \"10ms\"\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, dir)
	}
	a, err := New(Options{Dir: dirs[0], Others: dirs[1:], Net: "isolated", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	out := map[string]string{}
	a.World.Subscribe(func(e world.Event) {
		if d, ok := e.Data.(event.Output); ok {
			out[e.Device] += d.Text
		}
	})
	slow := 0
	a.World.Wire.Tap(func(e wire.Event) {
		if e.Kind == wire.Delivered && e.Time > clock.At(7*clock.Second) {
			slow = int(e.Time.Add(-(7 * clock.Second)))
		}
	})
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(7 * clock.Second))
	for _, name := range []string{"lamp", "lamp-2", "switch"} {
		if !regexp.MustCompile(`192\.168\.1\.1[0-2]\t255`).MatchString(out[name]) {
			t.Errorf("%s printed %q", name, out[name])
		}
	}
	published := strings.Join(a.Published(), "\n")
	if !regexp.MustCompile(`port 80\n.*port 80 of lamp-2\n.*port 80 of switch$`).MatchString(published) {
		t.Errorf("published:\n%s", published)
	}
	d := device.In(a.World)
	u := d[1].Net.Stack().NewUDP()
	u.SendTo([]byte("x"), d[2].Address(air.StationIf).Addr(), 7)
	a.World.Clock.RunUntil(clock.At(7*clock.Second + 25*clock.Millisecond))
	if slow != 20000 {
		t.Errorf("a packet between two links of 10 ms took %d µs", slow)
	}
}

// A directory may be called as something else of the world is.
func TestNamesThatTheWorldUses(t *testing.T) {
	root := t.TempDir()
	var dirs []string
	for _, name := range []string{"gateway", "surroundings"} {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	a, err := New(Options{Dir: dirs[0], Others: dirs[1:], Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for i, want := range []string{"gateway", "surroundings"} {
		if name := device.In(a.World)[i].Name(); name != want {
			t.Errorf("device %d is called %s", i, name)
		}
	}
}

// The root of the host's files may be a device, too, in a container.
func TestNameOfTheRoot(t *testing.T) {
	if name := baseName("/"); strings.HasPrefix(name, "/") {
		t.Errorf("it is called %q", name)
	}
}

// Files lie over a directory's, and only the first device's; with Publish empty nothing is
// published; a device that is added later is one like the others.
func TestFilesAndAdd(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": "print('theirs')", "nodemcu-sim.toml": "publish = [\"0:80\"]\n"})
	a, err := New(Options{Dir: dir, Others: []string{dir}, Net: "isolated", Seed: 1, Publish: []string{}, Heap: 40000, Modules: []string{"node"},
		Files: map[string][]byte{"init.lua": []byte("print('mine', node.heap() < 40000, tmr)")}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if len(a.Published()) > 0 {
		t.Errorf("published: %q", a.Published())
	}
	out := map[string]string{}
	a.World.Subscribe(func(e world.Event) {
		if d, ok := e.Data.(event.Output); ok {
			out[e.Device] += d.Text
		}
	})
	for _, o := range []Options{{Dir: dir + "/none"}, {Dir: dir, Board: "none"}, {Dir: dir, Files: map[string][]byte{"init.lua": []byte("x =")}}} {
		if _, err := a.Add(o); err == nil {
			t.Errorf("%+v is added", o)
		}
	}
	d, err := a.Add(Options{Files: map[string][]byte{"init.lua": []byte("print('later')")}})
	if err != nil {
		t.Fatal(err)
	}
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	name := a.Device.Name()
	for device, want := range map[string]string{name: "mine\ttrue\tnil", name + "-2": "theirs", d.Name(): "later"} {
		if !strings.Contains(out[device], want) {
			t.Errorf("%s prints %q, want %q", device, out[device], want)
		}
	}
	if len(a.Dirs()) != 3 || d.Name() != "device" {
		t.Errorf("%q, the last is %s", a.Dirs(), d.Name())
	}
	if err := a.Store(); err != nil {
		t.Error(err)
	}
}

func TestLinkOptions(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": ""})
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{Link: "x"}, `Link: "x" is not KEY=VALUE`},
		{Options{LinkDown: []string{"1s-2s", "x"}}, `LinkDown: "x": write FROM-TO`},
		{Options{WiFiDown: []string{"x"}}, `WiFiDown: "x": write FROM-TO`},
		{Options{Others: []string{filepath.Join(dir, "none")}}, "cannot open the directory"},
	} {
		test.o.Dir = dir
		if _, err := New(test.o); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

// The links of a project file to single devices hold for those only, and a name
// that is no device is told.
func TestLinkTo(t *testing.T) {
	root := t.TempDir()
	var dirs []string
	for name, toml := range map[string]string{
		"a": "[[link.to]]\nhost = \"b\"\nlatency = \"30ms\"\n[[link.to]]\nhost = \"nobody\"\nloss = \"100%\"\n",
		"b": "",
		"c": "[[link.to]]\nhost = \"192.168.1.0/24\"\nlatency = \"7ms\"\n[[link.to]]\nhost = \"a\"\n[[link.to.outage]]\nfrom = \"8s\"\n",
	} {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "nodemcu-sim.toml"), []byte(toml), 0o666); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	a, err := New(Options{Dir: dirs[0], Others: dirs[1:], Net: "isolated", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if n := a.Notes(); len(n) != 1 || !strings.Contains(n[0], "[[link.to]] names nobody, which is no device of this run: there are a, b, c") {
		t.Errorf("notes %q", n)
	}
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(7 * clock.Second))
	var arrived clock.Time
	a.World.Wire.Tap(func(e wire.Event) {
		if e.Kind == wire.Delivered {
			arrived = e.Time
		}
	})
	d := device.In(a.World)
	for _, tt := range []struct {
		from, to int
		want     clock.Duration // 0: lost
	}{{0, 1, 30 * clock.Millisecond}, {1, 0, 30 * clock.Millisecond}, {0, 2, 7 * clock.Millisecond}, {1, 2, 7 * clock.Millisecond}, {2, 1, 7 * clock.Millisecond}} {
		start := a.World.Clock.Now()
		arrived = start
		d[tt.from].Net.Stack().NewUDP().SendTo([]byte("x"), d[tt.to].Address(air.StationIf).Addr(), 7)
		a.World.Clock.RunUntil(start.Add(tt.want) + 1) // no answer of the receiver yet
		if took := arrived.Sub(start); took != tt.want {
			t.Errorf("from %s to %s: %d µs, want %d", d[tt.from].Name(), d[tt.to].Name(), took, tt.want)
		}
		a.World.Clock.RunUntil(start.Add(100 * clock.Millisecond))
	}
	a.World.Clock.RunUntil(clock.At(9 * clock.Second))
	arrived = 0
	d[0].Net.Stack().NewUDP().SendTo([]byte("x"), d[2].Address(air.StationIf).Addr(), 7)
	a.World.Clock.RunUntil(clock.At(10 * clock.Second))
	if arrived != 0 {
		t.Error("a packet got through an outage")
	}
}

// TestUnpublished: nothing of the host's is opened, for no device, also for one that is added
// while the world runs.
func TestUnpublished(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{"init.lua": `print("up")`, "nodemcu-sim.toml": "publish = [\"0:80\"]\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	a, err := New(Options{Dir: dir, Net: "isolated", Publish: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	up := 0
	a.World.Subscribe(func(e world.Event) {
		if out, ok := e.Data.(event.Output); ok {
			up += strings.Count(out.Text, "up\r\n")
		}
	})
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	if _, err := a.Add(Options{Dir: filepath.Join(dir, "none"), Seed: 1}); err == nil {
		t.Error("a device without a directory")
	}
	d, err := a.Add(Options{Dir: dir, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	d.PowerOn()
	a.World.Clock.RunUntil(clock.At(2 * clock.Second))
	if up != 2 || len(a.published) != 0 || len(device.In(a.World)) != 2 {
		t.Errorf("%d are up, published is %v", up, a.published)
	}
}
