package mdns_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mdns"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
)

// TestOracleMDNS runs every measured responder and compares everything.
func TestOracleMDNS(t *testing.T) {
	oracle.Set{Name: "mdns-traces", Read: clienttrace.Read(mdns.Module, tmr.Module, wifi.Module)}.Compare(t)
}
