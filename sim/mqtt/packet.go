package mqtt

// The packets of MQTT 3.1.1 as the firmware writes and reads them, with its limits
// and its faults (fw: app/mqtt/mqtt_msg.c).

// kind is the type of a packet, the upper half of its first byte.
type kind uint8

const (
	connectPacket kind = 1 + iota
	connackPacket
	publishPacket
	pubackPacket
	pubrecPacket
	pubrelPacket
	pubcompPacket
	subscribePacket
	subackPacket
	unsubscribePacket
	unsubackPacket
	pingreqPacket
	pingrespPacket
	disconnectPacket
)

const (
	// maxPacket is the size of the buffer in which a packet is built (fw: MQTT_BUF_SIZE;
	// oracle: client-constants.json, largest_outgoing_packet). The header counts as three
	// bytes there, also when two are enough.
	maxPacket = 1460
	maxHeader = 3

	protocolLevel = 4
)

// Flags of CONNECT.
const (
	flagClean      = 0x02
	flagWill       = 0x04
	willQoSShift   = 3
	flagWillRetain = 0x20
	flagPassword   = 0x40
	flagUser       = 0x80
)

// builder builds a packet behind room for the longest header. What does not fit makes
// it fail for good.
type builder struct {
	body   []byte
	failed bool
}

func (b *builder) room(n int) bool {
	if b.failed || maxHeader+len(b.body)+n > maxPacket {
		b.failed = true
	}
	return !b.failed
}

func (b *builder) raw(data string) {
	if b.room(len(data)) {
		b.body = append(b.body, data...)
	}
}

func (b *builder) byte(x byte) {
	if b.room(1) {
		b.body = append(b.body, x)
	}
}

func (b *builder) word(x uint16) {
	if b.room(2) {
		b.body = append(b.body, byte(x>>8), byte(x))
	}
}

// text adds a C string with its length.
func (b *builder) text(s string) {
	if b.room(2 + len(s)) {
		b.word(uint16(len(s)))
		b.raw(s)
	}
}

// topic adds a topic, which must not be empty.
func (b *builder) topic(s string) {
	b.failed = b.failed || s == ""
	b.text(s)
}

// packet returns the packet with its header, nil if something did not fit.
func (b *builder) packet(k kind, qos, retain int) []byte {
	if b.failed {
		return nil
	}
	n := len(b.body)
	p := append(make([]byte, 0, maxHeader+n), byte(k)<<4|byte(qos&3)<<1|byte(retain&1))
	if n > 0x7f {
		p = append(p, 0x80|byte(n%128), byte(n/128))
	} else {
		p = append(p, byte(n))
	}
	return append(p, b.body...)
}

// connectInfo is what CONNECT says. Strings end at a NUL; empty ones count as absent.
type connectInfo struct {
	id, user, password     string
	willTopic, willMessage string
	willQoS                int
	willRetain, clean      bool
	keepalive              int // seconds
}

// connect builds CONNECT, nil without an id or if it is too big.
func connect(info connectInfo) []byte {
	var flags byte
	set := func(on bool, flag byte) {
		if on {
			flags |= flag
		}
	}
	set(info.clean, flagClean)
	set(info.user != "", flagUser)
	set(info.password != "", flagPassword)
	if info.willTopic != "" {
		set(true, flagWill|byte(info.willQoS&3)<<willQoSShift)
		set(info.willRetain, flagWillRetain)
	}
	var b builder
	b.text("MQTT")
	b.byte(protocolLevel)
	b.byte(flags)
	b.word(uint16(info.keepalive))
	b.topic(info.id)
	if info.willTopic != "" {
		b.text(info.willTopic)
		b.text(info.willMessage)
	}
	if info.user != "" {
		b.text(info.user)
	}
	if info.password != "" {
		b.text(info.password)
	}
	return b.packet(connectPacket, 0, 0)
}

// publish builds PUBLISH. The firmware's byte for qos is not limited to 2 bits: any but
// 0 brings a packet id, and the packet's header has the lower two.
func publish(topic, payload string, qos, retain uint8, id uint16) []byte {
	var b builder
	b.topic(topic)
	if qos > 0 {
		b.word(id)
	}
	b.raw(payload)
	return b.packet(publishPacket, int(qos), int(retain))
}

// answer builds a packet that has an id and nothing else.
func answer(k kind, id uint16) []byte {
	var b builder
	b.word(id)
	qos := 0
	if k == pubrelPacket {
		qos = 1
	}
	return b.packet(k, qos, 0)
}

// bare builds a packet without a body.
func bare(k kind) []byte { return new(builder).packet(k, 0, 0) }

// subscribe begins SUBSCRIBE or UNSUBSCRIBE: topics are added to it.
func subscribe(id uint16) *builder {
	b := &builder{}
	b.word(id)
	return b
}

// What comes in is read where it lies, which may be only the beginning of a packet.

func kindOf(p []byte) kind { return kind(p[0] >> 4) }
func qosOf(p []byte) int   { return int(p[0]>>1) & 3 }

// header reads the length of the packet that begins at p, as far as its bytes are there:
// the whole packet's, and the header's. It is one byte at a time, seven bits each, in 32
// bits with sign, without an end after the fourth, so that it may come out as anything.
func header(p []byte) (total int32, at int) {
	for at = 1; at < len(p); {
		total += int32(uint32(p[at]&0x7f) << (7 * (at - 1) & 31))
		at++
		if p[at-1]&0x80 == 0 {
			break
		}
	}
	return total + int32(at), at
}

// unknown is the length of a packet of which only the first byte is there.
const unknown = -1

// totalLength is the length of the packet at p, with its header. When the length itself
// is cut behind its first byte the firmware takes what is there for it.
func totalLength(p []byte) int32 {
	if len(p) == 1 {
		return unknown
	}
	n, _ := header(p)
	return n
}

// topicAt returns where the topic of the PUBLISH at p begins and ends; ok is false when
// it is not there as a whole.
func topicAt(p []byte) (from, to int, ok bool) {
	_, at := header(p)
	if at+2 > len(p) {
		return 0, 0, false
	}
	from = at + 2
	to = from + (int(p[at])<<8 | int(p[at+1]))
	return from, to, to <= len(p)
}

// publication returns topic and payload of the PUBLISH at p, which may be cut. Topic is
// empty when it can't be delivered.
func publication(p []byte) (topic, payload []byte) {
	from, to, ok := topicAt(p)
	if !ok {
		return nil, nil
	}
	topic = p[from:to]
	if qosOf(p) > 0 {
		to += 2
	}
	total, _ := header(p)
	if to > len(p) || int(total) < to {
		return topic, nil
	}
	return topic, p[to:min(len(p), int(total))]
}

// idOf returns the packet id of the packet at p, 0 when it has none or is cut before it.
func idOf(p []byte) uint16 {
	switch kindOf(p) {
	case publishPacket:
		_, at, ok := topicAt(p)
		if qosOf(p) == 0 || !ok || at+2 > len(p) {
			return 0
		}
		return uint16(p[at])<<8 | uint16(p[at+1])
	case pubackPacket, pubrecPacket, pubrelPacket, pubcompPacket, subackPacket, unsubackPacket, subscribePacket:
		if len(p) < 4 || p[1]&0x80 != 0 {
			return 0
		}
		return uint16(p[2])<<8 | uint16(p[3])
	}
	return 0
}
