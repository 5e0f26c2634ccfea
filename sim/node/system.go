package node

import (
	"math"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// chipid is node.chipid().
func (m *module) chipid(c *vm.Call) int { return c.ReturnInt(int(m.dev.ChipID())) }

// flashid is node.flashid().
func (m *module) flashid(c *vm.Call) int { return c.ReturnInt(int(m.dev.Board.Flash.ID)) }

// flashsize is node.flashsize(), in bytes.
func (m *module) flashsize(c *vm.Call) int { return c.ReturnInt(m.dev.Board.Flash.Size) }

// bootreason is node.bootreason(). After an exception there are six registers of
// the CPU behind the reasons; there is no CPU here to have them, so they are 0.
func (m *module) bootreason(c *vm.Call) int {
	r := m.dev.BootReason()
	n := c.Return(vm.Number(r.Raw), vm.Number(r.Extended))
	if r.Extended == device.Exception.Extended {
		for range 6 {
			n += c.ReturnInt(0)
		}
	}
	return n
}

// restart is node.restart(). Lua goes on for 100 ms.
func (m *module) restart(c *vm.Call) int {
	m.dev.Restart()
	return 0
}

// restore is node.restore(): the settings of Wi-Fi in the flash become those of a
// new chip, from the next boot on.
func (m *module) restore(c *vm.Call) int {
	m.dev.Radio.Restore()
	return 0
}

// dsleep is node.dsleep([us, [option, [instant]]]): the device goes off after 100 ms, at
// once when instant is not 0, and boots anew after us microseconds, never when that is
// 0. Without us it does nothing. What option says of the radio's calibration has
// no effect here, and the firmware's checks of both never fail: the arguments of
// luaL_argcheck are in the wrong order there. Waking needs GPIO16 wired to RST, which is taken for granted.
func (m *module) dsleep(c *vm.Call) int {
	if c.Arg(1) == vm.Nil || !c.IsNumber(1) {
		return 0
	}
	us := max(c.Number(1), 0)
	if us > m.longestSleep() {
		m.dev.Inspect.Hints.Here("node.dsleep of %.0f µs is longer than node.dsleepMax() (%.0f µs): the SDK does nothing then", us, m.longestSleep())
		return 0 // oracle: sdk-behaviour.md, deep sleep
	}
	if m.dev.RTC.HaveTime() {
		m.dev.Inspect.Hints.Here("node.dsleep loses the time of day: rtctime.dsleep keeps it")
	}
	m.dev.DeepSleep(clock.Duration(us), c.IsNumber(3) && c.Int(3) != 0)
	return 0
}

// longestSleep is what the clock of the deep sleep can count, in microseconds.
func (m *module) longestSleep() float64 {
	return math.Floor(float64(m.dev.RTC.Calibration()) * math.MaxInt32 / 4096)
}

// dsleepMax is node.dsleepMax(), in microseconds.
func (m *module) dsleepMax(c *vm.Call) int {
	return c.Return(vm.Number(m.longestSleep()))
}

// sleep is node.sleep(): a default build has no light sleep.
func (m *module) sleep(c *vm.Call) int {
	m.dev.Serial.WriteText("\n The options \"TIMER_SUSPEND_ENABLE\" and \"PMSLEEP_ENABLE\" in \"app/include/user_config.h\" were disabled during FW build!\n")
	c.Error("node.sleep() is unavailable")
	return 0
}

// setcpufreq is node.setcpufreq(mhz): 160, or 80 for any other number.
func (m *module) setcpufreq(c *vm.Call) int {
	mhz := 80
	if c.Int(1) == 160 {
		mhz = 160
	}
	m.dev.SetMHz(mhz)
	return c.ReturnInt(mhz)
}

// getcpufreq is node.getcpufreq().
func (m *module) getcpufreq(c *vm.Call) int { return c.ReturnInt(m.dev.ETS.MHz()) }

// random is node.random([[l,] u]): from the hardware's generator, without bias.
func (m *module) random(c *vm.Call) int {
	l, u := 1, 0
	switch c.NArgs() {
	case 0:
		return c.Return(vm.Number(float64(m.dev.Random()) / (1 << 32)))
	case 1:
		u = c.Int(1)
	case 2:
		l, u = c.Int(1), c.Int(2)
	default:
		c.Error("wrong number of arguments")
	}
	if l > u {
		c.ArgError(2, "interval is empty")
	}
	return c.ReturnInt(l + int(m.below(uint32(u-l))))
}

// below returns a random number from 0 to last.
func (m *module) below(last uint32) uint32 {
	if last == math.MaxUint32 {
		return m.dev.Random()
	}
	n := uint64(last) + 1
	limit := (1 << 32) / n * n
	for {
		if r := uint64(m.dev.Random()); r < limit {
			return uint32(r % n)
		}
	}
}
