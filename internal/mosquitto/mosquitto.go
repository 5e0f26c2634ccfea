// Package mosquitto runs a real MQTT broker for tests, with Debian's mosquitto_pub and
// mosquitto_sub as its other clients. Where they are absent the test is skipped
// (internal/need).
package mosquitto

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// Lines collects what a program or a device prints.
type Lines struct {
	mu   sync.Mutex
	all  []string
	more chan struct{} // closed at the next line
}

// NewLines returns an empty collection.
func NewLines() *Lines { return &Lines{more: make(chan struct{})} }

// Add adds one. It may be called from any goroutine, as the other methods.
func (l *Lines) Add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
	close(l.more)
	l.more = make(chan struct{})
}

// List returns them all.
func (l *Lines) List() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// Count returns how many lines there are that begin so.
func (l *Lines) Count(prefix string) (n int) {
	for _, s := range l.List() {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

// Await waits until n lines begin so.
func (l *Lines) Await(t testing.TB, n int, prefix string) {
	t.Helper()
	end := time.After(time.Minute)
	for seen, found := 0, 0; ; {
		l.mu.Lock()
		for ; seen < len(l.all); seen++ {
			if strings.HasPrefix(l.all[seen], prefix) {
				found++
			}
		}
		more := l.more
		l.mu.Unlock()
		if found >= n {
			return
		}
		select {
		case <-more:
		case <-end:
			all := l.List()
			t.Fatalf("%d lines %q, want %d; the last of %d: %q", found, prefix, n, len(all), all[max(0, len(all)-10):])
		}
	}
}

// Broker is a mosquitto at a port of the loopback.
type Broker struct {
	Port int

	t   testing.TB
	dir string
	cmd *exec.Cmd
}

// Start starts one for a test; config is added to its configuration.
func Start(t testing.TB, config string) *Broker {
	t.Helper()
	for _, name := range []string{"mosquitto", "mosquitto_pub", "mosquitto_sub"} {
		need.Program(t, name)
	}
	m := &Broker{t: t, Port: FreePort(t), dir: t.TempDir()}
	config = fmt.Sprintf("listener %d 127.0.0.1\nuser root\nmax_queued_messages 0\n", m.Port) + config
	if err := os.WriteFile(filepath.Join(m.dir, "conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Restart()
	t.Cleanup(m.Kill)
	return m
}

// FreePort returns a TCP port of the loopback at which nothing listens.
func FreePort(t testing.TB) int {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().(*net.TCPAddr).Port
}

// Restart starts it again after Kill, at the same port.
func (m *Broker) Restart() {
	m.t.Helper()
	path := need.Program(m.t, "mosquitto")
	m.cmd = exec.Command(path, "-c", filepath.Join(m.dir, "conf"))
	if testing.Verbose() {
		m.cmd.Stderr = os.Stderr
		m.cmd.Args = append(m.cmd.Args, "-v")
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for range 200 {
		if c, err := net.Dial("tcp", m.addr()); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	m.t.Fatal("mosquitto does not listen")
}

func (m *Broker) addr() string { return fmt.Sprintf("127.0.0.1:%d", m.Port) }

// Kill ends it without a word to its clients.
func (m *Broker) Kill() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

// Pub publishes; in is its standard input, a message a line, if the arguments say -l.
func (m *Broker) Pub(in string, args ...string) {
	m.t.Helper()
	cmd := exec.Command("mosquitto_pub", append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(m.Port)}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("mosquitto_pub: %v %s", err, out)
	}
}

// PubLines publishes each line that is written to what it returns, at once, until the test
// ends.
func (m *Broker) PubLines(args ...string) io.Writer {
	m.t.Helper()
	cmd := exec.Command("mosquitto_pub", append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(m.Port), "-l"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return in
}

// Sub subscribes and returns the messages, each as "topic payload", when it is subscribed.
func (m *Broker) Sub(args ...string) *Lines {
	m.t.Helper()
	args = append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(m.Port), "-v", "-q", "2", "-t", "ready"}, args...)
	cmd := exec.Command("stdbuf", append([]string{"-oL", "mosquitto_sub"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	l := NewLines()
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			l.Add(s.Text())
		}
		cmd.Wait()
	}()
	m.t.Cleanup(func() { cmd.Process.Kill() })
	for range 100 {
		if l.Count("ready") > 0 {
			return l
		}
		m.Pub("", append([]string{"-t", "ready", "-m", "yes"}, login(args)...)...)
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatal("mosquitto_sub does not get messages")
	return nil
}

// login returns those of the arguments that name a user.
func login(args []string) (out []string) {
	for i, a := range args {
		if a == "-u" || a == "-P" {
			out = append(out, a, args[i+1])
		}
	}
	return out
}
