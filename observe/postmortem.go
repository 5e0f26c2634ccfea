package observe

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
)

// maxSockets is how many sockets of a post-mortem are shown. The event has all.
const maxSockets = 12

// describePostMortem puts a post-mortem into lines.
func describePostMortem(d event.PostMortem) string {
	var b strings.Builder
	b.WriteString(d.Why)
	if d.Where != "" {
		b.WriteString(" at " + d.Where)
	}
	asked := "asked for"
	if d.Why == inspect.BudgetBroken {
		asked = "given out"
	}
	fmt.Fprintf(&b, "\n  %d bytes %s; %d of %d free, the longest piece %d", d.Request, asked, d.Free, d.Size, d.Largest)
	if len(d.Holders) > 0 {
		b.WriteString("\n  who holds it:")
		for _, h := range d.Holders {
			fmt.Fprintf(&b, "\n  %7d  %s", h.Bytes, holder(h))
		}
	}
	if len(d.Sockets) > 0 {
		b.WriteString("\n  sockets, with the bytes they have queued:")
		for _, s := range d.Sockets[:min(len(d.Sockets), maxSockets)] {
			fmt.Fprintf(&b, "\n  %7d  %s %s", s.Queued, s.Proto, s.State)
			if s.ID > 0 {
				fmt.Fprintf(&b, ", socket %d", s.ID)
			}
			if s.Remote != "" {
				b.WriteString(" with " + s.Remote)
			}
			if s.Site != "" {
				b.WriteString(", made at " + s.Site)
			}
		}
		if left := len(d.Sockets) - maxSockets; left > 0 {
			fmt.Fprintf(&b, "\n           and %d more", left)
		}
	}
	if len(d.Refs) > 0 {
		b.WriteString("\n  callbacks and other references:")
		for _, r := range d.Refs {
			fmt.Fprintf(&b, "\n  %7d  %s", r.Count, r.What)
			if r.Site != "" {
				b.WriteString(", set at " + r.Site)
			}
		}
	}
	return b.String()
}

// holder names a group of objects: by kind alone, or by kind and site.
func holder(g snapshot.Group) string {
	kind := g.Kind
	if kind == "" {
		kind = g.Name
	}
	switch {
	case kind == heap.WiFi.String():
		return "Wi-Fi connection"
	case kind == snapshot.State:
		return "Lua state, made at boot"
	case kind == snapshot.Buffer:
		return plural(g.Count, kind) + " of the Lua state"
	case kind == snapshot.Registry:
		return "registry of references"
	case g.Kind == "", g.Name == snapshot.NoSite:
		return plural(g.Count, kind)
	case strings.Contains(g.Name, ":"):
		return plural(g.Count, kind) + " made at " + g.Name
	}
	return plural(g.Count, kind) + " of " + strings.Trim(g.Name, "()")
}

func plural(n int, kind string) string {
	if n == 1 {
		return "1 " + kind
	}
	if strings.HasSuffix(kind, "y") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(kind, "y"))
	}
	if kind == "userdata" {
		return fmt.Sprintf("%d %s", n, kind)
	}
	return fmt.Sprintf("%d %ss", n, kind)
}
