package uart

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/pipe"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
)

// TestOracleConsole types what was typed and compares all that the port says, and when.
func TestOracleConsole(t *testing.T) {
	oracle.Set{
		Name: "uart-traces",
		Unlike: map[string]string{
			"expr_float":   "the measurement printed with the C library of its host; the firmware's own prints -0 as 0 (oracle: language.json, number_format/019)",
			"boot_no_init": "the simulated flash is formatted, and has the app's files, before the first boot",
		},
		Read: clienttrace.ReadConsole(Module, file.Module, node.Module, pipe.Module, tmr.Module),
	}.Compare(t)
}
