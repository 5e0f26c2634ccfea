// Package membrane lets the Lua of one VM work with the values of another: that of tests,
// the near one, with those of a device, the far one, which thereby executes and holds
// nothing of the near one's but what it has been given.
//
//   - Nil, booleans, numbers and strings are the same on both sides.
//   - A table, function, userdata or coroutine of the far side is seen through a proxy:
//     always the same for the same object, so that it is equal to itself and can be a key.
//     A proxy of a table is a table; what is done to it is done on the far side, also
//     by the functions of Library, which see through proxies.
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
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Membrane joins two VMs. It is not safe for concurrent use, as they are not.
type Membrane struct {
	near, far *vm.VM // far: nil while there is none
	enter     func(fn vm.Value) *vm.Error

	typ      *vm.Type     // of proxies that are userdata, and of what is in the others
	lentType *vm.Type     // of loans that are userdata
	meta     *vm.Table    // its metatable, and that of proxies that are tables
	slot     *vm.UserData // the key of a proxy's handle
	weak     vm.Ref       // proxies by the number of their handle
	library  map[string]vm.Value
	nearJob  *vm.Function
	farJob   *vm.Function
	jobs     []*job
	depth    int
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

// proxy is what a userdata of the near side has, which is a proxy or in one.
type proxy struct {
	h  *handle
	u  *vm.UserData
	fn *vm.Function // the proxy, if it is a function
}

// loan is an object of the near side's, no table unless it is called like a function, that
// the far side has as another.
type loan struct {
	near, far vm.Value
	held      vm.Held
	way       int // values that are on their way to the near side
}

type markedFail struct {
	near vm.Value
	held vm.Held
}

// moving is a table of the near side that has moved and is not yet a proxy.
type moving struct {
	t    *vm.Table
	held vm.Held // by nothing else, when the table that it was in has become a proxy
}

// job is what runs on the side that is entered.
type job struct {
	do   func(c *vm.Call)
	done bool
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

// mostGarbage is how many proxies may be garbage before that is looked for, beside as many
// as there are.
const mostGarbage = 64

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

// Opaque has errors whose value is says passes on the far side as values of which nothing
// is to be seen there, and not as tables that have moved.
func (m *Membrane) Opaque(is func(x vm.Value) bool) { m.opaque = is }

// Unwound returns what has unwound a side that was called from the other, and forgets it:
// nil if nothing has. Who has entered a side looks when it has come back, and panics with it
// unless it knows better.
func (m *Membrane) Unwound() any {
	r := m.unwound
	m.unwound = nil
	return r
}

// Traceback is that of the far side's last error, if the error x of the near one is that.
func (m *Membrane) Traceback(x vm.Value) string {
	if x == nil || x != m.failed {
		return ""
	}
	return m.traces
}

// Far returns the object that x is the proxy of, and the VM that it is of.
func (m *Membrane) Far(x vm.Value) (vm.Value, *vm.VM, bool) {
	if h := m.proxied(x); h != nil && !m.stale(h) {
		return h.x, m.far, true
	}
	return x, m.near, false
}

// Passed is the traceback of the last error of the near side that went on to the far one.
func (m *Membrane) Passed() string { return m.passed }

// JoinTracebacks is the traceback of an error that has gone on from one side to the other.
// What calls across are made with is left out, and the function that was called has the name
// that its caller has for it.
func JoinTracebacks(from, to string) string {
	const header = "stack traceback:"
	var lines []string
	for _, traceback := range []string{from, to} {
		called := len(lines) // the function that the code of to has called stands before it
		for _, line := range strings.Split(traceback, "\n") {
			s := strings.TrimSpace(line)
			if s == "" || s == header || s == "[C]: ?" || s == "[C]: in function '?'" {
				continue
			}
			name, isNative := strings.CutPrefix(s, "[C]: in function ")
			if isNative && len(lines) == called && called > 0 {
				if at, _, ok := strings.Cut(lines[called-1], " in function <"); ok {
					lines[called-1] = at + " in function " + name
					called = -1
					continue
				}
			}
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return header + "\n" + strings.Join(lines, "\n")
}

// Marked returns the error of the near side that passes the far one as x.
func (m *Membrane) Marked(x vm.Value) (vm.Value, bool) {
	u, ok := x.(*vm.UserData)
	if !ok {
		return nil, false
	}
	f, ok := m.marks[u]
	return f.near, ok
}

// trampoline is the function that runs the job at hand.
func (m *Membrane) trampoline() vm.Func {
	return vm.Func{Name: "test", Fn: func(c *vm.Call) int {
		j := m.jobs[len(m.jobs)-1]
		j.do(c)
		j.done = true
		return 0
	}}
}

// inFar runs do on the far side, for c. Errors are raised in c. program says that functions
// of the program's are called.
func (m *Membrane) inFar(c *vm.Call, program bool, do func(dc *vm.Call)) {
	if m.far == nil {
		c.Error("the device is off")
	}
	if m.relieves {
		c.Error("a finalizer cannot call the device while that looks for memory")
	}
	var err *vm.Error
	idle := program && !m.far.Running()
	was := m.place
	m.place = placed{}
	defer func() { m.place = was }()
	ok := m.run(m.near, do, func() {
		if idle {
			err = m.enter(m.farJob)
		} else {
			err = m.far.CallThrough(m.farJob)
		}
	})
	if err != nil && ok {
		m.pushAllNear(c, []val{m.fromFar(m.where(err.Value))})
		m.failed, m.traces = c.Arg(c.Top()), err.Traceback
		c.ThrowTop()
	}
}

// inNear runs do on the near side, for code of the far side, and returns the error it ended
// with.
func (m *Membrane) inNear(do func(nc *vm.Call)) (err *vm.Error, ok bool) {
	ok = m.run(m.far, do, func() { err = m.near.CallThrough(m.nearJob) })
	return err, ok
}

// run runs a job through enter. It reports false when it was unwound otherwise than by an
// error: the side that has entered the other is to be left, too.
func (m *Membrane) run(from *vm.VM, do func(c *vm.Call), enter func()) (ok bool) {
	j := &job{do: do}
	depth := len(m.jobs)
	m.jobs = append(m.jobs, j)
	m.depth++
	failed := true
	defer func() {
		m.jobs = m.jobs[:depth]
		m.depth--
		if r := recover(); r != nil {
			if m.unwound == nil {
				m.unwound = r
			}
			failed = true
		}
		if failed {
			ok = false
			from.Kill("the other side of a call was left")
		}
	}()
	before := m.unwound
	enter()
	failed = m.unwound != before
	return !failed
}

// landed says that values have come where they were to go, or will never.
func (m *Membrane) landed(list []val) {
	for _, v := range list {
		if v.h != nil {
			v.h.way--
			m.dropUnused(v.h)
		}
		if v.l != nil {
			v.l.way--
		}
	}
}

// handleOf is the handle of an object of the far side.
func (m *Membrane) handleOf(x vm.Value) *handle {
	h := m.handles[x]
	if h == nil {
		m.last++
		h = &handle{far: m.far, x: x, held: m.far.Hold(x), id: m.last}
		m.handles[x] = h
	}
	return h
}

// dropUnused drops an object that the near side has no longer.
func (m *Membrane) dropUnused(h *handle) {
	if h.n == 0 && h.way == 0 && h.far != nil {
		delete(m.handles, h.x)
		m.far.Drop(&h.held)
		h.far = nil
	}
}

// endProxies forgets those that the near side's collector has freed.
func (m *Membrane) endProxies() {
	m.late = slices.DeleteFunc(m.late, func(p *proxy) bool {
		if !m.near.Gone(p.u) {
			return false
		}
		delete(m.handled, p.fn)
		p.h.n--
		m.dropUnused(p.h)
		return true
	})
}

// collectNear frees what is garbage on the near side, but for what only finalizers still have.
func (m *Membrane) collectNear() {
	m.near.Collect()
	m.near.Collect() // what the first has finalized
	m.endProxies()
	m.enough = len(m.handles) + mostGarbage
}

// Collect frees what is garbage on the near side, and holds nothing on the far one for it.
func (m *Membrane) Collect() {
	if len(m.handles) < 2 && len(m.lent)+len(m.handled)+len(m.late) == 0 { // nothing but the globals
		return
	}
	m.collectNear()
	m.EndLoans()
	if m.endCircles() {
		m.collectNear()
	}
}

// endCircles ends the loans of what the far side could only call if it had itself been
// called by that, and reports whether there were any.
func (m *Membrane) endCircles() bool {
	if len(m.lent) == 0 || len(m.handles) < 2 { // one is that of the globals
		return false
	}
	nears, fars := map[vm.Held]bool{}, map[vm.Held]bool{}
	for _, l := range m.lent {
		if l.way == 0 {
			nears[l.held] = true
		}
	}
	for _, h := range m.handles {
		if h.way == 0 && h != m.globals {
			fars[h.held] = true
		}
	}
	near, far := m.near.Reach(nears), m.far.Reach(fars)
	for found := true; found; {
		found = false
		near.Each(func(x vm.Value) {
			if p, ok := m.near.ToObject(x).(*proxy); ok && p.h.far == m.far && fars[p.h.held] {
				delete(fars, p.h.held)
				far.Add(p.h.x)
				found = true
			}
		})
		far.Each(func(x vm.Value) {
			if l := m.lent[x]; l != nil && nears[l.held] {
				delete(nears, l.held)
				near.Add(l.near)
				found = true
			}
		})
	}
	return m.endAll(func(l *loan) bool { return nears[l.held] })
}

// relieve collects on the near side when the far one's memory has run out: garbage there must
// not be why. It reports whether there was any.
func (m *Membrane) relieve() bool {
	if m.relieves {
		return false
	}
	m.relieves = true
	defer func() { m.relieves = false }()
	before := len(m.handles)
	m.inNear(func(nc *vm.Call) { m.Collect() }) // an error is a finalizer's
	return len(m.handles) < before
}

// proxied is the handle of a proxy, nil if x is none.
func (m *Membrane) proxied(x vm.Value) *handle {
	switch x := x.(type) {
	case *vm.UserData:
		if p, ok := m.near.ToObject(x).(*proxy); ok {
			return p.h
		}
	case *vm.Function:
		return m.handled[x]
	case *vm.Table:
		if m.near.RawMetatable(x) == vm.Value(m.meta) {
			if p, ok := m.near.ToObject(m.near.RawGet(x, m.slot)).(*proxy); ok {
				return p.h
			}
		}
	}
	return nil
}

// stale reports whether the object of a handle is no longer there.
func (m *Membrane) stale(h *handle) bool { return m.far == nil || h.far != m.far }

// fromNear is argument n of a function that is called on the near side.
func (m *Membrane) fromNear(c *vm.Call, n int) val {
	x := c.Arg(n)
	h := m.proxied(x)
	if h != nil && m.stale(h) {
		c.Error("a value of the device before it was reset: get it anew")
	}
	return val{x: x, h: h}
}

func (m *Membrane) argsFromNear(c *vm.Call, first int) []val {
	var list []val
	for i := first; i <= c.NArgs(); i++ {
		list = append(list, m.fromNear(c, i))
	}
	return list
}

// fromFar is a value of the far side, on its way until landed is told.
func (m *Membrane) fromFar(x vm.Value) val {
	switch x.(type) {
	case *vm.Function, *vm.UserData:
		if l := m.lent[x]; l != nil {
			l.way++
			return val{x: l.near, l: l}
		}
		if f, ok := m.Marked(x); ok {
			return val{x: f}
		}
	case *vm.Table, *vm.Thread:
	default:
		return val{x: x}
	}
	h := m.handleOf(x)
	h.way++
	return val{h: h}
}

func (m *Membrane) argsFromFar(c *vm.Call) []val {
	list := make([]val, c.NArgs())
	for i := range list {
		list[i] = m.fromFar(c.Arg(i + 1))
	}
	return list
}

// pushNear pushes a value on the near side.
func (m *Membrane) pushNear(c *vm.Call, v val) {
	h := v.h
	if h == nil {
		c.Push(v.x)
		return
	}
	if m.enough < 0 && !m.relieves {
		m.collectNear()
	}
	near := m.near
	weak := near.DerefTable(m.weak)
	if p := near.RawGetInt(weak, h.id); p != vm.Nil {
		c.Push(p)
		return
	}
	m.enough--
	u := m.newProxy(h)
	c.Push(u)
	switch x := h.x.(type) {
	case *vm.Table:
		t := near.NewTable(0, 1)
		c.Push(t)
		near.RawSet(t, m.slot, u)
		near.SetMetatable(t, m.meta)
		near.RawSetInt(weak, h.id, t)
	case *vm.Function:
		fn := near.NewClosure(vm.Func{Name: m.far.FunctionName(x), Fn: func(c *vm.Call) int {
			return m.callFar(c, m.self(c, h), m.argsFromNear(c, 1))
		}}, u)
		c.Push(fn)
		m.handled[fn] = h
		near.ToObject(u).(*proxy).fn = fn
		near.RawSetInt(weak, h.id, fn)
	default:
		near.RawSetInt(weak, h.id, u)
		return
	}
	c.Remove(c.Top() - 1)
}

// newProxy makes the userdata of a proxy.
func (m *Membrane) newProxy(h *handle) *vm.UserData {
	p := &proxy{h: h}
	p.u = m.near.NewObject(m.typ, handleSize, p)
	h.n++
	return p.u
}

// handleSize is what a userdata of the near side takes, in bytes: a pointer.
const handleSize = 4

// pushAllNear pushes values that come from the far side.
func (m *Membrane) pushAllNear(c *vm.Call, list []val) int {
	defer m.landed(list)
	if !c.CheckStack(len(list) + 4) {
		c.Error("too many values")
	}
	for _, v := range list {
		m.pushNear(c, v)
	}
	return len(list)
}

// self is a handle whose object is still there.
func (m *Membrane) self(c *vm.Call, h *handle) *handle {
	if h == nil || m.stale(h) {
		c.Error("a value of the device before it was reset: get it anew")
	}
	return h
}

// maxDepth is how deep tables may be in each other that move to the far side.
const maxDepth = 100

// pushFar pushes a value on the far side.
func (m *Membrane) pushFar(dc *vm.Call, v val) { m.pushFarWithin(dc, v, 0) }

func (m *Membrane) pushFarWithin(dc *vm.Call, v val, depth int) {
	if !dc.CheckStack(6) || depth > maxDepth {
		dc.Error("tables of a test that are nested too deeply can't be given to the program")
	}
	if v.h != nil {
		dc.Push(v.h.x)
		return
	}
	switch x := v.x.(type) {
	case *vm.Table:
		if m.calledAsFunction(x) {
			m.lend(dc, x, "")
			return
		}
		m.move(dc, x, depth)
	case *vm.Function:
		m.lend(dc, x, m.near.FunctionLabel(x))
	case *vm.UserData, *vm.Thread:
		if h := m.proxied(x); h != nil && !m.stale(h) {
			dc.Push(h.x)
			return
		}
		m.lend(dc, x, "")
	default:
		dc.Push(x)
	}
}

// AsFunction is the field of a metatable with __call that has its tables be functions on the
// far side.
const AsFunction = "as_function"

func (m *Membrane) calledAsFunction(t *vm.Table) bool {
	mt, ok := m.near.RawMetatable(t).(*vm.Table)
	return ok && m.near.RawGetString(mt, AsFunction) == vm.Value(vm.True)
}

// lend pushes what x is on the far side: a function that calls it, or a userdata.
func (m *Membrane) lend(dc *vm.Call, x vm.Value, label string) {
	if l := m.loans[x]; l != nil {
		if !m.far.Gone(l.far) {
			dc.Push(l.far)
			return
		}
		if l.way == 0 {
			m.endLoan(l)
		}
	}
	if len(m.loans) > m.loansMax {
		m.EndLoans()
		m.loansMax = 2*len(m.loans) + 64
	}
	l := &loan{near: x}
	switch x.(type) {
	case *vm.UserData, *vm.Thread:
		l.far = m.far.NewObject(m.lentType, handleSize, l)
	default:
		l.far = m.far.NewClosure(vm.Func{Name: label, Fn: func(dc *vm.Call) int {
			return m.inside(dc, m.argsFromFar(dc), func(nc *vm.Call, args int) int {
				nc.Push(x)
				nc.InsertBelow(args)
				return nc.CallTop(args, -1)
			})
		}}, vm.True)
	}
	dc.Push(l.far)
	l.held = m.near.Hold(x)
	m.lent[l.far], m.loans[x] = l, l
}

// EndLoans forgets what one side has no longer of the other's, as far as their collectors
// have found it.
func (m *Membrane) EndLoans() {
	m.endProxies()
	m.endAll(func(l *loan) bool { return l.way == 0 && m.far.Gone(l.far) })
}

// endAll ends loans, and reports whether there were any.
func (m *Membrane) endAll(is func(l *loan) bool) bool {
	var list []*loan
	for _, l := range m.lent {
		if is(l) {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b *loan) int { return cmp.Compare(a.held, b.held) })
	for _, l := range list {
		m.endLoan(l)
	}
	return len(list) > 0
}

func (m *Membrane) endLoan(l *loan) {
	delete(m.lent, l.far)
	if m.loans[l.near] == l {
		delete(m.loans, l.near)
	}
	m.near.Drop(&l.held)
}

// move pushes the far side's table that t becomes: see turn.
func (m *Membrane) move(dc *vm.Call, t *vm.Table, depth int) {
	if h := m.moved[t]; h != nil {
		dc.Push(h.x)
		return
	}
	near := m.near
	if h := m.proxied(t); h != nil {
		if m.stale(h) {
			dc.Error("a value of the device before it was reset: get it anew")
		}
		dc.Push(h.x)
		return
	}
	positional := near.Len(t)
	entries := 0
	for k, _, ok := near.RawNext(t, vm.Nil); ok && k != vm.Nil; k, _, ok = near.RawNext(t, k) {
		entries++
	}
	d := dc.NewTable(min(positional, entries), max(entries-positional, 0))
	dc.Push(d)
	h := m.handleOf(d)
	h.way++
	m.moved[t] = h
	m.moving = append(m.moving, moving{t, near.Hold(t)})
	for k, x, ok := near.RawNext(t, vm.Nil); ok && k != vm.Nil; k, x, ok = near.RawNext(t, k) {
		m.pushFarWithin(dc, val{x: k, h: m.current(dc, k)}, depth+1)
		m.pushFarWithin(dc, val{x: x, h: m.current(dc, x)}, depth+1)
		dc.RawSetAt(d, dc.Top()-1, dc.Top())
		dc.Pop(2)
	}
	if mt, ok := near.RawMetatable(t).(*vm.Table); ok {
		m.pushFarWithin(dc, val{x: mt, h: m.current(dc, mt)}, depth+1)
		m.far.SetMetatable(d, dc.Arg(dc.Top()))
		dc.Pop(1)
	}
}

// current is the handle of a proxy in a table that moves.
func (m *Membrane) current(dc *vm.Call, x vm.Value) *handle {
	h := m.proxied(x)
	if h != nil && m.stale(h) {
		dc.Error("a value of the device before it was reset: get it anew")
	}
	return h
}

// turn makes what has moved to the far side proxies.
func (m *Membrane) turn(dc *vm.Call) {
	if len(m.moving) == 0 {
		return
	}
	list := m.moving
	m.moving = nil
	err, _ := m.inNear(func(nc *vm.Call) { m.becomeProxies(nc, list) })
	m.arrived(list)
	if err != nil {
		dc.Error("%s", err.Message())
	}
}

// becomeProxies does that on the near side: all of them, or none if memory runs out.
func (m *Membrane) becomeProxies(nc *vm.Call, list []moving) {
	near := m.near
	weak := near.DerefTable(m.weak)
	done := false
	defer func() {
		if done {
			return
		}
		for _, x := range list {
			if near.RawGet(x.t, m.slot) != vm.Nil {
				near.RawSet(x.t, m.slot, vm.Nil)
			}
			if id := m.moved[x.t].id; near.RawGetInt(weak, id) != vm.Nil {
				near.RawSetInt(weak, id, vm.Nil)
			}
		}
	}()
	for _, x := range list {
		h := m.moved[x.t]
		u := m.newProxy(h)
		nc.Push(u)
		near.RawSet(x.t, m.slot, u)
		near.RawSetInt(weak, h.id, x.t)
		nc.Pop(1)
	}
	done = true
	for _, x := range list { // none of this takes memory
		near.SetMetatable(x.t, m.meta)
		var keys []vm.Value
		for k, _, ok := near.RawNext(x.t, vm.Nil); ok && k != vm.Nil; k, _, ok = near.RawNext(x.t, k) {
			if k != vm.Value(m.slot) {
				keys = append(keys, k)
			}
		}
		for _, k := range keys {
			near.RawSet(x.t, k, vm.Nil)
		}
	}
}

// arrived forgets what was to move.
func (m *Membrane) arrived(list []moving) {
	for _, x := range list {
		h := m.moved[x.t]
		h.way--
		m.dropUnused(h)
		delete(m.moved, x.t)
		m.near.Drop(&x.held)
	}
}

// abandon does so after an error.
func (m *Membrane) abandon() {
	m.arrived(m.moving)
	m.moving = nil
}

// callFar calls a function of the far side, or what can be called there.
func (m *Membrane) callFar(c *vm.Call, h *handle, args []val) int {
	var out []val
	at := c.Where(1)
	m.inFar(c, true, func(dc *vm.Call) {
		if !dc.CheckStack(len(args) + 4) {
			dc.Error("too many values")
		}
		m.given(dc, func() {
			dc.Push(h.x)
			for _, a := range args {
				m.pushFar(dc, a)
			}
		})
		m.naming(dc, h, at, func() {
			n := dc.CallTop(len(args), -1)
			for i := dc.Top() - n + 1; i <= dc.Top(); i++ {
				out = append(out, m.fromFar(dc.Arg(i)))
			}
		})
	})
	return m.pushAllNear(c, out)
}

// given makes values on the far side, and what has moved for it proxies.
func (m *Membrane) given(dc *vm.Call, push func()) {
	moved := false
	defer func() {
		if !moved {
			m.abandon()
		}
	}()
	push()
	m.turn(dc)
	moved = true
}

// indexNear is __index of a userdata of the near side on the far one.
func (m *Membrane) indexNear(dc *vm.Call) int {
	l, ok := m.far.ToObject(dc.Arg(1)).(*loan)
	if !ok {
		dc.TypeError(1, "userdata")
	}
	return m.inside(dc, []val{m.fromFar(dc.Arg(2))}, func(nc *vm.Call, args int) int {
		x := nc.Index(l.near, nc.Arg(nc.Top()))
		nc.Push(x)
		return 1
	})
}

// inside has do run on the near side, for code of the far one, with values on the stack: it
// leaves results there and says how many.
func (m *Membrane) inside(dc *vm.Call, args []val, do func(nc *vm.Call, args int) int) int {
	var out []val
	var held []vm.Held
	defer func() {
		for i := range held {
			m.near.Drop(&held[i])
		}
	}()
	arrived := false
	err, ok := m.inNear(func(nc *vm.Call) {
		arrived = true
		m.pushAllNear(nc, args)
		n := do(nc, len(args))
		for i := nc.Top() - n + 1; i <= nc.Top(); i++ {
			v := m.fromNear(nc, i)
			out = append(out, v)
			switch v.x.(type) {
			case *vm.Table, *vm.Function, *vm.UserData, *vm.Thread:
				held = append(held, m.near.Hold(v.x))
			}
		}
	})
	if !arrived {
		m.landed(args)
	}
	if !ok {
		return 0
	}
	if !dc.CheckStack(len(out) + 6) {
		dc.Error("too many values")
	}
	if err != nil {
		m.place = placed{} // it is no error of the function that has called it
		m.passed = JoinTracebacks(m.Traceback(err.Value), err.Traceback)
		m.pushError(dc, err)
		dc.ThrowTop()
	}
	m.given(dc, func() {
		for _, v := range out {
			m.pushFar(dc, v)
		}
	})
	return len(out)
}

// pushError pushes the value of an error of the near side's.
func (m *Membrane) pushError(dc *vm.Call, err *vm.Error) {
	x := err.Value
	if m.opaque != nil && m.opaque(x) {
		for u, f := range m.marks {
			if f.near == x {
				dc.Push(u)
				return
			}
		}
		u := m.far.NewLightUserData()
		m.marks[u] = markedFail{x, m.near.Hold(x)}
		dc.Push(u)
		return
	}
	switch x.(type) {
	case *vm.Table, *vm.Function, *vm.UserData, *vm.Thread:
		held := m.near.Hold(x)
		defer m.near.Drop(&held)
	}
	m.given(dc, func() { m.pushFar(dc, val{x: x, h: m.proxied(x)}) })
}

func (m *Membrane) String() string {
	return fmt.Sprintf("%d handles, %d functions, %d loans", len(m.handles), len(m.handled), len(m.lent))
}
