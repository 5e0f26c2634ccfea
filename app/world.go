package app

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// addOther puts a further device into the world.
func (a *App) addOther(o Options, dir string) (*project.Project, error) {
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
	p.WiFi.ApplyDevice(&cfg)
	from.device = device.New(a.World, cfg)
	if err := o.faults(from.device, p); err != nil {
		return nil, err
	}
	return p, a.publish(from.device, p.Publish)
}

// checkLinks notes the hosts of [[link.to]] that are no devices of this run. That
// is no error: a project file of several devices may be used for one of them.
func (a *App) checkLinks(projects []*project.Project) {
	var names []string
	for _, d := range device.In(a.World) {
		names = append(names, d.Name())
	}
	for i, p := range projects {
		for _, host := range p.Link.Unknown(names) {
			a.notes = append(a.notes, fmt.Sprintf("%s: [[link.to]] names %s, which is no device of this run: there are %s, and %s for what is outside",
				filepath.Join(a.sources[i].dir, project.FileName), host, strings.Join(names, ", "), project.Gateway))
		}
	}
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
	for n, out := 2, name; ; n++ {
		if !slices.ContainsFunc(device.In(a.World), func(d *device.Device) bool { return d.Name() == out }) {
			return out
		}
		out = fmt.Sprintf("%s-%d", name, n)
	}
}

// faults gives a device's link its quality and outages: the caller's, or what the
// project says.
func (o Options) faults(d *device.Device, p *project.Project) (err error) {
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
	link.Apply(d, o.Seed+uint64(len(device.In(d.World()))))
	return nil
}

// outages switches the access points off and on.
func (o Options) outages(w *world.World, p *project.Project) error {
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
