package secure

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/steadytls"
)

// Certificates that follow from a seed and a date alone. Keys are of ECDSA with P-256, the
// smallest and fastest that the ESP8266 has.

// Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
	random      *rand.Rand
	issued      int
}

// Subject is whom a certificate is for.
type Subject struct {
	// Name is a host's name or address, or a client's name.
	Name string
	// From and To bound its time.
	From, To time.Time
	// Client makes it one of a client.
	Client bool
	// Between is how many certificates stand between it and the authority's.
	Between int
}

// NewAuthority makes an authority of a name in ASCII. Its certificate is good at all dates
// that a world can have, so that it follows from the random numbers alone.
func NewAuthority(name string, random *rand.Rand) *Authority {
	a := &Authority{random: random}
	a.key = a.newKey()
	c := a.template(name, time.Unix(0, 0).UTC(), time.Date(2049, time.December, 31, 0, 0, 0, 0, time.UTC))
	authority(c)
	a.Certificate = made(a.sign(c, c, a.key.Public(), a.key))
	return a
}

// PEM is its certificate.
func (a *Authority) PEM() string { return encode("CERTIFICATE", a.Certificate.Raw) }

// Issue makes a key and a certificate, with those between it and the authority's. It fails
// where the name cannot be one in a certificate.
func (a *Authority) Issue(s Subject) (tls.Certificate, error) {
	parent, by := a.Certificate, a.key
	var chain [][]byte
	for n := range s.Between {
		key := a.newKey()
		c := a.template(fmt.Sprintf("%s %d", a.Certificate.Subject.CommonName, n+1), a.Certificate.NotBefore, a.Certificate.NotAfter)
		authority(c)
		parent, by = made(a.sign(c, parent, key.Public(), by)), key
		chain = append([][]byte{parent.Raw}, chain...)
	}
	key := a.newKey()
	c := a.template(s.Name, s.From, s.To)
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if s.Client {
		c.ExtKeyUsage[0] = x509.ExtKeyUsageClientAuth
	} else if addr, err := netip.ParseAddr(s.Name); err == nil {
		c.IPAddresses = append(c.IPAddresses, addr.AsSlice())
	} else {
		c.DNSNames = []string{s.Name}
	}
	own, err := a.sign(c, parent, key.Public(), by)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%q cannot be the name in a certificate: %w", s.Name, err)
	}
	return tls.Certificate{Certificate: append([][]byte{own.Raw}, chain...), PrivateKey: key, Leaf: own}, nil
}

// MaxName is how long a common name may be, in bytes (RFC 5280, ub-common-name). A host with
// a longer one has it as an alternative name only.
const MaxName = 64

func (a *Authority) template(name string, from, to time.Time) *x509.Certificate {
	a.issued++
	c := &x509.Certificate{SerialNumber: big.NewInt(int64(a.issued)), NotBefore: from, NotAfter: to, BasicConstraintsValid: true}
	if len(name) <= MaxName {
		c.Subject = pkix.Name{CommonName: name}
	}
	return c
}

// authority makes a template that of a certificate which signs others.
func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
}

func (a *Authority) sign(c, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(steadytls.Random(a.random.Uint32), c, parent, public, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// made is what cannot fail: a certificate with a name of ours.
func made(c *x509.Certificate, err error) *x509.Certificate {
	if err != nil {
		panic("secure: " + err.Error())
	}
	return c
}

func (a *Authority) newKey() crypto.Signer {
	for {
		var scalar [32]byte // of P-256; a number that is too large is a case in 2^32
		steadytls.Random(a.random.Uint32).Read(scalar[:])
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]); err == nil {
			return steadytls.Deterministic(key)
		}
	}
}

// KeyPEM is the key of a certificate that an authority has issued, as "EC PRIVATE KEY".
func KeyPEM(c tls.Certificate) string {
	der, err := x509.MarshalECPrivateKey(c.PrivateKey.(steadytls.Key).PrivateKey)
	if err != nil {
		panic(fmt.Sprintf("secure: a key: %v", err))
	}
	return encode("EC PRIVATE KEY", der)
}

// ChainPEM is a certificate and those between it and its root.
func ChainPEM(c tls.Certificate) string {
	text := ""
	for _, der := range c.Certificate {
		text += encode("CERTIFICATE", der)
	}
	return text
}

func encode(kind string, der []byte) string {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}) // a buffer takes everything
	return b.String()
}

// ParsePair reads a certificate, those between it and its root, and its key, all PEM.
func ParsePair(certificate, key string) (tls.Certificate, error) {
	c, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		return c, err
	}
	signer, ok := c.PrivateKey.(crypto.Signer)
	if !ok {
		return c, errors.New("it is not a key that signs")
	}
	c.PrivateKey = steadytls.Deterministic(signer)
	return c, nil
}
