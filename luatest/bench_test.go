package luatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/internal/cputime"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// How fast tests are: those of testdata/bench, 25 in each of 20 files, of some virtual
// seconds each. plain.lua needs Lua and timers only, so that it also runs beside mocks of a
// device (mocks.lua); device.lua has a button, HTTP and MQTT.
const (
	benchDir   = "testdata/bench"
	benchFiles = 20
	benchTests = 25 // in a file
)

// benchApp makes a directory of the app with test files that are these by turns.
func benchApp(b *testing.B, kinds ...string) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "app")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(benchDir, "app"))); err != nil {
		b.Fatal(err)
	}
	for i := range benchFiles {
		src, err := os.ReadFile(filepath.Join(benchDir, kinds[i%len(kinds)]))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("bench%02d_test.lua", i)), src, 0o666)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// benchRun runs the tests of a directory, all of which pass.
func benchRun(b *testing.B, o Options) Summary {
	b.Helper()
	s, err := Run(o)
	if err != nil || s.Passed != benchFiles*benchTests || !s.OK() {
		b.Fatalf("%+v, %v", s, err)
	}
	return s
}

// meter counts tests and their time on the device.
type meter struct {
	began  time.Time
	cpu    time.Duration
	tests  int
	device time.Duration
	others bool // it is other processes that take the CPU's time
}

func newMeter() *meter { return &meter{began: time.Now(), cpu: cputime.Used()} }

func (m *meter) add(s Summary) {
	m.tests += s.Passed
	m.device += time.Duration(s.Virtual) * time.Microsecond
}

// report is for each second here, and the CPU time of a test.
func (m *meter) report(b *testing.B) {
	here := time.Since(m.began).Seconds()
	b.ReportMetric(float64(m.tests)/here, "tests/s")
	b.ReportMetric(m.device.Seconds()/here, "virtual-s/s")
	b.ReportMetric(m.device.Seconds()/float64(m.tests), "virtual-s/test")
	if !m.others {
		b.ReportMetric(float64((cputime.Used()-m.cpu).Microseconds())/float64(m.tests), "cpu-µs/test")
	}
}

// BenchmarkTests is how many tests run in a second, each way with a goroutine or process for
// each CPU: all kinds on the device, beside it and as programs on it; and those that need
// Lua and timers only on the device, with mocks in plain gopher-lua, whose time is counted, and
// with mocks in lua5.3, whose time is the wall's.
func BenchmarkTests(b *testing.B) {
	for _, x := range []struct {
		name  string
		kinds []string
		o     Options
	}{
		{"all/apart", []string{"plain.lua", "device.lua"}, Options{}},
		{"all/shared", []string{"plain.lua", "device.lua"}, Options{Shared: true}},
		{"plain/apart", []string{"plain.lua"}, Options{}},
		{"plain/shared", []string{"plain.lua"}, Options{Shared: true}},
	} {
		b.Run(x.name, func(b *testing.B) {
			x.o.Paths, x.o.Seed = []string{benchApp(b, x.kinds...)}, 1
			m := newMeter()
			for b.Loop() {
				m.add(benchRun(b, x.o))
			}
			m.report(b)
		})
	}
	b.Run("plain/gopher-lua", func(b *testing.B) {
		benchMocks(b, newMeter(), benchFiles, func(file string) (passed int, ms float64, err error) {
			return gopherMocks(filepath.Dir(file), file)
		})
	})
	b.Run("plain/lua5.3", func(b *testing.B) {
		program, err := exec.LookPath("lua5.3")
		if err != nil {
			b.Skip("lua5.3 is not installed")
		}
		const every = 5 // test, since their time is that of the wall
		m := newMeter()
		m.others = true
		benchMocks(b, m, runtime.GOMAXPROCS(0), func(file string) (passed int, ms float64, err error) {
			out, err := exec.Command(program, filepath.Join(benchDir, "wall.lua"), benchDir, filepath.Dir(file), file, fmt.Sprint(every)).CombinedOutput()
			if _, bad := fmt.Sscan(string(out), &passed, &ms); err != nil || bad != nil {
				err = fmt.Errorf("%v: %s", err, out)
			}
			return passed, ms, err
		})
	})
}

// benchMocks runs so many files of plain tests with mocks, one on each CPU at a time.
func benchMocks(b *testing.B, m *meter, n int, run func(file string) (passed int, ms float64, err error)) {
	files, err := Find([]string{benchApp(b, "plain.lua")})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var wait sync.WaitGroup
		var mu sync.Mutex
		work := make(chan string)
		for range runtime.GOMAXPROCS(0) {
			wait.Go(func() {
				for file := range work {
					passed, ms, err := run(file)
					mu.Lock()
					m.tests, m.device = m.tests+passed, m.device+time.Duration(ms*float64(time.Millisecond))
					if err != nil || passed == 0 {
						b.Error(passed, err)
					}
					mu.Unlock()
				}
			})
		}
		for _, file := range files[:n] {
			work <- file
		}
		close(work)
		wait.Wait()
	}
	m.report(b)
}

// gopherMocks runs a file of tests with mocks in plain gopher-lua.
func gopherMocks(app, file string) (passed int, ms float64, err error) {
	l := lua.NewState()
	defer l.Close()
	l.SetField(l.GetGlobal("package"), "path", lua.LString(app+"/?.lua"))
	fn, err := l.LoadFile(filepath.Join(benchDir, "mocks.lua"))
	if err != nil {
		return 0, 0, err
	}
	sleep := l.NewFunction(func(*lua.LState) int { return 0 })
	if err := l.CallByParam(lua.P{Fn: fn, NRet: 2, Protect: true}, lua.LString(file), sleep, lua.LNumber(1)); err != nil {
		return 0, 0, err
	}
	return int(l.CheckInt(-2)), float64(l.CheckNumber(-1)), nil
}

// BenchmarkIdleHour is a test that waits an hour, while the device has nothing to do but to
// stay in its network.
func BenchmarkIdleHour(b *testing.B) {
	dir := b.TempDir()
	const idle = `
describe("the device", function()
  it("idles", function()
    assert.is_string(wifi.sta.getip())
    sim.advance(3600000)
    assert.is_string(wifi.sta.getip())
  end)
end)`
	if err := os.WriteFile(filepath.Join(dir, "idle_test.lua"), []byte(idle), 0o666); err != nil {
		b.Fatal(err)
	}
	m := newMeter()
	for b.Loop() {
		s, err := Run(Options{Paths: []string{dir}, Seed: 1, Timeout: 2 * clock.Hour})
		if err != nil || s.Passed != 1 {
			b.Fatalf("%+v, %v", s, err)
		}
		m.add(s)
	}
	m.report(b)
}

// BenchmarkCoverage is what coverage costs of CPU time: tests without and with it by turns.
// The ratio is of the medians.
func BenchmarkCoverage(b *testing.B) {
	for _, x := range []struct{ name, path string }{
		{"sim", "testdata/sim"}, // about everything that an app does
		{"bench", benchApp(b, "plain.lua", "device.lua")},
	} {
		b.Run(x.name, func(b *testing.B) {
			var took [2][]time.Duration
			for b.Loop() {
				for i, on := range []bool{false, true} {
					runtime.GC()
					began := cputime.Used()
					if s, err := Run(Options{Paths: []string{x.path}, Seed: 1, Parallel: 1, Coverage: on}); err != nil || !s.OK() {
						b.Fatalf("%+v, %v", s, err)
					}
					runtime.GC() // each pays for its own garbage
					took[i] = append(took[i], cputime.Used()-began)
				}
			}
			median := func(list []time.Duration) float64 {
				slices.Sort(list)
				return float64(list[len(list)/2])
			}
			off, on := median(took[0]), median(took[1])
			b.ReportMetric(off/1e6, "cpu-ms-off")
			b.ReportMetric(on/1e6, "cpu-ms-on")
			b.ReportMetric(on/off, "on/off")
		})
	}
}
