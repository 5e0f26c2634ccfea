package world_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/valuetest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

func TestKinds(t *testing.T) { valuetest.Check(t, world.Kinds) }
