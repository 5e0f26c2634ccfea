package rtc

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What going to sleep takes (fw: app/include/rtc/rtctime_internal.h).
const (
	beforeSleep     = 20 * clock.Microsecond
	beforeMeasuring = 200 * clock.Microsecond // of the sleep clock
)

// Sleep is deep sleep that keeps the time of day: what the time will be is noted before.
// Time that is still to be taken back is slept longer. The caller does not return to Lua.
func (r *RTC) Sleep(us uint32) {
	r.poll()
	t := &r.time
	if t.kept() {
		us += t.owed
		t.owed = 0
		if now := r.byCounter(); now != 0 {
			t.cycles = (now + uint64(us)) * unitMHz
		}
	}
	r.host.Busy(beforeSleep)
	ticks := uint32(uint64(us) << 12 / uint64(r.sleepClock()))
	if t.kept() {
		slept := t.slept + us
		sleptTicks := t.sleptTicks + ticks
		if slept < t.slept {
			slept, sleptTicks = math.MaxUint32, math.MaxUint32
		}
		t.slept, t.sleptTicks = slept, sleptTicks
	}
	if t.running() {
		t.magic = magicSleep
	}
	r.save()
	r.host.SleepNow(clock.Duration(float64(ticks)*r.tick + 0.5))
}

// SleepAligned is Sleep to the next multiple of align µs since 1970 that is at least
// least µs away. Without a time that is so many µs from now.
func (r *RTC) SleepAligned(align, least uint32) {
	r.poll()
	now := r.nominal()
	then := now + uint64(least)
	if align > 0 {
		then += uint64(align) - 1
		then -= then % uint64(align)
	}
	r.Sleep(uint32(then - now))
}

// sleepClock returns the tick of the sleep clock as far as it is known, else measured, in
// the form of Calibration.
func (r *RTC) sleepClock() uint32 {
	t := &r.time
	if t.kept() && t.calibration != 0 {
		return t.calibration
	}
	r.host.Busy(beforeMeasuring)
	t.calibration = r.Calibration()
	return t.calibration
}
