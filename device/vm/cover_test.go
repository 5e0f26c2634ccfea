package vm_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// covered runs a program and returns its coverage. files are on the flash, those of the app
// are counted.
func covered(t *testing.T, files map[string]string, app ...string) (*vm.VM, *vm.Coverage) {
	t.Helper()
	var sources []*vm.CoverSource
	for _, name := range app {
		s, err := vm.CompileCover(name, []byte(files[name]))
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, s)
	}
	c := vm.NewCoverage(sources...)
	v := coverVM(files, c)
	return v, c
}

func coverVM(files map[string]string, c *vm.Coverage) *vm.VM {
	v := vm.New(vm.Config{SliceNanos: 1e15, ReadFile: func(name string) ([]byte, bool) {
		text, ok := files[name]
		return []byte(text), ok
	}})
	v.SetCoverage(c)
	v.SetPrices(vm.Prices{Instruction: 1000, Call: 5000, ROMEntry: 100, Machine: 12500})
	openLibs(v)
	return v
}

// counts is what was counted of a file: "1:1 2:0" of lines, and "f@2:3" of functions.
func counts(c *vm.Coverage, name string) (lines, functions string) {
	c.Each(func(file string, l map[int]uint64, f []vm.CoverFunction) {
		if file != name {
			return
		}
		var out []string
		for n := range 1000 {
			if hits, ok := l[n]; ok {
				out = append(out, fmt.Sprintf("%d:%d", n, hits))
			}
		}
		lines, out = strings.Join(out, " "), nil
		for _, x := range f {
			out = append(out, fmt.Sprintf("%s@%d:%d", x.Name, x.Line, x.Calls))
		}
		functions = strings.Join(out, " ")
	})
	return lines, functions
}

// Programs, the lines of each that can run with how often they did, and its functions with
// their calls. What ran is what the hooks of Lua 5.1 tell (TestCoverageIsThatOfHooks): the
// code that makes a local function stands at its end, an argument of several lines leads
// back to the line of the call, a loop counts once more than its body.
var coverPrograms = []struct{ name, src, lines, functions string }{
	{"lines", "\nlocal a = 1\n\n-- nothing\nlocal b = a\n", "2:1 5:1", ""},
	{"for", "local s = 0\nfor i = 1, 3 do\n  s = s + i\nend\n", "1:1 2:4 3:3 4:1", ""},
	{"for on one line", "local s = 0 for i = 1, 3 do s = s + i end", "1:4", ""},
	{"for in", "for k, v in ipairs({5, 6}) do\n  local x = v\nend\n", "1:3 2:2 3:1", ""},
	{"for in on one line", "for k, v in ipairs({5, 6}) do local x = v end", "1:3", ""},
	{"while", "local n = 0\nwhile n < 3 do\n  n = n + 1\nend\n", "1:1 2:4 3:3 4:1", ""},
	{"while on one line", "local n = 0 while n < 3 do n = n + 1 end", "1:4", ""},
	{"repeat", "local n = 0\nrepeat\n  n = n + 1\nuntil n == 3\n", "1:1 3:3 4:3", ""},
	{"repeat on one line", "local n = 0 repeat n = n + 1 until n == 3", "1:3", ""},
	{"break", "while true do\n  if true then\n    break\n  end\nend\n", "3:1 5:1", ""},
	{"elseif", "local x = 2\nif x == 1 then\n  x = 5\nelseif x == 2 then\n  x = 6\nelse\n  x = 7\nend\n", "1:1 2:1 3:0 4:1 5:1 7:0 8:1", ""},
	{"if on one line", "local x = 2 if x == 1 then x = 5 elseif x == 2 then x = 6 else x = 7 end x = 1", "1:1", ""},
	{"expression of several lines", "local function f(a) return a end\nlocal x = f(\n  1 +\n  f(2)\n)\nlocal y = x or\n  f(1)\n", "1:3 2:2 4:1 6:1 7:1", "f@1:2"},
	{"and, or", "local x = nil\nlocal y = f and\n  f() or\n  x\ny = 1\n", "2:1 3:0 4:1 5:1", ""},
	{"call of several lines, or", "local function f(a) return a end\nfor i = 1, 2 do\n  f(i == 1 or\n  f(2))\nend\n", "1:4 2:3 3:4 4:2 5:1", "f@1:3"},
	{"function", "local function f(x)\n  return x\nend\nf(1)\nf(2)\n", "2:2 3:1 4:1 5:1", "f@1:2"},
	{"functions on one line", "local function f() end local function g() f() f() end g()", "1:4", "f@1:2 g@1:1"},
	{"names", "t = {}\nfunction t.a() end\nfunction t:b() end\nlocal c = function() end\nt.a(c)\nd = function() return function() end end\n", "1:1 2:2 3:1 4:1 5:1 6:1", "t.a@2:1 t.b@3:0 c@4:0 d@6:0 @6:0"},
	{"upvalues", "local n = 0\nlocal function up()\n  n = n + 1\n  return function()\n    n = n + 10\n  end\nend\nup()()\nup()\n", "1:1 3:2 5:1 6:3 7:1 8:1 9:1", "up@2:2 @4:1"},
	{"return and what is behind it", "local function f(x)\n  if x then\n    return 1\n  end\n  return 2\nend\nf(true)\ndo return end\nf(false)\n", "2:1 3:1 5:0 6:1 7:1 8:1", "f@1:1"},
	{"endless loop", "local function f()\n  while true do\n    local a\n    error('x')\n  end\n  print('never')\nend\npcall(f)\n", "3:1 4:1 7:1 8:1", "f@1:1"},
	{"a function that begins with a loop", "local function f()\n  while g do\n    g = nil\n  end\nend\ng = 1\nf()\nf()\n", "2:3 3:1 5:3 6:1 7:1 8:1", "f@1:2"},
	{"a loop at the beginning, on one line", "local function f() while g do g = nil end end\ng = 1\nf()\nf()\n", "1:4 2:1 3:1 4:1", "f@1:2"},
	{"errors", "local function f()\n  error('x')\n  return 1\nend\npcall(f)\npcall(function()\n  f()\nend)\nlocal x = 1\n", "2:2 3:0 4:1 5:1 6:2 7:1 8:1 9:1", "f@1:2 @6:1"},
	{"error handler", "xpcall(function()\n  local x = nil + 1\nend, function(e)\n  return e\nend)\n", "1:2 2:1 3:1 4:1 5:2", "@1:1 @3:1"},
	{"coroutines", "local co = coroutine.wrap(function()\n  for i = 1, 2 do\n    coroutine.yield()\n  end\nend)\nco()\nco() co()\n", "1:2 2:3 3:2 5:2 6:1 7:1", "@1:1"},
	{"tail calls", "local function f(n)\n  if n == 0 then return end\n  return f(n - 1)\nend\nf(3)\n", "2:4 3:3 4:1 5:1", "f@1:4"},
	{"tail call of the firmware's", "local function f(n)\n  return tostring(n)\nend\nf(3)\n", "2:1 3:1 4:1", "f@1:1"},
	{"varargs", "local function f(...)\n  local a, b = ...\n  return select('#', ...)\nend\nf(1, 2)\nf()\n", "2:2 3:2 4:1 5:1 6:1", "f@1:2"},
	{"metamethods", "local t = setmetatable({}, {\n  __index = function(t, k)\n    return k\n  end,\n  __add = function() return 1 end,\n})\nlocal x = t.a .. t.b\nx = t + t + 1\n", "1:2 3:2 4:1 5:2 7:1 8:1", "__index@2:2 __add@5:1"},
	{"lists", "local t = {\n  1,\n  2,\n  a = 3,\n  f = function() end,\n}\n", "1:1 2:1 3:1 4:1 5:1 6:1", "f@5:0"},
	{"comparisons", "local a = 1\nlocal b = a > 0\nlocal c = a < 0 and\n  b\nlocal d = not (a == 1)\n", "1:1 2:1 3:1 4:1 5:1", ""},
	{"sort", "local t = {3, 1, 2}\ntable.sort(t, function(a, b)\n  return a < b\nend)\n", "1:1 2:2 3:2 4:2", "@2:2"},
	{"nothing", "-- nothing\n", "1:1", ""},
	{"line ends", "local a = 1\r\nlocal b\rb = 1\n\rb = 2", "1:1 2:1 3:1 4:1", ""},
	{"shebang", "#!/usr/bin/lua\nlocal a = 1\n", "2:1", ""},
	{"text that is loaded", "loadstring('local a = 1\\nlocal b = 2')()\n", "1:1", ""},
	{"a list of many lines", "local t = {\n" + strings.Repeat("  1,\n", 60) + "}\nfor i = 1, 3 do t[\ni\n] = i end\n", "", ""},
	{"loops in loops, with all that leads back", `local n, t = 0, {}
for i = 1, 3 do for j = 1, 2 do n = n + 1 end end
while n > 0 do n = n - 1 if n == 3 then break end
  t[#t + 1] = function() return n, i end end
repeat local x = n
  n = n + (x > 5 and
    2 or 1)
until n > 9 or #t
  == 0
for k, v in pairs({a = 1, b = 2}) do if k == "a" then n = v
  elseif k == "b" then n = n + v end end
local function many(...) local s = 0 for i = 1, select("#", ...) do s = s
  + (select(i, ...)) end return s end
many(1, many(2, 3),
  many(4))
`, "", "@4:0 many@12:3"},
}

func TestCoverage(t *testing.T) {
	for _, p := range coverPrograms {
		v, c := covered(t, map[string]string{"app.lua": p.src}, "app.lua")
		load(t, v, p.src, "@app.lua")
		lines, functions := counts(c, "app.lua")
		if p.lines != "" && lines != p.lines || functions != p.functions || lines == "" {
			t.Errorf("%s: %s, %s\nwant %s, %s\n%s", p.name, lines, functions, p.lines, p.functions, p.src)
		}
		if len(c.Left()) > 0 {
			t.Errorf("%s: left out: %v", p.name, c.Left())
		}
	}
}

// hooks runs the file app.lua and prints what debug.sethook has told of it.
const hooks = `
local lines, calls = {}, {}
local file = assert(loadfile("app.lua"))
local function hook(event, line)
  local info = debug.getinfo(2, "S")
  if info.source ~= "@app.lua" then return end
  if event == "line" then
    lines[line] = (lines[line] or 0) + 1
  elseif event == "call" and info.what == "Lua" then
    calls[info.linedefined] = (calls[info.linedefined] or 0) + 1
  end
end
function coroutine.wrap(f) -- each coroutine has a hook of its own
  local co = coroutine.create(f)
  debug.sethook(co, hook, "lc")
  return function(...) return select(2, coroutine.resume(co, ...)) end
end
debug.sethook(hook, "lc")
file()
debug.sethook()
local out = {}
for n = 1, 1000 do if lines[n] then out[#out + 1] = n .. ":" .. lines[n] end end
out[#out + 1] = "calls"
for n = 1, 1000 do if calls[n] then out[#out + 1] = n .. ":" .. calls[n] end end
io.write(table.concat(out, " "))
`

func TestCoverageIsThatOfHooks(t *testing.T) {
	lua := need.Program(t, "lua5.1")
	for _, p := range coverPrograms {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "app.lua"), []byte(p.src), 0o666); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(lua, "-e", hooks)
		cmd.Dir = dir
		want, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", p.name, err, want)
		}
		v, c := covered(t, map[string]string{"app.lua": p.src}, "app.lua")
		load(t, v, p.src, "@app.lua")
		if got := asHooks(c); got != string(want) {
			t.Errorf("%s:\n%s\nlua5.1 says\n%s\n%s", p.name, got, want, p.src)
		}
	}
}

// asHooks is what was counted as hooks prints it: what has not run is not told, and
// functions are told apart by their lines.
func asHooks(c *vm.Coverage) string {
	var out []string
	c.Each(func(_ string, lines map[int]uint64, functions []vm.CoverFunction) {
		for _, n := range slices.Sorted(maps.Keys(lines)) {
			if lines[n] > 0 {
				out = append(out, fmt.Sprintf("%d:%d", n, lines[n]))
			}
		}
		out = append(out, "calls")
		calls := map[int]uint64{}
		for _, f := range functions {
			calls[f.Line] += f.Calls
		}
		for _, n := range slices.Sorted(maps.Keys(calls)) {
			if calls[n] > 0 {
				out = append(out, fmt.Sprintf("%d:%d", n, calls[n]))
			}
		}
	})
	return strings.Join(out, " ")
}

// A program that is counted does what it does without: results, code, errors with their
// places, device time, heap and what is in it.
func TestCoverageChangesNothing(t *testing.T) {
	type outcome struct {
		printed, dumped, heap string
		cpu                   int64
		bytes, used           int
	}
	run := func(src string, c *vm.Coverage) outcome {
		var out outcome
		v := vm.New(vm.Config{SliceNanos: 1e15, Output: func(s string) { out.printed += s }})
		v.SetCoverage(c)
		v.SetPrices(vm.Prices{Instruction: 1000, Call: 5000, ROMEntry: 100, Machine: 12500})
		openLibs(v)
		fn, err := v.Load([]byte(src), "@app.lua")
		if err != nil {
			t.Fatal(err)
		}
		ref := v.Ref(fn, "app")
		_, lerr, _ := v.Call(fn, 0)
		if lerr != nil {
			out.printed += lerr.Message() + lerr.Traceback
		}
		dumped, _ := vm.Dump(v.Deref(ref).(*vm.Function), false)
		out.dumped, out.cpu, out.bytes, out.used = string(dumped), v.CPU(), v.LuaBytes(), v.Heap().Used()
		v.Collect()
		for _, o := range v.HeapSnapshot(nil).Objects {
			out.heap += fmt.Sprintln(o.Kind, o.Bytes, o.Sizes)
		}
		return out
	}
	programs := map[string]string{"errors with places": `
local function deep(n)
  if n == 0 then print(debug.traceback("here")) print(pcall(error, "e", 2)) print(string.dump(deep or print) ~= nil) end
  return n > 0 and (deep(n - 1)) or nil
end
local function deeper(n) if n == 0 then print(debug.traceback()) return t.x.y end local r = deeper(n
  - 1) return r end
print(pcall(deeper, 3))
print(xpcall(function() local s = nil
  .. "x" end, debug.traceback))
local co = coroutine.create(function() local x = 1
  coroutine.yield(x) error({}) end)
print(coroutine.resume(co)) print(debug.traceback(co))
for i = 1, 3 do for k, v in pairs({a = i}) do print(k, v, debug.traceback()) end end
setmetatable({}, {__index = function(t, k) return deeper(k) end}).x = nil
local t = setmetatable({}, {__newindex = function(t, k, v) error(k
  .. v) end})
t.a = "b"
`}
	for _, p := range coverPrograms {
		programs[p.name] = p.src
	}
	for _, g := range groups {
		for _, p := range g.programs {
			programs[p.name] = p.src
		}
	}
	for name, src := range programs {
		source, err := vm.CompileCover("app.lua", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		c := vm.NewCoverage(source)
		without, with := run(src, nil), run(src, c)
		if without != with {
			t.Errorf("%s: without coverage\n%.2000q\nwith\n%.2000q", name, fmt.Sprint(without), fmt.Sprint(with))
		}
		if lines, _ := counts(c, "app.lua"); !strings.Contains(lines, ":1") && !strings.Contains(lines, "1:") {
			t.Errorf("%s: nothing was counted: %s", name, lines)
		}
	}
}

// Code is told by what it is: wherever it comes from, and not by its name alone.
func TestCoverageOfChunks(t *testing.T) {
	const lamp = "local on = 1\nfunction lamp()\n  return on\nend\n"
	compiled := func(src, name string, strip bool) string {
		v := coverVM(nil, nil)
		fn, err := v.Load([]byte(src), "@"+name)
		if err != nil {
			t.Fatal(err)
		}
		chunk, _ := vm.Dump(fn, strip)
		return string(chunk)
	}
	for _, c := range []struct{ what, file, text, chunk, lines, left string }{
		{"source", "lamp.lua", lamp, "", "1:1 2:1 3:1 4:2", "[]"},
		{"precompiled", "lamp.lc", compiled(lamp, "lamp.lua", false), "", "1:1 2:1 3:1 4:2", "[]"},
		{"precompiled on a PC", "lamp.lc", compiled(lamp, "src/lamp.lua", false), "", "1:1 2:1 3:1 4:2", "[]"},
		{"precompiled, of another name", "x.lc", compiled(lamp, "lamp.lua", false), "", "1:1 2:1 3:1 4:2", "[]"},
		{"stripped", "lamp.lc", compiled(lamp, "lamp.lua", true), "", "1:0 2:0 3:0 4:0", "[{lamp.lc true}]"},
		{"changed on the flash", "lamp.lua", "\n" + lamp, "", "1:0 2:0 3:0 4:0", "[{lamp.lua false}]"},
		{"precompiled of other source", "lamp.lc", compiled("\n"+lamp, "lamp.lua", false), "", "1:0 2:0 3:0 4:0", "[{lamp.lua false}]"},
		{"another file", "other.lua", lamp, "", "1:0 2:0 3:0 4:0", "[]"},
		{"text that is loaded", "", lamp, lamp, "1:0 2:0 3:0 4:0", "[]"},
	} {
		v, cover := covered(t, map[string]string{"lamp.lua": lamp}, "lamp.lua")
		name := c.chunk
		if name == "" {
			name = "@" + c.file
		}
		load(t, v, c.text, name)
		load(t, v, "lamp()", "@main.lua")
		if lines, _ := counts(cover, "lamp.lua"); lines != c.lines {
			t.Errorf("%s: %s, want %s", c.what, lines, c.lines)
		}
		if left := fmt.Sprint(cover.Left()); left != c.left {
			t.Errorf("%s: left out %s, want %s", c.what, left, c.left)
		}
	}
}

// A file counts each time it runs, on every boot, and one that is stripped while it runs
// goes on.
func TestCoverageAddsUp(t *testing.T) {
	files := map[string]string{"a.lua": "function a()\n  return 1\nend\n", "b.lua": "local x\nx = 1\n"}
	v, c := covered(t, files, "a.lua", "b.lua")
	const main = `dofile("a.lua") dofile("a.lua") a() debug.traceback()`
	load(t, v, main, "@main.lua")
	load(t, coverVM(files, c), main, "@main.lua")
	if lines, functions := counts(c, "a.lua"); lines != "1:4 2:2 3:8" || functions != "a@1:2" {
		t.Error(lines, functions)
	}
	if lines, _ := counts(c, "b.lua"); lines != "2:0" {
		t.Error("a file that was never loaded:", lines)
	}
	w := coverVM(files, c)
	fn, _ := w.Load([]byte(files["b.lua"]), "@b.lua")
	w.StripDebug(fn, vm.KeepNothing)
	if _, lerr, _ := w.Call(fn, 0); lerr != nil {
		t.Fatal(lerr)
	}
	if lines, _ := counts(c, "b.lua"); lines != "2:1" {
		t.Error("stripped while it runs:", lines)
	}
}

func TestCoverageOfWhatIsNoSource(t *testing.T) {
	for src, want := range map[string]string{"x =": "app.lua:1:", "\x1bLua": "precompiled", "local x = " + strings.Repeat("(", 300) + "1": "app.lua:1:"} {
		if _, err := vm.CompileCover("app.lua", []byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", src, err)
		}
	}
}

// paged are programs as people write them: a statement a line.
var paged = []program{
	{"server", `
local routes = {
  ["/"] = function()
    return 200, "index"
  end,
  ["/led"] = function(args)
    return 200, "led " .. (args.state or "off")
  end,
}
local function handle(request)
  local method, path, query = request:match("^(%u+) ([^? ]+)%??(%S*) HTTP")
  local args = {}
  for k, v in query:gmatch("(%w+)=(%w+)") do
    args[k] = v
  end
  local route = routes[path]
  local status, body = 404, "not found"
  if method == "GET" and route then
    status, body = route(args)
  end
  local out = {}
  out[#out + 1] = string.format("HTTP/1.1 %d OK", status)
  out[#out + 1] = "Content-Length: " .. #body
  out[#out + 1] = ""
  out[#out + 1] = body
  return table.concat(out, "\r\n")
end
for i = 1, 100 do
  handle("GET / HTTP/1.1\r\n")
  handle("GET /led?state=on&n=" .. i .. " HTTP/1.1\r\n")
  handle("GET /x HTTP/1.1\r\n")
end
`},
	{"sensors", `
local Sensor = {}
Sensor.__index = Sensor
function Sensor:add(x)
  self.sum = self.sum + x
  self.n = self.n + 1
end
function Sensor:read(x)
  self:add(x)
  if x > self.most then
    self.most = x
  end
  return self.sum / self.n
end
for k = 1, 50 do
  local s = setmetatable({n = 0, sum = 0, most = 0}, Sensor)
  for i = 1, 100 do
    s:read(i)
  end
end
`},
	{"shortLines", `
local s = 0
for i = 1, 50000 do
  s = s + i
end
`},
}

// BenchmarkCoverage is a program without and with coverage.
func BenchmarkCoverage(b *testing.B) {
	vm.Poison(false)
	for _, p := range paged {
		source, err := vm.CompileCover("app.lua", []byte(p.src))
		if err != nil {
			b.Fatal(err)
		}
		for i, c := range []*vm.Coverage{nil, vm.NewCoverage(source)} {
			b.Run(p.name+"/"+[...]string{"off", "on"}[i], func(b *testing.B) {
				v := coverVM(nil, c)
				fn, err := v.Load([]byte(p.src), "@app.lua")
				if err != nil {
					b.Fatal(err)
				}
				ref := v.Ref(fn, "benchmark")
				for b.Loop() {
					if _, lerr, _ := v.Call(v.Deref(ref), 0); lerr != nil {
						b.Fatal(lerr)
					}
				}
			})
		}
	}
}
