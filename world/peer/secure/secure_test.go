package secure_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"iter"
	"math/big"
	randv2 "math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/steadytls"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer/secure"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// lab is a server with TLS, and a client of Go's library, as a coroutine.
type lab struct {
	clock  *clock.Clock
	ca     *secure.Authority
	server *secure.Server
	client *peer.Conn
	sent   bytes.Buffer // by the server
	ended  error        // what the server's connection was told at its end
	config *tls.Config
}

func subject() secure.Subject {
	return secure.Subject{Name: "a.example", From: now.AddDate(-1, 0, 0), To: now.AddDate(1, 0, 0)}
}

// newLab has serve use the server's connections.
func newLab(t *testing.T, serve func(c *peer.Conn)) *lab {
	t.Helper()
	c := clock.New()
	w := wire.New(c)
	random := randv2.New(randv2.NewPCG(7, 7))
	x := &lab{clock: c, ca: secure.NewAuthority("test CA", random)}
	own, err := x.ca.Issue(subject())
	if err != nil {
		t.Fatal(err)
	}
	x.server = &secure.Server{Certificate: own, Random: random, Now: func() time.Time { return now }}
	t.Cleanup(func() { x.server.Stop() })
	w.Tap(func(e wire.Event) {
		if e.Kind == wire.Sent && e.From.Host == "server" {
			x.sent.Write(e.Packet.Payload)
		}
	})
	host := peer.New(w, "server", netip.MustParsePrefix("192.168.1.20/24"))
	if _, err := host.Listen(443, func(c *peer.Conn) {
		c.OnClose = func(err error) { x.ended = err }
		serve(c)
		x.server.Take(c)
	}); err != nil {
		t.Fatal(err)
	}
	x.config = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "a.example", Time: x.server.Now, MaxVersion: tls.VersionTLS12,
		Rand: steadytls.Random(randv2.New(randv2.NewPCG(8, 8)).Uint32)}
	x.config.RootCAs.AddCert(x.ca.Certificate)
	if x.client, err = peer.New(w, "client", netip.MustParsePrefix("192.168.1.21/24")).Dial(netip.MustParseAddrPort("192.168.1.20:443")); err != nil {
		t.Fatal(err)
	}
	return x
}

// run has fn be the client, and returns what it does.
func (x *lab) run(fn func(c *tls.Conn) error) error {
	var in []byte
	var over, result error
	p := &pipe{conn: x.client}
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		p.read = func(b []byte) (int, error) {
			for len(in) == 0 && over == nil {
				yield(struct{}{})
			}
			if len(in) == 0 {
				return 0, over
			}
			n := copy(b, in)
			in = in[n:]
			return n, nil
		}
		result = fn(tls.Client(p, x.config))
	})
	defer stop()
	running := false
	step := func() {
		if !running { // it may be the client itself that ends the connection
			running = true
			next()
			running = false
		}
	}
	x.client.HalfOpen = true
	x.client.OnConnect = func() { step() }
	x.client.OnData = func(data []byte) { in = append(in, data...); step() }
	x.client.OnEnd = func() { over = io.EOF; step() }
	x.client.OnClose = func(err error) {
		if over = err; err == nil {
			over = io.EOF
		}
		step()
	}
	x.clock.RunUntil(clock.At(5 * clock.Second))
	if over == nil {
		over = errors.New("the test is over")
	}
	return result
}

type pipe struct {
	net.Conn
	conn *peer.Conn
	read func([]byte) (int, error)
}

func (p *pipe) Read(b []byte) (int, error)     { return p.read(b) }
func (p *pipe) Write(b []byte) (int, error)    { return p.conn.Write(b) }
func (p *pipe) Close() error                   { p.conn.Close(); return nil }
func (*pipe) SetDeadline(time.Time) error      { return nil }
func (*pipe) SetWriteDeadline(time.Time) error { return nil }

// An echo goes both ways, in records that are as long as they may be, and both ends end it.
func TestEcho(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 1000)
	var got []byte
	x := newLab(t, func(c *peer.Conn) {
		c.OnData = func(data []byte) {
			if got = append(got, data...); len(got) == len(text) {
				c.Write(got)
			}
		}
	})
	if err := x.run(func(c *tls.Conn) error {
		if _, err := c.Write(text); err != nil {
			return err
		}
		back := make([]byte, len(text))
		if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(back, text) {
			t.Errorf("%v, %.100q", err, back)
		}
		if v := c.ConnectionState().Version; v != tls.VersionTLS12 {
			t.Errorf("version %x", v)
		}
		c.Close()
		return nil
	}); err != nil || !bytes.Equal(got, text) || x.ended != nil {
		t.Errorf("%v, %v, %.100q", err, x.ended, got)
	}
	const overhead = 8 + 16 // of AES-GCM
	if most := slices.Max(records(t, x.sent.Bytes())); most != secure.ChipRecord+overhead {
		t.Errorf("a record of %d bytes", most)
	}
}

// records are the lengths of those that were sent.
func records(t *testing.T, data []byte) (list []int) {
	t.Helper()
	for len(data) > 5 {
		n := int(data[3])<<8 + int(data[4])
		list = append(list, n)
		data = data[min(len(data), 5+n):]
	}
	return list
}

// Two runs are equal to the byte, with keys of either kind.
func TestRepeats(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: now}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	own, err := secure.ParsePair(encode("CERTIFICATE", der), encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ecdsa", "rsa"} {
		once := func() string {
			x := newLab(t, func(c *peer.Conn) { c.OnData = func(data []byte) { c.Write(data) } })
			if kind == "rsa" {
				x.server.Certificate = own
			}
			x.config.InsecureSkipVerify = true
			if err := x.run(func(c *tls.Conn) error {
				if _, err := c.Write([]byte("hello")); err != nil {
					return err
				}
				_, err := io.ReadFull(c, make([]byte, 5))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return x.sent.String()
		}
		if a, b := once(), once(); a != b || len(a) < 500 {
			t.Errorf("%s: %d and %d bytes, not the same", kind, len(a), len(b))
		}
	}
}

// Each way to fail is told to both ends, and to Server.OnFailed once.
func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name           string
		prepare        func(x *lab)
		client, server string
	}{
		{"refuse", func(x *lab) { x.server.Answer = secure.Refuse }, "handshake failure", "the server refuses it"},
		{"close", func(x *lab) { x.server.Answer = secure.Close }, "EOF", "the server closes the connection"},
		{"reset", func(x *lab) { x.server.Answer = secure.Reset }, lwip.ErrReset.Error(), "the server resets the connection"},
		{"unknown", func(x *lab) { x.config.RootCAs = x509.NewCertPool() }, "unknown authority", "the client ended it: bad certificate"},
		{"too new", func(x *lab) { x.config.MinVersion, x.config.MaxVersion = tls.VersionTLS13, 0 }, "protocol version", "client offered only unsupported versions: [304]"},
		{"no certificate", func(x *lab) { x.server.ClientCA = x.ca.Certificate }, "handshake failure", "client didn't provide a certificate"},
		{"a chain", func(x *lab) {
			s := subject()
			s.Between = 3
			x.server.Certificate, _ = x.ca.Issue(s)
		}, "", ""},
		{"expired", func(x *lab) {
			s := subject()
			s.To = now.AddDate(0, 0, -1)
			x.server.Certificate, _ = x.ca.Issue(s)
		}, "expired", "the client ended it: bad certificate"},
	} {
		x := newLab(t, func(c *peer.Conn) {})
		tt.prepare(x)
		var failed []string
		x.server.OnFailed = func(why string) { failed = append(failed, why) }
		err := x.run(func(c *tls.Conn) error {
			defer c.Close()
			if err := c.Handshake(); err != nil {
				return err
			}
			if tt.name == "no certificate" { // told when the client reads
				_, err := c.Read(make([]byte, 1))
				return err
			}
			return nil
		})
		if tt.server == "" {
			if err != nil || failed != nil {
				t.Errorf("%s: %v, %q", tt.name, err, failed)
			}
			continue
		}
		var told secure.Error
		if err == nil || !strings.Contains(err.Error(), tt.client) || len(failed) != 1 || failed[0] != tt.server ||
			!errors.As(x.ended, &told) || told != secure.Error("the TLS handshake failed: "+tt.server) {
			t.Errorf("%s: %v, %q, %v", tt.name, err, failed, x.ended)
		}
	}
}

// What is silent, and what has ended or been stopped, leaves nothing running.
func TestNothingRunsOn(t *testing.T) {
	for name, end := range map[string]func(x *lab, c *peer.Conn){
		"stopped": func(x *lab, c *peer.Conn) { x.server.Stop() },
		"aborted": func(x *lab, c *peer.Conn) { c.Abort() },
		"reset":   func(x *lab, c *peer.Conn) { x.client.Abort(); x.clock.RunUntil(clock.At(2 * clock.Second)) },
	} {
		var server *peer.Conn
		x := newLab(t, func(c *peer.Conn) { server = c })
		x.client.OnConnect = func() { x.client.Write([]byte{22, 3, 1, 0, 80}) } // and no more of that record
		x.clock.RunUntil(clock.At(clock.Second))
		if n := waiting(); n != 1 {
			t.Errorf("%s: %d wait", name, n)
		}
		end(x, server)
		if n := waiting(); n != 0 {
			t.Errorf("%s: %d run on", name, n)
		}
	}
}

// waiting is how many coroutines of sessions there are.
func waiting() (n int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "secure.(*session).run") {
			n++
		}
	}
	return n
}

// A name that cannot be in a certificate is an error.
func TestNames(t *testing.T) {
	ca := secure.NewAuthority("test CA", randv2.New(randv2.NewPCG(1, 1)))
	for _, name := range []string{"\x00\xff", "ä.example"} {
		if _, err := ca.Issue(secure.Subject{Name: name, From: now, To: now}); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	c, err := ca.Issue(secure.Subject{Name: "192.168.1.20", From: now, To: now})
	if err != nil || c.Leaf.VerifyHostname("192.168.1.20") != nil {
		t.Errorf("%v, %v", err, c.Leaf)
	}
}
