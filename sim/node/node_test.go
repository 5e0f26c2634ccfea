package node

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
	"github.com/nodemcu-sim/nodemcu-sim/sim/pipe"
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
		{"node.egc.setmode(node.egc.ALWAYS, 4096) print(node.heap() > 40000, node.heap() < 45000)", "true\ttrue"},
		{"a = node.heap() t = {1, 2, 3} print(a - node.heap() > 60)", "true"},
		{"a, b = node.egc.meminfo() print(a > 4000, a == b)", "true\ttrue"},
		{"print(node.stripdebug(), node.stripdebug(3), node.stripdebug())", "2\t3\t3"},
		{"node.stripdebug(4)", "bad argument #1 to 'stripdebug' (Invalid strip level)"},
		{"node.stripdebug(1, {})", "bad argument #2 to 'stripdebug' (not a valid function)"},
		{"node.random(1, 2, 3)", "wrong number of arguments"},
		{"node.random(2, 1)", "bad argument #2 to 'random' (interval is empty)"},
		{"node.random(0)", "bad argument #2 to 'random' (interval is empty)"},
		{"print(node.random(7, 7), node.random(1))", "7\t1"},
		{"for i = 1, 200 do r = node.random(3, 5) if r < 3 or r > 5 then print(r) end r = node.random() if r < 0 or r >= 1 then print(r) end end", ""},
		{"r = node.random(-2147483648, 2147483647) print(r >= -2147483648, r <= 2147483647)", "true\ttrue"},
		{"node.sleep({})", "\n The options \"TIMER_SUSPEND_ENABLE\" and \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" were disabled during FW build!\nLua error: \tstdin:1: node.sleep() is unavailable"},
		{"print(node.osprint, node.flashreload, node.setpartitiontable)", "nil\tnil\tnil"},
		{"print(node.dsleepMax())", "12348030970"},
		{"node.dsleep(36000000000)", "bad argument #1 to 'dsleep' (invalid time value)"},
		{"node.dsleep(nil, 4) print('awake')", "awake"},
		{"print(node.startupoption(), node.startupoption(node.START_NO_BANNER), node.startupoption())", "0\t1\t1"},
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
		x.Device.TypeSerial([]byte(tt.lua + "\n"))
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
	const collect = "all = '' node.output(function(p) for s in p:reader(100) do all = all .. s end end, "
	for _, tt := range []struct{ name, lua, port, captured string }{
		{"and the serial port", collect + "1) print('x', 1)", "x\t1", "x\t1\n"},
		{"instead of it", collect + "0) print('x', 1)", "", "x\t1\n"},
		{"with what the interpreter says", collect + "0)\n=7\n= =", "", "7\nLua error: \tstdin:1: unexpected symbol near '='\n"},
		{"with errors in tasks", collect + "0) node.setonerror(function(s) print('E') end) node.task.post(function() nil_function() end)", "", "E\n"},
		{"the second function counts", "node.output(function(p) end, 0) " + collect + "0) print('y')", "", "y\n"},
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
	files := map[string]string{"m.lua": "print('compiled')", "bad.lua": "x ="}
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
		x.Device.SetStartupCommand("@m.lc")
		x.Device.PressReset()
		x.Wait(clock.Second)
		if got := x.Output(); !strings.Contains(got, "\ncompiled\n") {
			t.Errorf("m.lc prints %q", got)
		}
	}
}
