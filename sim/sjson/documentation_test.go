package sjson_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/sjson.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "sjson", With: "file",
		Files: map[string]string{"a.txt": "one", "b.txt": "two \"2\""},
		Examples: []docpage.Example{
			// A depth is taken as 20 at least (modules-sjson.json sjson/128); there is no sjson.NULL, and
			// what the decoder makes of null is a function of the firmware's.
			{Of: "sjson.encoder()", What: "depth and null; functions are called", Lua: `
				local function all(e) local s = "" repeat local piece = e:read() s = s .. (piece or "") until not piece return s end
				print(all(sjson.encoder({temp = function() return 21.5 end})), all(sjson.encoder({"none", 1, sjson.NULL}, {null = "none"})))
				print(pcall(all, sjson.encoder({{{1}}}, {depth = 2}))) print(all(sjson.encoder({{1}}, {depth = 3})))`,
				Want: "{\"temp\":21.5}\t[null,1]\ntrue\t[[[1]]]\n[[1]]"},
			{Of: "sjson.encoder:read()", What: "example: every file of the flash in pieces", Lua: `
				local t = {} for name in pairs(file.list("%.txt$")) do t[name] = function() return file.open(name):read(4096) end end
				local encoder, whole = sjson.encoder(t), ""
				while true do local piece = encoder:read(16) if not piece then break end whole = whole .. piece if #piece > 16 then print("long") end end
				local back = sjson.decode(whole) print(back["a.txt"], back["b.txt"])`, Want: "one\ttwo \"2\""},
			{Of: "sjson.encode()", What: "example", Lua: `
				local ok, json = pcall(sjson.encode, {city = "Oslo"}) print(ok, json) print(sjson.encode({"-", 2}, {null = "-"}))`, Want: "true\t{\"city\":\"Oslo\"}\n[null,2]"},
			{Of: "sjson.decoder()", What: "checkpath, as the page tells its calls", Lua: `
				local d = sjson.decoder({metatable = {checkpath = function(t, path) print(type(t), table.concat(path, ".")) return true end}})
				d:write('{ "rooms": ["hall", "attic", []] }')`, Want: "table\t\ntable\trooms\ntable\trooms.3"},
			{Of: "sjson.decoder()", What: "checkpath leaves a part out", Lua: `
				local d = sjson.decoder({metatable = {checkpath = function(t, path) return path[2] ~= "raw" end}})
				local r = d:write('{"day": {"raw": [1, 2, 3], "mean": [2]}}') print(r.day.raw, r.day.mean[1])`, Want: "nil\t2"},
			{Of: "sjson.decoder()", What: "only the wanted keys, by __newindex; depth; null", Lua: `
				local d = sjson.decoder({metatable = {__newindex = function(t, k, v) if k == "url" or type(k) == "number" then rawset(t, k, v) end end}})
				local r = d:write('[{"name":"x","url":"/x","size":9},{"name":"y","url":"/y"}]') print(r[1].url, r[1].name, r[2].url, r[2].size)
				print(sjson.decoder({null = "none"}):write('[null]')[1], sjson.decode('[null]')[1] == sjson.NULL)
				local deep = sjson.decoder({depth = 2}) print((pcall(deep.write, deep, '[[[1]]]')))`, Want: "/x\tnil\t/y\tnil\nnone\tfalse\ntrue"},
			{Of: "sjson.decoder:write()", What: "nothing until it is whole; an error ends it", Lua: `
				local d = sjson.decoder() print(d:write('{"a"'), type(d:write(':1}')))
				d = sjson.decoder() print(pcall(d.write, d, '[1;')) print(pcall(d.write, d, '1]'))`, Want: "nil\ttable\nfalse\tJSON parse error: INVALID_NUMBER\nfalse\tJSON parse error: previous call"},
			{Of: "sjson.decoder:result()", What: "first example", Lua: `
				local d = sjson.decoder() d:write("[7, 4") print(pcall(d.result, d)) d:write("2") d:write(", \"tail\"]")
				for k, v in pairs(d:result()) do print(k, v) end print(d:result() == d:result())`, Want: "false\tdecode not complete\n1\t7\n2\t42\n3\ttail\ntrue"},
			{Of: "sjson.decoder:result()", What: "second example: told of each value", Lua: `
				local d = sjson.decoder({metatable = {__newindex = function(t, k, v) print("set", k, type(v) == "table" and "a table" or v) rawset(t, k, v) end}})
				d:write('[5, 6, {"door":"open"}]')`, Want: "set\t1\t5\nset\t2\t6\nset\t3\ta table\nset\tdoor\topen"},
			{Of: "sjson.decode()", What: "example; and what is none", Lua: `
				for k, v in pairs(sjson.decode('{"lamp":"on"}')) do print(k, v) end print(pcall(sjson.decode, '{"lamp"'))
				print(sjson.decode('[null]', {null = "?"})[1], #sjson.decode('[[1]]', {depth = 3}))
				print(getmetatable(sjson.decode('{}', {metatable = {name = "mine"}})).name)`, Want: "lamp\ton\nfalse\tIncomplete JSON object passed to sjson.decode\n?\t1\nmine"},
		},
	}.Run(t)
}
