package mqtt_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mqtt"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
)

// TestOracleMQTT runs the firmware's client against scripted brokers and compares
// everything.
func TestOracleMQTT(t *testing.T) {
	oracle.Set{Name: "mqtt-traces", Read: clienttrace.Read(mqtt.Module, tmr.Module)}.Compare(t)
}
