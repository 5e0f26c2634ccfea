package vm_test

import (
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// program runs on any Lua 5.1: on the VM, which meters and accounts, on plain
// gopher-lua and on lua5.1. It lives in a heap of the device's default size and
// takes some milliseconds on gopher-lua.
type program struct{ name, src string }

// groups are the programs with the goals that TestSpeed looks at: the time on the VM as
// a share of that on gopher-lua, for the median of a group and for its slowest program.
// 0 is no goal.
var groups = []struct {
	median, worst float64
	programs      []program
}{
	{0.5, 0.85, []program{
		{"fib", `local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end fib(22)`},
		{"fields", `for k = 1, 20 do local t = {} for i = 1, 1000 do t.a = i t.b = t.a t.c = t.b end end`},
		{"tableWrites", `for k = 1, 20 do local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 1000 do t[i] = t[i] + 1 end end`},
		{"methods", `local C = {} C.__index = C function C:get() return self.x end function C:set(v) self.x = v end
			local o = setmetatable({}, C) o.x = 1 for i = 1, 20000 do o:set(o:get() + 1) end`},
		{"records", `local t for i = 1, 10000 do t = {id = i, name = "n", val = 3} end`},
	}},
	{0, 1.1, []program{
		{"closures", `local f for i = 1, 20000 do f = function() return i end end`},
		{"tables", `local t for i = 1, 20000 do t = {} end`},
		{"strings", `for k = 1, 20 do local s = "" for i = 1, 300 do s = s .. "x" end end`},
		{"stringPieces", `for i = 1, 10000 do local s = "a" .. i .. "b" end`},
	}},
	{0, 0.5, []program{
		{"pcall", `local f = function() return 1 end for i = 1, 10000 do pcall(f) end`},
		{"sort", `for k = 1, 20 do local t = {} for i = 1, 200 do t[i] = (i * 7919) % 1009 end table.sort(t) end`},
		{"ipairs", `local t = {} for i = 1, 200 do t[i] = i end for k = 1, 100 do for i, v in ipairs(t) do local x = v end end`},
		{"pairs", `local t = {} for i = 1, 100 do t["k" .. i] = i end for k = 1, 200 do for i, v in pairs(t) do local x = v end end`},
		{"coroutine", `local f = coroutine.wrap(function() while true do coroutine.yield() end end) for i = 1, 5000 do f() end`},
	}},
	{0, 0.75, []program{
		{"insert", `for k = 1, 20 do local t = {} for i = 1, 500 do table.insert(t, i) end for i = 1, 500 do table.remove(t) end end`},
		{"length", `for k = 1, 20 do local t = {} for i = 1, 500 do t[#t + 1] = i end end`},
	}},
	{0, 0.6, []program{
		{"loopIntegers", `local s = 0 for i = 1, 100000 do s = s + i * 2 - 1 end`},
		{"loopFractions", `local s = 0.5 for i = 0.25, 25000, 0.25 do s = s + i * 0.5 - 0.125 end`},
	}},
	{0, 0, []program{
		{"pcallError", `for i = 1, 500 do pcall(error, "e") end`},
		{"format", `for i = 1, 1000 do local s = string.format("%d %5.2f %s %x", i, i / 3, "abc", i) end`},
		{"match", `for i = 1, 500 do local k, v = ("  key = value "):match("^%s*(%w+)%s*=%s*(%w+)") end`},
		{"gsub", `for i = 1, 1000 do local s = ("hello world from lua"):gsub("%w+", "<%0>") end`},
		{"sub", `local s = "hello world" for i = 1, 10000 do local x = s:sub(2, 5) end`},
		{"concat", `local t = {} for i = 1, 200 do t[i] = "piece" end for i = 1, 100 do local s = table.concat(t, ",") end`},
		{"sortBy", `for k = 1, 10 do local t = {} for i = 1, 100 do t[i] = {at = (i * 7919) % 1009} end
			table.sort(t, function(a, b) return a.at > b.at end) end`},
		{"varargs", `local function last(...) local n = select("#", ...) return (select(n, ...)) end
			for i = 1, 5000 do last(i, "a", nil, i) end`},
		{"upvalues", `local function counter() local n = 0 return function() n = n + 1 return n end end
			local a, b = counter(), counter() for i = 1, 20000 do a() b() end`},
		{"inherit", `local Base = {} Base.__index = Base function Base:name() return self.n end function Base:add(x) self.sum = self.sum + x end
			local Sensor = setmetatable({}, Base) Sensor.__index = Sensor
			function Sensor:read(x) self:add(x) return self:name() end
			for k = 1, 50 do local s = setmetatable({n = "dht", sum = 0}, Sensor) for i = 1, 100 do s:read(i) end end`},
		{"server", `local routes = {["/"] = function() return 200, "index" end,
				["/led"] = function(args) return 200, "led " .. (args.state or "off") end}
			local function handle(request)
				local method, path, query = request:match("^(%u+) ([^? ]+)%??(%S*) HTTP")
				local args = {}
				for k, v in query:gmatch("(%w+)=(%w+)") do args[k] = v end
				local route = routes[path]
				local status, body = 404, "not found"
				if method == "GET" and route then status, body = route(args) end
				local out = {}
				out[#out + 1] = string.format("HTTP/1.1 %d OK", status)
				out[#out + 1] = "Content-Length: " .. #body
				out[#out + 1] = ""
				out[#out + 1] = body
				return table.concat(out, "\r\n")
			end
			for i = 1, 100 do handle("GET / HTTP/1.1\r\n") handle("GET /led?state=on&n=" .. i .. " HTTP/1.1\r\n") handle("GET /x HTTP/1.1\r\n") end`},
	}},
}

// onPlain returns what runs the program once on plain gopher-lua.
func (p program) onPlain(tb testing.TB) func() {
	L := lua.NewState()
	fn, err := L.LoadString(p.src)
	if err != nil {
		tb.Fatal(err)
	}
	return func() {
		L.Push(fn)
		L.Call(0, 0)
	}
}

// onVM returns what runs it once on a VM with the exact account, and a recorder or nil.
func (p program) onVM(tb testing.TB, r *vm.Recorder) func() {
	vm.Poison(false)
	v := vm.New(vm.Config{SliceNanos: 1e15, Recorder: r})
	v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000, Machine: 12500})
	openLibs(v)
	fn, err := v.Load([]byte(p.src), "=bench")
	if err != nil {
		tb.Fatal(err)
	}
	ref := v.Ref(fn, "benchmark")
	return func() {
		if _, lerr, kill := v.Call(v.Deref(ref), 0); lerr != nil || kill != nil {
			tb.Fatal(p.name, lerr, kill)
		}
	}
}

func benchPrograms(b *testing.B, on func(program, testing.TB) func()) {
	for _, g := range groups {
		for _, p := range g.programs {
			b.Run(p.name, func(b *testing.B) {
				run := on(p, b)
				for b.Loop() {
					run()
				}
			})
		}
	}
}

// BenchmarkPlain and BenchmarkVM run the programs: their ratio is what metering and
// accounting cost, or what a faster interpreter gives back. BenchmarkTracked and
// BenchmarkCPUProfile are BenchmarkVM with allocations recorded, and with CPU time.
// TestSpeed compares them in one run.
func BenchmarkPlain(b *testing.B) { benchPrograms(b, program.onPlain) }

func BenchmarkVM(b *testing.B) {
	benchPrograms(b, func(p program, tb testing.TB) func() { return p.onVM(tb, nil) })
}

func BenchmarkTracked(b *testing.B) {
	benchPrograms(b, func(p program, tb testing.TB) func() { return p.onVM(tb, &vm.Recorder{Allocations: true}) })
}

func BenchmarkCPUProfile(b *testing.B) {
	benchPrograms(b, func(p program, tb testing.TB) func() { return p.onVM(tb, &vm.Recorder{CPU: true}) })
}
