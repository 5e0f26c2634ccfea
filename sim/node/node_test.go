package node

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/pipe"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func newTerminal(t *testing.T, files map[string]string) *terminal.Terminal {
	return terminal.New(t, files, pipe.Module, Module)
}

func TestModule(t *testing.T) {
	for _, tt := range []struct{ lua, want string }{
		{"print(node.chipid(), node.flashid(), node.flashsize())", "5956039\t1458415\t4194304"},
		{"print(node.bootreason())", "1\t0"},
		{"i = node.info('hw') print(i.chip_id, i.flash_id, i.flash_size, i.flash_mode, i.flash_speed)", "5956039\t1458415\t4096\t2\t40000000"},
		{"i = node.info('sw_version') print(i.node_version_major, i.node_version_minor, i.node_version_revision, i.git_branch, i.git_commit_id, i.git_release, i.git_commit_dts)",
			"3\t0\t0\trelease\t36cbf9f0\t3.0.0-release\t"},
		{"i = node.info('build_config') print(i.ssl, i.lfs_size, i.modules, i.number_type)", "false\t0\tpipe,node\tfloat"},
		{"i = node.info('lfs') print(i.lfs_size, i.lfs_used)", "0\t0"},
		{"node.info('x')", "bad argument #1 to 'info' (invalid option 'x')"},
		{"print(node.info())", "Warning, deprecated API! node.info() without parameter. It will be removed in the next version. See documentation for details.\n3\t0\t0\t5956039\t1458415\t4096\t2\t40000000"},
		{"print(node.getcpufreq(), node.setcpufreq(node.CPU160MHZ), node.getcpufreq(), node.setcpufreq(99))", "80\t160\t160\t80"},
		{"print(node.LFS.get('x'), node.LFS.anything, node.LFS.time, node.LFS.config.lfs_size, node.flashindex('x'))", "nil\tnil\tnil\t0\tnil"},
		{"t = node.getpartitiontable() print(t.lfs_size, t.spiffs_addr, t.spiffs_size)", "0\t524288\t3670016"},
		{"print(node.task.LOW_PRIORITY, node.task.MEDIUM_PRIORITY, node.task.HIGH_PRIORITY)", "0\t1\t2"},
		{"print(node.egc.NOT_ACTIVE, node.egc.ON_ALLOC_FAILURE, node.egc.ON_MEM_LIMIT, node.egc.ALWAYS)", "0\t1\t2\t4"},
		{"node.egc.setmode(8)", "bad argument #1 to 'setmode' (invalid mode)"},
		{"node.egc.setmode(node.egc.ON_MEM_LIMIT)", "bad argument #1 to 'setmode' (limit must be non-zero)"},
		{"node.egc.setmode(node.egc.ALWAYS, 4096) local collects = {} print(node.heap() > 40000, node.heap() < 45000)", "true\ttrue"},
		{"t = {} a = node.heap() t = {1, 2, 3} print(a - node.heap() > 60)", "true"},
		{"t = {} a, b = node.egc.meminfo() print(a > 4000, a > b, b > a - 100)", "true\ttrue\ttrue"},
		{"s = ('x'):rep(500) a, b = node.egc.meminfo() print(a - b == 517)", "true"}, // the string alone, with its header
		{"f = function() end r = debug.getregistry() d = r.onerror node.setonerror(f) print(r.onerror == f) node.setonerror() print(r.onerror == d)", "true\ntrue"},
		{"print(node.stripdebug(), node.stripdebug(3), node.stripdebug())", "2\t3\t3"},
		{"function f() local t t.x = 1 end print(node.stripdebug(1, f), node.stripdebug(2, f), node.stripdebug(3, f), node.stripdebug(3, f)) print(pcall(f))", "0\t0\t2\t0\nfalse\tstdin:0: attempt to index a nil value"},
		{"node.stripdebug(1) loadstring('function f() local t t.x = 1 end')() print(pcall(f)) print(node.stripdebug(2, f)) print(pcall(f))", "false\t[string \"function f() local t t.x = 1 end\"]:1: attempt to index local 't' (a nil value)\n12\nfalse\t[string \"function f() local t t.x = 1 end\"]:1: attempt to index a nil value"},
		{"function g() return node.stripdebug(3, 1) end n = g() print(n) error('x')", "2\nLua error: \tstdin:1: x"},
		{"function g() return (node.stripdebug(3, 1)) end print(g(), node.stripdebug(nil, g), node.stripdebug(3, print))", "2\t0\t-1"},
		{"node.stripdebug(2, 9)", "bad argument #2 to 'stripdebug' (not a valid function)"},
		{"node.stripdebug(2, 0)", "bad argument #2 to 'stripdebug' (not a valid function)"},
		{"function f() end a = node.heap() b = node.stripdebug(3, f) print(b, node.heap() - a >= 24)", "2\ttrue"}, // with the block's header
		{"node.stripdebug(4)", "bad argument #1 to 'stripdebug' (Invalid strip level)"},
		{"node.stripdebug(1, {})", "bad argument #2 to 'stripdebug' (not a valid function)"},
		{"node.random(1, 2, 3)", "wrong number of arguments"},
		{"node.random(2, 1)", "bad argument #2 to 'random' (interval is empty)"},
		{"node.random(0)", "bad argument #2 to 'random' (interval is empty)"},
		{"print(node.random(7, 7), node.random(1))", "7\t1"},
		{"for i = 1, 200 do r = node.random(3, 5) if r < 3 or r > 5 then print(r) end r = node.random() if r < 0 or r >= 1 then print(r) end end", ""},
		{"r = node.random(-2147483648, 2147483647) print(r >= -2147483648, r <= 2147483647)", "true\ttrue"},
		{"node.sleep({})", "\n The options \"TIMER_SUSPEND_ENABLE\" and \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" were disabled during FW build!\nLua error: \tstdin:1: node.sleep() is unavailable"},
		{"print(node.osprint, node.startupoption, node.START_NO_BANNER, select('#', node.restore()))", "nil\tnil\tnil\t0"},
		{"node.setpartitiontable(1)", "bad argument #1 to 'setpartitiontable' (must be table)"},
		{"node.setpartitiontable({size = 1})", "bad argument #1 to 'setpartitiontable' (invalid partition setting)"},
		{"node.setpartitiontable({lfs_size = 'x'})", "bad argument #1 to 'setpartitiontable' (invalid partition setting)"},
		{"node.setpartitiontable({lfs_size = -1, spiffs_addr = 100})", "Partition value out of range"}, // -1 is not given
		{"node.setpartitiontable({lfs_size = 100})", "Partition value out of range"},
		{"node.setpartitiontable({lfs_size = 0x20000})", "Partition value out of range"}, // the file system is there
		{"node.setpartitiontable({spiffs_size = 0x800000})", "Partition value out of range"},
		{"node.setpartitiontable({spiffs_addr = 0x3ff000, spiffs_size = 0x1000})", "a file system of 4096 bytes is too small: 16384 is the least"},
		{"c = node.startupcounts() print(#c, c[1].name, c[1].line, type(c[1].ccount))", "1\tpmain\t0\tnumber"},
		{"node.startupcounts(7) c = node.startupcounts(8.5) print(#c, c[2].name, c[2].line, c[3].line, c[3].ccount > c[1].ccount)", "3\tnode_startup_counts\t7\t8\ttrue"},
		{"for i = 1, 99 do node.startupcounts(i) end print(#node.startupcounts())", "32"},
		{"t = node.startup() print(t.banner, t.frequency, t.delay_mount, t.command)", "true\t80\tfalse\tnil"},
		{"t = node.startup({banner = false, frequency = node.CPU160MHZ, command = '=print(1)'}) print(t.banner, t.frequency, t.delay_mount, t.command)",
			"false\t160\tfalse\t=print(1)"},
		{"node.startup({delay_mount = true, command = '@x'}) t = node.startup({banner = true}) print(t.delay_mount, t.command)", "true\t@x"},
		{"node.startup({banner = false, frequency = 160, delay_mount = 0, command = 'x'}) t = node.startup({[true] = 1}) print(t.banner, t.frequency, t.delay_mount, t.command)", "true\t80\tfalse\tnil"},
		{"node.startup(1)", "bad argument #1 to 'startup' (table expected, got number)"},
		{"node.startup({command = {}})", "bad argument #-1 to 'startup' (string expected, got table)"},
		{"print((pcall(node.startup, {command = 'a', [7] = 1, ['7'] = 2})))", "true"},
		{"print(pcall(node.startup, {frequency = 160, [7] = 1})) print(node.startup().frequency)", "false\tinvalid key to 'next'\n80"},
		{"print(#node.startup({command = ('x'):rep(254)}).command, #node.startup({command = ('x'):rep(255)}).command, #node.startup({command = ('x'):rep(300)}).command)", "254\t0\t45"},
		{"print(node.startup({['command\\0x'] = 'a'}).command, node.startup({['banner'] = 0}).banner, node.startup({frequency = '160'}).frequency)", "a\ttrue\t160"},
		{"print(node.LFS.reload('x.img'))", "No LFS partition allocated"},
		{"print(node.LFS.list(), node.LFS.get('_init'), node.flashindex())", "nil\tnil\tnil"},
		{"print(node.dsleepMax())", "12348030970"},
		{"node.dsleep(36000000000) print('awake')", "awake"}, // longer than dsleepMax: the SDK does nothing
		{"node.dsleep(nil, 5) print('awake')", "awake"},
		{"node.dsleep(nil, 4) print('awake')", "awake"},
	} {
		x := newTerminal(t, nil)
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

func TestRestartAndSleep(t *testing.T) {
	for _, tt := range []struct {
		lua    string
		wait   clock.Duration
		output string // up to the banner
		reason string // node.bootreason afterwards
	}{
		{"node.restart() print('goes on')", clock.Second, "goes on\n", "2\t4"},
		{"node.dsleep(2000000) print('goes on')", 3 * clock.Second, "goes on\n", "2\t5"},
		{"node.dsleep(2000000, 4, 1)", 3 * clock.Second, "", "2\t5"},
	} {
		x := newTerminal(t, nil)
		x.Device.Serial.Type([]byte(tt.lua + "\n"))
		x.Wait(tt.wait)
		out, _, rebooted := strings.Cut(x.Output(), "\nNodeMCU ")
		if out != tt.output || !rebooted {
			t.Errorf("%s: output %q, rebooted: %v", tt.lua, out, rebooted)
		}
		if got := x.Run("print(node.bootreason())"); !strings.Contains(got, tt.reason) {
			t.Errorf("%s: boot reason %q, want %q", tt.lua, got, tt.reason)
		}
	}
	x := newTerminal(t, nil)
	x.Run("node.dsleep(0)")
	x.Wait(clock.Hour)
	if got := x.Run("print(1)"); got != "" {
		t.Errorf("asleep, but it answers %q", got)
	}
	x.Reboot()
	if got := x.Run("print(node.bootreason())"); got != "3\t6" {
		t.Errorf("after the reset button: %q", got)
	}
}

func TestInput(t *testing.T) {
	for _, tt := range []struct{ lua, want string }{
		{"node.input('print(1)\\nprint(2)\\n') print('after')", "after\n1\n2"},
		{"node.input('for i = 1, 2 do\\nprint(i)\\nend\\n')", "1\n2"},
		{"node.input('print(') node.input('3)') node.input('\\n')", "3"},
		{"node.input('print(4)')", ""},
	} {
		x := newTerminal(t, nil)
		if got := x.Run(tt.lua); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

func TestOutput(t *testing.T) {
	const collect = "all = '' node.output(function(p) for s in p:reader(100) do all = all .. s end return false end, "
	for _, tt := range []struct{ name, lua, port, captured string }{
		{"and the serial port", collect + "1) print('x', 1)", "x\t1", "x\t1\n"},
		{"instead of it", collect + "0) print('x', 1)", "", "x\t1\n"},
		{"with what the interpreter says", collect + "0)\n=7\n= =", "", "7\nLua error: \tstdin:1: unexpected symbol near '='\n"},
		{"with errors in tasks", collect + "0) node.setonerror(function(s) print('E') end) node.task.post(function() nil_function() end)", "", "E\n"},
		{"the second function counts", "node.output(function(p) return false end, 0) " + collect + "0) print('y')", "", "y\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newTerminal(t, nil)
			if got := x.Run(tt.lua); got != tt.port {
				t.Errorf("serial port: %q, want %q", got, tt.port)
			}
			if got := x.Run("node.output(nil)\nprint(all)"); got != tt.captured {
				t.Errorf("captured %q, want %q", got, tt.captured)
			}
		})
	}
}

// What is thrown in a callback reaches onerror as it is, but for a text, which gets a
// traceback.
func TestErrorObjects(t *testing.T) {
	for _, tt := range []struct{ thrown, want string }{
		{"'x', 0", "string\tx\nstack traceback:\n\t[C]: in function 'error'\n\tstdin:1: in function <stdin:1>"},
		{"5", "string\tstdin:1: 5\nstack traceback:\n\t[C]: in function 'error'\n\tstdin:1: in function <stdin:1>"},
		{"", "nil\tnil"},
		{"nil", "nil\tnil"},
		{"false", "boolean\tfalse"},
		{"setmetatable({}, {__tostring = function() return 'TS' end})", "table\tTS"},
		{"print", "function\ttrue"},
		{"coroutine.create(function() end)", "thread\ttrue"},
	} {
		x := newTerminal(t, nil)
		x.Run("node.setonerror(function(e) local k = type(e) print(k, (k == 'function' or k == 'thread') or e) end)")
		if got := x.Run("node.task.post(function() error(" + tt.thrown + ") end) collectgarbage()"); got != tt.want {
			t.Errorf("error(%s)\ngot  %q\nwant %q", tt.thrown, got, tt.want)
		}
	}
}

func TestStartupCommand(t *testing.T) {
	x := newTerminal(t, map[string]string{"other.lua": "print('other')"})
	if got := x.Run("print(node.startupcommand('@other.lua'))"); got != "true" {
		t.Fatal(got)
	}
	x.Run("node.restart()")
	x.Wait(clock.Second)
	if got := x.Output(); !strings.Contains(got, "\nother\n> ") {
		t.Errorf("got %q", got)
	}
}

func TestCompile(t *testing.T) {
	files := map[string]string{"m.lua": "print('compiled')\nprint(pcall(function() local a = b.c end))", "bad.lua": "x ="}
	for _, tt := range []struct{ lua, want string }{
		{"node.compile('m.lua')", ""},
		{"node.compile('none.lua')", "cannot open none.lua: "},
		{"node.compile('bad.lua')", "bad.lua:1: unexpected symbol near '<eof>'"},
		{"node.compile('m.txt')", "not a .lua file"},
		{"node.compile('this_name_is_longer_than_spiffs_.lua')", "bad argument #1 to 'compile' (filename invalid)"},
	} {
		x := newTerminal(t, files)
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
		if tt.want != "" {
			continue
		}
		code, err := x.Device.Flash.ReadFile("m.lc")
		if err != nil || string(code[:12]) != "\x1bLuaQ\x00\x01\x04\x04\x04\x08\x00" || strings.Contains(string(code), "m.lua") {
			t.Errorf("m.lc is %x, %v", code, err)
		}
		x.Device.REPL.SetStartupCommand("@m.lc")
		x.Device.PressReset()
		x.Wait(clock.Second)
		if got := x.Output(); !strings.Contains(got, "\ncompiled\nfalse\t?:0: attempt to index global 'b' (a nil value)\n") {
			t.Errorf("m.lc prints %q", got)
		}
	}
}

// node.restore makes the Wi-Fi settings those of a new chip, from the next boot on.
func TestRestore(t *testing.T) {
	x := newTerminal(t, nil)
	if m := x.Device.Radio.DefaultMode(); m != radio.StationMode {
		t.Fatalf("mode %v before", m)
	}
	x.Run("node.restore()")
	if m := x.Device.Radio.Mode(); m != radio.StationMode {
		t.Errorf("mode %v before the restart", m)
	}
	x.Reboot()
	if m := x.Device.Radio.Mode(); m != radio.APMode {
		t.Errorf("mode %v after it", m)
	}
}

// Without a partition there is no place for an image, whatever is asked for; one that
// node.setpartitiontable has made stands empty.
func TestReload(t *testing.T) {
	x := terminal.New(t, map[string]string{"a.img": "x"}, pipe.Module, Module)
	for _, tt := range []struct{ lua, want string }{
		{"print(node.LFS.reload('a.img'))", "No LFS partition allocated"},
		{"print(node.flashreload('a.img'))", "Warning, deprecated API! node.flashreload. It will be removed soon. Use node.LFS interface instead. See documentation for details.\nNo LFS partition allocated"},
		{"print(node.LFS.reload())", "No LFS partition allocated"},
	} {
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s: %q", tt.lua, got)
		}
	}
	x.Run("node.setpartitiontable({lfs_size = 0x20000, spiffs_addr = 0x100000, spiffs_size = 0x20000})")
	x.Wait(10 * clock.Second)
	if out := x.Output(); !strings.HasPrefix(out, "No LFS image loaded\n\nNodeMCU ") {
		t.Errorf("the boot prints %q", out)
	}
	x.Reboot() // for the terminal's sake
	if err := x.Device.Flash.WriteFile("b.img", nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ lua, want string }{
		{"print(node.LFS.reload('a.img'))", "LFS image file not found"},
		{"print(node.LFS.reload('b.img'))", "read error on LFS image file"},
		{"print(node.info('build_config').lfs_size)", "0"}, // the build's, not the table's
	} {
		if got := x.Run(tt.lua); got != tt.want {
			t.Errorf("%s: %q", tt.lua, got)
		}
	}
}

func TestPartitions(t *testing.T) {
	const show = "t = node.getpartitiontable() print(t.lfs_addr, t.lfs_size, t.spiffs_addr, t.spiffs_size) c = node.info('lfs') print(c.lfs_base, c.lfs_size)"
	for _, tt := range []struct {
		name, lua, want string
		kept            bool
	}{
		{"nothing", "{}", "0\t0\t524288\t3670016\n0\t0", true},
		{"both", "{lfs_size = 0x20000, spiffs_addr = 0x120000, spiffs_size = 0x20000}", "524288\t131072\t1179648\t131072\n524288\t131072", false},
		{"a place of its own", "{spiffs_size = 0x20000}", "0\t0\t1048576\t131072\n0\t0", false},
		{"too big for that", "{spiffs_size = 0x380000}", "0\t0\t524288\t3670016\n0\t0", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newTerminal(t, map[string]string{"kept.txt": "x"})
			x.Run("node.setpartitiontable(" + tt.lua + ")")
			x.Wait(10 * clock.Second)
			x.Run("_PROMPT = ''")
			x.Device.Serial.SetEcho(false)
			if got := x.Run("print(node.bootreason())"); got != "4\t3" {
				t.Errorf("boot reason %q: the watchdog should have bitten", got)
			}
			if got := x.Run(show); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if kept := x.Device.Flash.Exists("kept.txt"); kept != tt.kept {
				t.Errorf("the file system was kept: %v", kept)
			}
			x.Reboot()
			if got := x.Run(show); got != tt.want {
				t.Errorf("after another boot\n%s\nwant\n%s", got, tt.want)
			}
			if l, ok := x.Device.Flash.Layout(); !ok || x.Device.Flash.Size() != l.Size {
				t.Errorf("%d bytes, layout %v", x.Device.Flash.Size(), l)
			}
		})
	}
}
