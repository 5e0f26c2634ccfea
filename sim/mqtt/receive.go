package mqtt

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// inputState says what the next segment is taken for.
type inputState int

const (
	whole          inputState = iota // it begins with a packet
	bufferingShort                   // it goes behind what was too short to tell the length
	buffering                        // it goes behind the beginning of a packet
	skipping                         // it begins with more of a packet that is too long
)

// buffer makes the buffer for a packet that is not complete: size bytes, of which data
// are there. What it had before is lost memory.
func (in *input) buffer(d *device.Device, state inputState, data []byte, size int) bool {
	var ok bool
	if in.block, ok = d.Malloc(size, heap.Other); !ok {
		in.data, in.size = nil, 0
		return false
	}
	in.state, in.size = state, size
	in.data = append(make([]byte, 0, size), data...)
	return true
}

func (in *input) free(d *device.Device) {
	d.Free(&in.block, heap.Other)
	in.data, in.size = nil, 0
}

// reset drops everything.
func (in *input) reset(d *device.Device) {
	in.free(d)
	in.state, in.skip = whole, 0
}

// received is the receive event, once per segment.
func (k *client) received(data []byte) {
	d, in := k.m.d, &k.in
	p := data
	// rest is what the segment has behind a packet that was completed from the buffer.
	var rest []byte
	completed := false
	var joined heap.Block // short beginning and segment as one

	switch in.state {
	case bufferingShort:
		var ok bool
		if joined, ok = d.Malloc(in.size+len(data), heap.Other); !ok {
			k.disconnect()
			return
		}
		p = append(append(make([]byte, 0, in.size+len(data)), in.data...), data...)
		p = p[:len(p)&0xffff] // the firmware's length has 16 bits
		in.free(d)
		in.state = whole
	case buffering:
		n := min(in.size-len(in.data), len(data))
		in.data = append(in.data, data[:n]...)
		if len(in.data) < in.size {
			k.sendNext()
			return
		}
		p, rest, completed = in.data, data[n:], true
		in.state = whole
	case skipping:
		if in.skip > int64(len(data)) {
			in.skip -= int64(len(data))
			k.sendNext()
			return
		}
		p = data[in.skip:]
		in.skip = 0
		in.state = whole
	}

	for len(p) > 0 {
		if k.phase == connectSending || k.phase == connectSent {
			k.connack(p)
			break
		}
		if k.phase != talking {
			break
		}
		total := totalLength(p)
		if total < unknown || total == 0 {
			d.Crash("%s got a packet whose length is %d: the firmware goes on at an address that is not there", k, total)
			return
		}
		tooLong := false
		if int(total) > k.maxMessage {
			if qosOf(p) > 0 && idOf(p) == 0 {
				total = unknown // the id is still to come
			} else {
				tooLong = true
				k.overflow(p, total)
				if int(total) > len(p) {
					in.state, in.skip = skipping, int64(total)-int64(len(p))
					break
				}
				in.state = whole
			}
		}
		if total == unknown || int(total) > len(p) {
			state, size := buffering, int(total)&0xffff
			if total == unknown {
				state, size = bufferingShort, len(p)
			}
			if !in.buffer(d, state, p, size) {
				k.disconnect()
				return // joined is not freed then
			}
			if completed {
				k.m.Hints.Once(fmt.Sprintf("mqtt cut %d", k.ID), "%s: a packet's length came in two segments, and the firmware misread it: memory is lost, and %d bytes", k, len(rest))
			}
			break
		}
		if !tooLong {
			k.packet(p[:total])
		}
		if completed {
			in.free(d)
			p, rest, completed = rest, nil, false
		} else {
			p = p[total:]
		}
	}
	d.Free(&joined, heap.Other)
	k.sendNext()
}

// connack takes the first packet, which must be CONNACK. What comes with it in the same
// segment is not looked at.
func (k *client) connack(p []byte) {
	k.armKeepalive()
	const length = 4
	code := accepted
	switch {
	case len(p) >= length:
		code = int(p[length-1])
	case kindOf(p) == connackPacket:
		k.m.Hints.Once(fmt.Sprintf("mqtt cut %d", k.ID), "%s: CONNACK came in two segments: the firmware reads its code behind the first, where anything may stand", k)
	}
	switch {
	case kindOf(p) != connackPacket:
		k.giveUp(failNoConnack, "")
	case code != accepted:
		k.giveUp(code, "")
	default:
		if len(p) > length {
			k.m.Hints.Once(fmt.Sprintf("mqtt connack %d", k.ID), "%s: %d bytes that came in one segment with CONNACK are lost", k, len(p)-length)
		}
		k.phase = talking
		k.pinged = false
		k.call(onConnect)
	}
}

// overflow takes a packet that is longer than the client wants. It is acknowledged
// before it has come as a whole.
func (k *client) overflow(p []byte, total int32) {
	if kindOf(p) != publishPacket {
		k.m.Hints.Once(fmt.Sprintf("mqtt deaf %d", k.ID), "%s: a packet of %d bytes, which is no message, is skipped", k, total)
		return
	}
	if k.handlers[onOverflow] == 0 {
		k.m.Hints.Once(fmt.Sprintf("mqtt overflow %d", k.ID), "%s: a message of %d bytes with its header is more than the %d that mqtt.Client() was told to take, and is lost", k, total, k.maxMessage)
	}
	k.deliver(onOverflow, p)
	k.acknowledge(p)
}

// deliver calls a handler with topic and payload of a message.
func (k *client) deliver(e event, p []byte) {
	topic, payload := publication(p)
	if k.handlers[e] == 0 || !k.Anchored() || len(topic) == 0 {
		return
	}
	args := []vm.Value{k.m.NewString(string(topic))}
	if len(payload) > 0 {
		args = append(args, k.m.NewString(string(payload)))
	}
	k.call(e, args...)
}

// acknowledge queues the answer to a message.
func (k *client) acknowledge(p []byte) {
	id := idOf(p)
	switch qosOf(p) {
	case 1:
		k.out.add(k.m.d, answer(pubackPacket, id), pubackPacket, id, 0)
	case 2:
		k.out.add(k.m.d, answer(pubrecPacket, id), pubrecPacket, id, 0)
	}
}

// packet takes one packet. An answer counts if it is that to the head of the queue.
func (k *client) packet(p []byte) {
	id := idOf(p)
	answers := func(to kind) bool {
		head := k.out.head()
		if head == nil || head.kind != to || head.id != id {
			return false
		}
		k.out.remove(k.m.d)
		return true
	}
	switch kindOf(p) {
	case publishPacket:
		k.acknowledge(p)
		k.deliver(onMessage, p)
	case pubackPacket:
		if answers(publishPacket) {
			k.call(onPuback)
		}
	case pubrecPacket:
		if answers(publishPacket) {
			k.out.add(k.m.d, answer(pubrelPacket, id), pubrelPacket, id, 0)
		}
	case pubrelPacket:
		if answers(pubrecPacket) {
			k.out.add(k.m.d, answer(pubcompPacket, id), pubcompPacket, id, 0)
		}
	case pubcompPacket:
		if answers(pubrelPacket) {
			k.call(onPuback)
		}
	case subackPacket:
		if answers(subscribePacket) {
			if refused(p) {
				k.m.Hints.Once(fmt.Sprintf("mqtt refused %d", k.ID), "%s: the broker refused a subscription; the suback function is called all the same", k)
			}
			k.call(onSuback)
		}
	case unsubackPacket:
		if answers(unsubscribePacket) {
			k.call(onUnsuback)
		}
	case pingreqPacket:
		k.m.Hints.Once(fmt.Sprintf("mqtt pingreq %d", k.ID), "%s: the broker sent PINGREQ, which brokers don't: the answer stays at the head of the queue, and nothing is sent any more", k)
		k.out.add(k.m.d, bare(pingrespPacket), pingrespPacket, 0, 0)
	case pingrespPacket:
		k.pinged = false
	}
}

// refused reports whether a SUBACK has a return code that is a refusal.
func refused(p []byte) bool {
	for _, code := range p[min(4, len(p)):] {
		if code >= 0x80 {
			return true
		}
	}
	return false
}

// sent is the sent event: what was sent is acknowledged by TCP.
func (k *client) sent() {
	if !k.connected {
		return
	}
	k.sending = false
	k.timer.Disarm()
	if k.phase == connectSending {
		k.phase = connectSent
		k.armSending()
		return
	}
	k.armKeepalive()
	head := k.out.head()
	if head == nil {
		return
	}
	switch {
	case head.kind == publishPacket && head.qos == 0:
		k.out.remove(k.m.d)
		k.call(onPuback)
		k.sendNext()
	case head.kind == pubackPacket, head.kind == pubcompPacket, head.kind == pingreqPacket:
		k.out.remove(k.m.d)
		k.sendNext()
	case head.kind == disconnectPacket:
		k.out.remove(k.m.d)
		k.disconnect()
	}
}
