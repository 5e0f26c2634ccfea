// Package rtcfifo is the firmware module rtcfifo: a queue of samples in the memory of the
// real-time clock, which survives deep sleep and restarts (fw: docs/modules/rtcfifo.md,
// app/modules/rtcfifo.c, app/include/rtc/rtcfifo.h).
//
// A sample is a word: 16 bits of value, 3 of decimals, the name as a number, and the
// seconds since the sample before, in 9 bits. So values are cut to 0 to 65535, and after
// a gap of more than 511 s, a sample that is older than the last one, or a name too many,
// everything in the queue is thrown away; after a gap the new sample comes out 511 s late.
// A full queue loses its oldest sample. Names have four bytes.
//
// The control block is words 10 to 20, names and samples are words 32 to 127 unless
// storage_begin and storage_end say otherwise; nothing is checked, and rtcmem may write
// there, too. Beyond word 127 there is no memory: words are read as 0 there.
//
// Without rtctime in the build there is no interval and no dsleep_until_sample.
package rtcfifo

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// Module is rtcfifo as release 3.0 has it.
var Module = device.Module{Name: "rtcfifo", Open: open}

type module struct {
	dev  *device.Device
	time bool // the build has rtctime

	asked bool // ready() has said in this boot that nothing is prepared
}

func open(d *device.Device) *device.Lib {
	m := &module{dev: d, time: slices.Contains(d.ModuleNames(), "rtctime")}
	lib := &device.Lib{Funcs: []vm.Func{ // in the firmware's order: a name costs what stands before it
		{Name: "prepare", Fn: m.prepare},
		{Name: "ready", Fn: m.ready},
		{Name: "put", Fn: m.prepared(m.put)},
		{Name: "pop", Fn: m.prepared(m.pop)},
		{Name: "peek", Fn: m.prepared(m.peek)},
		{Name: "drop", Fn: m.prepared(m.drop)},
		{Name: "count", Fn: m.prepared(m.count)},
	}}
	if m.time {
		lib.Funcs = append(lib.Funcs, vm.Func{Name: "dsleep_until_sample", Fn: m.prepared(m.sleep)})
	}
	return lib
}

// prepare is rtcfifo.prepare([{sensor_count, interval_us, storage_begin, storage_end}]).
func (m *module) prepare(c *vm.Call) int {
	interval, names := uint32(0), uint32(defaultNames)
	begin, end := int32(-1), int32(-1)
	switch t := c.Arg(1).(type) {
	case *vm.Table:
		get := func(key string) (float64, bool) { return c.VM.ToNumber(c.Index(t, vm.String(key))) }
		if m.time {
			if x, ok := get("interval_us"); ok {
				interval = luanum.ULong(x)
			}
		}
		if x, ok := get("sensor_count"); ok {
			names = luanum.ULong(x)
		}
		if x, ok := get("storage_begin"); ok {
			begin = luanum.Long(x)
		}
		if x, ok := get("storage_end"); ok {
			end = luanum.Long(x)
		}
	default:
		if !c.IsNone(1) {
			c.Error("expected table as arg #1")
		}
	}
	m.set(wordPerBoot, 0)
	m.set(wordInterval, interval)
	m.set(wordToTake, 0)
	if names == 0 {
		m.place(defaultBegin, defaultEnd, defaultNames)
	} else {
		m.place(defaultBegin, defaultEnd, names)
	}
	m.clear()
	m.set(wordMagic, magic)
	if begin != -1 && end != -1 {
		m.place(uint32(begin), uint32(end), names)
		m.hintStorage(begin, end)
	}
	return 0
}

// hintStorage says what the firmware does not check.
func (m *module) hintStorage(begin, end int32) {
	switch {
	case begin < wordMagic+controlWords || end > 128 || end <= begin:
		m.dev.Inspect.Hints.Here("rtcfifo.prepare does not check where samples go: words %d to %d are no place for them (21 to 127 are)", begin, end-1)
	case m.head() < m.first() || m.head() >= m.end():
		m.dev.Inspect.Hints.Here("rtcfifo.prepare: the first samples go to the default place all the same, from word %d on, until the end of the storage is reached", m.head())
	}
}

// ready is rtcfifo.ready(): 1 or 0, which are both true in Lua.
func (m *module) ready(c *vm.Call) int {
	if m.get(wordMagic) == magic {
		return c.ReturnInt(1)
	}
	m.asked = true
	return c.ReturnInt(0)
}

// prepared is a function that needs the queue.
func (m *module) prepared(fn func(*vm.Call) int) func(*vm.Call) int {
	return func(c *vm.Call) int {
		if m.get(wordMagic) != magic {
			if m.asked {
				m.dev.Inspect.Hints.Here("rtcfifo.ready() has returned 0, which Lua takes for true, and the queue was not prepared: ask whether it is 0")
			}
			c.Error("rtcfifo not prepared!")
		}
		return fn(c)
	}
}

// put is rtcfifo.put(seconds, value, decimals, name).
func (m *module) put(c *vm.Call) int {
	s := sample{time: luanum.ULong(c.Number(1)), value: luanum.ULong(c.Number(2)), decimals: luanum.ULong(c.Number(3))}
	s.name = packName(c.String(4))
	if s.value > maxValue {
		m.dev.Inspect.Hints.Here("rtcfifo.put: a value has 16 bits: of %d %d is kept", int32(s.value), s.value&maxValue)
	}
	m.store(s)
	return 0
}

// packName is the first four bytes of a name, up to a NUL.
func packName(name string) (n uint32) {
	for i := range min(len(name), 4) {
		if name[i] == 0 {
			break
		}
		n |= uint32(name[i]) << (8 * i)
	}
	return n
}

// unpackName is the reverse: four bytes, or fewer up to a NUL.
func unpackName(n uint32) string {
	name := string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	if n>>24 == 0 {
		name, _, _ = strings.Cut(name, "\x00")
	}
	return name
}

func (s sample) push(c *vm.Call) int {
	c.PushNumber(float64(s.time))
	c.PushNumber(float64(s.value))
	c.PushNumber(float64(s.decimals))
	c.PushString(unpackName(s.name))
	return 4
}

// pop is rtcfifo.pop(): seconds, value, decimals, name, or nothing.
func (m *module) pop(c *vm.Call) int {
	s, ok := m.take()
	if !ok {
		return 0
	}
	return s.push(c)
}

// peek is rtcfifo.peek([n]): the sample behind n others.
func (m *module) peek(c *vm.Call) int {
	n := uint32(0)
	if x, ok := c.VM.ToNumber(c.Arg(1)); ok {
		n = luanum.ULong(x)
	}
	s, ok := m.at(n)
	if !ok {
		return 0
	}
	return s.push(c)
}

// drop is rtcfifo.drop(n).
func (m *module) drop(c *vm.Call) int {
	m.skip(luanum.ULong(c.Number(1)))
	return 0
}

// count is rtcfifo.count().
func (m *module) count(c *vm.Call) int { return c.Return(vm.Number(m.get(wordCount))) }

// sleep is rtcfifo.dsleep_until_sample(least). It does not return.
func (m *module) sleep(c *vm.Call) int {
	m.dev.RTC.SleepAligned(m.get(wordInterval), luanum.ULong(c.Number(1)))
	return 0
}
