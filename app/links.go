package app

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// What happens to packets on their way, and to the air: links and outages.

// faults gives a device's link its quality and outages: the caller's, or what the
// project says.
func (o Options) faults(d *device.Device, p *project.Project) (err error) {
	link := p.Link
	if o.Link != "" {
		if link.Quality, err = wire.ParseQuality(o.Link); err != nil {
			return &OptionError{Option: "Link", Err: err}
		}
	}
	if len(o.LinkDown) > 0 {
		if link.Outages, err = spans("LinkDown", o.LinkDown); err != nil {
			return err
		}
	}
	applyLinks(d, link, o.Seed+uint64(len(device.In(d.World()))))
	return nil
}

// applyLinks puts the links of a device onto the wire: the random decisions follow
// from the seed.
func applyLinks(d *device.Device, l project.Link, seed uint64) {
	applyPath(d, l.Path, wire.Match{Host: d.Name()}, seed)
	for i, to := range l.To {
		match := wire.Match{Host: d.Name(), Peer: to.Host, PeerNet: to.Net}
		if to.Host == project.Gateway {
			match.Peer = gateway.Name
		}
		applyPath(d, to.Path, match, seed+uint64(i+1)<<32)
	}
}

func applyPath(d *device.Device, p project.Path, match wire.Match, seed uint64) {
	w := d.World().Wire
	if p.Quality != (wire.Quality{}) {
		link := wire.NewLink(seed)
		link.Match, link.Quality = match, p.Quality
		w.AddRule(link)
	}
	if len(p.Outages) > 0 {
		w.AddRule(&wire.Outage{Match: match, Spans: p.Outages})
	}
}

// checkLinks notes the hosts of [[link.to]] that are no devices of this run. That
// is no error: a project file of several devices may be used for one of them.
func (a *App) checkLinks(projects []*project.Project) {
	var names []string
	for _, d := range device.In(a.World) {
		names = append(names, d.Name())
	}
	for i, p := range projects {
		for _, note := range p.Notes {
			a.notes = append(a.notes, filepath.Join(a.sources[i].dir, note))
		}
		for _, host := range p.Link.Unknown(names) {
			a.notes = append(a.notes, fmt.Sprintf("%s: [[link.to]] names %s, which is no device of this run: there are %s, and %s for what is outside",
				filepath.Join(a.sources[i].dir, project.FileName), host, strings.Join(names, ", "), project.Gateway))
		}
	}
}

// outages switches the access points off and on.
func (o Options) outages(w *world.World, p *project.Project) error {
	down := p.WiFi.Outages
	if len(o.WiFiDown) > 0 {
		var err error
		if down, err = spans("WiFiDown", o.WiFiDown); err != nil {
			return err
		}
	}
	w.Air.Outages(down)
	return nil
}

func spans(option string, texts []string) ([]wire.Span, error) {
	var out []wire.Span
	for _, text := range texts {
		s, err := wire.ParseSpan(text)
		if err != nil {
			return nil, &OptionError{Option: option, Err: err}
		}
		out = append(out, s)
	}
	return out, nil
}
