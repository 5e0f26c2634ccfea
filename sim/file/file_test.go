package file

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// run boots a device with the files and runs src; it returns what was printed
// and the hints, one a line.
func run(t *testing.T, fs *flash.FS, src string) string {
	t.Helper()
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			fmt.Fprintf(&out, "hint %s: %s\n", d.Where, d.Text)
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Address: 0x80000, Size: fs.Size()},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1, Call: 1}, Heap: board.Heap{Size: 50000}}
	d := device.New(w, device.Config{Board: board, Flash: fs, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(src), "=t")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("t", fn)
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(3600 * clock.Second)) // what fills the flash takes minutes
	return strings.TrimSuffix(out.String(), "\n")
}

const testSize = 64 << 10

// try defines a function that calls f and gives its error message.
const try = `local function try(f) local ok, e = pcall(f) return ok and "ok" or e end
`

func TestModule(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"object", `
			local f = file.open("a", "w+")
			print(f:write("one\n"), f:writeline("two"), f:write("three"), f:seek("set", 0))
			print(f:readline(), f:read(2), f:read("\n"), f:read(), f:read(), f:readline())
			print(f:seek(), f:seek("end", -2), f:seek("cur", 1), f:seek("set", 99), f:seek(), f:flush(), f:close())
			print(pcall(f.read, f))`,
			"true\ttrue\ttrue\t0\none\n\ttw\to\n\tthree\tnil\tnil\n13\t11\t12\tnil\t13\ttrue\nfalse\topen a file first"},
		{"module functions", `
			print(pcall(file.read))
			print(file.open("x") ~= nil, file.readline(), file.read(1), file.seek("set"), file.read("\n"))
			print(file.close(), file.close())
			print(pcall(file.write, "z"))
			print(file.open("none"), pcall(file.read))`,
			"false\topen a file first\ntrue\tline 1\n\tl\t0\tline 1\n\nnil\n" + stale(6) + "true\tnil\nnil\tfalse\topen a file first"},
		{"the last file in the registry is overwritten", `
			file.open("x")
			local r = debug.getregistry()
			for k, v in pairs(r) do if type(k) == "number" and type(v) == "userdata" then r[k] = {} end end
			print(pcall(file.close))`,
			"false\tbad argument #-1 to 'close' (file.obj expected, got table)"},
		{"whole files", `
			print(file.getcontents("x"), file.putcontents("y", "abc"), file.getcontents("y"), file.getcontents("/FLASH/y"))
			print(select("#", file.getcontents("none")), file.putcontents("empty", ""), file.getcontents("empty"))
			print(try(function() file.putcontents("z") end))
			print(file.getcontents("z"), file.exists("z"))`,
			"line 1\nline 2\ttrue\tabc\tabc\n0\ttrue\tnil\nt:5: bad argument #2 to 'putcontents' (string expected, got nil)\nnil\ttrue"},
		{"read sizes", `
			file.putcontents("big", string.rep("x", 1500))
			local f = file.open("big")
			print(#f:read(), #f:read(), f:read(), f:read(0), f:read(-5) == "")
			f:seek("set", 0)
			print(#f:read(1e9), pcall(f.read, f, "ab"))
			f:seek("set", 0)
			print(#f:read("y"), #f:read({}))`,
			"1024\t476\tnil\t\ttrue\n1500\tfalse\twrong arg range\n1024\t476"},
		{"stat", `
			local s = file.stat("x")
			print(s.name, s.size, s.is_dir, s.is_rdonly, s.is_hidden, s.is_sys, s.is_arch)
			print(s.time.year, s.time.mon, s.time.day, s.time.hour, s.time.min, s.time.sec)
			print(file.stat("none"), file.stat("/FLASH/x").name)`,
			"x\t13\tfalse\tfalse\tfalse\tfalse\tfalse\n1970\t1\t1\t0\t0\t0\nnil\tx"},
		{"list", `
			file.putcontents("b.lua", "1"); file.putcontents("c.txt", "22")
			local function names(t) local n = {} for k, v in pairs(t) do n[#n+1] = k..v end table.sort(n) return table.concat(n, " ") end
			print(names(file.list()), names(file.list("%.lua$")), names(file.list("z")))
			print(pcall(file.list, "["))`,
			"b.lua1 c.txt2 x13\tb.lua1\t\nfalse\tmalformed pattern (missing ']')"},
		{"names", `
			local long = string.rep("n", 32)
			print(try(function() file.open(long) end), try(function() file.exists("d/" .. long) end))
			print(try(function() file.open("a\0b", "w") end))
			print(file.open("dir/" .. string.rep("n", 30), "w"), file.open("/SD0/x", "w"), file.open("", "w") ~= nil)
			print(file.open("dir/sub/x.lua", "w") ~= nil, file.exists("dir/sub/x.lua"), file.exists("x.lua"))
			print(try(function() file.stat("/FLASH/" .. string.rep("n", 31)) end))
			print(try(function() file.open() end), try(function() file.open({}) end))`,
			"t:4: bad argument #1 to 'open' (filename invalid)\tt:4: bad argument #1 to 'exists' (filename invalid)\n" +
				"t:5: bad argument #1 to 'open' (filename invalid)\nnil\tnil\ttrue\ntrue\ttrue\tfalse\n" +
				"t:8: bad argument #1 to 'stat' (filename invalid)\n" +
				"t:9: bad argument #1 to 'open' (string expected, got no value)\tt:9: bad argument #1 to 'open' (string expected, got table)"},
		{"remove and rename", `
			file.putcontents("a", "1")
			print(file.rename("a", "x"), file.rename("none", "z"), file.rename("a", "c"), file.exists("a"), file.exists("c"))
			local f = file.open("c")
			print(file.remove("c"), file.remove("c"), file.exists("c"), f:read(), f:seek(), f:flush(), f:close())`,
			"false\tfalse\ttrue\tfalse\ttrue\nnil\tnil\tfalse\tnil\tnil\tnil"},
		{"four files", `
			local t = {}
			for i = 1, 5 do t[i] = file.open("f" .. i, "w") end
			print(#t, file.remove("f1"), file.exists("f1"), file.rename("f1", "g"), file.exists("f5"))
			t[1]:close()
			print(file.open("f5", "w") ~= nil)`,
			"hint t:4: file.open gave nil: four files are open, the firmware has no more descriptors\n" +
				"hint t:5: file.remove did nothing: four files are open, and removing needs one of the four descriptors\n4\tnil\ttrue\tfalse\tfalse\ntrue"},
		{"full", `
			local f = file.open("big", "w")
			local n = 0
			while f:write(string.rep("x", 1000)) do n = n + 1 end
			print(n, f:write("y"), f:seek())
			local r, u, t = file.fsinfo()
			print(r + u == t, t, r < 2000)`,
			crammed(5, 512, 21) + full(5) + "43\ttrue\tnil\ntrue\t46937\tfalse"},
		{"large reads", `
			local f = file.open("big", "w+")
			for i = 1, 5 do f:write(string.rep("x", 1000)) end
			f:seek("set")
			print(#f:read(4095), #f:read(4095), f:read(1))
			print(pcall(file.getcontents, "big"))`,
			"4095\t905\tnil\n" +
				"hint t:7: reading 4096 bytes or more at once is \"string length overflow\": read in smaller pieces, or lift the limit with node.egc.setmode(node.egc.ALWAYS)\n" +
				"false\tstring length overflow"},
		{"format", `
			local f = file.open("x")
			file.format()
			print(file.exists("x"), next(file.list()), file.fscfg())`,
			".format done.\nfalse\tnil\t524288\t65536"},
		{"closing any file lets the last one go", `
			local a, b = file.open("a", "w+"), file.open("b", "w+")
			a:close()
			print(b:write("b"), file.write("c"), file.close())
			b:close()
			print(try(function() file.write("d") end), file.getcontents("b"))`,
			"true\ttrue\n" + stale(7) + "ok\tbc"},
		{"wrong self", `
			print(pcall(file.open("x").read, io))`,
			"true\tline 1\nline 2"},
		{"options", `
			print(try(function() file.on("clock") end))
			print(file.on("rtc", function() end), file.on("rtc", nil), try(function() file.on("rtc") end), try(function() file.on("rtc", 1) end))
			local f = file.open("x")
			print(pcall(f.seek, f, "start"))
			print(try(function() f:seek("set", "x") end))`,
			"t:3: bad argument #1 to 'on' (invalid option 'clock')\nnil\tnil\tt:4: Callback should be function or nil\tt:4: Callback should be function or nil\nfalse\tbad argument #2 to '?' (invalid option 'start')\nt:7: bad argument #2 to 'seek' (number expected, got string)"},
		{"no card", `print(file.mount, file.chdir, file.open("/SD0/x"))`, "nil\tnil\tnil"},
		{"a file that was removed and one that has its descriptor", `
			local f = file.open("a", "w")
			file.remove("a")
			local g = file.open("a", "w")
			print(f:write("x"), g:close(), file.getcontents("a"))`,
			"hint t:6: this object's file was removed while it was open, and its descriptor is another file's now: the firmware reads and writes that one. Close a file before it is removed\ntrue\tnil\tx"},
		{"lost when it is closed", `
			local f = file.open("big", "w")
			while f:write(string.rep("x", 256)) do end
			local g = file.open("g", "w")
			print(g and g:write("x"), g and g:close(), file.getcontents("g"))`,
			crammed(4, 282, 11) + full(4) + crammed(5, 512, 21) + crammed(6, 512, 21) +
				"hint t:6: closing a file lost what was written last: the flash file system is full. The firmware does not give its descriptor back, either\ntrue\tnil\tnil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fs := flash.New(testSize)
			if err := fs.Put("x", []byte("line 1\nline 2")); err != nil {
				t.Fatal(err)
			}
			if got := run(t, fs, try+tt.src); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// crammed is the hint at line n that an operation has erased much, full that a write failed.
func crammed(n, sectors, seconds int) string {
	return fmt.Sprintf("hint t:%d: this erased %d sectors of the flash, which takes about %d s: the file system is nearly full, and SPIFFS moves everything round to find room\n", n, sectors, seconds)
}

// stale is the hint at line n that a function of the module uses a file that is closed.
func stale(n int) string {
	return fmt.Sprintf("hint t:%d: the file that was opened last is closed: the firmware uses memory that it has freed. Here that gives nil, a device may crash\n", n)
}

func full(n int) string {
	return fmt.Sprintf("hint t:%d: write gave nil: the flash file system is full; two blocks and a page for each index are kept, so that is before fsinfo shows no room\n", n)
}

// TestDroppedHandles checks that the collector closes what a program loses.
func TestDroppedHandles(t *testing.T) {
	fs := flash.New(testSize)
	got := run(t, fs, `
		for i = 1, 10 do file.open("f" .. i, "w"):write("x") end
		file.close()
		collectgarbage()
		print(file.exists("f10"))`)
	if got != "true" || fs.OpenFiles() != 0 {
		t.Errorf("%s; %d files open", got, fs.OpenFiles())
	}
}

// fresh makes a device that runs what script returns for each boot.
func fresh(t *testing.T, fs *flash.FS, hostCPU bool, script func(boot int) string) (*world.World, *device.Device, *strings.Builder) {
	t.Helper()
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			fmt.Fprintf(&out, "hint: %s\n", d.Text)
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Address: 0x80000, Size: fs.Size()},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1, Call: 1}, Heap: board.Heap{Size: 50000}}
	d := device.New(w, device.Config{Board: board, Flash: fs, HostCPU: hostCPU, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(script(d.Boots())), "=t")
		if err != nil {
			t.Fatal(err)
		}
		before := d.Now()
		d.Run("t", fn)
		fmt.Fprintf(&out, "%d ms\n", d.Now().Sub(before)/clock.Millisecond)
	}})
	d.PowerOn()
	return w, d, &out
}

// The flash takes device time: erasing most, writing some, reading little.
func TestFlashTakesTime(t *testing.T) {
	for _, tt := range []struct {
		name, src, want string
		hostCPU         bool
	}{
		{"a small file", `file.putcontents("a", "x")`, "1 ms\n", false},
		{"4 KB", `file.putcontents("a", string.rep("x", 4000))`, "14 ms\n", false},
		{"a format", `file.format()`, ".format done.\n480 ms\n", false},
		{"where Lua takes no time", `file.format()`, ".format done.\n0 ms\n", true},
	} {
		w, _, out := fresh(t, flash.New(testSize), tt.hostCPU, func(int) string { return tt.src })
		w.Clock.RunUntil(clock.At(10 * clock.Second))
		if out.String() != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, out, tt.want)
		}
	}
}

// A restart loses what was written and not flushed. The sink has what is on the flash, and
// soon.
func TestRestartLosesTheCache(t *testing.T) {
	fs := flash.New(testSize)
	sink := sink{}
	fs.SetSink(sink, func(err error) { t.Error(err) })
	w, d, out := fresh(t, fs, true, func(boot int) string {
		if boot == 0 {
			return `f = file.open("log", "a") f:writeline("one") f:flush() f:writeline("two")`
		}
		return `print(file.getcontents("log"))`
	})
	w.Clock.RunUntil(clock.At(clock.Second))
	if len(sink) != 1 || sink["log"] != "one\n" {
		t.Errorf("the sink has %q", sink)
	}
	d.Reset(device.SoftRestart)
	w.Clock.RunUntil(clock.At(2 * clock.Second))
	if out.String() != "0 ms\nhint: the last 4 bytes that were written to \"log\" are lost: they were not flushed, and the file not closed\none\n\n0 ms\n" {
		t.Errorf("%q", out)
	}
}

type sink map[string]string

func (s sink) Save(name string, data []byte) error { s[name] = string(data); return nil }

func (s sink) Delete(name string) error { delete(s, name); return nil }

// A snapshot has the open files, held by their objects.
func TestHeapSnapshot(t *testing.T) {
	w := world.New(1)
	fs := flash.New(testSize)
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Address: 0x80000, Size: fs.Size()},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1, Call: 1}, Heap: board.Heap{Size: 50000}}
	d := device.New(w, device.Config{Board: board, Flash: fs, Modules: []device.Module{Module}, Inspect: inspect.Config{TrackAllocations: true}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte("f = file.open('log', 'w')\ng = file.open('gone', 'w') g:close()"), "@init.lua")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("init.lua", fn)
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	var got []string
	for _, o := range d.Inspect.HeapSnapshot("test").Objects {
		if o.Name == "other file memory" {
			continue // a rest of the heap that came with a block
		}
		if o.Kind == "file" || strings.HasPrefix(o.Name, "file.obj") {
			got = append(got, fmt.Sprintf("%s: %s", o.Site, o.Name))
			least := map[string][2]int{"file.obj (log)": {48, 80}, "file.obj (closed)": {48, 48}, "open file log": {32, 32}}[o.Name]
			for i, n := range [2]int{o.Bytes, o.Retained} {
				if n < least[i] || n > least[i]+2*32 { // a rest of up to 32 bytes may stay with a block
					t.Errorf("%s takes %d bytes and retains %d, want %v", o.Name, o.Bytes, o.Retained, least)
				}
			}
		}
	}
	slices.Sort(got)
	const want = "init.lua:1: file.obj (log)\ninit.lua:1: open file log\ninit.lua:2: file.obj (closed)"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s", text)
	}
}
