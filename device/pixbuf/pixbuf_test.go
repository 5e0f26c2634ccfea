package pixbuf

import (
	"bytes"
	"testing"
)

// numbered is a buffer of n bytes 1, 2, 3 …
func numbered(n int) *Buffer {
	b := &Buffer{Pixels: n, Channels: 1, Values: make([]byte, n)}
	for i := range b.Values {
		b.Values[i] = byte(i + 1)
	}
	return b
}

// Up to 32 bytes a circular shift is what it is called, wherever the part lies.
func TestShift(t *testing.T) {
	for offset := range 5 {
		for window := 1; window <= 40; window++ {
			for by := 0; by <= min(window, moved); by++ {
				for _, left := range []bool{false, true} {
					b, want := numbered(50), numbered(50)
					for i := range window {
						to := (i + by) % window
						if left {
							to = (i + window - by) % window
						}
						want.Values[offset+to] = byte(offset + i + 1)
					}
					if b.Shift(Shift{Left: left, Circular: true, By: by, Offset: offset, Window: window}) || !bytes.Equal(b.Values, want.Values) {
						t.Fatalf("%d left %v, %d from %d: %d", by, left, window, offset, b.Values)
					}
				}
			}
		}
	}
}

// What is shifted logically leaves zeros.
func TestShiftLogically(t *testing.T) {
	b := numbered(6)
	b.Shift(Shift{By: 2, Offset: 1, Window: 4})
	if want := []byte{1, 0, 0, 2, 3, 6}; !bytes.Equal(b.Values, want) {
		t.Errorf("%d", b.Values)
	}
	b = numbered(6)
	b.Shift(Shift{Left: true, By: 4, Offset: 2, Window: 4})
	if want := []byte{1, 2, 0, 0, 0, 0}; !bytes.Equal(b.Values, want) {
		t.Errorf("%d", b.Values)
	}
}

// Beyond 32 bytes the second step works 32 bytes further on: on what follows the part
// within the buffer, and behind it.
func TestShiftTooFar(t *testing.T) {
	for _, tt := range []struct {
		s      Shift
		beyond bool
		from   int
		want   []byte // from there on
	}{
		{Shift{Circular: true, By: 33, Window: 40}, false, 30, []byte{39, 40, 72, 1, 2, 3, 4, 5, 6, 7, 8, 41, 42}},
		{Shift{Circular: true, By: 33, Window: 40}, false, 70, []byte{70, 71, 73, 74, 75, 76, 77, 78, 79, 80}},
		{Shift{Circular: true, By: 33, Offset: 40, Window: 40}, true, 70, []byte{79, 80, 0, 41, 42, 43, 44, 45, 46, 47}},
		{Shift{Left: true, Circular: true, By: 64, Window: 64}, true, 46, []byte{79, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}},
	} {
		b := numbered(80)
		if beyond := b.Shift(tt.s); beyond != tt.beyond || len(b.Values) != 80 {
			t.Errorf("%+v: beyond %v", tt.s, beyond)
		}
		if got := b.Values[tt.from:]; !bytes.HasPrefix(got, tt.want) {
			t.Errorf("%+v: %d", tt.s, got)
		}
	}
}
