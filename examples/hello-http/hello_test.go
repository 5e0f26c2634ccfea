// Package hello tests the example hello-http: the program as it is, on a board
// that boots and connects, asked by a real HTTP client through the gateway.
package hello

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// fullPacket is what the SDK asks for to receive a full TCP segment, in bytes of the
// heap. Where there is no such hole it drops the segment, and the peer sends it again.
const fullPacket = 1592

// start runs the example and returns its URL. may says what may happen to the device:
// "short of RAM", or nothing.
func start(t *testing.T, cpu string, may ...string) string {
	t.Helper()
	a, err := app.New(app.Options{Dir: ".", Publish: []string{"0:80"}, Net: "isolated", CPU: cpu, OnPanic: "halt"})
	if err != nil {
		t.Fatal(err)
	}
	var trouble []world.Event // the world's until it has stopped
	a.World.Subscribe(func(e world.Event) {
		switch data := e.Data.(type) {
		case event.Memory:
			if data.Request < fullPacket && !slices.Contains(may, "short of RAM") {
				trouble = append(trouble, e)
			}
		case event.Panic, event.LuaError:
			trouble = append(trouble, e)
		}
	})
	a.World.Clock.SetSpeed(20)
	a.Device.PowerOn()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.World.Clock.Run(clock.Forever, false)
	}()
	t.Cleanup(func() {
		a.World.Clock.Stop()
		<-done
		a.Close()
		if len(trouble) > 0 {
			t.Errorf("on the device: %+v", trouble)
		}
	})
	url := regexp.MustCompile(`127.0.0.1:\d+`).FindString(strings.Join(a.Published(), "\n"))
	if url == "" {
		t.Fatalf("published: %q", a.Published())
	}
	return "http://" + url
}

// newClient returns a client that waits long enough for a device that boots.
func newClient() *http.Client { return &http.Client{Timeout: 20 * time.Second} }

// do sends a request and returns the response with its body.
func do(c *http.Client, method, url string, body io.Reader) (*http.Response, string, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, "", err
	}
	r, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	return r, string(data), err
}

func TestRoutes(t *testing.T) {
	url, c := start(t, "esp8266"), newClient()
	tests := []struct {
		method, path, body string
		status             int
		kind, want         string // want is a regular expression
	}{
		{"GET", "/", "", 200, "text/html", `<p>\d{5} bytes of heap free, up for \d+ s.</p>`},
		{"GET", "/?x=1", "", 200, "text/html", `Hello from NodeMCU`},
		{"HEAD", "/", "", 200, "text/html", `^$`},
		{"GET", "/json", "", 200, "application/json", `^{"heap":\d{5},"uptime":\d+}\n$`},
		{"POST", "/", "some text", 200, "application/octet-stream", `^some text$`},
		{"POST", "/", "", 200, "application/octet-stream", `^$`},
		{"GET", "/nowhere", "", 404, "text/plain", `^no such page\n$`},
		{"DELETE", "/", "", 405, "text/plain", `^not here\n$`},
	}
	for _, test := range tests {
		r, body, err := do(c, test.method, url+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Errorf("%s %s: %v", test.method, test.path, err)
			continue
		}
		if kind := r.Header.Get("Content-Type"); r.StatusCode != test.status || kind != test.kind || !regexp.MustCompile(test.want).MatchString(body) {
			t.Errorf("%s %s: %d %s %q; want %d %s %q", test.method, test.path, r.StatusCode, kind, body, test.status, test.kind, test.want)
		}
	}
	var got struct{ Heap, Uptime int }
	if _, body, err := do(c, "GET", url+"/json", nil); err != nil || json.Unmarshal([]byte(body), &got) != nil || got.Heap < 15000 || got.Heap > 44000 {
		t.Errorf("heap %d, error %v", got.Heap, err)
	}
}

// TestEchoOfMuch sends a megabyte there and back. Where the host is so busy that the client
// reads late, the device may run short of RAM, and httpserver then breaks the connection
// off: a client tries again.
func TestEchoOfMuch(t *testing.T) {
	url, c := start(t, "host", "short of RAM"), newClient()
	body := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	for _, chunked := range []bool{false, true} {
		for try := 1; ; try++ {
			var reader io.Reader = bytes.NewReader(body)
			if chunked {
				reader = io.MultiReader(reader)
			}
			r, got, err := do(c, "POST", url, reader)
			if err == nil && r.StatusCode == 200 && sha256.Sum256([]byte(got)) == sha256.Sum256(body) {
				break
			}
			if broken := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF); !broken || try == 5 {
				t.Fatalf("%d bytes came back of %d, error %v", len(got), len(body), err)
			}
		}
	}
}

// TestClientsAtOnce has as many clients at a time as the device takes connections.
func TestClientsAtOnce(t *testing.T) {
	url, c := start(t, "host"), newClient()
	if _, _, err := do(c, "GET", url, nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 5 {
		wg.Go(func() {
			for i := range 10 {
				want := fmt.Sprintf("client %d, request %d", n, i)
				if _, got, err := do(c, "POST", url, strings.NewReader(want)); err != nil || got != want {
					t.Errorf("%q: %q, %v", want, got, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestCrowd has many more. Some are turned away; the device lives.
func TestCrowd(t *testing.T) {
	url, c := start(t, "host"), newClient()
	var wg sync.WaitGroup
	for range 15 {
		wg.Go(func() { do(c, "GET", url, nil) })
	}
	wg.Wait()
	if r, _, err := do(c, "GET", url, nil); err != nil || r.StatusCode != 200 {
		t.Errorf("after the crowd: %v", err)
	}
}
