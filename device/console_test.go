package device

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/repl"
	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// terminal is what a person at the serial port sees.
type terminal struct {
	t   *testing.T
	w   *world.World
	d   *Device
	out strings.Builder
}

// newTerminal powers a device with these files on and waits for its prompt.
func newTerminal(t *testing.T, files map[string]string, cfg Config) *terminal {
	t.Helper()
	x := &terminal{t: t, w: world.New(1)}
	x.w.Subscribe(func(e world.Event) {
		if o, ok := e.Data.(event.Output); ok {
			x.out.WriteString(o.Text)
		}
	})
	if cfg.Board == nil {
		cfg.Board = testBoard()
	}
	x.d = New(x.w, cfg)
	for name, text := range files {
		if err := x.d.Flash.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	x.d.PowerOn()
	x.wait(500 * clock.Millisecond)
	return x
}

func (x *terminal) wait(d clock.Duration) { x.w.Clock.RunUntil(x.w.Clock.Now().Add(d)) }

// send types text and returns what came back.
func (x *terminal) send(text string) string {
	x.out.Reset()
	x.d.Serial.Type([]byte(text))
	x.wait(clock.Duration(len(text))*100 + 100*clock.Millisecond)
	return x.out.String()
}

const bannerText = "\r\nNodeMCU 3.0.0.0 build unspecified powered by Lua 5.1.4 on SDK 3.0.1-dev(fce080e)\r\n"

func TestBoot(t *testing.T) {
	for _, tt := range []struct {
		name, init, want string
	}{
		{"without init.lua", "", bannerText + "cannot open init.lua: \r\n> "},
		{"with init.lua", `print("hello")`, bannerText + "hello\r\n> "},
		{"init.lua sets the prompt", `_PROMPT = "$ "`, bannerText + "$ "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			if tt.init != "" {
				files["init.lua"] = tt.init
			}
			x := newTerminal(t, files, Config{})
			if got := x.out.String(); got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestStartupSettingsSurviveReset(t *testing.T) {
	x := newTerminal(t, map[string]string{"init.lua": `print("init")`, "other.lua": `print("other")`}, Config{})
	for _, tt := range []struct {
		command string
		options int
		want    string
	}{
		{"@other.lua", 0, bannerText + "other\r\n> "},
		{"=print(1 + 1)", repl.StartNoBanner, "2\r\n> "},
		{"", repl.StartNoBanner, "init\r\n> "},
	} {
		x.d.REPL.SetStartupCommand(tt.command)
		x.d.REPL.SetStartupOptions(tt.options)
		x.out.Reset()
		x.d.PressReset()
		x.wait(500 * clock.Millisecond)
		if got := x.out.String(); got != tt.want {
			t.Errorf("%q: got %q\nwant %q", tt.command, got, tt.want)
		}
	}
	x.d.REPL.SetStartupOptions(repl.Start160MHz)
	x.d.PressReset()
	x.wait(500 * clock.Millisecond)
	if x.d.ETS.MHz() != 160 {
		t.Errorf("CPU at %d MHz", x.d.ETS.MHz())
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
			x := newTerminal(t, map[string]string{"init.lua": "--"}, Config{})
			if got := x.send(tt.send); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestPromptsAreGlobals(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	if got := x.send("_PROMPT, _PROMPT2 = 'one ', 'two '\ndo\nend\n\n"); !strings.HasSuffix(got, "one do\r\ntwo end\r\none \r\none ") {
		t.Errorf("got %q", got)
	}
}

// A tool sends a command, expects it back as it is, and reads up to "\n>".
func TestToolConversation(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	for _, tt := range []struct{ command, answer string }{
		{"=12345", "12345"},
		{"for i=1,3 do print(i) end", "1\r\n2\r\n3"},
		{"x = 'stays'", ""},
		{"print(x)", "stays"},
	} {
		got := x.send(tt.command + "\n")
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
	x := newTerminal(t, nil, Config{HostCPU: true})
	var order []string
	x.d.VM.SetField(x.d.VM.Globals(), "mark", x.d.VM.NewFunction(vm.Func{Name: "mark", Fn: func(c *vm.Call) int {
		s := c.String(1)
		order = append(order, s)
		if s != "task" {
			x.d.PostTask(ets.Low, func() { order = append(order, "task after "+s) })
		}
		return 0
	}}))
	if problem := x.d.REPL.Feed("mark('1')\nmark('2')\n"); problem != "" {
		t.Fatal(problem)
	}
	x.wait(clock.Second)
	if got, want := strings.Join(order, ", "), "1, task after 1, 2, task after 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInputIsBounded(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	// The board says nothing of its heap, so one line has room.
	if problem := x.d.REPL.Feed(strings.Repeat("x", serial.LineBuffer-100)); problem != "" {
		t.Fatal(problem)
	}
	if problem := x.d.REPL.Feed(strings.Repeat("x", 200)); problem != vm.OutOfMemory {
		t.Errorf("got %q", problem)
	}
}

func TestChunkThatNeverEndsIsAnError(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	line := "--" + strings.Repeat("x", 200) + "\n"
	x.out.Reset()
	x.send("do\n")
	for range 30 {
		x.send(line)
		if strings.Contains(x.out.String(), "string length overflow") {
			return
		}
	}
	t.Errorf("the chunk grew without bound; last output %q", x.out.String())
}

func TestTaskQueueFullPanicsTheReader(t *testing.T) {
	x := newTerminal(t, nil, Config{OnPanic: HaltOnPanic})
	x.d.Serial.OnData(-1, 0, true, func([]byte) {
		for x.d.PostTask(ets.Low, func() {}) {
		}
	})
	got := x.send("a=1\nb")
	if !strings.HasSuffix(got, ")\r\n") || !strings.Contains(got, "PANIC: unprotected error in call to Lua API ("+ets.TaskQueueFull+")") || !x.d.Halted() {
		t.Errorf("got %q", got)
	}
	if got := x.send("print(1)\n"); got != "" {
		t.Errorf("a halted device answers %q", got)
	}
}
