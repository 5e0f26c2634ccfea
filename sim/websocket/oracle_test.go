package websocket

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
)

// TestOracleWebsocket runs every measured program and compares everything.
func TestOracleWebsocket(t *testing.T) {
	oracle.Set{Name: "websocket-traces", Read: clienttrace.Read(Module, node.Module, tmr.Module)}.Compare(t)
}
