package mqtt

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// message waits in the queue or, as its head, for what finishes it.
type message struct {
	data []byte
	kind kind
	id   uint16
	qos  uint8 // as the program gave it
	sent bool

	node, copied heap.Block
}

// nodeSize is the size in bytes of the struct that a queued message has besides its
// copied bytes (fw: app/mqtt/msg_queue.h, msg_queue_t: five words, and one for sent).
const nodeSize = 28

// queue is all that a client has to send but CONNECT, in order. Only the head is sent,
// once, and stays until it is finished.
type queue struct {
	list []*message
}

func (q *queue) head() *message {
	if len(q.list) == 0 {
		return nil
	}
	return q.list[0]
}

// add queues a packet. It reports false for one that could not be built and when there
// is no memory.
func (q *queue) add(d *device.Device, data []byte, k kind, id uint16, qos uint8) bool {
	if len(data) == 0 {
		return false
	}
	m := &message{data: data, kind: k, id: id, qos: qos}
	var ok bool
	if m.node, ok = d.Malloc(nodeSize, heap.Other); !ok {
		return false
	}
	if m.copied, ok = d.Malloc(len(data), heap.Other); !ok {
		d.Free(&m.node, heap.Other)
		return false
	}
	q.list = append(q.list, m)
	return true
}

// remove takes the head away.
func (q *queue) remove(d *device.Device) {
	m := q.list[0]
	q.list[0] = nil
	q.list = q.list[1:]
	if len(q.list) == 0 {
		q.list = nil
	}
	d.Free(&m.copied, heap.Other)
	d.Free(&m.node, heap.Other)
}

func (q *queue) clear(d *device.Device) {
	for q.head() != nil {
		q.remove(d)
	}
}

// has reports whether a packet of that kind is queued.
func (q *queue) has(k kind) bool {
	for _, m := range q.list {
		if m.kind == k {
			return true
		}
	}
	return false
}
