package sntp

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// leap is what the module knows of leap seconds. The clock ticks on through one, and the
// offset between it and NTP's time changes, once a program has asked for that.
type leap struct {
	counted  bool  // setoffset was called
	offset   uint8 // seconds
	pending  uint8 // leap indicator of the last answer that had one
	midnight int32 // the next, by NTP's time in seconds since 1970
}

const day = 86400 // seconds

// setOffset is sntp.setoffset(seconds).
func (m *module) setOffset(c *vm.Call) int {
	n := c.Int(1)
	m.leap.offset = uint8(n)
	if int(m.leap.offset) != n {
		m.Hints.Here("sntp.setoffset keeps eight bits: of %d seconds that is %d", n, m.leap.offset)
	}
	if sec, _ := m.clock.Now(); sec != 0 {
		m.leap.midnight = m.leap.nextMidnight(int32(sec))
	}
	m.leap.counted = true
	return 0
}

// getOffset is sntp.getoffset().
func (m *module) getOffset(c *vm.Call) int {
	m.updateOffset()
	return c.ReturnInt(int(m.leap.offset))
}

func (l *leap) nextMidnight(now int32) int32 {
	return now + day - int32(l.offset) - (now-int32(l.offset))%day
}

// updateOffset inserts or removes the leap second that was announced, at midnight before
// the first of a month (fw: update_offset).
func (m *module) updateOffset() {
	l := &m.leap
	if l.pending == 0 || !l.counted {
		return
	}
	const unset = 100_000 // a midnight before that was made without the time of day
	sec, _ := m.clock.Now()
	switch now := sec - uint32(l.offset); {
	case l.midnight < unset:
		l.midnight = l.nextMidnight(int32(sec))
	case now >= uint32(l.midnight):
		l.midnight = l.nextMidnight(int32(sec))
		if time.Unix(int64(now), 0).UTC().Day() == 1 {
			if l.pending == 1 {
				l.offset++
			} else {
				l.offset--
			}
		}
		l.pending = 0
	}
}
