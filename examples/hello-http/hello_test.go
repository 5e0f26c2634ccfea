// Package hello tests the example hello-http: the program as it is, on a board
// that boots and connects, asked by Go's HTTP client.
package hello

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// fullPacket is what the SDK asks for to receive a full TCP segment, in bytes of the
// heap. Where there is no such hole it drops the segment, and the peer sends it again.
const fullPacket = 1592

// start runs the example and returns its web server. Where the device runs short of RAM
// the test fails.
func start(t *testing.T, cpu string) (*simtest.Device, *http.Client) {
	t.Helper()
	d := simtest.Boot(t, ".", simtest.CPU(cpu))
	d.Events(func(e world.Event) {
		if m, ok := e.Data.(event.Memory); ok && m.Request < fullPacket {
			t.Errorf("no room for %d bytes after %v s", m.Request, e.Time.Seconds())
		}
	})
	return d, d.HTTP()
}

const url = "http://device"

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
	_, c := start(t, "esp8266")
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

// TestEchoOfMuch sends a megabyte there and back.
func TestEchoOfMuch(t *testing.T) {
	_, c := start(t, "host")
	body := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	for _, chunked := range []bool{false, true} {
		var reader io.Reader = bytes.NewReader(body)
		if chunked {
			reader = io.MultiReader(reader)
		}
		r, got, err := do(c, "POST", url, reader)
		if err != nil || r.StatusCode != 200 || sha256.Sum256([]byte(got)) != sha256.Sum256(body) {
			t.Fatalf("%d bytes came back of %d, error %v", len(got), len(body), err)
		}
	}
}

// TestClientsAtOnce has as many clients at a time as the device takes connections.
func TestClientsAtOnce(t *testing.T) {
	d, c := start(t, "host")
	if _, _, err := do(c, "GET", url, nil); err != nil {
		t.Fatal(err)
	}
	var clients []func()
	for n := range 5 {
		clients = append(clients, func() {
			for i := range 10 {
				want := fmt.Sprintf("client %d, request %d", n, i)
				if _, got, err := do(c, "POST", url, strings.NewReader(want)); err != nil || got != want {
					t.Errorf("%q: %q, %v", want, got, err)
				}
			}
		})
	}
	d.Together(clients...)
}

// TestCrowd has many more. Some are turned away; the device lives.
func TestCrowd(t *testing.T) {
	d, c := start(t, "host")
	var clients []func()
	for range 15 {
		clients = append(clients, func() { do(c, "GET", url, nil) })
	}
	d.Together(clients...)
	if r, _, err := do(c, "GET", url, nil); err != nil || r.StatusCode != 200 {
		t.Errorf("after the crowd: %v", err)
	}
}
