package luatest

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The module sim is tables of functions, and userdata of the types of simTypes. What is in
// it lives in the world, not on the device: sim_net.go has connections, sim_http.go what is
// HTTP of them, sim_mqtt.go a broker, and so on. docs/sim.md is its manual.

// defaultWait is how long a function of sim waits that has been given no time.
const defaultWait = 10 * clock.Second

// sim is what the module knows on one boot.
type sim struct {
	types  simTypes
	resume *vm.Function                    // goes on with a test: see waiter.give
	next   func(c *vm.Call, co *vm.Thread) // what it is to do

	hosts     map[netip.Prefix]*peer.Host // of tests, by network
	peers     int                         // hosts made so far, for their names
	names     map[string]netip.Addr       // what sim.dns and sim.listen have named
	outside   netip.Addr                  // the last address given to a name that had none
	link      func()                      // takes sim.link's rule away
	cuts      []func()                    // those of sim.partition
	terminals map[*device.Device]*terminal
	events    recorded
	watches   []*watch
	open      []func() // ends what tests have opened, or done to the network, last first
	log       *observe.Log
}

// simTypes are the userdata of sim.
type simTypes struct{ conn, listener, udp, broker, watch, device *vm.Type }

// namesSim finds the module in a file of tests: one that does not name it has none.
var namesSim = regexp.MustCompile(`\bsim\b`)

// simTable makes the module sim, which only tests have.
func (r *run) simTable() *vm.Table {
	v := r.d.VM
	s := &r.sim
	s.hosts, s.names, s.terminals = map[netip.Prefix]*peer.Host{}, map[string]netip.Addr{}, map[*device.Device]*terminal{}
	s.types = simTypes{conn: r.connType(), listener: r.listenerType(), udp: r.udpType(), broker: r.brokerType(), watch: r.watchType(), device: r.deviceType()}
	s.resume = v.NewFunction(vm.Func{Name: "resume", Fn: func(c *vm.Call) int {
		co, _ := c.Arg(1).(*vm.Thread)
		s.next(c, co)
		return 0
	}})
	r.recordEvents()
	r.watchPins()
	if !namesSim.MatchString(r.f.source) {
		return v.NewTable(0, 0)
	}
	t := v.NewTable(0, 2)
	add := func(t *vm.Table, list []vm.Func) {
		for _, f := range list {
			v.SetField(t, f.Name, v.NewFunction(f))
		}
	}
	var funcs []vm.Func
	for _, list := range [][]vm.Func{r.simTime(), r.simUntil(), r.simNet(), r.simHTTP(), r.simMQTT(), r.simLink(), r.simDevice(), absent} {
		funcs = append(funcs, list...)
	}
	var parts []vm.Const // in flash, as the functions are
	for _, part := range []struct {
		name  string
		funcs []vm.Func
	}{{"wifi", r.simWiFi()}, {"pin", r.simPin()}, {"adc", r.simADC()}, {"serial", r.simSerial()}, {"heap", r.simHeap()}, {"events", r.simEvents()}} {
		if part.name == "heap" || part.name == "events" { // lua/sim.lua adds to these
			sub := v.NewTable(0, len(part.funcs))
			add(sub, part.funcs)
			v.SetField(t, part.name, sub)
			continue
		}
		parts = append(parts, vm.Const{Name: part.name, Value: v.NewROMTable("sim."+part.name, part.funcs, nil)})
	}
	v.SetField(t, "flash", v.NewROMTable("sim", funcs, parts)) // lua/sim.lua finds it there
	return t
}

// opened has fn called when the test ends; what a setup function opens is there until the
// file ends.
func (s *sim) opened(fn func()) { s.open = append(s.open, fn) }

// maxOpen is how much tests can have open, and keepLimit how many bytes of messages or
// requests one of these keeps for them.
const (
	maxOpen   = 10000
	keepLimit = 16 << 20
)

// room raises an error when there is no room to open anything more.
func (r *run) room(c *vm.Call) {
	if len(r.sim.open) >= maxOpen {
		c.Error("the test has opened %d connections, listeners, sockets and watches: that is all there can be", maxOpen)
	}
}

// release gives a reference back, as a task of the device.
func (r *run) release(ref vm.Ref) {
	v := r.d.VM
	if ref != 0 && v != nil {
		r.work(func() {
			if r.d.VM == v {
				v.Unref(&ref)
			}
		})
	}
}

// closeFrom ends what was opened since there were n.
func (s *sim) closeFrom(n int) {
	for len(s.open) > n {
		last := len(s.open) - 1
		fn := s.open[last]
		s.open = s.open[:last]
		fn()
	}
}

// absent are functions that sim does not have yet.
var absent = []vm.Func{
	{Name: "reboot", Fn: func(c *vm.Call) int {
		c.Error("sim has no reboot: a test ends with the boot that it runs on; put what comes behind the reset into a test of its own, or reset a sim.device")
		return 0
	}},
	{Name: "power_cut", Fn: func(c *vm.Call) int {
		c.Error("sim has no power_cut: a test ends with the boot that it runs on; put what comes behind it into a test of its own")
		return 0
	}},
}

// waiter is a test that waits in a function of sim, until give or fail is called.
type waiter struct {
	r     *run
	a     *activity
	limit clock.Duration
	timer *clock.Event
	over  bool
	// late is called when the time is over, and fails.
	late func()
}

// await has the test wait, for limit at most. begin is called at once, gets things going
// and sets late.
func (r *run) await(c *vm.Call, limit clock.Duration, begin func(w *waiter)) int {
	return r.wait(c, func(func(...vm.Value)) {
		w := &waiter{r: r, a: r.now, limit: limit}
		w.timer = r.after(limit, func() {
			if !w.over {
				w.late()
			}
		})
		begin(w)
	})
}

// end ends the wait; it reports false when that has happened, or the test is gone.
func (w *waiter) end() bool {
	if w.over {
		return false
	}
	w.over = true
	w.timer.Stop()
	return w.r.now == w.a && w.a.waiting && w.r.dead == ""
}

// give goes on with the test as a task of the device. push makes what the function
// returns, and says how many values those are.
func (w *waiter) give(push func(c *vm.Call) int) {
	if !w.end() {
		return
	}
	r := w.r
	r.work(func() {
		if r.now != w.a || !w.a.waiting || r.d.VM == nil {
			return
		}
		w.a.waiting = false
		r.sim.next = func(c *vm.Call, co *vm.Thread) {
			c.Push(c.VM.Deref(r.step))
			c.Push(co)
			c.CallTop(1+push(c), 0)
		}
		if _, err := r.d.CallProtected("test", r.sim.resume, 0, w.a.co); err != nil {
			r.giveUp(w.a, Broken, Failure{Message: err.Message(), Traceback: trim(err.Traceback)})
		}
	})
}

// values goes on with the test with these: see pushValue.
func (w *waiter) values(list ...any) {
	w.give(func(c *vm.Call) int {
		for _, x := range list {
			pushValue(c, x)
		}
		return len(list)
	})
}

// fail ends the test: what it waits for does not come.
func (w *waiter) fail(format string, args ...any) {
	if w.end() {
		w.r.giveUp(w.a, Failed, Failure{Message: fmt.Sprintf(format, args...)})
	}
}

// failCompared is fail with what was expected and what came.
func (w *waiter) failCompared(expected, actual, format string, args ...any) {
	if w.end() {
		w.r.giveUp(w.a, Failed, Failure{Message: fmt.Sprintf(format, args...), Compared: true, Expected: expected, Actual: actual})
	}
}

// broken ends the test with an error.
func (w *waiter) broken(message string) {
	if w.end() {
		w.r.giveUp(w.a, Broken, Failure{Message: message})
	}
}

// passed is how long that took, for messages.
func (w *waiter) passed() string { return fmt.Sprintf("%v ms", float64(w.limit)/1000) }

// placeInTraceback finds a line of a traceback that is of a program.
var placeInTraceback = regexp.MustCompile(`(?m)^\s*([^\s:()\[\]]+:\d+): in `)

// giveUp ends a test that waits, where it stands: its coroutine is not gone on with.
func (r *run) giveUp(a *activity, s Status, why Failure) {
	if r.now != a || r.dead != "" {
		return
	}
	if r.d.VM != nil {
		traceback := trim(r.d.VM.Traceback(a.innermost(), 0))
		if m := placeInTraceback.FindStringSubmatch(traceback); m != nil {
			at := r.f.failureAt(m[1]+": "+why.Message, "")
			why.File, why.Line, why.Source = at.File, at.Line, at.Source
		}
		if why.Traceback == "" {
			why.Traceback = traceback
		}
	}
	r.fail(s, why)
	r.abandon(a)
}

// innermost is the coroutine that stands where the test does.
func (a *activity) innermost() *vm.Thread {
	if n := len(a.nested); n > 0 {
		return a.nested[n-1]
	}
	return a.co
}

// abandon ends a coroutine where it stands.
func (r *run) abandon(a *activity) {
	a.waiting, a.over = false, true
}

// changes tells those who wait for something that it may have come.
type changes struct{ list []change }

type change struct {
	w    *waiter
	look func()
}

// add has look called now and whenever something has changed, as long as w waits.
func (s *changes) add(w *waiter, look func()) {
	s.list = append(slices.DeleteFunc(s.list, func(x change) bool { return x.w.over }), change{w, look})
	look()
}

// tell says that something has changed.
func (s *changes) tell() {
	for _, x := range slices.Clone(s.list) {
		if !x.w.over {
			x.look()
		}
	}
	s.list = slices.DeleteFunc(s.list, func(x change) bool { return x.w.over })
}

// row is a table with named fields, for pushValue.
type row []field

type field struct {
	name  string
	value any
}

// object is a userdata, for pushValue.
type object struct {
	typ   *vm.Type
	value any
}

// objectSize is what a userdata of sim takes, in bytes: a pointer.
const objectSize = 4

// pushValue pushes a Go value: nil, a boolean, number, string, list ([]any), row or
// object.
func pushValue(c *vm.Call, x any) {
	if !c.CheckStack(4) {
		c.Error("a value of sim is nested too deeply")
	}
	switch x := x.(type) {
	case nil:
		c.PushNil()
	case bool:
		c.PushBool(x)
	case int:
		c.PushNumber(float64(x))
	case float64:
		c.PushNumber(x)
	case string:
		c.PushString(x)
	case []byte:
		c.PushBytes(x)
	case object:
		c.Push(c.VM.NewObject(x.typ, objectSize, x.value))
	case []any:
		t := c.NewTable(len(x), 0)
		c.PushTable(t)
		for i, e := range x {
			pushValue(c, e)
			c.RawSetIntTop(t, i+1)
		}
	case row:
		t := c.NewTable(0, len(x))
		c.PushTable(t)
		for _, f := range x {
			if f.value == nil {
				continue
			}
			c.PushString(f.name)
			pushValue(c, f.value)
			c.RawSetAt(t, c.Top()-1, c.Top())
			c.Pop(2)
		}
	default:
		panic(fmt.Sprintf("luatest: a %T for Lua", x))
	}
}

// returns returns Go values.
func returns(c *vm.Call, list ...any) int {
	for _, x := range list {
		pushValue(c, x)
	}
	return len(list)
}

// timeout is argument n, how long to wait in milliseconds.
func timeout(c *vm.Call, n int) clock.Duration {
	if c.IsNoneOrNil(n) {
		return defaultWait
	}
	return millis(c, n)
}

// whole is argument n, an integer between two bounds; what says what it is.
func whole(c *vm.Call, n, low, high int, what string) int {
	x := c.Number(n)
	if x != math.Trunc(x) || x < float64(low) || x > float64(high) {
		c.ArgError(n, fmt.Sprintf("%s is an integer from %d to %d", what, low, high))
	}
	return int(x)
}

func portArg(c *vm.Call, n int) uint16 { return uint16(whole(c, n, 1, 65535, "a port")) }

// addressOf reads an IPv4 address.
func addressOf(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Is4()
}

// options are the fields of a table that a function is given.
type options struct {
	c    *vm.Call
	t    *vm.Table
	what string // the function
}

// optionsOf is argument n, a table with some of the named fields. An absent one has none.
func optionsOf(c *vm.Call, n int, what string, names ...string) *options {
	o := &options{c, c.OptTable(n), what}
	if o.t == nil {
		return o
	}
	for key := vm.Value(vm.Nil); ; {
		next, _, ok := c.VM.RawNext(o.t, key)
		if !ok || next == vm.Nil {
			return o
		}
		if name, is := next.(vm.String); !is || !slices.Contains(names, string(name)) {
			text, _ := c.VM.ToString(next)
			if text == "" {
				text = "a key that is no name"
			}
			c.Error("%s knows no %s: it takes %s", what, text, strings.Join(names, ", "))
		}
		key = next
	}
}

// get is a field, nil when it is not there.
func (o *options) get(name string) vm.Value {
	if o.t == nil {
		return nil
	}
	if x := o.c.VM.RawGetString(o.t, name); x != vm.Nil {
		return x
	}
	return nil
}

func (o *options) wrong(name, want string) {
	o.c.Error("%s: %s must be %s", o.what, name, want)
}

func (o *options) text(name, def string) string {
	switch x := o.get(name).(type) {
	case nil:
		return def
	case vm.String:
		return string(x)
	case vm.Number:
		text, _ := o.c.VM.ToString(x)
		return text
	}
	o.wrong(name, "a string")
	return ""
}

func (o *options) whole(name string, low, high, def int) int {
	x := o.get(name)
	if x == nil {
		return def
	}
	f, ok := x.(vm.Number)
	if !ok || float64(f) != math.Trunc(float64(f)) || float64(f) < float64(low) || float64(f) > float64(high) {
		o.wrong(name, fmt.Sprintf("an integer from %d to %d", low, high))
	}
	return int(f)
}

func (o *options) flag(name string) bool {
	x := o.get(name)
	if x == nil {
		return false
	}
	b, ok := x.(vm.Bool)
	if !ok {
		o.wrong(name, "true or false")
	}
	return bool(b)
}

func (o *options) timeout() clock.Duration {
	x := o.get("timeout")
	if x == nil {
		return defaultWait
	}
	f, ok := x.(vm.Number)
	if !ok || !(f >= 0) || f > 1e12 {
		o.wrong("timeout", "a time in milliseconds, from 0")
	}
	return clock.Duration(f * 1000)
}

// pairs are the fields of a table of strings, sorted by name.
func (o *options) pairs(name string) [][2]string {
	x := o.get(name)
	if x == nil {
		return nil
	}
	t, ok := x.(*vm.Table)
	want := fmt.Sprintf("%s: %s must be a table of names and values, both strings", o.what, name)
	if !ok {
		o.c.Error("%s", want)
	}
	return pairsOf(o.c, t, want)
}

// pairsOf are the fields of a table of strings, sorted by name. wrong is the error for
// anything else in it.
func pairsOf(c *vm.Call, t *vm.Table, wrong string) [][2]string {
	var out [][2]string
	for key := vm.Value(vm.Nil); ; {
		next, value, ok := c.VM.RawNext(t, key)
		if !ok || next == vm.Nil {
			break
		}
		k, isName := next.(vm.String)
		text, isText := "", false
		switch value.(type) {
		case vm.String, vm.Number:
			text, isText = c.VM.ToString(value)
		}
		if !isName || !isText {
			c.Error("%s", wrong)
		}
		out = append(out, [2]string{string(k), text})
		key = next
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}

// quoted shows what came, for messages: the last of it where it is long.
func quoted(data []byte) string {
	const most = 1000
	if len(data) == 0 {
		return "nothing"
	}
	if len(data) > most {
		return fmt.Sprintf("… %q", data[len(data)-most:])
	}
	return fmt.Sprintf("%q", data)
}

// simUntil has sim.run_until.
func (r *run) simUntil() []vm.Func {
	return []vm.Func{{Name: "run_until", Fn: func(c *vm.Call) int {
		fn := c.Function(1)
		limit := timeout(c, 2)
		place := c.VM.FunctionLabel(fn)
		ref := r.d.VM.Ref(fn, "sim.run_until")
		return r.await(c, limit, func(w *waiter) { r.until(w, ref, place) })
	}}}
}

// untilName is the entry under which the function of sim.run_until is called.
const untilName = "sim.run_until"

// until looks at fn after each thing that happens on the device, and each millisecond.
func (r *run) until(w *waiter, ref vm.Ref, place string) {
	v := r.d.VM
	posted := false
	var look func()
	post := func() {
		if posted || w.over {
			return
		}
		posted = true
		r.work(look)
	}
	look = func() {
		posted = false
		if w.over || r.d.VM != v || r.now != w.a {
			return
		}
		results, err := r.d.CallProtected(untilName, v.Deref(ref), 1)
		switch {
		case err != nil:
			v.Unref(&ref)
			w.failure(Broken, r.f.failureAt(err.Message(), trim(err.Traceback)))
		case len(results) > 0 && results[0] != vm.Nil && results[0] != vm.Value(vm.False):
			v.Unref(&ref)
			w.values(true)
		}
	}
	w.late = func() {
		r.release(ref)
		w.failCompared("true of "+place, "false", "sim.run_until: not true within %s", w.passed())
	}
	var tick func()
	tick = func() {
		post()
		if !w.over {
			r.app.World.Clock.After(clock.Millisecond, tick)
		}
	}
	r.sim.events.changed.add(w, post)
	tick()
}

// failure ends the test with a failure that has its own place.
func (w *waiter) failure(s Status, f Failure) {
	if w.end() {
		if f.File == "" {
			w.r.giveUp(w.a, s, f)
			return
		}
		w.r.fail(s, f)
		w.r.abandon(w.a)
	}
}

// address is where the device can be reached: as a station, or in its own network.
func address(d *device.Device) (netip.Prefix, bool) {
	for _, i := range air.Interfaces {
		if p := d.Address(i); p.IsValid() {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
