package mdns_test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/mdns.md). After a second somebody asks for
// lamp.local and who offers what.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "mdns",
		Around: func(t testing.TB, x *chiptest.Lab) {
			h := docpage.Host(x, "192.168.1.20")
			x.Clock.After(clock.Second, func() {
				h.LookupLocal("lamp.local", func(a netip.Addr, err error) {
					if err == nil {
						x.Log.WriteString("lamp.local is " + a.String() + "\n")
					}
				})
				for _, service := range []string{"_http._tcp.local", "_light._tcp.local"} {
					h.QueryLocal(service, dns.TypePTR, func(m *dns.Msg) bool {
						if m == nil {
							return true
						}
						for _, rr := range append(m.Answer, m.Extra...) {
							switch r := rr.(type) {
							case *dns.PTR:
								x.Log.WriteString(service + ": " + r.Ptr + "\n")
							case *dns.TXT:
								for _, s := range r.Txt {
									x.Log.WriteString("  " + s + "\n")
								}
							}
						}
						return true
					})
				}
			})
		},
		Examples: []docpage.Example{
			{Of: "mdns.register()", What: "first example", For: 6 * clock.Second, Lua: `print((mdns.register("lamp", {hardware = "NodeMCU"})))`,
				Want: "nil\nlamp.local is 192.168.1.10\n_http._tcp.local: lamp._http._tcp.local.\n  hardware=NodeMCU\n  platform=nodemcu"},
			{Of: "mdns.register()", What: "second example", For: 6 * clock.Second, Lua: `mdns.register("lamp", {description = "Floor lamp", service = "light", port = 8080, location = "Hall"})`,
				Want: "lamp.local is 192.168.1.10\n_light._tcp.local: Floor\\ lamp._light._tcp.local.\n  location=Hall\n  platform=nodemcu"},
			{Of: "mdns.register()", What: "a name alone; again, with another", For: 6 * clock.Second, Lua: `mdns.register("desk") mdns.register("lamp")`, Want: "lamp.local is 192.168.1.10\n_http._tcp.local: lamp._http._tcp.local.\n  platform=nodemcu"},
			{Of: "mdns.close()", What: "no answer any more", For: 6 * clock.Second, Lua: `mdns.register("lamp") print((mdns.close()))`, Want: "nil"},
		},
	}.Run(t)
}
