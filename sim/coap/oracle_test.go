package coap

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
)

// measuredRandom is what rand returned in the measurements, as far as it shows: the first
// message's number, then the low bytes that decide when a request is repeated.
var measuredRandom = []uint32{0x0427, 103, 198}

// TestOracleCoAP runs every measured exchange, with the measurements' random numbers, and
// compares everything.
func TestOracleCoAP(t *testing.T) {
	withRandom := device.Module{Name: Module.Name, Open: func(d *device.Device) *device.Lib {
		drawn := 0
		return open(d, func() uint32 {
			drawn++
			return measuredRandom[(drawn-1)%len(measuredRandom)]
		})
	}}
	oracle.Set{Name: "coap-traces", Read: clienttrace.Read(withRandom, node.Module, tmr.Module)}.Compare(t)
}
