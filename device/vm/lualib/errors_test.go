package lualib_test

import "testing"

// Errors that the VM itself raises, in the firmware's words. It knows no names
// of locals and upvalues, which a Lua on a PC would give.
func TestErrorMessages(t *testing.T) {
	check(t, []snippet{
		{src: `x()`, want: "error: s:1: attempt to call global 'x' (a nil value)"},
		{src: `string.nope()`, want: "error: s:1: attempt to call field 'nope' (a nil value)"},
		{src: `("x"):nope()`, want: "error: s:1: attempt to call method 'nope' (a nil value)"},
		{src: `local t = {} t.a.b = 1`, want: "error: s:1: attempt to index field 'a' (a nil value)"},
		{src: `return x.y`, want: "error: s:1: attempt to index global 'x' (a nil value)"},
		{src: `x.y = 1`, want: "error: s:1: attempt to index global 'x' (a nil value)"},
		{src: `x.y.z = 1`, want: "error: s:1: attempt to index global 'x' (a nil value)"},
		{src: `x:y()`, want: "error: s:1: attempt to index global 'x' (a nil value)"},
		{src: `local x x.y = 1`, want: "error: s:1: attempt to index a nil value", differs: true},
		{src: `local x = y x.z = 1`, want: "error: s:1: attempt to index global 'y' (a nil value)", differs: true},
		{src: `local function f(a) return a.b end f()`, want: "error: s:1: attempt to index a nil value", differs: true},
		{src: `local u local function f() return u.b end f()`, want: "error: s:1: attempt to index upvalue '?' (a nil value)", differs: true},
		{src: `local u local function f() u() end f()`, want: "error: s:1: attempt to call upvalue '?' (a nil value)", differs: true},
		{src: `local u local function f() u.x = 1 end f()`, want: "error: s:1: attempt to index upvalue '?' (a nil value)", differs: true},
		{src: `(1)()`, want: "error: s:1: attempt to call a number value"},
		{src: `local t = {} t[1]()`, want: "error: s:1: attempt to call field '?' (a nil value)"},
		{src: `print(nil .. "x")`, want: "error: s:1: attempt to concatenate a nil value"},
		{src: `return "a" .. x`, want: "error: s:1: attempt to concatenate global 'x' (a nil value)"},
		{src: `return x .. "a"`, want: "error: s:1: attempt to concatenate global 'x' (a nil value)"},
		{src: `local t = {} return "a" .. t.x .. "b"`, want: "error: s:1: attempt to concatenate field 'x' (a nil value)"},
		{src: `return "a" .. 1 .. {} .. "b"`, want: "error: s:1: attempt to concatenate a table value"},
		{src: `return x + 1`, want: "error: s:1: attempt to perform arithmetic on global 'x' (a nil value)"},
		{src: `return 1 + x`, want: "error: s:1: attempt to perform arithmetic on global 'x' (a nil value)"},
		{src: `local t = {} return t.a * 2`, want: "error: s:1: attempt to perform arithmetic on field 'a' (a nil value)"},
		{src: `return -{}`, want: "error: s:1: attempt to perform arithmetic on a table value"},
		{src: `return -x`, want: "error: s:1: attempt to perform arithmetic on global 'x' (a nil value)"},
		{src: `return "abc" + 1`, want: "error: s:1: attempt to perform arithmetic on a string value"},
		{src: `return 1 + "abc"`, want: "error: s:1: attempt to perform arithmetic on a string value"},
		{src: `x = "abc" return x + 1`, want: "error: s:1: attempt to perform arithmetic on global 'x' (a string value)"},
		{src: `x = "5" return x + {}`, want: "error: s:1: attempt to perform arithmetic on a table value"},
		{src: `return -"abc"`, want: "error: s:1: attempt to perform arithmetic on a string value"},
		{src: `return #x`, want: "error: s:1: attempt to get length of global 'x' (a nil value)"},
		{src: `return #5`, want: "error: s:1: attempt to get length of a number value"},
		{src: `return 1 < "2"`, want: "error: s:1: attempt to compare number with string"},
		{src: `return nil < nil`, want: "error: s:1: attempt to compare two nil values"},
		{src: `return {} < {}`, want: "error: s:1: attempt to compare two table values"},
		{src: `return {} <= {}`, want: "error: s:1: attempt to compare two table values"},
		{src: `return nil > 1`, want: "error: s:1: attempt to compare number with nil"},
		{src: `return nil >= 1`, want: "error: s:1: attempt to compare number with nil"},
		{src: `return print < true`, want: "error: s:1: attempt to compare function with boolean"},
		{src: `for i = "a", 2 do end`, want: "error: s:1: 'for' initial value must be a number"},
		{src: `for i = 1, {} do end`, want: "error: s:1: 'for' limit must be a number"},
		{src: `for i = 1, 2, nil do end`, want: "error: s:1: 'for' step must be a number"},
		{src: `for i = "1", "3", "2" do print(i) end`, want: "1\n3"},
		{src: `for k in nil do end`, want: "error: s:1: attempt to call a nil value"},
		{src: `for k in 5 do end`, want: "error: s:1: attempt to call a number value"},
		{src: `print(pcall(nil), pcall(5), pcall({}))`, want: "false\tfalse\tfalse\tattempt to call a table value"},
		{src: `table.sort({1, "x"})`, want: "error: attempt to compare string with number"},
		{src: `table.sort({1, 2, 3}, 5)`, want: "error: s:1: bad argument #2 to 'sort' (function expected, got number)"},
		{src: `table.foreach({1}, x)`, want: "error: s:1: bad argument #2 to 'foreach' (function expected, got nil)"},
		{src: `local t = setmetatable({}, {__index = function(t, k) error("no " .. k) end}) return t.x`, want: "error: s:1: no x"},
		{src: `local t = setmetatable({}, {__index = 5}) return t.x`, want: "error: s:1: attempt to index a number value"},
		{src: `local a = {} setmetatable(a, {__index = a}) return a.x`, want: "error: s:1: loop in gettable"},
		{src: `local a = {} setmetatable(a, {__newindex = a}) a.x = 1`, want: "error: s:1: loop in settable"},
		{src: "local t = {}\nt.x = 1\nt.y.z = 2\n", want: "error: s:3: attempt to index field 'y' (a nil value)"},
		{src: "foo\n(\n1)", want: "load: s:2: ambiguous syntax (function call x new statement) near '('"},
		{src: "local a = 1 +\n2 +\nx", want: "error: s:3: attempt to perform arithmetic on global 'x' (a nil value)"},
		{src: `local t = setmetatable({}, {__add = function(a, b) return type(a) .. type(b) end}) print(t + 1, "5" + t, t + "x", "x" + t)`, want: "tablenumber\tstringtable\ttablestring\tstringtable"},
		{src: `local t = setmetatable({}, {__unm = function() return "neg" end, __concat = function(a, b) return "cat" end, __eq = function() return true end, __lt = function() return true end, __call = function(_, a) return a end})
			print(-t, t .. 1, 1 .. t, t == setmetatable({}, getmetatable(t)), t < t, t <= t, t(7))`, want: "neg\tcat\tcat\ttrue\ttrue\tfalse\t7"},
		{src: `print(#setmetatable({1, 2}, {__len = function() return 99 end}))`, want: "2"},
		{src: `local s = "abc" print(s.len == string.len, s.x, ("x").rep == string.rep)`, want: "true\tnil\ttrue"},
		{src: `local s = "abc" s.x = 1`, want: "error: s:1: attempt to index a string value", differs: true},
	})
}

func TestTracebacks(t *testing.T) {
	check(t, []snippet{
		{src: "function f() error('boom') end\nfunction g() f() end\nprint(select(2, xpcall(g, debug.traceback)))", want: "s:1: boom\nstack traceback:\n\t[C]: in function 'error'\n\ts:1: in function 'f'\n\ts:2: in function <s:2>\n\t[C]: in function 'xpcall'\n\ts:3: in main chunk"},
		{src: "local t = {} function t.f() return debug.traceback('m') .. '' end\nprint(t.f())", want: "m\nstack traceback:\n\ts:1: in function 'f'\n\ts:2: in main chunk"},
		{src: "local function f() return debug.traceback() end\nlocal function g() return f() end print((g()))", want: "stack traceback:\n\ts:1: in function <s:1>\n\t(tail call): ?\n\ts:2: in main chunk"},
		{src: `local function f(n) return (debug.traceback("x", n)) end print(f(2^32 + 1) == f(1), f("2") == f(2), f(-1) == f(0), #f(2^31 - 1), f({}) == f(1), f(1e300) == f(2^64))`, differs: true, want: "true\ttrue\ttrue\t18\ttrue\ttrue"},
		{src: `print(debug.traceback(1) ~= nil, type(debug.traceback({})), debug.traceback("x", 99))`, want: "true\ttable\tx\nstack traceback:"},
		{src: "local co = coroutine.create(function() local x = 1 coroutine.yield() end) coroutine.resume(co) print(debug.traceback(co)) print(debug.traceback(co, 'm', 1))", want: "stack traceback:\n\t[C]: in function 'yield'\n\ts:1: in function <s:1>\nm\nstack traceback:\n\ts:1: in function <s:1>"},
		{src: `local n, out = 1, {}
			local function get() return n end
			for i, handler in ipairs{5, function() nofn() end, function() return nil + 1 end, function() error("again") end} do
				local ok, err = xpcall(error, handler)
				n = n + 1
				out[i] = get() .. " " .. err
			end
			print(table.concat(out, "\n"))`, want: "2 error in error handling\n3 error in error handling\n4 error in error handling\n5 error in error handling"},
		{src: "local co = coroutine.create(function() error('gone') end) coroutine.resume(co) print(debug.traceback(co)) print(debug.traceback(co, 'm', 1))", want: "stack traceback:\n\t[C]: in function 'error'\n\ts:1: in function <s:1>\nm\nstack traceback:\n\ts:1: in function <s:1>"},
		{src: "local co = coroutine.create(function() end) coroutine.resume(co) print(debug.traceback(co, 'm'))", want: "m\nstack traceback:"},
		{src: `local function f(n) if n == 0 then error("bottom") end f(n - 1) return 1 end
			local co = coroutine.create(f) coroutine.resume(co, 40)
			local out = {}
			for level = 0, 42, 7 do
				local shape = debug.traceback(co, "m", level):gsub("^m\nstack traceback:", ""):gsub("%[C%][^\n]*", "C"):gsub("[^%s]*: in function[^\n]*", "f"):gsub("%s+", "")
				out[#out + 1] = level .. shape
			end
			print(table.concat(out, " "))`, want: "0Cfffffffffff...ffffffffff 7fffff...ffffffffff 14...ffffffffff 21...ffffffffff 28...ffffffffff 35fffffff 42"},
		{src: `print(select(2, xpcall(function() return 1 + nil end, debug.traceback)))`, want: "s:1: attempt to perform arithmetic on a nil value\nstack traceback:\n\ts:1: in function <s:1>\n\t[C]: in function 'xpcall'\n\ts:1: in main chunk"},
		{src: `print(select(2, xpcall(function() return "x" + 1 end, debug.traceback)))`, want: "s:1: attempt to perform arithmetic on a string value\nstack traceback:\n\ts:1: in function <s:1>\n\t[C]: in function 'xpcall'\n\ts:1: in main chunk"},
		{src: `local out
			local function rec(n, level) if n == 0 then out = debug.traceback("m", level) else rec(n - 1, level) end end
			for _, level in ipairs{0, 1, 5, 13} do for _, n in ipairs{5, 18, 19, 20, 21, 22, 23, 24, 25, 40} do
				coroutine.wrap(function() rec(n, level) end)()
				local shape = ""
				for line in out:gmatch("[^\n]+") do shape = shape .. (line:match("%.%.%.") and "." or line:match("C") and "C" or line:match("1") and "x" or "?") end
				print(level, n, shape)
			end end`, want: tracebackShapes},
	})
}

// The dots stand after the twelfth level and before the last ten.
const tracebackShapes = "0\t5\t??C???????\n" +
	"0\t18\t??C????????????????????\n" +
	"0\t19\t??C?????????????????????\n" +
	"0\t20\t??C??????????????????????\n" +
	"0\t21\t??C???????????.??????????\n" +
	"0\t22\t??C???????????.??????????\n" +
	"0\t23\t??C???????????.??????????\n" +
	"0\t24\t??C???????????.??????????\n" +
	"0\t25\t??C???????????.??????????\n" +
	"0\t40\t??C???????????.??????????\n" +
	"1\t5\t?????????\n" +
	"1\t18\t??????????????????????\n" +
	"1\t19\t???????????????????????\n" +
	"1\t20\t????????????????????????\n" +
	"1\t21\t?????????????.??????????\n" +
	"1\t22\t?????????????.??????????\n" +
	"1\t23\t?????????????.??????????\n" +
	"1\t24\t?????????????.??????????\n" +
	"1\t25\t?????????????.??????????\n" +
	"1\t40\t?????????????.??????????\n" +
	"5\t5\t?????\n" +
	"5\t18\t??????????????????\n" +
	"5\t19\t???????????????????\n" +
	"5\t20\t????????????????????\n" +
	"5\t21\t?????????.??????????\n" +
	"5\t22\t?????????.??????????\n" +
	"5\t23\t?????????.??????????\n" +
	"5\t24\t?????????.??????????\n" +
	"5\t25\t?????????.??????????\n" +
	"5\t40\t?????????.??????????\n" +
	"13\t5\t??\n" +
	"13\t18\t??????????\n" +
	"13\t19\t???????????\n" +
	"13\t20\t????????????\n" +
	"13\t21\t?????????????\n" +
	"13\t22\t??.??????????\n" +
	"13\t23\t??.??????????\n" +
	"13\t24\t??.??????????\n" +
	"13\t25\t??.??????????\n" +
	"13\t40\t??.??????????"
