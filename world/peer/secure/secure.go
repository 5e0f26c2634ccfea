// Package secure is TLS for the connections of hosts in a world: a server's side, which is
// crypto/tls's, made event-driven, in the world's time and with random numbers of its seed.
//
//	ca := secure.NewAuthority("test CA", random)
//	own, err := ca.Issue(secure.Subject{Name: "api.example.com", From: now, To: later})
//	server := &secure.Server{Certificate: own, Random: random, Now: world.Date}
//	host.Listen(443, func(c *peer.Conn) {
//		server.Take(c)
//		c.OnConnect = func() { … } // the handshake is over
//		c.OnData = func(data []byte) { c.Write(data) } // in the clear
//	})
//
// A handshake that fails is told to OnClose as an Error. Server.Answer makes it fail.
//
// It knows connections. It knows nothing of devices or Lua.
package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/steadytls"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Answer is what a server does with a client's first message.
type Answer int

// The answers.
const (
	Handshake Answer = iota // as it should
	Silent                  // it takes what comes and says nothing
	Refuse                  // the alert handshake_failure
	Close                   // the end of TCP
	Reset
)

// ChipRecord is how many bytes of data a record has at most that a client gets which asks
// for short ones, as the ESP8266 does (max_fragment_length; RFC 6066), and MaxRecord what
// TLS allows.
const (
	ChipRecord = 4096
	MaxRecord  = 1 << 14
)

// Server makes TLS 1.2 of connections. Its fields may be changed at any time; connections
// that there are keep what they began with.
type Server struct {
	Certificate tls.Certificate
	// ClientCA, if set, must have signed the certificate that a client has to show.
	ClientCA *x509.Certificate
	// Record is how many bytes of data a record has at most; 0: ChipRecord.
	Record int
	Answer Answer
	Random *rand.Rand
	Now    func() time.Time // for certificates of clients
	// OnFailed is told, before OnClose is, each handshake that fails for what the client or
	// Answer does, and why.
	OnFailed func(why string)

	sessions []*session
}

// Error is why TLS has ended a connection: a sentence without a stop.
type Error string

func (e Error) Error() string { return string(e) }

// Take makes TLS of a connection that a client has just made.
func (s *Server) Take(c *peer.Conn) {
	x := &session{server: s, conn: c, answer: s.Answer, record: s.Record}
	if x.record == 0 {
		x.record = ChipRecord
	}
	x.below = c.SetLayer(x)
	if x.answer != Handshake {
		return
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{s.Certificate},
		Rand:         steadytls.Random(rand.New(rand.NewPCG(s.Random.Uint64(), s.Random.Uint64())).Uint32),
		Time:         s.Now,
		MinVersion:   tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		SessionTicketsDisabled:      true, // their keys come from elsewhere
		DynamicRecordSizingDisabled: true,
	}
	if s.ClientCA != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AddCert(s.ClientCA)
	}
	x.tls = tls.Server(pipe{x: x}, config)
	x.next, x.stop = iter.Pull(x.run)
	s.sessions = append(s.sessions, x)
}

// Stop ends the server for the process alone, which does not collect a connection that
// waits: nothing more comes of those that there are.
func (s *Server) Stop() {
	for _, x := range slices.Clone(s.sessions) {
		x.Over(nil)
	}
}

// Client is the name in the certificate that a connection's client has shown, "" without
// one.
func (s *Server) Client(c *peer.Conn) string {
	for _, x := range s.sessions {
		if x.conn == c && x.up {
			if list := x.tls.ConnectionState().PeerCertificates; len(list) > 0 {
				return list[0].Subject.CommonName
			}
		}
	}
	return ""
}

// session is the TLS of one connection. crypto/tls, which waits where it reads, runs as a
// coroutine: where nothing is there it hands back, and goes on when something has come. What
// the user is told is told outside of it.
type session struct {
	server *Server
	conn   *peer.Conn
	below  peer.Below
	answer Answer
	record int
	tls    *tls.Conn
	in     []byte
	ended  bool // the other side has ended TCP

	next    func() (outcome, bool)
	stop    func() // nil: there is no coroutine, or no more
	yield   func(outcome) bool
	running bool

	up   bool // the handshake is over
	done bool // the client has ended TLS, or it has failed
	over bool
}

// outcome is how far the coroutine has come. The zero value: it wants more from the wire.
type outcome struct {
	up   bool
	data []byte
	err  error
}

// run is the coroutine.
func (x *session) run(yield func(outcome) bool) {
	x.yield = yield
	err := x.tls.Handshake()
	if !yield(outcome{up: err == nil, err: err}) || err != nil {
		return
	}
	buffer := make([]byte, MaxRecord)
	for {
		n, err := x.tls.Read(buffer)
		if !yield(outcome{data: buffer[:n], err: err}) || err != nil {
			return
		}
	}
}

// step goes on as far as what has come reaches.
func (x *session) step() {
	for x.stop != nil {
		x.running = true
		o, _ := x.next()
		x.running = false
		switch {
		case x.over:
			x.leave()
		case o.err != nil:
			x.leave()
			x.finish(o.err)
		case o.up:
			x.up = true
			x.below.Connected()
		case len(o.data) > 0:
			x.below.Data(o.data)
		default:
			return
		}
	}
}

// finish is the end of what the client has to say.
func (x *session) finish(err error) {
	x.done = true
	if x.up && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		x.below.End()
		return
	}
	text := err.Error()
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "remote error":
		text = "the client ended it: " + op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the client has closed the connection"
	}
	text = strings.TrimPrefix(strings.Replace(text, ": tls: ", ": ", 1), "tls: ")
	if x.up {
		x.below.Fail(Error("TLS failed: " + text))
	} else {
		x.below.Fail(x.failed(text))
	}
}

// failed tells the server that the handshake has failed, and is the error of that.
func (x *session) failed(why string) Error {
	x.done = true
	if x.server.OnFailed != nil {
		x.server.OnFailed(why)
	}
	return Error("the TLS handshake failed: " + why)
}

// leave ends the coroutine.
func (x *session) leave() {
	x.stop()
	x.stop = nil
	x.server.sessions = slices.DeleteFunc(x.server.sessions, func(y *session) bool { return y == x })
}

// Take implements peer.Layer.
func (x *session) Take(data []byte) {
	switch {
	case x.done:
	case x.answer == Silent:
	case x.answer == Refuse:
		x.below.Write([]byte{recordAlert, 3, 3, 0, 2, alertFatal, alertHandshakeFailure})
		x.below.Fail(x.failed("the server refuses it"))
	case x.answer == Close:
		x.below.Fail(x.failed("the server closes the connection"))
	case x.answer == Reset:
		x.below.Reset(x.failed("the server resets the connection"))
	default:
		x.in = append(x.in, data...)
		x.step()
	}
}

// A record of TLS 1.2 with an alert (RFC 5246, 6.2.1 and 7.2).
const (
	recordAlert           = 21
	alertFatal            = 2
	alertHandshakeFailure = 40
)

// End implements peer.Layer.
func (x *session) End() {
	x.ended = true
	switch {
	case x.done:
	case x.answer != Handshake:
		x.finish(io.EOF)
	default:
		x.step()
	}
}

// Write implements peer.Layer.
func (x *session) Write(data []byte) (n int, err error) {
	if !x.up {
		return 0, lwip.ErrClosed
	}
	for part := range slices.Chunk(data, x.record) {
		if _, err := x.tls.Write(part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// Close implements peer.Layer.
func (x *session) Close() {
	if x.up {
		_ = x.tls.CloseWrite() // what is wrong with the connection is told where it is read
	}
}

// Over implements peer.Layer.
func (x *session) Over(err error) {
	switch {
	case x.up || x.done || err == nil:
	case err == lwip.ErrReset:
		x.failed("the client has reset the connection")
	default:
		x.failed("the connection was given up: " + err.Error())
	}
	x.over, x.done = true, true
	if x.stop != nil && !x.running {
		x.leave()
	}
}

// pipe is the wire as crypto/tls sees it.
type pipe struct {
	steadytls.Conn
	x *session
}

func (p pipe) Read(b []byte) (int, error) {
	x := p.x
	for len(x.in) == 0 {
		if x.ended {
			return 0, io.EOF
		}
		if !x.yield(outcome{}) {
			return 0, net.ErrClosed
		}
	}
	n := copy(b, x.in)
	if x.in = x.in[n:]; len(x.in) == 0 {
		x.in = nil
	}
	return n, nil
}

func (p pipe) Write(b []byte) (int, error) {
	p.x.below.Write(b)
	return len(b), nil
}
