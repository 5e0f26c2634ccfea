package pin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/part"
)

// memory is a part on a bus that takes what is written and gives it back.
type memory struct {
	address byte
	log     strings.Builder
	data    []byte
	read    bool
}

func (m *memory) Begin(address byte, read bool) bool {
	m.read = read
	return address == m.address
}

func (m *memory) Clocked(out byte) (byte, bool) {
	if !m.read {
		m.data = append(m.data, out)
		return idle, len(m.data) <= 2
	}
	if len(m.data) == 0 {
		return idle, false
	}
	b := m.data[0]
	m.data = m.data[1:]
	return b, false
}

func (m *memory) End() { fmt.Fprintf(&m.log, "end %d; ", len(m.data)) }

func TestBus(t *testing.T) {
	var b Bus
	a, c := &memory{address: 0x40}, &memory{address: 0x41}
	for _, l := range []part.Listener{a, c} {
		part.Bus(&b).Attach(l)
	}
	if b.Begin(0x42, false) {
		t.Error("a part answers that is not there")
	}
	if in, ack := b.Clock(1); in != idle || ack {
		t.Errorf("nobody is meant: %#x, ack %v", in, ack)
	}
	if !b.Begin(0x40, false) {
		t.Fatal("the part does not answer")
	}
	for i, want := range []bool{true, true, false} {
		if _, ack := b.Clock(byte(0x10 + i)); ack != want {
			t.Errorf("byte %d: ack %v", i, ack)
		}
	}
	b.End()
	b.Begin(0x40, true)
	if in, _ := b.Clock(idle); in != 0x10 {
		t.Errorf("read %#x", in)
	}
	b.End()
	if got := a.log.String(); got != "end 3; end 2; " || c.log.Len() > 0 {
		t.Errorf("ends: %q, of the other part %q", got, c.log.String())
	}
	c.address = 0x40 // two parts of one address
	c.data = []byte{0x0f}
	a.data = []byte{0x3c}
	b.Begin(0x40, true)
	if in, _ := b.Clock(idle); in != 0x0c {
		t.Errorf("two parts at once: %#x, want what both let be 1", in)
	}
}
