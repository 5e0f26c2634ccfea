package luatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// runTestdata runs files of testdata with the app in testdata/sim.
func runTestdata(t *testing.T, paths ...string) []*File {
	t.Helper()
	return runTestdataAs(t, false, paths...)
}

func runTestdataAs(t *testing.T, shared bool, paths ...string) []*File {
	t.Helper()
	r, _ := ran(t, Options{Paths: paths, App: "testdata/sim", Shared: shared})
	for _, f := range r.files {
		if f.Failure != nil {
			t.Errorf("%s: %+v\n%q", f.Path, *f.Failure, f.Log)
		}
	}
	return r.files
}

// TestSim: each function of sim does what docs/sim.md says, wherever tests are.
func TestSim(t *testing.T) {
	for name, shared := range map[string]bool{"apart": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range runTestdataAs(t, shared, "testdata/sim") {
				for _, x := range f.Tests {
					if x.Status != Passed {
						t.Errorf("%s: %s: %v %+v\n%q", f.Path, x.FullName(), x.Status, x.Failures, x.Log)
					}
				}
			}
		})
	}
}

// TestSimFailures: each function that waits says what was expected and what came, at the
// line of the test that called it.
func TestSimFailures(t *testing.T) {
	want := map[string]string{
		"run_until":               `sim.run_until: not true within 20 ms`,
		"run_until with an error": `oh`,
		"connect refused":         `sim.connect: the device (192.168.1.10) refuses connections to port 81: nobody listens there, or all its connections are in use`,
		"connect cut":             `sim.connect: no answer from port 7 of the device (192.168.1.10) within 1500 ms`,
		"expect":                  `expected "xyz" from the device within 100 ms, came "echo abc"`,
		"expect a bad pattern":    `the pattern "[x": malformed pattern (missing ']')`,
		"expect after the end":    `expected "x" from the device, came nothing, and no more comes: the device has closed the connection`,
		"read":                    `expected 100 bytes from the device within 50 ms, came 7: "echo ab"`,
		"line":                    `expected a line from the device within 50 ms, came "echo ab"`,
		"closed":                  `the device has not closed the connection within 50 ms; not read is nothing`,
		"http never":              `sim.http: GET /never: no complete answer within 500 ms, came "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"`,
		"http garbage":            `sim.http: GET /garbage: the answer is no HTTP: malformed HTTP response "hello"; came "hello\r\n\r\n"`,
		"accept":                  `the device has not called 198.51.100.1, port 99, within 30 ms (0 connections before)`,
		"expect a request":        `expected a request for "/y" at 192.168.1.254, port 99, within 30 ms, came nothing`,
		"accept with TLS":         `the device has not called 198.51.100.3, port 443, within 5000 ms (0 connections before; the last TLS handshake failed: client didn't provide a certificate)`,
		"failed":                  `no TLS handshake has failed within 30 ms`,
		"mqtt with TLS":           `no client "me" has connected to the broker at 198.51.100.4, port 8883, within 5000 ms; the last TLS handshake failed: the server refuses it`,
		"receive":                 `no datagram has come to 192.168.1.254, port 4096, within 30 ms`,
		"mqtt expect":             `expected "c" to "a/b" within 30 ms, came nothing: no client is connected`,
		"mqtt connected":          `no client "me" has connected to the broker at 192.168.1.254, port 1884, within 30 ms`,
		"mqtt subscribed":         `nobody has subscribed to "x" within 30 ms; there are []`,
		"pin":                     `pin 1 did not change to 1 within 30 ms: it is 0, and has changed 0 times before`,
		"serial":                  `expected "else" at the serial port of sim within 50 ms, came "something\n"`,
		"respond":                 `the function of listener:respond returned a nil: it returns a table with status, headers and body, or a string`,
		"sort":                    `a function that waits cannot be called within a metamethod, an iterator, table.sort or xpcall: Lua 5.1 cannot leave these`,
		"device":                  `expected "never" at the serial port of other within 50 ms, came "\n> "`,
	}
	f := runTestdata(t, "testdata/simbad/fails_test.lua")[0]
	for _, x := range f.Tests {
		text, fails := want[x.Name]
		if !fails {
			if x.Status != Passed {
				t.Errorf("%s: %v %+v", x.Name, x.Status, x.Failures)
			}
			continue
		}
		if len(x.Failures) != 1 {
			t.Errorf("%s: %v %+v\n%q", x.Name, x.Status, x.Failures, x.Log)
			continue
		}
		if got := x.Failures[0]; got.Message != text || got.File != f.Path && x.Name != "respond" {
			t.Errorf("%s: %s:%d: %s\nwant %s", x.Name, got.File, got.Line, got.Message, text)
		}
		if x.Name == "device" && !strings.Contains(strings.Join(x.Log, "\n"), "other") {
			t.Errorf("the log of the other device is not in that of the test: %q", x.Log)
		}
	}
}

// TestSimHostile: no arguments harm the host.
func TestSimHostile(t *testing.T) {
	for _, x := range runTestdata(t, "testdata/simbad/hostile_test.lua")[0].Tests {
		if x.Status != Passed {
			t.Errorf("%s: %v %+v %q", x.Name, x.Status, x.Failures, x.Log)
		}
	}
}

// TestSimRepeats: two runs with the same seed are the same to the byte.
func TestSimRepeats(t *testing.T) {
	run := func() string {
		var b strings.Builder
		for _, f := range append(runTestdata(t, "testdata/sim"), runTestdata(t, "testdata/simbad/fails_test.lua")...) {
			for _, x := range f.Tests {
				fmt.Fprintln(&b, f.Path, x.FullName(), x.Status, x.Virtual, x.LeastHeap, x.Failures, x.Log)
			}
		}
		return b.String()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("one run\n%s\nanother\n%s", a, b)
	}
}

// TestSimManual: docs/sim.md has each function and method, and its examples are right.
func TestSimManual(t *testing.T) {
	manual, err := os.ReadFile("../docs/sim.md")
	if err != nil {
		t.Fatal(err)
	}
	f := &file{o: &Options{WallTimeout: DefaultWallTimeout}, out: &File{App: "testdata/sim"}}
	r, err := f.boot()
	if err != nil {
		t.Fatal(err)
	}
	defer r.end()
	r.simTable()
	var names []string
	add := func(prefix string, lists ...[]vm.Func) {
		for _, list := range lists {
			for _, x := range list {
				names = append(names, prefix+x.Name+"(")
			}
		}
	}
	add("sim.", r.simTime(), r.simUntil(), r.simBoot(), r.simSecure())
	add("sim.wifi.", r.simWiFi()[:2])
	add("sim.pin.", r.simPin())
	add("sim.adc.", r.simADC())
	add("sim.serial.", r.simSerial())
	names = append(names, "sim.connect(", "sim.listen(", "sim.udp(", "sim.dns{", "sim.http{", "sim.mqtt{", "sim.time_server{", "sim.link{", "sim.partition(", "sim.heal(", "sim.device{",
		"sim.wifi.ap{", "sim.heap(", "sim.heap.below(", "sim.heap.growth(", "sim.heap.least(", "sim.heap.leaks(", "sim.events{", "sim.events.clear(", ":http{", ":set{")
	s := r.sim.types
	for _, typ := range []*vm.Type{s.conn, s.listener, s.udp, s.broker, s.watch, s.device, s.time} {
		for _, m := range typ.Methods {
			if m.Name != "http" && m.Name != "set" {
				add(":", []vm.Func{m})
			}
		}
	}
	for _, name := range names {
		if !strings.Contains(string(manual), name) {
			t.Errorf("docs/sim.md has no %s", name)
		}
	}
	var tests strings.Builder
	for i, block := range strings.Split(string(manual), "```lua\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(example, "it(") && !strings.Contains(example, "dofile") && !strings.Contains(example, "require") {
			tests.WriteString(example) // it needs no app
		}
		if err := vm.CheckSyntax([]byte(example), "=docs/sim.md"); err != nil {
			t.Errorf("example %d: %v", i+1, err)
		}
	}
	examples := filepath.Join(t.TempDir(), "manual_test.lua")
	if err := os.WriteFile(examples, []byte(tests.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ran := runTestdata(t, examples)[0].Tests
	if len(ran) < 2 {
		t.Errorf("%d examples need no app", len(ran))
	}
	for _, x := range ran {
		if x.Status != Passed {
			t.Errorf("%s: %v %+v\n%q", x.Name, x.Status, x.Failures, x.Log)
		}
	}
	for _, kind := range kinds() {
		if !strings.Contains(string(manual), kind) {
			t.Errorf("docs/sim.md has no events of the kind %s", kind)
		}
	}
}

// TestApart: a test is beside the device, sees what is on it, and outlives its boots.
func TestApart(t *testing.T) {
	c, _ := ran(t, Options{Paths: []string{"testdata/apart"}})
	for _, x := range c.files[0].Tests {
		if x.Name == "may fail" {
			if x.Status != Broken || !strings.Contains(x.Failures[0].Message, "no more") {
				t.Errorf("%s: %v %+v", x.Name, x.Status, x.Failures)
			}
		} else if x.Name == "takes only writes that come" {
			if x.Status != Failed || !strings.Contains(x.Failures[0].Message, "sim.power_cut: the device has not written to its flash that often (write = 1) within 100 ms") {
				t.Errorf("%s: %v %+v", x.Name, x.Status, x.Failures)
			}
		} else if x.Status != Passed {
			t.Errorf("%s: %v %+v\n%q", x.FullName(), x.Status, x.Failures, x.Log)
		}
	}
}

// TestTakenApart has a test take away what tests are run with: the next one says so, and those
// behind it run on a device that is booted anew.
func TestTakenApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "taken_test.lua")
	src := `it("takes", function() local r = debug.getregistry() for k in pairs(r) do r[k] = nil end end)
		it("finds nothing", function() end) it("runs", function() sim.advance(5) end)`
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := results(t, Options{Paths: []string{path}})[0].Tests
	if len(tests) != 3 || tests[1].Status != Broken || !strings.Contains(tests[1].Failures[0].Message, "attempt to call a nil value") || tests[2].Status != Passed {
		t.Errorf("%+v", tests)
	}
}
