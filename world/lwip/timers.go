package lwip

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// The SDK polls lwIP's timeouts from an os_timer of 25 ms that runs from boot on
// (oracle: sdk-behaviour.md, 4.1). The
// timeouts are a list in which each entry's time counts from the one before, and
// the first one's from when a timeout last ran. A new timeout is put in as if that
// moment were now: so the first TCP tick after a connection appears comes 125 ms
// after the latest multiple of 100 ms since boot, because IGMP has a timeout of
// 100 ms that never rests. ARP, DHCP and IGMP do nothing else here than keep that
// list as it is on the device.

const pollPeriod = 25 * clock.Millisecond

// Intervals in milliseconds (fw: app/include/lwip, *_TMR_INTERVAL).
const (
	arpInterval        = 5000
	dhcpCoarseInterval = 60000
	dhcpFineInterval   = 500
	igmpInterval       = 100
	dnsInterval        = 1000
	tcpInterval        = 125
)

type timeoutID uint8

const (
	arpTimeout timeoutID = iota
	dhcpCoarseTimeout
	dhcpFineTimeout
	igmpTimeout
	dnsTimeout
	tcpTimeout
)

var intervals = [...]int64{arpInterval, dhcpCoarseInterval, dhcpFineInterval, igmpInterval, dnsInterval, tcpInterval}

type timeout struct {
	ms int64 // after the timeout before it in the list
	id timeoutID
}

// shortMillisecond is the shortest that Params.Elapsed may count as one.
const shortMillisecond = 998 * clock.Microsecond

func elapsed(from, to clock.Time) int64 { return int64(to.Sub(from) / clock.Millisecond) }

type timeouts struct {
	s       *Stack
	list    []timeout
	last    clock.Time // when a timeout last ran
	poll    Timer
	skipped func(clock.Time) clock.Time // check
	// elapsed counts the milliseconds between two times, of which each takes so long
	// at least.
	elapsed     func(from, to clock.Time) int64
	millisecond clock.Duration
	tcpActive   bool
	reported    bool
}

const igmpReportLen = 8

func (t *timeouts) init(s *Stack) {
	t.s = s
	t.last = s.host.Now()
	for id := arpTimeout; id <= tcpTimeout; id++ {
		t.add(id)
	}
	t.tcpActive = true // ticks once after boot, finds no connection and stops
	t.poll = s.host.NewTimer(func() { t.check(s.host.Now()) })
	t.skipped = t.check
	t.elapsed, t.millisecond = s.p.Elapsed, shortMillisecond
	if t.elapsed == nil {
		t.elapsed, t.millisecond = elapsed, clock.Millisecond
	}
	t.poll.Arm(pollPeriod, true)
	t.quiet()
}

// add puts a timeout into the list (fw: sys_timeout).
func (t *timeouts) add(id timeoutID) {
	if !t.s.alloc(KindTimeout, sizeTimeout) {
		if id == tcpTimeout {
			t.tcpActive = false
		}
		return
	}
	t.list = append(t.list, timeout{})
	t.place(id, t.list)
}

// place puts a timeout into a list whose last entry is to spare.
func (t *timeouts) place(id timeoutID, list []timeout) {
	ms := intervals[id]
	i, last := 0, len(list)-1
	for i < last && list[i].ms <= ms {
		ms -= list[i].ms
		i++
	}
	if i < last {
		list[i].ms -= ms
	}
	copy(list[i+1:], list[i:last])
	list[i] = timeout{ms, id}
}

// check runs the timeouts that have expired (fw: sys_check_timeouts) and returns when
// the next one does.
func (t *timeouts) check(now clock.Time) (next clock.Time) {
	diff := t.elapsed(t.last, now)
	ran := false
	for len(t.list) > 0 && t.list[0].ms <= diff {
		first := t.list[0]
		copy(t.list, t.list[1:])
		t.last = now
		diff -= first.ms
		ran = true
		if t.idle(first.id) {
			t.place(first.id, t.list) // in the memory that it has
			continue
		}
		t.list = t.list[:len(t.list)-1]
		t.s.release(KindTimeout, sizeTimeout)
		t.expired(first.id)
	}
	if ran {
		t.quiet()
	}
	if len(t.list) == 0 {
		return clock.Forever
	}
	return t.last.Add(clock.Duration(t.list[0].ms) * t.millisecond)
}

// idle reports whether a timeout does nothing but come again.
func (t *timeouts) idle(id timeoutID) bool {
	switch id {
	case arpTimeout, dhcpCoarseTimeout, dhcpFineTimeout:
		return true
	case igmpTimeout:
		return t.reported && !t.s.reporting()
	}
	return false
}

func (t *timeouts) expired(id timeoutID) {
	switch id {
	case tcpTimeout:
		t.s.tcpTick()
		if t.s.active == nil && t.s.timeWait == nil {
			t.tcpActive = false
			return
		}
	case dnsTimeout:
		t.s.dns.tick()
	case igmpTimeout:
		if !t.reported && !t.tcpActive {
			// The report that follows joining the all-systems group at boot: it shows
			// only in the peak of memory (oracle: lwip_heap_peak_bytes).
			t.reported = true
			t.s.momentary(KindPbuf, pbufTransport+igmpReportLen)
			t.s.countReports()
		}
		t.s.igmpTick()
	}
	t.add(id)
}

// needTCP starts the TCP tick unless it runs (fw: tcp_timer_needed).
func (t *timeouts) needTCP() {
	t.catchUp()
	if !t.tcpActive && (t.s.active != nil || t.s.timeWait != nil) {
		t.tcpActive = true
		t.add(tcpTimeout)
		t.quiet()
	}
}

// catchUp runs the timeouts that the host has left out.
func (t *timeouts) catchUp() {
	if q, ok := t.poll.(QuietTimer); ok {
		q.CatchUp()
	}
}

// quiet tells the host until when polls can have no effect that shows.
func (t *timeouts) quiet() {
	q, ok := t.poll.(QuietTimer)
	if !ok {
		return
	}
	at, until := t.last, clock.Forever
	for _, e := range t.list {
		at = at.Add(clock.Duration(e.ms) * t.millisecond)
		if e.id == tcpTimeout || e.id == dnsTimeout && t.s.dns.asking() || e.id == igmpTimeout && t.s.reporting() {
			until = at
			break
		}
	}
	q.Quiet(until, t.skipped)
}
