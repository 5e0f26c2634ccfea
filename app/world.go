package app

import (
	"fmt"
	"path/filepath"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/project"
)

// Add puts a further device into the world, switched off, between two events or before
// the first. What Options says of the world (Net, Date, WiFiDown, Others …) is not looked
// at, nor is Publish.
func (a *App) Add(o Options) (*device.Device, error) {
	o.Publish = []string{}
	before := len(a.sources)
	if _, err := a.addOther(o, o.Dir); err != nil {
		if a.sources[len(a.sources)-1].device == nil {
			a.sources = a.sources[:before]
		}
		return nil, err
	}
	return a.sources[len(a.sources)-1].device, nil
}

// addOther puts a further device into the world.
func (a *App) addOther(o Options, dir string) (*project.Project, error) {
	o.Dir = dir
	src, p, cfg, err := o.open(dir)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	cfg.Name = a.freeName(o.name())
	from := &source{dir: dir, exclude: p.Exclude, files: o.Files}
	a.sources = append(a.sources, from)
	if from.store, err = o.openStore(p, cfg.Board, ""); err != nil {
		return nil, err
	}
	if err := a.loadFlash(from, src, Options{}, &cfg); err != nil {
		return nil, err
	}
	applyWiFi(&cfg, p.WiFi)
	if o.InStore != nil && from.store != nil {
		o.InStore(from.store.files)
	}
	if o.Prepare != nil {
		o.Prepare(&cfg)
	}
	from.device = device.New(a.World, cfg)
	if err := o.faults(from.device, p); err != nil {
		return nil, err
	}
	if o.Publish != nil && len(o.Publish) == 0 {
		return p, nil
	}
	return p, a.publish(from.device, p.Publish)
}

// baseName is the last element of a directory's full name. The root of the host's
// files has none.
func baseName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	if abs == filepath.Dir(abs) {
		return "root"
	}
	return filepath.Base(abs)
}

// freeName returns name, or name-2 and so on where a device has that already.
func (a *App) freeName(name string) string {
	taken := map[string]bool{}
	for _, d := range device.In(a.World) {
		taken[d.Name()] = true
	}
	out := name
	for n := 2; taken[out]; n++ {
		out = fmt.Sprintf("%s-%d", name, n)
	}
	return out
}
