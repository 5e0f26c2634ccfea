package node_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/node.md).
func TestDocumentation(t *testing.T) {
	// The page has a command begin with =, which the firmware compiles, too.
	const equals = "hint: the firmware's documentation says that a startup command may begin with =, but it compiles that, too, " +
		"and finds \"unexpected symbol near '='\": leave it out\n"
	docpage.Page{
		Module: "node", With: "file tmr sjson pipe wifi",
		Files: map[string]string{"big.lua": "local longname = 1 return longname + 1\n"},
		Examples: []docpage.Example{
			{Of: "node.bootreason()", What: "example", Lua: `local _, reason = node.bootreason() if reason == 0 then print("switched on") end print(node.bootreason())`, Want: "switched on\n1\t0"},
			{Of: "node.chipid(), node.flashid(), node.flashsize()", What: "numbers", Lua: `print(node.chipid(), type(node.flashid()), node.flashsize())`, Want: "5956039\tnumber\t4194304"},
			{Of: "node.compile()", What: "example", Lua: `
				file.open("hi.lua", "w+") file.writeline([[print("hi there")]]) file.writeline([[print(node.heap() > 20000)]]) file.close()
				print((node.compile("hi.lua"))) dofile("hi.lua") dofile("hi.lc")`, Want: "nil\nhi there\ntrue\nhi there\ntrue"},
			{Of: "node.dsleep()", What: "example: nothing, options, a second and a half", For: 4 * clock.Second, Lua: `
				if node.bootreason() == 1 then print((node.dsleep(nil, 4))) node.dsleep(1500000, 4) else print(node.bootreason()) end`, Want: "nil\nreset: deep sleep\n2\t5"},
			{Of: "node.dsleep()", What: "example: without a time; at once", For: 4 * clock.Second, Lua: `
				print(pcall(node.dsleep)) if node.bootreason() == 1 then node.dsleep(1000000, nil, 1) end`, Want: "true\nreset: deep sleep\ntrue"},
			{Of: "node.dsleepMax()", What: "example", Lua: `print(node.dsleepMax() > 3 * 3600 * 1e6, node.dsleepMax() < 4 * 3600 * 1e6)`, Want: "true\ttrue"},
			{Of: "node.flashindex(), node.flashreload()", What: "without a flash store", Lua: `print(node.flashindex("main")) print((node.flashreload("none.img")))`, Want: "nil\nWarning, deprecated API! node.flashreload. It will be removed soon. Use node.LFS interface instead. See documentation for details.\nNo LFS partition allocated"},
			{Of: "node.LFS.get(), node.LFS.list(), node.LFS.reload()", What: "without a flash store", Lua: `print(node.LFS.get("main"), node.LFS.list()) print((node.LFS.reload("none.img")))`, Want: "nil\tnil\nNo LFS partition allocated"},
			{Of: "node.getcpufreq()", What: "example", Lua: `do local f = node.getcpufreq() print("at " .. f .. " MHz") end`, Want: "at 80 MHz"},
			{Of: "node.setcpufreq()", What: "example", Lua: `print(node.setcpufreq(node.CPU160MHZ), node.getcpufreq(), node.setcpufreq(node.CPU80MHZ))`, Want: "160\t160\t80"},
			{Of: "node.getpartitiontable()", What: "example", Lua: `local p = node.getpartitiontable() print("LFS has " .. p.lfs_size) print(type(p.lfs_addr), p.spiffs_addr, p.spiffs_size)`, Want: "LFS has 0\nnumber\t524288\t3670016"},
			{Of: "node.setpartitiontable()", What: "example: room for a flash store", For: 4 * clock.Second, Lua: `
				if node.bootreason() == 1 then node.setpartitiontable{lfs_size = 0x20000, spiffs_addr = 0x140000, spiffs_size = 0x40000} end`,
				Want: "Partition 0: 0065 000000 00b000\nPartition 1: 0004 00b000 001000\nPartition 2: 0005 00c000 001000\nPartition 3: 0006 00d000 003000\n" +
					"Partition 4: 0066 010000 070000\nPartition 5: 0067 080000 020000\nPartition 6: 006a 140000 040000\n" +
					"hint: node.setpartitiontable has the watchdog reset the device, which then has the new table and an empty file system\n" +
					"reset: software watchdog reset\nNo LFS image loaded\ncannot open init.lua: \n> "},
			{Of: "node.setpartitiontable()", What: "what does not fit", Lua: `print(pcall(node.setpartitiontable, {lfs_size = 1234}))`, Want: "false\tPartition value out of range"},
			{Of: "node.heap()", What: "a number", Lua: `print(node.heap() > 20000 and node.heap() < 50000)`, Want: "true"},
			{Of: "node.info()", What: "first example", Lua: `local major, minor, revision, chip = node.info() print(("NodeMCU %d.%d.%d"):format(major, minor, revision), chip == node.chipid())`,
				Want: "Warning, deprecated API! node.info() without parameter. It will be removed in the next version. See documentation for details.\nNodeMCU 3.0.0\ttrue"},
			{Of: "node.info()", What: "second example", Lua: `
				local names = {} for k in pairs(node.info("build_config")) do names[#names + 1] = k end table.sort(names) print(table.concat(names, " "))
				print(node.info("build_config").modules)`, Want: "lfs_size modules number_type ssl\nfile,node,pipe,sjson,tmr,wifi"},
			{Of: "node.info()", What: "third example; the hardware", Lua: `
				print(node.info("sw_version").git_release) for _, k in ipairs{"chip_id", "flash_id", "flash_size", "flash_mode", "flash_speed"} do if type(node.info("hw")[k]) ~= "number" then print(k) end end`, Want: "3.0.0-release"},
			{Of: "node.input()", What: "example, without a socket", Lua: `
				print((node.input("print(1 + 1)\n"))) node.input("for i = 1, 2 do\n") node.input("print('line', i)\nend\n")`, Want: "nil\n2\nline\t1\nline\t2"},
			{Of: "node.output()", What: "to a pipe, and to the port as well", Lua: `
				local text = "" node.output(function(p) text = text .. (p:read(1000) or "") return false end, 0)
				print("not at the port") node.task.post(0, function() node.output() print("caught:", text) end)`, Want: "caught:\tnot at the port\n"},
			{Of: "node.output()", What: "serial_debug", Lua: `
				local n = 0 node.output(function(p) n = n + #(p:read(1000) or "") return false end, 1)
				print("at both") node.task.post(0, function() node.output() print(n) end)`, Want: "at both\n8"},
			{Of: "node.restart()", What: "once", Lua: `if node.bootreason() == 1 then print((node.restart())) end`, Want: "nil\nreset: software restart"},
			{Of: "node.restore()", What: "example", Lua: `if node.bootreason() == 1 then node.restore() node.restart() else print(wifi.getdefaultmode() == wifi.SOFTAP, (wifi.sta.getconfig())) end`, Want: "reset: software restart\ntrue\t"},
			{Of: "node.startup()", What: "command and options", Lua: `
				local s = node.startup() print(s.banner, s.frequency, s.command)
				s = node.startup{command = "=print('instead')", banner = false} print(s.banner, s.command)
				if node.bootreason() == 1 then node.restart() end`,
				Want: "true\t80\tnil\n" + equals + "false\t=print('instead')\nreset: software restart\nINIT:1: unexpected symbol near '='\n> "},
			{Of: "node.startupcommand()", What: "first example", For: 3 * clock.Second, Lua: `
				file.putcontents("mine.lua", "print('my start', select(2, node.bootreason()))") print(node.startupcommand("@mine.lua")) node.restart()`, Want: "true\nreset: software restart\nmy start\t4\n> "},
			{Of: "node.startupcommand()", What: "second example", For: 3 * clock.Second, Lua: `
				node.startupcommand("=if LFS and LFS.init then LFS.init() else print('no store') end") node.restart()`,
				Want: equals + "reset: software restart\nINIT:1: unexpected symbol near '='\n> "},
			{Of: "node.startupcounts()", What: "example; with a mark", Lua: `
				local list = sjson.decode(sjson.encode(node.startupcounts(5))) print(list[#list].name, list[#list].line, type(list[#list].ccount))`, Want: "node_startup_counts\t5\tnumber"},
			// What node.compile writes has no debug information at any level (fw: node_compile).
			{Of: "node.stripdebug()", What: "example", Lua: `
				local function size() node.compile("big.lua") return file.stat("big.lc").size end
				print(node.stripdebug()) node.stripdebug(1) local all = size() node.stripdebug(3) print(size() == all, node.stripdebug(), dofile("big.lc"))`, Want: "2\ntrue\t3\t2"},
			{Of: "node.random()", What: "example: a die; a range; a fraction", Lua: `
				for i = 1, 50 do local die, range, part = node.random(6), node.random(10, 12), node.random()
					if die < 1 or die > 6 or range < 10 or range > 12 or part < 0 or part >= 1 then print(die, range, part) end end`},
			{Of: "node.setonerror()", What: "what a task raises", Lua: `node.setonerror(function(s) print("caught", s:match("^[^\n]*")) end) node.task.post(function() error("oops", 0) end)`, Want: "caught\toops"},
			{Of: "node.egc.setmode()", What: "example: the four modes", Lua: `
				for _, mode in ipairs{{node.egc.ALWAYS, 4096}, {node.egc.ON_ALLOC_FAILURE}, {node.egc.ON_MEM_LIMIT, 30720}, {node.egc.ON_MEM_LIMIT, -6144}, {node.egc.NOT_ACTIVE}} do print((node.egc.setmode(unpack(mode)))) end`,
				Want: "nil\nnil\nnil\nnil\nnil"},
			{Of: "node.egc.meminfo()", What: "both numbers", Lua: `local allocated, used = node.egc.meminfo() print(allocated > 1000, used <= allocated)`, Want: "true\ttrue"},
			{Of: "node.task.post()", What: "example", Lua: `for p = node.task.LOW_PRIORITY, node.task.HIGH_PRIORITY do node.task.post(p, function(x) print("of priority", x) end) end node.task.post(function(x) print("default", x) end)`,
				Want: "of priority\t2\nof priority\t1\ndefault\t1\nof priority\t0"},
			{Of: "node.sleep()", What: "example, in a build that cannot", Lua: `print(pcall(node.sleep, {wake_pin = 3, resume_cb = function() print("WiFi resume") end}))`,
				Want: "\n The options \"TIMER_SUSPEND_ENABLE\" and \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" were disabled during FW build!\nfalse\tnode.sleep() is unavailable"},
		},
		Left: map[string]string{"node.osprint()": "needs DEVELOPMENT_TOOLS"},
	}.Run(t)
}
