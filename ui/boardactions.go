package ui

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
)

// boardActions are what one does with the board in hand: its button, its power, and
// bringing changed files to it.
type boardActions struct {
	actor
	cfg     *Config
	changed []string // files of the app that the device does not have yet
}

func (a *boardActions) pressReset() {
	a.world.send(a.devices.shown.device.Name(), input.ResetButton{}, nil)
}

func (a *boardActions) powerCycle() {
	a.world.send(a.devices.shown.device.Name(), input.PowerCycle{}, nil)
}

// filesChanged offers to restart with files that the device does not have yet.
func (a *boardActions) filesChanged(files []string) {
	a.changed = files
	if len(files) > 0 {
		a.say("r restarts the device with what has changed: " + strings.Join(files, " "))
	}
}

// restart brings changed files to the device.
func (a *boardActions) restart() {
	if a.cfg.Restart == nil {
		a.say("there is no app directory to load files from")
		return
	}
	a.changed = nil
	go a.cfg.Restart()
}
