// Package tlspeer makes servers with TLS of hosts in a world, in virtual time and with
// random numbers of a seed, and has the certificates that tests use. Only tests import it.
//
// The certificates are those of testdata, made with openssl for 100 years: ca signs the
// others, rsa and ecdsa (P-256) and p521 are for servers, client is a client's.
package tlspeer

import (
	"crypto/tls"
	"crypto/x509"
	"embed"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/steadytls"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer/secure"
)

//go:embed testdata
var files embed.FS

// PEM returns one of testdata's files, as "ca.pem".
func PEM(t testing.TB, name string) string {
	t.Helper()
	data, err := files.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Certificate returns a certificate with its key, by name.
func Certificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	c, err := secure.ParsePair(PEM(t, name+".pem"), PEM(t, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Pool is a pool of the CA.
func Pool(t testing.TB) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(PEM(t, "ca.pem")))
	return pool
}

// Listen accepts connections with TLS to a port of a host. serve runs for each, as a
// coroutine: where it reads and nothing is there the world goes on.
func Listen(h *peer.Host, port uint16, config *tls.Config, serve func(*tls.Conn)) error {
	config = config.Clone()
	config.Rand = steadytls.Random(rand.New(rand.NewPCG(1, uint64(port))).Uint32)
	config.Time = func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }
	config.SessionTicketsDisabled = true // their keys come from elsewhere
	_, err := h.Listen(port, func(c *peer.Conn) {
		p := &pipe{conn: c}
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			p.yield = yield
			serve(tls.Server(p, config))
		})
		// A coroutine can't be stopped by itself: one that closes ends the connection, too.
		running, over := false, false
		step := func() {
			running = true
			next()
			if running = false; over {
				stop()
			}
		}
		c.HalfOpen = true
		c.OnData = func(data []byte) { p.in = append(p.in, data...); step() }
		c.OnEnd = func() { p.ended = true; step(); c.Close() }
		c.OnClose = func(error) {
			if over = true; !running {
				stop()
			}
		}
		step()
	})
	return err
}

// pipe is a peer's connection as crypto/tls sees it.
type pipe struct {
	conn  *peer.Conn
	yield func(struct{}) bool
	in    []byte
	ended bool
}

func (p *pipe) Read(b []byte) (int, error) {
	for len(p.in) == 0 {
		if p.ended {
			return 0, io.EOF
		}
		if !p.yield(struct{}{}) {
			return 0, errors.New("the connection is over")
		}
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *pipe) Write(b []byte) (int, error)    { return p.conn.Write(b) }
func (p *pipe) Close() error                   { p.conn.Close(); return nil }
func (*pipe) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*pipe) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*pipe) SetDeadline(time.Time) error      { return nil }
func (*pipe) SetReadDeadline(time.Time) error  { return nil }
func (*pipe) SetWriteDeadline(time.Time) error { return nil }
