// Package hostserial offers the serial port of a device to programs of the host: on a
// pseudo-terminal, over TCP (raw, or RFC 2217 where the client speaks it), or on standard
// input and output. Bytes pass as they are, at the pace of the port's speed.
//
// A Line joins a device and an end, which knows the host. What a program sends waits
// where it is, in the program's or the kernel's buffer, until the line is free, and is
// then lost or not as on a board; what the device sends and nobody reads is lost when the
// buffer of the line is full. So neither side makes the process grow.
//
// To the world everything comes as an input: bytes as the device fetches them
// (serial.Port.SetEagerSource), what is done to the board with World.Send.
package hostserial

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Options say how lines behave.
type Options struct {
	Fast       bool // bytes take no time
	BootOnOpen bool // each time a program opens the port the device boots
	// Ended, if set, is called from any goroutine when standard input or output has ended.
	Ended func()
}

// Sizes, in bytes.
const (
	readSize = 4096     // read from a program at once
	maxQueue = 64 << 10 // of the device's that is not yet due; then the oldest goes at once
)

// bridgeStep is how often what has left the port goes on to the program: a USB bridge
// collects for longer.
const bridgeStep = clock.Millisecond

// Line is the serial line between a device and a program.
type Line struct {
	d    *device.Device
	opts Options
	end  end

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	chunks chan []byte // what a program has sent, and the line has no room for yet

	mu   sync.Mutex
	to   *outbox // of the program that has the port open, nil for none
	lost bool    // that something was lost has been told
	used bool    // a program has had it open

	// What belongs to the world's goroutine.
	queue  []piece // has left the device's program and not yet the port
	queued int     // bytes
	step   *clock.Event
	baud   int // of the client's that was told to differ
}

// piece is output that has left the port at a time in nanoseconds.
type piece struct {
	data []byte
	at   int64
}

// end is the host's side of a line.
type end interface {
	// name says what to open.
	name() string
	// serve serves programs until the line is closed.
	serve(*Line)
	// close makes serve return, and who reads and writes for it.
	close()
}

// Open makes a line. Nothing happens on it until Start. The error says what to do.
func Open(d *device.Device, s Spec, o Options) (*Line, error) {
	l := &Line{d: d, opts: o, chunks: make(chan []byte, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	var err error
	switch s.Kind {
	case Pty:
		l.end, err = openPty(s)
	case TCP:
		l.end, err = listen(s)
	case Stdio:
		l.end, err = openStdio()
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Name says what a program opens: a path, tcp:HOST:PORT, or stdio.
func (l *Line) Name() string { return l.end.name() }

// Device is whose serial port it is.
func (l *Line) Device() *device.Device { return l.d }

// BootsOnOpen reports whether it is the line that switches the device on.
func (l *Line) BootsOnOpen() bool { return l.opts.BootOnOpen }

// Start connects the device. Call it before the world runs.
func (l *Line) Start() {
	l.d.Serial.SetFast(l.opts.Fast)
	l.d.Serial.SetEagerSource(l.next)
	l.d.World().Subscribe(l.happened)
	l.work.Go(func() { l.end.serve(l) })
}

// Close gives the port back, when what the device has sent has gone or the program takes
// too long to read it. The world must not be running.
func (l *Line) Close() {
	l.release(math.MaxInt64)
	l.mu.Lock()
	to := l.to
	l.mu.Unlock()
	if to != nil {
		to.drain()
	}
	l.cancel()
	l.end.close()
	l.work.Wait()
}

// next is what the device fetches from.
func (l *Line) next() []byte {
	select {
	case chunk := <-l.chunks:
		return chunk
	default:
		return nil
	}
}

// typed hands over what a program has sent, which is the line's from then on. It waits
// until the device has fetched what came before; ok is false when the line is closed.
func (l *Line) typed(data []byte) (ok bool) {
	if len(data) == 0 {
		return true
	}
	select {
	case l.chunks <- data:
		l.d.World().Clock.Look(l.d.Serial.Pull)
		return true
	case <-l.ctx.Done():
		return false
	}
}

// opened says that a program has opened the port and takes what is written to to.
func (l *Line) opened(to *outbox) {
	l.mu.Lock()
	l.to, l.lost = to, false
	first := !l.used
	l.used = true
	l.mu.Unlock()
	switch {
	case !l.opts.BootOnOpen:
	case first:
		l.send(input.PowerCycle{})
	default:
		l.send(input.ResetButton{})
	}
}

// closed says that the program is gone.
func (l *Line) closed() {
	l.mu.Lock()
	to := l.to
	l.to = nil
	l.mu.Unlock()
	if to != nil {
		to.close()
	}
}

// ended says that standard input or output is at its end.
func (l *Line) ended() {
	if l.opts.Ended != nil {
		l.opts.Ended()
	}
}

// send hands the device an input.
func (l *Line) send(what world.Stimulus) { l.d.World().Send(l.d.Name(), what, nil) }

// note has the simulator say something about the port, from any goroutine.
func (l *Line) note(format string, args ...any) {
	text := fmt.Sprintf("serial port %s: %s", l.Name(), fmt.Sprintf(format, args...))
	l.d.World().Clock.Look(func() { l.d.Note(text) })
}

// setBaud says that the program takes the line to have a speed. Bytes pass at the UART's,
// whatever that is.
func (l *Line) setBaud(baud int) {
	l.d.World().Clock.Look(func() {
		if uart := l.d.Serial.Config().Baud; baud != uart && baud != l.baud {
			l.baud = baud
			l.d.Note(fmt.Sprintf("serial port %s: the program has set %d baud, the UART has %d: on a board they would not understand each other", l.Name(), baud, uart))
		}
	})
}

// happened sees what the device sends.
func (l *Line) happened(e world.Event) {
	out, ok := e.Data.(event.Output)
	if !ok || e.Device != l.d.Name() {
		return
	}
	if l.opts.Fast {
		l.write([]byte(out.Text))
		return
	}
	l.queue = append(l.queue, piece{[]byte(out.Text), l.d.Serial.Leaves()})
	for l.queued += len(out.Text); l.queued > maxQueue; {
		l.first(len(l.queue[0].data))
	}
	l.schedule()
}

// schedule has what is queued go on when it is due.
func (l *Line) schedule() {
	if c := l.d.World().Clock; len(l.queue) > 0 && !l.step.Pending() {
		l.step = c.After(bridgeStep, func() {
			l.release(int64(c.Now()) * 1000)
			l.schedule()
		})
	}
}

// release lets go on what has left the port by a time in nanoseconds.
func (l *Line) release(now int64) {
	for len(l.queue) > 0 {
		p := l.queue[0]
		n := len(p.data)
		if p.at > now {
			per := l.d.Serial.Config().ByteTime()
			n -= int((p.at - now + per - 1) / per)
		}
		if n <= 0 {
			return
		}
		if l.first(n); n < len(p.data) {
			return
		}
	}
}

// first lets the first n bytes of the queue go on, which are of one piece.
func (l *Line) first(n int) {
	p := &l.queue[0]
	l.write(p.data[:n])
	l.queued -= n
	if p.data = p.data[n:]; len(p.data) == 0 {
		l.queue = l.queue[1:]
	}
}

// write gives bytes to the program, if there is one.
func (l *Line) write(data []byte) {
	l.mu.Lock()
	to := l.to
	l.mu.Unlock()
	if to == nil || to.put(data, l.opts.Fast) {
		return
	}
	l.mu.Lock()
	told := l.lost
	l.lost = true
	l.mu.Unlock()
	if !told {
		l.note("the program that has opened it does not read: what the device sends is lost")
	}
}
