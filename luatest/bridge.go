package luatest

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// load loads the libraries and the file, which says what its tests are.
func (r *run) load() (err error) {
	r.groups = []*group{{}}
	r.log.Reset()
	done := false
	r.work(func() {
		defer func() { done = true }()
		err = r.loadNow()
	})
	if !r.drive(func() bool { return done || r.dead != "" }, r.f.o.Timeout) || !done {
		why := r.f.failureAt(r.dead, "")
		why.Message = strings.TrimSuffix("the device does not come to load the tests: "+why.Message, ": ")
		return &problem{why}
	}
	if err != nil {
		return err
	}
	t := &Test{}
	r.test, r.loading = t, true
	var fn vm.Ref
	if r.touch(func(v *vm.VM) { fn = v.Ref(r.main, "tests") }); r.dead == "" {
		r.perform(fn, r.f.o.Timeout)
	}
	r.test, r.loading = nil, false
	if len(t.Failures) > 0 {
		return &problem{t.Failures[0]}
	}
	return nil
}

// loadNow does that on the device.
func (r *run) loadNow() error {
	v := r.d.VM
	if !r.f.o.Shared {
		r.openOwn()
		v = r.own
	}
	host := v.NewTable(0, 16)
	if r.own != nil {
		v.SetField(host, "globals", v.Globals())
	}
	for _, f := range r.natives() {
		v.SetField(host, f.Name, v.NewFunction(f))
	}
	v.SetField(host, "sim", r.simTable())
	var given vm.Value = host
	loaded := map[string]bool{}
	for _, l := range libraries {
		if l.of != nil && !l.of.in(r.f.source) || l.name == "more" && !loaded["assert"] {
			continue
		}
		loaded[l.name] = true
		code, err := compiled(l.name, v.DebugKept())
		if err != nil {
			return err
		}
		fn, err := v.LoadCompiled(code)
		if err != nil {
			return err
		}
		results, lerr := r.call("test library", fn, 1, given)
		if lerr != nil {
			return fmt.Errorf("%s: %w", l.name, lerr)
		}
		if r.f.o.heapSaid != nil {
			r.f.o.heapSaid(l.name, v.FreeHeap())
		}
		if l.name == "core" {
			core := results[0].(*vm.Table)
			given = core
			r.start = v.Ref(v.RawGetString(core, "start"), "tests")
			r.step = v.Ref(v.RawGetString(core, "step"), "tests")
			r.loader = v.Ref(v.RawGetString(core, "load"), "tests")
			r.failure = v.Ref(v.RawGetString(core, "Failure"), "tests")
		}
	}
	name := filepath.Base(r.f.out.Path)
	load := v.LoadFlash
	if r.f.o.Shared {
		load = v.Load
	}
	fn, err := load([]byte(r.f.source), "@"+name)
	if err != nil {
		return &problem{r.f.failureAt(err.Error(), "")}
	}
	results, lerr := r.call("tests", v.Deref(r.loader), 1, fn)
	if lerr != nil {
		return &problem{r.f.failureAt(lerr.Message(), lerr.Traceback)}
	}
	r.main = results[0]
	return nil
}

// A library is compiled once, as a VM wants it.
type compiling struct {
	library string
	keep    vm.Debug
}

var compilings sync.Map // compiling: *vm.Flash

func compiled(library string, keep vm.Debug) (*vm.Flash, error) {
	key := compiling{library, keep}
	if code, ok := compilings.Load(key); ok {
		return code.(*vm.Flash), nil
	}
	src, err := libraryFiles.ReadFile("lua/" + library + ".lua")
	if err != nil {
		return nil, err
	}
	code, err := vm.CompileFlash(src, "=(test library)", keep)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", library, err)
	}
	compilings.Store(key, code)
	return code, nil
}

// natives are what the libraries have of the engine.
func (r *run) natives() []vm.Func {
	return append(r.assertions(), []vm.Func{
		{Name: "begin", Fn: func(c *vm.Call) int {
			if co, ok := c.Arg(1).(*vm.Thread); ok && r.now != nil {
				r.now.co, r.now.ref = co, c.VM.Ref(co, "coroutine of a test")
			}
			return 0
		}},
		{Name: "is_failure", Fn: func(c *vm.Call) int { return c.ReturnBool(r.isFailure(c.Arg(1))) }},
		{Name: "over", Fn: func(c *vm.Call) int {
			if r.now != nil && c.Arg(1) == vm.Value(r.now.co) {
				r.now.over = true
			}
			return 0
		}},
		// beside(file) is what is in a file beside the tests, nil if the device has it.
		{Name: "beside", Fn: func(c *vm.Call) int {
			name := c.String(1)
			for _, x := range []string{name, strings.TrimSuffix(name, ".lua") + ".lc"} {
				if _, on := r.d.Flash.Peek(x); on {
					return c.ReturnNil()
				}
			}
			src, err := readBelow(filepath.Dir(r.f.out.Path), name)
			if err != nil {
				return c.ReturnNil()
			}
			return c.ReturnString(string(src))
		}},
		// group(parent, name) and test(group, name, place, fn or nil, why)
		{Name: "group", Fn: func(c *vm.Call) int {
			r.groups = append(r.groups, &group{parent: r.groups[c.Int(1)], name: c.String(2)})
			return c.ReturnInt(len(r.groups) - 1)
		}},
		{Name: "hook", Fn: func(c *vm.Call) int {
			g := r.groups[c.Int(1)]
			kind := hook(c.Option(2, "", hookNames[:]...))
			g.hooks[kind] = append(g.hooks[kind], c.VM.Ref(c.Arg(3), hookNames[kind]+" of "+g.name))
			return 0
		}},
		{Name: "test", Fn: func(c *vm.Call) int {
			e := &entry{group: r.groups[c.Int(1)], name: c.String(2), why: c.OptString(5, "")}
			_, e.line, _ = cutPlace(c.String(3))
			if fn, ok := c.Arg(4).(*vm.Function); ok {
				e.fn = c.VM.Ref(fn, "test "+e.name)
			}
			full := (&Test{Group: e.group.names(), Name: e.name}).FullName()
			if line, twice := r.seen[full]; twice {
				wrong := r.f.failureAt(fmt.Sprintf("%s: line %d has a test %q already: give each a name of its own", c.String(3), line, full), "")
				e.wrong = &wrong
			} else {
				r.seen[full] = e.line
			}
			r.list = append(r.list, e)
			return 0
		}},
		// suspend waits for wake(co, ...)
		{Name: "suspend", Fn: func(c *vm.Call) int { return r.wait(c, func(func(...vm.Value)) {}) }},
		{Name: "wake", Fn: func(c *vm.Call) int {
			co, ok := c.Arg(1).(*vm.Thread)
			if !ok {
				c.TypeError(1, "coroutine")
			}
			var values []vm.Value
			for i := 2; i <= c.NArgs(); i++ {
				values = append(values, c.Arg(i))
			}
			r.wake(co, values)
			return 0
		}},
	}...)
}

// wait suspends the test until done is called; what that is given is what the function
// returns. begin is called at once. Only a test can wait, and the functions around it.
func (r *run) wait(c *vm.Call, begin func(done func(...vm.Value))) int {
	co, _ := c.Running()
	a := r.now
	if !a.has(co) {
		c.Error("only a test itself can wait, and the functions around it: this is a callback, or a coroutine of its own")
	}
	if !c.CanYield() {
		c.Error("a function that waits cannot be called within a metamethod, an iterator, table.sort or xpcall: Lua 5.1 cannot leave these")
	}
	co = a.co
	a.waiting = true
	ready, results := false, []vm.Value(nil)
	returned := false
	begin(func(values ...vm.Value) {
		if ready {
			return
		}
		ready, results = true, values
		if returned {
			r.wake(co, values)
		}
	})
	if ready {
		a.waiting = false
		return c.Return(results...)
	}
	returned = true
	c.Pop(c.NArgs())
	return c.Yield()
}

// wake goes on with a coroutine that waits, as a task of the device.
func (r *run) wake(co *vm.Thread, values []vm.Value) {
	v := r.lua()
	refs := make([]vm.Ref, len(values))
	for i, x := range values {
		refs[i] = v.Ref(x, "result of a test's wait")
	}
	r.work(func() {
		a := r.now
		if r.lua() != v || !a.has(co) || !a.waiting {
			return
		}
		a.waiting = false
		args := []vm.Value{a.co}
		for i := range refs {
			args = append(args, v.Deref(refs[i]))
			v.Unref(&refs[i])
		}
		if _, err := r.call("test", v.Deref(r.step), 0, args...); err != nil {
			r.giveUp(a, Broken, Failure{Message: err.Message(), Traceback: trim(err.Traceback)})
		}
	})
}

// after calls fn when so much of the device's time has passed, which is ahead of the
// world's while the CPU works.
func (r *run) after(d clock.Duration, fn func()) *clock.Event {
	return r.app.World.Clock.At(r.d.Now().Add(d), fn)
}

// trim takes the library's own lines out of a traceback.
func trim(traceback string) string {
	var out []string
	for _, line := range strings.Split(traceback, "\n") {
		if !strings.Contains(line, "(test library)") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
