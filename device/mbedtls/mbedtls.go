// Package mbedtls is the firmware's TLS library as a connection uses it (fw: app/mbedtls,
// app/include/user_mbedtls.h): a client of TLS 1.2 that turns what the wire brings into
// data, and data into records.
//
// The handshake and the ciphers are crypto/tls's, so what goes over the wire is TLS. Owned
// here is what the chip adds: which suites and curves it offers, how large a record may be,
// what it checks of a certificate, its error numbers, and the memory that each stage takes.
//
// It must not know TCP, espconn or Lua: bytes come in through Take and go out through Send.
//
// What it does not have, and the chip has: DHE, CCM and Camellia suites, the curves
// secp256k1 and brainpool, encrypt-then-MAC, and the request for records of at most 4096
// bytes (max_fragment_length). A server that takes the chip only because of one of these
// is refused here.
package mbedtls

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// ContentLen is the most that a record may hold, in bytes (fw: user_config.h,
// SSL_BUFFER_SIZE).
const ContentLen = 4096

// Host is the device as the library sees it.
type Host interface {
	Malloc(n int, kind heap.Kind) (heap.Block, bool)
	Free(b *heap.Block, kind heap.Kind)
	// Random is the chip's random generator, which is seeded by the world.
	Random() uint32
	// Compute keeps the CPU busy with arithmetic, during which no watchdog bites.
	Compute(d clock.Duration)
}

// Credentials is what a session trusts and shows.
type Credentials struct {
	// Verify: the server's certificate must lead to one of CA. Otherwise nothing of it is
	// checked.
	Verify bool
	CA     []*x509.Certificate
	// Chain is the client's own certificate and what leads from it to its root, Key the key
	// of the first; nil when it has none.
	Chain []*x509.Certificate
	Key   crypto.Signer
}

// cipherSuites are those that the chip and crypto/tls both have (fw: user_mbedtls.h: ECDHE
// with RSA and ECDSA certificates; AES, GCM and CBC).
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
}

// curves are those that both have, the chip's first choice first.
var curves = []tls.CurveID{tls.CurveP384, tls.CurveP256}

// Session is one connection's TLS (fw: mbedtls_msg).
type Session struct {
	// Send puts bytes on the wire. ErrMemory: there is no room. ErrContext: it is closed.
	Send func(data []byte) Code
	// Why says in words what Code means for the failure at hand, as soon as there is one.
	Why string

	host    Host
	memory  memory
	creds   Credentials
	engine  *engine
	records records
	data    []byte // of the record at hand
	done    bool   // the handshake is over
	over    Code   // why nothing more comes
}

// New begins a session: its own structures. It reports false when there is no memory.
func New(h Host) (*Session, bool) {
	s := &Session{host: h, memory: memory{host: h}}
	if !s.memory.take(&s.memory.session, sizeMessage, sizeSession, sizeRest) {
		s.Free()
		return nil, false
	}
	return s, true
}

// Start takes the buffers and sends the ClientHello (fw: mbedtls_msg_config, the first
// mbedtls_ssl_handshake).
func (s *Session) Start(c Credentials) Code {
	s.creds = c
	if !s.memory.take(&s.memory.buffers, sizeReceive, sizeSend) ||
		!s.memory.take(&s.memory.handshake, sizeHandshake...) ||
		!s.memory.take(&s.memory.transform, sizeTransform) || !s.memory.certificates(append(c.CA, c.Chain...)) {
		return ErrAlloc
	}
	s.engine = newEngine(s)
	return s.Handshake()
}

// Take gives the session what has come from the wire.
func (s *Session) Take(data []byte) { s.records.take(data) }

// Started reports whether the ClientHello has been sent.
func (s *Session) Started() bool { return s.engine != nil }

// Handshake goes on with the handshake as far as what was taken reaches. OK: it is over, see
// Established, or wants more.
func (s *Session) Handshake() Code {
	if s.over != OK || s.done {
		return s.over
	}
	switch e := s.engine.step(); {
	case e.err != nil:
		return s.fail(e.err)
	case e.established:
		s.done = true
		s.memory.handshakeOver()
	}
	return OK
}

// Established reports whether data can be sent and received.
func (s *Session) Established() bool { return s.done }

// Read copies data of one record. 0 and OK: there is no more as yet.
func (s *Session) Read(to []byte) (int, Code) {
	if len(s.data) == 0 && s.over == OK {
		e := s.engine.step()
		if len(e.data) > ContentLen {
			e.err = tooLong(len(e.data))
		}
		if e.err != nil {
			return 0, s.fail(e.err)
		}
		s.data = e.data
	}
	if len(s.data) > 0 {
		n := copy(to, s.data)
		s.data = s.data[n:]
		return n, OK
	}
	return 0, s.over
}

// Write sends data in a record and returns how long that is on the wire.
func (s *Session) Write(data []byte) (int, Code) {
	s.engine.written = 0
	if _, err := s.engine.conn.Write(data); err != nil {
		return 0, s.fail(err)
	}
	return s.engine.written, OK
}

// CloseNotify tells the server that nothing more comes.
func (s *Session) CloseNotify() {
	if s.done {
		s.engine.conn.CloseWrite()
	}
}

// fail is the end of the session by an error.
func (s *Session) fail(err error) Code {
	code, why := explain(err)
	if errors.Is(err, errPeerClosed) {
		return code // what follows is none of ours
	}
	s.over, s.Why = code, why
	return code
}

// Free gives back what the session holds.
func (s *Session) Free() {
	s.memory.all()
	s.Stop()
}

// Stop ends the session for the host alone, which does not collect a handshake that waits.
func (s *Session) Stop() {
	if s.engine != nil {
		s.engine.stop()
	}
}
