package device

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// lua is how Lua is entered, and what becomes of an error that leaves it.
type lua struct {
	d         *Device
	byDefault *vm.Function // the default onerror
	erring    bool         // it has a restart pending
	left      int          // see Leftovers
	halted    bool         // after a panic
}

// Run calls fn protected, as the firmware runs timers and tasks: an error goes
// to the onerror function. what names the callback in events.
func (d *Device) Run(what string, fn vm.Value, args ...vm.Value) {
	if _, err := d.lua.call(what, fn, 0, args); err != nil && !d.lua.takes(err) {
		d.lua.left++
		d.lua.report(what, err)
	}
}

// RunWithin is Run for a callback that happens within a call from Lua.
func (d *Device) RunWithin(c *vm.Call, what string, fn vm.Value, args ...vm.Value) {
	cpu := d.VM.CPU()
	outer := d.VM.SetEntry(what)
	_, err := c.PCall(fn, 0, d.VM.NewFunction(vm.Func{Name: "traceback", Fn: withTraceback}), args...)
	d.VM.SetEntry(outer)
	d.Emit(event.Callback{What: what, CPU: clock.Duration((d.VM.CPU() - cpu) / 1000)})
	if err != nil && !d.lua.takes(err) {
		d.lua.left++
		d.lua.report(what, err)
	}
}

// takes reports whether whoever runs the device takes an error to be none of the
// program's; see Config.Takes.
func (l *lua) takes(err *vm.Error) bool { return l.d.cfg.Takes != nil && l.d.cfg.Takes(err) }

// withTraceback is the firmware's message handler: a text gets the traceback behind it.
func withTraceback(c *vm.Call) int {
	if !c.IsString(1) {
		return c.Return(c.Arg(1))
	}
	th, _ := c.Running()
	return c.ReturnString(c.String(1) + "\n" + c.VM.TracebackUnder(th, 1, 1)) // by debug.traceback
}

// Leftovers is how many values lie at the bottom of the firmware's Lua stack that do
// not belong there: luaL_pcallx leaves one for each call that ended in an error (fw:
// app/lua/lnodemcu.c). C code that finds its own values by their distance from the
// bottom finds those.
func (d *Device) Leftovers() int { return d.lua.left }

// RunUnprotected calls fn as the firmware's net module does: an error is a
// panic of the whole device. After that, and when the device is being reset, it
// does not return: the current piece of work ends there.
func (d *Device) RunUnprotected(what string, fn vm.Value, args ...vm.Value) {
	d.CallUnprotected(what, fn, 0, args...)
}

// CallUnprotected is RunUnprotected for a function of whose results nret are wanted.
func (d *Device) CallUnprotected(what string, fn vm.Value, nret int, args ...vm.Value) []vm.Value {
	results, err := d.lua.call(what, fn, nret, args)
	switch {
	case err == nil:
	case d.lua.takes(err):
		results = slices.Repeat([]vm.Value{vm.Nil}, max(nret, 0))
	default:
		d.lua.panic(what, err)
	}
	if d.ETS.Running() && (d.lua.halted || d.Resetting()) {
		panic(unwinding{})
	}
	return results
}

// CallProtected is CallUnprotected for firmware code that keeps an error to itself.
func (d *Device) CallProtected(what string, fn vm.Value, nret int, args ...vm.Value) ([]vm.Value, *vm.Error) {
	results, err := d.lua.call(what, fn, nret, args)
	if d.ETS.Running() && (d.lua.halted || d.Resetting()) {
		panic(unwinding{})
	}
	return results, err
}

// call calls into Lua, protected, and emits what it cost. It returns no error when
// the run was killed: the reset is then under way.
func (l *lua) call(what string, fn vm.Value, nret int, args []vm.Value) ([]vm.Value, *vm.Error) {
	d := l.d
	cpu, began := d.VM.CPU(), d.Now()
	outer := d.VM.SetEntry(what)
	code := vm.CodeOf(fn) // the function itself may be gone when it has run
	values, err, kill := d.VM.Call(fn, nret, args...)
	d.VM.SetEntry(outer)
	d.Emit(event.Callback{What: what, CPU: clock.Duration((d.VM.CPU() - cpu) / 1000)})
	if kill != nil {
		return nil, nil
	}
	if d.ETS.LuaTakesTime() {
		d.Inspect.HintLong(what, code, d.Now().Sub(began))
	}
	return values, err
}

// PostLua queues a Lua function as a task: it is called, protected, with its
// priority as argument (fw: luaL_posttask). what names it in events. It reports
// false when the queue is full.
func (d *Device) PostLua(p ets.Priority, what string, fn *vm.Function) bool {
	v := d.VM
	ref := v.Ref(fn, what)
	posted := d.PostTask(p, func() {
		f := v.Deref(ref)
		v.Unref(&ref)
		d.Run(what, f, vm.Number(p))
	})
	if !posted {
		v.Unref(&ref)
	}
	return posted
}

// unwinding is what a piece of work is left with when the CPU stops in it.
type unwinding struct{}

// work runs one piece of work until it returns or the CPU stops. Memory that runs
// out where no Lua call can catch it is a panic, as in the firmware.
func (l *lua) work(fn func()) {
	defer func() {
		switch r := recover().(type) {
		case nil, unwinding:
		case vm.OutOfMemoryPanic:
			l.panic("system", &vm.Error{Value: vm.String(vm.OutOfMemory)})
		default:
			panic(r)
		}
	}()
	fn()
}

// panic prints what the firmware prints and stops; the watchdog then resets.
func (l *lua) panic(what string, err *vm.Error) {
	d := l.d
	if err.Memory() {
		d.Inspect.OutOfMemory()
	}
	d.Emit(event.Panic{Message: err.Message(), Traceback: err.Traceback, Where: what})
	d.Serial.Write("PANIC: unprotected error in call to Lua API (" + err.Message() + ")\r\n")
	l.halt()
	if d.cfg.OnPanic == RebootOnPanic {
		d.afterwards(d.ETS.WatchdogBites().Sub(d.Now()), func() { d.Reset(SoftWatchdog) })
	}
}

// halt is the end after a panic: nothing that is queued will run.
func (l *lua) halt() {
	l.halted = true
	l.d.ETS.Halt()
}

// Halted reports whether the device has stopped after a panic.
func (d *Device) Halted() bool { return d.lua.halted }

// SetOnError makes fn the handler of errors in timers and tasks
// (node.setonerror); nil restores the default, which prints and restarts.
func (d *Device) SetOnError(fn *vm.Function) {
	if l := &d.lua; fn == nil {
		if l.byDefault == nil {
			l.byDefault = d.VM.NewFunction(vm.Func{Name: "default_onerror", Fn: func(c *vm.Call) int {
				d.REPL.Print(c.Arg(1))
				l.restartSoon()
				return 0
			}})
		}
		fn = l.byDefault
	}
	d.VM.SetField(d.VM.Registry(), onerror, fn)
}

// onerror is the name of that function in Lua's registry.
const onerror = "onerror"

// onError is what stands there, and ownOnError the program's function, if it is one.
func (l *lua) onError() vm.Value { return l.d.VM.RawGetString(l.d.VM.Registry(), onerror) }

func (l *lua) ownOnError() *vm.Function {
	if fn, ok := l.onError().(*vm.Function); ok && fn != l.byDefault {
		return fn
	}
	return nil
}

// restartAfterError is the default onerror's delay (oracle: net-constants.json
// default_onerror_restart).
const restartAfterError = 2 * clock.Second

// report hands an error to the onerror function in a task of its own: a text with its
// traceback, anything else as it was thrown (fw: app/lua/lnodemcu.c luaL_pcallx). With
// no room for the task the error has nowhere to go, which is a panic.
func (l *lua) report(what string, err *vm.Error) {
	d := l.d
	thrown := err.TracedValue()
	if err.Memory() {
		thrown = vm.String("out of memory")
	}
	var kept vm.Ref
	switch thrown.(type) {
	case *vm.Table, *vm.Function, *vm.UserData, *vm.Thread:
		kept = d.VM.Ref(thrown, "error that was thrown")
	}
	d.Emit(event.LuaError{Message: err.Traced(), Where: what, Uncaught: l.ownOnError() == nil})
	posted := d.PostTask(ets.High, func() {
		if kept != 0 {
			thrown = d.VM.Deref(kept)
			d.VM.Unref(&kept)
		}
		if handler := l.ownOnError(); handler != nil {
			d.Run("onerror", handler, thrown)
			return
		}
		d.REPL.Print(thrown)
		if _, ok := l.onError().(*vm.Function); !ok { // a program has put something else there
			return
		}
		if d.cfg.OnPanic == HaltOnError {
			d.Emit(event.Panic{Message: err.Message(), Traceback: err.Traceback, Where: what})
			l.halt()
			return
		}
		l.restartSoon()
	})
	if !posted {
		l.panic(what, &vm.Error{Value: vm.String(ets.TaskQueueFull)})
	}
}

// restartSoon arms the default onerror's restart, once.
func (l *lua) restartSoon() {
	if !l.erring {
		l.erring = true
		l.d.NewTimer(l.d.restartForError).Arm(restartAfterError, false)
	}
}
