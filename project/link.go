package project

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/tomlfile"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Link is what the project says of the links of the device.
type Link struct {
	Path
	// To are links to single hosts, on top of the one to everything.
	To []LinkTo
}

// Path is one link.
type Path struct {
	// Quality of the link; zero for the wire as it is.
	Quality wire.Quality
	// Outages are the times at which nothing gets through. The device is not told.
	Outages []wire.Span
}

// LinkTo is the link to one host.
type LinkTo struct {
	// Host is the name of a device, of a host that a Go program has put on the wire,
	// or Gateway; empty when Net says which hosts are meant.
	Host string
	Net  netip.Prefix
	Path
}

// Gateway is the name of the host behind which everything outside the simulated
// network is.
const Gateway = "gateway"

type linkDocument struct {
	pathDocument
	To []linkToDocument `toml:"to"`
}

type linkToDocument struct {
	Host string `toml:"host"`
	pathDocument
}

type pathDocument struct {
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

func (l *linkDocument) check(f *tomlfile.File) (out Link, err error) {
	if out.Path, err = l.pathDocument.check(f, "link"); err != nil {
		return out, err
	}
	for i, t := range l.To {
		key := fmt.Sprintf("link.to[%d]", i)
		to := LinkTo{Host: t.Host}
		if to.Path, err = t.pathDocument.check(f, key); err != nil {
			return out, err
		}
		if to.Host == "" {
			return out, f.Errorf(key, "%s needs host = \"NAME\": a device, %q, or an address", key, Gateway)
		}
		if p, err := netip.ParsePrefix(t.Host); err == nil {
			to.Host, to.Net = "", p
		} else if a, err := netip.ParseAddr(t.Host); err == nil {
			to.Host, to.Net = "", netip.PrefixFrom(a, a.BitLen())
		}
		out.To = append(out.To, to)
	}
	return out, nil
}

func (l *pathDocument) check(f *tomlfile.File, key string) (Path, error) {
	var out Path
	for _, s := range []struct{ key, value string }{
		{"latency", l.Latency}, {"jitter", l.Jitter}, {"bandwidth", l.Bandwidth}, {"queue", l.Queue},
		{"loss", l.Loss}, {"dup", l.Dup}, {"reorder", l.Reorder}, {"reorder_by", l.ReorderBy},
	} {
		if k := key + "." + s.key; f.Has(k) {
			if err := out.Quality.Set(s.key, s.value); err != nil {
				return out, f.Errorf(k, "%s.%v", key, err)
			}
		}
	}
	var err error
	out.Outages, err = outages(f, key+".outage", l.Outages)
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

// Unknown lists the hosts that [[link.to]] names and that are not among those
// given.
func (l Link) Unknown(hosts []string) []string {
	var out []string
	for _, to := range l.To {
		if to.Host != "" && to.Host != Gateway && !slices.Contains(hosts, to.Host) && !slices.Contains(out, to.Host) {
			out = append(out, to.Host)
		}
	}
	return out
}
