package mbedtls

import (
	"errors"
	"net"
	"strings"
)

// Code is an error of the library (mbedtls/ssl.h, net_sockets.h, x509.h, pk.h). As int16 it
// is what the firmware prints.
type Code int16

// The errors that a connection can meet.
const (
	OK             Code = 0
	ErrMemory      Code = -0x0001 // of the layer above: ERR_MEM
	ErrContext     Code = -0x0045 // the connection is closed
	ErrX509Alg     Code = -0x2600 // a signature of a kind that the chip has not
	ErrVerify      Code = -0x2700
	ErrCurve       Code = -0x3a00 // a key on a curve that the chip has not
	ErrSignature   Code = -0x4e00
	ErrLongKey     Code = -0x4284 // a number of more than 4096 bits
	ErrVersion     Code = -0x6e80
	ErrUnsupported Code = -0x7080
	ErrMAC         Code = -0x7180
	ErrRecord      Code = -0x7200
	ErrUnexpected  Code = -0x7700
	ErrAlert       Code = -0x7780
	ErrPeerClosed  Code = -0x7880
	ErrHello       Code = -0x7980
	ErrCertificate Code = -0x7a00
	ErrAlloc       Code = -0x7f00
)

// Status is how the layer above keeps a code, for the program's callback (fw:
// espconn_mbedtls.c, mbedtls_fail_info): as 16 bits.
func (c Code) Status() int16 {
	n := -int16(c)
	if n&0xff != 0 {
		n += n >> 8
	} else {
		n >>= 8
	}
	return -n
}

// failure is an error of the chip's own.
type failure struct {
	code Code
	why  string
}

func (f failure) Error() string { return f.why }

// errPeerClosed: the server has said that nothing more comes.
var errPeerClosed = failure{ErrPeerClosed, "the server has closed"}

// texts are crypto/tls's errors, as far as they have a code of their own on the chip. The
// library keeps their types to itself.
var texts = []struct {
	text string
	code Code
	why  string
}{
	{"unsupported protocol version", ErrVersion, "the server does not speak TLS 1.2, the chip's only version"},
	{"unconfigured cipher suite", ErrHello, "the server chose a cipher suite that was not offered"},
	{"unsupported curve", ErrHello, "the server chose a curve that was not offered"},
	{"failed to parse certificate", ErrCertificate, "the server's certificate can't be read"},
	{"unsupported type of public key", ErrCurve, "the server's key is of a kind that the chip has not"},
	{"invalid signature by the server certificate", ErrSignature, "the server's signature does not fit its certificate"},
	{"bad record MAC", ErrMAC, "a record is damaged, or is not encrypted with the session's key"},
	{"record overflow", ErrRecord, "a record is longer than TLS allows"},
	{"oversized record", ErrRecord, "a record is longer than TLS allows"},
	{"no renegotiation", ErrUnexpected, "the server wants to begin anew (renegotiation). The chip declines and goes on, which the simulator can't"},
	{"unexpected handshake message", ErrUnexpected, "the server sent a message of the handshake that does not belong there"},
	{"does not look like a TLS handshake", ErrUnexpected, "the server does not begin with the handshake"},
	{"unexpected message", ErrUnexpected, "the server sent a message that does not belong there"},
	{"error decoding message", ErrHello, "the server sent a message that can't be read"},
	{"illegal parameter", ErrHello, "the server sent a message that can't be right"},
}

// alerts are the server's reasons, with what to do.
var alerts = map[string]string{
	"handshake failure":              "the server has none of the chip's suites and curves in common with it, or wants to hear a name (SNI), which the chip does not send, or a certificate of the client (tls.cert.auth)",
	"unrecognized name":              "the server has more than one site at this address and wants to hear a name (SNI), which the chip does not send",
	"protocol version not supported": "the server does not speak TLS 1.2, the chip's only version",
	"insufficient security level":    "the server wants stronger suites than the chip has",
	"bad certificate":                "the server does not like the client's certificate: see tls.cert.auth",
	"unknown certificate authority":  "the server does not know who signed the client's certificate: see tls.cert.auth",
	"certificate required":           "the server wants a certificate of the client: see tls.cert.auth",
}

// explain says what the chip's code of an error is, and in words what is wrong.
func explain(err error) (Code, string) {
	var f failure
	if errors.As(err, &f) {
		return f.code, f.why
	}
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		why := "the server ended it: " + op.Err.Error()
		name := strings.TrimPrefix(op.Err.Error(), "tls: ")
		if advice := alerts[name]; advice != "" {
			why += ". " + advice
		}
		return ErrAlert, why
	}
	for _, t := range texts {
		if strings.Contains(text, t.text) {
			return t.code, t.why
		}
	}
	return ErrUnexpected, text
}
