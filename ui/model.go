package ui

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// model is what the console knows of a device: copies, kept on the console's own
// goroutine.
type model struct {
	snap   device.Snapshot
	known  bool // a snapshot has come
	heap   heapHistory
	load   loadMeter
	log    logbook
	serial serial
	lost   int // events that the feed dropped

	sockets socketEvents
	hints   []hint
}

// apply takes in what came through the feed, at wall time now.
func (m *model) apply(b batch, now time.Time) {
	if b.dropped > 0 {
		m.lost += b.dropped
		m.serial.flush(m.log.addOutput)
		m.log.add(entry{m.snap.Time, fromSim, "note", warn,
			"the device is faster than the console: " + thousands(b.dropped) + " events are not shown"})
	}
	for _, e := range b.events {
		m.event(e)
	}
	if b.snap != nil {
		m.snap, m.known = *b.snap, true
		m.heap.add(b.snap, now)
		m.load.add(b.snap.Time, b.snap.CPU)
	}
}

func (m *model) event(e world.Event) {
	switch d := e.Data.(type) {
	case event.Output:
		m.serial.write(e.Time, d.Text, m.log.addOutput)
		return
	case event.Reset:
		m.serial.flush(m.log.addOutput)
		m.sockets.reset()
		m.heap.mark(markReset)
		m.load = loadMeter{}
	case event.Memory:
		m.heap.mark(markMemory)
	case event.Socket:
		m.sockets.add(e.Time, d)
	case event.Hint:
		m.addHint(e.Time, d)
	}
	m.log.addEvent(e)
}

// prompt returns the prompt that the device shows, or "" when it is not waiting
// for a line. It is what stands in the unfinished last line.
func (m *model) prompt() string {
	const longest = 16 // a script may set _PROMPT
	p := m.serial.partial()
	if n := len(p); n >= 2 && n <= longest && p[n-2:] == "> " {
		return p
	}
	return ""
}

// loadMeter is the part of the time that the CPU spends in Lua.
type loadMeter struct {
	at      clock.Time
	cpu     clock.Duration
	percent int
	known   bool
	started bool
}

// loadWindow is the shortest time over which the load is measured.
const loadWindow = clock.Second

func (l *loadMeter) add(at clock.Time, cpu clock.Duration) {
	if !l.started || cpu < l.cpu || at < l.at {
		*l = loadMeter{at: at, cpu: cpu, started: true, percent: l.percent, known: l.known}
		return
	}
	if at.Sub(l.at) < loadWindow {
		return
	}
	l.percent = int(min((cpu-l.cpu)*100/at.Sub(l.at), 100))
	l.at, l.cpu, l.known = at, cpu, true
}

// Marks on the heap's graph.
type mark int

const (
	markReset    mark = 1 << iota // the device was reset
	markMemory                    // an allocation failed
	markSnapshot                  // a snapshot of the heap was taken
)

// heapHistory is the free heap over time, a column a second of wall time. While
// virtual time stands still nothing is added.
type heapHistory struct {
	columns []heapColumn // oldest first
	low     int          // least free since boot, as the device counts it
	total   int
	pending mark // belongs to the next column
}

// heapColumn is the free heap during one second.
type heapColumn struct {
	bucket   int64      // wall time in columnTime
	at       clock.Time // virtual time at its end
	min, max int        // bytes
	marks    mark
}

// columnTime is what a column of the graph spans, columnsKept is how many of them
// are kept: the width of a very wide terminal.
const (
	columnTime  = time.Second
	columnsKept = 1024
)

func (h *heapHistory) mark(m mark) { h.pending |= m }

func (h *heapHistory) add(s *device.Snapshot, now time.Time) {
	h.low, h.total = s.Heap.Low, s.Heap.Total
	if s.Heap.Total == 0 {
		return // off, or booting
	}
	bucket := now.UnixNano() / int64(columnTime)
	if n := len(h.columns); n > 0 {
		last := &h.columns[n-1]
		if last.at == s.Time && h.pending == 0 {
			return
		}
		if last.bucket == bucket {
			last.at = s.Time
			last.min, last.max = min(last.min, s.Heap.Free), max(last.max, s.Heap.Free)
			last.marks |= h.pending
			h.pending = 0
			return
		}
	}
	if len(h.columns) >= 2*columnsKept {
		h.columns = h.columns[:copy(h.columns, h.columns[columnsKept:])]
	}
	h.columns = append(h.columns, heapColumn{bucket, s.Time, s.Heap.Free, s.Heap.Free, h.pending})
	h.pending = 0
}

// trendColumns is how many columns since the last reset it takes to say how the
// heap grows or shrinks.
const trendColumns = 20

// startColumns after a reset are left out of the trend: the program starts up.
const startColumns = 5

// trend returns the change of the free heap in bytes per minute of virtual time,
// by least squares over the last minute of columns since the last reset.
func (h *heapHistory) trend() (perMinute int, ok bool) {
	start := 0
	for i := len(h.columns) - 1; i > 0; i-- {
		if h.columns[i].marks&markReset != 0 {
			start = i + 1
			break
		}
	}
	start = max(min(start+startColumns, len(h.columns)), len(h.columns)-60)
	cols := h.columns[start:]
	if len(cols) < trendColumns {
		return 0, false
	}
	var n, sx, sy, sxx, sxy float64
	for _, c := range cols {
		x, y := c.at.Sub(cols[0].at).Seconds()/60, float64(c.min)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	if d := n*sxx - sx*sx; d > 0 {
		return int((n*sxy - sx*sy) / d), true
	}
	return 0, false
}
