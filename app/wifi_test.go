package app

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestApplyWiFi(t *testing.T) {
	world, cfg := world.New(1), device.Config{}
	p, err := project.Parse(project.FileName, []byte("[wifi]\nstored = false\nip = \"10.0.0.1\"\ndns = [\"10.0.0.9\"]\nconnect_delay = \"2s\""))
	if err != nil {
		t.Fatal(err)
	}
	applyAir(world, p.WiFi)
	applyWiFi(&cfg, p.WiFi)
	if !cfg.WiFi.Blank || cfg.WiFi.Lease.String() != "10.0.0.1" || world.Air.RouterPrefix().String() != "10.0.0.2/24" ||
		len(world.Air.DNS) != 1 || world.Air.ConnectDelay != 2*clock.Second {
		t.Errorf("device %+v, air %+v", cfg.WiFi, world.Air)
	}
}
