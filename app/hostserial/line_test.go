package hostserial_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// bench is a device in a world that runs as fast as it can, with a program at its serial
// port.
type bench struct {
	*app.App
	line *hostserial.Line

	mu  sync.Mutex
	log strings.Builder // hints, notes, boots and resets
}

// newBench makes one whose init.lua is src. The device is at its prompt unless the port
// switches it on.
func newBench(t testing.TB, src string, s hostserial.Spec, o hostserial.Options) *bench {
	t.Helper()
	return newBenchOn(t, "esp8266", src, s, o)
}

func newBenchOn(t testing.TB, cpu, src string, s hostserial.Spec, o hostserial.Options) *bench {
	t.Helper()
	a, err := app.New(app.Options{
		Files: map[string][]byte{"init.lua": []byte(src)}, Net: "isolated", CPU: cpu,
		Modules: []string{"crypto", "encoder", "file", "node", "pipe", "tmr", "uart"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{App: a}
	a.World.Subscribe(b.happened)
	if b.line, err = hostserial.Open(a.Device, s, o); err != nil {
		t.Fatal(err)
	}
	b.line.Start()
	if !o.BootOnOpen {
		a.PowerOn()
	}
	a.World.Clock.RunUntil(clock.At(clock.Second))
	t.Cleanup(func() { b.line.Close(); a.Close() }) // after the world has ended
	chiptest.Live(t, a.World)
	return b
}

func (b *bench) happened(e world.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch d := e.Data.(type) {
	case event.Hint:
		fmt.Fprintln(&b.log, "hint:", d.Text)
	case event.Note:
		fmt.Fprintln(&b.log, "note:", d.Text)
	case event.Reset:
		fmt.Fprintln(&b.log, "reset:", d.Reason)
	case event.Boot:
		fmt.Fprintln(&b.log, "boot:", d.Reason)
	}
}

// logged waits until the log has a text.
func (b *bench) logged(t *testing.T, text string) {
	t.Helper()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		log := b.log.String()
		b.mu.Unlock()
		if strings.Contains(log, text) {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%q is not in the log:\n%s", text, log)
		}
	}
}

// patience is how long something may take that ought to happen.
const patience = 30 * time.Second

// port is a serial port as a program has it open.
type port interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	SetReadDeadline(time.Time) error
	Close() error
}

// client is a program at a port.
type client struct {
	t *testing.T
	port
	got []byte // and not yet looked at
}

// dial opens the port of a bench whose line is behind TCP.
func (b *bench) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.line.Name(), "tcp:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, port: conn}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		c.t.Fatalf("sending %q: %v", text, err)
	}
}

// until reads until the text has come, and returns what came with it.
func (c *client) until(text string) string {
	c.t.Helper()
	for {
		if i := bytes.Index(c.got, []byte(text)); i >= 0 {
			got := string(c.got[:i+len(text)])
			c.got = c.got[i+len(text):]
			return got
		}
		if err := c.more(); err != nil {
			c.t.Fatalf("%q has not come: %v; what has: … %q", text, err, c.got[max(0, len(c.got)-1000):])
		}
	}
}

// bytes returns the next n bytes.
func (c *client) bytes(n int) string {
	c.t.Helper()
	for len(c.got) < n {
		if err := c.more(); err != nil {
			c.t.Fatalf("%d bytes have not come: %v; what has: %q", n, err, c.got)
		}
	}
	got := string(c.got[:n])
	c.got = c.got[n:]
	return got
}

// more reads what comes next.
func (c *client) more() error {
	c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	c.got = append(c.got, buf[:n]...)
	return err
}

// ask sends a line and returns what is between its echo and the prompt.
func (c *client) ask(line string) string {
	c.t.Helper()
	c.send(line + "\n")
	c.until(line + "\r\n")
	return strings.TrimSuffix(c.until("> "), "> ")
}

// gone waits until the port is closed at the other end.
func (c *client) gone() {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	for buf := make([]byte, 4096); ; {
		if _, err := c.Read(buf); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				c.t.Fatal("the port is still open")
			}
			return
		}
	}
}

var anyPort = hostserial.Spec{Kind: hostserial.TCP, Host: "127.0.0.1"}

func TestRawTCP(t *testing.T) {
	b := newBench(t, `print("up")`, anyPort, hostserial.Options{})
	c := b.dial(t)
	if got := c.ask("=6*7"); got != "42\r\n" {
		t.Errorf("%q", got)
	}
	// One program at a time, as at a real port.
	second := b.dial(t)
	second.gone()
	b.logged(t, "a second program was turned away")
	// A byte 255 is one, and all others are what they are.
	c.ask(`uart.on("data", 255, function(d) uart.on("data") print(encoder.toHex(d)) end, 0)`)
	all := make([]byte, 255)
	want := ""
	for i := range all {
		all[i] = byte(255 - i)
		want += fmt.Sprintf("%02x", all[i])
	}
	c.send(string(all))
	if got := c.until("\r\n"); got != want+"\r\n" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	c.Close()
	// The next one finds the device as it is.
	if got := b.dial(t).ask("=x"); got != "nil\r\n" {
		t.Errorf("%q", got)
	}
}

// The modem lines over RFC 2217 do what the board's two transistors do.
func TestModemLines(t *testing.T) {
	b := newBench(t, `print("reason", node.bootreason())`, anyPort, hostserial.Options{})
	c := b.dial(t)
	const dtrOn, dtrOff, rtsOn, rtsOff = "\x08", "\x09", "\x0b", "\x0c"
	set := func(value string) {
		t.Helper()
		c.send("\xff\xfa\x2c\x05" + value + "\xff\xf0")
		c.until("\xff\xfa\x2c\x69" + value + "\xff\xf0")
	}
	c.send("\xff\xfb\x2c")
	c.until("\xff\xfd\x2c")
	set(dtrOn)
	set(rtsOn)
	if got := c.ask("=1"); got != "1\r\n" {
		t.Errorf("with both lines on: %q", got)
	}
	set(dtrOff) // RTS alone
	b.logged(t, "reset: external reset")
	c.send("=2\n") // to nobody
	set(rtsOff)
	if got := c.until("> "); !strings.Contains(got, "powered by Lua") || !strings.Contains(got, "reason\t3\t6") || strings.Contains(got, "=2") {
		t.Errorf("after the reset: %q", got)
	}
	// What flashing tools do: GPIO0 is low as the reset ends.
	set(rtsOn)
	c.send("\xff\xfa\x2c\x05" + dtrOn + "\xff\xf0\xff\xfa\x2c\x05" + rtsOff + "\xff\xf0")
	b.logged(t, "waits for a download")
	c.send("=3\n")
	// Who hangs up lets go of the lines, and the button brings the device back.
	set(dtrOff)
	set(rtsOn)
	set(rtsOff)
	if got := c.until("> "); !strings.Contains(got, "powered by Lua") || strings.Contains(got, "=3") {
		t.Errorf("after the download: %q", got)
	}
	set(rtsOn)
	c.Close()
	for i := 0; ; i++ {
		b.mu.Lock()
		boots := strings.Count(b.log.String(), "boot: ")
		b.mu.Unlock()
		if boots == 4 {
			break
		}
		if i > 30000 {
			t.Fatalf("%d boots", boots)
		}
		time.Sleep(time.Millisecond)
	}
}

// A speed that is not the UART's is told, once.
func TestOtherSpeedIsTold(t *testing.T) {
	b := newBench(t, "", anyPort, hostserial.Options{})
	c := b.dial(t)
	c.send("\xff\xfb\x2c\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0")
	c.until("\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0")
	b.logged(t, "the program has set 9600 baud, the UART has 115200")
}

// Each opening boots the device.
func TestBootOnOpen(t *testing.T) {
	b := newBench(t, `print("reason", node.bootreason())`, anyPort, hostserial.Options{BootOnOpen: true})
	for _, reason := range []string{"1\t0", "3\t6", "3\t6"} {
		c := b.dial(t)
		c.until("powered by Lua")
		c.until("reason\t" + reason)
		c.until("> ")
		c.Close()
	}
}

// A program that floods the port while Lua is busy makes neither the line nor the process grow:
// it is held, and what the chip's buffer does not take is lost, with a hint.
func TestFlood(t *testing.T) {
	b := newBench(t, `busy = tmr.create() busy:alarm(150, 1, function() tmr.delay(100000) end)
		uart.on("data", "\n", function(line) if line:find("enough") then print("over") end end, 0)`, anyPort, hostserial.Options{})
	c := b.dial(t)
	flood := bytes.Repeat([]byte("-- what is in the way is lost\n"), 20_000)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(flood)
		sent <- err
	}()
	b.logged(t, "hint: the serial port lost input")
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	c.send("\nenough\n")
	c.until("over\r\n")
}

// A program that never reads loses what does not fit, and the device goes on.
func TestNeverReads(t *testing.T) {
	b := newBench(t, `tmr.create():alarm(10, 1, function() n = (n or 0) + 1 uart.write(0, ("x"):rep(4096)) if n == 5000 then print("never") end end)`,
		anyPort, hostserial.Options{Fast: true})
	c := b.dial(t)
	b.logged(t, "does not read: what the device sends is lost")
	c.Close()
}

// With lines of a speed, output comes when it has left the port.
func TestPace(t *testing.T) {
	b := newBench(t, "", anyPort, hostserial.Options{})
	c := b.dial(t)
	// 11520 bytes at 115200 baud take a second of device time.
	got := c.ask(`t = tmr.now() for i = 1, 10 do uart.write(0, ("x"):rep(1152)) end print((tmr.now() - t) / 1000)`)
	rest := strings.TrimLeft(got, "x")
	if n := len(got) - len(rest); n != 11520 {
		t.Errorf("%d bytes", n)
	}
	var ms float64
	if _, err := fmt.Sscan(rest, &ms); err != nil || ms < 980 || ms > 1001 {
		t.Errorf("%q: the writing took %v ms of the program's time", rest, ms)
	}
}

func TestPortsThatCannotBe(t *testing.T) {
	b := newBench(t, "", anyPort, hostserial.Options{})
	taken, err := hostserial.ParseSpec(b.line.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		spec hostserial.Spec
		want string
	}{
		{taken, "another program uses that port"},
		{hostserial.Spec{Kind: hostserial.TCP, Host: "192.0.2.1", Port: 0}, "this computer has no such address"},
	} {
		if l, err := hostserial.Open(b.Device, tt.spec, hostserial.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, %v", tt.spec, l, err)
		}
	}
}

func TestSpecs(t *testing.T) {
	for _, tt := range []struct {
		text string
		want hostserial.Spec
		err  string
	}{
		{"pty", hostserial.Spec{Kind: "pty"}, ""},
		{"pty:/tmp/a=b", hostserial.Spec{Kind: "pty", Link: "/tmp/a=b"}, ""},
		{"hub=pty:x", hostserial.Spec{Device: "hub", Kind: "pty", Link: "x"}, ""},
		{"tcp:7000", hostserial.Spec{Kind: "tcp", Host: "127.0.0.1", Port: 7000}, ""},
		{"tcp:0.0.0.0:7000", hostserial.Spec{Kind: "tcp", Host: "0.0.0.0", Port: 7000}, ""},
		{"s=tcp:[::1]:0", hostserial.Spec{Device: "s", Kind: "tcp", Host: "::1"}, ""},
		{"stdio", hostserial.Spec{Kind: "stdio"}, ""},
		{"pty:", hostserial.Spec{}, "name the link"},
		{"=pty", hostserial.Spec{}, "device's name"},
		{"tcp", hostserial.Spec{}, "the port is a number"},
		{"tcp::7000", hostserial.Spec{}, "use tcp:PORT"},
		{"tcp:70000", hostserial.Spec{}, "the port is a number"},
		{"stdio:1", hostserial.Spec{}, "use pty, "},
		{"/dev/ttyUSB0", hostserial.Spec{}, "use pty, "},
	} {
		got, err := hostserial.ParseSpec(tt.text)
		if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
	}
}

// unopened waits until the line knows that no program has the port open.
func (b *bench) unopened(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(patience); b.line.Opened(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the port is still open")
		}
	}
}
