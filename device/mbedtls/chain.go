package mbedtls

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
)

// Limits of certificates (fw: user_mbedtls.h, x509_crt.c).
const (
	maxKeyBits       = 4096 // MBEDTLS_MPI_MAX_SIZE, 512 bytes
	minRSABits       = 2048 // of mbedtls_x509_crt_profile_default, where chains are verified
	maxIntermediates = 3    // MBEDTLS_X509_MAX_INTERMEDIATE_CA
)

// usable refuses a certificate that the chip can't read or calculate with; whose says whose
// it is: "the server's".
func usable(c *x509.Certificate, whose string) error { return usableKey(c.PublicKey, whose) }

// usableKey is usable for a public key.
func usableKey(public any, whose string) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits > maxKeyBits {
			return failure{ErrLongKey, fmt.Sprintf("%s RSA key has %d bits, and the chip calculates with %d at most", whose, bits, maxKeyBits)}
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return failure{ErrCurve, fmt.Sprintf("%s key is on the curve %s, which the chip has not: P-256 and P-384", whose, key.Curve.Params().Name)}
		}
	case ed25519.PublicKey:
		return failure{ErrX509Alg, whose + " key is one of Ed25519, which the chip has not: RSA and ECDSA"}
	default:
		return failure{ErrX509Alg, whose + " key is of a kind that the chip has not: RSA and ECDSA"}
	}
	return nil
}

// verify checks that a chain leads to a certificate that is trusted. Names and dates are
// not looked at: the chip has no clock, and tells the library no name (fw: user_mbedtls.h,
// MBEDTLS_HAVE_TIME_DATE undefined).
func verify(chain, trusted []*x509.Certificate) error {
	refuse := func(format string, args ...any) error {
		return failure{ErrVerify, "tls.cert.verify: " + fmt.Sprintf(format, args...)}
	}
	if len(trusted) == 0 {
		return refuse("no certificate is there to verify with, so none is good")
	}
	leaf := chain[0]
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse("the server's certificate may not be used to sign")
	}
	usages := leaf.ExtKeyUsage
	if len(usages)+len(leaf.UnknownExtKeyUsage) > 0 && !slices.Contains(usages, x509.ExtKeyUsageServerAuth) && !slices.Contains(usages, x509.ExtKeyUsageAny) {
		return refuse("the server's certificate is not one of a server")
	}
	c := leaf
	for depth := 0; ; depth++ {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSABits {
			return refuse("the key of %s has %d bits: at least %d", c.Subject, key.N.BitLen(), minRSABits)
		}
		if slices.ContainsFunc(trusted, c.Equal) {
			return nil
		}
		if root := issuer(c, trusted, depth); root != nil {
			return nil
		}
		parent := issuer(c, chain[1:], depth)
		switch {
		case parent == nil:
			return refuse("%s is signed by %s, which is not among what is trusted", c.Subject, c.Issuer)
		case depth >= maxIntermediates:
			return refuse("the chain is longer than the chip follows, %d between server and root", maxIntermediates)
		}
		c = parent
	}
}

// issuer finds who has signed a certificate, which stands so far above the server's.
func issuer(c *x509.Certificate, among []*x509.Certificate, depth int) *x509.Certificate {
	for _, p := range among {
		if !slices.Equal(p.RawSubject, c.RawIssuer) || p.MaxPathLenZero && depth > 0 || p.MaxPathLen > 0 && depth > p.MaxPathLen {
			continue
		}
		if c.CheckSignatureFrom(p) == nil {
			return p
		}
	}
	return nil
}
