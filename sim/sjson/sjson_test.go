package sjson

import (
	"fmt"
	"strings"
	"testing"

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
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			fmt.Fprintf(&out, "hint %s\n", d.Where)
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
		if v == sjson.NULL then return "NULL" end
		if type(v) ~= "table" then return (type(v) == "string") and ("'" .. v .. "'") or tostring(v) end
		local keys = {}
		for k, x in pairs(v) do keys[#keys+1] = tostring(k) .. "=" .. show(x) end
		table.sort(keys)
		return "{" .. table.concat(keys, " ") .. "}"
	end
`

func TestDecode(t *testing.T) {
	tests := []struct{ json, want string }{
		{`{"a":1,"b":[true,false,null],"c":{"d":"x"}}`, "{a=1 b={1=true 2=false 3=NULL} c={d='x'}}"},
		{`[]`, "{}"},
		{` [ ] trailing`, "{}"},
		{`[1,-2,0,1.5,1e3,-0.25E-2]`, "{1=1 2=-2 3=0 4=1.5 5=1000 6=-0.0025}"},
		{`["a\n\t\"\\\/\b\f","\u0041\u00e9\u20AC","\ud83d\ude00"]`, "{1='a\n\t\"\\/\b\f' 2='Aé€' 3='??'}"},
		{`[[[1]],{"x":[{}]}]`, "{1={1={1=1}} 2={x={1={}}}}"},
		{`{"a":1,"a":2}`, "{a=2}"},
		{strings.Repeat("[", 18) + "1" + strings.Repeat("]", 18), strings.Repeat("{1=", 18) + "1" + strings.Repeat("}", 18)},
	}
	for _, tt := range tests {
		if got := run(t, show+fmt.Sprintf("print(show(sjson.decode(%q)))", tt.json)); got != tt.want {
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
		{`["a" "b"]`, "JSON parse error: MISSING_TOKEN"},
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
		got := run(t, fmt.Sprintf("print(pcall(sjson.decode, %q))", tt.json))
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
			print(sjson.encode{sjson.NULL, 1, "x"}, sjson.encode({"x", 1}, {null = "x"}))
			print(type(sjson.NULL), sjson.NULL == sjson.decode("[null]")[1])`,
			"true\t{2=1}\n[null,1,\"x\"]\t[null,1]\nuserdata\ttrue"},
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

// FuzzParser makes sure that no text crashes the parser, and that it takes what
// it takes in one piece and byte by byte alike.
func FuzzParser(f *testing.F) {
	for _, s := range []string{`{"a":[1,true,null,"\u00e9"]}`, `[[[`, `]`, `}}`, `{"a":1}}`, `[1,2`, `"`, `[1]]`, "[\"\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := newParser()
		open := 0
		for i := 0; i < len(text); i++ {
			done := false
			problem := p.feed(text[i], func() { open++ }, func() {
				if k := p.top().kind; k == list || k == object {
					open--
					done = open == 0
				}
			})
			if problem != "" || done {
				break
			}
			if len(p.levels) > maxDepth || open < 0 {
				t.Fatalf("%d levels, %d open", len(p.levels), open)
			}
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
