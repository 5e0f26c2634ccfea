package vm_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// What a chunk means, as compiled by luac and executed by the VM. Expectations
// are those of Lua 5.1; where it is installed it confirms them.
func TestMeaning(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`local a,b=1,2 a,b=b,a print(a,b)`, "2 1"},
		{`local a,b,c=1,2,3 a,b,c=c,a print(a,b,c)`, "3 1 nil"},
		{`local a = {} local b = a a.x, a = 1, 2 print(b.x,a)`, "1 2"},
		{`local i,t=1,{} i,t[i]=i+1,20 print(i,t[1],t[2])`, "2 20 nil"},
		{`local i,t=1,{} t[i],i=i+1,20 print(i,t[1],t[2])`, "20 2 nil"},
		{`local a,b local function f() return a, 2 end a, b = 1, f() print(a, b)`, "1 nil"},
		{`local a, b = 1 a, b = 2, 3, print("x") print(a, b)`, "x|2 3"},
		{`local a, b a, b = (function() return 1, 2, 3 end)() print(a, b)`, "1 2"},
		{`local t = {1,2} local i = 1 i, t[1], t[2] = 5, t[2], t[1] print(i, t[1], t[2])`, "5 2 1"},
		{`local x = "g" x, _G[x] = 1, 2 print(x, g)`, "1 2"},
		{`local f = function() return f end print(f())`, "nil"},
		{`local f = 1 local f = function() return f end print(f())`, "1"},
		{`local function f() return f end print(f() == f)`, "true"},
		{`local f = function(f) return f end print(f(7))`, "7"},
		{`local f = function() local g = function() return f, g end return g() end print(f())`, "nil nil"},
		{`print(2^-3, -2^2, not nil==true, 2^3^2, 1 .. 2 .. 3)`, "0.125 -4 true 512 123"},
		{`print(1 % 0.1, 5.5 % 2, -1 % 3, 2^0.5 == 2^.5)`, "0 1.5 2 true"},
		{`print(1/0, -1/0, - -3, -0x10, 0xff)`, "inf -inf 3 -16 255"},
		{`print(#[[
x]], #"a\
b", "\65\066\x")`, "1 3 ABx"},
		{`print(("x"):rep(3), ("a"):byte(), #"abc")`, "xxx 97 3"},
		{`local function f(...) return ... end print((f(1,2,3)), f(1,2), (f()))`, "1 1 nil"},
		{`local t = {g=1,[1]=2,3; f=4,} print(t[1],t.g,t.f)`, "3 1 4"},
		{`function w(...) return arg.n end print(w(1,2,3))`, "3"},
		{`local t = {n=0}; function t:inc(k) self.n = self.n + (k or 1) return self end; print(t:inc():inc(5).n)`, "6"},
		{`t={a={b={}}} function t.a.b.f(x) return x end function t.a.b:g() return self == t.a.b end print(t.a.b.f(3), t.a.b:g())`, "3 true"},
		{`for i=3,1,-1 do if i == 2 then break end print(i) end for k, v in next, {5} do print(k, v) end`, "3|1 5"},
		{`local t = {5} for k in next, t do print(k) end for k, v in next, t, nil do print(k, v) end`, "1|1 5"},
		{`local function f() return {7}, nil end for k in next, f() do print(k) end for k, v in next, (f()) do print(k, v) end`, "1|1 7"},
		{`local function f() return 1 end for k, v in next, {6}, nil, f() do print(k, v) end for k in next, {6, 7}, f() do print(k) end`, "1 6|2"},
		{`local i = 0 repeat local z = i i = i + 1 until z == 3 print(i) while i > 0 do i = i - 1 end print(i)`, "4|0"},
		{`local x = 5 if x == 1 then print(1) elseif x == 5 then print(5) elseif x == 6 then print(6) else print(0) end`, "5"},
		{`local goto = 1 print(goto)`, "1"},
		{`do end ; print(1); ;`, ""},
		{`return print(1);`, "1"},
		{`print(1) --[==[ ]] ]==] print(2) -- print(3)`, "1|2"},
		{`print(a.b == nil and 1 or 2) `, "error"},
		{"print(1)\r\nprint(2)\n\rprint(3)", "1|2|3"},
	} {
		if got := runChunk(t, tt.src); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.src, got, tt.want)
		}
		path, err := exec.LookPath("lua5.1")
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-e", tt.src).Output()
		real := strings.ReplaceAll(strings.TrimSuffix(strings.ReplaceAll(string(out), "\t", " "), "\n"), "\n", "|")
		if err != nil && tt.want == "error" {
			real = "error"
		}
		if real != tt.want {
			t.Errorf("%s: lua5.1 says %q, the test %q", tt.src, real, tt.want)
		}
	}
}

// runChunk runs src, as it is and precompiled, and returns the lines it printed,
// "error" when it failed.
func runChunk(t *testing.T, src string) string {
	b := newBench(t, nil)
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		return ""
	}
	out := b.print(fn)
	chunk, _ := vm.Dump(fn, true)
	b = newBench(t, nil)
	if fn, err = b.v.Load(chunk, "=s"); err != nil {
		t.Errorf("%s: %v", src, err)
	} else if again := b.print(fn); again != out {
		t.Errorf("%s: %q, precompiled %q", src, out, again)
	}
	return out
}

func (b *bench) print(fn vm.Value) string {
	if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
		return "error"
	}
	out := strings.ReplaceAll(strings.TrimSuffix(b.out.String(), "\n"), "\t", " ")
	return strings.ReplaceAll(out, "\n", "|")
}
