package sjson

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// run boots a device, runs src and returns what it printed, and the hints.
func run(t *testing.T, src string) string {
	t.Helper()
	w := world.New(1)
	var out strings.Builder
	ended := false
	w.Subscribe(func(e world.Event) {
		if ended {
			return
		}
		switch d := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			fmt.Fprintf(&out, "hint %s\n", d.Where)
		case event.Reset:
			fmt.Fprintf(&out, "reset: %s\n", d.Reason)
			ended = true
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Size: 1 << 20},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1}, Heap: board.Heap{Size: 50000}}
	device.New(w, device.Config{Board: board, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(src), "@t.lua")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("t.lua", fn)
	}}).PowerOn()
	w.Clock.RunUntil(clock.At(1 * clock.Second))
	return strings.TrimSuffix(out.String(), "\n")
}

// show defines a function that prints a value with sorted keys.
const show = `
	local function show(v)
		if type(v) == "lightfunction" then return "NULL" end
		if type(v) ~= "table" then return (type(v) == "string") and ("'" .. v .. "'") or tostring(v) end
		local keys = {}
		for k, x in pairs(v) do keys[#keys+1] = tostring(k) .. "=" .. show(x) end
		table.sort(keys)
		return "{" .. table.concat(keys, " ") .. "}"
	end
`

// quoted is a string as Lua reads it.
func quoted(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\%03d`, s[i])
	}
	return `"` + b.String() + `"`
}

func TestDecode(t *testing.T) {
	tests := []struct{ json, want string }{
		{`{"a":1,"b":[true,false,null],"c":{"d":"x"}}`, "{a=1 b={1=true 2=false 3=NULL} c={d='x'}}"},
		{`[]`, "{}"},
		{` [ ] trailing`, "{}"},
		{`[1,-2,0,1.5,1e3,-0.25E-2]`, "{1=1 2=-2 3=0 4=1.5 5=1000 6=-0.0025}"},
		{`["a\n\t\"\\\/\b\f","\u0041\u00e9\u20AC","\ud83d\ude00"]`, "{1='a\n\t\"\\/\b\f' 2='Aé€' 3='??'}"},
		{`[[[1]],{"x":[{}]}]`, "{1={1={1=1}} 2={x={1={}}}}"},
		{`{"a":1,"a":2}`, "{a=2}"},
		{`["a" "b","c""d"]`, "{1='a' 2='b' 3='c' 4='d'}"},
		{"[\"\x1f\"]", "{1='\x1f'}"},
		{`["\u12"]`, "{1='\u1226'}"},
		{`[-01,-0.5,1e5.5,0]`, "{1=-1 2=-0.5 3=0 4=0}"},
		{`[1],[2]`, "{1=2}"},
		{`[1],{"a":[`, "{a={}}"},
		{`[1],2 `, "2"},
		{`[1]]`, "{1=1}"},
		{strings.Repeat("[", 18) + "1" + strings.Repeat("]", 18), strings.Repeat("{1=", 18) + "1" + strings.Repeat("}", 18)},
	}
	for _, tt := range tests {
		if got := run(t, show+fmt.Sprintf("print(show(sjson.decode(%s)))", quoted(tt.json))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.json, got, tt.want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct{ json, want string }{
		{`[1,]`, "JSON parse error: TRAILING_COMMA"},
		{`[1`, "Incomplete JSON object passed to sjson.decode"},
		{`1`, "Incomplete JSON object passed to sjson.decode"},
		{``, "Incomplete JSON object passed to sjson.decode"},
		{`"x"`, "JSON parse error: STRING_OUTSIDE_CONTAINER"},
		{`{"a"}`, "JSON parse error: VALUE_EXPECTED"},
		{`{1:2}`, "JSON parse error: HKEY_EXPECTED"},
		{`{"a" "b"}`, "JSON parse error: MISSING_TOKEN"},
		{`[1"a"]`, "JSON parse error: SPECIAL_EXPECTED"},
		{`["a"1]`, "JSON parse error: CANT_INSERT"},
		{`["a"[]]`, "JSON parse error: CANT_INSERT"},
		{`{"a":1 "b":2}`, "JSON parse error: STRAY_TOKEN"},
		{`{"a",1}`, "JSON parse error: STRAY_TOKEN"},
		{`{"a":1,2}`, "JSON parse error: HKEY_EXPECTED"},
		{`{"a":1,{}}`, "JSON parse error: CANT_INSERT"},
		{`{{}}`, "JSON parse error: HKEY_EXPECTED"},
		{`[1-2]`, "JSON parse error: INVALID_NUMBER"},
		{`[1e5e]`, "JSON parse error: INVALID_NUMBER"},
		{`[1e+]`, "JSON parse error: INVALID_NUMBER"},
		{`[1.5.2]`, "JSON parse error: INVALID_NUMBER"},
		{`[-x]`, "JSON parse error: INVALID_NUMBER"},
		{"[\"\x13\"]", "JSON parse error: WEIRD_WHITESPACE"},
		{"[\x00]", "JSON parse error: FOUND_NULL_BYTE"},
		{"[\x01]", "JSON parse error: WEIRD_WHITESPACE"},
		{"[true\x00]", "JSON parse error: SPECIAL_INCOMPLETE"},
		{`[truee]`, "JSON parse error: SPECIAL_EXPECTED"},
		{`[1 2]`, "JSON parse error: CANT_INSERT"},
		{`[1}`, "JSON parse error: BRACKET_MISMATCH"},
		{`[tru]`, "JSON parse error: SPECIAL_INCOMPLETE"},
		{`[trux]`, "JSON parse error: SPECIAL_EXPECTED"},
		{`[x]`, "JSON parse error: SPECIAL_EXPECTED"},
		{`[01]`, "JSON parse error: INVALID_NUMBER"},
		{`[-]`, "JSON parse error: INVALID_NUMBER"},
		{`["\x"]`, "JSON parse error: ESCAPE_INVALID"},
		{`[\]`, "JSON parse error: ESCAPE_OUTSIDE_STRING"},
		{`[:1]`, "JSON parse error: STRAY_TOKEN"},
		{`[,1]`, "JSON parse error: STRAY_TOKEN"},
		{strings.Repeat("[", 20), "JSON parse error: LEVELS_EXCEEDED"},
	}
	for _, tt := range tests {
		got := run(t, fmt.Sprintf("print(pcall(sjson.decode, %s))", quoted(tt.json)))
		if got != "false\t"+tt.want {
			t.Errorf("%s: %q, want %q", tt.json, got, tt.want)
		}
	}
}

func TestScripts(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"pieces", `
			local d = sjson.decoder()
			print(pcall(d.result, d))
			for _, p in ipairs{"[1", "0, \"a", "b\\", "n\",", " {\"k\": tr"} do print(select("#", d:write(p))) end
			local v = d:write("ue}]x")
			print(show(v), d:result() == v, d:write("junk") == v)`,
			"false\tdecode not complete\n0\n0\n0\n0\n0\n{1=10 2='ab\n' 3={k=true}}\ttrue\ttrue"},
		{"after an error", `
			local d = sjson.decoder()
			print(pcall(d.write, d, "[x"))
			print(pcall(d.write, d, "1]"))`,
			"false\tJSON parse error: SPECIAL_EXPECTED\nfalse\tJSON parse error: previous call"},
		{"null", `
			print(show(sjson.decode("[null,1]", {null = "\0"})) == "{1='\0' 2=1}", show(sjson.decode("[null,1]", {})))
			local null = sjson.decode("[null]")[1]
			print(sjson.encode{null, 1, "x"}, sjson.encode({"x", 1}, {null = "x"}), sjson.encode({x = 1}, {null = "x"}))
			print(type(null), null == sjson.decode("[null]")[1], null, sjson.NULL)`,
			"true\t{2=1}\n[null,1,\"x\"]\t[null,1]\t{null:1}\nlightfunction\ttrue\tlightfunction: (nil)\tnil"},
		{"numbers", `print(sjson.encode{1/0, -1/0, 0/0, 2147483648, -9007199254740992, 1234567890123456768, 0.5, [8] = 1e21})`,
			"[null,null,null,2147483648,-9007199254740992,1234567890123456768,0.5,1e+21]"},
		{"keys that are no strings", `print(sjson.encode{[true] = 1}, sjson.encode{[0.5] = 1}, sjson.encode{[sjson.decode("[null]")[1]] = 1}, pcall(sjson.encode, {[{}] = 1}))`,
			"{true:1}\t{\"0.5\":1}\t{null:1}\tfalse\tCannot encode type 5"},
		{"after an error in a function", `
			local bad = true
			local e = sjson.encoder{1, function() if bad then error("no", 0) end return 2 end, 3}
			print(pcall(e.read, e))
			bad = false
			print(e:read())
			bad = true
			local e = sjson.encoder{function() if bad then error("no", 0) end return 2 end, x = 3}
			print(pcall(e.read, e))
			bad = false
			print(e:read())`,
			"false\tno\n2,3]\nfalse\tno\n3}"},
		{"after an error in checkpath", `
			local bad = true
			local d = sjson.decoder{metatable = {checkpath = function(t, path) if bad and path[1] then error("no", 0) end return true end}}
			print(pcall(d.write, d, "[[7],[8]]"))
			bad = false
			print(show(d:write("9],[1]]")))`,
			"false\tno\n{2={1=0}}"}, // what was not read of the first piece is looked at in place of the second
		{"no arguments", `print(pcall(function() sjson.decode() end))`, "false\tt.lua:10: bad argument #1 to 'decode' (string expected, got userdata)"},
		{"a metatable that is none", `
			for _, mt in ipairs{1, true, print} do print(pcall(sjson.decode, "[]", {metatable = mt})) end
			print(pcall(sjson.decode, "[]", {metatable = "x"}))`,
			"false\tattempt to index a number value\nfalse\tattempt to index a boolean value\nfalse\tattempt to index a function value\nhint t.lua:12\nreset: exception reset"},
		{"an encoder that has overflowed", `
			local t = {} t[1] = t
			local e = sjson.encoder(t)
			print(pcall(e.read, e))
			print(pcall(e.read, e))`,
			"false\tencoder stack overflow\nhint t.lua:14\nreset: exception reset"},
		{"a decoder after its __gc", `
			local d = sjson.decoder()
			getmetatable(d).__gc(d)
			print(pcall(d.result, d))
			d = nil
			collectgarbage()
			print("never")`,
			"false\tdecode not complete\nhint t.lua:15\nreset: exception reset"},
		{"an encoder after its __gc", `
			local e = sjson.encoder{}
			getmetatable(e).__gc(e)
			e:read()`,
			"hint t.lua:13\nreset: exception reset"},
		{"a decoder out of its levels", `
			local d d = sjson.decoder{metatable = {checkpath = function(t, path) if path[1] then d:write("]]") end return true end}}
			print(pcall(d.write, d, "[[]]"))`,
			"hint t.lua:12\nreset: exception reset"},
		{"metatable", `
			local mt = {__newindex = function(t, k, v) if k ~= "skip" then rawset(t, k, v) end end}
			print(show(sjson.decode('{"a":1,"skip":2,"b":{"skip":{}}}', {metatable = mt})))
			print(getmetatable(sjson.decode("[]", {metatable = mt})) == mt)`,
			"{a=1 b={}}\ntrue"},
		{"checkpath", `
			local seen = {}
			local mt = {checkpath = function(t, path) seen[#seen+1] = table.concat(path, "/") return path[1] ~= "no" end}
			print(show(sjson.decode('{"foo":[1,2,[]],"no":{"x":1},"z":[[3]]}', {metatable = mt})))
			print(table.concat(seen, " "))`,
			"{foo={1=1 2=2 3={}} z={1={1=3}}}\n foo foo/3 no z z/1"},
		{"encode", `
			print(sjson.encode{a = 1}, sjson.encode{}, sjson.encode{1, {2, {}}, "x", true, false, 1.5})
			print(sjson.encode{[1] = 1, [4] = 4}, sjson.encode{[0] = 1}, sjson.encode{[-1] = {}})
			print(sjson.encode{"\1\n\t\"\127é"})
			print(sjson.encode{f = function() return function() return {1} end end})
			print(sjson.encode{"a\\b"})`,
			"{\"a\":1}\t[]\t[1,[2,[]],\"x\",true,false,1.5]\n[1,null,null,4]\t{\"0\":1}\t{\"-1\":[]}\n" +
				"[\"\\u0001\\n\\t\\\"\x7fé\"]\n{\"f\":[1]}\nhint t.lua:15\n[\"a\\b\"]"},
		{"encode errors", `
			print(pcall(function() sjson.encode(1) end))
			print(pcall(sjson.encode, {coroutine.create(function() end)}))
			print(pcall(sjson.encode, {sjson.encoder{}}))
			local t = {} t[1] = t
			print(pcall(sjson.encode, t))
			print(pcall(sjson.encode, {string.rep("x", 3000), string.rep("y", 3000)}))
			print(pcall(sjson.encode, {[20000] = 1}))`,
			"false\tt.lua:11: bad argument #1 to 'encode' (table expected, got number)\n" +
				"false\tCannot encode type 8\nfalse\tCannot encode type 7\nfalse\tencoder stack overflow\nfalse\tstring length overflow\nfalse\tstring length overflow"},
		{"encoder", `
			local e = sjson.encoder{a = {1, 2, 3}}
			local parts = {}
			while true do local p = e:read(4) if not p then break end parts[#parts+1] = p end
			print(table.concat(parts, "|"), e:read())
			print(sjson.encoder({}):read(0), pcall(e.read))`,
			"{\"a\"|:[1,|2,3]|}\n[\tfalse\tbad argument #1 to '?' (sjson.encoder expected, got no value)"},
		{"carriage return", `print(sjson.decode('["\\r"]')[1]:byte(), sjson.encode{"\r"})`, "13\t[\"\\r\"]"},
		{"round trip", `
			local v = {s = "é\n", n = -1.25, l = {1, {x = true}, {}}, o = {y = {z = "q"}}}
			print(show(sjson.decode(sjson.encode(v))) == show(v))`,
			"true"},
		{"re-entry", `
			local e e = sjson.encoder{function() return e:read(100) end, 2}
			print(pcall(e.read, e))
			local d d = sjson.decoder{metatable = {checkpath = function() d:write("[") return true end}}
			print(pcall(d.write, d, "[1]"))`,
			""},
		{"many decoders leak nothing", `
			for i = 1, 200 do pcall(sjson.decode, '{"a":[1,{"b":x') end
			collectgarbage() collectgarbage()
			print(collectgarbage("count") < 40)`,
			"true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run(t, show+tt.src)
			if tt.name == "re-entry" { // whatever it says, it ends
				if strings.Count(got, "\n")-strings.Count(got, "E:M ") != 1 {
					t.Errorf("got %q", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// counted is told of events and keeps count.
type counted struct {
	t    *testing.T
	open []kind
	all  strings.Builder
}

func (c *counted) begin(s *level) {
	c.open = append(c.open, s.kind)
	if s.depth != len(c.open) {
		c.t.Fatalf("level %d begins, of %d", s.depth, len(c.open))
	}
	fmt.Fprintf(&c.all, "%c%d ", s.kind, s.begin)
}

func (c *counted) end(s *level) {
	if n := len(c.open); n == 0 || c.open[n-1] != s.kind {
		c.t.Fatalf("%c ends, open %c", s.kind, c.open)
	}
	c.open = c.open[:len(c.open)-1]
	fmt.Fprintf(&c.all, "%c%d-%d ", s.kind, s.begin, s.end)
}

// FuzzParser makes sure that no text crashes the parser, that values end as they began,
// and that it takes what it takes in one piece, in two and byte by byte alike.
func FuzzParser(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,true,null,"\u00e9"]}`, `[[[`, `]`, `}}`, `{"a":1}}`, `[1,2`, `"`, `[1]]`, "[\"\\", `[1],[2]`, `1,[2]`, `["a" "b"]`,
		`[-01,-0.5,1e5.5,1-2,0]`, `[1"a"]`, `{"a":1,{}}`, `["\u"]`, "[\"\x1f\"]", strings.Repeat("[", 20), "[true\x00]", `{"a":"b" "c":1}`,
	} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		cut = min(max(cut, 0), len(text))
		run := func(pieces ...string) string {
			p, on := newParser(), &counted{t: t}
			for _, piece := range pieces {
				if problem := p.feed(piece, on); problem != "" {
					return fmt.Sprint(on.all.String(), problem, " at ", p.pos)
				}
				if p.level != len(on.open) {
					t.Fatalf("level %d, open %c", p.level, on.open)
				}
			}
			return on.all.String()
		}
		whole := run(text)
		if got := run(text[:cut], text[cut:]); got != whole {
			t.Errorf("%q cut at %d: %s; whole: %s", text, cut, got, whole)
		}
		if got := run(strings.Split(text, "")...); utf8.ValidString(text) && got != whole {
			t.Errorf("%q in bytes: %s; whole: %s", text, got, whole)
		}
	})
}

// reachesOut matches an escape that takes what follows its string for digits.
var reachesOut = regexp.MustCompile(`(?s)\\u.{0,3}"`)

// FuzzPieces makes sure that a value is the same whether its text comes whole or in two
// pieces, and that the encoder's text of it, where it holds no backslash, decodes to it.
func FuzzPieces(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,true,null,"\u00e9"],"bcd":{"e":[{}]}}`, `[[[`, `[1,2]]`, `["abc\n",-0.25e3,12345678901234567890]`, `[-01,1e5.5]`, `{"a":1 "b":2}`, `["a""b"]`,
	} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if len(text) > 500 || reachesOut.MatchString(text) {
			return
		}
		cut = min(max(cut, 0), len(text))
		got := run(t, show+fmt.Sprintf(`
			local a, b = %s, %s
			local one, two = sjson.decoder(), sjson.decoder()
			local ok, whole = pcall(one.write, one, a .. b)
			local early, first = pcall(two.write, two, a)
			if early and first ~= nil then print("same") return end -- then b does not count
			local ok2, last = false, first
			if early then ok2, last = pcall(two.write, two, b) end
			print(ok == ok2 and show(whole) == show(last) and "same" or show(whole) .. " and " .. show(last))
			if ok and whole ~= nil and not (a .. b):find("\\", 1, true) then
				local text = show(whole)
				local coded, json = pcall(sjson.encode, {whole})
				if coded and show(sjson.decode(json)[1]) ~= text then print(text, json) end
			end`, quoted(text[:cut]), quoted(text[cut:])))
		if got != "same" {
			t.Errorf("%q cut at %d: %s", text, cut, got)
		}
	})
}

// What decode makes takes the same memory and has its keys in the same order,
// whether its tables have a metatable or not.
func TestMetatableChangesNoTable(t *testing.T) {
	got := run(t, `
		local parts = {}
		for i = 1, 32 do parts[i] = ('"key%d":%d'):format(i, i) end
		local text = "{" .. table.concat(parts, ",") .. "}"
		local kept = sjson.decode(text) -- the keys exist from now on
		local function settle() for i = 1, 10 do collectgarbage() end end -- the concat buffer halves each time
		local function measure(options)
			settle()
			local before = collectgarbage("count")
			local made = sjson.decode(text, options)
			settle()
			local bytes = (collectgarbage("count") - before) * 1024
			local keys = {}
			for k in pairs(made) do keys[#keys + 1] = k end
			return bytes, table.concat(keys, " ")
		end
		local metatable, through = {}, {__newindex = function(t, k, v) rawset(t, k, v) end}
		measure() -- the stack has grown from now on
		local bytes, keys = measure()
		for _, options in ipairs{{}, {metatable = metatable}, {metatable = through}} do
			local b, k = measure(options)
			print(b - bytes, k == keys)
		end`)
	if want := "0\ttrue\n0\ttrue\n0\ttrue"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// sjson.NULL is a light userdata, which takes no memory.
func TestNullCostsNothing(t *testing.T) {
	got := run(t, `
		local kept = {1}
		local function count() for i = 1, 10 do collectgarbage() end return collectgarbage("count") * 1024 end
		local before = count()
		kept[1] = sjson.NULL
		local with = count()
		kept[1] = 1
		print(with - before, count() - before)`)
	if want := "0\t0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The encoder goes through an object as pairs does.
func TestEncodeGoesInTheOrderOfPairs(t *testing.T) {
	got := run(t, `
		local object, parts = {}, {}
		for i = 20, 1, -1 do object["key" .. i] = i end
		for k, v in pairs(object) do parts[#parts + 1] = ('"%s":%d'):format(k, v) end
		print(sjson.encode(object) == "{" .. table.concat(parts, ",") .. "}")`)
	if got != "true" {
		t.Errorf("got %q", got)
	}
}

// A program that takes the decoder's tables away while it fills them gets none of them as
// new ones.
func TestTablesTakenAway(t *testing.T) {
	got := run(t, `
		local on = false
		local mt = {} mt.checkpath = function(x, path)
			if on then
				local r = debug.getregistry()
				for k, v in pairs(r) do if type(k) == "number" and k > 0 and type(v) == "table" and v ~= x and v ~= path and v ~= mt then r[k] = nil end end
				r = nil collectgarbage() collectgarbage()
			end
			return true
		end
		local d = sjson.decoder({metatable = mt})
		d:write('{"a":')
		on = true
		pcall(d.write, d, '{"b":1}')
		local keep = {} for i = 1, 80 do local t = {} keep[i] = t for k, v in pairs(t) do print("new table has", k, v) end end
		print("done")`)
	if got != "done" {
		t.Error(got)
	}
}
