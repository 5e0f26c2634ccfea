package mbedtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"iter"
	"net"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/steadytls"
)

// engine runs crypto/tls, which waits for the wire where it reads, as a coroutine: where
// there is nothing to read it hands back, and goes on when it is stepped again. So all of
// it happens in the device's goroutine, at the device's time.
type engine struct {
	s       *Session
	conn    *tls.Conn
	next    func() (outcome, bool)
	stop    func()
	yield   func(outcome) bool
	written int // bytes put on the wire since the last Write began

	certificates bool // the server's have come
	exchanged    bool // the keys have been made
}

// outcome is how far a step has come. The zero value: it wants more from the wire.
type outcome struct {
	established bool
	data        []byte
	err         error
}

func newEngine(s *Session) *engine {
	e := &engine{s: s}
	config := &tls.Config{
		Rand:       steadytls.Random(s.host.Random),
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		CipherSuites: cipherSuites, CurvePreferences: curves,
		InsecureSkipVerify:          true, // verify does what the chip does
		VerifyPeerCertificate:       e.verify,
		DynamicRecordSizingDisabled: true,
		Time:                        func() time.Time { return time.Unix(0, 0) }, // the chip has none
		ClientSessionCache:          tls.NewLRUClientSessionCache(1),             // it asks for a ticket, and forgets it
	}
	if s.creds.Key != nil {
		own := tls.Certificate{PrivateKey: steadytls.Deterministic(s.creds.Key)}
		for _, c := range s.creds.Chain {
			own.Certificate = append(own.Certificate, c.Raw)
		}
		config.Certificates = []tls.Certificate{own}
	}
	e.conn = tls.Client(pipe{e: e}, config)
	e.next, e.stop = iter.Pull(e.run)
	return e
}

// run is the coroutine.
func (e *engine) run(yield func(outcome) bool) {
	e.yield = yield
	err := ended(e.conn.Handshake())
	if !yield(outcome{established: err == nil, err: err}) || err != nil {
		return
	}
	buffer := make([]byte, maxPlain)
	for {
		n, err := e.conn.Read(buffer)
		err = ended(err)
		if !yield(outcome{data: buffer[:n], err: err}) || err != nil {
			return
		}
	}
}

// ended is err, with the server's word that nothing more comes as an error of ours.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errPeerClosed
	}
	return err
}

// step goes on until the next outcome. The data is valid until the next step.
func (e *engine) step() outcome {
	o, ok := e.next()
	if !ok {
		return outcome{}
	}
	return o
}

// verify is called with the server's certificates.
func (e *engine) verify(raw [][]byte, _ [][]*x509.Certificate) error {
	var chain []*x509.Certificate
	for _, der := range raw {
		c, err := x509.ParseCertificate(der) // crypto/tls has done that
		if err != nil {
			return err
		}
		chain = append(chain, c)
	}
	e.certificates = true
	if !e.s.memory.certificates(chain) {
		return failure{ErrAlloc, "no memory for the server's certificates"}
	}
	for _, c := range chain {
		if err := usable(c, "the server's"); err != nil {
			return err
		}
	}
	if e.s.creds.Verify {
		e.s.host.Compute(timeVerify)
		return verify(chain, e.s.creds.CA)
	}
	return nil
}

// pipe is the wire as crypto/tls sees it.
type pipe struct {
	steadytls.Conn
	e *engine
}

func (p pipe) Read(b []byte) (int, error) {
	for {
		n, err := p.e.s.records.next(b)
		if n > 0 || err != nil {
			return n, err
		}
		if !p.e.yield(outcome{}) {
			return 0, net.ErrClosed
		}
	}
}

func (p pipe) Write(b []byte) (int, error) {
	e := p.e
	if e.certificates && !e.exchanged && b[0] == recordHandshake {
		// The first flight behind the server's: the keys are made, its signature is checked.
		e.exchanged = true
		if !e.s.memory.exchange() {
			return 0, failure{ErrAlloc, "no memory for the key exchange"}
		}
		e.s.host.Compute(timeExchange)
	}
	e.written += len(b)
	switch code := e.s.Send(b); code {
	case OK:
	case ErrContext:
		return 0, failure{code, "the program had closed it. What is sent after that goes into a connection that is gone, so that this is an error and not a disconnection"}
	default:
		return 0, failure{code, "there is no memory for TCP to send a record"}
	}
	return len(b), nil
}
