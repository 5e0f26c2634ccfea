package lualib_test

import (
	"strings"
	"testing"
)

func TestString(t *testing.T) {
	check(t, []snippet{
		{src: `print(("abc"):byte(), ("abc"):byte(2, 3), ("abc"):byte(-1), ("abc"):byte(5), (("abc"):byte(0)))`, want: "97\t98\t99\tnil\tnil"},
		{src: `print(("abc"):byte(0, 10))`, want: "97\t98\t99"},
		{src: `print(string.char(), string.char(72, 105), #string.char(0, 255))`, want: "\tHi\t2"},
		{src: `string.char(256)`, want: "error: s:1: bad argument #1 to 'char' (invalid value)"},
		{src: `string.char(65, -1)`, want: "error: s:1: bad argument #2 to 'char' (invalid value)"},
		{src: `print(("aBc1é"):upper(), ("ABC"):lower(), ("abc"):reverse(), ("abc"):len(), #"a\0b")`, want: "ABC1é\tabc\tcba\t3\t3"},
		{src: `print(("ab"):rep(3), ("x"):rep(0), ("x"):rep(-1), (""):rep(1e5) == "")`, want: "ababab\t\t\ttrue"},
		{src: `print(("hello"):sub(2, 3), ("hello"):sub(-3), ("hello"):sub(2), ("hello"):sub(10), ("hello"):sub(-100, 2), ("hello"):sub(3, 2), ("hello"):sub(0))`, want: "el\tllo\tello\t\the\t\thello"},
		{src: `print(("x"):rep(2.9), ("hello"):sub("2", "3"), string.len(12))`, want: "xx\tel\t2"},
		{src: `print(("hello world"):find("o w"), ("hello"):find("l"), ("hello"):find("xyz"), ("hello"):find(""), ("hello"):find("", 10), ("a.b"):find(".", 1, true), ("a.b"):find("%."))`, want: "5\t3\tnil\t1\t6\t2\t2\t2"},
		{src: `print(("hello"):find("l", -2), ("hello"):find("h", -100), ("hello"):find("(l)(l)"))`, want: "4\t1\t3\t4\tl\tl"},
		{src: `print(("key = value"):match("^(%w+)%s*=%s*(%w+)$"))`, want: "key\tvalue"},
		{src: `print(("  trim  "):match("^%s*(.-)%s*$") .. "|")`, want: "trim|"},
		{src: `print(("abc"):match("()b()"), ("abc"):match("%w", 2), ("abc"):match("^b", 2), ("abc"):match("^a", 2))`, want: "2\tb\tb\tnil"},
		{src: `print(("THE (quick) fox"):find("%((%a+)%)"), ("f(a(b)c)d"):match("%b()"))`, want: "5\t(a(b)c)"},
		{src: `print(("THE (quick) fox"):gsub("%f[%a]%a+", string.lower))`, want: "the (quick) fox\t3"},
		{src: `print(("abcabc"):match("(a)bc%1"), ("\"x\"'y'"):match([[(["'])(.-)%1]]))`, want: "a\t\"\tx"},
		{src: `print(("2024-01-02"):match("(%d+)-(%d+)-(%d+)"))`, want: "2024\t01\t02"},
		{src: `print(("[[x]]"):gsub("[%[%]]", "."), ("a-b"):gsub("[a%-]", "x"), ("]"):match("[]]"), ("^"):match("[%^]"), ("a^"):match("[x^]"))`, want: "..x..\txxb\t]\t^\t^"},
		{src: `print(("%d"):gsub("%%d", "%%%%"), ("abc"):gsub("%w", "%0%0"), ("abc"):gsub("", "-"), ("hello"):gsub("l+", "%0"))`, want: "%%\taabbcc\t-a-b-c-\thello\t1"},
		{src: `print(("abc"):gsub("b", {b = "X"}), ("abc"):gsub("b", {}), ("abc"):gsub("b", function() return false end), ("abc"):gsub("%w", "x", 2), ("abc"):gsub("^a", "x"))`, want: "aXc\tabc\tabc\txxc\txbc\t1"},
		{src: `print(("x = $y"):gsub("%$(%w+)", {y = 5}), ("abc"):gsub("(b)(c)", "%2%1"), ("a b"):gsub("%s", 1))`, want: "x = 5\tacb\ta1b\t1"},
		{src: `print(("abc"):gsub("()", "%1"))`, want: "1a2b3c4\t4"},
		{src: `("abc"):gsub("b", "%2")`, want: "error: s:1: invalid capture index"},
		{src: `("abc"):gsub("b", function() return {} end)`, want: "error: s:1: invalid replacement value (a table)"},
		{src: `("abc"):gsub("b", true)`, want: "error: s:1: bad argument #2 to 'gsub' (string/function/table/lightfunction expected)", differs: true},
		{src: `for w, n in ("a=1, b=2"):gmatch("(%w)=(%w)") do print(w, n) end for p in ("abc"):gmatch("()") do io = p end print(io)`, want: "a\t1\nb\t2\n4"},
		{src: `for w in ("one two"):gmatch("%a+") do print(w) end print(("^x"):gmatch("^x")())`, want: "one\ntwo\n^x"},
		{src: `print(pcall(string.find, "a", "(a"), pcall(string.find, "a", "a)"))`, want: "false\ttrue\tnil"},
		{src: `print(pcall(string.find, "a", "(a")) print(pcall(string.match, "a", "a)"))`, want: "false\tunfinished capture\nfalse\tinvalid pattern capture"},
		{src: `for _, p in ipairs{"[a", "[]", "%", "(()", "%1", "%b", "%bx", "%f", "[%", "[^", "(a)%2"} do print(select(2, pcall(string.match, "ab", p))) end`,
			want: "malformed pattern (missing ']')\nmalformed pattern (missing ']')\nmalformed pattern (ends with '%')\nunfinished capture\ninvalid capture index\nunbalanced pattern\nunbalanced pattern\n" +
				"missing '[' after '%f' in pattern\nmalformed pattern (missing ']')\nmalformed pattern (missing ']')\ninvalid capture index"},
		{src: `print(pcall(string.match, "a", ("(a)"):rep(12)))`, want: "true\tnil"},
		{src: `print(pcall(string.match, ("a"):rep(12), ("(a)"):rep(12)))`, want: "false\ttoo many captures", differs: true},
		{src: `print(("a\0b"):find("b"), ("a\0b"):match("%z"), ("a\0b"):find("\0"), ("aXb"):find("X\0Y"))`, want: "3\t\t2\tnil"},
		{src: `print(("äöü"):match("%w"), ("\200"):match("%W") == "\200", (" \t\n\v\f\r"):match("^%s+$") ~= nil, ("!~"):match("^%p+$"), ("\127\1"):match("^%c+$") ~= nil, ("fF9g"):match("%x+"))`,
			want: "nil\ttrue\ttrue\t!~\ttrue\tfF9"},
		{src: `print(("aaa"):match("a-"), ("aaab"):match("a-b"), ("aaa"):match("a?a?a?a?"), ("xay"):match("x.-y"), ("a\nb"):match("a.b") ~= nil)`, want: "\taaab\taaa\txay\ttrue"},
		{src: `print(("a$b"):find("$b"), ("a$"):match("a%$"), ("$"):match("^$"), ("a+b"):match("+b"))`, want: "2\ta$\tnil\t+b"},
		{src: `print(#string.dump(function() return 1 end) > 10, loadstring(string.dump(function(a) return a + 1 end))(41))`, want: "true\t42"},
		{src: `string.dump(print)`, want: "error: s:1: unable to dump given function"},
		{src: `print(pcall(string.rep))`, want: "false\tbad argument #1 to '?' (string expected, got no value)"},
		{src: `("x"):rep({})`, want: "error: s:1: bad argument #1 to 'rep' (number expected, got table)"},
		{src: `("x").rep({}, 1)`, want: "error: s:1: bad argument #1 to 'rep' (string expected, got table)"},
		{src: `local s = string.rep s()`, want: "error: s:1: bad argument #1 to 'rep' (string expected, got no value)", differs: true},
		{src: `print(("5" + 1), "0x10" * 2, "010" + 0, " 3 " - 1, -"2", "10" / "4", 7 % "4", "2" ^ 3, 1 .. "")`, want: "6\t32\t10\t2\t-2\t2.5\t3\t8\t1"},
		{src: `print(pcall(function() return "0b1" + 1 end))`, want: "false\ts:1: attempt to perform arithmetic on a string value"},
		{src: `print("a" < "b", "a" < "B", "" < "a", "a\0b" < "a\0c", "10" < "9", "Z" < "a")`, want: "true\tfalse\ttrue\ttrue\ttrue\ttrue"},
		{src: `print(5 % 3, -5 % 3, 5 % -3, 5.5 % 2, 1 % 0.1, -4 % 2, 2 ^ 0.5, 10 / 4)`, want: "2\t1\t-1\t1.5\t0\t0\t1.4142135623731\t2.5"},
		{src: `local a, b, c = 1, 0.1, 2 print(a % b, -4 % c, 1e9 % 7, 3 % -c)`, want: "0\t0\t6\t-1"},
	})
}

func TestFormat(t *testing.T) {
	check(t, []snippet{
		{src: `print(string.format("%d %5d|%-5d|%05d|%+d|% d", 1, 2, 3, 4, 5, 6))`, want: "1     2|3    |00004|+5| 6"},
		{src: `print(string.format("%d %d %i", 3.99, -3.99, "12"))`, want: "3 -3 12"},
		{src: `print(string.format("%x %X %#x %o %u", 255, 255, 255, 8, 42))`, want: "ff FF 0xff 10 42"},
		{src: `print(string.format("%x %u %d", -1, -1, 2^31))`, want: "ffffffff 4294967295 2147483647", differs: true},
		{src: `print(string.format("%c%c%c", 76, 117, 97))`, want: "Lua"},
		{src: `print(string.format("%f %.2f %10.3f|%-10.2f|%e %.3g %g %G", 1.5, 2.345, 3.14159, 4.25, 12345.678, 0.0001234, 1e20, 1e-10))`, want: "1.500000 2.35      3.142|4.25      |1.234568e+04 0.000123 1e+20 1E-10"},
		{src: `print(string.format("%.14g %g %g %g", 0.1, 1/0, -1/0, 100000))`, want: "0.1 inf -inf 100000"},
		{src: `print(string.format("%s %10s|%-10s|%.2s|%5.1s|", "a", "b", "c", "defg", "hij"))`, want: "a          b|c         |de|    h|"},
		{src: `print(string.format("%q", 'a "b" \\ \n \r \0 c'))`, want: "\"a \\\"b\\\" \\\\ \\\n \\r \\000 c\""},
		{src: `print(string.format("%%|%5%|"))`, want: "error: s:1: bad argument #2 to 'format' (no value)"},
		{src: `print(string.format("%s %s", 1, 1.5), string.format("%d", "0x10"))`, want: "1 1.5\t16"},
		{src: `string.format("%s", nil)`, want: "error: s:1: bad argument #2 to 'format' (string expected, got nil)"},
		{src: `string.format("%d", "x")`, want: "error: s:1: bad argument #2 to 'format' (number expected, got string)"},
		{src: `string.format("%d")`, want: "error: s:1: bad argument #2 to 'format' (no value)"},
		{src: `string.format("%y", 1)`, want: "error: s:1: invalid option '%y' to 'format'"},
		{src: `string.format("%", 1)`, want: "error: s:1: invalid option '%' to 'format'"},
		{src: `string.format("%ll", 1)`, want: "error: s:1: invalid option '%l' to 'format'"},
		{src: `string.format("%100d", 1)`, want: "error: s:1: invalid format (width or precision too long)"},
		{src: `string.format("%.100f", 1)`, want: "error: s:1: invalid format (width or precision too long)"},
		{src: `string.format("%-+ #0-d", 1)`, want: "error: s:1: invalid format (repeated flags)"},
		{src: `print(#string.format("%99d", 1), #string.format("%99.9f", -1e15))`, want: "99\t99"},
		{src: `print(#string.format("%s", ("x"):rep(500)), #string.format("%.20s", ("x"):rep(500)), #string.format("%200s", "x"))`, want: "error: s:1: invalid format (width or precision too long)"},
		{src: `print(#string.format("%s", ("x"):rep(500)), #string.format("%.20s", ("x"):rep(500)), #string.format("%50s", "x"))`, want: "500\t20\t50"},
		{src: `print((("%5s"):format("a\0b")):byte(1, -1))`, want: "32\t32\t32\t32\t97"},
		{src: `print(("%5.1f|%5s"):format(1, "x"))`, want: "  1.0|    x"},
	})
}

// Sizes and times that a script chooses are bounded: an error or the watchdog,
// never the host.
func TestBounds(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"rep", `("x"):rep(2^31 - 1)`, "error: not enough memory"},
		{"rep of much", `("x"):rep(1000):rep(2^31 - 1)`, "error: not enough memory"},
		{"rep of nothing", `(""):rep(2^31 - 1)`, "killed: watchdog"},
		{"concat", `local t = {} for i = 1, 2000 do t[i] = ("x"):rep(1000) end table.concat(t)`, "error: not enough memory"},
		{"gsub", `local s = ("x"):rep(1000) s:gsub("x", s):gsub("x", s)`, "error: not enough memory"},
		{"format", `local s, a = ("x"):rep(1000), {} for i = 1, 1500 do a[i] = s end (("%s"):rep(1500)):format(unpack(a))`, "error: not enough memory"},
		{"byte", `("x"):rep(9000):byte(1, -1)`, "error: s:1: stack overflow (string slice too long)"},
		{"insert", `table.insert({}, -2147483647, 1)`, "killed: watchdog"},
		{"exponential pattern", `(("a"):rep(100)):match(("a?"):rep(100) .. ("a"):rep(100))`, "killed: watchdog"},
		{"backtracking pattern", `(("a"):rep(5000)):match((".-"):rep(10) .. "b")`, "killed: watchdog"},
		{"backtracking in pcall", `while true do pcall(string.match, ("a"):rep(5000), (".-"):rep(10) .. "b") end`, "killed: watchdog"},
		{"deep pattern", `("a"):match(("a?"):rep(5000))`, ""},
		{"deep captures", `("a"):rep(9000):match(("a?"):rep(300) .. "b")`, "error: s:1: pattern too complex"},
		{"deep source", `print(select(2, loadstring(("("):rep(1e5))))`, `..."]:1: chunk has too many syntax levels`},
		{"load without end", `load(function() return "x = 1 " end)`, ""},
		{"sort with a bad order", `local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function() return true end)`, "error: s:1: invalid order function for sorting"},
		{"recursion", `local function f() return 1 + f() end f()`, "error: not enough memory"},
		{"nested pcall", `local function f() return pcall(f) end print(f())`, "true"},
		{"gsub recursion", `local function f() return (("x"):gsub("x", f)) end f()`, "C stack overflow"},
		{"metatable recursion", `local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end print(t.x)`, "C stack overflow"},
		{"sort recursion", `local function f() table.sort({1, 2, 3}, f) end f()`, "C stack overflow"},
		{"tostring recursion", `local t = setmetatable({}, {}) getmetatable(t).__tostring = function(x) return tostring(x) end tostring(t)`, "C stack overflow"},
		{"foreach for ever", `local t = {1} table.foreach(t, function(k) t[k + 1] = 1 end)`, ""},
		{"coroutines in coroutines", `local function f() coroutine.wrap(f)() end f()`, ""},
	} {
		m := newMachine()
		m.nanos = 3e9
		got := m.run(tt.src)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
