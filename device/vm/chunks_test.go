package vm_test

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
)

// chunkHeap and chunkMicros bound a chunk that nobody has compiled, in bytes and in
// microseconds of the device's CPU.
const (
	chunkHeap   = 96 << 10
	chunkMicros = 20000
)

// everyInstruction are programs whose code has all operations of Lua 5.1, in all their
// forms; a test holds that.
var everyInstruction = []string{
	`local a, b, c = ... local d, e = a, nil local f, g, h = true, false, 1 / 3 return a == b, a ~= 1, "x" < c, a <= 2, not d, -h, #"abc", e`,
	`local t = {1, 2, 3, x = 1, [2.5] = true, ...} t.y, t[t] = t.x, t[1] u = t v = u.x t[#t + 1] = u.y return t.x .. t.y .. 1`,
	`local t = {` + strings.Repeat("0,", 120) + `...} return #t, {...}, {n = select("#", ...)}`,
	`local n = 0 for i = 1, 5 do n = n + i - i * n / (i % 4) ^ i end for i = 5, 1, -2 do if i == 3 then break end end for k, v in pairs({1, 2, x = 3}) do n = n + v end while n > 3 do n = n / 2 end repeat n = n + 1 until n > 9 return n`,
	`local up = 1 local function f(a, ...) up = up + a if a > 3 then return up, ... end return f(a + 1, a, ...) end local fs = {} for i = 1, 3 do local j = i fs[i] = function() j = j + 1 return j, i, up end end do local x = 1 function g() x = x + 1 return x end end return f(1), fs[1](), fs[3](), g()`,
	`local o = setmetatable({n = 0}, {__index = function(t, k) return k end, __call = function(self, ...) return ... end, __add = function(a, b) return 7 end, __lt = function() return true end, __concat = function(a, b) return "c" end, __newindex = rawset, __len = function() return 3 end, __eq = function() return true end, __unm = function() return 1 end}) function o:m(x) self.n = self.n + x return self end return o:m(1):m(2).n, o.key, o(1, 2), o + 1, o < o, o .. "x", -o`,
	`function old(a, ...) return arg.n, a end local co = coroutine.wrap(function(...) local x = coroutine.yield(...) error({x}) end) return old(1, 2), co(1, 2), pcall(co, 3), (select(2, pcall(error, "e"))), a or b and c, (a and b or 5), not (a == nil)`,
	`local a, b = ... local c = a or b local d = a and b local e = c and d or "z" if not (a and (b or c)) then e = e .. "y" elseif a then e = {} else e = nil end local s = ("x"):rep(3):upper() return e, s, s:gsub("X", {X = "y"}), s:find("Y"), table.concat({1, 2, 3}, s), string.format("%d %s %q", 3, s, s), #s`,
}

// dumpAll returns the programs as chunks, with debug information and without.
func dumpAll(t testing.TB, programs []string) (chunks []string) {
	b := newBounded(1<<20, chunkMicros)
	b.v.KeepDebug(vm.KeepAll)
	for _, src := range programs {
		fn, err := b.v.Load([]byte(src), "=s")
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		for _, strip := range []bool{false, true} {
			chunk, ok := vm.Dump(fn, strip)
			if !ok {
				t.Fatalf("%s: not dumped", src)
			}
			chunks = append(chunks, string(chunk))
		}
	}
	return chunks
}

func TestEveryInstruction(t *testing.T) {
	seen := map[luac.Op]bool{}
	var look func(p *luac.Proto)
	look = func(p *luac.Proto) {
		for _, in := range p.Code {
			seen[in.Op] = true
		}
		for _, in := range p.Protos {
			look(in)
		}
	}
	for _, src := range everyInstruction {
		p, err := luac.Compile(src, "=s", luac.KeepAll, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		look(p)
	}
	for op := luac.Move; op < luac.Extra; op++ {
		if !seen[op] {
			t.Errorf("no program has operation %d", op)
		}
	}
}

// survive loads a chunk that may be anything, runs what loads of it, shows whatever
// comes out of it, and fails on what is the host's.
func survive(t testing.TB, what, chunk string) (loaded bool) {
	t.Helper()
	b := newBounded(chunkHeap, chunkMicros)
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: host panic: %v", what, p)
		}
	}()
	fn, err := b.v.Load([]byte(chunk), "=s")
	if err != nil {
		noGo(t, what, err.Error())
		return false
	}
	g := b.v.Globals()
	b.v.SetField(g, "chunk", fn)
	show, err := b.v.Load([]byte(`
		local function show(x, d)
			if type(x) == "table" and d < 3 then
				local n = 0
				for k, v in pairs(x) do show(k, d + 1) show(v, d + 1) n = n + 1 if n > 50 then break end end
			end
			print(type(x), tostring(x))
		end
		local r = {pcall(chunk, 1, "two", {3})}
		local n = 0 for k in pairs(r) do n = math.max(n, k) end
		for i = 1, n do show(r[i], 0) end
		pcall(chunk)
		pcall(function() local a, b = chunk(1), (chunk(2, {})) for i in chunk do a = i break end return a, b, chunk() end)
		pcall(function() return chunk(3, 4) end)
		print(debug.traceback("t"))
		local co = coroutine.create(chunk)
		for i = 1, 3 do print(coroutine.resume(co, i, print)) end
		print(debug.traceback(co))
		print(pcall(xpcall, chunk, function(m) show(m, 0) print(debug.traceback()) return m end))`), "=show")
	if err != nil {
		if err.Error() != vm.OutOfMemory {
			t.Fatal(err)
		}
		return true
	}
	end := b.call(show)
	if strings.HasPrefix(end, "host panic") {
		t.Errorf("%s: %s", what, end)
		return true
	}
	noGo(t, what, b.out.String())
	noGo(t, what, end)
	b.v.Collect()
	return true
}

// A call that gives fewer values than the code behind it takes: the register has what
// stood there before, as on the device.
func TestCallWithoutItsResult(t *testing.T) {
	const patch = `local s = string.dump(loadstring("local a=print() error(a)")):gsub("\28\128\128%z", "\28\64\128\0", 1) `
	for _, tt := range []struct{ src, want string }{
		{`loadstring(s)()`, "error: (error object is a function value)"},
		{`local ok, e = pcall(loadstring(s)) io = e == print print(ok, io)`, "\nfalse\ttrue"},
		{`local co = coroutine.create(loadstring(s)) local ok, e = coroutine.resume(co) print(ok, e == print)`, "\nfalse\ttrue"},
		{`print(xpcall(loadstring(s), function(e) return type(e) end))`, "\nfalse\tfunction"},
	} {
		b := newBounded(1<<20, 1e6)
		if got := b.run(patch + tt.src); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.src, got, tt.want)
		}
	}
}

// craft returns a chunk of one function. It has 10 registers, one function inside,
// which returns its upvalue, and these constants: 0 "x", 1 1.5, 2 nil, 3 true, 4 "print".
func craft(code ...luac.Instruction) string {
	str := func(s string) luac.Const { return luac.Const{Kind: luac.String, Str: s} }
	consts := []luac.Const{str("x"), {Kind: luac.Number, Num: 1.5}, {}, {Kind: luac.True}, str("print")}
	inner := &luac.Proto{Source: "=s", MaxStack: 2, Upvalues: 1,
		Code: []luac.Instruction{{Op: luac.GetUpval}, {Op: luac.Return, B: 2}, {Op: luac.Return, B: 1}}}
	p := &luac.Proto{Source: "=s", MaxStack: 10, IsVararg: true, Consts: consts, Protos: []*luac.Proto{inner},
		Code: append(code, luac.Instruction{Op: luac.Return, B: 1})}
	return string(luac.Dump(p, true))
}

// What C's loader lets pass and no compiler makes: refused as bad code or run, but
// never with a word of the host's.
func TestCraftedChunks(t *testing.T) {
	type in = luac.Instruction
	const k = luac.ConstBit
	ret := in{Op: luac.Return, A: 0, B: 9}
	for _, tt := range []struct {
		name string
		code []in
	}{
		{"registers never written", []in{ret}},
		{"one never written as an operand", []in{{Op: luac.Add, A: 0, B: 5, C: 6}, ret}},
		{"one never written concatenated", []in{{Op: luac.Concat, A: 0, B: 3, C: 8}, ret}},
		{"one never written compared", []in{{Op: luac.Lt, A: 1, B: 3, C: 4}, {Op: luac.Jmp}, ret}},
		{"one never written as a key", []in{{Op: luac.NewTable}, {Op: luac.SetTable, A: 0, B: 5, C: 6}, ret}},
		{"one never written as a value", []in{{Op: luac.NewTable}, {Op: luac.SetTable, A: 0, B: k, C: 6}, ret}},
		{"one never written called", []in{{Op: luac.Call, A: 4, B: 3, C: 3}, ret}},
		{"one never written tested", []in{{Op: luac.TestSet, A: 1, B: 7, C: 1}, {Op: luac.Jmp}, ret}},
		{"one never written as a global", []in{{Op: luac.SetGlobal, A: 7, B: 0}, {Op: luac.GetGlobal, A: 1, B: 0}, ret}},
		{"one never written captured", []in{{Op: luac.Closure}, {Op: luac.Move, B: 8}, {Op: luac.Call, A: 0, B: 1, C: 3}, ret}},
		{"one never written measured", []in{{Op: luac.Len, A: 0, B: 9}, ret}},
		{"call for no values, used", []in{{Op: luac.GetGlobal, A: 2, B: 4}, {Op: luac.Call, A: 2, B: 1, C: 1}, {Op: luac.Return, A: 2, B: 4}}},
		{"SETLIST into nothing", []in{{Op: luac.SetList, A: 1, B: 3, C: 1}, ret}},
		{"SETLIST into a number", []in{{Op: luac.LoadK, A: 0, B: 1}, {Op: luac.SetList, A: 0, B: 3, C: 1}, ret}},
		{"SETLIST into a string", []in{{Op: luac.LoadK, A: 0, B: 0}, {Op: luac.SetList, A: 0, B: 3, C: 1}, ret}},
		{"SETLIST into a table of the firmware", []in{{Op: luac.GetGlobal, A: 0, B: 4}, {Op: luac.SetList, A: 0, B: 3, C: 1}, ret}},
		{"SETLIST of nothing", []in{{Op: luac.NewTable}, {Op: luac.SetList, A: 0, B: 9, C: 511}, ret}},
		{"SETLIST far up", []in{{Op: luac.NewTable}, {Op: luac.SetList, A: 0, B: 2, C: 0}, {Op: luac.Extra, B: 1 << 30}, ret}},
		{"SETLIST far down", []in{{Op: luac.NewTable}, {Op: luac.SetList, A: 0, B: 2, C: 0}, {Op: luac.Extra, B: 0}, ret}},
		{"SETLIST of an open list", []in{{Op: luac.NewTable}, {Op: luac.SetList, A: 0, B: 0, C: 1}, ret}},
		{"global named by a number", []in{{Op: luac.GetGlobal, A: 0, B: 1}, ret}},
		{"global named by nil", []in{{Op: luac.SetGlobal, A: 0, B: 2}, ret}},
		{"method named by a number", []in{{Op: luac.NewTable}, {Op: luac.Self, A: 1, B: 0, C: k + 1}, ret}},
		{"method named by nil", []in{{Op: luac.NewTable}, {Op: luac.Self, A: 1, B: 0, C: k + 2}, ret}},
		{"method named by a register", []in{{Op: luac.NewTable}, {Op: luac.Self, A: 1, B: 0, C: 7}, ret}},
		{"method of nothing", []in{{Op: luac.Self, A: 1, B: 6, C: k}, ret}},
		{"FORLOOP without FORPREP", []in{{Op: luac.ForLoop, A: 3, B: -1}, ret}},
		{"FORLOOP over strings", []in{{Op: luac.LoadK, A: 3, B: 0}, {Op: luac.LoadK, A: 4, B: 0}, {Op: luac.LoadK, A: 5, B: 4}, {Op: luac.ForLoop, A: 3, B: -1}, ret}},
		{"FORLOOP over tables", []in{{Op: luac.NewTable, A: 3}, {Op: luac.NewTable, A: 4}, {Op: luac.NewTable, A: 5}, {Op: luac.ForLoop, A: 3, B: -4}, ret}},
		{"FORPREP into a return", []in{{Op: luac.ForPrep, A: 0, B: 0}, ret}},
		{"FORPREP backwards", []in{{Op: luac.LoadK, A: 0, B: 1}, {Op: luac.LoadK, A: 1, B: 1}, {Op: luac.LoadK, A: 2, B: 1}, {Op: luac.ForPrep, A: 0, B: -2}, ret}},
		{"TFORLOOP over nothing", []in{{Op: luac.TForLoop, A: 1, C: 2}, {Op: luac.Jmp, B: -2}, ret}},
		{"open list that nobody opened, called", []in{{Op: luac.GetGlobal, A: 0, B: 4}, {Op: luac.Call, A: 0, B: 0, C: 1}, ret}},
		{"open list that nobody opened, returned", []in{{Op: luac.Return, A: 0, B: 0}}},
		{"open list that nobody opened, tail called", []in{{Op: luac.GetGlobal, A: 0, B: 4}, {Op: luac.TailCall, A: 0, B: 0}, {Op: luac.Return, B: 0}}},
		{"open list that nobody takes", []in{{Op: luac.Vararg, A: 3, B: 0}, ret}},
		{"open list taken from above it", []in{{Op: luac.Vararg, A: 2, B: 0}, {Op: luac.Return, A: 8, B: 0}}},
		{"open list taken from below it", []in{{Op: luac.Vararg, A: 8, B: 0}, {Op: luac.Return, A: 0, B: 0}}},
		{"open list taken twice", []in{{Op: luac.Vararg, A: 1, B: 0}, {Op: luac.GetGlobal, A: 0, B: 4}, {Op: luac.Call, A: 0, B: 0, C: 0}, {Op: luac.Return, A: 0, B: 0}, {Op: luac.Return, A: 0, B: 0}}},
		{"jump over the opening", []in{{Op: luac.Jmp, B: 1}, {Op: luac.Vararg, A: 1, B: 0}, {Op: luac.Return, A: 1, B: 0}}},
		{"jump to oneself", []in{{Op: luac.Jmp, B: -1}, ret}},
		{"jump to the first instruction", []in{{Op: luac.LoadNil, A: 0, B: 9}, {Op: luac.Jmp, B: -2}, ret}},
		{"jump into a closure's upvalues", []in{{Op: luac.Jmp, B: 1}, {Op: luac.Closure}, {Op: luac.Move, B: 3}, ret}},
		{"jump behind a test", []in{{Op: luac.Jmp, B: 1}, {Op: luac.Test, A: 4, C: 1}, {Op: luac.Jmp, B: 0}, ret}},
		{"jump behind a LOADBOOL", []in{{Op: luac.LoadBool, A: 0, B: 1, C: 1}, {Op: luac.LoadBool, A: 1}, ret}},
		{"TAILCALL without a return", []in{{Op: luac.GetGlobal, A: 0, B: 4}, {Op: luac.TailCall, A: 0, B: 1, C: 0}, {Op: luac.LoadNil, A: 0, B: 3}, ret}},
		{"TAILCALL for one value", []in{{Op: luac.GetGlobal, A: 0, B: 4}, {Op: luac.TailCall, A: 0, B: 1, C: 2}, {Op: luac.Return, A: 0, B: 2}}},
		{"TAILCALL for no value, of a function of the program", []in{{Op: luac.Closure}, {Op: luac.Move, B: 4}, {Op: luac.TailCall, A: 0, B: 1, C: 1}, {Op: luac.Return, A: 0, B: 0}}},
		{"TAILCALL for three values", []in{{Op: luac.Closure}, {Op: luac.Move, B: 4}, {Op: luac.TailCall, A: 0, B: 1, C: 4}, {Op: luac.Return, A: 0, B: 4}}},
		{"TAILCALL of a function of the program", []in{{Op: luac.Closure}, {Op: luac.Move, B: 4}, {Op: luac.TailCall, A: 0, B: 9}, ret}},
		{"CLOSE of nothing", []in{{Op: luac.Close, A: 5}, ret}},
		{"CLOSE and used again", []in{{Op: luac.Closure, A: 3}, {Op: luac.Move, B: 4}, {Op: luac.Close, A: 0}, {Op: luac.LoadK, A: 4, B: 1}, {Op: luac.Call, A: 3, B: 1, C: 2}, ret}},
		{"upvalue of oneself", []in{{Op: luac.Closure, A: 2}, {Op: luac.Move, B: 2}, {Op: luac.Call, A: 2, B: 1, C: 2}, ret}},
		{"upvalue that is not there", []in{{Op: luac.GetUpval, A: 0, B: 0}, ret}},
		{"upvalue that is not there, set", []in{{Op: luac.SetUpval, A: 0, B: 3}, ret}},
		{"upvalue that is not there, captured", []in{{Op: luac.Closure}, {Op: luac.GetUpval, B: 1}, {Op: luac.Call, A: 0, B: 1, C: 2}, ret}},
		{"huge constructor", []in{{Op: luac.NewTable, B: 255, C: 255}, ret}},
		{"large constructor", []in{{Op: luac.NewTable, B: 0x8f, C: 0x8f}, ret}},
		{"table of nil and not a number", []in{{Op: luac.NewTable}, {Op: luac.SetTable, A: 0, B: k + 2, C: k}, ret}},
		{"arithmetic on constants", []in{{Op: luac.Add, A: 0, B: k, C: k + 2}, ret}},
		{"comparison of constants", []in{{Op: luac.Le, A: 1, B: k + 2, C: k + 3}, {Op: luac.Jmp}, ret}},
		{"index of a constant", []in{{Op: luac.GetTable, A: 0, B: 4, C: k + 2}, ret}},
		{"... into all registers", []in{{Op: luac.Vararg, A: 0, B: 11}, ret}},
		{"... over the end", []in{{Op: luac.Vararg, A: 9, B: 0}, {Op: luac.Return, A: 9, B: 0}}},
		{"return from the end", []in{{Op: luac.Return, A: 9, B: 2}}},
	} {
		chunk := craft(tt.code...)
		survive(t, tt.name, chunk)
		// The same within a coroutine and with other values around it.
		survive(t, tt.name+", captured", craft(append([]in{{Op: luac.LoadK, A: 5, B: 1}, {Op: luac.Closure, A: 6}, {Op: luac.Move, B: 5}}, tt.code...)...))
	}
}

// mutants calls fn with n mutants of the chunks, the same for the same seed. Most
// change one instruction or constant, some two bytes.
func mutants(chunks []string, seed uint64, n int, fn func(chunk string)) {
	r := rand.New(rand.NewPCG(seed, 5))
	for i := range n {
		b := []byte(chunks[i%len(chunks)])
		const header = 12
		for range 1 + r.IntN(2) {
			at := header + r.IntN(len(b)-header)
			switch r.IntN(4) {
			case 0:
				b[at] ^= 1 << r.IntN(8)
			case 1:
				b[at] = byte(r.IntN(256))
			case 2: // an instruction's operation
				at &^= 3
				b[min(at, len(b)-1)] = b[min(at, len(b)-1)]&^0x3f | byte(r.IntN(38))
			case 3: // its operands
				at &^= 3
				for j := at + 1; j < min(at+4, len(b)); j++ {
					if r.IntN(2) == 0 {
						b[j] ^= 1 << r.IntN(8)
					}
				}
			}
		}
		fn(string(b))
	}
}

func TestMutatedChunks(t *testing.T) {
	chunks := dumpAll(t, everyInstruction)
	const n = 4000
	loaded := 0
	before := hostHeap()
	mutants(chunks, 1, n, func(chunk string) {
		if !t.Failed() && survive(t, "mutant", chunk) {
			loaded++
			if t.Failed() {
				t.Logf("the mutant is %q", chunk)
			}
		}
	})
	if !t.Failed() && loaded < n/20 {
		t.Errorf("only %d of %d mutants load: they test nothing", loaded, n)
	}
	if grown := hostHeap() - before; grown > 16<<20 {
		t.Errorf("the host keeps %d bytes of mutants that are gone", grown)
	}
}

// hostHeap is what Go holds after a collection.
func hostHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// FuzzUndump runs whatever loads, for a bounded time in a small heap.
func FuzzUndump(f *testing.F) {
	for _, chunk := range dumpAll(f, everyInstruction) {
		f.Add([]byte(chunk))
	}
	mutants(dumpAll(f, everyInstruction), 2, 64, func(chunk string) { f.Add([]byte(chunk)) })
	f.Fuzz(func(t *testing.T, chunk []byte) {
		if len(chunk) > 1<<16 {
			return
		}
		_, before := hostCounts()
		survive(t, "chunk", string(chunk))
		// What a heap of 96 KB and 20,000 instructions can make the host allocate
		// for five runs.
		if _, after := hostCounts(); after-before > 256<<20 {
			t.Errorf("the host has allocated %d bytes", after-before)
		}
	})
}

// hostCounts is how often Go has allocated so far, and how many bytes.
func hostCounts() (count, bytes int64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Mallocs), int64(m.TotalAlloc)
}
