package project

import (
	"fmt"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/tomlfile"
	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wire"
)

// Link is what the project says of the link between the device and everything
// else.
type Link struct {
	// Quality of the link; zero for the wire as it is.
	Quality wire.Quality
	// Outages are the times at which nothing gets through. The device is not told.
	Outages []wire.Span
}

type linkDocument struct {
	Latency   string           `toml:"latency"`
	Jitter    string           `toml:"jitter"`
	Bandwidth string           `toml:"bandwidth"`
	Queue     string           `toml:"queue"`
	Loss      string           `toml:"loss"`
	Dup       string           `toml:"dup"`
	Reorder   string           `toml:"reorder"`
	ReorderBy string           `toml:"reorder_by"`
	Outages   []outageDocument `toml:"outage"`
}

type outageDocument struct {
	From time.Duration `toml:"from"`
	To   time.Duration `toml:"to"`
}

func (l *linkDocument) check(f *tomlfile.File) (Link, error) {
	var out Link
	for _, s := range []struct{ key, value string }{
		{"latency", l.Latency}, {"jitter", l.Jitter}, {"bandwidth", l.Bandwidth}, {"queue", l.Queue},
		{"loss", l.Loss}, {"dup", l.Dup}, {"reorder", l.Reorder}, {"reorder_by", l.ReorderBy},
	} {
		if key := "link." + s.key; f.Has(key) {
			if err := out.Quality.Set(s.key, s.value); err != nil {
				return out, f.Errorf(key, "link.%v", err)
			}
		}
	}
	var err error
	out.Outages, err = outages(f, "link.outage", l.Outages)
	return out, err
}

// outages checks the tables [[key]].
func outages(f *tomlfile.File, key string, list []outageDocument) ([]wire.Span, error) {
	var out []wire.Span
	for i, o := range list {
		key := fmt.Sprintf("%s[%d]", key, i)
		if !f.Has(key + ".from") {
			return nil, f.Errorf(key, "%s needs from = \"10s\", a time since power-on", key)
		}
		span, err := wire.NewSpan(o.From, o.To)
		if !f.Has(key + ".to") {
			span, err = wire.NewOpenSpan(o.From)
		}
		if err != nil {
			return nil, f.Errorf(key+".from", "%s: %v", key, err)
		}
		out = append(out, span)
	}
	return out, nil
}

// Apply puts the link onto the wire of a device's world: the random decisions
// follow from the seed.
func (l Link) Apply(d *sim.Device, seed uint64) {
	mine := wire.Match{Host: d.Name}
	w := d.World().Wire
	if l.Quality != (wire.Quality{}) {
		link := wire.NewLink(seed)
		link.Match, link.Quality = mine, l.Quality
		w.AddRule(link)
	}
	if len(l.Outages) > 0 {
		w.AddRule(&wire.Outage{Match: mine, Spans: l.Outages})
	}
}
