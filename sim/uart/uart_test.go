package uart

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestModule(t *testing.T) {
	for _, tt := range []struct{ lua, want string }{
		{"print(uart.getconfig(0))", "115200\t8\t0\t1"},
		{"print(uart.setup(1, 9600, 7, uart.PARITY_EVEN, uart.STOPBITS_2)) print(uart.getconfig(1))", "9600\n9600\t7\t1\t2"},
		{"print(uart.setup(1, 12345, 9, 7, 7)) print(uart.getconfig(1))", "12345\n9600\t8\t0\t1"},
		{"uart.write(0, 'a', 66, '\\n')", "aB\n"},
		{"uart.write(1, 'gone')", ""},
		{"uart.write(0, 256)", "invalid number"},
		{"uart.write(0, -1)", "invalid number"},
		{"uart.write(0, {})", "bad argument #2 to 'write' (string expected, got table)"},
		{"uart.write(2, 'x')", "uart 2 does not exist"},
		{"uart.on('error', function() end)", "bad argument #1 to 'on' (method not supported)"},
		{"uart.on('data', 256, print)", "bad argument #2 to 'on' (wrong arg range)"},
		{"uart.on('data', 'ab', print)", "wrong arg range"},
		{"uart.alt(1)", ""},
		{"print(uart.fifodepth(0, uart.DIR_RX), uart.fifodepth(1, uart.DIR_TX))", "0\t0"},
		{"print(uart.fifodepth(), uart.fifodepth(nil, nil), uart.fifodepth(1))", "0\t0\t0"},
		{"uart.fifodepth(2, 5)", "bad argument #1 to 'fifodepth' (Bad UART id; must be 0 or 1)"},
		{"uart.fifodepth('x')", "bad argument #1 to 'fifodepth' (number expected, got string)"},
		{"uart.fifodepth(0, 2)", "bad argument #2 to 'fifodepth' (Invalid direction)"},
	} {
		x := terminal.New(t, nil, Module)
		if got := terminal.FirstLine(x.Run(tt.lua)); got != strings.TrimSuffix(tt.want, "\n") {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

func TestOnData(t *testing.T) {
	for _, tt := range []struct{ name, lua, send, want string }{
		{"by count", "uart.on('data', 4, function(d) print('<'..d..'>') if d == 'quit' then uart.on('data') end end, 0)",
			"abcdquitprint(1)\n", "<abcd>\n<quit>\n1\n"},
		{"up to a byte", "uart.on('data', '\\r', function(d) print(#d) end, 0)", "ab\rcde\r", "3\n4\n"},
		{"every byte", "uart.on('data', 0, function(d) print(d) end, 0)", "xy", "x\ny\n"},
		{"besides the interpreter", "uart.on('data', '\\r', function(d) print('<'..d..'>') end, 1)", "print(2)\n", "<print(2)>\n2\n"},
		{"without function", "uart.on('data', 4)", "print(3)\n", "3\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			x.Run(tt.lua)
			x.Device.Serial.Type([]byte(tt.send))
			x.Wait(clock.Second)
			if got := x.Output(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestErrorInHandlerGoesToOnError(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("uart.on('data', 1, function() local x = nil + 1 end, 0)")
	x.Device.Serial.Type([]byte("a"))
	x.Wait(clock.Second)
	if got := x.Output(); !strings.HasPrefix(got, "stdin:1: attempt to perform arithmetic on a nil value\nstack traceback:") {
		t.Errorf("got %q", got)
	}
}
