// Package broker is an MQTT 3.1.1 broker on a host in a world: event-driven, on the world's
// clock, without a goroutine or a socket of the host. Tests use it as the other end of a
// device's mqtt client, and do to it what brokers do on bad days: it refuses clients, drops
// them, is gone for a while.
//
//	b, err := broker.New(clock, host, 1883)
//	b.OnMessage = func(m broker.Message) { … }
//	b.Publish("lamp/set", []byte("on"), 1, false)
//
// It has sessions that outlive connections, wills, retained messages, wildcards and all
// qualities of service. Packets are read and written by Paho's codec; one that is longer
// than MaxPacket, or none, ends the connection, as [MQTT-4.8.0-1] asks for.
//
// It knows hosts and the clock. It knows nothing of devices or Lua.
package broker

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Bounds of what a client can make the broker keep.
const (
	MaxPacket   = 256 << 10 // bytes
	MaxQueue    = 1000      // messages that wait for a client
	MaxSessions = 1000
	MaxRetained = 16 << 20 // bytes of retained messages
	MaxFilters  = 1000     // of one client
	MaxPending  = 1 << 20  // bytes that a client has not taken: messages of quality 0 are then lost
)

// Codes of CONNACK (MQTT 3.1.1, table 3.1).
const (
	Accepted           = packets.Accepted
	BadProtocol        = packets.ErrRefusedBadProtocolVersion
	IDRejected         = packets.ErrRefusedIDRejected
	Unavailable        = packets.ErrRefusedServerUnavailable
	BadUserOrPassword  = packets.ErrRefusedBadUsernameOrPassword
	NotAuthorized      = packets.ErrRefusedNotAuthorised
	subscriptionFailed = 0x80
)

// Message is what a client has published.
type Message struct {
	Time    clock.Time
	Client  string // its identifier; "": the broker's own
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Will    bool // published by the broker because the client is gone without a word
}

// Client is a client that is connected.
type Client struct {
	ID            string
	User          string
	CleanSession  bool
	KeepAlive     clock.Duration
	Subscriptions []string // "filter" in the order of the alphabet
}

// Broker is a broker. Its fields may be changed at any time.
type Broker struct {
	// User and Password, where User is not "", are what clients must give.
	User, Password string
	// Refuse is the code with which clients are refused; Accepted: they are not.
	Refuse byte
	// Secure, if set, makes TLS of a client's connection: see package secure.
	Secure func(*peer.Conn)
	// OnMessage is told each message that a client publishes, and each will.
	OnMessage func(Message)
	// OnChange is called when a client has come, gone, or changed its subscriptions.
	OnChange func()

	clock         *clock.Clock
	host          *peer.Host
	port          uint16
	listener      *peer.Listener
	links         []*link
	sessions      map[string]*session
	retained      map[string]Message
	retainedBytes int
	named         int // clients without an identifier that were given one
}

// session is what the broker knows of a client, also while it is not connected, unless its
// session is clean.
type session struct {
	id      string
	clean   bool
	filters map[string]byte // quality of service by filter
	queue   []*outgoing     // not acknowledged, first those that were sent
	last    uint16          // packet identifier
	arrived map[uint16]bool // of quality 2, until they are released
	link    *link           // nil: not connected
}

// outgoing is a message on its way to a client.
type outgoing struct {
	Message
	id       uint16
	sent     bool
	released bool // quality 2: PUBREC has come
}

// link is a connection to the broker.
type link struct {
	b       *Broker
	tcp     *peer.Conn
	in      []byte
	session *session // nil until CONNECT
	user    string
	will    *Message
	alive   clock.Duration
	timer   *clock.Event
	over    bool
}

// New starts a broker on a port of a host.
func New(c *clock.Clock, host *peer.Host, port uint16) (*Broker, error) {
	b := &Broker{clock: c, host: host, port: port, sessions: map[string]*session{}, retained: map[string]Message{}}
	return b, b.Start()
}

// Start has the broker accept connections, after Stop.
func (b *Broker) Start() error {
	if b.listener != nil {
		return nil
	}
	l, err := b.host.Listen(b.port, b.accept)
	if err != nil {
		return err
	}
	b.listener = l
	return nil
}

// Stop ends all connections with a reset, and refuses further ones. Sessions and retained
// messages stay.
func (b *Broker) Stop() {
	if b.listener == nil {
		return
	}
	b.listener.Close()
	b.listener = nil
	b.Drop("")
}

// Running reports whether the broker accepts connections.
func (b *Broker) Running() bool { return b.listener != nil }

// Drop ends the connection of a client with a reset, or of all for "", and publishes the
// will. It returns how many there were.
func (b *Broker) Drop(id string) int {
	n := 0
	for _, l := range slices.Clone(b.links) {
		if id == "" || l.session != nil && l.session.id == id {
			l.tcp.Abort()
			l.end(true)
			n++
		}
	}
	return n
}

// Clients lists those that are connected, in the order in which they came.
func (b *Broker) Clients() []Client {
	var out []Client
	for _, l := range b.links {
		if s := l.session; s != nil {
			c := Client{ID: s.id, User: l.user, CleanSession: s.clean, KeepAlive: l.alive}
			for f := range s.filters {
				c.Subscriptions = append(c.Subscriptions, f)
			}
			slices.Sort(c.Subscriptions)
			out = append(out, c)
		}
	}
	return out
}

// Publish publishes a message to those who have subscribed to its topic, and returns how
// many those are, connected or not.
func (b *Broker) Publish(topic string, payload []byte, qos byte, retain bool) (int, error) {
	if err := CheckTopic(topic); err != nil {
		return 0, err
	}
	if qos > 2 {
		return 0, errors.New("qos is 0, 1 or 2")
	}
	if len(topic)+len(payload) > MaxPacket-16 {
		return 0, fmt.Errorf("topic and payload are longer than %d bytes", MaxPacket-16)
	}
	return b.publish(Message{Time: b.clock.Now(), Topic: topic, Payload: bytes.Clone(payload), QoS: qos, Retain: retain}), nil
}

// CheckTopic says what is wrong with a topic to publish to.
func CheckTopic(topic string) error {
	if topic == "" || strings.ContainsAny(topic, "+#\x00") || len(topic) > 65535 {
		return fmt.Errorf("%q is no topic to publish to: it is not empty and has no + and #", topic)
	}
	return nil
}

// checkFilter reports whether a filter is well formed [MQTT-4.7.1-2, MQTT-4.7.1-3].
func checkFilter(filter string) bool {
	levels := strings.Split(filter, "/")
	for i, l := range levels {
		if strings.ContainsAny(l, "+#") && len(l) > 1 || l == "#" && i < len(levels)-1 {
			return false
		}
	}
	return filter != "" && !strings.Contains(filter, "\x00")
}

// Matches reports whether a topic matches a filter with wildcards.
func Matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") != strings.HasPrefix(filter, "$") {
		return false
	}
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, l := range f {
		switch {
		case l == "#":
			return true
		case i >= len(t) || l != "+" && l != t[i]:
			return false
		}
	}
	return len(f) == len(t)
}

func (b *Broker) changed() {
	if b.OnChange != nil {
		b.OnChange()
	}
}

// publish has a message go to where it belongs.
func (b *Broker) publish(m Message) int {
	if m.Retain {
		b.retain(m)
	}
	n := 0
	for _, id := range slices.Sorted(maps.Keys(b.sessions)) {
		s := b.sessions[id]
		qos, found := byte(0), false
		for f, q := range s.filters {
			if Matches(f, m.Topic) {
				qos, found = max(qos, q), true
			}
		}
		if found {
			n++
			out := m
			out.QoS, out.Retain = min(qos, m.QoS), false
			s.deliver(out)
		}
	}
	return n
}

// retain keeps a message for those who subscribe later, or takes away what there is
// [MQTT-3.3.1-5, MQTT-3.3.1-10].
func (b *Broker) retain(m Message) {
	if old, there := b.retained[m.Topic]; there {
		b.retainedBytes -= len(old.Topic) + len(old.Payload)
		delete(b.retained, m.Topic)
	}
	size := len(m.Topic) + len(m.Payload)
	if len(m.Payload) == 0 || b.retainedBytes+size > MaxRetained {
		return
	}
	b.retained[m.Topic] = m
	b.retainedBytes += size
}

// deliver sends a message to a client, or keeps it.
func (s *session) deliver(m Message) {
	if m.QoS == 0 {
		if s.link != nil && s.link.tcp.Pending() < MaxPending {
			s.link.sendMessage(&outgoing{Message: m})
		}
		return
	}
	if len(s.queue) >= MaxQueue {
		return
	}
	s.queue = append(s.queue, &outgoing{Message: m})
	s.flush()
}

// flush sends what was not sent yet.
func (s *session) flush() {
	if s.link == nil {
		return
	}
	for _, o := range s.queue {
		if !o.sent {
			if o.id == 0 {
				o.id = s.nextID()
			}
			o.sent = true
			s.link.sendMessage(o)
		}
	}
}

// nextID is a packet identifier that is not in use.
func (s *session) nextID() uint16 {
	for {
		if s.last++; s.last != 0 && !slices.ContainsFunc(s.queue, func(o *outgoing) bool { return o.id == s.last }) {
			return s.last
		}
	}
}

func (s *session) waiting(id uint16) *outgoing {
	for _, o := range s.queue {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (s *session) done(id uint16) {
	s.queue = slices.DeleteFunc(s.queue, func(o *outgoing) bool { return o.id == id })
}

// accept takes a connection.
func (b *Broker) accept(tcp *peer.Conn) {
	l := &link{b: b, tcp: tcp}
	b.links = append(b.links, l)
	tcp.OnData = l.received
	tcp.OnEnd = func() { l.end(true) }
	tcp.OnClose = func(error) { l.end(true) }
	if b.Secure != nil {
		b.Secure(tcp)
	}
	l.alive = connectTime
	l.watch()
}

// connectTime is how long a connection may take to its CONNECT.
const connectTime = 10 * clock.Second

// watch ends the connection when nothing comes for one and a half times the keep-alive time
// [MQTT-3.1.2-24].
func (l *link) watch() {
	l.timer.Stop()
	if l.alive > 0 {
		l.timer = l.b.clock.After(l.alive+l.alive/2, func() { l.fail() })
	}
}

// fail ends the connection because of what the client did.
func (l *link) fail() {
	if !l.over {
		l.tcp.Abort()
		l.end(true)
	}
}

// end is the end of a connection; will says that the will is to be published.
func (l *link) end(will bool) {
	if l.over {
		return
	}
	b := l.b
	l.over = true
	l.timer.Stop()
	b.links = slices.DeleteFunc(b.links, func(x *link) bool { return x == l })
	if s := l.session; s != nil && s.link == l {
		s.link = nil
		if s.clean {
			delete(b.sessions, s.id)
		}
	}
	if will && l.will != nil {
		m := *l.will
		m.Time = b.clock.Now()
		b.tell(m)
		b.publish(m)
	}
	b.changed()
}

func (b *Broker) tell(m Message) {
	if b.OnMessage != nil {
		b.OnMessage(m)
	}
}

// received takes bytes, of which packets are made.
func (l *link) received(data []byte) {
	l.in = append(l.in, data...)
	for !l.over {
		n, ok := packetLength(l.in)
		switch {
		case !ok:
			l.fail()
			return
		case n == 0 || len(l.in) < n:
			return
		}
		p, err := packets.ReadPacket(bytes.NewReader(l.in[:n]))
		if err != nil {
			l.fail()
			return
		}
		l.in = l.in[n:]
		l.watch()
		l.packet(p)
	}
}

// packetLength is how long the packet is that begins there: 0 as long as that is not known.
// ok is false for what is no packet, or too long.
func packetLength(b []byte) (n int, ok bool) {
	for i := 1; i < len(b); i++ {
		n |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i]&0x80 == 0 {
			return n + i + 1, n <= MaxPacket
		}
		if i == 4 {
			return 0, false
		}
	}
	return 0, true
}

func (l *link) send(p packets.ControlPacket) {
	var b bytes.Buffer
	if p.Write(&b) == nil && !l.over {
		l.tcp.Write(b.Bytes())
	}
}

func (l *link) sendMessage(o *outgoing) {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.Retain, p.MessageID = o.Topic, o.Payload, o.QoS, o.Retain, o.id
	l.send(p)
}

// packet takes one packet of the client's.
func (l *link) packet(p packets.ControlPacket) {
	if c, ok := p.(*packets.ConnectPacket); ok != (l.session == nil) {
		l.fail() // the first packet is CONNECT, and no other [MQTT-3.1.0-1, MQTT-3.1.0-2]
		return
	} else if ok {
		l.connect(c)
		return
	}
	s := l.session
	switch p := p.(type) {
	case *packets.PublishPacket:
		l.published(p)
	case *packets.PubackPacket:
		s.done(p.MessageID)
	case *packets.PubrecPacket:
		if o := s.waiting(p.MessageID); o != nil {
			o.released = true
		}
		l.sendRelease(p.MessageID)
	case *packets.PubrelPacket:
		delete(s.arrived, p.MessageID)
		a := packets.NewControlPacket(packets.Pubcomp).(*packets.PubcompPacket)
		a.MessageID = p.MessageID
		l.send(a)
	case *packets.PubcompPacket:
		s.done(p.MessageID)
	case *packets.SubscribePacket:
		l.subscribe(p)
	case *packets.UnsubscribePacket:
		for _, f := range p.Topics {
			delete(s.filters, f)
		}
		a := packets.NewControlPacket(packets.Unsuback).(*packets.UnsubackPacket)
		a.MessageID = p.MessageID
		l.send(a)
		l.b.changed()
	case *packets.PingreqPacket:
		l.send(packets.NewControlPacket(packets.Pingresp))
	case *packets.DisconnectPacket:
		l.tcp.Close()
		l.end(false)
	default:
		l.fail()
	}
}

func (l *link) sendRelease(id uint16) {
	a := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
	a.MessageID = id
	l.send(a)
}

// connect takes a CONNECT.
func (l *link) connect(p *packets.ConnectPacket) {
	b := l.b
	code := p.Validate()
	if code == packets.ErrProtocolViolation || p.WillFlag && (CheckTopic(p.WillTopic) != nil || p.WillQos > 2) {
		l.fail()
		return
	}
	if code == Accepted {
		_, known := b.sessions[p.ClientIdentifier]
		switch {
		case b.Refuse != Accepted:
			code = b.Refuse
		case b.User != "" && (p.Username != b.User || string(p.Password) != b.Password):
			code = BadUserOrPassword
		case !known && len(b.sessions) >= MaxSessions:
			code = Unavailable
		}
	}
	ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
	if ack.ReturnCode = code; code != Accepted {
		l.send(ack)
		l.tcp.Close()
		l.end(false)
		return
	}
	id := p.ClientIdentifier
	if id == "" {
		b.named++
		id = fmt.Sprintf("auto-%d", b.named)
	}
	s := b.sessions[id]
	if s != nil && s.link != nil { // the same client again [MQTT-3.1.4-2]
		old := s.link
		old.tcp.Abort()
		old.end(true)
		s = b.sessions[id]
	}
	if p.CleanSession || s == nil {
		s = &session{id: id, filters: map[string]byte{}, arrived: map[uint16]bool{}}
		b.sessions[id] = s
	} else {
		ack.SessionPresent = true
	}
	s.clean, s.link = p.CleanSession, l
	l.session, l.user = s, p.Username
	l.alive = clock.Duration(p.Keepalive) * clock.Second
	if p.WillFlag {
		l.will = &Message{Client: id, Topic: p.WillTopic, Payload: p.WillMessage, QoS: p.WillQos, Retain: p.WillRetain, Will: true}
	}
	l.watch()
	l.send(ack)
	for _, o := range s.queue { // again what was not acknowledged [MQTT-4.4.0-1]
		if o.sent && o.released {
			l.sendRelease(o.id)
		} else {
			o.sent = false
		}
	}
	s.flush()
	b.changed()
}

// published takes a PUBLISH.
func (l *link) published(p *packets.PublishPacket) {
	s := l.session
	if CheckTopic(p.TopicName) != nil || p.Qos > 2 || p.Qos > 0 && p.MessageID == 0 {
		l.fail()
		return
	}
	again := false
	switch p.Qos {
	case 1:
		a := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		a.MessageID = p.MessageID
		l.send(a)
	case 2:
		again = s.arrived[p.MessageID]
		s.arrived[p.MessageID] = true
		a := packets.NewControlPacket(packets.Pubrec).(*packets.PubrecPacket)
		a.MessageID = p.MessageID
		l.send(a)
	}
	if !again {
		m := Message{Time: l.b.clock.Now(), Client: s.id, Topic: p.TopicName, Payload: p.Payload, QoS: p.Qos, Retain: p.Retain}
		l.b.tell(m)
		l.b.publish(m)
	}
}

// subscribe takes a SUBSCRIBE.
func (l *link) subscribe(p *packets.SubscribePacket) {
	s := l.session
	if len(p.Topics) == 0 || len(p.Qoss) != len(p.Topics) {
		l.fail()
		return
	}
	ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
	ack.MessageID = p.MessageID
	for i, f := range p.Topics {
		_, there := s.filters[f]
		if !checkFilter(f) || p.Qoss[i] > 2 || !there && len(s.filters) >= MaxFilters {
			ack.ReturnCodes = append(ack.ReturnCodes, subscriptionFailed)
			continue
		}
		s.filters[f] = p.Qoss[i]
		ack.ReturnCodes = append(ack.ReturnCodes, p.Qoss[i])
	}
	l.send(ack)
	for i, f := range p.Topics {
		if ack.ReturnCodes[i] == subscriptionFailed {
			continue
		}
		for _, topic := range slices.Sorted(maps.Keys(l.b.retained)) {
			if Matches(f, topic) {
				m := l.b.retained[topic]
				m.QoS, m.Retain = min(m.QoS, p.Qoss[i]), true
				s.deliver(m)
			}
		}
	}
	l.b.changed()
}
