package tls_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/http"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mqtt"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tls"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
)

// TestOracleTLS runs the firmware's module against scripted peers and compares everything.
// The measurement had TLS replaced by plain TCP.
func TestOracleTLS(t *testing.T) {
	oracle.Set{Name: "tls-traces", Read: clienttrace.ReadBuild(device.Build{SSL: true, PlainTLS: true},
		tls.Module, http.Module, mqtt.Module, net.Module, tmr.Module)}.Compare(t)
}
