package sjson

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/snippets"
)

// The module's measured snippets.
func TestOracleSnippets(t *testing.T) {
	oracle.Set{
		Name: "modules-sjson",
		Unlike: map[string]string{
			"sjson/020": "the device's printf is not there yet",
			"sjson/066": "the device's printf is not there yet",
			"sjson/067": "the device's printf is not there yet",
		},
		Read: snippets.Read(Module),
	}.Compare(t)
}
