package steadytls

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"
)

// A signature does not depend on the random numbers that it is offered, and holds.
func TestDeterministic(t *testing.T) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a message"))
	key := Deterministic(own)
	a, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%x, then %x, %v", a, b, err)
	}
	if !ecdsa.VerifyASN1(&own.PublicKey, digest[:], a) {
		t.Error("it does not hold")
	}
}

// The single byte that Go's library reads or does not read takes nothing.
func TestRandom(t *testing.T) {
	read := func(sizes ...int) []byte {
		n := uint32(0)
		r := Random(func() uint32 { n++; return n })
		var all []byte
		for _, size := range sizes {
			b := make([]byte, size)
			if _, err := r.Read(b); err != nil {
				t.Fatal(err)
			}
			if size > 1 {
				all = append(all, b...)
			}
		}
		return all
	}
	want := []byte{1, 0, 0, 0, 2, 0, 3, 0, 0, 0}
	for _, sizes := range [][]int{{6, 4}, {1, 6, 4}, {6, 1, 4}} {
		if got := read(sizes...); !bytes.Equal(got, want) {
			t.Errorf("%v: %v, want %v", sizes, got, want)
		}
	}
}
