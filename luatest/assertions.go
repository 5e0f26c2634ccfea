package luatest

import (
	"regexp"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// assertions are the natives of what tests say: that something holds or does not, that a
// test is not ready, what is to be done behind it.
func (r *run) assertions() []vm.Func {
	return []vm.Func{
		{Name: "held", Fn: func(*vm.Call) int {
			if r.test != nil {
				r.test.Asserts++
			}
			return 0
		}},
		// failed(failure) is the failure's number: what retract takes it back by.
		{Name: "failed", Fn: func(c *vm.Call) int { return c.ReturnInt(r.tell(c.Table(1))) }},
		{Name: "retract", Fn: func(c *vm.Call) int {
			if t := r.test; t != nil && c.Int(1) == len(t.Failures) && t.Status == Failed {
				if t.Failures = t.Failures[:len(t.Failures)-1]; len(t.Failures) == 0 {
					t.Status, t.Failures = Passed, nil
				}
			}
			return 0
		}},
		// broken(coroutine, error, its text or nil)
		{Name: "broken", Fn: func(c *vm.Call) int {
			traceback := ""
			if co, ok := c.Arg(1).(*vm.Thread); ok {
				traceback = r.traceback(co, c.Arg(2))
			}
			message, ok := c.VM.ToString(c.Arg(2))
			if s := c.OptString(3, ""); s != "" {
				message = s
			} else if !ok {
				message = "an error that is a " + c.TypeName(2) + ": " + r.display(false, c.Arg(2))[0]
			}
			if strings.HasSuffix(message, vm.OutOfMemory) {
				r.d.Inspect.OutOfMemory()
			}
			if r.own != nil && r.membrane.Traceback(c.Arg(2)) != "" && ofTests.MatchString(message) {
				message += ": this file is on the device and no part of the tests; keep it from there with [fs] exclude, or in a directory of the tests"
			}
			r.fail(Broken, r.f.failureAt(message, traceback))
			return 0
		}},
		{Name: "pending", Fn: func(c *vm.Call) int {
			if t := r.test; t != nil && t.Status == Passed {
				t.Status, t.Why = Pending, c.String(1)
			}
			return 0
		}},
		// status() is what has become of the test that runs, so far.
		{Name: "status", Fn: func(c *vm.Call) int {
			if r.test == nil {
				return 0
			}
			message := ""
			if n := len(r.test.Failures); n > 0 {
				message = r.test.Failures[n-1].Message
			}
			c.PushString(r.test.Status.String())
			c.PushString(message)
			return 2
		}},
		{Name: "loading", Fn: func(c *vm.Call) int { return c.ReturnBool(r.loading) }},
		// finally(fn): behind the test itself, whatever became of it. later(fn): behind all
		// that belongs to the test or, from a setup, to its group.
		{Name: "finally", Fn: func(c *vm.Call) int {
			r.finals = append(r.finals, c.VM.Ref(c.Function(1), "finally"))
			return 0
		}},
		{Name: "later", Fn: func(c *vm.Call) int {
			ref := c.VM.Ref(c.Function(1), "what a test changed")
			if r.setting != nil {
				r.setting.undo = append(r.setting.undo, ref)
			} else {
				r.undo = append(r.undo, ref)
			}
			return 0
		}},
		// show(…) is each value as text, on one line only if all have room there.
		{Name: "show", Fn: func(c *vm.Call) int {
			values := make([]vm.Value, c.NArgs())
			for i := range values {
				values[i] = c.Arg(i + 1)
			}
			c.PushStrings(r.display(false, values...))
			return len(values)
		}},
		// nest(co): the test goes on in a coroutine of its own pcall.
		{Name: "nest", Fn: func(c *vm.Call) int {
			outer, _ := c.Running()
			if co, ok := c.Arg(1).(*vm.Thread); ok && r.now.has(outer) {
				r.now.nested = append(r.now.nested, co)
			}
			return 0
		}},
		{Name: "unnest", Fn: func(c *vm.Call) int {
			co, _ := c.Arg(1).(*vm.Thread)
			if a := r.now; a != nil {
				for i, x := range a.nested {
					if x == co {
						a.nested = a.nested[:i]
						break
					}
				}
			}
			return 0
		}},
		// snapshot(name or nil, value) is whether the value is the one that the snapshot has, the text
		// of that, of the value, and a problem if there is none.
		{Name: "snapshot", Fn: func(c *vm.Call) int {
			want, got, problem := r.snapshot(c.OptString(1, ""), r.display(true, c.Arg(2))[0])
			c.PushBool(problem == "")
			c.PushString(want)
			c.PushString(got)
			c.PushString(problem)
			return 4
		}},
	}
}

// ofTests finds the message of a program on the device that uses what only tests have.
var ofTests = regexp.MustCompile(`global '(sim|describe|it|before_each|after_each|setup|teardown|pending|finally|spy|stub|mock)' \(a nil value\)$|global 'assert' \(a function value\)$`)

// has reports whether a coroutine is the activity's.
func (a *activity) has(co *vm.Thread) bool {
	if a == nil || a.co == nil {
		return false
	}
	for _, x := range a.nested {
		if x == co {
			return true
		}
	}
	return co == a.co
}

// tell notes a failed assertion: a table of lua/core.lua, of which it is told only once. It
// returns how many failures there are then.
func (r *run) tell(failure *vm.Table) int {
	v := r.lua()
	text := func(name string) string { s, _ := v.ToString(v.RawGetString(failure, name)); return s }
	why := Failure{Message: text("message"), Traceback: trim(text("traceback"))}
	if name, line, ok := cutPlace(text("where")); ok {
		r.f.place(&why, name, line)
	}
	if v.RawGetString(failure, "compared") == vm.Value(vm.Bool(true)) {
		why.Compared, why.Expected, why.Actual = true, text("expected"), text("actual")
	}
	if r.test == nil {
		return 0
	}
	r.test.Asserts++
	r.fail(Failed, why)
	v.SetField(failure, "told", vm.Number(len(r.test.Failures)))
	return len(r.test.Failures)
}

// takes takes a failed assertion that leaves a callback: it is the test's, which ends with
// it, and none of the program's errors.
func (r *run) takes(err *vm.Error) bool {
	x := err.Value
	if r.own != nil {
		x, _ = r.membrane.Marked(x)
	}
	if !r.isFailure(x) {
		return false
	}
	failure, v := x.(*vm.Table), r.lua()
	if v.RawGetString(failure, "told") == vm.Nil {
		r.tell(failure)
	}
	if r.now != nil {
		r.now.over = true
	}
	return true
}

// innermost is the innermost place of a traceback that is in a file of the app or of tests.
func innermost(traceback string) (name string, line int, ok bool) {
	for _, s := range strings.Split(traceback, "\n") {
		if name, line, ok = cutPlace(strings.TrimSpace(s)); ok && isSource(name) {
			return name, line, true
		}
	}
	return "", 0, false
}
