package mqtt

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// phase of a connection.
type phase int

const (
	idle           phase = iota // no CONNECT yet, or a connection that is being given up
	connectSending              // CONNECT is not acknowledged by TCP
	connectSent                 // CONNACK is awaited
	talking
)

// client is an mqtt.socket.
type client struct {
	sockets.Object
	m *module

	handlers [len(events)]vm.Ref

	// Settings. The strings are Lua's own.
	id, user, password     vm.Ref
	willTopic, willMessage vm.Ref
	willQoS                int
	willRetain, clean      bool
	secure                 bool
	keepalive              int // seconds
	maxMessage             int // bytes with header

	conn      *espconn.Conn // nil before the first connect
	tcp       tcp
	timer     *ets.Timer
	phase     phase
	connected bool          // TCP is; CONNACK may be missing
	pinged    bool          // PINGREQ has not been answered
	sending   bool          // something is not acknowledged by TCP yet
	unsent    inspect.Cause // why CONNECT was not, where it could not be made
	lastID    uint16
	out       queue
	in        input
}

// event is one of those that have a handler.
type event int

const (
	onConnect event = iota
	onConnfail
	onOffline
	onMessage
	onOverflow
	onPuback
	onSuback
	onUnsuback
)

var events = [...]string{"connect", "connfail", "offline", "message", "overflow", "puback", "suback", "unsuback"}

var clientType = &vm.Type{Name: "mqtt.socket"}

func init() {
	method := func(name string, fn func(*client, *vm.Call) int) vm.Func {
		return vm.Func{Name: name, Fn: func(c *vm.Call) int {
			m := c.Object(1, clientType).(*client)
			return sockets.Within(m.m.Table, c, m, fn)
		}}
	}
	clientType.Methods = []vm.Func{
		method("connect", (*client).connect),
		method("close", (*client).close),
		method("publish", (*client).publish),
		method("subscribe", (*client).subscribe),
		method("unsubscribe", (*client).unsubscribe),
		method("lwt", (*client).lwt),
		method("on", (*client).on),
	}
	clientType.GC = func(o any) { o.(*client).finalize() }
}

// client is mqtt.Client(…). An argument that does not have the type of the next setting
// stays to be looked at as the one after.
func (m *module) client(c *vm.Call) int {
	n := c.NArgs()
	k := &client{Object: m.NewObject(), m: m}
	k.Lasting = true
	k.timer = m.d.NewTimer(k.expired)
	c.Push(m.v.NewObject(clientType, sizeUserdata, k))
	object := n + 1 // its place on the stack

	at := 1
	text := func(ref *vm.Ref, what string) bool {
		if at > n || !c.IsString(at) {
			return false
		}
		*ref = m.v.Ref(c.Arg(at), what+" of "+k.String())
		at++
		return true
	}
	number := func(def int) int {
		if at > n || !c.IsNumber(at) {
			return def
		}
		at++
		return c.Int(at - 1)
	}
	if !text(&k.id, "id") {
		k.id = m.v.Ref(m.NewString(fmt.Sprintf("NodeMCU_%x", m.d.ChipID())), "id of "+k.String())
	}
	if k.keepalive = number(0); k.keepalive == 0 {
		k.keepalive = defaultKeepalive
	}
	text(&k.user, "user name")
	text(&k.password, "password")
	k.clean = number(0) != 0
	if k.maxMessage = int(uint16(number(0))); k.maxMessage == 0 {
		k.maxMessage = defaultMaxMessage
	}
	for ; at <= n; at++ {
		if !c.IsNoneOrNil(at) {
			m.Hints.Here("mqtt.Client() does not use its argument #%d, a %s: an argument that has not the type of the next setting ends the list (clean is a number)", at, c.TypeName(at))
			break
		}
	}
	c.Push(c.Arg(object))
	return 1
}

// String names the client for people.
func (k *client) String() string { return fmt.Sprintf("mqtt client %d", k.ID) }

// Over reports whether the client has no connection and waits for none.
func (k *client) Over() bool { return !k.Anchored() }

// Callbacks lists the events that have a handler.
func (k *client) Callbacks() []sockets.Callback {
	var out []sockets.Callback
	for e, ref := range k.handlers {
		if ref != 0 {
			out = append(out, sockets.Callback{Name: events[e], Ref: ref})
		}
	}
	return out
}

// handle makes fn the handler of an event, instead of what it was.
func (k *client) handle(e event, fn *vm.Function) {
	k.SetCallback(&k.handlers[e], events[e], "mqtt client", fn)
}

// take makes argument n the handler of an event if it is a function.
func (k *client) take(c *vm.Call, n int, e event) {
	fn, ok := c.Arg(n).(*vm.Function)
	if !ok {
		return
	}
	waits := map[event]kind{onPuback: publishPacket, onSuback: subscribePacket, onUnsuback: unsubscribePacket}[e]
	if old := k.handlers[e]; waits != 0 && old != 0 && k.out.has(waits) && k.m.v.Deref(old) != vm.Value(fn) {
		k.m.Hints.Here("there is one %s function for all calls: this one is also called for those that still wait for their answer", events[e])
	}
	k.handle(e, fn)
}

// call calls the handler of an event, if there is one, with the client and args. The
// client is nil to it when nothing anchors that.
func (k *client) call(e event, args ...vm.Value) {
	if k.handlers[e] == 0 {
		return
	}
	var self vm.Value = vm.Nil
	if k.Anchored() {
		self = k.Value()
	}
	k.m.Callback(events[e], k.m.v.Deref(k.handlers[e]), append([]vm.Value{self}, args...)...)
}

// fail tells that a connection did not come about, or was lost.
func (k *client) fail(code int, why inspect.Cause, details ...any) {
	k.m.Hints.Failed("mqtt", k.String(), code, why, details...)
	if k.Anchored() {
		k.call(onConnfail, vm.Number(code))
	}
}

// on is m:on(event, fn).
func (k *client) on(c *vm.Call) int {
	fn := c.Function(3)
	k.handle(event(c.Option(2, "", events[:]...)), fn)
	return 0
}

// lwt is m:lwt(topic, message [, qos [, retain]]).
func (k *client) lwt(c *vm.Call) int {
	for n, what := range []string{"topic", "message"} {
		if !c.IsString(2 + n) {
			c.ArgError(2+n, "need lwt "+what)
		}
	}
	k.m.v.SetRef(&k.willTopic, c.Arg(2), "will topic of "+k.String())
	k.m.v.SetRef(&k.willMessage, c.Arg(3), "will message of "+k.String())
	at := 4
	if c.IsNumber(at) {
		k.willQoS = c.Int(at) & 3
		at++
	}
	if c.IsNumber(at) {
		k.willRetain = c.Int(at) != 0
	}
	return 0
}

// close is m:close(): a DISCONNECT at the end of the queue.
func (k *client) close(*vm.Call) int {
	if !k.connected {
		if k.Anchored() {
			k.m.Hints.Here("close() of a client that is still connecting does nothing: it goes on and will be connected")
		}
		return 0
	}
	if head := k.out.head(); head != nil && head.sent && !k.sending {
		k.m.Hints.Here("close() waits behind a packet whose answer is missing: the connection stays until that comes")
	}
	if !k.out.add(k.m.d, bare(disconnectPacket), disconnectPacket, 0, 0) {
		k.disconnect()
		return 0
	}
	k.sendNext()
	return 0
}

// nextID is the id of the next packet that needs one. It is never 0, and counts over
// all connections of the client.
func (k *client) nextID() uint16 {
	if k.lastID++; k.lastID == 0 {
		k.lastID++
	}
	return k.lastID
}

// checkConnected raises an error without a TCP connection. CONNACK is not waited for.
func (k *client) checkConnected(c *vm.Call) {
	if !k.connected {
		c.Error("not connected")
	}
}

// enqueue queues a packet, sends it if nothing is on its way, and returns whether that
// went well.
func (k *client) enqueue(c *vm.Call, data []byte, x kind, id uint16, qos uint8) int {
	if k.out.has(disconnectPacket) {
		k.m.Hints.Here("what is sent after close() is lost")
	}
	queued := k.out.add(k.m.d, data, x, id, qos)
	sent := k.sendNext()
	return c.ReturnBool(queued && sent)
}

// publish is m:publish(topic, payload, qos, retain [, fn]).
func (k *client) publish(c *vm.Call) int {
	k.checkConnected(c)
	topic, payload := c.String(2), c.String(3)
	qos, retain := uint8(c.Int(4)), uint8(c.Int(5))
	var id uint16
	if qos != 0 {
		id = k.nextID()
	}
	data := publish(vm.CString(topic), payload, qos, retain, id)
	if data == nil {
		k.m.Hints.Here("publish() returned false and sent nothing: topic and payload must fit in a packet of %d bytes, and the topic must not be empty", maxPacket)
	}
	k.take(c, 6, onPuback)
	return k.enqueue(c, data, publishPacket, id, qos)
}

// subscribe is m:subscribe(topic, qos [, fn]) and m:subscribe(table [, fn]).
func (k *client) subscribe(c *vm.Call) int {
	k.checkConnected(c)
	at := 3
	var b *builder
	if t, ok := c.Arg(2).(*vm.Table); ok {
		b = k.topics(c, t, true, "subscriptions")
	} else {
		topic := c.String(2)
		qos := uint8(c.Int(3))
		b = subscribe(k.nextID())
		b.topic(vm.CString(topic))
		b.byte(qos)
		at++
	}
	k.take(c, at, onSuback)
	return k.enqueue(c, b.packet(subscribePacket, 1, 0), subscribePacket, k.lastID, 1)
}

// unsubscribe is m:unsubscribe(topic [, fn]) and m:unsubscribe(table [, fn]).
func (k *client) unsubscribe(c *vm.Call) int {
	k.checkConnected(c)
	var b *builder
	if t, ok := c.Arg(2).(*vm.Table); ok {
		b = k.topics(c, t, false, "unsubscriptions")
	} else {
		topic := c.String(2)
		b = subscribe(k.nextID())
		b.topic(vm.CString(topic))
	}
	k.take(c, 3, onUnsuback)
	return k.enqueue(c, b.packet(unsubscribePacket, 1, 0), unsubscribePacket, k.lastID, 1)
}

// topics begins a packet with the keys of a table, each with its value if withQoS. A
// number becomes a string where it stands, which the table does not have as a key: the
// traversal ends in an error.
func (k *client) topics(c *vm.Call, t *vm.Table, withQoS bool, what string) *builder {
	var b *builder
	var key vm.Value = vm.Nil
	for {
		var x vm.Value
		var ok bool
		if key, x, ok = c.VM.RawNext(t, key); !ok {
			c.Raise("invalid key to 'next'")
		}
		if key == vm.Nil {
			break
		}
		var topic string
		switch y := key.(type) {
		case vm.String:
			topic = string(y)
		case vm.Number:
			topic, _ = c.VM.ToString(y)
			key = k.m.NewString(topic)
		default:
			c.ArgError(-2, "string expected, got "+c.VM.TypeName(key))
		}
		var qos float64
		if withQoS {
			if qos, ok = c.VM.ToNumber(x); !ok {
				c.ArgError(-1, "number expected, got "+c.VM.TypeName(x))
			}
		}
		if b == nil {
			b = subscribe(k.nextID())
		}
		b.topic(vm.CString(topic))
		if withQoS {
			b.byte(byte(vm.Integer(qos)))
		}
		if b.failed {
			c.Error("buffer overflow, can't enqueue all %s", what)
		}
	}
	if b == nil {
		c.Error("no topics found")
	}
	return b
}

// arm starts the timer. The SDK does not arm one for more than maxTimer.
func (k *client) arm(ms uint32) {
	if ms > maxTimer {
		k.m.Hints.Once(fmt.Sprintf("mqtt keepalive %d", k.ID), "%s: with a keepalive of %d s no PINGREQ is ever sent: the device's timers go up to %d s", k, k.keepalive, maxTimer/1000)
	}
	k.timer.Arm(clock.Duration(ms)*clock.Millisecond, false)
}

const (
	sendTimeout = 5000      // milliseconds
	maxTimer    = 6_870_947 // milliseconds (oracle: sdk-behaviour.md, section 3)
)

func (k *client) armSending()   { k.arm(sendTimeout) }
func (k *client) armKeepalive() { k.arm(uint32(k.keepalive * 1000)) }

// sendNext sends the head of the queue unless it was, or something else is on its way.
// It reports false when the connection did not take it.
func (k *client) sendNext() bool {
	head := k.out.head()
	if k.sending || head == nil || head.sent {
		return true
	}
	head.sent = true
	ok := k.send(head.data)
	k.sending = true
	k.armSending()
	return ok
}

// expired is the timer: a connection that does not come about, or keepalive.
func (k *client) expired() {
	if !k.tcp.held {
		return
	}
	switch k.phase {
	case connectSending:
		k.giveUp(failSending, k.unsent)
	case connectSent:
		k.giveUp(failReceiving, "")
	case talking:
		switch {
		case k.out.head() != nil:
			if !k.sending {
				k.m.Hints.Once(fmt.Sprintf("mqtt stuck %d", k.ID), "%s waits for the answer to a packet. Until it comes nothing is sent, no PINGREQ either, and the timer does not run any more", k)
			}
		case k.pinged:
			k.disconnect()
		default:
			k.out.add(k.m.d, bare(pingreqPacket), pingreqPacket, 0, 0)
			k.pinged = true
			k.sendNext()
		}
	}
}

// giveUp ends a connection that MQTT did not come to use.
func (k *client) giveUp(code int, why inspect.Cause) {
	k.phase = idle
	k.disconnect()
	k.fail(code, why)
}

// finalize is what the collector does to a client that nobody holds.
func (k *client) finalize() {
	v := k.m.v
	k.timer.Disarm()
	k.connected = false
	k.tcp.free(k.m.d)
	k.out.clear(k.m.d)
	k.in.free(k.m.d)
	for e := range k.handlers {
		v.Unref(&k.handlers[e])
	}
	for _, ref := range []*vm.Ref{&k.id, &k.user, &k.password, &k.willTopic, &k.willMessage} {
		v.Unref(ref)
	}
	k.Release()
	k.Dead = true
}

// text is a setting as a C string, "" when it was not given. A number becomes a new
// string each time.
func (k *client) text(ref vm.Ref) string {
	switch x := k.m.v.Deref(ref).(type) {
	case vm.String:
		return vm.CString(string(x))
	case vm.Number:
		s, _ := k.m.v.ToString(x)
		k.m.NewString(s)
		return s
	}
	return ""
}

// connectInfo is what CONNECT will say.
func (k *client) connectInfo() connectInfo {
	return connectInfo{
		id: k.text(k.id), user: k.text(k.user), password: k.text(k.password),
		willTopic: k.text(k.willTopic), willMessage: k.text(k.willMessage),
		willQoS: k.willQoS, willRetain: k.willRetain,
		clean: k.clean, keepalive: k.keepalive,
	}
}

// input is what has come of a packet that is not complete, or how much of it is skipped.
type input struct {
	state inputState
	data  []byte // of the buffer, what is there
	size  int    // of the buffer in bytes; 0: none
	block heap.Block
	skip  int64 // bytes still to come of a packet that is too long
}
