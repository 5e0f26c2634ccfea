package simtest_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// fakeTB is a test that is looked at.
type fakeTB struct {
	testing.TB
	failed   bool
	messages []string
	logs     []string
	cleanups []func()
}

func (f *fakeTB) Helper()           {}
func (f *fakeTB) Failed() bool      { return f.failed }
func (f *fakeTB) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTB) Logf(format string, args ...any) {
	f.logs = append(f.logs, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Errorf(format string, args ...any) {
	f.failed = true
	f.messages = append(f.messages, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

// within runs a test and returns what became of it.
func within(test func(t testing.TB)) *fakeTB {
	f := &fakeTB{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, fn := range slices.Backward(f.cleanups) {
				fn()
			}
		}()
		test(f)
	}()
	<-done
	return f
}

// program is the option that makes a program the init.lua.
func program(text string) simtest.Option {
	return simtest.Files(map[string]string{"init.lua": text})
}

const server = `
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  net.createServer(30):listen(7, function(s)
    s:on("receive", function(s, data)
      if data == "bye" then s:close() else s:send(data) end
    end)
  end)
  local u = net.createUDPSocket()
  u:on("receive", function(s, data, port, ip) s:send(port, ip, data:upper()) end)
  u:listen(7)
  print("ready at", (wifi.sta.getip()))
end)`

// story is a run in which much happens, and all of what can be seen of it.
func story(t testing.TB, seed uint64) string {
	var out strings.Builder
	d := simtest.Boot(t, "../examples/hello-http", simtest.Seed(seed), simtest.Link("latency=20ms,jitter=15ms,loss=3%"))
	d.Events(func(e world.Event) { fmt.Fprintf(&out, "%d %s %+v\n", e.Time, e.Data.Kind(), e.Data) })
	c := d.HTTP()
	get := func(path string) {
		r, err := c.Get("http://device" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(&out, "%v %s %q %v\n", d.Elapsed(), r.Status, body, err)
	}
	for range 5 {
		get("/json")
	}
	d.Together(func() { get("/") }, func() { get("/json") }, func() { fmt.Fprintln(&out, d.Lua("node.random(1000000)")) })
	d.Advance(time.Minute)
	fmt.Fprintf(&out, "%+v\n", d.Heap())
	out.WriteString(d.Log())
	return out.String()
}

func TestDeterminism(t *testing.T) {
	one, two, other := story(t, 1), story(t, 1), story(t, 2)
	if one != two {
		t.Errorf("two runs of the same seed differ:\n%s\n%s", one, two)
	}
	if one == other {
		t.Error("a run of another seed is the same")
	}
	if !strings.Contains(one, "200 OK") {
		t.Errorf("nothing was answered:\n%s", one)
	}
}

func TestFailuresPrintTheLog(t *testing.T) {
	for name, test := range map[string]struct {
		run     func(d *simtest.Device)
		program string
		want    string // in the message
		log     string
	}{
		"init.lua": {func(d *simtest.Device) { d.Advance(time.Second) },
			"print('begin')\nerror('oops')", "device, after 0.1", "begin\n[   0.1"},
		"init.lua, place": {func(d *simtest.Device) { d.Advance(time.Second) },
			"\nlocal x = nil + 1", "error in init.lua: init.lua:2: attempt to perform arithmetic on a nil value", "error: init.lua:2"},
		"timer": {func(d *simtest.Device) { d.Expect("never") },
			"tmr.create():alarm(100, 0, function()\n error('late') end)", "init.lua:2: late", "init.lua:2: late"},
		"panic": {func(d *simtest.Device) { d.Run(func() bool { return false }, time.Minute) },
			"net.dns.resolve('x', function() error('in net') end)", "panic: init.lua:1: in net", "PANIC: unprotected error"},
		"watchdog": {func(d *simtest.Device) { d.Advance(time.Minute) },
			"tmr.create():alarm(10, 0, function()\n while true do end end)", "software watchdog reset: init.lua:2: tmr callback", "reset: software watchdog reset"},
		"typed": {func(d *simtest.Device) { d.Lua("nothing.x") },
			"", "error in serial input: stdin:1: attempt to index global 'nothing'", "=nothing.x"},
		"what is not printed": {func(d *simtest.Device) { d.Expect("something else") },
			"print('this')", `device has not printed "something else" within 60 s, but `, "this"},
		"line that does not match": {func(d *simtest.Device) { d.ExpectMatch(`^\d+$`) },
			"print('this')", `has not printed a line that matches ^\d+$ within`, "this"},
		"what does not happen": {func(d *simtest.Device) { d.Run(func() bool { return false }, time.Second) },
			"", "what is waited for has not happened within 1s", "boot"},
		"error that does not happen": {func(d *simtest.Device) { d.ExpectError("nothing"); d.Advance(time.Second) },
			"", `device: no error with "nothing"`, "boot"},
		"button that is not there": {func(d *simtest.Device) { d.Press("BOOT") },
			"", `the board has no part "BOOT", but module, board, FLASH`, ""},
		"LED is no button": {func(d *simtest.Device) { d.Press("board") }, "", "nothing can be done to it", ""},
		"pin":              {func(d *simtest.Device) { d.Pin(13) }, "", "no pin 13: there are 0 to 12", ""},
		"level":            {func(d *simtest.Device) { d.Pin(1).Set(2) }, "", "level 2", ""},
		"part":             {func(d *simtest.Device) { d.Part("x") }, "", `no part "x"`, ""},
		"link":             {func(d *simtest.Device) { d.Link("loss=200%") }, "", "simtest: Link: loss", ""},
		"expression":       {func(d *simtest.Device) { d.ExpectMatch("(") }, "", "missing closing )", ""},
		"name":             {func(d *simtest.Device) { d.DNS("x", "::1") }, "", "write a name and an IPv4 address", ""},
		"host":             {func(d *simtest.Device) { d.Peer("here") }, "", "write an IPv4 address", ""},
		"host twice":       {func(d *simtest.Device) { d.Peer("192.168.1.20"); d.Peer("192.168.1.20") }, "", "somebody has this address", ""},
		"router":           {func(d *simtest.Device) { d.Peer("192.168.1.1") }, "", "somebody has this address", ""},
		"backwards":        {func(d *simtest.Device) { d.Advance(-1) }, "", "time does not run backwards", ""},
		"two lines":        {func(d *simtest.Device) { d.Lua("x\ny") }, "", "write one line", ""},
		"half a statement": {func(d *simtest.Device) { d.Lua("if x then") }, "", "the statement is not complete: stdin:1: ", ""},
		"no prompt": {func(d *simtest.Device) { d.Advance(time.Second); d.Lua("1") },
			"node.dsleep(0)", "is not at its prompt within 60 s", "deep sleep"},
		"callback that waits": {func(d *simtest.Device) {
			d.Events(func(world.Event) { d.Advance(time.Second) })
			d.Advance(time.Second)
		}, "", "called while the world runs", ""},
		"death that an error tells": {func(d *simtest.Device) { d.HTTP().Get("http://device/") },
			"error('first')", "init.lua:1: first", "first"},
		"in a function of Together": {func(d *simtest.Device) {
			d.Together(func() { d.Advance(time.Second); d.Expect("x") }, func() { d.Advance(time.Hour) })
		}, "", `has not printed "x"`, ""},
		"another": {func(d *simtest.Device) { d.Another("", simtest.Seed(3), program("")) }, "", "simtest: Seed: give it to the first device", ""},
	} {
		t.Run(name, func(t *testing.T) {
			after := false
			f := within(func(t testing.TB) {
				d := simtest.Boot(t, "", program(test.program))
				test.run(d)
				after = true
			})
			all := strings.Join(f.messages, "\n")
			if !f.failed || len(f.messages) != 1 || !strings.Contains(all, test.want) {
				t.Errorf("failed %v: %q; want …%s…", f.failed, f.messages, test.want)
			}
			if after && name != "error that does not happen" && name != "death that an error tells" {
				t.Error("the test went on")
			}
			if len(f.logs) != 1 || !strings.Contains(f.logs[0], test.log) {
				t.Errorf("log %q; want …%s…", f.logs, test.log)
			}
		})
	}
}

func TestWhatPassesIsQuiet(t *testing.T) {
	f := within(func(t testing.TB) {
		d := simtest.Boot(t, "", program(`
			node.setonerror(function(e) print("own", (e:match("^[^\n]*"))) end)
			print(pcall(error, "caught"))
			tmr.create():alarm(50, 0, function() error("taken") end)
			tmr.create():alarm(500, 0, function() node.restart() end)`))
		d.Expect("false\tcaught")
		d.Expect("own\tinit.lua:4: taken")
		d.Advance(200 * time.Millisecond)
		d.Restart()
		d.Press("RST")
		d.Release("RST")
		d.PowerCycle()
		d.Expect("caught")
	})
	if f.failed || len(f.logs) > 0 {
		t.Errorf("%q %q", f.messages, f.logs)
	}
}

// An error that is announced may happen as often as it likes, with the reset that it brings.
func TestExpectError(t *testing.T) {
	d := simtest.Boot(t, "", program(`tmr.create():alarm(1000, 0, function() net.dns.resolve("x", function() error("bang") end) end)`))
	d.ExpectError("init.lua:1: bang")
	d.Advance(time.Minute)
	d.ExpectError("software watchdog")
	d.Type("while true do end\n")
	d.Advance(20 * time.Second)
	errs := d.Errors()
	if len(errs) < 3 || !slices.ContainsFunc(errs, func(s string) bool { return strings.HasPrefix(s, "software watchdog reset: stdin:1: ") }) {
		t.Errorf("%q", errs)
	}
}

func TestLeaks(t *testing.T) {
	d := simtest.Boot(t, "", program(`
net.createServer():listen(7, function(s)
  s:on("receive", function() return s end)
end)`))
	for range 3 {
		c, err := d.Dial(7)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	d.Advance(2 * time.Minute)
	if l := d.Heap().Leaks; len(l) != 1 || l[0].Count != 3 || l[0].Site != "init.lua:3" {
		t.Errorf("leaks: %+v", l)
	}
}

// A device of an outer test fails the subtest that uses it.
func TestSubtests(t *testing.T) {
	d := simtest.Boot(t, "", program("print('ready')"))
	d.Expect("ready")
	for _, expr := range []string{"1 + 1", "2"} {
		t.Run(expr, func(t *testing.T) {
			if got := d.For(t).Lua(expr); got != "2" {
				t.Error(got)
			}
		})
	}
	f := within(func(t testing.TB) { d.For(t).Lua("error('x')") })
	if len(f.messages) != 1 || t.Failed() {
		t.Errorf("%q", f.messages)
	}
	if got := d.Lua("'still there'"); got != "still there" {
		t.Error(got)
	}
}

func TestNew(t *testing.T) {
	d, err := simtest.New("", program(`print("a") tmr.create():alarm(1000, 0, function() error("b") end)`))
	if err != nil {
		t.Fatal(err)
	}
	d.Expect("a")
	d.Advance(time.Minute)
	if err := d.Err(); err == nil || !strings.Contains(err.Error(), "init.lua:1: b") {
		t.Errorf("%v", err)
	}
	first, at := d.Err(), d.Elapsed()
	d.Output()
	// From then on nothing happens, and nothing hurts.
	if got := d.Expect("c") + d.Lua("1") + d.Output(); got != "" {
		t.Errorf("%q", got)
	}
	d.Type("x")
	d.Advance(time.Hour)
	d.Run(func() bool { return false }, time.Hour)
	d.Restart()
	d.WiFiDown()
	d.Press("FLASH")
	d.Together(func() {})
	d.Serve(d.Peer("192.168.1.20"), 80, nil)
	d.Another("nowhere").Advance(time.Hour)
	if m := d.Heap(); m.Free != 0 || d.HeapSnapshot() != nil || d.ExpectMatch("x") != nil || d.Addr().IsValid() {
		t.Errorf("%+v", m)
	}
	if _, err := d.Dial(80); !errors.Is(err, first) {
		t.Errorf("%v", err)
	}
	if d.Elapsed() != at || d.Close() != first {
		t.Errorf("%v, %v", d.Elapsed(), d.Close())
	}
	if _, err := d.HTTP().Get("http://device/"); err == nil {
		t.Error("a closed world answers")
	}
	ok, err := simtest.New("", program(""))
	if err != nil {
		t.Fatal(err)
	}
	ok.ExpectError("x")
	if err := ok.Close(); err == nil || err.Error() != `device: no error with "x"` {
		t.Errorf("%v", err)
	}
	if ok.Advance(time.Second); ok.Err() == nil {
		t.Error("a closed world runs")
	}
}

// A program that prints without end takes neither the host's memory nor its time.
func TestFlood(t *testing.T) {
	d := simtest.Boot(t, "", simtest.CPU("host"), program(`tmr.create():alarm(1, 1, function() for i = 1, 40 do print(("x"):rep(200)) end end)`))
	d.Advance(time.Second)
	if n := len(d.Log()); n > 3<<20 || n < 1<<20 || !strings.HasPrefix(d.Log(), "… ") {
		t.Errorf("a log of %d bytes", n)
	}
	d.Type("print('y')\n")
	d.Expect("y")
}

func BenchmarkBoot(b *testing.B) {
	for b.Loop() {
		d := simtest.Boot(b, "../examples/hello-http")
		r, err := d.HTTP().Get("http://device/")
		if err != nil {
			b.Fatal(err)
		}
		r.Body.Close()
	}
}
