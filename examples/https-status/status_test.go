// Package status tests the example https-status against a real server.
package status

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

// start runs the example with a server at a port of this computer and what it trusts. Its
// time passes fifty times as fast as here.
func start(t *testing.T, port int, ca string) *simtest.Device {
	t.Helper()
	text, err := os.ReadFile("init.lua")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"init.lua": strings.Replace(string(text), "8443", fmt.Sprint(port), 1)}
	if ca != "" {
		files["ca.pem"] = tlspeer.PEM(t, ca)
	}
	return simtest.Boot(t, ".", simtest.Files(files), simtest.Net("host"), simtest.Speed(50), simtest.Timeout(50*time.Minute))
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

	d := start(t, port, "ca.pem")
	printed := d.Expect("temperature\t20")
	temperature.Store(21)
	printed += d.Expect("temperature\t21")
	if len(d.Hints()) > 0 || strings.Contains(printed, "no ") {
		t.Errorf("printed %q, hints %q", printed, d.Hints())
	}

	wrong := start(t, port, "client.pem") // trusts somebody else
	printed = wrong.Expect("no answer\t-1")
	hints := strings.Join(wrong.Hints(), "\n")
	if !strings.Contains(hints, "the TLS handshake with ") || !strings.Contains(hints, "http request 1: code -1: TLS failed") {
		t.Errorf("hints %q", hints)
	}
	if strings.Contains(printed, "temperature") {
		t.Errorf("printed %q", printed)
	}

	anybody := start(t, port, "")
	anybody.Expect("no ca.pem")
	anybody.Expect("temperature\t21")
}
