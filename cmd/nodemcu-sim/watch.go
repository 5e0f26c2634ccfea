package main

import (
	"context"

	"github.com/nodemcu-sim/nodemcu-sim/internal/watch"
	"github.com/nodemcu-sim/nodemcu-sim/sim"
)

// watch watches the app's directory until ctx ends. With --watch, files that
// change are brought to the device, which restarts; without it, offer is told
// which have changed, unless it is nil.
func (s *session) watch(ctx context.Context, offer func(files []string)) {
	if s.flags.watch {
		offer = nil
	} else if offer == nil {
		return
	}
	go watch.Run(ctx, s.flags.app.Dir, func() { s.reload(offer) })
}

// reload reads the app's directory anew, brings what has changed in it to the
// device and restarts that; or only tells offer, unless that is nil.
func (s *session) reload(offer func(files []string)) {
	r, err := s.app.Reload()
	d := s.app.Device
	note := func(text string) { d.Emit(sim.Note, sim.NoteData{Text: text}) }
	s.app.World.Clock.Post(func() {
		if err != nil {
			note("the changed files are not loaded: " + err.Error())
			return
		}
		files := r.Files()
		switch {
		case offer != nil:
			offer(files)
		case len(files) == 0:
			note("the files of " + s.flags.app.Dir + " are on the device as they are")
		default:
			if err := r.Apply(); err != nil {
				note("the changed files are not all loaded: " + err.Error())
			}
		}
	})
}
