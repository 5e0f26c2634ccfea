//go:build unix

package hostserial_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
)

// openPty opens the pseudo-terminal of a bench, as it is.
func (b *bench) openPty(t *testing.T) *client {
	t.Helper()
	f, err := os.OpenFile(b.line.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &client{t: t, port: f}
}

func TestPty(t *testing.T) {
	link := filepath.Join(t.TempDir(), "esp")
	spec := hostserial.Spec{Kind: hostserial.Pty, Link: link}
	b := newBench(t, `print("up")`, spec, hostserial.Options{})
	if b.line.Name() != link {
		t.Errorf("it is called %s", b.line.Name())
	}
	c := b.openPty(t)
	if got := c.ask("=1, 2"); got != "1\t2\r\n" {
		t.Errorf("%q", got)
	}
	// Raw: no byte has a meaning on the way, and none comes twice.
	c.ask(`uart.on("data", 7, function(d) uart.on("data") uart.write(0, d) end, 0)`)
	c.send("\x03\x04\r\n\x11\x13\x1a")
	if got := c.until("\x1a"); got != "\x03\x04\r\n\x11\x13\x1a" {
		t.Errorf("%q", got)
	}
	// What a program has left unread is not the next one's.
	c.send("print('left')\n")
	c.Close()
	for i := 1; i <= 20; i++ { // closes in the middle of the answer
		c = b.openPty(t)
		c.send("for i = 1, 9 do print(i) end\n")
		c.Close()
	}
	c = b.openPty(t)
	c.send("\nprint('ne' .. 'xt')\n")
	c.until("next\r\n> ")
	// Another run finds the link taken.
	if _, err := hostserial.Open(b.Device, spec, hostserial.Options{}); err == nil || !strings.Contains(err.Error(), "there is something of that name") {
		t.Errorf("a link that is there: %v", err)
	}
}

func TestPtyLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "esp")
	// One that is left from a run that was killed points to nothing.
	if err := os.Symlink(filepath.Join(dir, "gone"), link); err != nil {
		t.Fatal(err)
	}
	t.Run("run", func(t *testing.T) {
		newBench(t, "", hostserial.Spec{Kind: hostserial.Pty, Link: link}, hostserial.Options{}).openPty(t).ask("=1")
	})
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("after the run the link is still there: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{file, filepath.Join(dir, "no", "esp")} {
		_, err := hostserial.Open(nil, hostserial.Spec{Kind: hostserial.Pty, Link: link}, hostserial.Options{})
		if err == nil || !strings.Contains(err.Error(), "pty:"+link) {
			t.Errorf("%s: %v", link, err)
		}
	}
}

// Each opening of the pseudo-terminal boots the device, and the banner is there to be read.
func TestPtyBootOnOpen(t *testing.T) {
	b := newBench(t, `print("up")`, hostserial.Spec{Kind: hostserial.Pty}, hostserial.Options{BootOnOpen: true})
	for range 3 {
		c := b.openPty(t)
		c.until("powered by Lua")
		c.until("up\r\n> ")
		c.Close()
		b.unopened(t)
	}
}
