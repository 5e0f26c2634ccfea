// Package membrane lets the Lua of one VM work with the values of another: that of tests,
// the near one, with those of a device, the far one, which thereby executes and holds
// nothing of the near one's but what it has been given.
//
//   - Nil, booleans, numbers and strings are the same on both sides.
//   - A table, function, userdata or coroutine of the far side is seen through a proxy:
//     always the same for the same object, so that it is equal to itself and can be a key.
//     A proxy of a table is a table; what is done to it is done on the far side, also
//     by the near side's own functions (library.go), which see through proxies.
//   - A function of the near side that is given to the far one is there a function in Go
//     that calls it; a userdata or coroutine is a userdata there, with the same fields.
//   - A table of the near side that is given to the far one moves there, with all that is
//     in it, and is a proxy from then on: both sides see the same table, and what it takes
//     is the far side's.
//
// An error passes with its value. What else unwinds one side (a reset of the device, the end
// of a test) is kept until the other has been left, too: see Unwound.
//
// What is garbage on both sides is found by Collect, also in circles that lead through both, but
// for those with a userdata whose finalizer is a function of Lua.
//
// It knows VMs; what a test or a device is it does not.
package membrane

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Membrane joins two VMs. It is not safe for concurrent use, as they are not.
type Membrane struct {
	near, far *vm.VM // far: nil while there is none
	enter     func(fn vm.Value) *vm.Error

	typ      *vm.Type            // of proxies that are userdata, and of what is in the others
	lentType *vm.Type            // of loans that are userdata
	meta     *vm.Table           // its metatable, and that of proxies that are tables
	slot     *vm.UserData        // the key of a proxy's handle
	weak     vm.Ref              // proxies by the number of their handle
	language map[string]vm.Value // globals that the near side has of its own: see library.go
	nearJob  *vm.Function
	farJob   *vm.Function
	jobs     []*job
	unwound  any
	failed   vm.Value                    // the near side's value of the far one's last error,
	traces   string                      // and its traceback
	passed   string                      // traceback of the last error of the near side that went on to the far one
	place    placed                      // of the call of the far side that runs: see naming
	handles  map[vm.Value]*handle        // by what they are of
	handled  map[*vm.Function]*handle    // by the proxy, where that is a function
	late     []*proxy                    // whose userdata was found to be garbage, and may still be referred to by finalizers
	enough   int                         // proxies that may be made until the near side is collected
	relieves bool                        // it is being collected
	last     int                         // number of a handle
	globals  *handle                     // of the far side's global table
	lent     map[vm.Value]*loan          // by what the far side has
	loans    map[vm.Value]*loan          // by the near side's
	loansMax int                         // how many there are before those that ended are looked for
	moved    map[*vm.Table]*handle       // to the far side, and not yet a proxy
	moving   []moving                    // their order
	marks    map[*vm.UserData]markedFail // errors of the near side that are on their way through the far one
	opaque   func(x vm.Value) bool
}

// handle holds an object of the far side, as long as it has proxies or is on its way.
type handle struct {
	far  *vm.VM // nil when it is held no longer
	x    vm.Value
	held vm.Held
	id   int
	n    int // proxies
	way  int // values that are on their way
}

// loan is an object of the near side's, no table unless it is called like a function, that
// the far side has as another.
type loan struct {
	near, far vm.Value
	held      vm.Held
	way       int // values that are on their way to the near side
}

// val is a value on its way: one that is the same on both sides, or an object.
type val struct {
	x vm.Value // of the near side, if it is an object and h is nil
	h *handle
	l *loan // of x, if that comes from the far side
}

// New returns a membrane around a VM in which nothing has run, and gives it its globals: the
// library, and behind that those of the far side.
func New(near *vm.VM) *Membrane {
	m := &Membrane{near: near, handled: map[*vm.Function]*handle{}, moved: map[*vm.Table]*handle{}}
	near.StartAccounting()
	near.SetEGC(0, 0) // as Lua is elsewhere: it collects now and then
	m.forget()
	m.typ = &vm.Type{Name: "far", Index: m.index, GC: func(object any) { m.late = append(m.late, object.(*proxy)) }}
	m.lentType = &vm.Type{Name: "test", Index: m.indexNear}
	m.meta = near.Metatable(m.typ)
	near.AddMethods(m.typ, m.metamethods()...)
	m.slot = near.NewLightUserData()
	m.nearJob, m.farJob = near.NewFunction(m.trampoline()), near.NewFunction(m.trampoline())
	weak := near.NewTable(0, 0)
	mode := near.NewTable(0, 1)
	near.SetField(mode, "__mode", vm.String("v"))
	near.SetMetatable(weak, mode)
	m.weak = near.Ref(weak, "proxies")
	m.open()
	return m
}

// forget empties what is known of the far side.
func (m *Membrane) forget() {
	m.handles = map[vm.Value]*handle{}
	m.lent, m.loans = map[vm.Value]*loan{}, map[vm.Value]*loan{}
	m.marks = map[*vm.UserData]markedFail{}
	m.loansMax, m.enough = 64, mostGarbage
}

// Attach makes v the far side. enter calls a function of it that takes and returns nothing,
// protected, while it is idle.
func (m *Membrane) Attach(v *vm.VM, enter func(fn vm.Value) *vm.Error) {
	m.Detach()
	m.far, m.enter = v, enter
	v.SetRelief(m.relieve)
	m.globals = m.handleOf(v.Globals())
	m.globals.n++
}

// Detach ends that: proxies of what was there are of no use any longer.
func (m *Membrane) Detach() {
	for _, l := range m.lent {
		m.near.Drop(&l.held)
	}
	for _, f := range m.marks {
		m.near.Drop(&f.held)
	}
	for _, h := range m.handles {
		h.far = nil
	}
	if m.far != nil {
		m.far.SetRelief(nil)
	}
	m.forget()
	m.far, m.globals = nil, nil
}

// Far returns the object that x is the proxy of, and the VM that it is of.
func (m *Membrane) Far(x vm.Value) (vm.Value, *vm.VM, bool) {
	if h := m.proxied(x); h != nil && !m.stale(h) {
		return h.x, m.far, true
	}
	return x, m.near, false
}

func (m *Membrane) String() string {
	return fmt.Sprintf("%d handles, %d functions, %d loans", len(m.handles), len(m.handled), len(m.lent))
}
