package mbedtls

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
)

// ParseCertificates reads certificates: any number as PEM, or one as DER (fw:
// mbedtls_x509_crt_parse). Of several, those that can't be read are left out; an error
// means that none can.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN CERTIFICATE-----")) {
		c, err := parseDER(data)
		if err != nil {
			return nil, err
		}
		return []*x509.Certificate{c}, nil
	}
	var list []*x509.Certificate
	first := errors.New("the text between BEGIN and END is not base64")
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := parseDER(block.Bytes)
		if err != nil {
			first = err
			continue
		}
		list = append(list, c)
	}
	if list == nil {
		return nil, first
	}
	return list, nil
}

// parseDER reads a certificate, behind which may be something.
func parseDER(data []byte) (*x509.Certificate, error) {
	const header = 4 // of a sequence of 256 to 65535 bytes, which a certificate is
	if len(data) > header && data[0] == 0x30 && data[1] == 0x82 {
		if n := header + int(data[2])<<8 + int(data[3]); n < len(data) {
			data = data[:n]
		}
	}
	c, err := x509.ParseCertificate(data)
	if err == nil {
		err = usable(c, "its")
	}
	return c, err
}

// ParseKey reads a private key, as PEM or DER, in one of its usual forms (fw:
// mbedtls_pk_parse_key). PEM may have something else before it.
func ParseKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if data = block.Bytes; strings.HasSuffix(block.Type, "PRIVATE KEY") {
			break
		}
	}
	key, err := parseKey(data)
	if err == nil {
		err = usableKey(key.Public(), "the")
	}
	return key, err
}

func parseKey(der []byte) (crypto.Signer, error) {
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("it is not a key that signs")
	}
	return signer, nil
}

// A page of the flash holds what tls.cert.verify or tls.cert.auth has stored: entries of a
// name (32 bytes), a length (2) and bytes, and 0xff behind the last (fw: app/modules/tls.c,
// append_pem_blob).
const (
	PageSize   = 4096
	pageName   = 32
	PageHeader = pageName + 2
)

// Page is such a page. The zero value is one that was never written.
type Page struct{ data []byte }

// Entry is a part of a page.
type Entry struct {
	Name string
	Data []byte
}

// Store replaces what a page holds.
func (p *Page) Store(entries []Entry) {
	page := bytes.Repeat([]byte{0xff}, PageSize)
	at := page
	for _, e := range entries {
		clear(at[:pageName])
		copy(at, e.Name)
		at[pageName], at[pageName+1] = byte(len(e.Data)), byte(len(e.Data)>>8)
		copy(at[PageHeader:], e.Data)
		at = at[PageHeader+len(e.Data):]
	}
	p.data = page
}

// Empty reports whether nothing was stored.
func (p *Page) Empty() bool { return p.data == nil }

// Find returns the first entry of a name, or the first of all for "".
func (p *Page) Find(name string) ([]byte, bool) {
	for at := p.data; len(at) >= PageHeader; {
		n := int(at[pageName]) + int(at[pageName+1])<<8
		if n == 0xffff || PageHeader+n > len(at) {
			break
		}
		if name == "" || bytes.HasPrefix(at, []byte(name)) {
			return at[PageHeader : PageHeader+n], true
		}
		at = at[PageHeader+n:]
	}
	return nil, false
}

// Flash is what the chip's flash holds for TLS, which outlives resets.
type Flash struct {
	CA  Page // to verify servers with
	Own Page // the client's certificate and key
}
