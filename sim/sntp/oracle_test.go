package sntp

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// standIn is the clock that the measurements had in place of rtctime's: exact to the
// microsecond, set at once also when it is set back, and without a rate (oracle:
// formats.md, "What the harness assumes").
type standIn struct {
	d   *device.Device
	set bool
	off clock.Duration // from the device's time to that of day
}

func (s *standIn) Now() (sec, usec uint32) {
	if !s.set {
		return 0, 0
	}
	us := s.d.ETS.Uptime() + s.off
	return uint32(us / clock.Second), uint32(us % clock.Second)
}

func (s *standIn) Set(sec, usec uint32) (owed uint32) {
	s.set = true
	s.off = clock.Duration(sec)*clock.Second + clock.Duration(usec) - s.d.ETS.Uptime()
	return 0
}

func (s *standIn) SetRate(int32) {}

// TestOracleSNTP runs every measured synchronization, on the measurements' clock, and
// compares everything.
func TestOracleSNTP(t *testing.T) {
	onStandIn := device.Module{Name: Module.Name, Open: func(d *device.Device) *device.Lib { return open(d, &standIn{d: d}) }}
	oracle.Set{Name: "sntp-traces", Read: clienttrace.Read(onStandIn, node.Module, tmr.Module)}.Compare(t)
}
