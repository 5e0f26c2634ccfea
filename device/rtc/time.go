package rtc

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The time of day (fw: app/include/rtc/rtctime_internal.h). It is kept in cycles of a clock
// of 2080 MHz that does not exist: those when the counter was 0, and what the counter has
// counted since. The counter is FRC2, which ticks each 3.2 µs since the reset.

const (
	unitMHz     = 2080 // unit cycles a microsecond
	perTick     = 6656 // unit cycles a tick of FRC2, which is 3.2 µs
	usPerSecond = 1_000_000
	// tickUs10 is a tick in tenths of a microsecond.
	tickUs10 = 32
)

// The first word: who has written the others. Anything else there is nobody's.
const (
	magicCPU   = 0x44695573 // counted by the CPU's cycles, which is so for a moment at boot
	magicFRC2  = magicCPU + 1
	magicSleep = magicCPU + 2
)

// The words that the time of day lies in during a sleep.
const (
	wordMagic = iota
	wordCycles
	wordCyclesHigh
	wordCounter
	wordPerTick
	wordCalibration
	wordSlept
	wordSleptTicks
	wordRate
	// TimeWords is how many words are the time's.
	TimeWords
)

// timeOfDay is what the firmware has of it in ordinary memory.
type timeOfDay struct {
	magic       uint32
	cycles      uint64 // unit cycles since 1970 when the counter was 0; 0: the time is not known
	counter     uint32 // as it was read last
	counted     int64  // the same, and how often it had wrapped
	perTick     uint32
	calibration uint32 // of the sleep clock; 0: to be measured
	slept       uint32 // µs since the time was set last; all ones: unknown
	sleptTicks  uint32
	rate        uint32 // by how much the clock runs too slowly, in 2^-32; signed

	// The rate counts from a moment: then it was atRate by the counter and adjusted by the
	// rate, µs since 1970.
	atRate, adjusted uint64
	// owed is how far the time shown is ahead of the one that was set, in µs, and shown
	// the microseconds of the time that was shown last. The time never goes back.
	owed, shown uint32

	polled clock.Duration // when the firmware's timer looked last, since the reset
}

// pollPeriod is that of the timer which looks at the clock, so that no wrap of the counter
// is missed.
const pollPeriod = 10 * clock.Second

// rebase is after how many µs the rate counts from anew.
const rebase = 1_000_000_000

func (t *timeOfDay) running() bool { return t.magic == magicFRC2 || t.magic == magicCPU }
func (t *timeOfDay) kept() bool    { return t.running() || t.magic == magicSleep }

func (r *RTC) load() {
	w := &r.Word
	r.time = timeOfDay{
		magic:       w[wordMagic],
		cycles:      uint64(w[wordCyclesHigh])<<32 | uint64(w[wordCycles]),
		counter:     w[wordCounter],
		counted:     int64(w[wordCounter]),
		perTick:     w[wordPerTick],
		calibration: w[wordCalibration],
		slept:       w[wordSlept],
		sleptTicks:  w[wordSleptTicks],
		rate:        w[wordRate],
	}
}

func (r *RTC) save() {
	w, t := &r.Word, &r.time
	w[wordMagic] = t.magic
	w[wordCycles], w[wordCyclesHigh] = uint32(t.cycles), uint32(t.cycles>>32)
	w[wordCounter] = t.counter
	w[wordPerTick] = t.perTick
	w[wordCalibration] = t.calibration
	w[wordSlept], w[wordSleptTicks] = t.slept, t.sleptTicks
	w[wordRate] = t.rate
}

// forget is the time that is lost. Words 1 to 8 are cleared, whoever has written them.
func (r *RTC) forget() {
	r.time = timeOfDay{magic: r.time.magic, polled: r.time.polled}
	r.save()
}

// rawWake is the reason for the boot that the hardware gives after a deep sleep.
const rawWake = 2

// Boot is what a build with rtctime does before Lua starts. reason is why the device
// has started, as the hardware says.
func (r *RTC) Boot(reason int) {
	r.load()
	t := &r.time
	woken := t.magic == magicSleep && reason == rawWake
	if woken {
		// The counter was 0 when the device woke, and that is what the sleep was planned for.
		t.counter, t.counted = 0, 0
		t.magic, t.perTick = magicFRC2, perTick
		t.atRate = t.cycles / unitMHz
		t.adjusted = t.atRate
	} else {
		r.forget()
	}
	if t.kept() {
		r.countFRC2()
	}
	t.polled = r.host.Uptime()
	if r.HaveTime() {
		r.tell()
	}
}

// countFRC2 makes the counter that which the time counts by.
func (r *RTC) countFRC2() {
	t := &r.time
	t.magic, t.perTick = magicFRC2, perTick
	if t.cycles != 0 {
		r.count()
	}
	r.save()
}

// Prepare makes the words the time's, if they are not.
func (r *RTC) Prepare() {
	if r.time.kept() {
		return
	}
	r.forget()
	r.countFRC2()
}

// HaveTime reports whether the time of day is known.
func (r *RTC) HaveTime() bool { return r.time.kept() && r.time.cycles != 0 }

// OnTime has fn called in this boot when there is a time of day: at once, when the device
// has woken with one, and whenever it is set.
func (r *RTC) OnTime(fn func()) {
	r.set = append(r.set, fn)
	if r.HaveTime() {
		fn()
	}
}

func (r *RTC) tell() {
	for _, fn := range r.set {
		fn()
	}
}

// count reads the counter and returns what it stands for, in unit cycles.
func (r *RTC) count() uint64 {
	t := &r.time
	if !t.running() {
		return 0
	}
	now := int64(r.host.Uptime()) * 10 / tickUs10
	if wraps := now>>32 - t.counted>>32; wraps > 0 && t.cycles != 0 {
		t.cycles += uint64(wraps) << 32 * uint64(t.perTick)
	}
	t.counter, t.counted = uint32(now), now
	return uint64(t.counter) * uint64(t.perTick)
}

// byCounter is the time without what is owed, in µs since 1970, 0 when it is not known.
func (r *RTC) byCounter() uint64 {
	if !r.time.kept() {
		return 0
	}
	counted := r.count()
	if r.time.cycles == 0 {
		return 0
	}
	return (r.time.cycles + counted) / unitMHz
}

// nominal is the time before its rate counts, in µs since 1970.
func (r *RTC) nominal() uint64 {
	us := r.byCounter()
	if us == 0 {
		return 0
	}
	return us + uint64(r.time.owed)
}

// factor is how fast the clock is to go, in 2^-32.
func (t *timeOfDay) factor() uint64 { return 1<<32 + uint64(int64(int32(t.rate))) }

// byRate is a nominal time with the rate in it. Now and then the rate counts from there.
func (t *timeOfDay) byRate(us uint64, always bool) uint64 {
	since := us - t.atRate
	adjusted := since*t.factor()>>32 + t.adjusted
	if since > rebase || always {
		t.atRate, t.adjusted = us, adjusted
	}
	return adjusted
}

// poll does what the firmware's timer has done since anybody looked. Nothing shows of it
// but that the rate counts anew from there.
func (r *RTC) poll() {
	t := &r.time
	now := r.host.Uptime()
	n := (now - t.polled) / pollPeriod
	if n <= 0 {
		return
	}
	last := t.polled + n*pollPeriod
	if us := r.nominal(); us != 0 && t.rate != 0 {
		for at := t.polled; ; {
			// The next look at which more than rebase is over.
			atUs := us - uint64(now-at)
			wait := int64(t.atRate+rebase) - int64(atUs)
			at += max(clock.Duration(wait)/pollPeriod+1, 1) * pollPeriod
			if at > last {
				break
			}
			t.byRate(us-uint64(now-at), false)
		}
	}
	t.polled = last
}

// Now returns the time of day, 0 when it is not known (fw: rtctime_gettimeofday). A time
// that was set back is caught up with here: by 1/16 of what has gone by since the last
// look, of which only the part below a second counts.
func (r *RTC) Now() (sec, usec uint32) {
	r.poll()
	t := &r.time
	now := t.byRate(r.nominal(), false)
	sec, usec = split(now)
	if t.owed > 0 {
		passed := usec - t.shown
		if usec < t.shown {
			passed += usPerSecond
		}
		if back := min(passed>>4, t.owed); back > 0 {
			t.owed -= back
			sec, usec = split(now - uint64(back))
		}
	}
	t.shown = usec
	return sec, usec
}

func split(us uint64) (sec, usec uint32) {
	return uint32(us / usPerSecond), uint32(us % usPerSecond)
}

// Set sets the time of day and leaves the rate (fw: rtctime_settimeofday). It returns by
// how many µs the time that is shown is ahead of it now. The second 0 begins anew: it is
// not taken for a clock that is set back.
func (r *RTC) Set(sec, usec uint32) (owed uint32) {
	r.Prepare()
	r.poll()
	t := &r.time
	rate := t.rate
	r.settle(uint64(sec)*usPerSecond + uint64(usec))
	r.SetRate(int32(rate))
	r.tell()
	return t.owed
}

// settle makes target the time. After a sleep it says how long that really was.
func (r *RTC) settle(target uint64) {
	t := &r.time
	now := t.byRate(r.nominal(), true)
	ahead := int64(now - target)
	t.cycles = target*unitMHz - r.count()
	if target < usPerSecond {
		ahead = 0
	} else if known(t.slept) && known(t.sleptTicks) {
		really := uint64(t.slept) - uint64(ahead)
		if tick := uint32(really << 12 / uint64(t.sleptTicks)); tick >= 4<<12 && tick <= 10<<12 {
			t.calibration = tick
		}
	}
	t.slept, t.sleptTicks = 0, 0
	t.atRate, t.adjusted, t.rate = target, target, 0
	ahead = min(max(ahead, 0), math.MaxUint32)
	t.owed = uint32(ahead)
	_, t.shown = split(target + uint64(ahead))
}

func known(slept uint32) bool { return slept > 0 && slept < math.MaxUint32 }

// Rate is how much faster than nominal the clock is to run, in 2^-32.
func (r *RTC) Rate() int32 { return int32(r.time.rate) }

// SetRate changes it from now on.
func (r *RTC) SetRate(rate int32) {
	r.poll()
	r.time.byRate(r.nominal(), true)
	r.time.rate = uint32(rate)
}

// Adjust is a number of µs by the CPU's clock in those of the rate. It has 32 bits.
func (r *RTC) Adjust(us int32) int32 {
	return int32(uint64(int64(us)) * r.time.factor() >> 32)
}
