package sntp

import (
	"encoding/binary"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// The messages of RFC 4330.
const (
	messageLen     = 48
	clientV4       = 0x23 // version 4, mode 3
	offRootDelay   = 4
	offDispersion  = 8
	offRefID       = 12
	offOrigin      = 24
	offReceived    = 32
	offSent        = 40
	unsynchronized = 3          // leap indicator
	epoch          = 2208988800 // from 1900, where NTP begins, to 1970, in seconds
)

// timestamp is one of NTP: seconds since 1900, 32 bits of fraction.
type timestamp uint64

func read(b []byte) timestamp { return timestamp(binary.BigEndian.Uint64(b)) }

// stamp makes a timestamp of seconds since 1970 and microseconds.
func stamp(sec, usec uint32) timestamp {
	return timestamp(uint64(sec+epoch)<<32 | uint64(uint32(byMillion(uint64(usec)<<32))))
}

// byMillion is n/1000000 as the firmware divides, by shifts (fw: div1m).
func byMillion(n uint64) uint64 {
	q1 := n>>5 + n>>10
	q2 := n>>12 + q1>>1
	q3 := q2>>11 - q2>>23
	return (n + q1 + q2 - q3) >> 20
}

// micros is the fraction of a second, of so many bits, in microseconds.
func micros(fraction uint64, bits uint) uint64 { return fraction * 1_000_000 >> bits }

// result is one usable answer.
type result struct {
	server                              netip.Addr
	delta                               int64  // from our clock to the server's, 2^-32 s
	way                                 uint32 // by what answers are compared, 2^-16 s
	delay, maxErr, rootDelay, rootDispn uint32 // 2^-16 s
	stratum, leap                       uint8  // no stratum: there is no result
	at                                  uint32 // by systemTime
}

// systemTime is system_get_time: µs since the reset, of 32 bits.
func (m *module) systemTime() uint32 { return uint32(m.d.ETS.Uptime()) }

// now is our time of day. Without one it is that since the reset.
func (m *module) now() (sec, usec uint32) {
	if sec, usec = m.clock.Now(); sec == 0 {
		us := m.systemTime()
		return us / 1_000_000, us % 1_000_000
	}
	return sec, usec
}

// ntpNow is our time of day by NTP.
func (m *module) ntpNow() timestamp {
	sec, usec := m.now()
	return stamp(sec-uint32(m.leap.offset), usec)
}

// send asks the next server, or ends the synchronization (fw: sntp_dosend).
func (m *module) send() {
	s := m.sync
	if len(m.servers) == 0 {
		m.d.Crash("sntp has no servers and reads their list at address 0")
		return
	}
	for {
		if s.pos < 0 {
			s.timer.Disarm()
		}
		s.pos++
		if s.pos >= int(m.count) {
			s.pos = 0
			s.attempts++
		}
		if s.attempts >= rounds || int(s.attempts)*int(m.count) >= roundLimit {
			m.d.PostTask(ets.High, m.finish)
			return
		}
		if m.servers[s.pos].IsValid() && m.servers[s.pos] != lwip.AnyAddr && s.denied&(1<<(s.pos&31)) == 0 {
			break
		}
	}
	request := make([]byte, messageLen)
	request[0] = clientV4
	if m.clock != nil {
		s.cookie = m.ntpNow()
	} else {
		s.cookie = timestamp(m.systemTime())
	}
	binary.BigEndian.PutUint64(request[offSent:], uint64(s.cookie))
	if s.udp.SendTo(request, m.servers[s.pos], port) == lwip.ErrMem {
		m.d.PostTask(ets.Low, func() { m.ranOut() })
		return
	}
	s.timer.Arm(answerTime, false)
}

// ranOut is the task that ends a synchronization for which there is no memory.
func (m *module) ranOut() {
	if m.sync == nil {
		m.d.Crash("sntp has no synchronization to end any more, and reads at address 0")
		return
	}
	m.fail(noMemory, vm.Nil)
}

// anycast is the address at which any server may answer (fw: NTP_ANYCAST_ADDR).
var anycast = netip.AddrFrom4([4]byte{224, 0, 1, 1})

// received takes a datagram (fw: on_recv).
func (m *module) received(s *sync, data []byte, from netip.AddrPort) {
	if m.sync != s || s.pos < 0 {
		return
	}
	asked := m.servers[s.pos]
	if len(data) < messageLen || asked != anycast && asked != from.Addr() || read(data[offOrigin:]) != s.cookie {
		s.foreign++
		return
	}
	leap, stratum := data[0]>>6, data[1]
	bit := uint32(1) << (s.pos & 31)
	if leap == unsynchronized {
		if string(data[offRefID:offRefID+4]) != "DENY" {
			s.unsynchronized++
			return
		}
		if s.denied&bit != 0 {
			m.servers[s.pos] = lwip.AnyAddr
		}
		s.denied |= bit
		return
	}
	s.denied &^= bit
	s.timer.Disarm()
	if leap != 0 {
		m.leap.pending = leap
	}
	// What the leap second changes, it changes for the answer at hand as well.
	var sec, usec uint32
	if m.clock != nil {
		sec, usec = m.now()
		m.updateOffset()
	}
	if stratum == 0 {
		m.Hints.Once("sntp stratum", "an NTP server answers with stratum 0, which sntp takes for no answer")
	}
	field := func(at int) uint32 { return binary.BigEndian.Uint32(data[at:]) }
	r := result{server: from.Addr(), stratum: stratum, leap: leap, at: m.systemTime(),
		rootDelay: field(offRootDelay), rootDispn: field(offDispersion)}
	r.maxErr = r.rootDispn + r.rootDelay/2
	received, sent := read(data[offReceived:]), read(data[offSent:])
	if m.clock != nil {
		arrived := stamp(sec-uint32(m.leap.offset), usec)
		r.delta = int64(received-s.cookie)/2 + int64(sent-arrived)/2
		r.delay = uint32(int64(arrived-s.cookie-(sent-received)) >> 16)
	} else {
		r.delta = int64(sent - epoch<<32)
		r.delay = uint32((uint64(m.systemTime()-uint32(s.cookie)) << 16) / 1_000_000)
	}
	// The firmware wants to prefer the last best server, but has forgotten which it was.
	if r.way = r.rootDelay*2 + r.delay; s.best.stratum == 0 || r.way < s.best.way {
		s.best = r
	}
	m.send()
}

// finish is the task that ends the synchronization (fw: sntp_handle_result).
func (m *module) finish() {
	s := m.sync
	if s == nil {
		m.d.Crash("sntp has got the last answer twice, and reads at address 0 when it ends for the second time")
		return
	}
	b := &s.best
	if b.stratum == 0 {
		m.count = 0 // all names will be looked up again
		m.fail(noneAnswered, vm.Nil)
		return
	}
	var sec, usec uint32
	if m.clock != nil {
		sec, usec = m.now()
	} else {
		usec = m.systemTime() - b.at
	}
	sec += uint32(b.delta >> 32)
	usec += uint32(micros(uint64(uint32(b.delta)), 32))
	for usec >= 1_000_000 {
		usec -= 1_000_000
		sec++
	}
	if m.clock != nil {
		m.adjust(s, sec, usec)
	}
	if s.onSync == 0 {
		m.cleanup(s)
		return
	}
	fn := m.v.Deref(s.onSync)
	server := m.NewString(b.server.String())
	info := m.info(b)
	m.cleanup(s)
	seconds := vm.Number(sec)
	if m.clock == nil {
		seconds = vm.Number(int32(sec))
	}
	m.Protected("sntp sync callback", fn, seconds, vm.Number(usec), server, info)
}

// How much of a difference the clock's rate makes up (fw: PLL_A, PLL_B), and up to which
// difference that is done instead of setting the clock.
const (
	proportional = 1 << 21
	integral     = 1 << 19
	adjustable   = int64(200_000) << 32 / 1_000_000
)

// adjust sets the clock, or changes its rate where a repetition finds it off by less than
// 200 ms.
func (m *module) adjust(s *sync, sec, usec uint32) {
	delta := s.best.delta
	if s.repeated && delta > -adjustable && delta < adjustable {
		rate := uint64(delta*proportional>>32) + m.increment
		m.increment += uint64(delta * integral >> 32)
		m.clock.SetRate(int32(rate))
		return
	}
	if owed := clock.Duration(m.clock.Set(sec, usec)); owed > clock.Second {
		m.Hints.Once("sntp back", "sntp sets the time back by %.1f s, but rtctime.get never goes back: see rtctime.set", owed.Seconds())
	}
}

// info makes the table for the callback.
func (m *module) info(b *result) *vm.Table {
	t := m.v.NewTable(0, 0)
	set := func(name string, x float64) { m.v.SetField(t, name, vm.Number(x)) }
	if m.clock != nil {
		if d := int32(b.delta >> 40); d != 0 && d != -1 {
			set("offset_s", float64(b.delta>>32))
		} else {
			set("offset_us", float64(b.delta*1_000_000>>32))
		}
	}
	if b.delay > 0 {
		set("delay_us", float64(micros(uint64(b.delay), 16)))
	}
	set("root_delay_us", float64(micros(uint64(b.rootDelay), 16)))
	set("root_dispersion_us", float64(micros(uint64(b.rootDispn), 16)))
	set("root_maxerr_us", float64(micros(uint64(b.maxErr+b.delay/2), 16)))
	set("stratum", float64(b.stratum))
	set("leap", float64(b.leap))
	set("pending_leap", float64(m.leap.pending))
	return t
}
