// Package repl is the Lua interpreter on the serial port: banner, init.lua, and the
// prompt that runs one line per low-priority task (fw: app/lua/lua.c). Lines come
// from the serial reader and from node.input; both go through one queue.
//
// It does not know how lines are typed, nor what becomes of an error that is the
// firmware's own.
package repl

import (
	"bytes"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Options of the boot (node.startupoption; fw: app/platform/platform.h).
const (
	StartNoBanner   = 1 << iota // print no banner
	Start160MHz                 // run at 160 MHz from the start
	StartDelayMount             // mount the file system when it is first used
)

// Host is the device as its interpreter sees it.
type Host interface {
	// Lua is the device's, nil while there is none.
	Lua() *vm.VM
	// CallBelow calls a function, protected, with so many functions of the
	// interpreter's own under it on the stack. Both results are nil when the run was
	// killed: the reset is then under way.
	CallBelow(below int, what string, fn vm.Value, nret int, args ...vm.Value) ([]vm.Value, *vm.Error)
	// ReportError hands an error to the onerror function; Panic is the end.
	ReportError(what string, err *vm.Error)
	Panic(what string, err *vm.Error)
	// Resetting reports whether the piece of work at hand ends in a reset.
	Resetting() bool
	PostTask(p ets.Priority, fn func()) bool
	ReadFile(name string) ([]byte, bool)
	SetMHz(mhz int)
	Emit(world.Happening)
}

// Config says what an interpreter needs to know.
type Config struct {
	Banner   string // printed at boot, with its line ends
	HeapSize int    // bytes: what is typed waits in the heap
}

// REPL is the interpreter of a device.
type REPL struct {
	host Host
	port *serial.Port
	cfg  Config

	input   []byte // what waits to be run: the firmware's stdin pipe
	posted  bool   // a task for it is in the queue or is running
	partial vm.Ref // the lines so far of a chunk that is not complete
	prompt  string

	// Kept in flash, so they survive resets.
	command *string // runs instead of init.lua
	options int
}

// maxChunk is the longest chunk that can be typed in several lines: joining them
// is a concatenation, which the collector's default setting limits (oracle:
// net-constants.json lua_concat_result_max).
const maxChunk = 4095

// New returns the interpreter on a port.
func New(h Host, port *serial.Port, cfg Config) *REPL {
	r := &REPL{host: h, port: port, cfg: cfg}
	port.Connect(r)
	return r
}

// Reset drops what was typed, and whatever the program set up.
func (r *REPL) Reset() {
	*r = REPL{host: r.host, port: r.port, cfg: r.cfg, command: r.command, options: r.options}
}

// SetStartupCommand makes command run at boot instead of init.lua: "@name" runs a
// file, "!name" a module of the Lua Flash Store, any other text is a chunk, and "" does
// nothing. It survives resets.
func (r *REPL) SetStartupCommand(command string) { r.command = &command }

// ClearStartupCommand makes init.lua run again.
func (r *REPL) ClearStartupCommand() { r.command = nil }

// StartupCommand returns what SetStartupCommand has set. ok is false when that is
// nothing.
func (r *REPL) StartupCommand() (command string, ok bool) {
	if r.command == nil {
		return "", false
	}
	return *r.command, true
}

// StartupOptions returns the options of the boot, a sum of the Start constants.
func (r *REPL) StartupOptions() int { return r.options }

// SetStartupOptions sets the options of the next boot. They survive resets.
func (r *REPL) SetStartupOptions(options int) { r.options = options }

// Start prints the banner and runs init.lua. The first prompt follows when the
// queue gets to the empty line put into it here.
func (r *REPL) Start() {
	r.prompt = r.promptFor("_PROMPT", "> ")
	r.port.Listen()
	r.Typed(" ")
	if r.options&Start160MHz != 0 {
		r.host.SetMHz(160)
	}
	if r.options&StartNoBanner == 0 {
		r.port.WriteText(r.cfg.Banner)
	}
	fn, found, err := r.startup()
	if err == nil {
		_, err = r.host.CallBelow(1, "init.lua", fn, 0)
	}
	if err != nil && !r.host.Resetting() {
		r.host.Emit(event.LuaError{Message: err.Message(), Where: "init.lua", Uncaught: found, Absent: !found})
		r.Print(err.TracedValue())
	}
}

// startup loads what the boot is to run, if it is there.
func (r *REPL) startup() (fn *vm.Function, found bool, err *vm.Error) {
	command := "@init.lua"
	if r.command != nil {
		command = vm.CString(*r.command)
	}
	if module, ok := strings.CutPrefix(command, "!"); ok {
		return r.module(module)
	}
	name, isFile := strings.CutPrefix(command, "@")
	if !isFile {
		fn, err = r.load([]byte(command), "=INIT")
		return fn, true, err
	}
	src, ok := r.host.ReadFile(name)
	if !ok {
		return nil, false, &vm.Error{Value: vm.String("cannot open " + name + ": ")}
	}
	fn, err = r.load(src, "@"+name)
	return fn, true, err
}

// module finds a module of the Lua Flash Store.
func (r *REPL) module(name string) (fn *vm.Function, found bool, err *vm.Error) {
	ask := r.host.Lua().NewFunction(vm.Func{Name: "pmain", Fn: func(c *vm.Call) int {
		if !c.PushIndex() {
			return c.ReturnNil()
		}
		c.PushString(name)
		c.CallTop(1, 1)
		return 1
	}})
	values, err := r.host.CallBelow(0, "init.lua", ask, 1)
	if len(values) == 1 {
		fn, found = values[0].(*vm.Function)
	}
	if err == nil && !found {
		err = &vm.Error{Value: vm.String("cannot load LFS." + name)}
	}
	return fn, found, err
}

// load compiles a chunk.
func (r *REPL) load(src []byte, name string) (*vm.Function, *vm.Error) {
	fn, err := r.host.Lua().Load(src, name)
	if err == nil {
		return fn, nil
	}
	if lerr, ok := err.(*vm.Error); ok {
		return nil, lerr
	}
	return nil, &vm.Error{Value: vm.String(err.Error())}
}

// Feed gives text to the interpreter, as node.input does: it runs the complete
// lines in it, one per task. It returns what went wrong, to be raised as an
// error: "" when nothing did.
func (r *REPL) Feed(text string) (problem string) {
	if len(r.input)+len(text) > max(r.cfg.HeapSize, serial.LineBuffer) {
		return vm.OutOfMemory
	}
	r.input = append(r.input, text...)
	if r.posted || text == "" {
		return ""
	}
	r.posted = true // and stays so when posting fails: the firmware never tries again
	return r.askTurn()
}

// Typed is Feed for a line of the serial reader, where an error is a panic.
func (r *REPL) Typed(line string) {
	if problem := r.Feed(line + "\n"); problem != "" {
		r.host.Panic("serial input", &vm.Error{Value: vm.String(problem)})
	}
}

// Prompt is what stands before the line that is being typed.
func (r *REPL) Prompt() string { return r.prompt }

// Behind reports whether a line waits to be run.
func (r *REPL) Behind() bool { return r.posted && bytes.IndexByte(r.input, '\n') >= 0 }

// askTurn posts the interpreter's task.
func (r *REPL) askTurn() (problem string) {
	if !r.host.PostTask(ets.Low, r.turn) {
		return ets.TaskQueueFull
	}
	return ""
}

// turn is the interpreter's task: it executes one line and asks for another turn.
func (r *REPL) turn() {
	line, rest, ok := strings.Cut(string(r.input), "\n")
	if !ok {
		r.posted = false
		r.port.Pull()
		return
	}
	r.input = []byte(rest)
	err := r.execute(line)
	if r.host.Resetting() || r.host.Lua() == nil {
		return
	}
	if err != nil {
		r.posted = false
		r.host.ReportError("serial input", err)
		r.port.Pull()
		return
	}
	if problem := r.askTurn(); problem != "" {
		r.host.ReportError("serial input", &vm.Error{Value: vm.String(problem)})
	}
}

// execute compiles a line, with those before it when the chunk was not complete, and
// runs it when it is. The error it returns is the firmware's own, not the
// chunk's.
func (r *REPL) execute(line string) *vm.Error {
	v := r.host.Lua()
	chunk := line
	if r.partial != 0 {
		before, _ := v.ToString(v.Deref(r.partial))
		chunk = before + "\n" + line
		if len(chunk) > maxChunk {
			return &vm.Error{Value: vm.String("string length overflow")}
		}
	} else if expr, isExpr := strings.CutPrefix(line, "="); isExpr {
		chunk = "return " + expr
	}
	fn, err := r.load([]byte(chunk), "=stdin")
	if err != nil && incomplete(err) {
		v.SetRef(&r.partial, vm.String(chunk), "lines typed so far")
		r.showPrompt("_PROMPT2", ">> ")
		return nil
	}
	v.Unref(&r.partial)
	var values []vm.Value
	if err == nil {
		values, err = r.host.CallBelow(2, "serial input", fn, -1)
		if r.host.Resetting() {
			return nil
		}
	}
	if err != nil {
		r.host.Emit(event.LuaError{Message: err.Message(), Where: "serial input"})
		values = []vm.Value{err.TracedValue()}
		if values[0] != vm.Nil {
			values = []vm.Value{vm.String("Lua error: "), values[0]}
		}
	}
	r.Print(values...)
	r.showPrompt("_PROMPT", "> ")
	return nil
}

// incomplete reports whether a syntax error says that more lines must follow.
func incomplete(err *vm.Error) bool { return strings.HasSuffix(err.Message(), "'<eof>'") }

// showPrompt shows the prompt for the next line.
func (r *REPL) showPrompt(name, def string) {
	r.prompt = r.promptFor(name, def)
	if !r.host.Resetting() {
		r.port.Print(r.prompt)
	}
}

func (r *REPL) promptFor(name, def string) string {
	if s, ok := r.host.Lua().ToString(r.global(name)); ok {
		return s
	}
	return def
}

// Print prints values with Lua's print.
func (r *REPL) Print(values ...vm.Value) {
	if len(values) == 0 || r.host.Resetting() {
		return
	}
	_, err := r.host.CallBelow(0, "print", r.global("print"), 0, values...)
	if err != nil {
		r.port.WriteText("error calling 'print' (" + err.Message() + ")\n")
	}
}

// global returns a global variable.
func (r *REPL) global(name string) vm.Value {
	v := r.host.Lua()
	if x := v.RawGetString(v.Globals(), name); x != vm.Nil {
		return x
	}
	return v.RawGetString(v.ROMGlobals(), name)
}
