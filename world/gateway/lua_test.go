package gateway_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	luanet "github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
)

// program is what people write: it joins a network of its author's, and serves.
// GET /n answers with n bytes, POST with the length of the body.
const program = `
wifi.setmode(wifi.STATION)
wifi.sta.config{ssid = "at home", pwd = "correct horse"}
net.createServer(30):listen(80, function(c)
  local left, got, length = nil, 0, nil
  local line = string.rep("0123456789abcdef", 64)
  local function more(c)
    if left == 0 then c:close() return end
    local n = left < 1024 and left or 1024
    left = left - n
    c:send(n == 1024 and line or line:sub(1, n))
  end
  c:on("sent", more)
  c:on("receive", function(c, data)
    if length then
      got = got + #data
    else
      local size = data:match("^GET /(%d+)")
      if size then
        left = tonumber(size)
        c:send("HTTP/1.0 200 OK\r\nContent-Length: " .. size .. "\r\n\r\n")
        return
      end
      length = tonumber(data:match("Content%-Length: (%d+)"))
      got = #data:match("\r\n\r\n(.*)")
    end
    if got == length then
      left = 0
      c:send("HTTP/1.0 200 OK\r\n\r\ngot " .. got)
    end
  end)
end)`

func TestLuaServer(t *testing.T) {
	board, err := boards.Load(boards.Default)
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(1)
	fs := flash.New(board.FS.Size)
	if err := fs.WriteFile("init.lua", []byte(program)); err != nil {
		t.Fatal(err)
	}
	var trouble strings.Builder // the world's until it has stopped
	w.Subscribe(func(e world.Event) {
		switch e.Data.(type) {
		case event.Panic, event.LuaError, event.Memory:
			fmt.Fprintf(&trouble, "%+v\n", e)
		}
	})
	g := gateway.New(w, gateway.Options{Policy: gateway.Isolated})
	d := device.New(w, device.Config{Board: board, Flash: fs, HostCPU: true, Modules: []device.Module{luanet.Module, wifi.Module}})
	d.PowerOn()
	w.Clock.SetSpeed(20)
	done := make(chan struct{})
	go func() {
		w.Clock.Run(clock.Forever, false)
		close(done)
	}()
	defer func() {
		g.Close()
		w.Clock.Stop()
		<-done
		if trouble.Len() > 0 {
			t.Error(trouble.String())
		}
	}()
	addr, err := g.Publish(hostnet.Publication{Device: d.Name(), Port: 80})
	if err != nil {
		t.Fatal(err)
	}

	want := bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
	if got := request(t, addr.String(), fmt.Sprintf("GET /%d HTTP/1.0\r\n\r\n", len(want)), nil); sha256.Sum256(got) != sha256.Sum256(want) {
		t.Errorf("%d bytes came down, and not those sent", len(got))
	}
	body := make([]byte, 256<<10)
	if got := request(t, addr.String(), fmt.Sprintf("POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n", len(body)), body); string(got) != fmt.Sprintf("got %d", len(body)) {
		t.Errorf("upload answered %q", got)
	}
	for i := range 50 {
		if got := request(t, addr.String(), fmt.Sprintf("GET /%d HTTP/1.0\r\n\r\n", i), nil); len(got) != i {
			t.Fatalf("request %d: %d bytes", i, len(got))
		}
	}
}

// request does one exchange on a connection of its own.
func request(t *testing.T, addr, head string, body []byte) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	go func() {
		io.WriteString(c, head)
		c.Write(body)
	}()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
