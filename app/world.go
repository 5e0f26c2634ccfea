package app

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/flash"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wire"
)

// addOther puts a further device into the world.
func (a *App) addOther(o Options, dir string) error {
	src, p, cfg, err := o.open(dir)
	if err != nil {
		return err
	}
	defer src.Close()
	cfg.Flash = flash.New(cfg.Board.FS.Size)
	report, err := src.Load(cfg.Flash, p.Exclude)
	if err != nil {
		return err
	}
	if err := checkInit(dir, cfg.Flash); err != nil {
		return err
	}
	cfg.Name = a.freeName(baseName(dir))
	for _, s := range report.Skipped {
		a.skipped = append(a.skipped, cfg.Name+": "+s)
	}
	p.WiFi.ApplyDevice(&cfg)
	d := a.World.AddDevice(cfg)
	if err := o.faults(d, p); err != nil {
		return err
	}
	return a.publish(d, p.Publish)
}

// baseName is the last element of a directory's full name.
func baseName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	return filepath.Base(abs)
}

// freeName returns name, or name-2 and so on where a device has that already.
func (a *App) freeName(name string) string {
	for n, out := 2, name; ; n++ {
		if !slices.ContainsFunc(a.World.Devices(), func(d *sim.Device) bool { return d.Name == out }) {
			return out
		}
		out = fmt.Sprintf("%s-%d", name, n)
	}
}

// faults gives a device's link its quality and outages: the caller's, or what the
// project says.
func (o Options) faults(d *sim.Device, p *project.Project) (err error) {
	link := p.Link
	if o.Link != "" {
		if link.Quality, err = wire.ParseQuality(o.Link); err != nil {
			return fmt.Errorf("--link: %w", err)
		}
	}
	if len(o.LinkDown) > 0 {
		if link.Outages, err = spans("--link-down", o.LinkDown); err != nil {
			return err
		}
	}
	link.Apply(d, o.Seed+uint64(len(d.World().Devices())))
	return nil
}

// outages switches the access points off and on.
func (o Options) outages(w *sim.World, p *project.Project) error {
	down := p.WiFi.Outages
	if len(o.WiFiDown) > 0 {
		var err error
		if down, err = spans("--wifi-down", o.WiFiDown); err != nil {
			return err
		}
	}
	w.Air.Outages(down)
	return nil
}

func spans(flag string, texts []string) ([]wire.Span, error) {
	var out []wire.Span
	for _, text := range texts {
		s, err := wire.ParseSpan(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		out = append(out, s)
	}
	return out, nil
}
