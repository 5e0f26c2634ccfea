package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Config is what a VM needs of the machine around it. Everything a script can
// reach outside Lua is given here explicitly or is absent.
type Config struct {
	// Output receives what print writes.
	Output func(s string)
	// ReadFile returns a file of the device's flash.
	ReadFile func(name string) ([]byte, bool)
	// Embedded returns a Lua module shipped with the simulator; require asks
	// it after the flash. It may be nil.
	Embedded func(name string) (source []byte, ok bool)
	// Random returns the device's hardware random numbers.
	Random func() uint32
	// Slice is called each time about SliceNanos of CPU time were used since
	// the last call; it may end the run with Kill. The watchdog lives there.
	Slice      func()
	SliceNanos int64
	// Heap is the memory of the device, shared with native code; nil stands
	// for one of the default size.
	Heap *heap.Heap
	// Now returns the device's time in microseconds, for the ages of objects.
	Now func() int64
	// Recorder, if set, records allocations and CPU time for profiles.
	Recorder *Recorder
	// TableLen has the operator # call __len of tables, too. The device's does not.
	TableLen bool
}

// VM is one Lua state of a device, from boot to reset. It is not safe for
// concurrent use: it runs on its world's goroutine.
type VM struct {
	// OnFree, if set, is told when the memory of a userdata is freed: a
	// collection after the one that has called its finalizer. object is what
	// NewObject was given. It must not call into the VM.
	OnFree func(object any)
	// Library is what the standard libraries know from one call to the next, none of
	// it a value of the program's.
	Library any
	// OnOutOfMemory, if set, is told that memory ran out and nothing in the
	// program catches it, while the stack still stands. It must not call into
	// the VM but to look.
	OnOutOfMemory func()
	// OnSurprise, if set, is told where the device's arithmetic first gives what a
	// PC's would not. It must not call into the VM but to look.
	OnSurprise func(what Surprise, where string)
	// OnAbsent, if set, is told that the program indexes a global or a field that is nil,
	// as "wifi.monitor", or calls a field that is, as "wifi.sta.config", before the error is
	// raised. It must not call into the VM but to look.
	OnAbsent func(name string)

	cfg Config
	mem *memory
	th  *Thread // main thread

	// What the loop needs.
	cpu          int64 // CPU time used since boot, in nanoseconds
	instrNanos   int64 // price of one instruction
	lookAt       int64 // value of cpu from which look is called
	callNanos    int64 // price of one call into the firmware
	romNanos     int64 // price of one comparison with a name in flash
	machinePicos int64 // price of one of the allocator's machine instructions, in picoseconds
	sliceAt      int64 // value of cpu at which Slice is called next

	running   *Thread // that executes, nil when Lua is idle
	natives   int     // functions of the firmware at work
	pushes    uint64  // counts what may leave something above the top of a stack
	protected int     // protected calls and coroutines under way
	through   int     // those of them that hand on all errors: CallThrough
	thrown    thrown  // the error on its way
	traceback string  // of an error that nothing in the program catches
	killed    *Kill   // set: unwinding, no pcall may catch it

	registry    *Table
	stringMeta  *Table // metatable of strings
	romGlobals  *Table // the table in flash behind _G
	memoryError *str
	noUpvalue   *upvalue
	eventStrs   [events]*str
	metatables  map[*Type]*Table
	roms        []*Table
	calls       []*Call // of functions of the firmware, by depth
	refs        map[int]refInfo
	held        *Table      // see Hold; nil as long as nothing was held
	heldFree    []int       // its slots that are free again
	relief      func() bool // see SetRelief
	romAddress  uint32      // next one in flash
	null        *UserData
	addresses   uint32 // next one in a heap without addresses
	below       int    // see SetBelow
	debugKept   Debug  // see KeepDebug
	rec         *Recorder
	entry       string // see SetEntry
	nativeNames map[*Function]string
	namedOf     int // tables that nativeNames was made of
	lastID      int
	surprises   map[surprised]bool
	watching    int   // instructions, see watchPower
	watched     int   // powers
	seen        int64 // value of cpu up to which time was put down to someone
	place       place // see cputime.go
	coverage    *Coverage
	flashIndex  *proto // of the image in the flash store, nil without one
}

// New makes a VM with empty globals. Libraries are added by package lualib.
func New(cfg Config) *VM { return NewFlashed(cfg, nil) }

// NewFlashed is New for a device that has an image in its Lua Flash Store, or nil.
func NewFlashed(cfg Config, image *Image) *VM {
	if cfg.Heap == nil {
		cfg.Heap = heap.New(heap.Config{})
	}
	v := &VM{cfg: cfg, metatables: map[*Type]*Table{}, refs: map[int]refInfo{}, romAddress: romBase, addresses: ramBase}
	v.sliceAt, v.debugKept = cfg.SliceNanos, KeepLines
	v.mem = newMemory(v, cfg.Heap)
	m := v.mem
	if image != nil {
		v.mapImage(image)
	}
	for e, name := range eventNames {
		v.eventStrs[e] = m.intern(name)
		v.eventStrs[e].mark |= fixed
	}
	v.memoryError = m.intern(OutOfMemory)
	v.memoryError.mark |= fixed
	v.noUpvalue = &upvalue{}
	v.noUpvalue.kind = kindUpvalue
	v.noUpvalue.mark = fixed | black
	v.noUpvalue.v = &v.noUpvalue.own
	v.th = &Thread{}
	v.th.init()
	m.link(&v.th.header, kindThread)
	v.th.mark |= fixed
	v.th.globals = m.newTable(0, 2)
	v.registry = m.newTable(0, 2)
	v.romGlobals = v.NewROMTable("ROM", nil, nil)
	v.SetRecorder(cfg.Recorder)
	return v
}

// Globals returns the global table.
func (v *VM) Globals() *Table { return v.th.globals }

// Registry returns the registry (LUA_REGISTRYINDEX). References are in it: see Ref.
func (v *VM) Registry() *Table { return v.registry }

// NewROMTable makes a table that lives in the firmware's flash: it costs no
// heap and cannot be written.
func (v *VM) NewROMTable(name string, funcs []Func, consts []Const) *Table {
	t := &Table{rom: &romTable{name: name, index: make(map[string]int32, len(funcs)+len(consts))}}
	t.kind = kindTable
	for _, f := range funcs {
		if f.Fn == nil {
			t.rom.set(f.Name, value{}) // a constant will stand here
			continue
		}
		t.rom.set(f.Name, functionValue(v.NewFunction(f)))
	}
	for _, c := range consts {
		v.SetField(t, c.Name, c.Value)
	}
	v.roms = append(v.roms, t)
	return t
}

// ROMGlobals is the ROM table in which Lua finds what _G does not have: the
// firmware's modules and base functions.
func (v *VM) ROMGlobals() *Table { return v.romGlobals }

// OpenModule makes a firmware module known to Lua under its name.
func (v *VM) OpenModule(name string, funcs []Func, consts []Const) *Table {
	t := v.NewROMTable(name, funcs, consts)
	v.romGlobals.rom.set(name, tableValue(t))
	return t
}

// Func is a function of the firmware as Lua sees it: its name in its table and
// the Go code behind it. Fn leaves its results on the call (Return, Push) and
// returns their number. Without Fn it is the place of the constant of that name, where
// the firmware has one between functions.
type Func struct {
	Name string
	Fn   func(*Call) int
}

// Const is a named constant of a firmware module.
type Const struct {
	Name  string
	Value Value
}

// Type describes a userdata type: its name as the firmware registers it (it
// shows in messages, e.g. "net.tcpsocket"), its methods, and what __gc does
// when the collector finds an object unreachable.
type Type struct {
	Name    string
	Methods []Func
	GC      func(object any) // may be nil

	// Index, if set, is called for every key (__index), and finds the Methods itself.
	Index func(*Call) int
}

// NewFunction makes a Lua function of f. It lies in flash.
func (v *VM) NewFunction(f Func) *Function {
	fn := &Function{native: f.Fn, name: f.Name}
	fn.kind = kindFunction
	return fn
}

// Metatable returns the metatable shared by all userdata of type t. What begins with
// an underscore stands first (fw: lrotable.h).
func (v *VM) Metatable(t *Type) *Table {
	mt := v.metatables[t]
	if mt == nil {
		mt = v.NewROMTable(t.Name, nil, nil)
		v.metatables[t] = mt
		if t.GC != nil {
			mt.rom.set("__gc", functionValue(v.NewFunction(Func{Name: "__gc", Fn: func(c *Call) int {
				t.GC(c.Object(1, t))
				return 0
			}})))
		}
		if t.Index != nil {
			mt.rom.set("__index", functionValue(v.NewFunction(Func{Name: "__index", Fn: t.Index})))
			return mt
		}
		mt.rom.set("__index", tableValue(mt))
		for _, f := range t.Methods {
			mt.rom.set(f.Name, functionValue(v.NewFunction(f)))
		}
	}
	return mt
}

// AddMethods gives the userdata of type t methods that only some builds of the firmware
// have.
func (v *VM) AddMethods(t *Type, methods ...Func) {
	mt := v.Metatable(t)
	for _, f := range methods {
		mt.rom.set(f.Name, functionValue(v.NewFunction(f)))
	}
}

// CPU returns the CPU time used since boot, in nanoseconds.
func (v *VM) CPU() int64 {
	v.chargeAllocator()
	return v.cpu
}

// chargeAllocator adds what the SDK's allocator has taken since the last time. It counts
// steps, so that an allocation is no dearer for the host.
func (v *VM) chargeAllocator() {
	v.cpu += int64(v.mem.heap.Steps()) * v.machinePicos / 1000
}

// Prices are what Lua's work takes of the CPU, in nanoseconds.
type Prices struct {
	Instruction int64 // one VM instruction
	Call        int64 // a call into the firmware, beyond its instruction
	ROMEntry    int64 // one comparison with a name of a table in flash
	Machine     int64 // one machine instruction of the SDK's allocator, in picoseconds
}

// BytesPerInstruction is how many bytes the firmware's native code copies or compares
// in the time of one VM instruction (device.md: about 1 µs, 80 cycles).
const BytesPerInstruction = 16

// SetPrices sets what Lua's work takes from now on.
func (v *VM) SetPrices(p Prices) {
	v.instrNanos, v.callNanos, v.romNanos = p.Instruction, p.Call, p.ROMEntry
	v.chargeAllocator()
	v.machinePicos = p.Machine
}

// Charge adds n nanoseconds of CPU time, for firmware code that takes long without
// feeding the watchdog, which counts them and looks at the next instruction. See
// ChargeSteps for long loops, and RecordDelay for code that feeds it.
func (v *VM) Charge(n int64) { v.cpu += n }

// ChargeSteps accounts for n steps of a long loop in a library function, each as dear
// as a VM instruction, and lets the watchdog end it.
func (v *VM) ChargeSteps(n int) {
	v.cpu += int64(n) * v.instrNanos
	if v.cpu >= v.sliceAt {
		v.slice()
	}
}

// Kill ends a run from outside: the watchdog, or a reset. It unwinds through
// every pcall of the script.
type Kill struct{ Reason string }

// Kill makes the running Lua code stop at its next instruction. Call then
// returns a *Kill. It may be called only from within a run (from Slice or a
// firmware function) on the world's goroutine.
func (v *VM) Kill(reason string) {
	v.killed = &Kill{reason}
	v.lookAt, v.sliceAt = 0, 0 // the loop looks at no more than the time
}

// Running reports whether Lua runs, or something that it has called.
func (v *VM) Running() bool { return v.running != nil }

// Call calls fn on the main thread, protected, when Lua is idle: the entry for
// every callback, task and line of input. On an error it returns an *Error, or
// the *Kill that ended it.
func (v *VM) Call(fn Value, nret int, args ...Value) ([]Value, *Error, *Kill) {
	if v.running != nil {
		panic("vm: Call while Lua runs: use CallWithin")
	}
	v.killed = nil
	v.StartAccounting()
	L := v.th
	v.running = L
	v.endCPU()
	ret, err := v.enterLua(L, fn, nret, 0, args)
	v.endCPU()
	v.reset()
	if k := v.killed; k != nil {
		v.killed = nil
		v.setLook()
		return nil, nil, k
	}
	return ret, err, nil
}

// reset makes Lua idle, whatever has unwound.
func (v *VM) reset() {
	L := v.th
	v.mem.closeUpvalues(L, 1)
	L.nci, L.top, L.nCcalls, L.handler, L.fixed = 0, 1, 0, 0, false
	v.mem.pins = v.mem.pins[:0]
	v.natives, v.protected, v.through = 0, 0, 0
	v.leaveCoroutines(L)
	v.running = nil
}

// leaveCoroutines ends those that run within L, after they have been unwound.
func (v *VM) leaveCoroutines(L *Thread) {
	if v.running != L {
		v.mem.quick.switched()
	}
	for th := v.running; th != nil && th != L; {
		next := th.parent
		th.parent = nil
		th.status = threadFailed // killed where it was
		th = next
	}
}

// killable runs f and catches the Kill that ends it.
func (v *VM) killable(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if k, ok := r.(*Kill); !ok || k != v.killed {
				panic(r)
			}
			v.mem.egc.Blocked = false
		}
	}()
	f()
}

// enterLua calls fn with args above the top of L, protected.
func (v *VM) enterLua(L *Thread, fn Value, nret, handler int, args []Value) (ret []Value, lerr *Error) {
	v.killable(func() { ret, lerr = v.pcall(L, fn, nret, handler, args) })
	return ret, lerr
}

func (v *VM) pcall(L *Thread, fn Value, nret, handler int, args []Value) ([]Value, *Error) {
	at := L.top
	v.pushes++
	v.pushArgs(L, fn, args)
	if v.protected == 0 {
		v.mem.pins = v.mem.pins[:0] // what is needed stands on the stack now
	}
	if t := v.mem.track; t != nil {
		t.arguments(L, at)
	}
	v.traceback = ""
	if !v.protect(L, at, nret, handler) {
		err := &Error{Value: L.stack[at].boundary(), Traceback: v.traceback}
		L.top = at
		return nil, err
	}
	return L.take(at), nil
}

// pushArgs pushes a function and its arguments. What nothing else refers to outlives
// the making of the strings before it.
func (v *VM) pushArgs(L *Thread, fn Value, args []Value) {
	L.hostSlots(len(args) + 1)
	L.stack[L.top] = v.take(fn)
	L.top++
	pins := len(v.mem.pins)
	if len(args) > 1 {
		for _, x := range args {
			v.holdObject(x)
		}
	}
	for _, x := range args {
		L.stack[L.top] = v.take(x)
		L.top++
	}
	v.mem.pins = v.mem.pins[:pins]
}

// take takes what stands from slot at on off the stack.
func (L *Thread) take(at int) []Value {
	n := L.top - at
	L.top = at
	if n == 0 {
		return nil
	}
	out := make([]Value, n)
	for i := range out {
		out[i] = L.stack[at+i].boundary()
	}
	return out
}

// CallWithin calls fn, protected, from Go code that may or may not have been
// called by Lua: code behind print, which the interpreter uses as well. An error
// is returned; a run that is being killed goes on unwinding.
func (v *VM) CallWithin(fn Value, nret int, args ...Value) ([]Value, *Error) {
	L := v.running
	if L == nil {
		ret, err, _ := v.Call(fn, nret, args...)
		return ret, err
	}
	ret, err := v.pcall(L, fn, nret, 0, args)
	v.running = L
	return ret, err
}

// CallThrough is CallWithin for who raises the error anew in the code that has called it:
// nothing has caught it then.
func (v *VM) CallThrough(fn Value) *Error {
	if v.running == nil {
		_, err, _ := v.Call(fn, 0)
		return err
	}
	L := v.running
	top, nci, nCcalls, handler := L.top, L.nci, L.nCcalls, L.handler
	natives, protected, through, pins := v.natives, v.protected, v.through, len(v.mem.pins)
	blocked := v.mem.egc.Blocked // a finalizer calls it
	returned := false
	defer func() {
		if returned {
			return
		}
		// What unwinds it may end in the other VM: this one stands where it was entered.
		v.leaveCoroutines(L)
		v.running = L
		v.mem.closeUpvalues(L, top)
		L.top, L.nci, L.nCcalls, L.handler, L.fixed = top, nci, nCcalls, handler, false
		v.natives, v.protected, v.through = natives, protected, through
		v.mem.pins = v.mem.pins[:min(pins, len(v.mem.pins))]
		v.mem.egc.Blocked = blocked
	}()
	v.through++
	_, err := v.CallWithin(fn, 0)
	v.through--
	returned = true
	return err
}

// Where chips have their heap and the firmware's constant data (fw:
// ld/nodemcu.ld: dram0_0_seg, irom0_0_seg).
const (
	ramBase = 0x3fff0000
	romBase = 0x40240000
)

// addressOf is the address that an object shows: they are given out in the order of
// asking.
func (v *VM) addressOf(h *header, kind uint64) uint32 {
	if kind == kindLight && h.userdata().null {
		return 0
	}
	if kind == kindROMFunc || kind == kindROMTable || kind == kindLight {
		v.romAddress += 16
		return v.romAddress - 16
	}
	v.addresses += 16
	return v.addresses - 16
}

// Address returns the address of an object as C's %p prints it, NULL for what has none
// (fw: app/libc/snprintf.c).
func (v *VM) Address(x Value) string {
	y := v.take(x)
	if y.bits >= kindLight && y.bits != kindString && !y.isNumber() {
		v.mem.addressed(y)
		if at := y.header().address; at != 0 {
			return fmt.Sprintf("%#x", at)
		}
	}
	return "(nil)"
}

// IsROM reports whether t is a ROM table.
func (v *VM) IsROM(t *Table) bool { return t.rom != nil }
