package gpio

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// serout toggles a pin after given delays. Without a callback it holds the CPU;
// with one the hardware timer does it in interrupts.
type serout struct {
	m       *module
	pin     int
	level   int
	delays  []clock.Duration
	index   int
	repeats int
	done    vm.Ref
	next    *clock.Event
}

const (
	maxDelays = 255 // entries of the table; fw: DELAY_TABLE_MAX_LEN
	// minDelay is what the hardware timer takes at least, in microseconds (fw:
	// docs/modules/gpio.md); maxDelay is what fits into its 23 bits.
	minDelay = 50
	maxDelay = 0x7fffff
	// toggle is what setting the pin takes at least, in microseconds, so that
	// delays of 0 do not stop time (assumed: some 80 cycles of the CPU).
	toggle = 1
)

// start is gpio.serout(pin, level, delays, [cycles, [callback]]).
func (s *serout) start(c *vm.Call) int {
	s.stop()
	c.VM.Unref(&s.done)
	s.pin, s.level, s.repeats = c.Int(1), c.Int(2), int(uint32(c.OptInt(4, 1)-1))
	async := !c.IsNoneOrNil(5)
	if async && !c.IsNumber(5) {
		s.done = c.VM.Ref(c.Arg(5), "serout callback")
	}
	if !exists(s.pin) {
		c.ArgError(1, "Invalid pin")
	}
	if s.level != 0 && s.level != 1 {
		c.ArgError(2, "Wrong level type")
	}
	t, ok := c.Arg(3).(*vm.Table)
	if !ok || c.VM.Len(t) > maxDelays {
		c.ArgError(3, "Invalid delay_times")
	}
	s.delays, s.index = nil, 0
	for i := 1; i <= c.VM.Len(t); i++ {
		x := c.VM.RawGetInt(t, i)
		us, ok := c.VM.ToNumber(x)
		if !ok {
			c.ArgError(-1, "number expected, got "+c.VM.TypeName(x))
		}
		s.delays = append(s.delays, clock.Duration(uint32(vm.Integer(us))))
	}
	if len(s.delays) == 0 {
		s.repeats = 0
	}
	if async {
		if !s.m.dev.TakeHardwareTimer(s) {
			c.Error("Unable to initialize timer")
		}
		s.step()
		return 0
	}
	for more := true; more; s.repeats-- {
		for _, us := range s.delays {
			s.flip()
			if !s.m.dev.ETS.DelayUnfed(max(us, toggle)) {
				return 0
			}
		}
		more = s.repeats > 0
	}
	return 0
}

// flip sets the pin and chooses the level for the next time.
func (s *serout) flip() {
	s.m.dev.Pins.Write(s.pin, s.level)
	s.level = 1 - s.level
}

// step is the interrupt of the hardware timer.
func (s *serout) step() {
	d := s.m.dev
	if s.index >= len(s.delays) {
		s.m.dev.FreeHardwareTimer(s)
		d.PostTask(ets.Low, s.finish)
		return
	}
	s.flip()
	us := min(max(s.delays[s.index], minDelay), maxDelay)
	s.index++
	if s.index == len(s.delays) && s.repeats > 0 {
		s.index = 0
		s.repeats--
	}
	s.next = d.World().Clock.At(d.ETS.InterruptNow().Add(us), s.step)
}

// finish is the task at the end of an asynchronous sequence.
func (s *serout) finish() {
	if s.done == 0 {
		return
	}
	v := s.m.dev.VM
	fn := v.Deref(s.done)
	v.Unref(&s.done)
	s.m.dev.Run("serout callback", fn)
}

// stop ends an asynchronous sequence.
func (s *serout) stop() {
	s.next.Stop()
	s.m.dev.FreeHardwareTimer(s)
}
