package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// write makes an app directory of the given files.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// start makes an app and runs its world on a goroutine of its own until the test
// ends, at the given speed.
func start(t testing.TB, o Options, speed float64) (a *App, output func() string) {
	t.Helper()
	return startWith(t, o, speed, func(*App) {})
}

// startWith is start with something to be done before the power comes on.
func startWith(t testing.TB, o Options, speed float64, prepare func(*App)) (a *App, output func() string) {
	t.Helper()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	prepare(a)
	var mu sync.Mutex
	var out strings.Builder
	a.World.Subscribe((&observe.Log{Device: writer(func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		out.Write(p)
	})}).Handle)
	a.World.Clock.SetSpeed(speed)
	a.Device.PowerOn()
	t.Cleanup(func() { a.Close() })
	chiptest.Live(t, a.World)
	return a, func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

var address = regexp.MustCompile(`^(\S+) → `)

// url returns where the app's first published port is.
func url(t testing.TB, a *App) string {
	t.Helper()
	m := address.FindStringSubmatch(a.Published()[0])
	if m == nil {
		t.Fatalf("no address in %q", a.Published())
	}
	return "http://" + m[1]
}

func TestCurlIsAnsweredByLua(t *testing.T) {
	curl := need.Program(t, "curl")
	dir := write(t, map[string]string{"init.lua": `
require("httpserver").createServer(80, function(req, res)
  local body = {}
  req.ondata = function(self, chunk)
    if chunk then body[#body + 1] = chunk return end
    res:send_header("X-Board", node.chipid())
    res:finish(req.method .. " " .. req.url .. " " .. table.concat(body), 201)
  end
end)
print("ready")`})
	a, output := start(t, Options{Dir: dir, Publish: []string{"127.0.0.1:0:80"}, Seed: 1}, 20)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "GET / "},
		{[]string{"-d", "two words"}, "POST / two words"},
		{[]string{"-0", "-X", "PUT", "--data-binary", strings.Repeat("x", 3000)}, "PUT / " + strings.Repeat("x", 3000)},
		{[]string{"-H", "Transfer-Encoding: chunked", "-d", "in chunks"}, "POST / in chunks"},
	} {
		args := append([]string{"-sS", "-m", "20", "-w", "|%{http_code}", url(t, a)}, tt.args...)
		got, err := exec.Command(curl, args...).CombinedOutput()
		if err != nil || string(got) != tt.want+"|201" {
			t.Errorf("curl %.60q: %v\n got %.200q\nwant %.200q", tt.args, err, got, tt.want+"|201")
		}
	}
	if !strings.Contains(output(), "ready\n") {
		t.Errorf("the device printed %q", output())
	}
}

// The choice of the caller goes before that of the project file.
func TestOptionsGoBeforeTheProject(t *testing.T) {
	dir := write(t, map[string]string{
		"init.lua":         "print(node.flashsize())",
		"nodemcu-sim.toml": "board = \"esp-01\"\npublish = [\"127.0.0.1:0:80\"]\n[cpu]\nmodel = \"host\"\n",
	})
	for _, tt := range []struct {
		o         Options
		board     string
		published int
	}{
		{Options{}, "esp-01", 1},
		{Options{Board: "wemos-d1-mini", Publish: []string{"127.0.0.1:0:80", "127.0.0.1:0:81/udp"}, CPU: "esp8266"}, "wemos-d1-mini", 2},
	} {
		tt.o.Dir = dir
		a, err := New(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if a.Device.Board.Name != tt.board || len(a.Published()) != tt.published {
			t.Errorf("%+v: board %s, published %v", tt.o, a.Device.Board.Name, a.Published())
		}
		a.Close()
	}
}

func TestPortInUse(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": ""})
	a, err := New(Options{Dir: dir, Publish: []string{"127.0.0.1:0:80"}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	port := strings.TrimPrefix(url(t, a), "http://")
	_, err = New(Options{Dir: dir, Publish: []string{port + ":80"}})
	if err == nil || !strings.Contains(err.Error(), port[strings.LastIndex(port, ":")+1:]) || strings.Contains(err.Error(), "\n") {
		t.Errorf("publishing a port twice: %v", err)
	}
}

// Errors of options name the fields of Options, and no flags of a command.
func TestOptionErrors(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": ""})
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{CPU: "z80"}, `CPU "z80": use esp8266 or host`},
		{Options{OnPanic: "pray"}, `OnPanic "pray": use reboot, halt or exit`},
		{Options{Net: "mars"}, `Net "mars": use host, isolated or allow=HOST[:PORT],…`},
		{Options{Publish: []string{"80"}}, `Publish "80": the device's port is missing; write [HOST:]HOSTPORT:PORT[/udp], such as 8080:80`},
		{Options{FlashDir: filepath.Join(dir, "no")}, `FlashDir: cannot open the directory ` + dir + `/no: no such file or directory; make it first`},
		{Options{Date: "x"}, `Date "x": write a date such as 2026-03-29,`},
		{Options{Link: "x"}, `Link: "x" is not KEY=VALUE`},
	} {
		test.o.Dir = dir
		_, err := New(test.o)
		var oe *OptionError
		if !errors.As(err, &oe) || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "--") {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

// A port of the host is published once, whoever asks for it.
func TestPublishedTwice(t *testing.T) {
	port := freePort(t)
	publish := fmt.Sprintf("%d:80", port)
	file := map[string]string{"init.lua": "", "nodemcu-sim.toml": fmt.Sprintf("publish = [%q]", publish)}
	one, two := write(t, file), write(t, file)
	for _, o := range []Options{
		{Dir: one, Publish: []string{publish, publish}},
		{Dir: one, Others: []string{two}},
	} {
		_, err := New(o)
		want := fmt.Sprintf("is published there; give it another, such as %d:80", port+1)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestIdle(t *testing.T) {
	dir := write(t, map[string]string{"readme.txt": ""})
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "src", "init.lua"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Dir: dir, Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	want := fmt.Sprintf("[%s has no init.lua: nothing runs by itself, the device has its prompt; %s has one]", dir, filepath.Join(dir, "src"))
	if got := fmt.Sprint(a.Idle()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if a.Device.Name() != filepath.Base(dir) {
		t.Errorf("the device is called %s", a.Device.Name())
	}
}

// What the host pays for devices: time to boot one, and its memory.
func BenchmarkBoot(b *testing.B) {
	dir := write(b, map[string]string{"init.lua": `tmr.create():alarm(1000, tmr.ALARM_AUTO, function() end)`})
	for b.Loop() {
		boot(b, dir).Close()
	}
}

// Boot100 keeps a hundred devices in one process, each in a world of its own.
func BenchmarkBoot100(b *testing.B) {
	dir := write(b, map[string]string{"init.lua": `tmr.create():alarm(1000, tmr.ALARM_AUTO, function() end)`})
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var apps []*App
		for range 100 {
			apps = append(apps, boot(b, dir))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/100/1024, "KiB/device")
		for _, a := range apps {
			a.Close()
		}
	}
}

// boot returns an app whose device has been up for a second.
func boot(b testing.TB, dir string) *App {
	a, err := New(Options{Dir: dir, Net: "isolated", Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	a.Device.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	return a
}
