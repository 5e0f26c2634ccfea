package event_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/valuetest"
)

func TestKinds(t *testing.T) { valuetest.Check(t, event.Kinds) }
