package membrane_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/membrane"
)

// sides are two VMs with a membrane between them.
type sides struct {
	tb        testing.TB
	near, far *vm.VM
	m         *membrane.Membrane
}

// lamp is a program of the far side.
const lamp = `
	count = 0
	Lamp = {} Lamp.__index = Lamp
	Lamp.__eq = function(a, b) return a.name == b.name end
	Lamp.__lt = function(a, b) return a.name < b.name end
	Lamp.__add = function(a, b) return "sum" end
	Lamp.__concat = function(a, b) return "glued" end
	Lamp.__tostring = function(l) return "lamp " .. l.name end
	Lamp.__call = function(l, x) return l.name, x end
	function Lamp.new(name) return setmetatable({name = name, list = {1, 2, 3}}, Lamp) end
	function Lamp:say(...) return self.name, select("#", ...), ... end
	function Lamp:each(fn) for i, x in ipairs(self.list) do fn(x, self) end end
	function Lamp:on(fn) self.fn = fn end
	function Lamp:off(fn) if self.fn == fn then self.fn = nil return true end return false end
	function Lamp:fire(...) return self.fn(...) end
	function fail(x) error(x) end
	function try(fn, ...) return pcall(fn, ...) end
	function keep(x) kept = x end
	function field(x, k, ...) return x[k](x, ...) end
	function make() return function() end end
	function kind(x) return type(x) end
	defaults = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end, __index = function(t, k) return k .. "!" end})
	a, b = Lamp.new("a"), Lamp.new("b")
	co = coroutine.create(function(x) local y = coroutine.yield(x + 1) return y + 1 end)
	proxy = newproxy(true) getmetatable(proxy).__index = {field = "of a userdata"} getmetatable(proxy).__len = function() return 7 end
	collectgarbage() collectgarbage()
`

func newSides(tb testing.TB) *sides {
	s := &sides{tb: tb}
	s.near = vm.New(vm.Config{Heap: heap.New(heap.Config{Layout: heap.Ideal, Size: 16 << 20}), TableLen: true, SliceNanos: 1e15})
	lualib.Open(s.near)
	s.m = membrane.New(s.near)
	s.boot()
	return s
}

// boot gives the far side a VM.
func (s *sides) boot() {
	s.far = vm.New(vm.Config{SliceNanos: 1e15})
	lualib.Open(s.far)
	s.far.StartAccounting()
	s.m.Attach(s.far, func(fn vm.Value) *vm.Error {
		_, err, _ := s.far.Call(fn, 0)
		return err
	})
	s.run(s.far, lamp)
}

func (s *sides) run(v *vm.VM, src string) string {
	s.tb.Helper()
	fn, err := v.Load([]byte(src), "=it")
	if err != nil {
		s.tb.Fatal(err)
	}
	got, lerr, _ := v.Call(fn, -1)
	if lerr != nil {
		return "error: " + lerr.Message()
	}
	return shown(v, got)
}

func shown(v *vm.VM, got []vm.Value) string {
	list := make([]string, len(got))
	for i, x := range got {
		text, ok := v.ToString(x)
		switch {
		case ok:
		case x == vm.Value(vm.True):
			text = "true"
		case x == vm.Value(vm.False):
			text = "false"
		default:
			text = v.TypeName(x)
		}
		list[i] = text
	}
	return strings.Join(list, " ")
}

func TestSeen(t *testing.T) {
	for _, x := range []struct{ name, near, want string }{
		{"values", `count = 5 return count, Lamp.x == nil, a.name, a.list[2], #a.list`, "5 true a 2 3"},
		{"types", `return type(a), type(Lamp.new), type(co), type(proxy), type(a.name), type(nothing)`, "table function thread userdata string nil"},
		{"identity", `return a == a, rawequal(a.list, a.list), a.list == a.list, Lamp.new == Lamp.new, a.list == b.list`, "true true true true false"},
		{"as keys", `local t = {[a] = 1, [Lamp.new] = 2} return t[a], t[Lamp.new], t[b] == nil`, "1 2 true"},
		{"methods", `return a:say(1, nil, "x", nil)`, "a 4 1 nil x nil"},
		{"equality", `return a == Lamp.new("a"), a == b, a ~= b, a < b, a <= b, a > b`, "true false true true true false"},
		{"operators", `return a + 1, 1 + a, a .. "x", "x" .. a, tostring(a), a(5)`, "sum sum glued glued lamp a a 5"},
		{"pairs", `local n, s = 0, "" for k, v in pairs(a.list) do n = n + k s = s .. v end return n, s`, "6 123"},
		{"next", `local n = 0 for k in next, a do n = n + 1 end return n, next(Lamp.new("z").list)`, "2 1 1"},
		{"ipairs", `local s = "" for i, x in ipairs(a.list) do s = s .. i .. x end return s`, "112233"},
		{"raw", `return rawget(a, "say") == nil, rawget(a, "name"), rawset(a, "x", 4) == a, a.x`, "true a true 4"},
		{"table functions", `table.insert(a.list, 9) local s = table.concat(a.list, ",") table.sort(a.list, function(x, y) return x > y end)
			return s, table.concat(a.list, ","), table.remove(a.list), unpack(a.list)`, "1,2,3,9 9,3,2,1 1 9 3 2"},
		{"length", `return #a.list, #proxy, #{1, 2}, #"abc"`, "3 7 2 3"},
		{"metatables", `return getmetatable(a) == Lamp, getmetatable(setmetatable({name = "new"}, Lamp)) == Lamp, setmetatable({name = "q"}, Lamp):say()`, "true true q 0"},
		{"metamethods that write", `defaults.x = 4 return rawget(defaults, "x"), defaults.y`, "8 y!"},
		{"a userdata", `return proxy.field, pcall(function() return proxy + 1 end)`, "of a userdata false it:1: attempt to perform arithmetic on a userdata value"},
		{"coroutines", `local ok, x = coroutine.resume(co, 1) local s = coroutine.status(co) local _, y = coroutine.resume(co, 5) return ok, x, s, y, coroutine.status(co)`, "true 2 suspended 6 dead"},
		{"errors", `return pcall(fail, "wrong")`, "false it:16: wrong"},
		{"errors that pass the firmware", `return pcall(table.sort, a.list, function() error("mine", 0) end)`, "false mine"},
		{"errors that are tables", `local ok, e = pcall(fail, {code = 5}) return ok, type(e), e.code`, "false table 5"},
		{"errors of the firmware", `return pcall(function() string.rep() end) , pcall(function() return collectgarbage("no") end)`, "false false it:1: bad argument #1 to 'collectgarbage' (invalid option 'no')"},
		{"errors that come back", `return pcall(function() return a:each(function() error({x = 1}) end) end)`, "false table"},
		{"errors with text that come back", `return pcall(function() a:each(function() error("from here") end) end)`, "false it:1: from here"},
		{"caught over there", `local ok, e = try(function() error("mine", 0) end) return ok, e`, "false mine"},
		{"callbacks", `local s = "" a:each(function(x, l) s = s .. x .. l.name end) return s`, "1a2a3a"},
		{"callbacks that call", `local n = 0 a:each(function(x) b:each(function(y) n = n + x * y end) end) return n`, "36"},
		{"the same function", `local function f() end a:on(f) return a.fn == f, a:off(function() end), a:off(f), a.fn == nil`, "true false true true"},
		{"results of callbacks", `a:on(function(...) return select("#", ...), {x = ...}, ... end) local n, t, x = a:fire(7, 8) return n, t.x, x`, "2 7 7"},
		{"tables move", `local t = {x = 1, list = {1, 2}} t.self = t keep(t) t.x = 2 kept.y = 3 return kept == t, kept.x, t.y, kept.list == t.list, t.self == t, #t.list`, "true 2 3 true true 2"},
		{"tables with metatables move", `local T = {} T.__index = T function T:f() return self.n end
			local t = setmetatable({n = 4}, T) keep(t) return kept:f(), getmetatable(kept) == T, t:f()`, "4 true 4"},
		{"what has moved is a table", `local t = {5, 6} keep(t) return type(t), #t, t[2], unpack(t)`, "table 2 6 5 6"},
		{"called like functions", `local s = setmetatable({n = 0}, {as_function = true, __call = function(s, x) s.n = s.n + x return s.n end})
			a:on(s) return kind(s), a:fire(2), a:fire(3), s.n, a.fn == s`, "function 2 5 5 true"},
		{"own userdata", `local u = newproxy(true) getmetatable(u).__index = function(_, k) return k .. "?" end keep(u)
			return kept == u, kind(u), try(function(x) return x.field end, u)`, "true userdata true field?"},
		{"own userdata over there", `local u = newproxy(true) getmetatable(u).__index = {f = function(self, x) return self == u, x end}
			return field(u, "f", 3), kind(coroutine.create(function() end))`, "true userdata"},
		{"globals", `y = 6 return y, rawget(_G, "y"), _G.count, Lamp == _G.Lamp`, "6 6 0 true"},
		{"wide", `local t = {} for i = 1, 200 do t[i] = i end keep(t) return #kept, select("#", unpack(kept))`, "200 200"},
		{"deep", `local t = {} for i = 1, 150 do t = {t} end return pcall(keep, t)`, "false tables of a test that are nested too deeply can't be given to the program"},
		{"endless", `local function f(x) return try(f, x) end return pcall(f, 1) ~= nil`, "true"},
		{"setfenv", `local f = function() return zz end setfenv(f, {zz = 3}) return f(), getfenv(f).zz, getfenv(1) ~= nil, setfenv(1, getfenv(1)) ~= nil`, "3 3 true true"},
		{"functions made of text", `return loadstring("return count + 1")(), pcall(loadstring("count = 'x'")), count`, "1 true x"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := newSides(t)
			if got := s.run(s.near, x.near); got != x.want {
				t.Errorf("got  %s\nwant %s", got, x.want)
			}
		})
	}
}

// TestTakesNothing looks at the far side's heap, which what only looks does not touch.
func TestTakesNothing(t *testing.T) {
	for _, src := range []string{
		`return a.name, a.list[1], Lamp, Lamp.new, co, proxy, #a.list, type(a), a == b or true`,
		`for k, x in pairs(_G) do local y = x end`,
		`local t = {} for i = 1, 1000 do t[i] = {i, tostring(i)} end`,
		`local x = "a string that nobody has" .. 1 return a[x], rawget(a, x), next(a)`,
	} {
		s := newSides(t)
		s.run(s.near, "return a") // the proxy of the globals
		s.far.Collect()
		before, cpu := s.far.MemoryStats(), s.far.CPU()
		if got := s.run(s.near, src); strings.HasPrefix(got, "error") {
			t.Fatal(got)
		}
		if after := s.far.MemoryStats(); after != before {
			t.Errorf("%s\nbefore %+v\nafter  %+v", src, before, after)
		}
		if got := s.far.CPU(); got != cpu {
			t.Errorf("%s takes %d ns", src, got-cpu)
		}
	}
}

// TestGarbage makes and drops what both sides have a part in: it is found on both.
func TestGarbage(t *testing.T) {
	for _, src := range []string{
		`for i = 1, 200 do local l = Lamp.new("x" .. i) l.list[1] = i end`,
		`for i = 1, 200 do local l = Lamp.new("x") l:on(function() return i end) l:fire() end`,
		`for i = 1, 200 do keep({i, {i}, x = {}}) keep(nil) end`,
		`for i = 1, 200 do pcall(fail, {i}) end`,
		`for i = 1, 200 do a:each(function(x, l) return {x, l} end) end`,
		`for i = 1, 200 do loadstring("return " .. i)() make()() end`,
		`for i = 1, 200 do local l = Lamp.new("x") l:on(function() return l end) end`, // circles through both sides
		`for i = 1, 200 do local t = {} t.on = function() return t end keep(t) keep(nil) end`,
		`for i = 1, 200 do local l, m = Lamp.new("x"), Lamp.new("y") l:on(function() return m end) m:on(coroutine.wrap(function() return l end)) end`,
	} {
		s := newSides(t)
		settled := func() (int, string) {
			for range 3 {
				s.m.Collect()
				s.far.Collect()
			}
			return s.far.LuaBytes(), s.m.String()
		}
		s.run(s.near, src)
		before, known := settled()
		if got := s.run(s.near, src); strings.HasPrefix(got, "error") {
			t.Fatal(src, got)
		}
		if after, know := settled(); after != before || know != known {
			t.Errorf("%s\n%d bytes before, %d behind; %s before, %s behind", src, before, after, known, know)
		}
	}
}

// TestGarbageMakesRoom runs the far side out of memory unless the near one lets go of what
// it has no use for.
func TestGarbageMakesRoom(t *testing.T) {
	for _, src := range []string{
		`for i = 1, 3000 do local l = Lamp.new("x") end return "well"`,
		`for i = 1, 3000 do local l = Lamp.new("x") l:on(function() return l end) end return "well"`,
		`for i = 1, 3000 do a:on({i, {i}}) end return "well"`,
		`local all = {} local ok, err = pcall(function() while true do all[#all + 1] = Lamp.new("x") end end) return "well", #all > 50, err`,
	} {
		s := newSides(t)
		got := s.run(s.near, src)
		if got != "well" && got != "well true not enough memory" {
			t.Errorf("%s\n%s, %v", src, got, s.m)
		}
	}
}

// TestFinalizersSeeWhatTheyReferTo has a finalizer use an object of the far side that
// became garbage with it.
func TestFinalizersSeeWhatTheyReferTo(t *testing.T) {
	s := newSides(t)
	if got := s.run(s.near, `do
			local u = newproxy(true)
			local l = Lamp.new("x")
			getmetatable(u).__gc = function() said = l.name .. l:say() end
		end
		collectgarbage() return said`); got != "xx" {
		t.Error(got)
	}
	for range 3 {
		s.m.Collect()
		s.far.Collect()
	}
	if got := s.m.String(); got != "1 handles, 0 functions, 0 loans" {
		t.Error(got)
	}
}

// TestKillsWithin kills one side in calls within calls, and goes on with both.
func TestKillsWithin(t *testing.T) {
	for _, side := range []string{"near", "far"} {
		s := newSides(t)
		stop := func(v **vm.VM) func(c *vm.Call) int {
			return func(c *vm.Call) int { (*v).Kill("over"); return 0 }
		}
		s.near.RawSet(s.near.Globals(), vm.String("near"), s.near.NewFunction(vm.Func{Name: "near", Fn: stop(&s.near)}))
		s.far.SetField(s.far.ROMGlobals(), "far", s.far.NewFunction(vm.Func{Name: "far", Fn: stop(&s.far)}))
		fn, err := s.near.Load([]byte(`local function f(n) if n > 0 then return (try(f, n - 1)) end coroutine.wrap(function() `+side+`() local x = 1 end)() end
			for i = 1, 3 do f(i) end went_on = true`), "=it")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, kill := s.near.Call(fn, 0); kill == nil {
			t.Errorf("%s: the near side has not been left", side)
		}
		// A kill that the far side's own call has caught needs nobody further.
		if _, kill := s.m.Unwound().(*vm.Kill); kill != (side == "near") {
			t.Errorf("%s: unwound by a kill: %v", side, kill)
		}
		if got := s.run(s.near, `local n = 0 a:each(function(x) n = n + x end) return n, went_on, pcall(fail, "x")`); got != "6 nil false it:16: x" {
			t.Errorf("%s: %s", side, got)
		}
	}
}

// TestReset gives the near side another far one.
func TestReset(t *testing.T) {
	s := newSides(t)
	s.run(s.near, `count = 4 old, f = nil local t = getfenv(1) loadstring("x = 1")()`)
	keep := `kept_lamp, kept_fn = a, Lamp.new`
	s.near.SetMetatable(s.near.Globals(), s.near.RawMetatable(s.near.Globals()))
	fn, _ := s.near.Load([]byte(`local env = {} return function() env.a, env.f = a, Lamp.new end, function(what)
		if what == "index" then return env.a.name elseif what == "call" then return env.f("z") elseif what == "give" then return keep(env.a)
		elseif what == "again" then return a.name, count end
	end`), "=it")
	fns, err, _ := s.near.Call(fn, 2)
	if err != nil {
		t.Fatal(err)
	}
	set, get := s.near.Ref(fns[0], "test"), s.near.Ref(fns[1], "test")
	_ = keep
	if _, err, _ := s.near.Call(s.near.Deref(set), 0); err != nil {
		t.Fatal(err)
	}
	s.boot()
	for what, want := range map[string]string{
		"index": "it:2: a value of the device before it was reset: get it anew",
		"call":  "it:2: a value of the device before it was reset: get it anew",
		"give":  "it:2: a value of the device before it was reset: get it anew",
		"again": "a 0",
	} {
		got, err, _ := s.near.Call(s.near.Deref(get), -1, vm.String(what))
		text := shown(s.near, got)
		if err != nil {
			text = err.Message()
		}
		if !strings.HasSuffix(text, strings.TrimPrefix(want, "it:2: ")) {
			t.Errorf("%s: %s, want %s", what, text, want)
		}
	}
	s.near.Collect()
	s.near.Collect()
}

// TestUnwinding leaves one side from within the other: by a panic, and by a kill, in a call
// and in a metamethod.
func TestUnwinding(t *testing.T) {
	for _, x := range []struct {
		near    string
		unwound any
	}{
		{`pcall(pcall, stop) count = 5`, "the device stops"},
		{`pcall(stop) count = 5`, "the device stops"},
		{`local x = stopping.x count = 5`, "the device stops"},
		{`pcall(bitten) count = 5`, nil},
		{`local x = biting.x count = 5`, nil},
		{`biting.y = 1 count = 5`, nil},
		{`local x = biting .. "" count = 5`, nil},
	} {
		s := newSides(t)
		native := func(name string, fn func()) {
			s.far.SetField(s.far.Globals(), name, s.far.NewFunction(vm.Func{Name: name, Fn: func(c *vm.Call) int { fn(); return 0 }}))
		}
		native("stop", func() { panic("the device stops") })
		native("bite", func() { s.far.Kill("bitten") })
		s.run(s.far, `local function stopped() stop() end function bitten() bite() while true do end end
			stopping = setmetatable({}, {__index = stopped}) biting = setmetatable({}, {__index = bitten, __newindex = bitten, __concat = bitten})`)
		fn, err := s.near.Load([]byte(x.near), "=it")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, kill := s.near.Call(fn, 0); kill == nil {
			t.Errorf("%s: the near side has not been left", x.near)
		}
		if r := s.m.Unwound(); r != x.unwound {
			t.Errorf("%s: unwound by %v", x.near, r)
		}
		if got := s.far.RawGetString(s.far.Globals(), "count"); got != vm.Value(vm.Number(0)) {
			t.Errorf("%s: it went on", x.near)
		}
	}
}
