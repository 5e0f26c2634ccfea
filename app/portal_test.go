package app

import (
	"io"
	"net/http"
	neturl "net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/internal/page/pagetest"
)

// TestPortalInABrowser sets a device up as a person does: the browser asks for a page of
// its own to see whether it is online, is led to the portal, lists the networks and, when
// one has been chosen, follows the connection to its success.
func TestPortalInABrowser(t *testing.T) {
	need.Program(t, "chromium")
	dir := write(t, map[string]string{
		"init.lua": `wifi.sta.disconnect() enduser_setup.start("Portal", function() print("connected", (wifi.sta.getip())) end)`,
		"nodemcu-sim.toml": `
[firmware]
modules = ["enduser_setup", "file", "tmr", "wifi"]
[[wifi.network]]
ssid = "home <1>"
password = "secret99"
`})
	a, output := start(t, Options{Dir: dir, Publish: []string{"127.0.0.1:0:80"}, Seed: 1}, 5)
	portal := url(t, a)
	// The clock of a browser without a window may run out before a device has answered: then
	// it is asked again.
	browse := func(page string, want ...string) {
		t.Helper()
		shown := ""
		for range 8 {
			cmd, _ := pagetest.Chromium(t, "--host-resolver-rules=MAP * "+strings.TrimPrefix(portal, "http://"), "--virtual-time-budget=20000", "--dump-dom", page)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("chromium: %v", err)
			}
			shown = string(out)
			if !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(shown, text) }) {
				return
			}
		}
		t.Errorf("%s shows %.3000s", page, shown)
	}
	if r, err := http.Get(portal + "/status"); err != nil { // which waits until it is there
		t.Fatal(err)
	} else {
		r.Body.Close()
	}
	browse("http://connectivitycheck.gstatic.com/generate_204", "<title>Wi-Fi setup</title>", `<option value="home &lt;1&gt;">home &lt;1&gt;</option>`)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.PostForm(portal+"/setwifi", neturl.Values{"wifi_ssid": {"home <1>"}, "wifi_password": {"secret99"}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if to := r.Header.Get("Location"); r.StatusCode != http.StatusFound || to != "/?trying=true" {
		t.Errorf("the choice is answered with %d, %q", r.StatusCode, to)
	}
	browse("http://nodemcu.portal/?trying=true", "The device has the address 192.168.1.10.")
	for range 100 { // it looks every 3 s
		if strings.Contains(output(), "connected") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !strings.Contains(output(), "connected\t192.168.1.10\n") {
		t.Errorf("the device printed %q", output())
	}
}

// TestPortalThroughAPublishedPort is what a client without a browser sees of it.
func TestPortalThroughAPublishedPort(t *testing.T) {
	dir := write(t, map[string]string{
		"init.lua":           `wifi.sta.disconnect() enduser_setup.start("Portal")`,
		"enduser_setup.html": strings.Repeat("<p>my own page</p>\n", 300),
		"nodemcu-sim.toml":   "[firmware]\nmodules = [\"enduser_setup\", \"file\", \"wifi\"]\n",
	})
	a, _ := start(t, Options{Dir: dir, Publish: []string{"127.0.0.1:0:80"}, Seed: 1}, 20)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		path   string
		status int
		want   string // in the body or, of a redirect, where it leads
	}{
		{"/", 200, strings.Repeat("<p>my own page</p>\n", 300)},
		{"/hotspot-detect.html", 302, "http://nodemcu.portal/"},
		{"/status.json", 200, `"status":0`},
		{"/aplist", 200, `[{"ssid":"nodemcu-sim",`},
		{"/update?nothing", 400, ""},
	} {
		r, err := client.Get(url(t, a) + tt.path)
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s: %v", tt.path, err)
		}
		r.Body.Close()
		if got := string(body) + r.Header.Get("Location"); r.StatusCode != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %d %.300q", tt.path, r.StatusCode, got)
		}
	}
}
