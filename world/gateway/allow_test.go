package gateway

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

func TestParseAllowed(t *testing.T) {
	for _, tt := range []struct{ text, want, err string }{
		{text: "Broker.Example.com:1883", want: "broker.example.com:1883"},
		{text: "broker.", want: "broker"},
		{text: "host.internal:1883", want: "host.internal:1883"},
		{text: "192.168.2.7", want: "192.168.2.7"},
		{text: "192.168.2.7:80", want: "192.168.2.7:80"},
		{text: "192.168.2.7/24:80", want: "192.168.2.0/24:80"},
		{text: "", err: "write HOST or HOST:PORT"},
		{text: ":80", err: "write HOST or HOST:PORT"},
		{text: "a b", err: "write HOST or HOST:PORT"},
		{text: "*.example.com", err: "write HOST or HOST:PORT"},
		{text: "http://x", err: "a port is a number"},
		{text: "x:0", err: "a port is a number"},
		{text: "x:65536", err: "a port is a number"},
		{text: "127.0.0.1:1883", err: "this computer is host.internal"},
		{text: "localhost", err: "this computer is host.internal"},
		{text: "192.168.2.0/33", err: "write HOST or HOST:PORT"},
	} {
		a, err := ParseAllowed(tt.text)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v, want %q", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil || a.String() != tt.want {
			t.Errorf("%q: %s, %v, want %s", tt.text, a, err, tt.want)
		}
	}
}

// resolverOf has an address for each name.
type resolverOf map[string]string

func (r resolverOf) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if a, ok := r[host]; ok {
		return []netip.Addr{netip.MustParseAddr(a)}, nil
	}
	return nil, &net.DNSError{IsNotFound: true}
}

// Only what is listed is let out, by the address that a device was given for its name, and
// the log says what was opened and what was not.
func TestListed(t *testing.T) {
	srv := server(t, func(c *net.TCPConn) { c.Write([]byte("hello")); c.Close() })
	other := server(t, func(c *net.TCPConn) { t.Error("a connection got out"); c.Close() })
	var allow []Allowed
	for _, text := range []string{"broker.local:" + fmt.Sprint(srv.Port()), "192.0.2.0/24:80"} {
		a, err := ParseAllowed(text)
		if err != nil {
			t.Fatal(err)
		}
		allow = append(allow, a)
	}
	var notes []string
	b := start(t, Options{Policy: Listed, Allow: allow, Resolver: resolverOf{"broker.local.": "127.0.0.1", "other.local.": "192.0.2.9"}}, wired, func(*lwip.Stack) {})
	b.in(func() {
		b.w.Subscribe(func(e world.Event) {
			if n, ok := e.Data.(event.Note); ok {
				notes = append(notes, n.Text)
			}
		})
	})
	at := netip.AddrPortFrom(b.g.addr, srv.Port())
	if r := b.connect(at, ""); r.err != lwip.ErrReset {
		t.Errorf("before its name is asked for: %+v", r)
	}
	if a := b.resolve("broker.local"); a != b.g.addr {
		t.Errorf("broker.local is %v", a)
	}
	if a := b.resolve("other.local"); a.IsValid() {
		t.Errorf("other.local is %v", a)
	}
	if r := b.connect(at, ""); r.err != lwip.OK || r.data != "hello" {
		t.Errorf("the broker: %+v", r)
	}
	if r := b.connect(netip.AddrPortFrom(b.g.addr, other.Port()), ""); r.err != lwip.ErrReset {
		t.Errorf("another port: %+v", r)
	}
	if r := b.connect(netip.MustParseAddrPort("192.0.2.7:81"), ""); r.err != lwip.ErrAbort || r.took < 6*clock.Second {
		t.Errorf("a port outside: %+v", r)
	}
	b.in(func() {
		all := strings.Join(notes, "\n")
		for _, want := range []string{
			"--net allow has no host.internal:" + fmt.Sprint(srv.Port()) + ": connection to 192.168.1.1:" + fmt.Sprint(srv.Port()) + " goes nowhere",
			"--net allow has no other.local: nobody answers for the name",
			"the name broker.local: names under .local are for mDNS, which the chip does not ask",
			"opens a connection to port " + fmt.Sprint(srv.Port()) + " of this computer (host.internal)",
			"--net allow has no host.internal:" + fmt.Sprint(other.Port()),
			"--net allow has no 192.0.2.7:81: connection to 192.0.2.7:81 goes nowhere",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("no note %q in\n%s", want, all)
			}
		}
		if len(notes) != 6 {
			t.Errorf("%d notes:\n%s", len(notes), all)
		}
	})
}
