package httpserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/devtest"
)

// program answers on port 80 in a way that its tests choose by the path, and
// prints what it is told of the request.
const program = `
http = require("httpserver")
http.createServer(80, function(req, res)
  local n, log = 0, {req.method, req.url}
  req.onheader = function(self, name, value)
    assert(self == req)
    if #log < 10 then log[#log + 1] = name .. "=" .. value end
  end
  req.ondata = function(self, chunk)
    assert(self == req)
    if chunk then
      n = n + #chunk
      return
    end
    log[#log + 1] = "body=" .. n
    print(table.concat(log, "|"))
    local path = req.url:match("/(%w*)$")
    if path == "" then res:finish("hello")
    elseif path == "stream" then
      res:send("one ") res:send("") res:send("two ", 500) res:send(3) res:finish(" four")
    elseif path == "code" then res:send(nil, 404) res:send("gone", 200) res:finish(nil, 500)
    elseif path == "odd" then res:finish("x", 299)
    elseif path == "empty" then res:finish()
    elseif path == "none" then res:finish("not to be sent", 204)
    elseif path == "unchanged" then res:finish("not to be sent", 304)
    elseif path == "headers" then
      print(res:send_header("X-One", "1"), res:send_header("X-Two", "a\r\nb: c"), res:send_header("Connection", "keep-alive"))
      res:send_header("Content-Length", 1000)
      res:send("body")
      print(res.send_header)
      res:finish()
      res:finish("again") res:send("again") print(res.send_header)
    elseif path == "long" then res:finish(("0123456789"):rep(400))
    elseif path == "pull" then
      local i = 0
      res:finish(function() i = i + 1 if i <= 20 then return ("x"):rep(700) .. i .. "\n" end end)
    elseif path == "later" then
      tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() res:send("slow ") res:finish("answer") end)
    end
  end
  if req.url == "/early" then res:finish("early") end
end)
`

// response is what a client has made of what the device sent.
type response struct {
	*http.Response
	body string
	log  string // what the program printed
}

// parse reads the responses in data strictly: nothing may be left.
func parse(t *testing.T, method, data string) response {
	t.Helper()
	buf := bufio.NewReader(strings.NewReader(data))
	r, err := http.ReadResponse(buf, &http.Request{Method: method})
	if err != nil {
		t.Errorf("no response: %v in %s", err, devtest.Short(data))
		return response{Response: &http.Response{}}
	}
	if r.StatusCode == http.StatusContinue {
		if r, err = http.ReadResponse(buf, &http.Request{Method: method}); err != nil {
			t.Fatalf("no response after 100: %v in %s", err, devtest.Short(data))
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("body: %v in %s", err, devtest.Short(data))
	}
	if rest, _ := io.ReadAll(buf); len(rest) > 0 {
		t.Errorf("%s after the response", devtest.Short(string(rest)))
	}
	return response{Response: r, body: string(body)}
}

// exchange sends the segments on a connection of their own and returns what came
// back. The device must close the connection, cleanly.
func exchange(t *testing.T, b *devtest.Bench, segments ...string) response {
	t.Helper()
	b.Output()
	p := b.Dial(80)
	p.Send(segments...)
	b.Run(devtest.Quiet)
	if !p.Closed || p.Reset {
		t.Errorf("closed %v, reset %v after %s", p.Closed, p.Reset, devtest.Short(strings.Join(segments, "")))
	}
	method, _, _ := strings.Cut(segments[0], " ")
	r := parse(t, method, p.Data.String())
	r.log = b.Output()
	return r
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: device\r\n\r\n" }

func TestResponses(t *testing.T) {
	long := strings.Repeat("0123456789", 400)
	var pulled strings.Builder
	for i := 1; i <= 20; i++ {
		fmt.Fprintf(&pulled, "%s%d\n", strings.Repeat("x", 700), i)
	}
	tests := []struct {
		name, request string
		status        string
		length        int64 // -1: not given
		chunked       bool
		body          string
	}{
		{"length is known", get("/"), "200 OK", 5, false, "hello"},
		{"length is not known", get("/stream"), "200 OK", -1, true, "one two 3 four"},
		{"HTTP/1.0, length is known", "GET / HTTP/1.0\r\n\r\n", "200 OK", 5, false, "hello"},
		{"HTTP/1.0, length is not known", "GET /stream HTTP/1.0\r\n\r\n", "200 OK", -1, false, "one two 3 four"},
		{"HEAD, length is known", "HEAD / HTTP/1.1\r\n\r\n", "200 OK", 5, false, ""},
		{"HEAD, length is not known", "HEAD /stream HTTP/1.1\r\n\r\n", "200 OK", -1, true, ""},
		{"HEAD, pulled", "HEAD /pull HTTP/1.1\r\n\r\n", "200 OK", -1, true, ""},
		{"the first code counts", get("/code"), "404 Not Found", -1, true, "gone"},
		{"a code without a phrase", get("/odd"), "299 ", 1, false, "x"},
		{"no data at all", get("/empty"), "200 OK", 0, false, ""},
		{"204", get("/none"), "204 No Content", 0, false, ""},
		{"304", get("/unchanged"), "304 Not Modified", 0, false, ""},
		{"headers", get("/headers"), "200 OK", -1, true, "body"},
		{"longer than the send window", get("/long"), "200 OK", 4000, false, long},
		{"pulled", get("/pull"), "200 OK", -1, true, pulled.String()},
		{"pulled, HTTP/1.0", "GET /pull HTTP/1.0\r\n\r\n", "200 OK", -1, false, pulled.String()},
		{"later", get("/later"), "200 OK", -1, true, "slow answer"},
		{"before the headers", get("/early"), "200 OK", 5, false, "early"},
	}
	b := devtest.New(t, program)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b.Use(t)
			r := exchange(t, b, test.request)
			if r.Status != test.status {
				t.Errorf("status %q, want %q", r.Status, test.status)
			}
			if !r.ProtoAtLeast(1, 1) || !r.Close {
				t.Errorf("%s, close %v", r.Proto, r.Close)
			}
			if r.ContentLength != test.length || (r.TransferEncoding != nil) != test.chunked {
				t.Errorf("length %d, encoding %q; want %d, chunked %v", r.ContentLength, r.TransferEncoding, test.length, test.chunked)
			}
			if r.body != test.body {
				t.Errorf("body %s, want %s", devtest.Short(r.body), devtest.Short(test.body))
			}
			if test.name == "headers" {
				if got := r.Header; len(got) != 2 || got.Get("X-One") != "1" || got.Get("X-Two") != "a b: c" {
					t.Errorf("headers %v", got)
				}
				if want := "true\ttrue\ttrue\nnil\nnil\n"; !strings.HasSuffix(r.log, "|body=0\n"+want) {
					t.Errorf("send_header: printed %q, want %q", r.log, want)
				}
			}
		})
	}
}

// send_header is there until data are sent: not only by setting the code, and not for
// another response.
func TestSendHeader(t *testing.T) {
	b := devtest.New(t, `
require("httpserver").createServer(80, function(req, res)
  req.ondata = function()
    local early = res.send_header
    res:send(nil, 404)
    print(early == res.send_header, res:send_header("X-One", 1))
    if req.url == "/" then res:send("") else res:finish(nil) end
    print(res.send_header, early(res, "X-Late", 1), pcall(function() res:send_header("X-Late", 1) end))
    res:finish("body")
  end
end)
`)
	want := "true\ttrue\nnil\tnil\tfalse\tinit.lua:8: attempt to call method 'send_header' (a nil value)\n"
	for _, path := range []string{"/", "/at-once", "/"} {
		r := exchange(t, b, get(path))
		if r.StatusCode != 404 || r.Header.Get("X-One") != "1" || r.Header.Get("X-Late") != "" || r.log != want {
			t.Errorf("%s: %q %v, printed %q, want %q", path, r.Status, r.Header, r.log, want)
		}
	}
}

// A program that has waited with its answer until the client is gone, or was refused,
// is not punished for it.
func TestSendHeaderTooLate(t *testing.T) {
	b := devtest.New(t, `
require("httpserver").createServer(80, function(req, res)
  tmr.create():alarm(2000, tmr.ALARM_SINGLE, function() print(res:send_header("X-Late", 1)) res:finish("late") end)
end)
`)
	p := b.Dial(80)
	p.Send("GET / HTTP/1.1\r\n\r\n")
	p.Abort()
	b.Dial(80).Send("GET / HTTP/1.1\r\nwrong\r\n\r\n")
	b.Output()
	b.Run(devtest.Quiet)
	if got := b.Output(); got != "nil\nnil\n" {
		t.Errorf("printed %q", got)
	}
}

// requests are well-formed, with what the program hears of each.
var requests = []struct{ name, text, log string }{
	{"plain", get("/"), "GET|/|host=device|body=0"},
	{"no headers", "GET / HTTP/1.1\r\n\r\n", "GET|/|body=0"},
	{"bare line feeds", "GET / HTTP/1.1\nA: b\n\n", "GET|/|a=b|body=0"},
	{"empty lines before", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET|/|body=0"},
	{"header forms", "GET /?q=%20#/ HTTP/1.1\r\nX-A:1\r\nx-b: \t 2  \r\nC:\r\nX_d!: a:b\tc\r\nE: \xfc\r\n\r\n",
		"GET|/?q=%20#/|x-a=1|x-b=2|c=|x_d!=a:b\tc|e=\xfc|body=0"},
	{"any method", "M-SEARCH / HTTP/1.1\r\n\r\n", "M-SEARCH|/|body=0"},
	{"absolute form", "GET http://device/ HTTP/1.1\r\n\r\n", "GET|http://device/|body=0"},
	{"body", "POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello\r\nworl", "POST|/|content-length=11|body=11"},
	{"empty body", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST|/|content-length=0|body=0"},
	{"same length twice", "PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", "PUT|/|content-length=2|content-length=2|body=2"},
	{"chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00c ; x=\"y\"\r\n\r\nabc\r\ndef\r\n\r\n0\r\nTrailer: x\r\n\r\n",
		"POST|/|transfer-encoding=Chunked|body=17"},
	{"no chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST|/|transfer-encoding=chunked|body=0"},
	{"body that was answered early", "POST /early HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "POST|/early|content-length=5|body=5"},
}

func TestSegmentation(t *testing.T) {
	b := devtest.New(t, program)
	check := func(t *testing.T, log string, segments ...string) {
		t.Helper()
		r := exchange(t, b, segments...)
		if r.StatusCode != 200 || r.log != log+"\n" {
			t.Fatalf("%q: status %q, heard %q, want %q", segments, r.Status, r.log, log)
		}
	}
	for _, req := range requests {
		t.Run(req.name, func(t *testing.T) {
			b.Use(t)
			check(t, req.log, req.text)
			for i := 1; i < len(req.text); i++ {
				check(t, req.log, req.text[:i], req.text[i:])
			}
			check(t, req.log, strings.Split(req.text, "")...)
			check(t, req.log, req.text+"junk: junk\r\n\r\nGET / HTTP/1.1\r\n\r\n")
		})
	}
}

func TestBadRequests(t *testing.T) {
	const post = "POST / HTTP/1.1\r\n"
	tests := []struct {
		name, text string
		status     string
	}{
		{"no request", "hello\r\n", "400 Bad Request"},
		{"HTTP/0.9", "GET /\r\n", "400 Bad Request"},
		{"two spaces", "GET  / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"other version", "GET / HTTP/2.0\r\n\r\n", "400 Bad Request"},
		{"binary", "\x16\x03\x01\x02\x00\x01\x00\r\n", "400 Bad Request"},
		{"zero byte in the path", "GET /\x00 HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", "400 Bad Request"},
		{"no name", "GET / HTTP/1.1\r\n: x\r\n\r\n", "400 Bad Request"},
		{"space before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400 Bad Request"},
		{"folded header", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "400 Bad Request"},
		{"zero byte in a header", "GET / HTTP/1.1\r\nA: \x00\r\n\r\n", "400 Bad Request"},
		{"carriage return in a header", "GET / HTTP/1.1\r\nA: b\rc: d\r\n\r\n", "400 Bad Request"},
		{"answered already", "GET /early HTTP/1.1\r\nHost\r\n\r\n", "400 Bad Request"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nhost: b\r\n\r\n", "400 Bad Request"},
		{"the same host twice", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400 Bad Request"},
		{"length is no number", post + "Content-Length: five\r\n\r\n", "400 Bad Request"},
		{"length is negative", post + "Content-Length: -5\r\n\r\n", "400 Bad Request"},
		{"lengths differ", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "400 Bad Request"},
		{"length and chunks", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
		{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
		{"other coding", post + "Transfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"},
		{"chunk size is no number", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "400 Bad Request"},
		{"chunk size is empty", post + "Transfer-Encoding: chunked\r\n\r\n\r\n", "400 Bad Request"},
		{"chunk size is followed by junk", post + "Transfer-Encoding: chunked\r\n\r\n5 x\r\n", "400 Bad Request"},
		{"chunk is too long", post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", "400 Bad Request"},
		{"request line too long", "GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\r\n\r\n", "414 URI Too Long"},
		{"empty lines without end", strings.Repeat("\r\n", 3000), "414 URI Too Long"},
		{"header too long", "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 5000) + "\r\n\r\n", "431 Request Header Fields Too Large"},
		{"headers too many", "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 1000) + "\r\n", "431 Request Header Fields Too Large"},
		{"headers too many, answered already", "GET /early HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 1000) + "\r\n", "431 Request Header Fields Too Large"},
		{"body too long", post + "Content-Length: 8388609\r\n\r\n", "413 Content Too Large"},
		{"length beyond all numbers", post + "Content-Length: " + strings.Repeat("9", 400) + "\r\n\r\n", "413 Content Too Large"},
		{"chunks too long", post + "Transfer-Encoding: chunked\r\n\r\n800001\r\n", "413 Content Too Large"},
		{"chunk beyond all numbers", post + "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n", "400 Bad Request"},
		{"chunk extension too long", post + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("x", 5000), "431 Request Header Fields Too Large"},
	}
	b := devtest.New(t, program)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b.Use(t)
			for _, segments := range [][]string{{test.text}, split(test.text, 7), split(test.text, 1000)} {
				r := exchange(t, b, segments...)
				if r.Status != test.status || r.body != "" || !r.Close {
					t.Errorf("in %d segments: status %q, body %q, close %v; want %q", len(segments), r.Status, r.body, r.Close, test.status)
				}
				if strings.Contains(r.log, "body=") {
					t.Errorf("the program was told of the end of the body: %q", r.log)
				}
			}
		})
	}
}

// split cuts s into pieces of n bytes.
func split(s string, n int) []string {
	var out []string
	for ; len(s) > n; s = s[n:] {
		out = append(out, s[:n])
	}
	return append(out, s)
}

func TestLimitsCanBeChanged(t *testing.T) {
	b := devtest.New(t, program+`http.max_body = 10 http.max_head = 100`)
	if r := exchange(t, b, "POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello world"); r.StatusCode != 413 {
		t.Errorf("body of 11 bytes: %q", r.Status)
	}
	if r := exchange(t, b, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello worl"); r.StatusCode != 200 {
		t.Errorf("body of 10 bytes: %q", r.Status)
	}
	if r := exchange(t, b, "GET / HTTP/1.1\r\nA: "+strings.Repeat("x", 100)+"\r\n\r\n"); r.StatusCode != 431 {
		t.Errorf("head of 120 bytes: %q", r.Status)
	}
}

func TestContinue(t *testing.T) {
	const (
		head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
		cont = "HTTP/1.1 100 Continue\r\n\r\n"
	)
	b := devtest.New(t, program)
	p := b.Dial(80)
	p.Send(head)
	if got := p.Data.String(); got != cont {
		t.Fatalf("after the headers: %q, want %q", got, cont)
	}
	p.Send("hello")
	b.Run(devtest.Quiet)
	if r := parse(t, "POST", p.Data.String()); r.StatusCode != 200 || r.body != "hello" || !p.Closed || p.Reset {
		t.Errorf("after the body: %q %q, closed %v, reset %v", r.Status, r.body, p.Closed, p.Reset)
	}

	// Who does not want the body gets none, and the program hears of its end.
	r := exchange(t, b, strings.Replace(head, "/", "/early", 1))
	if r.StatusCode != 200 || r.body != "early" || !strings.HasSuffix(r.log, "|body=0\n") {
		t.Errorf("answered before: %q %q, heard %q", r.Status, r.body, r.log)
	}
	// HTTP/1.0 knows no 100.
	if r := exchange(t, b, strings.Replace(head, "1.1", "1.0", 1)+"hello"); r.StatusCode != 200 {
		t.Errorf("HTTP/1.0: %q", r.Status)
	}
}
