package main

import (
	"context"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/watch"
)

// watch watches the devices' directories until ctx ends. With --watch, files that
// change are brought to their device, which restarts; without it, offer is told
// which have changed, unless it is nil.
func (s *session) watch(ctx context.Context, offer func(files []string)) {
	if s.flags.watch {
		offer = nil
	} else if offer == nil {
		return
	}
	dirs := s.app.Dirs()
	changed := make([][]string, len(dirs)) // of each directory; belongs to the world's goroutine
	for i, dir := range dirs {
		go watch.Run(ctx, dir, func() {
			r, err := s.app.Reload(i)
			s.app.World.Clock.Look(func() {
				switch {
				case err != nil:
					s.notLoaded(i, err)
				case offer == nil:
					s.bring(i, r)
				default:
					changed[i] = named(s.app, i, r.Files())
					var all []string
					for _, files := range changed {
						all = append(all, files...)
					}
					offer(all)
				}
			})
		})
	}
}

// reload brings what has changed in the directories to the devices and restarts
// those.
func (s *session) reload() {
	for i := range s.app.Dirs() {
		r, err := s.app.Reload(i)
		s.app.World.Clock.Look(func() {
			if err != nil {
				s.notLoaded(i, err)
				return
			}
			s.bring(i, r)
		})
	}
}

// bring restarts a device with the files that have changed.
func (s *session) bring(i int, r *app.Reload) {
	if len(r.Files()) == 0 {
		s.note(i, "the files of "+s.app.Dirs()[i]+" are on the device as they are")
		return
	}
	s.app.World.Send(r.Device.Name(), r.Input(), func(_ string, err error) {
		if err != nil {
			s.note(i, "the changed files are not all loaded: "+err.Error())
			return
		}
		r.Loaded()
	})
}

func (s *session) notLoaded(i int, err error) {
	s.note(i, "the changed files are not loaded: "+err.Error())
}

// note emits a note of the device of directory i.
func (s *session) note(i int, text string) {
	device.In(s.app.World)[i].Note(text)
}

// named puts the device's name before its files where there are several devices.
func named(a *app.App, i int, files []string) []string {
	if len(a.Dirs()) == 1 {
		return files
	}
	var out []string
	for _, f := range files {
		out = append(out, device.In(a.World)[i].Name()+"/"+f)
	}
	return out
}
