package rtctime

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/snippets"
)

// The module's measured snippets.
func TestOracleSnippets(t *testing.T) {
	oracle.Set{Name: "modules-rtctime", Read: snippets.Read(Module)}.Compare(t)
}
