package simtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
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

func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(file)
	}
	syntax, toml, empty := write("syntax/init.lua", "\nx ="), write("toml/nodemcu-sim.toml", "board = 5"), write("outer/app/init.lua", "")
	for _, test := range []struct {
		dir  string
		opts []simtest.Option
		want string
	}{
		{"none", nil, "cannot open the directory none: no such file or directory; give the directory that holds init.lua"},
		{"simtest_test.go", nil, "simtest_test.go is not a directory"},
		{"", nil, "no directory: give the one that holds init.lua, or option Files"},
		{filepath.Dir(empty), nil, "outer has no init.lua: nothing runs by itself, the device has its prompt; " + empty + " has one (option NoInit, if that is meant)"},
		{"", []simtest.Option{simtest.Files(map[string]string{"a.lua": ""})}, "no init.lua among the files"},
		{syntax, nil, "init.lua:2: unexpected symbol"},
		{toml, nil, "nodemcu-sim.toml:1"},
		{"", []simtest.Option{program("x =")}, "init.lua:1: unexpected symbol"},
		{"", []simtest.Option{program(""), simtest.Board("d2")}, `"d2"`},
		{"", []simtest.Option{program(""), simtest.Heap(5)}, "Heap: heap.size = 5: write"},
		{"", []simtest.Option{program(""), simtest.Heap(0)}, "Heap 0"},
		{"", []simtest.Option{program(""), simtest.Modules("nte")}, `"nte"`},
		{"", []simtest.Option{program(""), simtest.Modules("net", "+tmr")}, "give all modules a +"},
		{"", []simtest.Option{program(""), simtest.CPU("z80")}, `CPU "z80": use esp8266 or host`},
		{"", []simtest.Option{program(""), simtest.Link("loss")}, "Link: "},
		{"", []simtest.Option{program(""), simtest.LinkDown("now")}, "LinkDown: "},
		{"", []simtest.Option{program(""), simtest.WiFiDown("now")}, "WiFiDown: "},
		{"", []simtest.Option{program(""), simtest.Net("near")}, `Net "near": use host, isolated or allow=`},
		{"", []simtest.Option{program(""), simtest.Speed(0)}, "Speed 0"},
		{"", []simtest.Option{program(""), simtest.Timeout(0)}, "Timeout 0s"},
		{"", []simtest.Option{program(""), simtest.Date(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))}, "Date \"1900"},
		{"", []simtest.Option{program(""), simtest.Files(map[string]string{strings.Repeat("n", 40): ""})}, "Files"},
		{"", []simtest.Option{simtest.FS(os.DirFS("none"))}, "FS: "},
		{"", []simtest.Option{simtest.Files(nil)}, "no directory"},
	} {
		d, err := simtest.New(test.dir, test.opts...)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want …%s…", test.dir, err, test.want)
		}
		f := within(func(t testing.TB) { simtest.Boot(t, test.dir, test.opts...) })
		if err != nil && fmt.Sprint(f.messages) != fmt.Sprintf("[simtest: %v]", err) {
			t.Errorf("%s: Boot says %q", test.dir, f.messages)
		}
	}
}

func TestOptions(t *testing.T) {
	d := simtest.Boot(t, "", simtest.FS(fstest.MapFS{
		"init.lua": {Data: []byte("dofile('sub/x.lua')")}, "sub/x.lua": {Data: []byte("print('from sub')")}, ".git/x": {Data: []byte("no")},
		"nodemcu-sim.toml": {Data: []byte("board = \"esp-01\"\nchip_id = 5\npublish = [\"1:80\"]")},
	}), simtest.Board("d1-mini"), simtest.Heap(40000), simtest.Modules("node", "file", "sntp", "rtctime", "net", "wifi", "tmr"),
		simtest.Date(time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)), simtest.CPU("host"), simtest.Legacy(), simtest.TrackAllocations())
	d.Expect("from sub")
	d.Advance(10 * time.Second)
	d.Type("sntp.sync(nil, function(s) print('synced', s) end)\n")
	d.Expect("synced\t1904281")
	if got := d.Lua("node.chipid(), file.exists('init.lua'), file.exists('.git/x'), gpio"); got != "5\ttrue\tfalse\tnil" {
		t.Errorf("the device is %q", got)
	}
	if got := d.Now().Format(time.RFC3339); !strings.HasPrefix(got, "2030-05-06T07:08:") {
		t.Errorf("it is %s", got)
	}
	if m := d.Heap(); m.Total != 40000 || m.Free < 10000 || m.Free > 40000 || m.Low > m.Free || len(m.Leaks) > 0 {
		t.Errorf("%+v", m)
	}
	if s := d.HeapSnapshot(); !s.Tracked || s.Board != "wemos-d1-mini" || s.Heap.Size != 40000 {
		t.Errorf("the snapshot is of %+v", s.Heap)
	}
	quiet := simtest.Boot(t, "../examples/blink", simtest.NoInit())
	quiet.Advance(time.Second)
	if got := quiet.Output(); strings.Contains(got, "init.lua") || !strings.HasSuffix(got, "\n> ") {
		t.Errorf("without init.lua it prints %q", got)
	}
	if got := quiet.Lua("file.exists('init.lua')"); got != "true" {
		t.Errorf("init.lua is there: %s", got)
	}
	// Files lie over a directory's.
	over := simtest.Boot(t, "../examples/blink", program("print('mine')"))
	over.Expect("mine")
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

func TestConnections(t *testing.T) {
	d := simtest.Boot(t, "", program(server))
	var c net.Conn
	c, err := d.Dial(7)
	if err != nil {
		t.Fatal(err)
	}
	if c.RemoteAddr().String() != "192.168.1.10:7" || !strings.HasPrefix(c.LocalAddr().String(), "192.168.1.254:") {
		t.Errorf("from %v to %v", c.LocalAddr(), c.RemoteAddr())
	}
	buf := make([]byte, 100)
	fmt.Fprint(c, "hello")
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("read %q, %v", buf[:n], err)
	}

	// A deadline is one of virtual time.
	before := d.Elapsed()
	c.SetReadDeadline(d.Now().Add(3 * time.Second))
	if _, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || !err.(net.Error).Timeout() {
		t.Errorf("read: %v", err)
	}
	if took := d.Elapsed() - before; took != 3*time.Second {
		t.Errorf("the deadline came after %v", took)
	}
	if _, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || d.Elapsed()-before != 3*time.Second {
		t.Errorf("read behind the deadline: %v", err)
	}
	// Without one a read ends after a minute.
	c.SetDeadline(time.Time{})
	if _, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || d.Elapsed()-before != 63*time.Second {
		t.Errorf("read without a deadline: %v after %v", err, d.Elapsed()-before)
	}

	if _, err := d.Dial(8); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port at which nothing listens: %v", err)
	}
	fmt.Fprint(c, "bye")
	if n, err := c.Read(buf); n > 0 || !errors.Is(err, syscall.ECONNRESET) { // as the firmware does it within a callback
		t.Errorf("after the device's end: %d, %v", n, err)
	}
	c.Close()
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := c.Read(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of what is closed: %v", err)
	}
	if _, err := c.Write(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write to what is closed: %v", err)
	}

	u, err := d.DialUDP(7)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(u, "datagram")
	if n, err := u.Read(buf); err != nil || string(buf[:n]) != "DATAGRAM" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	u.SetDeadline(d.Now().Add(time.Second))
	if _, err := u.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	u.Close()
	if _, err := u.Write(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write to what is closed: %v", err)
	}
	for _, port := range []int{0, 70000, -1} {
		if _, err := d.Dial(port); err == nil || !strings.Contains(err.Error(), "there are 1 to 65535") {
			t.Errorf("port %d: %v", port, err)
		}
	}
}

// A device that does not read stops a writer, when its own buffers and those of the desktop
// are full.
func TestWriteWaits(t *testing.T) {
	d := simtest.Boot(t, "", program(`net.createServer(600):listen(7, function(s) s:hold() t = s s:on("receive", function(_, x) n = (n or 0) + #x end) end)`))
	c, err := d.Dial(7)
	if err != nil {
		t.Fatal(err)
	}
	c.SetWriteDeadline(d.Now().Add(5 * time.Second))
	n, err := c.Write(make([]byte, 200_000))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n < 100<<10 || n > 150<<10 {
		t.Errorf("%d bytes, %v", n, err)
	}
	d.Type("t:unhold()\n")
	c.SetWriteDeadline(time.Time{})
	if m, err := c.Write(make([]byte, 200_000-n)); err != nil || m+n != 200_000 {
		t.Errorf("%d bytes more, %v", m, err)
	}
	d.Advance(time.Minute)
	if got := d.Lua("n"); got != "200000" {
		t.Errorf("the device has %s bytes", got)
	}
	c.Abort()
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("a connection that was broken off can be written to")
	}
}

// web answers requests by their path, and keeps connections alive.
const web = `
net.createServer(60):listen(80, function(s)
  local head = ""
  s:on("receive", function(s, data)
    head = head .. data
    if not head:find("\r\n\r\n") then return end
    local method, path = head:match("^(%u+) (%S+)")
    n, head = (n or 0) + 1, ""
    if path == "/chunked" then s:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n")
    elseif path == "/end" then s:on("sent", function(s) s:close() end) s:send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    elseif path == "/early" then s:send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    elseif path == "/redirect" then s:send("HTTP/1.1 302 Found\r\nLocation: /chunked\r\nContent-Length: 0\r\n\r\n")
    elseif path == "/silent" then
    elseif path == "/half" then s:on("sent", function(s) s:close() end) s:send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
    elseif path == "/bye" then s:on("sent", function(s) s:close() end) s:send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbye")
    else s:send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" .. (method == "HEAD" and "" or "hello")) end
  end)
  made = (made or 0) + 1
end)`

func TestHTTP(t *testing.T) {
	d := simtest.Boot(t, "", program(web))
	c := d.HTTP()
	for i, test := range []struct{ method, path, body string }{
		{"GET", "/", "hello"}, {"GET", "/chunked", "one two"}, {"HEAD", "/", ""}, {"GET", "/redirect", "one two"}, {"GET", "/early", "ok"}, {"GET", "/end", "until the end"},
		{"GET", "/bye", "bye"}, {"GET", "/", "hello"}, // over a new connection: the old one was closed while it was idle
	} {
		req, err := http.NewRequest(test.method, "http://device"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", test.path, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != test.body || r.StatusCode != 200 {
			t.Errorf("%d %s: %s %q, %v", i, test.path, r.Status, body, err)
		}
		d.Advance(10 * time.Millisecond)
	}
	if got := d.Lua("n, made"); got != "9\t3" {
		t.Errorf("requests and connections: %s", got)
	}
	_, err := c.Get("http://device/silent")
	if e, ok := err.(net.Error); !ok || !e.Timeout() {
		t.Errorf("no answer: %v", err)
	}
	r, err := c.Get("http://device/half")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r.Body); string(body) != "half" || err != io.ErrUnexpectedEOF {
		t.Errorf("half an answer: %q, %v", body, err)
	}
	if _, err := c.Get("http://device:81/"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("port 81: %v", err)
	}
	if _, err := c.Get("https://device/"); err == nil || !strings.Contains(err.Error(), "no server but for http") {
		t.Errorf("https: %v", err)
	}
	r, err = c.Get("http://device/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close() // unread
	r, err = c.Get("http://192.168.1.10/")
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(r.Body)
	c.CloseIdleConnections()
}

// A device that is an access point of its own is reached there, and a web socket goes on
// after its answer.
func TestHTTPInTheDevicesNetwork(t *testing.T) {
	d := simtest.Boot(t, "", program(`
wifi.setmode(wifi.SOFTAP, false)
net.createServer(60):listen(8080, function(s)
  s:on("receive", function(s, data)
    s:send(data:find("Upgrade") and "HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\n" or data:upper())
  end)
end)`))
	req, err := http.NewRequest("GET", "http://device:8080/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Upgrade", "shout")
	r, err := d.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Body.(io.ReadWriteCloser)
	defer c.Close()
	fmt.Fprint(c, "hello")
	buf := make([]byte, 10)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "HELLO" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if d.Addr().String() != "192.168.4.1" {
		t.Errorf("it is at %v", d.Addr())
	}
}

// Functions end with the world, whatever they would do, and what they have deferred runs.
func TestFunctionsEnd(t *testing.T) {
	ended := 0
	f := within(func(t testing.TB) {
		d := simtest.Boot(t, "", program(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  for port = 1, 2 do net.createConnection():connect(port, "192.168.1.20") end
end)`))
		host := d.Peer("192.168.1.20")
		d.Serve(host, 1, func(c *simtest.Conn) {
			defer func() { ended++ }()
			for {
				d.Advance(time.Second)
			}
		})
		d.Serve(host, 2, func(c *simtest.Conn) {
			defer func() { ended++ }()
			for {
				c.Read(make([]byte, 1)) // whatever its error
				d.Expect("never")
			}
		})
		d.Advance(30 * time.Second)
	})
	if f.failed || ended != 2 {
		t.Errorf("%q, %d have ended", f.messages, ended)
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	d := simtest.Boot(t, "", program("wifi.setmode(wifi.NULLMODE, false)"), simtest.Timeout(5*time.Second))
	if _, err := d.HTTP().Get("http://device/"); err == nil || !strings.Contains(err.Error(), "the device has no address within 5 s") {
		t.Errorf("%v", err)
	}
}

// Bodies that are longer than what the device holds go through it.
func TestHTTPMuch(t *testing.T) {
	d := simtest.Boot(t, "../examples/hello-http", simtest.CPU("host"))
	body := bytes.Repeat([]byte("0123456789abcde\n"), 1<<14)
	for _, reader := range []io.Reader{bytes.NewReader(body), io.MultiReader(bytes.NewReader(body))} { // with a length, and chunked
		r, err := d.HTTP().Post("http://device/", "text/plain", reader)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes of %d, %v", len(got), len(body), err)
		}
	}
}

func TestPeers(t *testing.T) {
	d := simtest.Boot(t, "", simtest.Modules("net", "node", "wifi", "tmr", "http", "file"), program(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  http.post("http://api.example.com/v1", nil, "the body", function(code, body) print(code, body) end)
  net.createConnection():connect(99, "192.168.1.21")
end)`))
	api := d.Peer("93.184.216.34")
	d.DNS("API.example.com.", "93.184.216.34")
	d.ServeHTTP(api, 80, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s %s %v", r.Method, r.Host, r.URL, body, err)
	}))
	var called *peer.Conn
	if _, err := d.Peer("192.168.1.21").Listen(99, func(c *peer.Conn) { called = c }); err != nil {
		t.Fatal(err)
	}
	d.Expect("418\tPOST api.example.com /v1 the body <nil>")
	d.Run(func() bool { return called != nil }, time.Second)

	// A server that reads and writes as usual.
	d.Serve(api, 7, func(c *simtest.Conn) {
		buf := make([]byte, 100)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			d.Advance(time.Second) // it takes its time, and others go on
			fmt.Fprintf(c, "you say %s", buf[:n])
		}
	})
	d.Type(`s = net.createConnection() s:on("connection", function() s:send("yes") end) s:on("receive", function(_, x) print(x) end) s:connect(7, "93.184.216.34")` + "\n")
	before := d.Elapsed()
	d.Expect("you say yes")
	if took := d.Elapsed() - before; took < time.Second || took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTogether(t *testing.T) {
	d := simtest.Boot(t, "", program(server))
	var order []string
	client := func(name string) func() {
		return func() {
			c, err := d.Dial(7)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for i := range 3 {
				fmt.Fprint(c, name)
				buf := make([]byte, 10)
				if n, err := c.Read(buf); err != nil || string(buf[:n]) != name {
					t.Errorf("%q, %v", buf[:n], err)
				}
				order = append(order, fmt.Sprint(name, i))
				d.Advance(time.Second)
			}
		}
	}
	d.Together(client("a"), client("b"), func() { d.Together(client("c"), client("d")) })
	if got := strings.Join(order, " "); got != "a0 b0 c0 d0 a1 b1 c1 d1 a2 b2 c2 d2" {
		t.Error(got)
	}
}

func TestAround(t *testing.T) {
	d := simtest.Boot(t, "", program(`
wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function() print("offline") end)
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function() print("online") end)
gpio.mode(3, gpio.INT, gpio.PULLUP)
gpio.trig(3, "both", function(level) print("FLASH", level) end)
gpio.mode(0, gpio.OUTPUT) gpio.write(0, gpio.HIGH)
print("began")`))
	d.Expect("began")
	d.Expect("online")
	d.WiFiDown()
	d.Expect("offline")
	d.WiFiUp()
	d.Expect("online")
	if d.Part("board").On {
		t.Error("the LED is lit")
	}
	d.Lua("gpio.write(0, 0)")
	if !d.Part("board").On || d.Pin(0).Level() != 0 {
		t.Error("the LED is dark")
	}
	d.Press("FLASH")
	d.Expect("FLASH\t0")
	d.Release("FLASH")
	d.Expect("FLASH\t1")
	d.Pin(1).Set(1)
	if got := d.Lua("gpio.mode(1, gpio.INPUT) or gpio.read(1)"); got != "1" {
		t.Errorf("pin 1 is %s", got)
	}
	d.Pin(1).Float()
	if got := d.Lua("gpio.read(1)"); got != "0" {
		t.Errorf("pin 1 is %s", got)
	}
	d.Voltage(1.65)
	if got := d.Lua("adc.read(0)"); got != "512" && got != "511" {
		t.Errorf("the voltage is %s", got)
	}
	d.Type("file.putcontents('kept', 'x') lost = 1\n")
	d.Advance(time.Second)
	d.PowerCycle()
	d.Expect("began")
	if got := d.Lua("file.exists('kept'), lost"); got != "true\tnil" {
		t.Errorf("after the power was away: %s", got)
	}
	d.Restart()
	d.Expect("online")
	if got := d.Lua("node.bootreason()"); got != "3\t6" {
		t.Errorf("reason %s", got)
	}
}

func TestLink(t *testing.T) {
	d := simtest.Boot(t, "", program(server))
	took := func() time.Duration {
		u, err := d.DialUDP(7)
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		before := d.Elapsed()
		u.SetDeadline(d.Now().Add(2 * time.Second))
		fmt.Fprint(u, "x")
		u.Read(make([]byte, 10))
		return d.Elapsed() - before
	}
	usual := took()
	d.Link("latency=200ms")
	slow := took()
	d.LinkDown()
	lost := took()
	d.LinkUp()
	again := took()
	d.Link("")
	usual2 := took()
	if usual > 10*time.Millisecond || usual2 > 10*time.Millisecond || slow < 400*time.Millisecond || again < 400*time.Millisecond || lost != 2*time.Second {
		t.Errorf("%v, slow %v, lost %v, slow again %v, %v", usual, slow, lost, again, usual2)
	}
}

func TestSeveralDevices(t *testing.T) {
	hub := simtest.Boot(t, "", program(server), simtest.Files(map[string]string{"nodemcu-sim.toml": "[wifi]\nip = \"192.168.1.50\""}))
	sensor := hub.Another("", simtest.Board("d1-mini"), simtest.CPU("host"), program(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  local s = net.createConnection()
  s:on("connection", function() s:send("from the sensor") end)
  s:on("receive", function(_, x) print("echo:", x) end)
  s:connect(7, "192.168.1.50")
end)`))
	hub.Expect("ready at")
	sensor.Expect("echo:\tfrom the sensor")
	if hub.Name() != "device" || sensor.Name() != "device-2" || sensor.Addr().String() != "192.168.1.10" {
		t.Errorf("%s, %s at %v", hub.Name(), sensor.Name(), sensor.Addr())
	}
	if strings.Contains(hub.Output(), "echo") || !strings.Contains(hub.Log(), "device-2: > echo:\tfrom the sensor") {
		t.Errorf("the log is %s", hub.Log())
	}
	var kinds []string
	sensor.Events(func(e world.Event) {
		if _, ok := e.Data.(event.Reset); ok {
			kinds = append(kinds, e.Device)
		}
	})
	hub.Restart()
	sensor.Restart()
	sensor.Advance(time.Second)
	if fmt.Sprint(kinds) != "[device-2]" {
		t.Errorf("resets of %q", kinds)
	}
}

// The desktop computer takes no address that is somebody's.
func TestDesktopAddress(t *testing.T) {
	for ip, want := range map[string]string{"192.168.1.10": "192.168.1.253", "192.168.1.254": "192.168.1.253", "10.1.0.7": "10.1.0.254"} {
		d := simtest.Boot(t, "", program(server), simtest.Files(map[string]string{"nodemcu-sim.toml": "[wifi]\nip = \"" + ip + "\""}))
		if ip == "192.168.1.10" {
			d.Peer("192.168.1.254")
		}
		c, err := d.Dial(7)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(c.LocalAddr().String(), ":"); got != want || d.Addr().String() != ip {
			t.Errorf("%s: the client is at %s, want %s", d.Addr(), got, want)
		}
	}
	d := simtest.Boot(t, "", program(server), simtest.Files(map[string]string{"nodemcu-sim.toml": "[wifi]\nip = \"192.168.1.9\"\nnetmask = \"255.255.255.252\"\ngateway = \"192.168.1.10\""}))
	if _, err := d.Dial(7); err == nil || !strings.Contains(err.Error(), "no address is free in 192.168.1.8/30") {
		t.Errorf("%v", err)
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

// The host's network is there when it is asked for.
func TestNetHost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			fmt.Fprint(c, "from the host")
			c.Close()
		}
	}()
	call := fmt.Sprintf(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  local s = net.createConnection()
  s:on("receive", function(_, x) print("got", x) end)
  s:on("disconnection", function(_, code) print("end", code) end)
  s:connect(%d, "192.168.1.1")
end)`, l.Addr().(*net.TCPAddr).Port)
	alone := simtest.Boot(t, "", program(call))
	if got := alone.Expect("end"); strings.Contains(got, "got") {
		t.Errorf("an isolated world has reached the host: %q", got)
	}
	d := simtest.Boot(t, "", program(call), simtest.Net("host"), simtest.Speed(50))
	d.Expect("got\tfrom the host")
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
