package device

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The firmware that the device runs (fw: app/include/user_version.h; oracle
// README.md names the commit).
const (
	FirmwareMajor    = 3
	FirmwareMinor    = 0
	FirmwareRevision = 0
	FirmwareBranch   = "release"
	FirmwareCommit   = "36cbf9f0"
	FirmwareRelease  = "3.0.0-release"
	FirmwareDate     = "" // of the commit; not recorded with the measurements

	firmwareBuild = "unspecified" // BUILD_DATE of a build that sets none
	luaRelease    = "Lua 5.1.4"
	sdkVersion    = "3.0.1-dev(fce080e)"
)

// Options of the boot (node.startupoption; fw: app/platform/platform.h).
const (
	StartNoBanner   = 1 << iota // print no banner
	Start160MHz                 // run at 160 MHz from the start
	StartDelayMount             // mount the file system when it is first used
)

// Console is the Lua interpreter on the serial port: banner, init.lua, and the
// prompt that runs one line per low-priority task (fw: app/lua/lua.c). Lines come
// from the serial reader and from node.input; both go through one queue.
type Console struct {
	d      *Device
	serial serial

	input   []byte // what waits to be run: the firmware's stdin pipe
	posted  bool   // a task for it is in the queue or is running
	partial vm.Ref // the lines so far of a chunk that is not complete
	prompt  string

	// Kept in flash, so they survive resets.
	command string // runs instead of init.lua
	options int
}

// maxChunk is the longest chunk that can be typed in several lines: joining them
// is a concatenation, which the collector's default setting limits (oracle:
// net-constants.json lua_concat_result_max).
const maxChunk = 4095

func newConsole(d *Device) *Console {
	c := &Console{d: d, serial: serial{d: d}}
	c.serial.reset()
	return c
}

// reset drops what was typed, and whatever the program set up.
func (c *Console) reset() {
	*c = Console{d: c.d, serial: c.serial, command: c.command, options: c.options}
	c.serial.reset()
}

// SetStartupCommand makes command run at boot instead of init.lua: "@name" runs
// a file, "=text" a chunk. "" restores the default. It survives resets.
func (d *Device) SetStartupCommand(command string) { d.console.command = command }

// StartupCommand returns what SetStartupCommand has set: "" is the default.
func (d *Device) StartupCommand() string { return d.console.command }

// StartupOptions returns the options of the boot, a sum of the Start constants.
func (d *Device) StartupOptions() int { return d.console.options }

// SetStartupOptions sets the options of the next boot. They survive resets.
func (d *Device) SetStartupOptions(options int) { d.console.options = options }

// start prints the banner and runs init.lua. The first prompt follows when the
// queue gets to the empty line put into it here.
func (c *Console) start() {
	d := c.d
	c.prompt = c.promptFor("_PROMPT", "> ")
	c.serial.listening = true
	c.submit(" \n")
	if c.options&Start160MHz != 0 {
		d.SetMHz(160)
	}
	if c.options&StartNoBanner == 0 {
		d.WriteText("\nNodeMCU " + FirmwareVersion + " build " + firmwareBuild + " powered by " + luaRelease + " on SDK " + sdkVersion + "\n")
	}
	fn, err := c.startup()
	if err == nil {
		_, err = d.callBelow(1, "init.lua", fn, 0)
	}
	if err != nil && d.pendingReset == nil {
		d.Emit(LuaError, ErrorData{err.Message(), "init.lua"})
		c.show(tracedValue(err))
	}
}

// startup loads what the boot is to run.
func (c *Console) startup() (*vm.Function, *vm.Error) {
	d, command := c.d, c.command
	if command == "" {
		command = "@init.lua"
	}
	name, isFile := strings.CutPrefix(command, "@")
	if !isFile {
		return d.load([]byte(strings.TrimPrefix(command, "=")), "=INIT")
	}
	src, ok := d.readFile(name)
	if !ok {
		return nil, &vm.Error{Value: vm.String("cannot open " + name + ": ")}
	}
	return d.load(src, "@"+name)
}

// load compiles a chunk.
func (d *Device) load(src []byte, name string) (*vm.Function, *vm.Error) {
	fn, err := d.VM.Load(src, name)
	if err == nil {
		return fn, nil
	}
	if lerr, ok := err.(*vm.Error); ok {
		return nil, lerr
	}
	return nil, &vm.Error{Value: vm.String(err.Error())}
}

// Input gives text to the interpreter, as node.input does: it runs the complete
// lines in it, one per task. It returns what went wrong, to be raised as an
// error: "" when nothing did.
func (d *Device) Input(text string) (problem string) {
	return d.console.enqueue(text)
}

// submit is Input for the serial reader, where an error is a panic.
func (c *Console) submit(text string) {
	if problem := c.enqueue(text); problem != "" {
		c.d.panic("serial input", &vm.Error{Value: vm.String(problem)})
	}
}

func (c *Console) enqueue(text string) (problem string) {
	if len(c.input)+len(text) > max(c.d.Board.Heap.Size, lineBuffer) {
		return vm.OutOfMemory
	}
	c.input = append(c.input, text...)
	if c.posted || text == "" {
		return ""
	}
	c.posted = true // and stays so when posting fails: the firmware never tries again
	return c.post()
}

func (c *Console) post() (problem string) {
	if !c.d.PostTask(Low, c.work) {
		return TaskQueueFull
	}
	return ""
}

// work is the interpreter's task: it runs one line and asks for another turn.
func (c *Console) work() {
	line, rest, ok := strings.Cut(string(c.input), "\n")
	if !ok {
		c.posted = false
		c.serial.pull()
		return
	}
	c.input = []byte(rest)
	err := c.run(line)
	if c.d.pendingReset != nil || c.d.VM == nil {
		return
	}
	if err != nil {
		c.posted = false
		c.d.reportError("serial input", err)
		c.serial.pull()
		return
	}
	if problem := c.post(); problem != "" {
		c.d.reportError("serial input", &vm.Error{Value: vm.String(problem)})
	}
}

// run compiles a line, with those before it when the chunk was not complete, and
// executes it when it is. The error it returns is the firmware's own, not the
// chunk's.
func (c *Console) run(line string) *vm.Error {
	v := c.d.VM
	chunk := line
	if c.partial != 0 {
		before, _ := v.ToString(v.Deref(c.partial))
		chunk = before + "\n" + line
		if len(chunk) > maxChunk {
			return &vm.Error{Value: vm.String("string length overflow")}
		}
	} else if expr, isExpr := strings.CutPrefix(line, "="); isExpr {
		chunk = "return " + expr
	}
	fn, err := c.d.load([]byte(chunk), "=stdin")
	if err != nil && incomplete(err) {
		v.SetRef(&c.partial, vm.String(chunk), "lines typed so far")
		c.next("_PROMPT2", ">> ")
		return nil
	}
	v.Unref(&c.partial)
	var values []vm.Value
	if err == nil {
		values, err = c.d.callBelow(2, "serial input", fn, -1)
		if c.d.pendingReset != nil {
			return nil
		}
	}
	if err != nil {
		c.d.Emit(LuaError, ErrorData{err.Message(), "serial input"})
		values = []vm.Value{tracedValue(err)}
		if values[0] != vm.Nil {
			values = []vm.Value{vm.String("Lua error: "), values[0]}
		}
	}
	c.show(values...)
	c.next("_PROMPT", "> ")
	return nil
}

// incomplete reports whether a syntax error says that more lines must follow.
func incomplete(err *vm.Error) bool { return strings.HasSuffix(err.Message(), "'<eof>'") }

// next shows the prompt for the next line.
func (c *Console) next(name, def string) {
	c.prompt = c.promptFor(name, def)
	if c.d.pendingReset == nil {
		c.d.Print(c.prompt)
	}
}

func (c *Console) promptFor(name, def string) string {
	if s, ok := c.d.VM.ToString(c.d.global(name)); ok {
		return s
	}
	return def
}

// show prints values with Lua's print.
func (c *Console) show(values ...vm.Value) {
	if len(values) == 0 || c.d.pendingReset != nil {
		return
	}
	_, err := c.d.callResults("print", c.d.global("print"), 0, values...)
	if err != nil {
		c.d.WriteText("error calling 'print' (" + err.Message() + ")\n")
	}
}

// openLibraries opens the standard libraries.
func openLibraries(d *Device) { lualib.Open(d.VM) }

// global returns a global variable.
func (d *Device) global(name string) vm.Value {
	if v := d.VM.Globals().RawGetString(name); v != vm.Nil {
		return v
	}
	return d.VM.ROMGlobals().RawGetString(name)
}

// callResults calls fn, protected, and returns its results. Both are nil when
// the run was killed: the reset is then under way.
func (d *Device) callResults(what string, fn vm.Value, nret int, args ...vm.Value) ([]vm.Value, *vm.Error) {
	before, began := d.vmCPU(), d.Now()
	outer := d.VM.SetEntry(what)
	values, err, kill := d.VM.Call(fn, nret, args...)
	d.VM.SetEntry(outer)
	d.Emit(Callback, CallbackData{what, clock.Duration((d.vmCPU() - before) / 1000)})
	if kill != nil {
		return nil, nil
	}
	d.hintLong(what, fn, d.Now().Sub(began))
	return values, err
}

// callBelow is callResults for a chunk that the firmware's interpreter runs, with
// so many functions of its own under it on the stack.
func (d *Device) callBelow(below int, what string, fn vm.Value, nret int) ([]vm.Value, *vm.Error) {
	before := d.VM.SetBelow(below)
	values, err := d.callResults(what, fn, nret)
	if d.VM != nil {
		d.VM.SetBelow(before)
	}
	return values, err
}

// tracedValue is what the firmware's message handler makes of an error: a string
// gets the traceback behind it, anything else stays as it is.
func tracedValue(err *vm.Error) vm.Value {
	switch err.Value.(type) {
	case vm.String, vm.Number:
		return vm.String(traced(err))
	}
	return err.Value
}

// traced returns an error's message with its traceback.
func traced(err *vm.Error) string {
	if err.Traceback == "" || err.Memory() {
		return err.Message()
	}
	return err.Message() + "\n" + err.Traceback
}
