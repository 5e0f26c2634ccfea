package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

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
	// ExactHeap makes the account of Lua's memory exact at every allocation
	// (see memory), at the price of a collection before each. Without it the
	// account is exact where that decides most (see precision.go).
	ExactHeap bool
}

// VM is one Lua state of a device, from boot to reset. It is not safe for
// concurrent use: it runs on its world's goroutine.
type VM struct {
	// OnFree, if set, is told when the memory of a userdata is freed: a
	// collection after the one that has called its finalizer. object is what
	// NewObject was given. It must not call into the VM.
	OnFree func(object any)
	// OnOutOfMemory, if set, is told that memory ran out and nothing in the
	// program catches it, while the stack still stands. It must not call into
	// the VM but to look.
	OnOutOfMemory func()
	// OnCollected, if set, is told that a collection has ended.
	OnCollected func()

	cfg  Config
	th   *lua.LState // main thread
	main *meter      // the main thread's hook

	cpu         int64 // CPU time used since boot, in nanoseconds
	instrNanos  int64 // price of one instruction
	callNanos   int64 // price of one call into the firmware
	romNanos    int64 // price of one comparison with a name in flash
	romNames    [romNames]romName
	sliceAt     int64 // value of cpu at which Slice is called next
	killed      *Kill // set: unwinding, no pcall may catch it
	nCcalls     int   // depth of protected calls and Go-to-Lua calls
	refs        []refEntry
	freeRefs    []Ref
	rom         map[*Table]string // ROM tables: not writable, free of charge
	romGlobals  *Table            // the ROM table behind _G
	metatables  map[*Type]*Table
	calls       []*Call // free list
	coCreate    lua.LGFunction
	coResume    lua.LGFunction
	running     *lua.LState // thread that executes, nil when Lua is idle
	mem         *memory
	addr        addresses
	onError     *Function // see errorRaised
	yield       *Function // coroutine.yield
	yieldCall   *Function // see SetYield
	protections []*protection
	stringMeta  *Table             // what scripts see as the metatable of strings
	hidden      map[*Function]bool // functions that no script and no traceback sees
	rec         *Recorder          // nil: nobody asked
	entry       string             // see SetEntry
	below       int                // see SetBelow
	debugKept   Debug              // see KeepDebug
	natives     map[*Function]string
	nativesOf   int // tables that natives was made of
	ids         map[any]int
	lastID      int
	seen        int64   // value of cpu up to which time was put down to someone
	places      []place // see cputime.go
}

// maxCallDepth bounds Lua call frames (fw: LUAI_MAXCALLS, oracle:
// memory-sizes.json limits) and maxCCalls nested Go calls (LUAI_MAXCCALLS).
const (
	maxCallDepth = 20000
	maxCCalls    = 200
	baseCCalls   = 1 // the main loop's own call into Lua

	cStackOverflow = "C stack overflow"
)

// New makes a VM with empty globals. Libraries are added by OpenLibrary.
func New(cfg Config) *VM {
	// The main thread's frames are made at once, which is faster than segments
	// that come and go: as many as call infos could fit in the heap. Coroutines
	// get what they need, as there can be many.
	if cfg.Heap == nil {
		cfg.Heap = heap.New(heap.Config{})
	}
	frames := min(cfg.Heap.Size()/heap.CallInfoSize, maxCallDepth) + 8*maxCCalls
	L := lua.NewState(lua.Options{
		SkipOpenLibs:     true,
		CallStackSize:    frames,
		RegistrySize:     256,
		RegistryGrowStep: 1024,
		RegistryMaxSize:  1 << 20,
	})
	L.Options.CallStackSize = maxCallDepth + 8*maxCCalls
	L.Options.MinimizeStackMemory = true
	v := &VM{
		cfg:        cfg,
		th:         L,
		rom:        map[*Table]string{},
		metatables: map[*Type]*Table{},
		hidden:     map[*Function]bool{},
		addr:       newAddresses(),
	}
	v.sliceAt, v.debugKept = cfg.SliceNanos, KeepLines
	v.coCreate, v.coResume = gopherCoroutines()
	v.mem = newMemory(v, cfg.Heap, cfg.ExactHeap)
	v.romGlobals = v.NewROMTable("ROM", nil, nil)
	v.onError = L.NewFunction(v.errorRaised)
	v.hidden[v.onError] = true
	v.main = v.attach(L)
	v.SetRecorder(cfg.Recorder)
	return v
}

// attach gives thread th its hook.
func (v *VM) attach(th *lua.LState) *meter {
	m := &meter{vm: v, th: th, state: stateOf(th), fresh: th != v.th, due: v.rec != nil}
	m.stack = threadStack{Stack: heap.InitialStack(), base: mainBase, calls: mainCalls}
	m.stack.limits()
	v.mem.threads[th] = m
	th.SetContext(m)
	return m
}

// Globals returns the global table.
func (v *VM) Globals() *Table { return v.th.G.Global }

// NewROMTable makes a table that lives in the firmware's flash: it costs no
// heap and cannot be written.
func (v *VM) NewROMTable(name string, funcs []Func, consts []Const) *Table {
	t := v.th.CreateTable(0, len(funcs)+len(consts))
	for _, f := range funcs {
		t.RawSetString(f.Name, v.NewFunction(f))
	}
	for _, c := range consts {
		t.RawSetString(c.Name, c.Value)
	}
	v.rom[t] = name
	return t
}

// ROMGlobals is the ROM table in which Lua finds what _G does not have: the
// firmware's modules and base functions.
func (v *VM) ROMGlobals() *Table { return v.romGlobals }

// OpenModule makes a firmware module known to Lua under its name.
func (v *VM) OpenModule(name string, funcs []Func, consts []Const) *Table {
	t := v.NewROMTable(name, funcs, consts)
	v.romGlobals.RawSetString(name, t)
	return t
}

// NewFunction makes a Lua function of f.
func (v *VM) NewFunction(f Func) *Function {
	return v.th.NewFunction(v.goFunction(f))
}

// goFunction is f as gopher-lua calls it.
func (v *VM) goFunction(f Func) lua.LGFunction {
	return func(L *lua.LState) int {
		v.cpu += v.callNanos
		c := v.enter(L, f.Name)
		n := f.Fn(c)
		if v.mem.exact && v.mem.on {
			v.leaves(c, n)
		}
		v.leave(c)
		return n
	}
}

// Metatable returns the metatable shared by all userdata of type t.
func (v *VM) Metatable(t *Type) *Table {
	mt := v.metatables[t]
	if mt == nil {
		mt = v.NewROMTable(t.Name, t.Methods, nil)
		mt.RawSetString("__index", mt)
		v.metatables[t] = mt
	}
	return mt
}

// CPU returns the CPU time used since boot, in nanoseconds.
func (v *VM) CPU() int64 { return v.cpu }

// Prices are what Lua's work takes of the CPU, in nanoseconds.
type Prices struct {
	Instruction int64 // one VM instruction
	Call        int64 // a call into the firmware, beyond its instruction
	ROMEntry    int64 // one comparison with a name of a table in flash
}

// SetPrices sets what Lua's work takes from now on.
func (v *VM) SetPrices(p Prices) {
	v.instrNanos, v.callNanos, v.romNanos = p.Instruction, p.Call, p.ROMEntry
	v.romNames = [romNames]romName{}
}

// Charge adds n nanoseconds of CPU time, for firmware code that takes long without
// feeding the watchdog, which counts them and looks at the next instruction. See
// ChargeSteps for long loops, and RecordDelay for code that feeds it.
func (v *VM) Charge(n int64) { v.cpu += n }

// Where returns "file:line" of the innermost Lua function that is running, or
// "" when Lua is idle.
func (v *VM) Where() string {
	L := v.running
	if L == nil {
		return ""
	}
	for f := stateOf(L).currentFrame; f != nil; f = f.Parent {
		switch line := f.line(); {
		case line > 0:
			return fmt.Sprintf("%s:%d", chunkLabel(f.Fn.Proto), line)
		case !f.Fn.IsG && f.Pc > 0:
			return chunkLabel(f.Fn.Proto) // stripped
		}
	}
	return ""
}
