package broker

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// lab is a broker, and a host for its clients.
type lab struct {
	t     testing.TB
	clock *clock.Clock
	b     *Broker
	host  *peer.Host
	said  []Message
}

func newLab(t testing.TB) *lab {
	x := &lab{t: t, clock: clock.New()}
	w := wire.New(x.clock)
	x.host = peer.New(w, "client", netip.MustParsePrefix("10.0.0.2/24"))
	b, err := New(x.clock, peer.New(w, "broker", netip.MustParsePrefix("10.0.0.1/24")), 1883)
	if err != nil {
		t.Fatal(err)
	}
	b.OnMessage = func(m Message) { x.said = append(x.said, m) }
	x.b = b
	return x
}

func (x *lab) run(d clock.Duration) { x.clock.RunUntil(x.clock.Now().Add(d)) }

// client is a client that keeps what it is sent.
type client struct {
	x    *lab
	tcp  *peer.Conn
	in   []byte
	over bool
}

func (x *lab) dial() *client {
	c := &client{x: x}
	var err error
	if c.tcp, err = x.host.Dial(netip.MustParseAddrPort("10.0.0.1:1883")); err != nil {
		x.t.Fatal(err)
	}
	c.tcp.OnData = func(data []byte) { c.in = append(c.in, data...) }
	c.tcp.OnEnd = func() { c.over = true }
	c.tcp.OnClose = func(error) { c.over = true }
	return c
}

func (c *client) send(p packets.ControlPacket) {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		c.x.t.Fatal(err)
	}
	c.tcp.Write(b.Bytes())
}

// got is what has come, a word each.
func (c *client) got() string {
	c.x.run(100 * clock.Millisecond)
	var out []string
	for len(c.in) > 0 {
		n, _ := packetLength(c.in)
		p, err := packets.ReadPacket(bytes.NewReader(c.in[:n]))
		if err != nil {
			c.x.t.Fatal(err)
		}
		c.in = c.in[n:]
		switch p := p.(type) {
		case *packets.ConnackPacket:
			out = append(out, fmt.Sprintf("connack(%d,%v)", p.ReturnCode, p.SessionPresent))
		case *packets.PublishPacket:
			out = append(out, fmt.Sprintf("publish(%s=%s,%d,%v,%d)", p.TopicName, p.Payload, p.Qos, p.Retain, p.MessageID))
		case *packets.SubackPacket:
			out = append(out, fmt.Sprintf("suback(%v)", p.ReturnCodes))
		default:
			out = append(out, strings.Fields(p.String())[0]+fmt.Sprint(p.Details().MessageID))
		}
	}
	if c.over {
		out = append(out, "end")
	}
	return strings.Join(out, " ")
}

func connect(id string, clean bool) *packets.ConnectPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion, p.ClientIdentifier, p.CleanSession, p.Keepalive = "MQTT", 4, id, clean, 60
	return p
}

func subscribe(filter string, qos byte) *packets.SubscribePacket {
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics, p.Qoss = 7, []string{filter}, []byte{qos}
	return p
}

func publish(topic, payload string, qos byte, retain bool) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.Retain, p.MessageID = topic, []byte(payload), qos, retain, 9
	return p
}

func answer(kind byte, id uint16) packets.ControlPacket {
	p := packets.NewControlPacket(kind)
	switch p := p.(type) {
	case *packets.PubackPacket:
		p.MessageID = id
	case *packets.PubrecPacket:
		p.MessageID = id
	case *packets.PubrelPacket:
		p.MessageID = id
	case *packets.PubcompPacket:
		p.MessageID = id
	}
	return p
}

func (x *lab) want(got, want string) {
	x.t.Helper()
	if got != want {
		x.t.Errorf("came %s\nwant %s", got, want)
	}
}

// TestQualities: messages of each quality, either way, with retained ones and wildcards.
func TestQualities(t *testing.T) {
	x := newLab(t)
	a, b := x.dial(), x.dial()
	a.send(connect("a", true))
	b.send(connect("b", true))
	x.want(a.got(), "connack(0,false)")
	x.want(b.got(), "connack(0,false)")
	b.send(publish("r/1", "kept", 1, true))
	x.want(b.got(), "PUBACK:9")
	a.send(subscribe("r/+", 1))
	x.want(a.got(), "suback([1]) publish(r/1=kept,1,true,1)")
	a.send(answer(packets.Puback, 1))
	b.send(publish("r/2", "two", 2, false))
	x.want(b.got(), "PUBREC:9")
	b.send(publish("r/2", "two", 2, false)) // again
	b.send(answer(packets.Pubrel, 9))
	x.want(b.got(), "PUBREC:9 PUBCOMP:9")
	x.want(a.got(), "publish(r/2=two,1,false,2)")
	a.send(answer(packets.Puback, 2))
	a.send(subscribe("#", 2))
	x.want(a.got(), "suback([2]) publish(r/1=kept,1,true,3)")
	a.send(answer(packets.Puback, 3))
	x.b.Publish("z", []byte("q2"), 2, false)
	x.want(a.got(), "publish(z=q2,2,false,4)")
	a.send(answer(packets.Pubrec, 4))
	x.want(a.got(), "PUBREL:4")
	a.send(answer(packets.Pubcomp, 4))
	a.send(packets.NewControlPacket(packets.Pingreq))
	x.want(a.got(), "PINGRESP:0")
	a.send(subscribe("a/#/b", 0))
	x.want(a.got(), "suback([128])")
	if len(x.said) != 2 || x.said[1].Topic != "r/2" {
		t.Errorf("clients said %v", x.said)
	}
}

// TestSessions: what was not acknowledged comes again, and what came meanwhile.
func TestSessions(t *testing.T) {
	x := newLab(t)
	a := x.dial()
	a.send(connect("a", false))
	a.send(subscribe("t", 2))
	x.want(a.got(), "connack(0,false) suback([2])")
	x.b.Publish("t", []byte("1"), 1, false)
	x.b.Publish("t", []byte("2"), 2, false)
	x.want(a.got(), "publish(t=1,1,false,1) publish(t=2,2,false,2)")
	a.send(answer(packets.Pubrec, 2))
	x.want(a.got(), "PUBREL:2")
	if n := x.b.Drop("a"); n != 1 {
		t.Errorf("dropped %d", n)
	}
	if n, _ := x.b.Publish("t", []byte("3"), 1, false); n != 1 {
		t.Errorf("published to %d", n)
	}
	x.want(a.got(), "end")
	a = x.dial()
	a.send(connect("a", false))
	x.want(a.got(), "connack(0,true) PUBREL:2 publish(t=1,1,false,1) publish(t=3,1,false,3)")
	again := x.dial() // the same client
	again.send(connect("a", true))
	x.want(again.got(), "connack(0,false)")
	x.want(a.got(), "end")
}

// TestWills: a client that is gone without a word leaves its will, one that says so does not.
func TestWills(t *testing.T) {
	x := newLab(t)
	will := connect("a", true)
	will.WillFlag, will.WillTopic, will.WillMessage, will.Keepalive = true, "gone", []byte("a"), 10
	a := x.dial()
	a.send(will)
	a.got()
	a.send(packets.NewControlPacket(packets.Disconnect))
	x.want(a.got(), "end")
	if len(x.said) != 0 {
		t.Errorf("said %v", x.said)
	}
	a = x.dial()
	a.send(will)
	a.got()
	x.run(14 * clock.Second)
	if len(x.said) != 0 || len(x.b.Clients()) != 1 {
		t.Errorf("before the time is over: said %v", x.said)
	}
	x.run(2 * clock.Second)
	x.want(a.got(), "end")
	if len(x.said) != 1 || !x.said[0].Will || len(x.b.Clients()) != 0 {
		t.Errorf("said %v", x.said)
	}
}

// TestRefusals: who is not let in.
func TestRefusals(t *testing.T) {
	x := newLab(t)
	x.b.User, x.b.Password = "u", "p"
	try := func(p *packets.ConnectPacket, want string) {
		t.Helper()
		c := x.dial()
		c.send(p)
		x.want(c.got(), want)
	}
	try(connect("a", true), "connack(4,false) end")
	p := connect("a", true)
	p.UsernameFlag, p.PasswordFlag, p.Username, p.Password = true, true, "u", []byte("p")
	try(p, "connack(0,false)")
	x.b.Refuse = NotAuthorized
	try(p, "connack(5,false) end")
	x.b.Refuse = Accepted
	try(connect("", false), "connack(2,false) end")
	c := x.dial()
	x.want(c.got(), "")
	x.run(20 * clock.Second)
	x.want(c.got(), "end") // says nothing
	x.b.Stop()
	x.want(x.dial().got(), "end")
	if err := x.b.Start(); err != nil || !x.b.Running() {
		t.Error(err)
	}
	try(p, "connack(0,false)")
	if _, err := x.b.Publish("a/+", nil, 0, false); err == nil {
		t.Error("published to a filter")
	}
}

// TestMatches: filters as MQTT 3.1.1, 4.7 has them.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/B", false}, {"a/+", "a/b", true}, {"a/+", "a", false}, {"a/+", "a/b/c", false}, {"+", "/a", false}, {"/+", "/a", true},
		{"a/#", "a", true}, {"a/#", "a/b/c", true}, {"#", "a/b", true}, {"#", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"+/x", "$SYS/x", false}, {"a//b", "a//b", true}, {"a/+/b", "a//b", true},
	} {
		if Matches(c.filter, c.topic) != c.want {
			t.Errorf("%q, %q: not %v", c.filter, c.topic, c.want)
		}
	}
}

// FuzzPackets: whatever a client sends, the broker lives, and lets the next one in.
func FuzzPackets(f *testing.F) {
	add := func(list ...packets.ControlPacket) {
		var b bytes.Buffer
		for _, p := range list {
			p.Write(&b)
		}
		f.Add(b.Bytes())
	}
	add(connect("a", true), subscribe("a/+", 2), publish("a/b", "x", 2, true), answer(packets.Pubrel, 9), packets.NewControlPacket(packets.Pingreq))
	add(connect("a", false), answer(packets.Pubrec, 1), answer(packets.Puback, 0), packets.NewControlPacket(packets.Disconnect))
	f.Add([]byte{0x10, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		x := newLab(t)
		c := x.dial()
		c.tcp.Write(data)
		x.run(clock.Second)
		for _, l := range x.b.links {
			if len(l.in) > MaxPacket+5 {
				t.Errorf("the broker keeps %d bytes", len(l.in))
			}
		}
		next := x.dial()
		next.send(connect("next", true))
		if got := next.got(); !slices.Contains(strings.Fields(got), "connack(0,false)") {
			t.Errorf("after %x: %s", data, got)
		}
	})
}
