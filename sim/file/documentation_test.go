package file_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
)

// The page's examples (fw: docs/modules/file.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "file", With: "rtctime",
		Files: map[string]string{"diary.txt": "Monday: rain\nTuesday: sun\n", "setup.cfg": "x", "old.lua": "return 1"},
		Examples: []docpage.Example{
			{Of: "file.open(), file.read(), file.close()", What: "first example of the page: in the flash, with the whole path, on a card", Lua: `
				if file.open("diary.txt") then print(#file.read()) print((file.close())) end
				print(file.open("/FLASH/diary.txt") ~= nil) file.close()
				print(file.open("/SD0/diary.txt"))`, Want: "26\nnil\ntrue\nnil"},
			{Of: "file.exists(), file.list()", What: "example", Lua: `
				local l = file.list() if l["setup.cfg"] then print("listed", l["setup.cfg"]) end
				if file.exists("setup.cfg") then print("exists") end print(file.exists("setup"))`, Want: "listed\t1\nexists\nfalse"},
			{Of: "file.format()", What: "all is gone", Lua: `file.putcontents("x", "y") print((file.format())) print(next(file.list()))`, Want: strings.Repeat(".", 56) + "format done.\nnil\nnil"},
			{Of: "file.fscfg()", What: "example", Lua: `print(("0x%x %d"):format(file.fscfg()))`, Want: "0x80000 3670016"},
			{Of: "file.fsinfo()", What: "example", Lua: `local free, used, total = file.fsinfo() print(free + used == total, used > 0)`, Want: "true\ttrue"},
			{Of: "file.getcontents()", What: "example; none", Lua: `print(file.getcontents("diary.txt")) print(file.getcontents("letter.txt"))`, Want: "Monday: rain\nTuesday: sun\n\n"},
			{Of: "file.list()", What: "example; with a pattern; a wrong one", Lua: `
				local names = {} for name, size in pairs(file.list("%.[tc][xf][tg]$")) do names[#names + 1] = name .. "=" .. size end table.sort(names) print(unpack(names))
				print(pcall(file.list, "%"))`, Want: "diary.txt=26\tsetup.cfg=1\nfalse\tmalformed pattern (ends with '%')"},
			{Of: "file.on()", What: "example: the time for a card's files", Lua: `
				print((file.on("rtc", function() return rtctime.epoch2cal(rtctime.get()) end))) print((file.on("rtc", nil)))`, Want: "nil\nnil"},
			{Of: "file.open(), file.readline()", What: "example (basic model): the first line", Lua: `if file.open("diary.txt", "r") then print(file.readline()) file.close() end`, Want: "Monday: rain\n"},
			{Of: "file.open(), file.obj:readline(), file.obj:close()", What: "example (object model): the first line", Lua: `
				local f = file.open("diary.txt", "r") if f then print(f:readline()) print((f:close())) f = nil end`, Want: "Monday: rain\n\nnil"},
			{Of: "file.open()", What: "each mode", Lua: `
				for _, mode in ipairs{"r", "w", "a", "r+", "w+", "a+"} do
					file.putcontents("t", "12345") local f = file.open("t", mode)
					local wrote = f:write("ab") f:seek("set", 0) local read = f:read() f:close() print(mode, wrote, read, file.getcontents("t")) end
				print(file.open("none", "r"), file.open("none", "r+"))`,
				Want: "r\tnil\t12345\t12345\nw\ttrue\tnil\tab\na\ttrue\tnil\t12345ab\nr+\ttrue\tab345\tab345\nw+\ttrue\tab\tab\na+\ttrue\t12345ab\t12345ab\nnil\tnil"},
			{Of: "file.remove()", What: "example", Lua: `print((file.remove("old.lua"))) print(file.exists("old.lua"))`, Want: "nil\nfalse"},
			{Of: "file.putcontents()", What: "example", Lua: `print(file.putcontents("note.txt", [[
To do
-----
]])) print(file.getcontents("note.txt"))`, Want: "true\nTo do\n-----\n"},
			{Of: "file.rename()", What: "example; onto one that is there", Lua: `print(file.rename("old.lua", "new.lua")) print(file.exists("old.lua"), file.exists("new.lua")) print(file.rename("new.lua", "setup.cfg"))`,
				Want: "true\nfalse\ttrue\nfalse"},
			{Of: "file.stat()", What: "example", Lua: `
				local s = file.stat("diary.txt") local t = s.time print(s.name, s.size) print(("%04d-%02d-%02d %02d:%02d:%02d"):format(t.year, t.mon, t.day, t.hour, t.min, t.sec))
				print(s.is_dir, s.is_rdonly, s.is_hidden, s.is_sys, s.is_arch)`, Want: "diary.txt\t26\n1970-01-01 00:00:00\nfalse\tfalse\tfalse\tfalse\tfalse"},
			{Of: "file.obj:read(), file.obj:write()", What: "example of the object model: a copy", Lua: `
				local from = file.open("diary.txt", "r") local to = file.open("copy.txt", "w")
				while true do local piece = from:read(7) if not piece then break end to:write(piece) end
				to:close() from:close() print(file.getcontents("copy.txt") == file.getcontents("diary.txt"))`, Want: "true"},
			// The page says that flush returns nil. It is true or nil (fw: file_flush).
			{Of: "file.flush(), file.write()", What: "example (basic model)", Lua: `
				if file.open("diary.txt", "a+") then file.write("Wed") print((file.flush())) file.write("nesday") file.close() end print(file.getcontents("diary.txt"))`,
				Want: "true\nMonday: rain\nTuesday: sun\nWednesday"},
			{Of: "file.obj:flush()", What: "example, as an object", Lua: `local f = file.open("t", "w") f:write("x") print(f:flush()) f:close()`, Want: "true"},
			{Of: "file.read()", What: "example (basic model): a line; a number; the rest; the end", Lua: `
				file.open("diary.txt") print(file.read("\n")) print(file.read(7)) print(file.read()) print(file.read()) file.close()`, Want: "Monday: rain\n\nTuesday\n: sun\n\nnil"},
			{Of: "file.obj:read()", What: "example (object model)", Lua: `local f = file.open("diary.txt") print(f:read(6)) f:close()`, Want: "Monday"},
			{Of: "file.seek()", What: "example; every base", Lua: `
				file.open("diary.txt") file.seek("set", 8) print(file.readline()) print(file.seek(), file.seek("end"), file.seek("end", -4), file.seek("cur", 1), file.seek("set")) file.close()`,
				Want: "rain\n\n13\t26\t22\t23\t0"},
			{Of: "file.obj:seek()", What: "as an object", Lua: `local f = file.open("diary.txt") print(f:seek("cur", 3), f:seek("set", -1)) f:close()`, Want: "3\tnil"},
			{Of: "file.write()", What: "example (basic model)", Lua: `if file.open("setup.cfg", "a+") then print(file.write(" = 1")) file.close() end print(file.getcontents("setup.cfg"))`, Want: "true\nx = 1"},
			{Of: "file.obj:write()", What: "example (object model)", Lua: `local f = file.open("setup.cfg", "a+") if f then print(f:write(" = 2")) f:close() end print(file.getcontents("setup.cfg"))`, Want: "true\nx = 2"},
			{Of: "file.writeline(), file.obj:writeline()", What: "example", Lua: `
				file.open("log", "a+") print(file.writeline("one")) file.close() local f = file.open("log", "a+") print(f:writeline("two")) f:close() print(file.getcontents("log"))`,
				Want: "true\ntrue\none\ntwo\n"},
		},
		Left: map[string]string{
			"file.chdir()": "needs a build with BUILD_FATFS, and a card", "file.mount()": "likewise", "file.vol:umount()": "likewise",
		},
	}.Run(t)
}
