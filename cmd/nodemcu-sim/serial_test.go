//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// serve starts a run of a device with these files and a serial port, and returns the name
// of the port: a path, or tcp:HOST:PORT.
func serve(t *testing.T, files map[string]string, args ...string) (port string, run *exec.Cmd) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run = exec.Command("nodemcu-sim", append(append([]string{"run", "--headless", "--net", "isolated"}, args...), dir)...)
	printed, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	run.Stderr = log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	t.Cleanup(func() {
		if run.ProcessState == nil {
			run.Process.Signal(os.Interrupt)
			if err := run.Wait(); err != nil {
				t.Errorf("after an interrupt: %v", err)
			}
		}
		printed.Close()
	})
	lines := bufio.NewScanner(printed)
	await(t, lines, "serial port: ")
	_, port, _ = strings.Cut(lines.Text(), "serial port: ")
	go io.Copy(io.Discard, printed)
	return port, run
}

// tool runs a program in a directory of its own and returns what it prints.
func tool(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // then it hangs, and says how far it came
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return colours.ReplaceAllString(string(out), "")
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// The real nodemcu-tool does to the device all that it can.
func TestNodemcuTool(t *testing.T) {
	t.Parallel()
	script := need.NPM(t, "testdata/nodemcu-tool", "nodemcu-tool/bin/nodemcu-tool.js")
	node := need.Program(t, "node")
	link := filepath.Join(t.TempDir(), "esp")
	port, _ := serve(t, map[string]string{"old.lua": `print("old " .. 1)`}, "--serial", "pty:"+link) // at the pace of the baud rate: the tool may miss an answer that comes at once, and waits for ever
	if port != link {
		t.Fatalf("the port is called %q", port)
	}
	dir := t.TempDir()
	// The tool waits less than a second of this computer's time for an answer, which may be too
	// little while other tests run.
	const tries, slow = 5, "Timeout, no response detected"
	run := func(args ...string) string {
		t.Helper()
		for range tries {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			cmd := exec.CommandContext(ctx, node, append([]string{"--no-warnings", script, "--port", link}, args...)...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			cancel()
			if err == nil {
				return colours.ReplaceAllString(string(out), "")
			}
			if !bytes.Contains(out, []byte(slow)) {
				t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
			}
			endLine(t, link)
		}
		t.Fatalf("%s: %s, %d times", strings.Join(args, " "), slow, tries)
		return ""
	}
	has := func(out string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("%q is not in\n%s", text, out)
			}
		}
	}
	binary := make([]byte, 3000)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(binary); i++ {
		binary[i] = byte(r.Uint32())
	}
	contents := map[string][]byte{"data.bin": binary, "hello.lua": []byte("-- a program\nprint(\"hello\", 6 * 7)\nfor i = 1, 3 do print(i) end\n")}
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	has(run("--connection-delay", "500", "fsinfo"), "Arch: esp8266 | Version: 3.0.0", "old.lua (18 Bytes)")
	has(run("upload", "data.bin", "hello.lua"), "File Transfer complete")
	has(run("fsinfo"), "data.bin (3000 Bytes)", "hello.lua (64 Bytes)")
	has(run("run", "hello.lua"), "hello\t42\r\n1\r\n2\r\n3")
	has(run("upload", "--compile", "--remotename", "other.lua", "hello.lua"), "File Transfer complete")
	has(run("run", "other.lc"), "hello\t42")
	for _, name := range []string{"data.bin", "hello.lua"} {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		run("download", name)
		// Version 3.2.1 ends a download with the line "undefined", a chunk that is not complete:
		// what comes next would end in an error.
		endLine(t, link)
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, contents[name]) {
			t.Errorf("%s comes back as %d bytes, %v", name, len(got), err)
		}
	}
	run("remove", "old.lua")
	if out := run("fsinfo"); strings.Contains(out, "old.lua") {
		t.Errorf("removed, and there:\n%s", out)
	}
	has(run("reset", "--softreset"), "Soft-Reset executed")
	// The hard reset needs modem lines, which a pseudo-terminal has not.
	hard := exec.Command(node, "--no-warnings", script, "--port", link, "--connection-delay", "500", "reset")
	if out, err := hard.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("Inappropriate ioctl")) {
		t.Errorf("hard reset: %v\n%s", err, out)
	}
	has(run("--connection-delay", "500", "fsinfo"), "data.bin (3000 Bytes)")
	run("mkfs", "--noninteractive")
	has(run("fsinfo"), "0 Files")
}

// endLine ends what stands at the prompt of a port, and waits for a new one.
func endLine(t *testing.T, port string) {
	t.Helper()
	f, err := os.OpenFile(port, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const mark = "line ended"
	var got []byte
	for end := time.Now().Add(time.Minute); !bytes.Contains(got, []byte(mark+"\r\n> ")); {
		if time.Now().After(end) {
			t.Fatalf("the port %s says %q", port, got)
		}
		if _, err := fmt.Fprint(f, "\nprint('line ' .. 'ended')\n"); err != nil {
			t.Fatal(err)
		}
		_ = f.SetReadDeadline(time.Now().Add(time.Second))
		for !bytes.HasSuffix(got, []byte(mark+"\r\n> ")) {
			var b [256]byte
			n, err := f.Read(b[:])
			if got = append(got, b[:n]...); err != nil {
				break
			}
		}
	}
}

// A terminal: expect talks to the device through socat, from the banner on.
func TestExpectAndSocat(t *testing.T) {
	t.Parallel()
	expect := need.Program(t, "expect")
	need.Program(t, "socat")
	port, _ := serve(t, nil, "--serial", "pty", "--serial-boot-on-open")
	out := tool(t, t.TempDir(), expect, "-c", `
		set timeout 20
		proc await {text} {
			expect {
				-ex $text {}
				timeout {puts "no $text"; exit 1}
				eof {puts "end before $text"; exit 1}
			}
		}
		spawn -noecho socat -,raw,echo=0 `+port+`,raw,echo=0
		await "powered by Lua 5.1.4"
		await "cannot open init.lua"
		await "\n> "
		send "for i = 1, 2 do\r"
		await "\n>> "
		send "print(i * 21)\r"
		await ">> "
		send "end\r"
		await "21\r\n42\r\n> "
		send "=node.restart()\r"
		await "powered by Lua"
		await "\n> "
		send "x = 1\b2 print(x)\r"
		await "\b \b2 print(x)\r\n2\r\n> "
		puts "all seen"`)
	if !strings.Contains(out, "all seen") {
		t.Error(out)
	}
}

// pyserial speaks RFC 2217 to the device and presses its reset with the modem lines.
func TestPySerialRFC2217(t *testing.T) {
	t.Parallel()
	python := need.PythonModule(t, "serial")
	port, _ := serve(t, map[string]string{"init.lua": `print("reason " .. node.bootreason())`}, "--serial", "tcp:0")
	out := tool(t, t.TempDir(), python, "-c", `
import serial, sys, time
s = serial.serial_for_url("rfc2217://`+strings.TrimPrefix(port, "tcp:")+`", baudrate=115200, timeout=20)
def until(text):
    got = s.read_until(text)
    assert got.endswith(text), (text, got)
    return got
s.write(b"print('%sync%')\n")
until(b"%sync%\r\n> ")
assert not s.cts and not s.dsr and not s.cd
# Both lines on, as pyserial opens a port: no reset.
s.dtr = True; s.rts = True
s.write(b"=1+1\n")
assert until(b"\r\n> ") == b"=1+1\r\n2\r\n> "
s.dtr = False           # RTS alone holds the chip in reset
s.write(b"=3\n")
time.sleep(0.1)
s.reset_input_buffer()
s.rts = False           # and it boots
got = until(b"\r\n> ")
assert b"powered by Lua" in got and b"reason 3" in got, got
s.write(b"uart.write(0, 0, 255, 254, 253, 13, 10)\n")
until(b"10)\r\n")
assert s.read(6) == b"\x00\xff\xfe\xfd\r\n"
until(b"> ")
s.write(b"uart.on('data', 4, function(d) uart.on('data') print(d:byte(1, -1)) end, 0)\n")
until(b"> ")
s.write(b"\xff\xff\x00\r")
assert until(b"\r\n") == b"255\t255\t0\t13\r\n"
s.baudrate = 9600
s.write(b"=2+3\n")
until(b"5\r\n> ")
s.close()
print("all seen")`)
	if !strings.Contains(out, "all seen") {
		t.Error(out)
	}
}

// Standard input and output are the line, byte by byte, and its end the run's.
func TestSerialStdio(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte("uart.write(0, 'a\\n\\r\\255')\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nodemcu-sim", "run", "--net", "isolated", "--serial", "stdio", dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var got []byte
	until := func(text string) {
		for b := make([]byte, 1); !bytes.HasSuffix(got, []byte(text)); {
			if _, err := out.Read(b); err != nil {
				t.Fatalf("%q is not in %q", text, got)
			}
			got = append(got, b...)
		}
	}
	until("a\n\r\xff> ")
	io.WriteString(in, "=1\r")
	until("=1\r\n1\r\n> ")
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("at the end of its input: %v", err)
	}
}
