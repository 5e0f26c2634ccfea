// Package steadytls has what crypto/tls needs so that a connection in virtual time is the same
// each time: signatures and random numbers that follow from what they are made of, and what
// remains of a net.Conn where the wire is the world's.
//
// Both ends use it: the device's (device/mbedtls) and that of peers (world/peer/secure). It
// knows neither.
package steadytls

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/binary"
	"io"
	"net"
	"time"
)

// Deterministic makes ECDSA signatures follow from key and message alone (RFC 6979): the key
// becomes a Key. Others sign like that anyway.
func Deterministic(key crypto.Signer) crypto.Signer {
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		return Key{k}
	}
	return key
}

// Key is a key of ECDSA that signs so.
type Key struct{ *ecdsa.PrivateKey }

func (k Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, opts)
}

// Random is a generator of words as a stream. Go's library reads one byte or none, by a coin
// of its own, so that nobody relies on what it makes of a stream: that byte is not taken from
// it. It reads the keys of an exchange from here only with the setting cryptocustomrand=1,
// which go.mod has.
type Random func() uint32

func (r Random) Read(b []byte) (int, error) {
	if len(b) == 1 {
		b[0] = 0
		return 1, nil
	}
	var word [4]byte
	for rest := b; len(rest) > 0; {
		binary.LittleEndian.PutUint32(word[:], r())
		rest = rest[copy(rest, word[:]):]
	}
	return len(b), nil
}

// Conn is what a net.Conn has beside Read and Write, for a wire that has nothing of it.
type Conn struct{}

func (Conn) Close() error                     { return nil }
func (Conn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (Conn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (Conn) SetDeadline(time.Time) error      { return nil }
func (Conn) SetReadDeadline(time.Time) error  { return nil }
func (Conn) SetWriteDeadline(time.Time) error { return nil }
