// Package rtc is what the chip's real-time clock is to the firmware: words that outlive a
// reset, and the time of day (fw: app/include/rtc/).
//
// The RTC is no clock that one could set. It counts in deep sleep, badly, and keeps 128
// words for the program. The time of day is kept by the firmware, with a counter of the
// CPU while it runs (time.go) and by planning each sleep (sleep.go); what it must know
// after the sleep stands in words 0 to 8.
//
// Modules rtctime, rtcfifo, cron and sntp share it. It knows neither Lua nor the device:
// that is its Host.
package rtc

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// Words is how many 32-bit words belong to the program (fw:
// app/include/rtc/rtcaccess.h, RTC_USER_MEM_NUM_DWORDS).
const Words = 128

// TypicalTick is a tick of the clock that runs in deep sleep, in microseconds (ESP8266
// SDK API reference).
const TypicalTick = 5.75

// Host is the device as its real-time clock sees it.
type Host interface {
	// Uptime is how long ago the device was reset, by the CPU's own time.
	Uptime() clock.Duration
	// Busy keeps the CPU in a loop that feeds no watchdog (ets_delay_us).
	Busy(d clock.Duration)
	// SleepNow switches everything off, at once; after d the device starts anew.
	SleepNow(d clock.Duration)
}

// RTC is the real-time clock of one device.
type RTC struct {
	// Word is the program's part of its memory. Switching the device on clears it: the
	// chip's comes up with anything in it.
	Word [Words]uint32

	host Host
	tick float64 // of the sleep clock, in microseconds
	time timeOfDay
	set  []func()
}

// New returns the clock of a device that is off. tick is that of the sleep clock in
// microseconds, 0 for the typical one.
func New(h Host, tick float64) *RTC {
	if tick == 0 {
		tick = TypicalTick
	}
	return &RTC{host: h, tick: tick}
}

// PowerOn is power that comes back.
func (r *RTC) PowerOn() { r.Word = [Words]uint32{} }

// Reset forgets what ordinary memory holds.
func (r *RTC) Reset() { r.time, r.set = timeOfDay{}, nil }

// Calibration is what system_rtc_clock_cali_proc returns: a tick of the sleep clock in
// microseconds, 12 of the bits are fraction.
func (r *RTC) Calibration() uint32 { return uint32(r.tick*(1<<12) + 0.5) }
