package mbedtls

import (
	"crypto/rsa"
	"crypto/x509"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What a session takes of the heap, in bytes. Published are the sums: 25 to 30 KB during
// the handshake (fw: docs/modules/tls.md), and 17.4 KB with a connection that stands, of
// which mqtt without TLS takes 1.2 (nodemcu-firmware issue 1699). The parts are reckoned
// from the library's structures with the firmware's configuration, 32 bits wide.
const (
	sizeMessage = 1368 // mbedtls_msg: context, configuration, DRBG and entropy with their AES and SHA-256
	sizeSession = 680  // mbedtls_session: two certificates, a key

	// The two buffers: counter and header, IV, content, MAC, padding.
	sizeReceive = 13 + encryption + ContentLen
	sizeSend    = sizeReceive

	// sizeTransform is what stays of the ciphers: two AES keys, two GCM tables.
	sizeTransform = 1720

	sizeCertificate = 348  // mbedtls_x509_crt, with the names' list
	sizeExchange    = 5400 // while the keys are made: points and numbers; reckoned from the sum

	// SizeStream is the layer's between TCP and the library: lwIP_netconn, and a ring of
	// 2920 bytes (fw: app/mbedtls/app/lwIPSocket.c).
	SizeStream = 32 + 2944

	// sizeRest is what the published sum has beyond what is named here.
	sizeRest = 1300
)

// sizeHandshake is what is free again afterwards: mbedtls_ssl_handshake_params with its
// hashes, the session that is negotiated.
var sizeHandshake = []int{1480, 140}

// Times of the arithmetic, at 160 MHz, which the firmware switches to. Assumed: handshakes
// are reported to take one to two seconds.
const (
	timeExchange = 1000 * clock.Millisecond // two multiplications on the curve, and the server's signature
	timeVerify   = 100 * clock.Millisecond  // a chain of RSA certificates
)

// memory is what a session holds of the heap.
type memory struct {
	host Host

	session, buffers, handshake, transform, chain []heap.Block
}

// take takes blocks for one purpose: all or none.
func (m *memory) take(to *[]heap.Block, sizes ...int) bool {
	for _, n := range sizes {
		b, ok := m.host.Malloc(n, heap.Other)
		if !ok {
			return false
		}
		*to = append(*to, b)
	}
	return true
}

func (m *memory) give(blocks *[]heap.Block) {
	for i := range *blocks {
		m.host.Free(&(*blocks)[i], heap.Other)
	}
	*blocks = nil
}

// certificates takes what parsed certificates need.
func (m *memory) certificates(list []*x509.Certificate) bool {
	for _, c := range list {
		key := 2 * 48 // a point
		if k, ok := c.PublicKey.(*rsa.PublicKey); ok {
			key = k.N.BitLen()/8 + 4
		}
		if !m.take(&m.chain, sizeCertificate, len(c.Raw), key) {
			return false
		}
	}
	return true
}

// exchange is the most that the handshake needs, for a moment.
func (m *memory) exchange() bool {
	var passing []heap.Block
	ok := m.take(&passing, sizeExchange)
	m.give(&passing)
	return ok
}

// handshakeOver frees what only the handshake needs (fw: mbedtls_session_free,
// mbedtls_handshake_succ).
func (m *memory) handshakeOver() {
	m.give(&m.chain)
	m.give(&m.handshake)
	m.host.Free(&m.session[1], heap.Other) // mbedtls_session
}

// all frees everything.
func (m *memory) all() {
	for _, blocks := range []*[]heap.Block{&m.chain, &m.handshake, &m.transform, &m.buffers, &m.session} {
		m.give(blocks)
	}
}

// Part is a piece of memory for a heap snapshot.
type Part struct {
	Name string
	Size int
}

// Parts lists what the session holds, block by block.
func (s *Session) Parts() []Part {
	var list []Part
	for _, p := range []struct {
		name   string
		blocks []heap.Block
	}{{"session", s.memory.session}, {"buffer", s.memory.buffers}, {"handshake", s.memory.handshake}, {"ciphers", s.memory.transform}, {"certificate", s.memory.chain}} {
		for _, b := range p.blocks {
			if b.Size() > 0 {
				list = append(list, Part{"TLS " + p.name, b.Size()})
			}
		}
	}
	return list
}
