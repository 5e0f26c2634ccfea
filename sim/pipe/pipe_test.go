package pipe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\nstack traceback")
	return strings.TrimPrefix(line, "Lua error: \tstdin:1: ")
}

func TestPipe(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"lines", "p = pipe.create() p:write('a\\nbc\\nd') print(p:read(), p:read(), p:read(), p:read())", "a\tbc\td\tnil"},
		{"lines with their ends", "p = pipe.create() p:write('a\\nb') print(#p:read('\\n+'), #p:read('\\n+'))", "2\t1"},
		{"sizes", "p = pipe.create() p:write('abcdefg') print(p:read(3), p:read(3), p:read(3), p:read(3))", "abc\tdef\tg\tnil"},
		{"unread", "p = pipe.create() p:write('bc') p:unread('a') print(p:read(10))", "abc"},
		{"an empty record", "p = pipe.create() p:write(';x') print(#p:read(';'), p:read(';'))", "0\tx"},
		{"chunks", "p = pipe.create() s = 'x' for i = 1, 9 do s = s..s end p:write(s) print(p:nrec()) p:write('y') print(p:nrec()) p:unread(s) print(p:nrec()) print(#p:read(513), p:nrec())", "2\n3\n5\n513\t3"},
		{"reader", "p = pipe.create() p:write('a;b;c') for r in p:reader(';') do print(r) end", "a\nb\nc"},
		{"what is called when something was written", "p = pipe.create(function(p) print('got', p:read(100)) return false end) p:write('a') p:write('b') print('after')", "after\ngot\tab"},
		{"true asks for another turn", "p = pipe.create(function(p) print(p:read(1)) return true end) p:write('abc')", "a\nb\nc"},
		{"false does not", "p = pipe.create(function(p) print(p:read(1)) return false end) p:write('abc')", "a"},
		{"what the reader writes calls it again", "p = pipe.create(function(p) s = p:read(9) print(s) if s == 'a' then p:write('b') end return false end) p:write('a')", "a\nb"},
		{"what the reader writes posts a task besides its own", "n = 0 p = pipe.create(function(p) n = n + 1 if n == 1 then p:write('b') return true end print(n, p:read(9)) return false end) p:write('a')", "2\tab\n3\tnil"},
		{"the function is the task, too", "p = pipe.create(function(p) print(p:read(9)) return false end) p:unread('x') p.write()", "x"},
		{"a pipe is a table", "print(type(pipe.create()))", "table"},
		{"as text", "print(tostring(pipe.create()):match('^Pipe: 0x%x+$') ~= nil)", "true"},
		{"not a string", "p = pipe.create() print(p:write({}), p:write(nil), p:write(), p.unread(), p:nrec())", "nil\tnil\tnil\tnil\t0"},
		{"lengths of anything", "p = pipe.create() p:write('x') print(p.nrec(), p.nrec('abc'), p.nrec(1234), p.nrec(p[2]), p.nrec({1, 2}), p.nrec(true))", "-1\t2\t3\t263\t1\t-1"},
		{"the methods are also those of the chunks", "p = pipe.create() p:write('xyz') print(#p[2], tostring(p[2]), p[2].nrec == p.nrec, p.__len(p), p.__len(p[2]))", "3\txyz\ttrue\t2\t3"},
		{"a slot that is no chunk", "p = pipe.create() p[2] = 'x' p:write('y')", "bad argument #-2 to 'write' (userdata expected, got string)"},
		{"a table that only looks like one", "pipe.create().read(setmetatable({}, getmetatable(pipe.create())))", "bad argument #-1 to 'read' (userdata expected, got nil)"},
		{"sizes are 32 bits", "p = pipe.create() p:write('abc') print(p:read(2^32 + 2)) p:read(0.5)", "ab\nLua error: \tstdin:1: bad argument #1 to 'read' (invalid chunk size)"},
		{"bad size", "pipe.create():read(0)", "bad argument #1 to 'read' (invalid chunk size)"},
		{"bad delimiter", "pipe.create():read('ab')", "bad argument #1 to 'read' (invalid delimiter)"},
		{"bad priority", "pipe.create(print, 3)", "bad argument #2 to 'create' (invalid priority)"},
		{"the reader is gone", "p = pipe.create(print) w = p.write p[1] = 5 w(p, 'x')", "invalid post task"},
		{"bad reader", "pipe.create(1)", "bad argument #1 to 'create' (function expected, got number)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			if got := firstLine(x.Run(tt.lua)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// run boots a device whose Lua takes time, runs src and returns the world, and what was
// printed, the hints and the resets.
func run(t *testing.T, src string) (*world.World, *strings.Builder) {
	t.Helper()
	w := world.New(1)
	out := &strings.Builder{}
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			fmt.Fprintf(out, "hint %s: %s\n", d.Where, d.Text)
		case event.Reset:
			fmt.Fprintf(out, "reset: %s\n", d.Reason)
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Size: 1 << 20},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1, Call: 1}}
	started := false
	device.New(w, device.Config{Board: board, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		if started {
			return
		}
		started = true
		d.VM.SetField(d.VM.Globals(), "low", d.VM.NewFunction(vm.Func{Name: "low", Fn: func(c *vm.Call) int {
			d.PostLua(0, "low", c.Function(1))
			return 0
		}}))
		fn, err := d.VM.Load([]byte(src), "@t.lua")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("t.lua", fn)
		d.NewTimer(func() { out.WriteString("timer\n") }).Arm(4*clock.Second, true)
	}}).PowerOn()
	return w, out
}

// A reader that returns nothing is called for ever. Between two calls the system runs,
// timers and all, and feeds the watchdog; tasks of lower priority wait for ever.
func TestEndlessReader(t *testing.T) {
	w, out := run(t, `n = 0
		p = pipe.create(function(p)
			n = n + 1
			p:read(10)
		end)
		p:write("x")
		low(function() print("never") end)
		print("written")`)
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	want := "written\nhint t.lua:2: a pipe's reader that returns nothing is called for ever, though there is nothing to read: " +
		"the prompt and tasks of low priority never run again. Return false, or true while there is something to read\ntimer\ntimer\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Where the firmware reads at address 0, the device resets.
func TestExceptions(t *testing.T) {
	for _, src := range []string{
		`print(pcall(function() return pipe.create()[true] end))`,
		`pipe.create()[nil](1)`,
		`p = pipe.create() p:write("x") local w = p[2].write`,
		`p = pipe.create() p:write("x") local w = p[2][{}]`,
	} {
		w, out := run(t, src+` print("went on")`)
		w.Clock.RunUntil(clock.At(clock.Second))
		if got := out.String(); !strings.HasPrefix(got, "hint t.lua:1: ") || !strings.HasSuffix(got, "(exception, the device resets)\nreset: exception reset\n") {
			t.Errorf("%s: %q", src, got)
		}
	}
}

// The address that a pipe shows is the device's.
func TestAddressIsTheDevices(t *testing.T) {
	const src = `print(pipe.create(), pipe.create())`
	first := terminal.New(t, nil, Module).Run(src)
	if second := terminal.New(t, nil, Module).Run(src); first != second || !strings.HasPrefix(first, "Pipe: 0x3fff") {
		t.Errorf("%q, then %q", first, second)
	}
}
