package hostnet

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/valuetest"
)

func TestKinds(t *testing.T) { valuetest.Check(t, Kinds) }
