package app

import (
	"fmt"
	"path/filepath"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/project"
)

// AddDevice puts a further device into a world that runs, switched off. dir is its app's
// directory; board, cpu and seed are as in Options. Its ports are not published. Call it on
// the world's goroutine.
func (a *App) AddDevice(dir, board, cpu string, seed uint64) (*device.Device, error) {
	n := len(a.sources)
	if _, err := a.addUnpublished(Options{Board: board, CPU: cpu, Seed: seed}, dir); err != nil {
		a.sources = a.sources[:n]
		return nil, err
	}
	return a.sources[n].device, nil
}

// addOther puts a further device into the world.
func (a *App) addOther(o Options, dir string) (*project.Project, error) {
	p, err := a.addUnpublished(o, dir)
	if err != nil {
		return nil, err
	}
	return p, a.publish(a.sources[len(a.sources)-1].device, p.Publish)
}

func (a *App) addUnpublished(o Options, dir string) (*project.Project, error) {
	src, p, cfg, err := o.open(dir)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	cfg.Name = a.freeName(baseName(dir))
	from := &source{dir: dir, exclude: p.Exclude}
	a.sources = append(a.sources, from)
	if err := a.loadFlash(from, src, "", &cfg); err != nil {
		return nil, err
	}
	applyWiFi(&cfg, p.WiFi)
	from.device = device.New(a.World, cfg)
	return p, o.faults(from.device, p)
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
