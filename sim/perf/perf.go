// Package perf is the firmware module perf: a histogram of where the CPU is (fw:
// docs/modules/perf.md, app/modules/perf.c).
//
// The hardware timer looks each 50 µs, whatever the CPU does, and counts the address that
// it finds in one of the bins. Here no machine code runs, so there are no addresses: the
// samples fall on four of the firmware's code, one after the other, as in the measurement
// (oracle: rtc-cron-behaviour.md). What a program's time goes into is what --cpu-profile
// shows.
//
// The histogram is a userdata of 4 bytes a bin, 4 KB for the 1024 of the default. gpio's
// serout and pulse use the same timer, and only one can.
package perf

import (
	"math/bits"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Module is perf as release 3.0 has it.
var Module = device.Module{Name: "perf", Open: open}

// Figures of the module (fw: app/modules/perf.c).
const (
	period      = 50 * clock.Microsecond
	defaultFrom = 0x40000000
	defaultBins = 1024
	headSize    = 28 // bytes before the bins, the first of which counts twice (fw: sizeof(DATA))
	binBytes    = 4
)

// The addresses that samples fall on (oracle: rtc-cron-traces.json, perf_bins).
const (
	samplesFrom  = 0x40201000
	sampleStep   = 0x40
	sampleCycles = 4
)

// defaultTo is where the firmware ends: 640 KB from where the flash shows in the CPU's
// address space. That depends on the build; the measured one had more than 512 KB, and 1 MB
// at most (oracle: rtc-cron-traces.json, perf_args).
const defaultTo = 0x40200000 + 640<<10

type module struct {
	dev *device.Device
	run *run // nil: not started
}

// run is a measurement under way.
type run struct {
	began clock.Time
	data  vm.Ref
	from  uint32
	shift uint // a bin has 2^shift addresses
	bins  uint32
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d}
	return &device.Lib{Funcs: []vm.Func{
		{Name: "start", Fn: m.start},
		{Name: "stop", Fn: m.stop},
	}}
}

// start is perf.start([from [, to [, bins]]]). A measurement that runs ends.
func (m *module) start(c *vm.Call) int {
	from, to, bins := uint32(c.OptInt(1, defaultFrom)), uint32(c.OptInt(2, defaultTo)), uint32(c.OptInt(3, defaultBins))
	if to <= from {
		c.Error("end must be larger than start")
	}
	if bins == 0 {
		m.dev.Crash("perf.start with no bins: the firmware divides by zero")
		return 0
	}
	size := (to - from + bins - 1) / bins
	shift := uint(bits.Len32(size - 1))
	one := uint32(1) << (shift & 31) // the chip shifts by the low bits of a number
	bins = (to - from + one - 1) / one
	bytes := headSize + binBytes*bins
	if uint64(bytes) != headSize+binBytes*uint64(bins) {
		m.dev.Crash("perf.start with %d bins: the firmware makes room for those that 32 bits can say, and writes beyond", bins)
		return 0
	}
	r := &run{from: from, shift: shift & 31, bins: bins}
	r.data = c.VM.Ref(c.VM.NewUserData(int(bytes)), "perf's histogram")
	m.forget()
	if !m.dev.TakeHardwareTimer(m) {
		c.VM.Unref(&r.data)
		c.Error("Unable to initialize timer")
	}
	r.began = m.dev.Now()
	m.run = r
	return 0
}

// forget drops a measurement.
func (m *module) forget() {
	if m.run != nil {
		m.dev.VM.Unref(&m.run.data)
		m.run = nil
	}
}

// stop is perf.stop(): samples, those outside of the bins, a table of the others by the
// first address of their bin, and how many addresses that has. Nothing when it was not
// started.
func (m *module) stop(c *vm.Call) int {
	r := m.run
	if r == nil {
		return 0
	}
	m.dev.FreeHardwareTimer(m)
	samples := uint32(m.dev.Now().Sub(r.began) / period)
	outside := uint32(0)
	t := c.NewTable(0, 0)
	for i := range uint32(sampleCycles) {
		n := (samples + sampleCycles - 1 - i) / sampleCycles
		bin := (samplesFrom + sampleStep*i - r.from) >> r.shift
		switch {
		case n == 0:
		case bin >= r.bins:
			outside += n
		default:
			address := vm.Number(r.from + bin<<r.shift)
			was, _ := c.VM.ToNumber(c.VM.RawGet(t, address))
			c.VM.RawSet(t, address, vm.Number(was)+vm.Number(n))
		}
	}
	size := vm.Number(int32(1) << r.shift)
	m.forget()
	return c.Return(vm.Number(samples), vm.Number(outside), t, size)
}
