package crypto

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/snippets"
	"github.com/nodemcu-sim/nodemcu-sim/sim/encoder"
)

// The module's measured snippets, from a build with encoder.
func TestOracleSnippets(t *testing.T) {
	oracle.Set{Name: "modules-crypto", Read: snippets.Read(Module, encoder.Module)}.Compare(t)
}
