// Package docpage holds the simulator against the firmware's documentation: the examples
// of a module's page (fw: docs/modules/NAME.md), written anew, with what the page says of
// them. Each runs as init.lua of a device that boots.
//
// A module's documentation_test.go is one Page, in the order of the page's headings. What
// the page promises and the firmware does not keep stands there as the firmware does it,
// with a comment. Only tests import the package.
package docpage

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Page is what there is to run of a module's page.
type Page struct {
	Module string
	With   string // further modules of the build, separated by blanks

	// Objects are the page's names of the module's objects, where the firmware registers
	// them under others: "tobj" is "tmr.timer".
	Objects map[string]string

	Files  map[string]string // in flash
	WiFi   radio.Config      // unset: a cable, as chiptest.Lab has it
	Build  device.Build
	Around func(t testing.TB, x *chiptest.Lab) // puts there whom the programs talk with

	Examples []Example

	// Left is what is not run, by heading, and why not.
	Left map[string]string
}

// Example is one example of the page, or the forms of a call that it describes without one.
type Example struct {
	// Of is the heading that it stands under, "tmr.create()"; of several, separated by ", ".
	Of string
	// What says which of that heading's examples it is, or which forms of the call.
	What string

	Lua   string         // the program
	Typed string         // at the serial port, when the program has run for a second
	For   clock.Duration // of device time; unset: two seconds

	// Want is what the device prints, with hints and resets between.
	Want string
}

// quiet is what a program begins with, so that no prompt is in what it prints.
const quiet = `_PROMPT, _PROMPT2 = "", "" `

// Run runs the page, and complains of what the firmware documents of the module and no
// example stands for.
func (p Page) Run(t *testing.T) {
	doc, ok := firmware.Find(p.Module)
	if !ok {
		t.Fatalf("the firmware has no module %s", p.Module)
	}
	names := map[string]bool{} // of functions, as the catalogue has them
	for _, f := range doc.Functions {
		names[firmware.Place(p.Module)+"."+f] = true
	}
	for _, m := range doc.Methods {
		names[m] = true
	}
	seen := func(heading string) {
		name := strings.TrimSuffix(heading, "()")
		if object, method, ok := strings.Cut(name, ":"); ok && p.Objects[object] != "" {
			name = p.Objects[object] + ":" + method
		}
		delete(names, name)
	}
	for _, e := range p.Examples {
		for _, heading := range strings.Split(e.Of, ", ") {
			seen(heading)
		}
		t.Run(e.Of+" "+e.What, func(t *testing.T) { p.run(t, e) })
	}
	for heading, why := range p.Left {
		seen(heading)
		if why == "" {
			t.Errorf("%s is left out without a reason", heading)
		}
	}
	for name := range names {
		t.Errorf("no example of the page calls %s", name)
	}
}

func (p Page) run(t *testing.T, e Example) {
	modules, err := firmware.Select(append(strings.Fields(p.With), p.Module))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"init.lua": quiet + e.Lua}
	for name, text := range p.Files {
		files[name] = text
	}
	x := chiptest.NewBooting(t, files, device.Config{Modules: modules, WiFi: p.WiFi, Build: p.Build})
	if p.Around != nil {
		p.Around(t, x)
	}
	x.D.Serial.SetEcho(false)
	x.D.PowerOn()
	log := ""
	if e.Typed != "" {
		log = x.RunLog(clock.Second)
		x.D.Serial.Type([]byte(e.Typed))
	}
	if e.For == 0 {
		e.For = 2 * clock.Second
	}
	log += x.RunLog(e.For)
	if got := program(log); got != e.Want {
		t.Errorf("%s\ngot\n%s\nwant\n%s", e.Lua, got, e.Want)
	}
}

// banner is what a boot prints before init.lua.
var banner = regexp.MustCompile("\nNodeMCU 3\\.0\\.0\\.0 build .*\n")

// program is what a program said.
func program(log string) string { return strings.TrimSuffix(banner.ReplaceAllString(log, ""), "\n") }

// Host puts a host on a lab's network.
func Host(x *chiptest.Lab, addr string) *peer.Host {
	return peer.New(x.Wire, addr, netip.MustParsePrefix(addr+"/24"))
}

// resolver is the DNS server that a device has without DHCP, reachable without a router.
var resolver = netip.MustParsePrefix("208.67.222.222/0")

// ServeNames puts a DNS server there that knows one name, or what is below it when it begins
// with a dot.
func ServeNames(t testing.TB, x *chiptest.Lab, name, addr string) {
	u, err := peer.New(x.Wire, "resolver", resolver).ListenUDP(53)
	if err != nil {
		t.Fatal(err)
	}
	u.OnData = func(data []byte, from netip.AddrPort) {
		q, a := new(dns.Msg), new(dns.Msg)
		if q.Unpack(data) != nil || len(q.Question) != 1 {
			return
		}
		asked := q.Question[0].Name
		if a.SetReply(q); asked == dns.Fqdn(name) || name[0] == '.' && strings.HasSuffix(asked, dns.Fqdn(name)) {
			a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: asked, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: netip.MustParseAddr(addr).AsSlice()}}
		} else {
			a.Rcode = dns.RcodeNameError
		}
		if raw, err := a.Pack(); err == nil {
			u.SendTo(raw, from)
		}
	}
}
