package wifi

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What programs older than release 3.0 call, in a legacy build: wifi.sta.config with
// arguments one by one, and a monitor that looks at wifi.sta.status() from time to time
// (fw: app/modules/wifi.c, wifi_eventmon.c and docs/en/modules/wifi.md of releases 1.5.4
// to 2.1).

// configOld is wifi.sta.config(ssid, password[, auto][, bssid]). auto is 0 or 1.
func (m sta) configOld(c *vm.Call) int {
	cfg := radio.StationConfig{SSID: c.String(1)}
	if len(cfg.SSID) >= maxSSID {
		c.ArgError(1, "length:0-32")
	}
	if cfg.Password = c.String(2); len(cfg.Password) > maxPassword {
		c.ArgError(2, "length:0-64")
	}
	cfg.SSID, cfg.Password = vm.CString(cfg.SSID), vm.CString(cfg.Password)
	auto, at := true, 4
	switch {
	case c.IsNumber(3):
		n := c.Int(3)
		if n != 0 && n != 1 {
			c.Error("wrong arg type")
		}
		auto = n == 1
	case c.IsString(3):
		at = 3
	case !c.IsNone(3) && c.IsNoneOrNil(3):
		c.Error("wrong arg type")
	}
	if !c.IsNumber(at) && c.IsString(at) {
		mac := c.String(at)
		if len(mac) != macLen {
			c.ArgError(1, invalidMAC)
		}
		cfg.BSSID, cfg.BSSIDSet = parseMAC(mac), true
	}
	return m.configure(c, cfg, auto, true)
}

// statesEvery is how often the monitor looks unless the program says it.
const statesEvery = 150 // ms

// states is the monitor behind wifi.sta.eventMonReg: a callback for each state of the
// station, called with the state before.
type states struct {
	m         *module
	timer     *ets.Timer
	callbacks [radio.StationHasIP + 1]vm.Ref
	last      radio.StationStatus
}

func newStates(m *module) *states {
	s := &states{m: m}
	s.timer = m.dev.NewTimer(s.look)
	return s
}

func (s *states) functions() []vm.Func {
	return []vm.Func{
		{Name: "eventMonReg", Fn: s.register},
		{Name: "eventMonStart", Fn: s.start},
		{Name: "eventMonStop", Fn: s.stop},
	}
}

// register is wifi.sta.eventMonReg(state[, function]); without a function it unregisters.
func (s *states) register(c *vm.Call) int {
	state := uint8(c.Int(1))
	if int(state) >= len(s.callbacks) {
		c.Error("valid wifi status:0-5")
	}
	if fn, ok := c.Arg(2).(*vm.Function); ok {
		c.VM.SetRef(&s.callbacks[state], fn, "Wi-Fi state callback")
	} else {
		c.VM.Unref(&s.callbacks[state])
	}
	return 0
}

// start is wifi.sta.eventMonStart([ms]).
func (s *states) start(c *vm.Call) int {
	if s.m.radio.Mode() == radio.APMode {
		c.Error("Can't monitor in SOFTAP mode")
	}
	if s.callbacks == [len(s.callbacks)]vm.Ref{} {
		c.Error("No callbacks defined")
	}
	every := statesEvery
	if c.IsNumber(1) {
		every = max(c.Int(1), 1)
	}
	s.timer.Arm(clock.Duration(every)*clock.Millisecond, true)
	return 0
}

// stop is wifi.sta.eventMonStop([all]); with a string or number it also unregisters.
func (s *states) stop(c *vm.Call) int {
	s.timer.Disarm()
	if c.IsString(1) {
		for i := range s.callbacks {
			c.VM.Unref(&s.callbacks[i])
		}
	}
	return 0
}

// look calls back when the state is another than before.
func (s *states) look() {
	if s.m.radio.Mode() == radio.APMode {
		s.timer.Disarm()
		return
	}
	state, before := s.m.radio.Station.Status(), s.last
	s.last = state
	if r := s.callbacks[state]; state != before && r != 0 {
		s.m.dev.Run("Wi-Fi state", s.m.dev.VM.Deref(r), vm.Number(before))
	}
}
