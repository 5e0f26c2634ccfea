// Package pagetest looks at HTML pages with headless Chromium, by the DevTools protocol:
// what is shown, what the keys do, and that the browser neither complains nor asks for
// anything but the page.
package pagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// patience is how long the browser has for anything.
const patience = 60 * time.Second

// Page is one that is shown.
type Page struct {
	t    testing.TB
	ctx  context.Context
	conn *websocket.Conn
	next int

	mu   sync.Mutex
	asks []string // what was asked of the server
	says []string // complaints of the browser
}

// Open shows a page. dark is what the reader prefers. When the test ends, it fails for each
// complaint in the console and each request beyond that for the page.
func Open(t testing.TB, html []byte, dark bool) *Page {
	t.Helper()
	p := &Page{t: t}
	cmd, profile := Chromium(t, "--remote-debugging-port=0", "about:blank")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asks = append(p.asks, r.URL.Path)
		p.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(html)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	p.ctx = ctx
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p.connect(filepath.Join(profile, "DevToolsActivePort"))
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.call(domain+".enable", nil)
	}
	if dark {
		p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	}
	p.call("Page.navigate", map[string]any{"url": server.URL + "/"})
	for p.Eval(`location.href != "about:blank" && document.readyState`) != "complete" {
		if ctx.Err() != nil {
			t.Fatal("the page does not load")
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Cleanup(func() { p.check(server.URL) })
	return p
}

// Chromium returns a command that runs a headless browser with these arguments, and its
// profile, a directory of its own. Processes of the browser's write there for a moment
// after the first has ended, so that t.TempDir could not be removed.
func Chromium(t testing.TB, args ...string) (cmd *exec.Cmd, profile string) {
	t.Helper()
	chromium := need.Program(t, "chromium")
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			if err := os.RemoveAll(profile); err == nil {
				return
			} else if time.Now().After(end) {
				t.Errorf("the browser's profile: %v", err)
				return
			}
		}
	})
	return exec.Command(chromium, append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir=" + profile}, args...)...), profile
}

// connect finds the browser's only tab.
func (p *Page) connect(portFile string) {
	p.t.Helper()
	for p.ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		text, err := os.ReadFile(portFile)
		port, _, ok := strings.Cut(string(text), "\n")
		if err != nil || !ok {
			continue
		}
		r, err := http.Get("http://127.0.0.1:" + port + "/json/list")
		if err != nil {
			continue
		}
		var tabs []struct {
			Type string `json:"type"`
			URL  string `json:"webSocketDebuggerUrl"`
		}
		err = json.NewDecoder(r.Body).Decode(&tabs)
		r.Body.Close()
		for _, tab := range tabs {
			if err == nil && tab.Type == "page" {
				if p.conn, _, err = websocket.Dial(p.ctx, tab.URL, nil); err != nil {
					p.t.Fatal(err)
				}
				p.conn.SetReadLimit(64 << 20)
				p.t.Cleanup(func() { _ = p.conn.CloseNow() })
				return
			}
		}
	}
	p.t.Fatal("chromium does not start")
}

// call calls a method of the protocol and returns its result. Events that come before it
// are looked at.
func (p *Page) call(method string, params any) json.RawMessage {
	p.t.Helper()
	p.next++
	out, err := json.Marshal(map[string]any{"id": p.next, "method": method, "params": params})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.Write(p.ctx, websocket.MessageText, out); err != nil {
		p.t.Fatalf("%s: %v", method, err)
	}
	for {
		_, in, err := p.conn.Read(p.ctx)
		if err != nil {
			p.t.Fatalf("%s: %v", method, err)
		}
		var m struct {
			ID     int             `json:"id"`
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
			Result json.RawMessage `json:"result"`
			Error  json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(in, &m); err != nil {
			p.t.Fatal(err)
		}
		switch {
		case m.ID == p.next && m.Error != nil:
			p.t.Fatalf("%s: %s", method, m.Error)
		case m.ID == p.next:
			return m.Result
		case m.Method == "Runtime.consoleAPICalled", m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded":
			p.says = append(p.says, fmt.Sprintf("%s %.500s", m.Method, m.Params))
		case m.Method == "Network.requestWillBeSent":
			var sent struct {
				Request struct {
					URL string `json:"url"`
				} `json:"request"`
			}
			if err := json.Unmarshal(m.Params, &sent); err != nil {
				p.t.Fatal(err)
			}
			if url := sent.Request.URL; !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "about:") {
				p.mu.Lock()
				p.asks = append(p.asks, url)
				p.mu.Unlock()
			}
		}
	}
}

// Eval evaluates JavaScript and returns the value as text.
func (p *Page) Eval(script string) string {
	p.t.Helper()
	var out struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	if err := json.Unmarshal(p.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}), &out); err != nil {
		p.t.Fatal(err)
	}
	if out.Exception != nil {
		p.t.Fatalf("%s: %s", script, out.Exception)
	}
	return fmt.Sprint(out.Result.Value)
}

// Text is what a reader sees, when all details are open.
func (p *Page) Text() string {
	p.t.Helper()
	return p.Eval(`document.querySelectorAll("details").forEach(d => d.open = true), document.body.innerText`)
}

// Press types a text, a key at a time. "\t" is the tabulator, "\n" Enter, "\x1b" Escape.
func (p *Page) Press(keys string) {
	p.t.Helper()
	for _, r := range keys {
		key, text := string(r), string(r)
		code := 0
		switch r {
		case '\t':
			key, text, code = "Tab", "", 9
		case '\n':
			key, text, code = "Enter", "\r", 13
		case '\x1b':
			key, text, code = "Escape", "", 27
		}
		p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code})
		p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": code})
	}
}

// check tells of complaints and requests.
func (p *Page) check(url string) {
	p.call("Runtime.evaluate", map[string]any{"expression": "1"}) // what has come until now
	for _, s := range p.says {
		p.t.Errorf("the browser says: %s", s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.asks {
		if a != "/" && a != url+"/" {
			p.t.Errorf("the page asks for %s", a)
		}
	}
}
