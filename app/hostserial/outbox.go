package hostserial

import (
	"io"
	"sync"
	"time"
)

// outbox is what waits to be read by the program that has the port open. A goroutine
// writes it.
type outbox struct {
	mu      sync.Mutex
	changed *sync.Cond
	replies []byte // of the line itself, which go first
	waiting []byte // of the device
	writing bool
	stalled bool // nothing was read for so long that nobody waits for it
	ended   bool // nothing is taken any more
	failed  func(error) (over bool)
	encode  func([]byte) []byte // of what comes from the device
}

const (
	// maxWaiting is how many bytes may wait beside what the kernel holds.
	maxWaiting = 64 << 10
	// parting is how long a program may take to read the last of it, in wall time.
	parting = time.Second
	// patience is how long a device on a line without a speed waits for a program that has
	// read nothing since, in wall time.
	patience = time.Second
)

// newOutbox returns one that writes to w. failed is told when that fails, and says whether it
// is the end of it; else what was to be written is lost.
func newOutbox(w io.Writer, failed func(error) (over bool)) *outbox {
	o := &outbox{failed: failed}
	o.changed = sync.NewCond(&o.mu)
	go o.write(w)
	return o
}

// put takes bytes of the device. What there is no room for is lost, and ok is false. With
// wait it waits for room, unless the program does not read at all.
func (o *outbox) put(data []byte, wait bool) (ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.encode != nil {
		data = o.encode(data)
	}
	for full := func() bool { return !o.ended && len(o.waiting) > 0 && len(o.waiting)+len(data) > maxWaiting }; full(); {
		if !wait || o.stalled {
			return false
		}
		timer := time.AfterFunc(patience, o.stall)
		o.changed.Wait()
		timer.Stop()
	}
	if o.ended {
		return true
	}
	o.waiting = append(o.waiting, data...)
	o.changed.Broadcast()
	return true
}

// stall says that nothing was read for as long as patience.
func (o *outbox) stall() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stalled = true
	o.changed.Broadcast()
}

// answer takes bytes of the line itself, which are few: who does not read them and goes on
// asking is told false.
func (o *outbox) answer(data []byte) (ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.replies)+len(data) > maxWaiting {
		return false
	}
	o.replies = append(o.replies, data...)
	o.changed.Broadcast()
	return true
}

// purge drops what waits of the device's.
func (o *outbox) purge() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = nil
}

// write writes what comes until the end.
func (o *outbox) write(w io.Writer) {
	for {
		o.mu.Lock()
		for !o.ended && len(o.replies)+len(o.waiting) == 0 {
			o.changed.Wait()
		}
		if o.ended {
			o.mu.Unlock()
			return
		}
		data := append(o.replies, o.waiting...)
		o.replies, o.waiting, o.writing = nil, nil, true
		o.mu.Unlock()
		_, err := w.Write(data)
		over := err != nil && o.failed(err)
		o.mu.Lock()
		o.writing, o.stalled = false, false
		o.ended = o.ended || over
		o.changed.Broadcast()
		o.mu.Unlock()
	}
}

// drain waits until everything is written, for as long as parting.
func (o *outbox) drain() {
	timer := time.AfterFunc(parting, o.close)
	defer timer.Stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.ended && (len(o.waiting) > 0 || o.writing) {
		o.changed.Wait()
	}
}

// close drops what waits.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended, o.replies, o.waiting = true, nil, nil
	o.changed.Broadcast()
}

// setEncoding says how the device's bytes go to the program.
func (o *outbox) setEncoding(encode func([]byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.encode = encode
}
