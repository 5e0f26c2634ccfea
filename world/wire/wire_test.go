package wire

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// bench is a wire with hosts a, b and c in 10.0.0.0/24 and a gateway g, and a
// log of what arrived where.
type bench struct {
	c   *clock.Clock
	w   *Wire
	nic map[string]*NIC
	log []string
}

func newBench() *bench {
	b := &bench{c: clock.New(), nic: map[string]*NIC{}}
	b.w = New(b.c)
	for i, name := range []string{"a", "b", "c"} {
		b.nic[name] = b.w.Attach(name, b.receiver(name))
		b.nic[name].SetPrefix(netip.PrefixFrom(addr(i+1), 24))
	}
	b.nic["o"] = b.w.Attach("o", b.receiver("o")) // in another network
	b.nic["o"].SetPrefix(netip.MustParsePrefix("10.0.4.1/24"))
	b.nic["g"] = b.w.AttachDefault("g", b.receiver("g"))
	b.nic["g"].SetPrefix(netip.PrefixFrom(addr(254), 24))
	return b
}

func (b *bench) receiver(name string) func(*Packet) {
	return func(p *Packet) { b.log = append(b.log, fmt.Sprintf("%d %s %s", b.c.Now(), name, p.Payload)) }
}

func addr(last int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(last)}) }

func (b *bench) send(from string, dst netip.Addr, payload string) {
	n := b.nic[from]
	n.Send(&Packet{Src: n.Prefix().Addr(), Dst: dst, Proto: UDP, Payload: []byte(payload)})
}

func TestRouting(t *testing.T) {
	tests := []struct {
		name string
		dst  netip.Addr
		want []string
	}{
		{"unicast", addr(2), []string{"2000 b x"}},
		{"unicast to another network", netip.MustParseAddr("10.0.4.1"), []string{"2000 o x"}},
		{"to oneself", addr(1), nil},
		{"nobody's address goes to the gateway", netip.MustParseAddr("1.1.1.1"), []string{"2000 g x"}},
		{"subnet broadcast", addr(255), []string{"2000 b x", "2000 c x", "2000 g x"}},
		{"limited broadcast", netip.MustParseAddr("255.255.255.255"), []string{"2000 b x", "2000 c x", "2000 g x"}},
		{"multicast", netip.MustParseAddr("224.0.0.251"), []string{"2000 b x", "2000 c x", "2000 g x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench()
			b.send("a", test.dst, "x")
			b.c.RunUntil(clock.At(clock.Second))
			if !reflect.DeepEqual(b.log, test.want) {
				t.Errorf("got %q, want %q", b.log, test.want)
			}
		})
	}
}

func TestDetach(t *testing.T) {
	b := newBench()
	var events []string
	b.w.Tap(func(e Event) { events = append(events, e.Kind.String()+" "+e.Reason) })
	b.send("a", addr(2), "under way")
	b.nic["b"].Detach()
	b.c.RunUntil(clock.At(clock.Second))
	if want := []string{"sent ", "routed ", "dropped receiver detached"}; !reflect.DeepEqual(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
}

func TestRules(t *testing.T) {
	host := func(last int) netip.Prefix { return netip.PrefixFrom(addr(last), 32) }
	tests := []struct {
		name  string
		rules func(*bench)
		send  []string // destination host numbers are all b
		want  []string
	}{
		{"latency", func(b *bench) {
			l := NewLink(1)
			l.Latency = 40 * clock.Millisecond
			b.w.AddRule(l)
		}, []string{"1"}, []string{"40000 b 1"}},
		{"bandwidth queues packets one behind the other", func(b *bench) {
			l := NewLink(1)
			l.Bandwidth = 232000 // 29 bytes: 1 ms
			b.w.AddRule(l)
		}, []string{"1", "2"}, []string{"3000 b 1", "4000 b 2"}},
		{"queue limit", func(b *bench) {
			l := NewLink(1)
			l.Bandwidth = 232000
			l.QueueLimit = 500
			b.w.AddRule(l)
		}, []string{"1", "2"}, []string{"3000 b 1"}},
		{"loss by number", func(b *bench) { b.w.AddRule(&LoseNth{Numbers: []int{2}}) },
			[]string{"1", "2", "3"}, []string{"2000 b 1", "2000 b 3"}},
		{"all lost", func(b *bench) {
			l := NewLink(1)
			l.Loss = 1
			b.w.AddRule(l)
		}, []string{"1"}, nil},
		{"other link", func(b *bench) {
			l := NewLink(1)
			l.Match = Match{Src: host(3), Both: true}
			l.Loss = 1
			b.w.AddRule(l)
		}, []string{"1"}, []string{"2000 b 1"}},
		{"partition", func(b *bench) {
			b.w.AddRule(&Partition{On: true, Match: Match{Src: host(2), Dst: host(1), Both: true}})
		}, []string{"1"}, nil},
		{"partition healed", func(b *bench) { b.w.AddRule(&Partition{}) }, []string{"1"}, []string{"2000 b 1"}},
		{"duplicate", func(b *bench) {
			l := NewLink(1)
			l.Duplicate = 1
			b.w.AddRule(l)
		}, []string{"1"}, []string{"2000 b 1", "2000 b 1"}},
		{"reorder", func(b *bench) {
			l := NewLink(1)
			l.Reorder = 1
			l.ReorderBy = 5
			b.w.AddRule(l)
		}, []string{"1"}, []string{"2005 b 1"}},
		{"late, whatever a link makes of it", func(b *bench) {
			b.w.AddRule(RuleFunc(func(_ Passage, f *Fate) { f.Late = 7 }))
			l := NewLink(1)
			l.Latency = 40 * clock.Millisecond
			l.Duplicate = 1
			b.w.AddRule(l)
		}, []string{"1"}, []string{"40007 b 1", "40007 b 1"}},
		{"removed", func(b *bench) { b.w.AddRule(&LoseNth{Numbers: []int{1}})() },
			[]string{"1"}, []string{"2000 b 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench()
			test.rules(b)
			for _, s := range test.send {
				b.send("a", addr(2), s)
			}
			b.c.RunUntil(clock.At(clock.Second))
			if !reflect.DeepEqual(b.log, test.want) {
				t.Errorf("got %q, want %q", b.log, test.want)
			}
		})
	}
}

// TestSeededJitter checks that jitter never reorders and follows from the seed.
func TestSeededJitter(t *testing.T) {
	run := func(seed uint64) []string {
		b := newBench()
		l := NewLink(seed)
		l.Jitter = 10 * clock.Millisecond
		b.w.AddRule(l)
		for i := range 50 {
			b.send("a", addr(2), string(rune('A'+i)))
			b.c.RunUntil(b.c.Now().Add(clock.Millisecond))
		}
		b.c.RunUntil(clock.At(clock.Second))
		return b.log
	}
	one, same, other := run(1), run(1), run(2)
	if !reflect.DeepEqual(one, same) {
		t.Error("same seed, different times")
	}
	if reflect.DeepEqual(one, other) {
		t.Error("another seed, same times")
	}
	for i, line := range one {
		if line[len(line)-1] != byte('A'+i) {
			t.Fatalf("packet %d overtaken: %q", i, one)
		}
	}
}
