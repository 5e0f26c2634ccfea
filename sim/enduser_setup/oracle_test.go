package endusersetup

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
)

// TestOracleEnduserSetup runs every measured portal and compares everything but the bytes
// of the built-in page.
func TestOracleEnduserSetup(t *testing.T) {
	oracle.Set{
		Name: "enduser-traces",
		Read: clienttrace.ReadBooting(Module, file.Module, net.Module, node.Module, tmr.Module, wifi.Module),
	}.Compare(t)
}
