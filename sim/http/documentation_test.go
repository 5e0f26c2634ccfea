package http_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The page's examples (fw: docs/modules/http.md). api.test says what it was asked, moves
// /old to /new, and counts down from /loop20 to /loop0. Requests with TLS are tls's.
func TestDocumentation(t *testing.T) {
	const show = `local function show(code, body, headers) if code < 0 then print("failed", code) else print(code, body, headers and headers["content-type"]) end end `
	docpage.Page{
		Module: "http", With: "sjson node",
		Around: func(t testing.TB, x *chiptest.Lab) {
			docpage.ServeNames(t, x, "api.test", "192.168.1.20")
			if _, err := docpage.Host(x, "192.168.1.20").Listen(80, func(c *peer.Conn) {
				got := ""
				c.OnData = func(data []byte) {
					got += string(data)
					head, body, whole := strings.Cut(got, "\r\n\r\n")
					n := 0
					if _, after, ok := strings.Cut(head, "Content-Length: "); ok {
						fmt.Sscan(after, &n)
					}
					if whole && len(body) >= n {
						c.Write([]byte(answer(head, body)))
						c.Close()
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		},
		Examples: []docpage.Example{
			{Of: "http.delete()", What: "example", Lua: show + `print((http.delete("http://api.test/delete", "", "", show)))`, Want: "nil\n200\tDELETE /delete []\ttext/plain"},
			{Of: "http.get()", What: "example", Lua: show + `http.get("http://api.test/ip", nil, show)`, Want: "200\tGET /ip []\ttext/plain"},
			{Of: "http.get()", What: "further headers; Host and User-Agent may be others, Connection is there twice", Lua: show + `
				http.get("http://api.test/headers", "X-Key: 5\r\nUser-Agent: lamp\r\nHost: other.test\r\nConnection: keep-alive\r\n", show)`,
				Want: "200\tConnection: close; X-Key: 5; User-Agent: lamp; Host: other.test; Connection: keep-alive\ttext/plain"},
			{Of: "http.get()", What: "redirects are followed", Lua: show + `http.get("http://api.test/old", nil, show)`, Want: "200\tGET /new []\ttext/plain"},
			{Of: "http.get()", What: "twenty of them at most", For: 10 * clock.Second, Lua: show + `http.get("http://api.test/loop25", nil, show)`,
				Want: "HTTP client: Too many redirections\nhint: http request 21: code -1: 20 redirections were followed\nfailed\t-1"},
			{Of: "http.get()", What: "what fails is -1: no such name, nobody there", For: 30 * clock.Second, Lua: show + `
				http.get("http://nowhere.test/", nil, function(code) print(code) node.task.post(function() http.get("http://192.168.1.20:81/", nil, show) end) end)`,
				Want: "HTTP client: DNS failed for nowhere.test\n" +
					"hint: http request 1: code -1: \"nowhere.test\": the name has no address (7 s without an answer that has one)\n-1\n" +
					"HTTP client: Disconnected with error: -9\nhint: http request 2: code -1: the connection failed (-9): refused or reset by the server. Does it listen at this address and port, and does the program use TLS exactly where it does?\n" +
					"HTTP client: Connection timeout\nfailed\t-1"},
			{Of: "http.post()", What: "example", Lua: show + `http.post("http://api.test/post", "Content-Type: application/json\r\n", '{"lamp":"on"}', show)`,
				Want: "200\tPOST /post [{\"lamp\":\"on\"}]\ttext/plain"},
			{Of: "http.put()", What: "example", Lua: show + `http.put("http://api.test/put", "Content-Type: text/plain\r\n", "Hello!\nHow are you?\n", show)`, Want: "200\tPUT /put [Hello!\nHow are you?\n]\ttext/plain"},
			{Of: "http.request()", What: "example", Lua: show + `http.request("http://api.test", "HEAD", "", "", show)`, Want: "200\t\ttext/plain"},
			{Of: "http.request()", What: "any method", Lua: show + `http.request("http://api.test/x?a=b", "PATCH", nil, "c", show)`, Want: "200\tPATCH /x?a=b [c]\ttext/plain"},
		},
	}.Run(t)
}

// answer is what the server says.
func answer(head, body string) string {
	lines := strings.Split(head, "\r\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	path, _, _ := strings.Cut(rest, " ")
	if n := 0; path == "/old" {
		return "HTTP/1.1 302 Found\r\nLocation: /new\r\n\r\n"
	} else if _, err := fmt.Sscanf(path, "/loop%d", &n); err == nil && n > 0 {
		return fmt.Sprintf("HTTP/1.1 301 Moved\r\nLocation: http://api.test/loop%d\r\n\r\n", n-1)
	}
	text := fmt.Sprintf("%s %s [%s]", method, path, body)
	if path == "/headers" {
		text = strings.Join(lines[1:], "; ")
	}
	if method == "HEAD" {
		text = ""
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n%s", text)
}
