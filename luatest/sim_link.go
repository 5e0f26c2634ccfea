package luatest

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// linkTimes are the fields of sim.link that are times: numbers of milliseconds.
var linkTimes = []string{"latency", "jitter", "queue", "reorder_by"}

func (r *run) endLink() {
	if r.sim.link != nil {
		r.sim.link()
		r.sim.link = nil
	}
}

func (r *run) heal() {
	for _, mend := range r.sim.cuts {
		mend()
	}
	r.sim.cuts = nil
}

// simLink has sim.link, sim.partition and sim.heal: what happens to the device's packets.
func (r *run) simLink() []vm.Func {
	return []vm.Func{
		{Name: "link", Fn: func(c *vm.Call) int {
			names := append(slices.Clone(linkTimes), "bandwidth", "loss", "dup", "reorder")
			o := optionsOf(c, 1, "sim.link", names...)
			var q wire.Quality
			for _, name := range names {
				x := o.get(name)
				if x == nil {
					continue
				}
				text := ""
				switch x := x.(type) {
				case vm.String:
					text = string(x)
				case vm.Number:
					text, _ = c.VM.ToString(x)
					if slices.Contains(linkTimes, name) {
						text += "ms"
					} else if name == "bandwidth" {
						text += "bit"
					}
				default:
					o.wrong(name, "a number, or a string as --link has it")
				}
				if err := q.Set(name, text); err != nil {
					c.Error("sim.link: %v", err)
				}
			}
			if err := q.Check(); err != nil {
				c.Error("sim.link: %v", err)
			}
			r.room(c)
			r.endLink()
			if q != (wire.Quality{}) {
				l := wire.NewLink(r.f.out.Seed)
				l.Match, l.Quality = wire.Match{Host: r.d.Name()}, q
				r.sim.link = r.app.World.Wire.AddRule(l)
				r.sim.opened(r.endLink)
			}
			return 0
		}},
		// partition([address or network]): nothing gets through any more, either way.
		{Name: "partition", Fn: func(c *vm.Call) int {
			r.room(c)
			m := wire.Match{Host: r.d.Name()}
			if !c.IsNoneOrNil(1) {
				text := c.String(1)
				p, err := netip.ParsePrefix(text)
				if a, ok := addressOf(text); ok {
					p, err = netip.PrefixFrom(a, 32), nil
				}
				if err != nil || !p.Addr().Is4() {
					c.ArgError(1, fmt.Sprintf("%q is neither an IPv4 address nor a network such as 192.168.1.0/24", text))
				}
				m.PeerNet = p.Masked()
			}
			r.sim.opened(r.heal)
			r.sim.cuts = append(r.sim.cuts, r.app.World.Wire.AddRule(&wire.Partition{Match: m, On: true}))
			return 0
		}},
		{Name: "heal", Fn: func(*vm.Call) int {
			r.heal()
			return 0
		}},
	}
}
