package espconn

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/mbedtls"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Connections with TLS (fw: app/mbedtls/app/espconn_secure.c, espconn_mbedtls.c,
// lwIPSocket.c). To a module they look like the others. What differs:
//
//   - Connect needs 18,432 bytes of free heap, and says ErrMem at once without them; tls,
//     http and websocket don't look at that, so that nothing ever happens.
//   - Data is handed out in pieces of at most 1460 bytes, and sent in records of as many.
//   - The peer's FIN is Disconnected, also in the middle of the handshake. An error of TLS
//     is Failed, with a number that is the low byte of what the library says.
//   - Disconnect within Received is an error, too: the layer reads on, from a connection that
//     is gone.
//   - What has come with the end of the handshake in one segment is read with the next one.

const (
	// secureHeap is what must be free beside the buffer (fw: ESPCONN_SECURE_DEFAULT_HEAP).
	secureHeap = 0x3800
	// plainLen is the most data of a record that is sent, and of a piece that is handed out
	// (fw: MBEDTLS_SSL_PLAIN_ADD).
	plainLen = 1460
)

// Credentials is how the program has set TLS up, for all its connections (fw:
// ssl_client_options).
type Credentials struct {
	// CA and Own, if set, are asked for certificates by number, from 1; Own with 0 for the
	// key. They go before the flash.
	CA, Own Ask
	// FlashCA and FlashOwn: what lies in the flash is used.
	FlashCA, FlashOwn bool
}

// Ask is a function of the program's that returns certificates. more is false when there
// are no more; ok is false when it failed, or has no text.
type Ask func(k int) (text string, more, ok bool)

// secure is the TLS of an active connection (fw: mbedtls_msg).
type secure struct {
	a       *active
	session *mbedtls.Session
	stream  heap.Block // between TCP and TLS

	ready   bool // a send may begin (fw: SentFnFlag)
	sending bool // what is acknowledged counts (fw: write_flag)
	record  int  // bytes of the last record on the wire
	acked   int  // of them
	rest    []byte
	status  int16 // of TLS's error (fw: hs_status)
	err     Err   // of TCP
	gone    bool  // the socket is closed
}

// connectSecure is Connect with TLS (fw: espconn_secure_connect, espconn_ssl_client).
func (c *Conn) connectSecure() Err {
	l := c.l
	if err := l.routable(c.RemoteIP); err != OK {
		return err
	}
	if free, need := l.host.FreeHeap(), mbedtls.ContentLen+secureHeap; free <= need {
		l.hints.Here("a connection with TLS needs more than %d bytes of free heap to begin with, and 25 to 30 KB until it stands: %d are free. The firmware says nothing of it to tls, http and websocket: no callback comes", need, free)
		return ErrMem
	}
	memory, ok := l.host.Malloc(sizeActive, heap.Other)
	if !ok {
		return ErrMem
	}
	a := &active{l: l, conn: c, memory: memory}
	s := &secure{a: a}
	if s.session, ok = mbedtls.New(l.host); ok {
		a.secure, s.session.Send = s, s.send
		if s.stream, ok = l.host.Malloc(mbedtls.SizeStream, heap.Other); ok {
			a.tcp = l.stack.NewTCP()
		}
	}
	if a.tcp == nil {
		l.drop(a)
		return ErrMem
	}
	l.active = append(l.active, a)
	c.closing = false
	if c.Owner != nil {
		a.tcp.Owner = c.Owner
	}
	a.tcp.OnError = s.failed
	a.tcp.OnConnected = s.connected
	if err := a.tcp.Connect(c.RemoteIP, c.RemotePort); err != lwip.OK {
		a.tcp.Close()
		l.drop(a)
		return ErrMem
	}
	a.state("SYN_SENT")
	return OK
}

// send is the way out of records (fw: mbedtls_net_send).
func (s *secure) send(data []byte) mbedtls.Code {
	if s.gone {
		return mbedtls.ErrContext
	}
	if s.a.tcp.Write(data) != lwip.OK {
		return mbedtls.ErrMemory
	}
	s.a.tcp.Output()
	return mbedtls.OK
}

func (s *secure) connected(tcp *lwip.TCPConn) lwip.Err {
	tcp.OnRecv = s.received
	tcp.OnSent = s.acknowledged
	s.a.state("ESTABLISHED")
	s.handshake()
	return lwip.OK
}

// received takes a segment, or the peer's FIN (fw: recv_tcp).
func (s *secure) received(tcp *lwip.TCPConn, data [][]byte) lwip.Err {
	if data == nil {
		s.a.state("CLOSED by peer")
		s.fail(mbedtls.ErrPeerClosed)
		return lwip.OK
	}
	for _, part := range data {
		if s.gone {
			break
		}
		tcp.Recved(len(part))
		s.session.Take(part)
		if s.session.Established() {
			s.read()
		} else {
			s.handshake()
		}
	}
	return lwip.OK
}

// handshake goes on with the handshake (fw: mbedtls_parse_internal).
func (s *secure) handshake() {
	a := s.a
	code := mbedtls.OK
	if s.session.Started() {
		code = s.session.Handshake()
	} else if creds, problem := a.l.credentials(); problem == "" {
		code = s.session.Start(creds)
	} else {
		code, s.session.Why = mbedtls.ErrAlloc, problem
	}
	switch {
	case code != mbedtls.OK:
		s.fail(code)
	case s.session.Established():
		s.ready = true
		a.conn.Handler.Connected(a.conn)
	}
}

// read hands out what there is.
func (s *secure) read() {
	a := s.a
	memory, ok := a.l.host.Malloc(plainLen+1, heap.Other)
	if !ok {
		s.fail(mbedtls.ErrMemory)
		return
	}
	defer a.l.host.Free(&memory, heap.Other)
	piece := make([]byte, plainLen)
	for {
		n, code := s.session.Read(piece)
		switch {
		case n > 0:
			a.conn.Handler.Received(a.conn, piece[:n])
		case code == mbedtls.ErrPeerClosed:
			s.session.CloseNotify()
		case code != mbedtls.OK:
			s.fail(code)
			return
		case s.gone:
			s.fail(mbedtls.ErrContext)
			return
		default:
			return
		}
	}
}

// sendSecure is Send with TLS (fw: espconn_secure_sent). ErrInProgress: the last one is
// not acknowledged yet, or the handshake is not over; the data is dropped.
func (a *active) sendSecure(data []byte) Err {
	s := a.secure
	if !s.ready {
		return ErrInProgress
	}
	if len(data) == 0 {
		return ErrArg
	}
	s.ready = false
	s.write(data)
	return OK
}

// write sends one record (fw: espconn_ssl_sent).
func (s *secure) write(data []byte) {
	n := min(len(data), plainLen)
	s.sending = true
	length, code := s.session.Write(data[:n])
	if code != mbedtls.OK {
		s.fail(code)
		return
	}
	s.record, s.rest = length, data[n:]
}

// acknowledged is the stack's sent event (fw: mbedtls_parse_thread).
func (s *secure) acknowledged(_ *lwip.TCPConn, n int) lwip.Err {
	if !s.session.Established() {
		return lwip.OK
	}
	if s.sending {
		s.acked += n
	}
	if !s.sending || s.acked != s.record {
		return lwip.OK
	}
	s.acked, s.sending = 0, false
	if len(s.rest) > 0 {
		s.write(s.rest)
		return lwip.OK
	}
	s.ready = true
	s.a.conn.Handler.Sent(s.a.conn)
	return lwip.OK
}

// fail ends the connection for a reason of TLS (fw: mbedtls_fail_info).
func (s *secure) fail(code mbedtls.Code) {
	if s.status = 0; code != mbedtls.ErrPeerClosed {
		s.status = code.Status()
		s.explain(code)
		s.session.CloseNotify()
	}
	s.end()
}

// explain says what went wrong, for which the program gets a number at most.
func (s *secure) explain(code mbedtls.Code) {
	a, why := s.a, s.session.Why
	switch {
	case code == mbedtls.ErrContext && why == "":
		why = "it was closed while received data was handed out. The firmware goes on reading from a connection that is gone, so that this is an error and not a disconnection: close it from a timer"
	case code == mbedtls.ErrMemory && why == "":
		why = fmt.Sprintf("there is no memory for a piece of what is received, %d bytes", plainLen)
	case why == "":
		why = "there is not enough memory: a handshake needs 25 to 30 KB, and where its certificates are long more"
	}
	what := "handshake"
	if s.session.Established() {
		what = "connection"
	}
	a.l.hints.Once("espconn secure "+why, "the TLS %s with %s failed with -0x%04x (%d to the program): %s",
		what, netip.AddrPortFrom(a.conn.RemoteIP, a.conn.RemotePort), -int(code), Err(code.Status()), why)
}

// end closes the socket and posts the task that ends the connection (fw: mbedtls_net_free,
// mbedtls_thread).
func (s *secure) end() {
	s.close()
	s.a.conn.closing = true
	s.a.post(func(c *Conn) {
		switch {
		case s.status != 0:
			c.Handler.Failed(c, Err(s.status))
		case s.err != OK:
			c.Handler.Failed(c, s.err)
		default:
			c.Handler.Disconnected(c)
		}
	})
}

// close closes the socket. Where the stack can't take a FIN, it is forgotten.
func (s *secure) close() {
	if s.gone {
		return
	}
	s.gone = true
	tcp := s.a.tcp
	tcp.OnRecv, tcp.OnSent, tcp.OnError = nil, nil, nil
	if s.err == OK {
		tcp.Close()
	}
}

// failed is the stack's error event.
func (s *secure) failed(err lwip.Err) {
	s.err = s.a.failure(err)
	s.end()
}

// free gives back what TLS holds.
func (s *secure) free() {
	s.session.Free()
	s.a.l.host.Free(&s.stream, heap.Other)
}

// credentials asks the program, and looks into the flash. problem says what can't be used,
// if anything: the handshake does not begin then (fw: mbedtls_msg_config).
func (l *Layer) credentials() (out mbedtls.Credentials, problem string) {
	c, flash := l.Credentials, l.host.TLSFlash() // as they are now: a function may set others
	bad := func(what string, err error) (mbedtls.Credentials, string) {
		return out, fmt.Sprintf("no handshake begins: %s can't be used (%v)", what, err)
	}
	if c.Own != nil {
		text, more, ok := c.Own(0)
		if !ok {
			return bad("what the function of tls.cert.auth returns for 0, the key,", errNoText)
		}
		if more {
			key, err := mbedtls.ParseKey([]byte(text))
			if err != nil {
				return bad("the key that the function of tls.cert.auth returns", err)
			}
			out.Key = key
		}
		var err error
		if out.Chain, err = ask(c.Own); err != nil {
			return bad("a certificate that the function of tls.cert.auth returns", err)
		}
		if out.Chain == nil || out.Key == nil {
			return bad("a certificate without a key, or a key without one,", errNoText)
		}
	} else if c.FlashOwn {
		der, _ := flash.Own.Find("certificate")
		chain, err := mbedtls.ParseCertificates(der)
		if err != nil {
			return bad("the client's certificate in the flash", err)
		}
		der, _ = flash.Own.Find("private_key")
		if out.Key, err = mbedtls.ParseKey(der); err != nil {
			return bad("the client's key in the flash", err)
		}
		out.Chain = chain
	}
	if c.CA != nil {
		list, err := ask(c.CA)
		if err != nil {
			return bad("a certificate that the function of tls.cert.verify returns", err)
		}
		if list == nil {
			l.hints.Once("tls verify none", "the function of tls.cert.verify returns no certificate: documented is that servers are not verified then, but the firmware accepts none")
		}
		out.Verify, out.CA = true, list
	} else if c.FlashCA {
		der, _ := flash.CA.Find("")
		list, err := mbedtls.ParseCertificates(der)
		if err != nil {
			return bad("the certificate in the flash, of tls.cert.verify,", err)
		}
		out.Verify, out.CA = true, list
	}
	return out, ""
}

var errNoText = errors.New("it failed, or returned nothing to read")

// ask collects certificates until there are no more (fw: nodemcu_tls_cert_get).
func ask(fn Ask) (list []*x509.Certificate, err error) {
	for k := 1; k <= maxAsked; k++ {
		text, more, ok := fn(k)
		if !ok {
			return nil, errNoText
		}
		if !more {
			break
		}
		some, err := mbedtls.ParseCertificates([]byte(text))
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// maxAsked ends a loop of a program that returns certificates for ever. On the chip memory
// does, sooner.
const maxAsked = 100

// heapParts adds a connection's TLS to a heap snapshot.
func (s *secure) heapParts(p *inspect.HeapParts, at int) {
	p.AddTo(at, heap.Other, "TLS stream", mbedtls.SizeStream)
	for _, part := range s.session.Parts() {
		p.AddTo(at, heap.Other, part.Name, part.Size)
	}
}
