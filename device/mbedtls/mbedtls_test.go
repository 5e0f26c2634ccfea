package mbedtls

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// chip is a Host with so much heap, none of it used by others.
type chip struct {
	*rand.Rand
	heap *heap.Heap
}

func newChip(size int) chip {
	return chip{rand.New(rand.NewPCG(1, 2)), heap.New(heap.Config{Size: size})}
}

func (c chip) Malloc(n int, k heap.Kind) (heap.Block, bool) { return c.heap.Alloc(n, k) }
func (c chip) Free(b *heap.Block, k heap.Kind)              { c.heap.FreeNative(b, k); *b = heap.Block{} }
func (c chip) Random() uint32                               { return c.Uint32() }
func (c chip) Compute(clock.Duration)                       {}

// The number that programs get is the low byte of what the firmware makes of a code.
func TestStatus(t *testing.T) {
	for code, want := range map[Code][2]int{
		ErrMemory: {-1, -1}, ErrContext: {-69, -69}, ErrVerify: {-39, -39}, ErrRecord: {-114, -114},
		ErrAlert: {-0x77f7, 9}, ErrPeerClosed: {-0x78f8, 8}, ErrAlloc: {-127, -127},
	} {
		if got := code.Status(); int(got) != want[0] || int(int8(got)) != want[1] {
			t.Errorf("-0x%x: %d, %d; want %v", -int(code), got, int8(got), want)
		}
	}
}

func TestPage(t *testing.T) {
	var p Page
	if !p.Empty() {
		t.Error("not empty")
	}
	if _, ok := p.Find(""); ok {
		t.Error("an empty page has something")
	}
	p.Store([]Entry{{"certificate", []byte("abc")}, {"private_key", []byte("defg")}})
	for name, want := range map[string]string{"": "abc", "certificate": "abc", "private_key": "defg"} {
		if got, ok := p.Find(name); !ok || string(got) != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	if _, ok := p.Find("other"); ok || p.Empty() {
		t.Error("other")
	}
}

func certificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	list, err := ParseCertificates([]byte(tlspeer.PEM(t, name+".pem")))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
}

func TestParse(t *testing.T) {
	ca, client := tlspeer.PEM(t, "ca.pem"), tlspeer.PEM(t, "client.pem")
	der, _ := pem.Decode([]byte(ca))
	for name, tt := range map[string]struct {
		text string
		n    int
	}{
		"two, and something between": {ca + "words\n" + client, 2},
		"one of two":                 {strings.Replace(ca, "MII", "AAA", 1) + client, 1},
		"DER with a zero behind":     {string(der.Bytes) + "\x00", 1},
		"none":                       {"words", 0},
		"a key":                      {tlspeer.PEM(t, "client.key"), 0},
		"nothing":                    {"", 0},
	} {
		if list, err := ParseCertificates([]byte(tt.text)); len(list) != tt.n || (err == nil) != (tt.n > 0) {
			t.Errorf("%s: %d, %v", name, len(list), err)
		}
	}
	for _, name := range []string{"client.key", "ecdsa.key"} {
		if _, err := ParseKey([]byte(tlspeer.PEM(t, name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseKey([]byte(ca)); err == nil {
		t.Error("a certificate is a key")
	}
	// openssl ecparam writes the curve before the key.
	if _, err := ParseKey([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + ca + tlspeer.PEM(t, "ecdsa.key"))); err != nil {
		t.Errorf("something before the key: %v", err)
	}
	// What the chip can't calculate with can't be used for whom to trust, or who it is.
	edwards, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{"P-521": []byte(tlspeer.PEM(t, "p521.key")), "Ed25519": edwards} {
		if _, err := ParseKey(key); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a key of %s: %v", name, err)
		}
	}
	if _, err := ParseCertificates([]byte(tlspeer.PEM(t, "p521.pem"))); err == nil || !strings.Contains(err.Error(), "its key is on the curve P-521") {
		t.Errorf("P-521: %v", err)
	}
}

func TestChain(t *testing.T) {
	ca, rsa, client := certificate(t, "ca"), certificate(t, "rsa"), certificate(t, "client")
	for name, tt := range map[string]struct {
		chain, trusted []*x509.Certificate
		ok             bool
	}{
		"by the CA":              {[]*x509.Certificate{rsa}, []*x509.Certificate{ca}, true},
		"with the CA sent along": {[]*x509.Certificate{rsa, ca}, []*x509.Certificate{ca}, true},
		"itself":                 {[]*x509.Certificate{rsa}, []*x509.Certificate{rsa}, true},
		"not trusted":            {[]*x509.Certificate{rsa, ca}, []*x509.Certificate{client}, false},
		"a client's":             {[]*x509.Certificate{client}, []*x509.Certificate{ca}, false},
		"nobody":                 {[]*x509.Certificate{rsa}, nil, false},
	} {
		if err := verify(tt.chain, tt.trusted); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// flights returns what a server sends to a session whose random numbers are those of
// newChip, message by message, and the session.
func conversation(t testing.TB) (flights [][]byte, end *Session) {
	t.Helper()
	server, wire := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{tlspeer.Certificate(t, "ecdsa")}})
		c.Write([]byte("hello"))
		c.Close()
	}()
	t.Cleanup(func() { wire.Close(); <-done })
	s, _ := New(newChip(100000))
	out := make(chan []byte, 10)
	s.Send = func(data []byte) Code { out <- slices.Clone(data); return OK }
	if code := s.Start(Credentials{}); code != OK {
		t.Fatal(code)
	}
	go func() {
		for data := range out {
			wire.Write(data)
		}
	}()
	defer close(out)
	buffer := make([]byte, 1<<16)
	for {
		n, err := wire.Read(buffer)
		if err != nil {
			break
		}
		flights = append(flights, slices.Clone(buffer[:n]))
		s.Take(buffer[:n])
		if !s.Established() {
			if code := s.Handshake(); code != OK {
				t.Fatal(code, s.Why)
			}
			continue
		}
		if n, code := s.Read(buffer); n != 5 && code != ErrPeerClosed {
			t.Fatal(n, code, s.Why)
		}
	}
	return flights, s
}

// Nothing is left of the heap's when a session is over.
func TestNothingLeft(t *testing.T) {
	_, s := conversation(t)
	c := s.host.(chip)
	if len(s.Parts()) == 0 {
		t.Error("it holds nothing")
	}
	s.Free()
	if used := c.heap.Stats(); c.heap.Used() != newChip(100000).heap.Used() {
		t.Errorf("%+v", used)
	}
}

// FuzzServer lets a hostile server answer: the session ends with an error or waits, and
// data comes in pieces that the chip can hold.
func FuzzServer(f *testing.F) {
	flights, s := conversation(f)
	s.Free()
	f.Add(slices.Concat(flights...), byte(7))
	for _, b := range flights {
		f.Add(b, byte(200))
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, cut byte) {
		c := newChip(60000)
		before := c.heap.Used()
		s, ok := New(c)
		if !ok {
			t.Fatal("no memory")
		}
		sent := 0
		s.Send = func(b []byte) Code {
			if sent += len(b); sent > 100000 {
				return ErrMemory
			}
			return OK
		}
		code := s.Start(Credentials{})
		buffer := make([]byte, 1460)
		for len(data) > 0 && code == OK {
			n := min(int(cut)+1, len(data))
			s.Take(data[:n])
			data = data[n:]
			if code = s.Handshake(); code != OK || !s.Established() {
				continue
			}
			for range 100 {
				n, err := s.Read(buffer)
				if code = err; n == 0 {
					break
				}
			}
		}
		if code != OK && s.Why == "" && code != ErrPeerClosed {
			t.Errorf("-0x%x without a reason", -int(code))
		}
		s.Free()
		if c.heap.Used() != before {
			t.Errorf("%d bytes are left", c.heap.Used()-before)
		}
	})
}
