package node

import (
	"path"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// input is node.input(text): the interpreter runs the complete lines in it, one
// per task.
func (m *module) input(c *vm.Call) int {
	switch problem := m.dev.REPL.Feed(c.String(1)); problem {
	case "":
	case vm.OutOfMemory:
		c.Throw(vm.String(problem))
	default:
		c.Error("%s", problem)
	}
	return 0
}

// setOutput is node.output([fn, [serial]]): what print and the interpreter write
// goes into a pipe whose reader is fn, and to the serial port unless serial is 0. fn
// should return false: see package pipe for what happens when it returns nothing.
//
// In a legacy build fn gets each piece of text as a string, as before release 3.0.
func (m *module) setOutput(c *vm.Call) int {
	d := m.dev
	fn, ok := c.Arg(1).(*vm.Function)
	if !ok {
		d.Serial.Redirect(nil, true)
		c.VM.Unref(&m.output)
		return 0
	}
	serial := !c.IsNumber(2) || c.Int(2) != 0
	if d.Build().Legacy {
		c.VM.SetRef(&m.output, fn, "output callback")
		d.Serial.Redirect(m.handOver, serial)
		return 0
	}
	pipes, ok := c.VM.RawGetString(c.VM.ROMGlobals(), "pipe").(*vm.Table)
	if !ok {
		c.Error("this firmware has no module pipe")
	}
	pipe := c.Invoke(c.VM.RawGetString(pipes, "create"), 1, fn, vm.Number(ets.Medium))[0]
	c.VM.SetRef(&m.output, pipe, "output pipe")
	d.Serial.Redirect(m.write, serial)
	return 0
}

// write puts text into the output pipe. What goes wrong there cannot be printed:
// it is reported on the serial port, and the device restarts.
func (m *module) write(text string) {
	v := m.dev.VM
	pipe := v.DerefTable(m.output)
	_, err := v.CallWithin(v.RawGetInt(pipe, 1), 0, pipe, vm.String(text))
	if err != nil {
		m.outputFailed(err)
	}
}

// handOver gives text to the output function of a legacy build. What that prints itself
// goes to the serial port only: the firmware called it again until its stack was full.
func (m *module) handOver(text string) {
	if m.handingOver {
		return
	}
	m.handingOver = true
	defer func() { m.handingOver = false }()
	if _, err := m.dev.VM.CallWithin(m.dev.VM.Deref(m.output), 0, vm.String(text)); err != nil {
		m.outputFailed(err)
	}
}

// outputFailed is the end of a redirection in which an error has happened.
func (m *module) outputFailed(err *vm.Error) {
	m.dev.Serial.WriteText("error calling stdout:write(" + err.Message() + ")\n")
	m.dev.Serial.Redirect(nil, true)
	m.dev.Restart()
}

// stripdebug is node.stripdebug([level, [fn]]): what debug information functions
// keep. Without fn it sets and returns the level for what is compiled from then
// on; with fn, a function or a stack level, it takes the information from it and
// returns about how many bytes that frees. Levels are 1 to 3, vm.Debug's plus 1.
func (m *module) stripdebug(c *vm.Call) int {
	level := 0
	if !c.IsNoneOrNil(1) {
		level = c.VM.ToInteger(c.Arg(1))
		if level < 1 || level > 3 {
			c.ArgError(1, "Invalid strip level")
		}
	}
	keep := vm.Debug(level - 1)
	if c.NArgs() >= 2 {
		fn, ok := c.Arg(2).(*vm.Function)
		if n := c.VM.ToInteger(c.Arg(2)); n > 0 {
			fn, _ = c.FunctionAt(n)
			ok = fn != nil
		}
		switch {
		case !ok:
			c.ArgError(2, "not a valid function")
		case fn.IsNative():
			return c.ReturnInt(-1) // fw: lua_stripdebug
		case level == 0:
			return c.ReturnInt(0)
		}
		return c.ReturnInt(c.VM.StripDebug(fn, keep))
	}
	if level > 0 {
		c.VM.KeepDebug(keep)
	}
	return c.ReturnInt(int(c.VM.DebugKept()) + 1)
}

// compile is node.compile(name): file.lua becomes file.lc, without debug
// information whatever node.stripdebug says (fw: app/modules/node.c).
func (m *module) compile(c *vm.Call) int {
	name := c.String(1)
	if len(path.Base(name)) > flash.MaxName || strings.ContainsRune(name, 0) {
		c.ArgError(1, "filename invalid")
	}
	base, ok := strings.CutSuffix(name, ".lua")
	if !ok {
		c.Error("not a .lua file")
	}
	src, err := m.dev.Flash.ReadFile(name)
	if err != nil {
		c.Error("cannot open %s: ", name)
	}
	fn, err := c.VM.Load(src, "@"+name)
	if err != nil {
		c.Error("%s", err)
	}
	code, _ := vm.Dump(fn, true) // a chunk that was just compiled can be dumped
	h, err := m.dev.Flash.Open(base+".lc", flash.ParseMode("w+"))
	if err != nil {
		c.Error("cannot open/write to file")
	}
	err = h.Write(code)
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		c.Error("writing to file failed")
	}
	return 0
}
