package serial_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestOutputLineEnds(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	for _, tt := range []struct {
		name  string
		write func(string)
		in    string
		want  string
	}{
		{"print", x.Device.Serial.Print, "a\nb\r\nc\r", "a\r\nb\r\nc"},
		{"raw", x.Device.Serial.Write, "a\nb\r\x00", "a\nb\r\x00"},
	} {
		x.Out.Reset()
		tt.write(tt.in)
		if got := x.Out.String(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBytesArriveAtLineSpeed(t *testing.T) {
	for _, tt := range []struct {
		config serial.Config
		bytes  int
		want   clock.Duration
	}{
		{serial.Config{Baud: 115200, DataBits: 8, Parity: serial.ParityNone, StopBits: serial.StopBits1}, 1152, 100 * clock.Millisecond},
		{serial.Config{Baud: 9600, DataBits: 8, Parity: serial.ParityNone, StopBits: serial.StopBits1}, 96, 100 * clock.Millisecond},
		{serial.Config{Baud: 9600, DataBits: 7, Parity: serial.ParityEven, StopBits: serial.StopBits2}, 96, 110 * clock.Millisecond},
		{serial.Config{Baud: 300, DataBits: 5, Parity: serial.ParityNone, StopBits: serial.StopBits1_5}, 30, 750 * clock.Millisecond},
	} {
		x := chiptest.New(t, nil, device.Config{HostCPU: true})
		x.Device.Serial.SetConfig(tt.config)
		start, last, n := x.World.Clock.Now(), clock.Time(0), 0
		x.Device.Serial.OnData(0, 0, false, func([]byte) { n, last = n+1, x.World.Clock.Now() })
		x.Device.Serial.Type(make([]byte, tt.bytes))
		if got := x.Device.Serial.Pending(); got != tt.bytes {
			t.Errorf("%v: %d bytes pending", tt.config, got)
		}
		x.Wait(2 * clock.Second)
		if got := last.Sub(start); n != tt.bytes || got < tt.want-2 || got > tt.want+2 {
			t.Errorf("%v: %d bytes in %d µs, want %d in %d", tt.config, n, got, tt.bytes, tt.want)
		}
	}
}

func TestHandlerModes(t *testing.T) {
	for _, tt := range []struct {
		name     string
		count    int
		end      byte
		runInput bool
		send     string
		calls    string
	}{
		{"each byte", 0, 0, false, "ab\n", `"a" "b" "\n"`},
		{"by count", 3, 0, false, "abcdefgh", `"abc" "def"`},
		{"up to a byte", -1, ';', false, "a;bc;d", `"a;" "bc;"`},
		{"binary", 4, 0, false, "\x00\r\n\x08", `"\x00\r\n\b"`},
		{"a full buffer ends a record", -1, ';', false, strings.Repeat("x", 300), fmt.Sprintf("%q", strings.Repeat("x", 256))},
		{"lines, and the interpreter too", -1, 0, true, "=1\n\n", `"=1" ""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := chiptest.New(t, nil, device.Config{HostCPU: true})
			var calls []string
			x.Device.Serial.OnData(tt.count, tt.end, tt.runInput, func(b []byte) { calls = append(calls, fmt.Sprintf("%q", b)) })
			got := x.Send(tt.send)
			if s := strings.Join(calls, " "); s != tt.calls {
				t.Errorf("calls %s, want %s", s, tt.calls)
			}
			if !tt.runInput && got != "" {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestEchoOff(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	x.Device.Serial.SetEcho(false)
	if got := x.Send("print(1)\n"); got != "1\r\n> " {
		t.Errorf("got %q", got)
	}
	x.Device.PressReset()
	x.Wait(clock.Second)
	if got := x.Send("print(1)\n"); got != "print(1)\r\n1\r\n> " {
		t.Errorf("after a reset: got %q", got)
	}
}

// A program that keeps the CPU loses what the receive buffer cannot hold: the
// oldest bytes.
func TestReceiveBufferOverflow(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	var got []byte
	x.Device.Serial.OnData(0, 0, false, func(b []byte) { got = append(got, b...) })
	x.Device.PostTask(ets.High, func() { x.Device.ETS.DelayFed(clock.Second) })
	x.Device.Serial.Type([]byte(strings.Repeat("a", 100) + strings.Repeat("b", 256)))
	x.Wait(2 * clock.Second)
	if string(got) != strings.Repeat("b", 256) {
		t.Errorf("%d bytes left, %d of them a", len(got), strings.Count(string(got), "a"))
	}
}

// On a line without a speed all comes at once, and what is written has left.
func TestFastLine(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	x.Device.Serial.SetFast(true)
	for range 2 {
		var got []byte
		x.Device.Serial.OnData(0, 0, false, func(b []byte) { got = append(got, b...) })
		x.Device.Serial.Type([]byte(strings.Repeat("a", 44) + strings.Repeat("b", 256)))
		x.Wait(clock.Millisecond)
		if string(got) != strings.Repeat("b", 256) {
			t.Errorf("%d bytes, %d of them a", len(got), strings.Count(string(got), "a"))
		}
		before := x.Device.Now()
		x.Device.PostTask(ets.High, func() { x.Device.Serial.Write(strings.Repeat("x", 10_000)) })
		x.Wait(0)
		if took := x.Device.Now().Sub(before); took > clock.Millisecond || x.Device.Serial.Sending() != 0 {
			t.Errorf("writing took %d µs, sending takes %d", took, x.Device.Serial.Sending())
		}
		x.Device.PressReset() // which it survives
		x.Wait(clock.Second)
	}
}

// Bytes that are lost are hinted at, once.
func TestOverrunHint(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	hints := 0
	x.World.Subscribe(func(e world.Event) {
		if h, ok := e.Data.(event.Hint); ok && strings.Contains(h.Text, "lost input") {
			hints++
		}
	})
	for range 3 {
		x.Device.PostTask(ets.High, func() { x.Device.ETS.DelayFed(clock.Second) })
		x.Device.Serial.Type(make([]byte, 300))
		x.Wait(2 * clock.Second)
	}
	if hints != 1 {
		t.Errorf("%d hints", hints)
	}
}

func TestNothingIsReadBeforeBoot(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	x.Device.PressReset()
	x.Out.Reset()
	x.Send("print(1)\n")
	x.Wait(clock.Second)
	if got := x.Out.String(); strings.Contains(got, "1\r\n>") || !strings.HasSuffix(got, "> ") {
		t.Errorf("got %q", got)
	}
}

// With the CPU model on, a program that prints more than the FIFO holds waits for
// the line.
func TestOutputTakesTime(t *testing.T) {
	for _, host := range []bool{false, true} {
		x := chiptest.New(t, map[string]string{"p.lua": "--"}, device.Config{HostCPU: host})
		var took clock.Duration
		x.Device.PostTask(ets.Low, func() {
			start := x.Device.Now()
			x.Device.Serial.Write(strings.Repeat("x", 1152+126))
			took = x.Device.Now().Sub(start)
			if tx, _ := x.Device.Serial.Queued(); tx != 126 && !host {
				t.Errorf("%d bytes in the FIFO", tx)
			}
		})
		x.Wait(clock.Second)
		want := 100 * clock.Millisecond
		if host {
			want = 0
		}
		if took < want-2 || took > want+2 {
			t.Errorf("host CPU %v: %d µs, want %d", host, took, want)
		}
	}
}

func TestRedirectedOutput(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	for _, tt := range []struct {
		serial     bool
		line, port string
	}{
		{true, "7\n> ", "=7\r\n7\r\n> "},
		{false, "7\n> ", "=7\r\n"},
	} {
		var got strings.Builder
		x.Device.Serial.Redirect(func(s string) { got.WriteString(s) }, tt.serial)
		port := x.Send("=7\n")
		if got.String() != tt.line || port != tt.port {
			t.Errorf("serial %v: redirected %q, on the line %q; want %q, %q", tt.serial, got.String(), port, tt.line, tt.port)
		}
	}
	x.Device.Serial.Redirect(nil, true)
	if port := x.Send("=8\n"); port != "=8\r\n8\r\n> " {
		t.Errorf("got %q", port)
	}
}
