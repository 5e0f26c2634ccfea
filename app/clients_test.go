package app

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Programs that are clients, against servers of Go's own library on this computer.
func TestClientsOfRealServers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Agent", r.UserAgent())
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.Method, " ", r.Header.Get("X-Own"))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", len(body))
	})
	mux.HandleFunc("/chunked", func(w http.ResponseWriter, _ *http.Request) {
		for range 40 {
			fmt.Fprint(w, strings.Repeat("0123456789", 10))
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 20000)) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/get", http.StatusFound) })
	mux.HandleFunc("/ws", serveWebsocket)
	server := httptest.NewServer(mux)
	defer server.Close()
	base := strings.Replace(strings.TrimPrefix(server.URL, "http://"), "127.0.0.1", "host.internal", 1)

	dir := write(t, map[string]string{project.FileName: "[firmware]\nmodules = [\"http\", \"websocket\", \"tmr\", \"wifi\"]\n", "init.lua": `
		local base = "` + base + `"
		local requests = {
			function(cb) http.get("http://" .. base .. "/get", "X-Own: mine\r\n", cb) end,
			function(cb) http.post("http://" .. base .. "/echo", nil, ("b"):rep(2000), cb) end,
			function(cb) http.request("http://" .. base .. "/echo", "PATCH", nil, "abc", cb) end,
			function(cb) http.get("http://" .. base .. "/chunked", nil, cb) end,
			function(cb) http.get("http://" .. base .. "/large", nil, cb) end,
			function(cb) http.get("http://" .. base .. "/moved", nil, cb) end,
		}
		local function socket()
			local ws = websocket.createClient()
			ws:on("connection", function(ws) ws:send("hello") end)
			ws:on("receive", function(ws, text, op)
				print("ws", #text, op)
				if #text < 4000 then
					tmr.create():alarm(100, tmr.ALARM_SINGLE, function() ws:send(text:sub(1, 1), 2) end)
				else
					ws:close()
				end
			end)
			ws:on("close", function(_, code) print("ws closed", code) end)
			ws:connect("ws://" .. base .. "/ws")
		end
		local function go(n)
			if not requests[n] then return socket() end
			requests[n](function(code, body, headers)
				print(n, code, body and (#body < 50 and body or #body), headers and headers["x-agent"])
				go(n + 1)
			end)
		end
		tmr.create():alarm(5000, tmr.ALARM_SINGLE, function() go(1) end)`})
	a, err := New(Options{Dir: dir, Net: "host", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var out strings.Builder
	a.World.Subscribe(func(e world.Event) {
		if d, ok := e.Data.(event.Output); ok && a.World.Clock.Now() > clock.At(4*clock.Second) {
			out.WriteString(d.Text)
		}
	})
	a.PowerOn()
	a.World.Clock.SetSpeed(clock.Max)
	a.World.Clock.Run(clock.At(60*clock.Second), false)
	want := `1	418	GET mine	ESP8266
2	200	POST 2000	nil
3	200	PATCH 3	nil
4	200	4000	nil
HTTP client: Response too long (N)
5	-1	nil	nil
6	418	GET 	ESP8266
ws	5	1
ws	4000	2
ws closed	-99
`
	got := out.String()
	if _, rest, ok := strings.Cut(got, "too long ("); ok { // where the limit was crossed depends on the host
		n, _, _ := strings.Cut(rest, ")")
		got = strings.Replace(got, "too long ("+n, "too long (N", 1)
	}
	if got = strings.ReplaceAll(got, "\r\n", "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// serveWebsocket sends text back, and 4000 bytes for each binary message.
func serveWebsocket(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		clienttrace.AcceptKey(r.Header.Get("Sec-WebSocket-Key")))
	rw.Flush()
	for {
		op, data, err := readFrame(rw.Reader)
		if err != nil || op == 8 {
			return
		}
		if op == 2 {
			data = make([]byte, 4000)
		}
		head := []byte{0x80 | op, byte(len(data))}
		if len(data) > 125 {
			head = []byte{0x80 | op, 126, byte(len(data) >> 8), byte(len(data))}
		}
		rw.Write(append(head, data...))
		rw.Flush()
	}
}

// readFrame reads one masked frame of less than 126 bytes.
func readFrame(r *bufio.Reader) (op byte, data []byte, err error) {
	var head [6]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	data = make([]byte, head[1]&0x7f)
	_, err = io.ReadFull(r, data)
	for i := range data {
		data[i] ^= head[2+i%4]
	}
	return head[0] & 0xf, data, err
}
