package uart_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/uart.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "uart", With: "tmr",
		Examples: []docpage.Example{
			{Of: "uart.alt()", What: "the other pins, and back", Lua: `print((uart.alt(1))) print((uart.alt(0)))`, Want: "nil\nnil"},
			{Of: "uart.on()", What: "first example: three characters", Typed: "onebyeprint('prompt')\n", Lua: `
				uart.on("data", 3, function(data) print("got", data) if data == "bye" then uart.on("data") end end, 0)`, Want: "got\tone\ngot\tbye\nprompt"},
			{Of: "uart.on()", What: "second example: up to a character", Typed: "go!stop!", Lua: `
				uart.on("data", "!", function(data) print("got", data) if data == "stop!" then uart.on("data") end end, 0)`, Want: "got\tgo!\ngot\tstop!"},
			// The last character of a line is the prompt's (uart-behaviour.md).
			{Of: "uart.on()", What: "0: whatever is there; run_input 1: the prompt goes on", Typed: "print(6 * 7)\n", Lua: `
				local n = 0 uart.on("data", 0, function(data) n = n + #data end, 1) tmr.create():alarm(1500, tmr.ALARM_SINGLE, function() print("bytes", n) end)`,
				Want: "42\nbytes\t12"},
			{Of: "uart.setup()", What: "example", Lua: `print(uart.setup(0, 115200, 8, uart.PARITY_NONE, uart.STOPBITS_1, 1), uart.setup(1, 31250, 7, uart.PARITY_ODD, uart.STOPBITS_2))`, Want: "115200\t31250"},
			// The page shows 9600 8 0 1; echo is not among what is returned.
			{Of: "uart.getconfig()", What: "example", Lua: `uart.setup(1, 19200, 5, uart.PARITY_EVEN, uart.STOPBITS_1_5) print(uart.getconfig(1)) print(uart.getconfig(0))`,
				Want: "19200\t5\t1\t3\n115200\t8\t0\t1"},
			{Of: "uart.write()", What: "example; several, and bytes", Lua: `uart.write(0, "Good day\n") print((uart.write(0, "a", 98, "c\n")))`, Want: "Good day\nabc\nnil"},
			{Of: "uart.fifodepth()", What: "both directions", Lua: `print(uart.fifodepth(0, uart.DIR_RX), uart.fifodepth(1, uart.DIR_TX))`, Want: "0\t0"},
		},
	}.Run(t)
}
