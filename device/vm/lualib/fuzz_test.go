package lualib_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// call calls a global function of a fresh machine with a watchdog and returns
// its results. Whatever the arguments, nothing worse than an error may come of it.
func call(t *testing.T, name string, args ...vm.Value) []vm.Value {
	m := newMachine()
	m.nanos = 1e8
	fn, err := m.v.Load([]byte("local f = "+name+" return pcall(f, ...)"), "=fuzz")
	if err != nil {
		t.Fatal(err)
	}
	ret, lerr, kill := m.v.Call(fn, -1, args...)
	if lerr != nil {
		t.Fatalf("%s%q: %s", name, args, lerr.Message())
	}
	if kill == nil && ret[0] == vm.False {
		if s, _ := m.v.ToString(ret[1]); strings.Contains(s, "internal error") {
			t.Errorf("%s%q: %s", name, args, s)
		}
	}
	return ret
}

func FuzzFormat(f *testing.F) {
	f.Add("%5.2f|%-10s|%q|%05d|%x|%c|%%", 1.5, "a\"\x00b")
	f.Add("%99.99f%g%G%e", -1e308, "")
	f.Add("%", 0.0, "%")
	f.Fuzz(func(t *testing.T, format string, n float64, s string) {
		call(t, "string.format", vm.String(format), vm.Number(n), vm.String(s), vm.Number(n), vm.String(s))
	})
}

func FuzzPattern(f *testing.F) {
	for _, p := range []string{"^%s*(.-)%s*$", "(()%a+)[^%d%]-]*", "%b()%f[%w]%1", "((a)-b?)*", "[]%", "%", ".-.-.-x", "()", "[a-%%z]"} {
		f.Add("key = (value)", p, "%1-%0")
	}
	f.Fuzz(func(t *testing.T, subject, pattern, repl string) {
		s, p := vm.String(subject), vm.String(pattern)
		for _, name := range []string{"string.find", "string.match", "string.gsub"} {
			call(t, name, s, p, vm.String(repl))
		}
		call(t, "function(s, p) for a, b in s:gmatch(p) do end end", s, p)
	})
}

// FuzzUndump changes two bytes of an otherwise good precompiled chunk and runs
// what still loads. Errors are all that may come of it.
func FuzzUndump(f *testing.F) {
	for _, src := range []string{
		`local a = ... for i = 1, 3 do a = {i, x = i, [i] = a} end return a and #a or -1`,
		`local function f(n, ...) if n > 0 then return f(n - 1, ...) end return select("#", ...) end return f(3, 1, nil, "x" .. 1)`,
		`for k, v in pairs({1, 2}) do local t = {} t.a, t.b = k, v t:m(function() return k, v, t end) end`,
		`function f(a, ...) return arg.n, -a, not a, a % 3, a ^ 2, a / 0 end return pcall(f, {...}) or f(1, 2)`,
		`local co = coroutine.wrap(function(...) local t = setmetatable({}, {__index = function(t, k) return k end}) coroutine.yield(t.x, ...) error(t) end) return co(1, 2), pcall(co)`,
		`local s = "" repeat s = s .. #s local g = function() s = s .. "!" end g() until #s > 9 return s == "x" or s < "y" and s`,
	} {
		v := newMachine().v
		v.KeepDebug(vm.KeepAll)
		fn, err := v.Load([]byte(src), "=f")
		if err != nil {
			f.Fatal(err)
		}
		for _, strip := range []bool{false, true} {
			chunk, _ := vm.Dump(fn, strip)
			f.Add(chunk, uint16(30), byte(1), uint16(70), byte(0))
			f.Add(chunk, uint16(60), byte(0x80), uint16(41), byte(2))
		}
	}
	f.Fuzz(func(t *testing.T, chunk []byte, at uint16, flip byte, at2 uint16, flip2 byte) {
		if len(chunk) > 12 {
			chunk = append([]byte(nil), chunk...)
			chunk[12+int(at)%(len(chunk)-12)] ^= flip
			chunk[12+int(at2)%(len(chunk)-12)] ^= flip2
		}
		m := newMachine()
		m.nanos = 1e7 // what collects in full each time takes the host long
		fn, err := m.v.Load(chunk, "=fuzz")
		if err != nil {
			return
		}
		r := m.v.Ref(fn, "fuzz")
		m.v.Call(fn, 1, vm.Number(1))
		m.v.StripDebug(fn, vm.KeepNothing)
		m.v.Collect()
		again, ok := vm.Dump(m.v.Deref(r).(*vm.Function), true)
		if !ok {
			t.Error("not dumped")
		} else if _, err := m.v.Load(again, "=again"); err != nil && err.Error() != vm.OutOfMemory {
			t.Errorf("dumped again: %v", err)
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add("local t = setmetatable({}, {__index = function(t, k) return k .. 'x' end}) return t.a, #t, -t")
	f.Add("local f = coroutine.wrap(function(...) return coroutine.yield(...) end) f(1) f(2)")
	f.Add("return pcall(error, {}), select(2, xpcall(function() local a = nil + 1 end, debug.traceback))")
	f.Fuzz(func(t *testing.T, src string) {
		m := newMachine()
		m.nanos = 5e7
		if got := m.run(src); strings.Contains(got, "internal error") {
			t.Errorf("%q: %s", src, got)
		}
	})
}
