package vm

import (
	"strings"
	"testing"
)

// callFuncs are protected calls and coroutines, as bare as they can be.
var callFuncs = []Func{
	{"pcall", func(c *Call) int {
		var args []Value
		for i := 2; i <= c.NArgs(); i++ {
			args = append(args, c.Arg(i))
		}
		ret, err := c.PCall(c.Arg(1), -1, nil, args...)
		if err != nil {
			return c.Return(False, err.Value)
		}
		return c.Return(append([]Value{True}, ret...)...)
	}},
	{"create", func(c *Call) int { return c.Return(c.NewThread()) }},
	{"resume", func(c *Call) int {
		if c.Status(c.Arg(1).(*Thread)) != "suspended" {
			return c.Return(False, String("not suspended"))
		}
		ok, n := c.Resume(c.Arg(1).(*Thread), 2)
		c.PushBool(ok)
		c.InsertBelow(n)
		return n + 1
	}},
	{"yield", func(c *Call) int { return c.Yield() }},
}

// testVM returns a VM with the few functions the tests of the core need.
func testVM(t *testing.T) (*VM, *strings.Builder) {
	out := &strings.Builder{}
	v := New(Config{
		Output:     func(s string) { out.WriteString(s) },
		SliceNanos: 1e6,
	})
	v.SetPrices(Prices{Instruction: 1030, Call: 1030})
	v.SetMetatable(v.Globals(), v.NewROMTable("test", nil, []Const{{"__index", v.ROMGlobals()}}))
	rom := v.ROMGlobals()
	for _, f := range append(callFuncs, []Func{
		{"emit", func(c *Call) int {
			for i := 1; i <= c.NArgs(); i++ {
				s, ok := c.VM.ToString(c.Arg(i))
				if !ok {
					s = c.Arg(i).String()
				}
				if i > 1 {
					out.WriteByte(' ')
				}
				out.WriteString(s)
			}
			out.WriteByte('\n')
			return 0
		}},
		{"error", func(c *Call) int { c.Throw(c.Arg(1)); return 0 }},
		{"fail", func(c *Call) int { c.Error("failed"); return 0 }},
	}...) {
		v.SetField(rom, f.Name, v.NewFunction(f))
	}
	return v, out
}

func TestCore(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"numbers in concatenation", `emit(1/3 .. "|" .. 10 .. "|" .. 0.1)`, "0.33333333333333|10|0.1\n"},
		{"position of an error", "\nlocal ok, e = pcall(function() fail() end) emit(ok, e)", "false t.lua:2: failed\n"},
		{"error values pass as they are", `local t = {} local ok, e = pcall(error, t) emit(e == t)`, "true\n"},
		{"pcall leaves live upvalues open", `local x = 1 local function f() x = x + 1 end pcall(error, "e") f() emit(x)`, "2\n"},
		{"pcall closes upvalues of what it unwinds", `local g pcall(function() local x = 7 g = function() return x end error("e") end) emit(g())`, "7\n"},
		{"nested pcall", `emit(pcall(pcall, error, "e"))`, "true false e\n"},
		{"coroutine", `local co = create(function(a) local b = yield(a + 1) return b * 2 end) emit(resume(co, 1)) emit(resume(co, 5)) emit(resume(co))`,
			"true 2\ntrue 10\nfalse not suspended\n"},
		{"error in a coroutine", "local co = create(function() fail() end) emit(resume(co))", "false t.lua:1: failed\n"},
		{"yield across pcall", "local co = create(function() pcall(yield) emit('after') yield(3) end) emit(resume(co))", "after\ntrue 3\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, out := testVM(t)
			fn, err := v.Load([]byte(tt.src), "@t.lua")
			if err != nil {
				t.Fatal(err)
			}
			if _, lerr, kill := v.Call(fn, 0); lerr != nil || kill != nil {
				t.Fatalf("error %v, kill %v", lerr, kill)
			}
			if out.String() != tt.want {
				t.Errorf("got %q, want %q", out.String(), tt.want)
			}
		})
	}
}

func TestKillUnwindsEverything(t *testing.T) {
	for _, src := range []string{
		`while true do end`,
		`while true do pcall(function() while true do end end) end`,
		`local co = create(function() while true do pcall(function() while true do end end) end end) while true do resume(co) end`,
	} {
		v, _ := testVM(t)
		v.cfg.Slice = func() {
			if v.CPU() > 50e6 {
				v.Kill("watchdog")
			}
		}
		fn, err := v.Load([]byte(src), "@t.lua")
		if err != nil {
			t.Fatal(err)
		}
		_, lerr, kill := v.Call(fn, 0)
		if kill == nil || kill.Reason != "watchdog" || lerr != nil {
			t.Errorf("%s: error %v, kill %v", src, lerr, kill)
		}
	}
}
