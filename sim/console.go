package sim

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/sim/vm"
)

// Console is the Lua interpreter on the serial port: banner, init.lua, prompt,
// line editing and echo.
type Console struct {
	d *Device
}

func newConsole(d *Device) *Console { return &Console{d: d} }

// reset drops what was typed.
func (c *Console) reset() {}

// start prints the banner and runs init.lua.
func (c *Console) start() {
	d := c.d
	src, ok := d.readFile("init.lua")
	if !ok {
		d.Write("cannot open init.lua: \r\n> ")
		return
	}
	fn, err := d.VM.Load(src, "@init.lua")
	if err != nil {
		d.Print(err.Error() + "\n")
		return
	}
	if lerr := d.call("init.lua", fn, nil); lerr != nil {
		d.Print(lerr.Message() + "\n")
	}
	d.Write("> ")
}

// Write sends raw bytes out of the serial port.
func (d *Device) Write(s string) { d.Emit(Output, OutputData{s}) }

// Print is where Lua's print goes: the serial port, with line ends as the
// firmware sends them.
func (d *Device) Print(s string) { d.Write(strings.ReplaceAll(s, "\n", "\r\n")) }

func openLibraries(d *Device) {
	mt := d.VM.NewTable(0, 1)
	mt.RawSetString("__index", d.VM.ROMGlobals())
	d.VM.Globals().Metatable = mt
	d.VM.ROMGlobals().RawSetString("print", d.VM.NewFunction(vm.Func{Name: "print", Fn: func(c *vm.Call) int {
		for i := 1; i <= c.NArgs(); i++ {
			d.Print(c.Arg(i).String() + "\n")
		}
		return 0
	}}))
}

func (d *Device) readFile(name string) ([]byte, bool) { return d.files(name) }
