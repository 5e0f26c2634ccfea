// Package status tests the example https-status against a real server.
package status

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/mosquitto"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// start runs the example with a server at a port and what it trusts, and returns what
// happens on the device, a line each.
func start(t *testing.T, port int, ca string) *mosquitto.Lines {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"init.lua", "nodemcu-sim.toml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), "8443", fmt.Sprint(port), 1))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if ca != "" {
		if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte(tlspeer.PEM(t, ca)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.New(app.Options{Dir: dir, Net: "host", OnPanic: "halt", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, line := mosquitto.NewLines(), ""
	a.World.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			parts := strings.Split(line+strings.ReplaceAll(d.Text, "\r", ""), "\n")
			line = parts[len(parts)-1]
			for _, s := range parts[:len(parts)-1] {
				l.Add(strings.TrimPrefix(s, "> "))
			}
		case event.Panic, event.LuaError, event.Hint:
			l.Add(fmt.Sprintf("FAILED %+v", d))
		}
	})
	a.World.Clock.SetSpeed(50)
	a.Device.PowerOn()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.World.Clock.Run(clock.Forever, false)
	}()
	t.Cleanup(func() {
		a.World.Clock.Stop()
		<-done
		a.Close()
	})
	return l
}

func TestStatus(t *testing.T) {
	var temperature atomic.Int64
	temperature.Store(20)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status.json" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"temperature": %d}`, temperature.Load())
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{tlspeer.Certificate(t, "ecdsa")}}
	s.StartTLS()
	defer s.Close()
	port := s.Listener.Addr().(*net.TCPAddr).Port

	device := start(t, port, "ca.pem")
	device.Await(t, 1, "temperature\t20")
	temperature.Store(21)
	device.Await(t, 1, "temperature\t21")
	if n := device.Count("FAILED") + device.Count("no "); n > 0 {
		t.Errorf("%q", device.List())
	}

	wrong := start(t, port, "client.pem") // trusts somebody else
	wrong.Await(t, 1, "no answer\t-1")
	wrong.Await(t, 1, "FAILED {Text:the TLS handshake with ")
	wrong.Await(t, 1, "FAILED {Text:http request 1: code -1: TLS failed")
	if n := wrong.Count("temperature"); n > 0 {
		t.Errorf("%q", wrong.List())
	}

	anybody := start(t, port, "")
	anybody.Await(t, 1, "no ca.pem")
	anybody.Await(t, 1, "temperature\t21")
}
