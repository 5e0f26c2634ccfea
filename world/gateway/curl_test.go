package gateway

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// httpEcho is a device's web server that answers each request with its body,
// sending while it receives and reading no faster than it can send.
func httpEcho(s *lwip.Stack) {
	listen(s, func(c *lwip.TCPConn) {
		var head, pending []byte
		left := -1 // of the body; unknown before the head has ended
		own := 0   // bytes of pending that are not the client's
		flush := func() {
			n, _ := c.WriteSome(pending)
			pending = pending[n:]
			ours := min(n, own)
			own -= ours
			c.Recved(n - ours)
			c.Output()
			if left == 0 && len(pending) == 0 {
				c.OnRecv, c.OnSent = nil, nil
				c.Close()
			}
		}
		c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
			if data == nil { // the client gave up
				c.OnRecv, c.OnSent = nil, nil
				c.Close()
				return lwip.OK
			}
			for _, p := range data {
				if left < 0 {
					head = append(head, p...)
					end := bytes.Index(head, []byte("\r\n\r\n"))
					if end < 0 {
						c.Recved(len(p))
						continue
					}
					left = contentLength(string(head[:end]))
					body := head[end+4:]
					c.Recved(len(p) - len(body))
					pending = []byte("HTTP/1.0 200 OK\r\n\r\n")
					own = len(pending)
					p = body
				}
				pending = append(pending, p...)
				left -= len(p)
			}
			flush()
			return lwip.OK
		}
		c.OnSent = func(*lwip.TCPConn, int) lwip.Err {
			if len(pending) > 0 || left == 0 {
				flush()
			}
			return lwip.OK
		}
	})
}

func contentLength(head string) int {
	for _, line := range strings.Split(strings.ToLower(head), "\r\n") {
		if v, ok := strings.CutPrefix(line, "content-length: "); ok {
			n, _ := strconv.Atoi(v)
			return n
		}
	}
	return 0
}

// curl posts body and returns the answer's body.
func curl(program, addr, file string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(program, "-sS", "-m", "60", "-H", "Expect:", "--data-binary", "@"+file, "http://"+addr+"/")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out, err
}

// body writes n random bytes to a file and returns its path and hash.
func body(t *testing.T, n int) (file string, sum [32]byte) {
	t.Helper()
	data := random(n)
	file = filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, sha256.Sum256(data)
}

func TestCurlOneAfterAnother(t *testing.T) {
	program := need.Program(t, "curl")
	b := start(t, Options{}, wired, httpEcho)
	addr := b.publish(hostnet.Publication{Port: 80})
	// Each hundredth is larger, up to 1 MB.
	small, smallSum := body(t, 1000)
	for i := range 1000 {
		file, sum := small, smallSum
		if i%100 == 99 {
			file, sum = body(t, (i+1)*1048)
		}
		out, err := curl(program, addr, file)
		if err != nil || sha256.Sum256(out) != sum {
			t.Fatalf("request %d: %d bytes back, %v", i, len(out), err)
		}
	}
}

func TestCurlInParallel(t *testing.T) {
	program := need.Program(t, "curl")
	b := start(t, Options{}, wired, httpEcho)
	addr := b.publish(hostnet.Publication{Port: 80})
	var wg sync.WaitGroup
	for i := range 50 {
		file, sum := body(t, (i+1)*20971)
		wg.Go(func() {
			out, err := curl(program, addr, file)
			if err != nil || sha256.Sum256(out) != sum {
				t.Errorf("request %d: %d bytes back, %v", i, len(out), err)
			}
		})
	}
	wg.Wait()
}
