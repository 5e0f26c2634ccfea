package coap

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	lib "github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/message/pool"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// lab is a device 192.168.1.10 and a host 192.168.1.20 that speaks CoAP as the library
// go-coap writes and reads it.
type lab struct {
	*chiptest.Lab
	t    testing.TB
	udp  *peer.UDP
	got  []*pool.Message
	from netip.AddrPort // of the last one
}

var (
	deviceAddr = netip.MustParseAddrPort("192.168.1.10:5683")
	messages   = pool.New(0, 0)
)

// newLab starts a device that runs src once.
func newLab(t testing.TB, src string) *lab {
	t.Helper()
	w := &lab{Lab: chiptest.NewLab(t, "t.lua", src, device.Config{Modules: []device.Module{Module, tmr.Module}}), t: t}
	host := peer.New(w.Wire, "coap", netip.MustParsePrefix("192.168.1.20/24"))
	var err error
	if w.udp, err = host.ListenUDP(defaultPort); err != nil {
		t.Fatal(err)
	}
	w.udp.OnData = func(data []byte, from netip.AddrPort) {
		m := messages.AcquireMessage(context.Background())
		if _, err := m.UnmarshalWithDecoder(coder.DefaultCoder, data); err != nil {
			t.Errorf("the library does not understand %x: %v", data, err)
			return
		}
		w.got, w.from = append(w.got, m), from
	}
	w.D.PowerOn()
	w.RunLog(clock.Second)
	return w
}

func (w *lab) send(m *pool.Message, to netip.AddrPort) {
	w.t.Helper()
	data, err := m.MarshalWithEncoder(coder.DefaultCoder)
	if err != nil {
		w.t.Fatal(err)
	}
	w.udp.SendTo(data, to)
}

// ask sends a request and returns the answer: its code, its content and its text.
func (w *lab) ask(code codes.Code, path, payload string) string {
	w.t.Helper()
	m := messages.AcquireMessage(context.Background())
	m.SetType(lib.Confirmable)
	m.SetCode(code)
	m.SetMessageID(7)
	m.SetToken(lib.Token("tok"))
	m.MustSetPath(path)
	if payload != "" {
		m.SetBody(strings.NewReader(payload))
	}
	w.got = nil
	w.send(m, deviceAddr)
	w.RunLog(clock.Second / 10)
	if len(w.got) == 0 {
		return "nothing"
	}
	a := w.got[0]
	if a.Type() != lib.Acknowledgement || a.MessageID() != 7 || string(a.Token()) != "tok" {
		w.t.Errorf("answer %v", a)
	}
	format := -1
	for _, o := range a.Options() {
		if o.ID == lib.ContentFormat {
			format = int(o.Value[0])<<8 | int(o.Value[1])
		}
	}
	body, _ := a.ReadBody()
	return fmt.Sprintf("%v %d %s", a.Code(), format, body)
}

// The examples of the documentation, asked by a client of the library's.
func TestServer(t *testing.T) {
	w := newLab(t, `cs = coap.Server()
		cs:listen(5683)
		myvar = 1
		cs:var("myvar")
		all = '[1,2,3]'
		cs:var("all", coap.JSON)
		function myfun(payload)
			print("myfun called", payload)
			return "hello"
		end
		cs:func("myfun")`)
	for _, tt := range []struct {
		code          codes.Code
		path, payload string
		want          string
	}{
		{codes.GET, "/v1/v/myvar", "", "Content 0 1"},
		{codes.GET, "/v1/v/all", "", "Content 50 [1,2,3]"},
		{codes.GET, "/v1/v/other", "", "Content 0 "},
		{codes.POST, "/v1/f/myfun", "x", "Content 0 hello"},
		{codes.POST, "/v1/f/other", "x", "NotFound 65535 "},
		{codes.POST, "/v1/c", "myvar = 2", "Content 0 "},
		{codes.GET, "/v1/v/myvar", "", "Content 0 2"},
		{codes.GET, "/.well-known/core", "", "Content 40 </.well-known/core>;ct=40,</v1/v/myvar>;ct=0,</v1/v/all>;ct=0,</v1/id>;ct=0"},
		{codes.PUT, "/v1/v/myvar", "3", "NotFound 65535 "},
		{codes.GET, "/v1/v/" + strings.Repeat("x", 255), "", "Content 0 "},
	} {
		if got := w.ask(tt.code, tt.path, tt.payload); got != tt.want {
			t.Errorf("%v %s: %q, want %q", tt.code, tt.path, got, tt.want)
		}
	}
	id := w.D.ChipID()
	if got, want := w.ask(codes.GET, "/v1/id", ""), fmt.Sprintf("Content 0 %s", []byte{byte(id), byte(id >> 8), byte(id >> 16), 0}); got != want {
		t.Errorf("id %q, want %q", got, want)
	}
}

// Requests as a server of the library's reads them; one that is answered is not repeated,
// and its memory comes back.
func TestClient(t *testing.T) {
	w := newLab(t, `cc = coap.Client()
		function ask() cc:put("coap://192.168.1.20/a%20b/c?d=e&f", "hello") end`)
	w.RunLog(clock.Second)
	ask := w.D.VM.RawGetString(w.D.VM.Globals(), "ask")
	run := func() { w.D.PostTask(0, func() { w.D.Run("ask", ask) }) }
	free := w.D.VM.FreeHeap()
	run()
	w.RunLog(clock.Second)
	if len(w.got) != 1 {
		t.Fatalf("%d requests", len(w.got))
	}
	m := w.got[0]
	path, _ := m.Path()
	queries, _ := m.Queries()
	body, _ := m.ReadBody()
	if got, want := strings.TrimSuffix(fmt.Sprintln(m.Type(), m.Code(), path, queries, string(body), string(m.Token())), "\n"),
		"Confirmable PUT /a b/c [d=e f] hello node"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	a := messages.AcquireMessage(context.Background())
	a.SetType(lib.Acknowledgement)
	a.SetCode(codes.Changed)
	a.SetMessageID(m.MessageID())
	a.SetToken(m.Token())
	w.send(a, w.from)
	w.RunLog(60 * clock.Second)
	if len(w.got) != 1 {
		t.Errorf("the request is repeated: %d in all", len(w.got))
	}
	w.D.VM.Collect()
	if f := w.D.VM.FreeHeap(); f < free {
		t.Errorf("free heap %d, then %d", free, f)
	}
}

// What the firmware does wrong, and what is said of it.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name, src     string
		code          codes.Code // of a request
		path, payload string
		want          string
	}{
		{"a function that returns a table", `function f() return {} end cs:func("f")`, codes.POST, "/v1/f/f", "",
			"hint: coap never ends with the function f, which has returned a table, and which the firmware calls for ever: return text, a number or nil\n" +
				"hint: the program has kept the CPU for 2.4 s without a break or tmr.wdclr: the watchdog resets the device\nreset: software watchdog reset\n"},
		{"a function that fails", `function f() error("bad", 0) end cs:func("f")`, codes.POST, "/v1/f/f", "",
			"PANIC: unprotected error in call to Lua API (bad)\n"},
		{"too much", `function f() return ("x"):rep(1025) end cs:func("f")`, codes.POST, "/v1/f/f", "",
			"PANIC: unprotected error in call to Lua API (return string:<MAX_PAYLOAD_SIZE)\n"},
		{"a name that is gone", `v1 = 1 cs:var(table.concat{"v", "2"}) tmr.create():alarm(100, 0, function() collectgarbage() end)`, codes.GET, "/v1/v/v2", "",
			"hint: coap looks for the name \"v2\" in freed memory: nothing of the program holds it any more. Keep the names that are given to server:var and server:func in a table\n"},
		{"a command that fails", ``, codes.POST, "/v1/c", "x(", "hint: a command that came by coap has failed, which the firmware tells nobody: [string \"x(\"]:1: unexpected symbol near '<eof>'\n"},
		{"a long list", `keep = {} for i = 1, 60 do keep[i] = "variable" .. i cs:var(keep[i]) end`, codes.GET, "/.well-known/core", "",
			"hint: the list of coap's variables has 1470 bytes and overflows the firmware's buffer of 1024 (exception, the device resets)\nreset: exception reset\n"},
		{"a name", `cc = coap.Client() tmr.create():alarm(1500, 0, function() cc:get(coap.NON, "coap://host.test/") end)`, 0, "", "",
			"hint: coap does not look names up: a request to \"host.test\" goes to 255.255.255.255. Give an address\n"},
		{"a long request", `cc = coap.Client() tmr.create():alarm(1500, 0, function() cc:get(coap.NON, "coap://192.168.1.20/", ("x"):rep(600)) end)`, 0, "", "",
			"hint: coap does not send a request of more than 576 bytes, and loses its memory\n"},
		{"a client that is gone", `coap.Client():get("coap://192.168.1.20/") collectgarbage()`, 0, "", "",
			"hint: a coap client was collected while one of its requests is repeated: keep it in a global variable (exception, the device resets)\nreset: exception reset\n"},
		{"many options", `cc = coap.Client() tmr.create():alarm(1500, 0, function() cc:get(coap.NON, "coap://192.168.1.20" .. ("/x"):rep(16)) end)`, 0, "", "",
			"hint: a coap request has 17 options, parts of its path and query among them, and the firmware has room for 16 (exception, the device resets)\nreset: exception reset\n"},
		{"no answer", `cc = coap.Client() cc:get("coap://192.168.1.99/")`, 0, "", "",
			"hint: coap gives a request to 192.168.1.99:5683 up: there was no answer. Nothing tells the program\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newLab(t, "cs = coap.Server() cs:listen(5683) "+tt.src)
			if tt.code != 0 {
				m := messages.AcquireMessage(context.Background())
				m.SetCode(tt.code)
				m.SetType(lib.NonConfirmable)
				m.SetMessageID(1)
				m.MustSetPath(tt.path)
				m.SetBody(strings.NewReader(tt.payload))
				w.send(m, deviceAddr)
			}
			if got := w.RunLog(120 * clock.Second); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// What a URL is to the firmware.
func TestURIs(t *testing.T) {
	for url, want := range map[string]string{
		"coap://1.2.3.4":          `1.2.3.4 5683 "" ""`,
		"COAPS://H.Test:1/a?b":    `h.test 1 "a" "b"`,
		"coap://h:70000/":         `h 4464 "" ""`,
		"coap://h:1?q":            `h 1 "" "q"`,
		"coap://h?q":              "wrong",
		"coap://h:/?":             `h 5683 "" ""`,
		"coap://":                 "wrong",
		"coap://[::1]/x":          `::1 5683 "x" ""`,
		"coap://[]":               "wrong",
		"coap://[":                "wrong",
		"coap:/h":                 "wrong",
		"/a/b?c":                  ` 5683 "a/b" "c"`,
		"":                        "wrong",
		"http://h":                "wrong",
		"coap://h/..a/./b//%41%4": `h 5683 "..a/./b//%41%4" ""`,
	} {
		u, ok := splitURI(url)
		got := fmt.Sprintf("%s %d %q %q", u.host, u.port, u.path, u.query)
		if !ok {
			got = "wrong"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	u := uri{host: "h", port: defaultPort, path: "..a/./b//%41b%4/c%zz/%C3%a4"}
	var got []string
	for _, o := range u.options() {
		got = append(got, fmt.Sprintf("%d %s", o.number, o.value))
	}
	if got, want := strings.Join(got, ","), "3 h,11 b,11 ä"; got != want {
		t.Errorf("options %q, want %q", got, want)
	}
}

// FuzzDatagram throws datagrams at a server and at a client with an open request. Nothing
// may panic, and the server goes on, unless it has run what came.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte("\x42\x01\x124tk\xb2v1\x01v\x05myvar"))
	f.Add([]byte("\x42\x02\x124tk\xb2v1\x01f\x02fn\xffx"))
	f.Add([]byte("\x42\x02\x124tk\xb2v1\x01c\xffreturn 5"))
	f.Add([]byte("\x40\x01\x00\x01\xbb.well-known\x04core"))
	f.Add([]byte("\x64\x45\x04\x27node\xffhi"))
	f.Add([]byte("\x70\x00\x04\x27"))
	f.Add([]byte("\x4f\x01\x00\x01\xee\xff\xff\xff\xffxx"))
	f.Add([]byte("\x40\x01\x00\x01\xd0\x0d\xe0\x00\x00\xf0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newLab(t, `cs = coap.Server() cs:listen(5683) cc = coap.Client()
			myvar = 1 cs:var("myvar") function fn(p) return p end cs:func("fn")
			cc:get("coap://192.168.1.20/x")`)
		w.udp.OnData = func(_ []byte, from netip.AddrPort) { w.from = from }
		for _, to := range []netip.AddrPort{deviceAddr, w.from} {
			if to.IsValid() {
				w.udp.SendTo(data[:min(len(data), 1400)], to)
			}
		}
		w.RunLog(10 * clock.Second)
	})
}
