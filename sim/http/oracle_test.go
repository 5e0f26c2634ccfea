package http

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
)

// TestOracleHTTP runs every measured request and compares everything.
func TestOracleHTTP(t *testing.T) {
	oracle.Set{Name: "http-traces", Read: clienttrace.Read(Module, node.Module, tmr.Module)}.Compare(t)
}
