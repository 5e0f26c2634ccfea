package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// pane is a terminal of tmux in which the program runs.
type pane struct {
	t      *testing.T
	tmux   string
	socket string
}

// openPane starts a shell in a terminal of w×h cells.
func openPane(t *testing.T, w, h int) *pane {
	t.Helper()
	p := &pane{t: t, tmux: need.Program(t, "tmux"), socket: filepath.Join(t.TempDir(), "tmux")}
	p.run("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(w), "-y", fmt.Sprint(h), "env PS1='shell$ ' ENV= sh")
	t.Cleanup(func() { _ = exec.Command(p.tmux, "-S", p.socket, "kill-server").Run() })
	p.run("set-option", "-g", "escape-time", "0")
	return p
}

func (p *pane) run(args ...string) string {
	p.t.Helper()
	out, err := exec.Command(p.tmux, append([]string{"-S", p.socket}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// keys presses keys by tmux's names for them, text types characters.
func (p *pane) keys(names ...string) { p.t.Helper(); p.run(append([]string{"send-keys"}, names...)...) }
func (p *pane) text(s string)        { p.t.Helper(); p.run("send-keys", "-l", s) }

func (p *pane) screen() string { p.t.Helper(); return p.run("capture-pane", "-p") }

// child returns the process id of the program that the shell runs.
func (p *pane) child() string {
	p.t.Helper()
	shell := strings.TrimSpace(p.run("display-message", "-p", "#{pane_pid}"))
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", shell).Output()
	if err != nil {
		p.t.Fatalf("ps: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// wait waits until the screen matches and returns the match with its groups.
func (p *pane) wait(what, pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.Now().Add(20 * time.Second)
	for {
		s := p.screen()
		if m := re.FindStringSubmatch(s); m != nil {
			return m
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: no %q on the screen:\n%s", what, pattern, s)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// program returns the path of the program: the test's own binary, which is it when
// it is called by that name (TestMain).
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "nodemcu-sim")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

const consoleApp = `
srv = net.createServer(net.TCP, 60)
srv:listen(80, function(c)
  c:on("receive", function(s, data)
    if data:find("/slow", 1, true) then return end
    s:send("HTTP/1.0 200 OK\r\n\r\nfrom the device\n")
  end)
  c:on("sent", function(s) s:close() end)
end)
gpio.mode(3, gpio.INT, gpio.PULLUP)
gpio.trig(3, "both", function(level) print("button is " .. level) end)
print("app is up")
`

// The console as a person uses it: look, ask it by HTTP, type Lua, press a button,
// leave.
func TestConsoleInATerminal(t *testing.T) {
	t.Parallel()
	curl := need.Program(t, "curl")
	p := openPane(t, 120, 36)
	bin := program(t)
	dir, state := t.TempDir(), t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(consoleApp)
	p.text("XDG_STATE_HOME=" + state + " " + bin + " run --publish 127.0.0.1:0:80 " + dir)
	p.keys("Enter")
	p.wait("boot", "app is up")
	address := p.wait("the published port", `(127\.0\.0\.1:\d+) → `)[1]
	p.wait("an address", `192\.168\.1\.\d+`)

	if out, err := exec.Command(curl, "-sS", "-m", "20", "http://"+address+"/").CombinedOutput(); err != nil || string(out) != "from the device\n" {
		t.Errorf("curl: %v, %q", err, out)
	}
	slow := exec.Command(curl, "-sS", "-m", "60", "http://"+address+"/slow")
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	p.wait("the connection's row", `tcp +ESTABLISHED +`)

	p.text("=6*7")
	p.keys("Enter")
	p.wait("Lua's answer", `(?m) 42\b`)
	p.text("for i = 1, 2 do")
	p.keys("Enter")
	p.wait("the prompt of a line that goes on", `(?m)^>>`)
	p.text("print('turn ' .. i) end")
	p.keys("Enter")
	p.wait("the loop", "turn 2")
	p.text("gpi")
	p.keys("Tab")
	p.wait("completion", `> gpio\b`)
	p.text(".mo")
	p.keys("Tab")
	p.wait("completion of a function", `> gpio\.mode\(`)
	p.keys("C-u")

	p.keys("C-o")
	p.wait("the menu", "─ Do ─")
	p.text("socket reset")
	p.wait("what was asked for", "reset the connection, for both ends")
	p.keys("Escape")
	p.wait("the menu to close", `(?m)^> *$`)

	// To the sockets, and reset the connection that hangs.
	p.keys("Tab", "Tab")
	p.wait("focus on the sockets", "▸ Sockets")
	p.keys("Down", "x")
	if err := slow.Wait(); err == nil {
		t.Error("curl got an answer from a connection that was reset")
	}

	p.keys("Tab", "Tab")
	p.wait("focus on the pins", "▸ Pins")
	p.keys("Down", "Down", "Down", "Enter")
	p.wait("the interrupt", "button is 0")

	write(strings.ReplaceAll(consoleApp, "app is up", "app is changed"))
	p.wait("the offer to restart", "files changed")
	p.keys("r")
	p.wait("the changed app", "app is changed")
	p.wait("the count of resets", "1 reset")

	p.text("q")
	p.wait("the shell", `(?m)^(shell\$ )*shell\$ *$`)
	p.text("stty -a | grep -o ' -*echo ' && echo sane")
	p.keys("Enter")
	if s := p.wait("a sane terminal", `(?m)^(?:shell\$ )? ?(-*)echo *\nsane`); s[1] != "" {
		t.Errorf("the terminal does not echo:\n%s", p.screen())
	}
	if got := p.run("display-message", "-p", "#{alternate_on}#{mouse_any_flag}#{cursor_flag}"); strings.TrimSpace(got) != "001" {
		t.Errorf("alternate screen, mouse, cursor: %s", got)
	}

	// The prompt's history lasts, outside the app's directory.
	history, err := os.ReadFile(filepath.Join(state, "nodemcu-sim", "history"))
	if err != nil || !strings.HasPrefix(string(history), "=6*7\n") {
		t.Errorf("history: %v, %q", err, history)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the app's directory holds %v", entries)
	}
}

// A terminal is given back however the program ends, and keys are answered while
// Lua does not return.
func TestConsoleOfAnEndlessLoop(t *testing.T) {
	t.Parallel()
	p := openPane(t, 80, 24)
	bin := program(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte("print('looping')\nwhile true do tmr.wdclr() end"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, leave := range []string{"F10", "C-c", "kill"} {
		p.text("XDG_STATE_HOME=" + dir + "/.state " + bin + " run --net isolated " + dir)
		p.keys("Enter")
		p.wait("the loop", "looping")
		p.wait("word that it does not answer", "busy")
		p.keys("F1") // answered though the world is not
		p.wait("help", "─ Help ─")
		if leave == "kill" {
			if out, err := exec.Command("kill", "-TERM", p.child()).CombinedOutput(); err != nil {
				t.Fatalf("kill: %v\n%s", err, out)
			}
		} else {
			p.keys(leave)
		}
		p.wait("the shell", `(?m)^(shell\$ )*shell\$ *$`)
		p.text("clear; stty -a | grep -o ' -*echo ' && echo sane")
		p.keys("Enter")
		p.wait("a sane terminal", `(?m)^(shell\$ )? ?echo *\nsane`)
		p.text("clear")
		p.keys("Enter")
		p.wait("a clear screen", `\A(shell\$ clear\n)?(shell\$ )*shell\$ *\n`)
	}
}

// An idle console of an idle device stays, and uses next to nothing.
func TestIdleConsole(t *testing.T) {
	t.Parallel()
	p := openPane(t, 140, 40)
	bin := program(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte("print('at rest')"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.text("XDG_STATE_HOME=" + dir + "/.state " + bin + " run --net isolated " + dir)
	p.keys("Enter")
	p.wait("an address", `192\.168\.1\.\d+`)
	pid := p.child()
	ticks := func() int { // of 10 ms: user and system time (proc(5))
		t.Helper()
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if os.IsNotExist(err) {
			t.Skip("no /proc to read the CPU time from")
		}
		fields := strings.Fields(string(stat))
		n := 0
		for _, f := range fields[13:15] {
			x, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			n += x
		}
		return n
	}
	time.Sleep(3 * time.Second) // until it is calm
	const seconds = 5
	before := ticks()
	time.Sleep(seconds * time.Second)
	used := ticks() - before
	t.Logf("%d ms of CPU in %d s", 10*used, seconds)
	// Measured: 0.6 %. The bound leaves room for a machine that is busy with
	// other tests; a console that draws without a reason is far above it.
	if used > seconds*8 { // of 100 ticks a second
		t.Errorf("an idle console uses %d ms of CPU in %d s", 10*used, seconds)
	}
	p.keys("F10")
	p.wait("the shell", `(?m)^(shell\$ )*shell\$ *$`)
}
