package repl_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/repl"
	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

const banner = "\r\nNodeMCU 3.0.0.0 build unspecified powered by Lua 5.1.4 on SDK 3.0.1-dev(fce080e)\r\n"

func TestBoot(t *testing.T) {
	for _, tt := range []struct {
		name, init, want string
	}{
		{"without init.lua", "", banner + "cannot open init.lua: \r\n> "},
		{"with init.lua", `print("hello")`, banner + "hello\r\n> "},
		{"init.lua sets the prompt", `_PROMPT = "$ "`, banner + "$ "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			if tt.init != "" {
				files["init.lua"] = tt.init
			}
			x := chiptest.New(t, files, device.Config{})
			if got := x.Out.String(); got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestStartupSettingsSurviveReset(t *testing.T) {
	x := chiptest.New(t, map[string]string{"init.lua": `print("init")`, "other.lua": `print("other")`}, device.Config{})
	for _, tt := range []struct {
		command string
		options int
		want    string
	}{
		{"@other.lua", 0, banner + "other\r\n> "},
		{"print(1 + 1)", repl.StartNoBanner, "2\r\n> "},
		{"=print(1 + 1)", repl.StartNoBanner, "INIT:1: unexpected symbol near '='\r\n> "},
		{"", repl.StartNoBanner, "> "},
		{"\x00x", repl.StartNoBanner, "> "},
	} {
		x.Device.REPL.SetStartupCommand(tt.command)
		x.Device.REPL.SetStartupOptions(tt.options)
		x.Out.Reset()
		x.Device.PressReset()
		x.Wait(500 * clock.Millisecond)
		if got := x.Out.String(); got != tt.want {
			t.Errorf("%q: got %q\nwant %q", tt.command, got, tt.want)
		}
	}
	x.Device.REPL.ClearStartupCommand()
	x.Out.Reset()
	x.Device.PressReset()
	x.Wait(500 * clock.Millisecond)
	if got, want := x.Out.String(), "init\r\n> "; got != want {
		t.Errorf("without a command: got %q, want %q", got, want)
	}
	x.Device.REPL.SetStartupOptions(repl.Start160MHz)
	x.Device.PressReset()
	x.Wait(500 * clock.Millisecond)
	if x.Device.ETS.MHz() != 160 {
		t.Errorf("CPU at %d MHz", x.Device.ETS.MHz())
	}
}

func TestConversation(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, tt := range []struct {
		name, send, want string
	}{
		{"a statement", "print(1)\n", "print(1)\r\n1\r\n> "},
		{"an expression", "=1+1, 'a'\n", "=1+1, 'a'\r\n2\ta\r\n> "},
		{"results of a chunk", "return 7\n", "return 7\r\n7\r\n> "},
		{"carriage return", "a=1\r", "a=1\r\n> "},
		{"\\r\\n counts once", "a=1\r\na=2\r\n", "a=1\r\n> a=2\r\n> "},
		{"\\n\\r counts once", "a=1\n\ra=2\n\r", "a=1\r\n> a=2\r\n> "},
		{"empty line", "\n", "\r\n> "},
		{"two empty lines", "\n\n", "\r\n> \r\n> "},
		{"backspace", "print(12\b)\n", "print(12\b \b)\r\n1\r\n> "},
		{"DEL", "print(12\x7f)\n", "print(12\b \b)\r\n1\r\n> "},
		{"nothing to erase", "\b\bprint(3)\n", "print(3)\r\n3\r\n> "},
		{"several lines", "if true then\nprint(1)\nend\n", "if true then\r\n>> print(1)\r\n>> end\r\n1\r\n> "},
		{"empty line within a chunk", "do\n\nend\n", "do\r\n>> \r\n>> end\r\n> "},
		{"= counts on the first line only", "x =\n=1\n", "x =\r\n>> =1\r\nLua error: \tstdin:2: unexpected symbol near '='\r\n> "},
		{"a traceback", "=debug.traceback()\n", "=debug.traceback()\r\nstack traceback:\r\n\tstdin:1: in main chunk\r\n\t[C]: ?\r\n\t[C]: ?\r\n> "},
		{"an error", "nil_function()\n", "nil_function()\r\nLua error: \tstdin:1: attempt to call global 'nil_function' (a nil value)\r\nstack traceback:\r\n\tstdin:1: in main chunk\r\n\t[C]: ?\r\n\t[C]: ?\r\n> "},
		{"a syntax error", "= =\n", "= =\r\nLua error: \tstdin:1: unexpected symbol near '='\r\n> "},
		{"a line of 255 characters fits", "--" + long[2:] + "\n", "--" + long[2:] + "\r\n> "},
		{"the character that is too many begins the line anew", long + "a=5\n=a\n", long + "a=5\r\n> =a\r\n5\r\n> "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := chiptest.New(t, map[string]string{"init.lua": "--"}, device.Config{})
			if got := x.Send(tt.send); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestPromptsAreGlobals(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	if got := x.Send("_PROMPT, _PROMPT2 = 'one ', 'two '\ndo\nend\n\n"); !strings.HasSuffix(got, "one do\r\ntwo end\r\none \r\none ") {
		t.Errorf("got %q", got)
	}
}

// A tool sends a command, expects it back as it is, and reads up to "\n>".
func TestToolConversation(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	for _, tt := range []struct{ command, answer string }{
		{"=12345", "12345"},
		{"for i=1,3 do print(i) end", "1\r\n2\r\n3"},
		{"x = 'stays'", ""},
		{"print(x)", "stays"},
	} {
		got := x.Send(tt.command + "\n")
		echo, rest, ok := strings.Cut(got, "\n")
		if !ok || strings.TrimRight(echo, "\r") != tt.command {
			t.Fatalf("%s: echoed as %q", tt.command, echo)
		}
		answer, _, ok := strings.Cut("\n"+rest, "\n>")
		if answer = strings.TrimSpace(answer); !ok || answer != tt.answer {
			t.Errorf("%s: answer %q, want %q", tt.command, answer, tt.answer)
		}
	}
}

func TestOneLinePerTask(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{HostCPU: true})
	var order []string
	x.Device.VM.SetField(x.Device.VM.Globals(), "mark", x.Device.VM.NewFunction(vm.Func{Name: "mark", Fn: func(c *vm.Call) int {
		s := c.String(1)
		order = append(order, s)
		if s != "task" {
			x.Device.PostTask(ets.Low, func() { order = append(order, "task after "+s) })
		}
		return 0
	}}))
	if problem := x.Device.REPL.Feed("mark('1')\nmark('2')\n"); problem != "" {
		t.Fatal(problem)
	}
	x.Wait(clock.Second)
	if got, want := strings.Join(order, ", "), "1, task after 1, 2, task after 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInputIsBounded(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	// The board says nothing of its heap, so one line has room.
	if problem := x.Device.REPL.Feed(strings.Repeat("x", serial.LineBuffer-100)); problem != "" {
		t.Fatal(problem)
	}
	if problem := x.Device.REPL.Feed(strings.Repeat("x", 200)); problem != vm.OutOfMemory {
		t.Errorf("got %q", problem)
	}
}

func TestChunkThatNeverEndsIsAnError(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	line := "--" + strings.Repeat("x", 200) + "\n"
	x.Out.Reset()
	x.Send("do\n")
	for range 30 {
		x.Send(line)
		if strings.Contains(x.Out.String(), "string length overflow") {
			return
		}
	}
	t.Errorf("the chunk grew without bound; last output %q", x.Out.String())
}

func TestTaskQueueFullPanicsTheReader(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{OnPanic: device.HaltOnPanic})
	x.Device.Serial.OnData(-1, 0, true, func([]byte) {
		for x.Device.PostTask(ets.Low, func() {}) {
		}
	})
	got := x.Send("a=1\nb")
	if !strings.HasSuffix(got, ")\r\n") || !strings.Contains(got, "PANIC: unprotected error in call to Lua API ("+ets.TaskQueueFull+")") || !x.Device.Halted() {
		t.Errorf("got %q", got)
	}
	if got := x.Send("print(1)\n"); got != "" {
		t.Errorf("a halted device answers %q", got)
	}
}
