package bit

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// eval boots a device, runs print(expr) and returns what it printed.
func eval(t *testing.T, expr string) string {
	t.Helper()
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		if d, ok := e.Data.(event.Output); ok {
			out.WriteString(d.Text)
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Size: 1 << 20},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1}, Heap: board.Heap{Size: 50000}}
	device.New(w, device.Config{Board: board, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte("print("+expr+")"), "@t.lua")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("t.lua", fn)
	}}).PowerOn()
	w.Clock.RunUntil(clock.At(1 * clock.Second))
	return strings.TrimSpace(out.String())
}

func TestBit(t *testing.T) {
	tests := []struct{ expr, want string }{
		{"bit.bnot(0), bit.bnot(0x7fffffff), bit.bnot(-1)", "-1\t-2147483648\t0"},
		{"bit.band(0xff, 0x3c, 0x14), bit.band(6), bit.band('12', 4.9)", "20\t6\t4"},
		{"bit.band(0xFFFFFFFF, 0xF0000000), bit.band(-1, 0xff), bit.bor(-2^40, 1)", "-268435456\t255\t1"},
		{"bit.lshift(0xFFFFFFFF, 0), bit.bnot(0x80000000)", "-1\t2147483647"},
		{"bit.bor(1, 2, 4), bit.bxor(7, 2, 1)", "7\t4"},
		{"bit.lshift(1, 4), bit.lshift(1, 31), bit.lshift(1, 32), bit.lshift(3, 31)", "16\t-2147483648\t1\t-2147483648"},
		{"bit.rshift(16, 4), bit.rshift(-1, 28), bit.rshift(-1, 0)", "1\t15\t-1"},
		{"bit.arshift(-16, 2), bit.arshift(16, 2)", "-4\t4"},
		{"bit.bit(0), bit.bit(4), bit.bit(31)", "1\t16\t-2147483648"},
		{"bit.set(0, 0, 3, 5), bit.clear(0xff, 0, 7)", "41\t126"},
		{"bit.isset(5, 0), bit.isset(5, 1), bit.isclear(5, 1), bit.isset(-1, 31)", "true\tfalse\ttrue\ttrue"},
		{"pcall(function() bit.band() end)", "false\tt.lua:1: bad argument #1 to 'band' (number expected, got no value)"},
		{"pcall(function() bit.bor(1, {}) end)", "false\tt.lua:1: bad argument #2 to 'bor' (number expected, got table)"},
		{"pcall(function() bit.lshift(1) end)", "false\tt.lua:1: bad argument #2 to 'lshift' (number expected, got no value)"},
	}
	for _, tt := range tests {
		if got := eval(t, tt.expr); got != tt.want {
			t.Errorf("%s = %q, want %q", tt.expr, got, tt.want)
		}
	}
}
