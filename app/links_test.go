package app

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A link to the gateway holds for what is outside, whatever a device is called.
func TestLinkToTheGateway(t *testing.T) {
	const ask = `tmr.create():alarm(5000, tmr.ALARM_SINGLE, function()
	  net.dns.resolve("host.internal", function(_, ip) print("it is", ip) end) end)`
	for _, tt := range []struct{ links, want string }{
		{"", "it is\t192.168.1.1\r\n"},
		{"[[link.to]]\nhost = \"gateway\"\nloss = \"100%\"\n", "it is\tnil\r\n"},
		{"[[link.to]]\nhost = \"gateway\"\n[[link.to.outage]]\nfrom = \"4s\"\n", "it is\tnil\r\n"},
		{"[[link.to]]\nhost = \"hub\"\nloss = \"100%\"\n", "it is\t192.168.1.1\r\n"},
	} {
		dir := write(t, map[string]string{"init.lua": ask, project.FileName: tt.links})
		a, err := New(Options{Dir: dir, Net: "isolated", Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		a.World.Subscribe(func(e world.Event) {
			if d, ok := e.Data.(event.Output); ok && a.World.Clock.Now() > clock.At(4*clock.Second) {
				out += d.Text
			}
		})
		a.PowerOn()
		a.World.Clock.RunUntil(clock.At(60 * clock.Second))
		if out != tt.want {
			t.Errorf("%q: %q, want %q", tt.links, out, tt.want)
		}
		a.Close()
	}
}
