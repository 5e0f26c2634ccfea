package simtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

// web answers requests by their path, and keeps connections alive.
const web = `
net.createServer(60):listen(80, function(s)
  local head = ""
  s:on("receive", function(s, data)
    head = head .. data
    if not head:find("\r\n\r\n") then return end
    local method, path = head:match("^(%u+) (%S+)")
    n, head = (n or 0) + 1, ""
    if path == "/chunked" then s:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n")
    elseif path == "/end" then s:on("sent", function(s) s:close() end) s:send("HTTP/1.0 200 OK\r\n\r\nuntil the end")
    elseif path == "/early" then s:send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    elseif path == "/redirect" then s:send("HTTP/1.1 302 Found\r\nLocation: /chunked\r\nContent-Length: 0\r\n\r\n")
    elseif path == "/silent" then
    elseif path == "/half" then s:on("sent", function(s) s:close() end) s:send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
    elseif path == "/bye" then s:on("sent", function(s) s:close() end) s:send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbye")
    else s:send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" .. (method == "HEAD" and "" or "hello")) end
  end)
  made = (made or 0) + 1
end)`

func TestHTTP(t *testing.T) {
	d := simtest.Boot(t, "", program(web))
	c := d.HTTP()
	for i, test := range []struct{ method, path, body string }{
		{"GET", "/", "hello"}, {"GET", "/chunked", "one two"}, {"HEAD", "/", ""}, {"GET", "/redirect", "one two"}, {"GET", "/early", "ok"}, {"GET", "/end", "until the end"},
		{"GET", "/bye", "bye"}, {"GET", "/", "hello"}, // over a new connection: the old one was closed while it was idle
	} {
		req, err := http.NewRequest(test.method, "http://device"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", test.path, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != test.body || r.StatusCode != 200 {
			t.Errorf("%d %s: %s %q, %v", i, test.path, r.Status, body, err)
		}
		d.Advance(10 * time.Millisecond)
	}
	if got := d.Lua("n, made"); got != "9\t3" {
		t.Errorf("requests and connections: %s", got)
	}
	_, err := c.Get("http://device/silent")
	if e, ok := err.(net.Error); !ok || !e.Timeout() {
		t.Errorf("no answer: %v", err)
	}
	r, err := c.Get("http://device/half")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r.Body); string(body) != "half" || err != io.ErrUnexpectedEOF {
		t.Errorf("half an answer: %q, %v", body, err)
	}
	if _, err := c.Get("http://device:81/"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("port 81: %v", err)
	}
	if _, err := c.Get("https://device/"); err == nil || !strings.Contains(err.Error(), "no server but for http") {
		t.Errorf("https: %v", err)
	}
	r, err = c.Get("http://device/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close() // unread
	r, err = c.Get("http://192.168.1.10/")
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(r.Body)
	c.CloseIdleConnections()
}

// A device that is an access point of its own is reached there, and a web socket goes on
// after its answer.
func TestHTTPInTheDevicesNetwork(t *testing.T) {
	d := simtest.Boot(t, "", program(`
wifi.setmode(wifi.SOFTAP, false)
net.createServer(60):listen(8080, function(s)
  s:on("receive", function(s, data)
    s:send(data:find("Upgrade") and "HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\n" or data:upper())
  end)
end)`))
	req, err := http.NewRequest("GET", "http://device:8080/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Upgrade", "shout")
	r, err := d.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Body.(io.ReadWriteCloser)
	defer c.Close()
	fmt.Fprint(c, "hello")
	buf := make([]byte, 10)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "HELLO" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if d.Addr().String() != "192.168.4.1" {
		t.Errorf("it is at %v", d.Addr())
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	d := simtest.Boot(t, "", program("wifi.setmode(wifi.NULLMODE, false)"), simtest.Timeout(5*time.Second))
	if _, err := d.HTTP().Get("http://device/"); err == nil || !strings.Contains(err.Error(), "the device has no address within 5 s") {
		t.Errorf("%v", err)
	}
}

// Bodies that are longer than what the device holds go through it.
func TestHTTPMuch(t *testing.T) {
	d := simtest.Boot(t, "../examples/hello-http", simtest.CPU("host"))
	body := bytes.Repeat([]byte("0123456789abcde\n"), 1<<14)
	for _, reader := range []io.Reader{bytes.NewReader(body), io.MultiReader(bytes.NewReader(body))} { // with a length, and chunked
		r, err := d.HTTP().Post("http://device/", "text/plain", reader)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes of %d, %v", len(got), len(body), err)
		}
	}
}
