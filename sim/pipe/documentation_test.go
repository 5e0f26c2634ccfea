package pipe_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/pipe.md). That with a socket stands among those of
// net.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "pipe",
		Examples: []docpage.Example{
			{Of: "pipe.create()", What: "with a reader and a priority", Lua: `
				local p = pipe.create(function(p) print("reader", p:read("\n")) return false end, node.task.HIGH_PRIORITY)
				local q = pipe.create() q:write("x") print(q:read())
				p:write("a line\n") print("written")`, Want: "x\nwritten\nreader\ta line"},
			// The page says that the default is "\n+". It is "\n" (modules-pipe.json).
			{Of: "pobj:read()", What: "example", Lua: `
				local p = pipe.create() p:write("first\nsecond\nthe rest of it, without an end")
				print(p:read("\n")) print(#p:read()) print(p:read(8)) print(p:read(50)) print(p:read(50))`, Want: "first\n6\nthe rest\n of it, without an end\nnil"},
			{Of: "pobj:reader()", What: "example: in a for loop, and kept", Lua: `
				local p = pipe.create() p:write("a\nb\n") for line in p:reader() do print(#line) end
				local comma = p:reader(",") p:write("c,d") for word in comma do print(word) end print(p:nrec())`, Want: "1\n1\nc\nd\n0"},
			{Of: "pobj:reader()", What: "example: in a callback that sends, with a task for the socket", Lua: `
				local p = pipe.create() for i = 1, 3 do p:write(("x"):rep(500)) end
				local sent, reader = {}, p:reader(700)
				local function flush() local piece = reader() if piece then sent[#sent + 1] = #piece node.task.post(flush) else print(unpack(sent)) end end
				flush()`, Want: "700\t700\t100"},
			{Of: "pobj:unread()", What: "example", Lua: `
				local p = pipe.create() p:write("one\ntwo\n") local a = p:read("\n+") print((p:unread(a))) print(p:read(99) == "one\ntwo\n")`, Want: "nil\ntrue"},
			{Of: "pobj:write()", What: "any bytes", Lua: `local p = pipe.create() print((p:write("a\0b"))) print(#p:read(10))`, Want: "nil\n3"},
			{Of: "pobj:nrec()", What: "records of up to 256 bytes", Lua: `
				local p = pipe.create() print(p:nrec()) p:write(("y"):rep(600)) print(p:nrec()) p:read(1000) print(p:nrec())`, Want: "0\n3\n0"},
		},
	}.Run(t)
}
