package input_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/internal/valuetest"
)

func TestKinds(t *testing.T) { valuetest.Check(t, input.Kinds) }
