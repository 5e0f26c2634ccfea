package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/internal/cputime"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// handler is the same program twice: for the device's httpserver and for
// gopher-lua behind Go's net/http.
const handler = `
  local n = 0
  function handle(method, url)
    n = n + 1
    return "<html><body><p>" .. method .. " " .. url .. "</p><p>request " .. n .. "</p></body></html>"
  end`

// BenchmarkServe measures requests over loopback through gateway, wire, TCP/IP
// stack and Lua, one after another, at --speed max.
func BenchmarkServe(b *testing.B) {
	dir := write(b, map[string]string{"init.lua": handler + `
require("httpserver").createServer(80, function(req, res)
  req.ondata = function(self, chunk)
    if not chunk then res:finish(handle(req.method, req.url)) end
  end
end)`})
	a, _ := start(b, Options{Dir: dir, Publish: []string{"127.0.0.1:0:80"}, CPU: "host", Seed: 1}, clock.Max)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	get(b, client, url(b, a))
	at := url(b, a)
	measure(b, func(i int) { get(b, client, fmt.Sprintf("%s/%d", at, i%10)) })
}

// BenchmarkServeNetHTTP is the same handler on the same host without a device.
func BenchmarkServeNetHTTP(b *testing.B) {
	L := lua.NewState()
	defer L.Close()
	if err := L.DoString(handler); err != nil {
		b.Fatal(err)
	}
	lock := make(chan struct{}, 1)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock <- struct{}{}
		defer func() { <-lock }()
		err := L.CallByParam(lua.P{Fn: L.GetGlobal("handle"), NRet: 1, Protect: true}, lua.LString(r.Method), lua.LString(r.URL.Path))
		if err != nil {
			b.Error(err)
		}
		_, _ = io.WriteString(w, L.Get(-1).String())
		L.Pop(1)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	measure(b, func(i int) { get(b, client, fmt.Sprintf("http://%s/%d", l.Addr(), i%10)) })
}

// measure runs the requests and reports what each takes of the CPU, client included.
func measure(b *testing.B, request func(i int)) {
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cputime.Used()
	for i := 0; i < b.N; i++ {
		request(i)
	}
	b.ReportMetric(float64((cputime.Used()-cpu).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func get(b *testing.B, c *http.Client, url string) {
	resp, err := c.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || len(body) < 40 {
		b.Fatalf("status %d, %d bytes, %v", resp.StatusCode, len(body), err)
	}
}
