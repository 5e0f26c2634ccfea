package firmware

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/sim/adc"
	"github.com/nodemcu-sim/nodemcu-sim/sim/bit"
	"github.com/nodemcu-sim/nodemcu-sim/sim/bloom"
	"github.com/nodemcu-sim/nodemcu-sim/sim/coap"
	colorutils "github.com/nodemcu-sim/nodemcu-sim/sim/color_utils"
	"github.com/nodemcu-sim/nodemcu-sim/sim/cron"
	"github.com/nodemcu-sim/nodemcu-sim/sim/crypto"
	"github.com/nodemcu-sim/nodemcu-sim/sim/encoder"
	endusersetup "github.com/nodemcu-sim/nodemcu-sim/sim/enduser_setup"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/gpio"
	"github.com/nodemcu-sim/nodemcu-sim/sim/http"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mdns"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mqtt"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/perf"
	"github.com/nodemcu-sim/nodemcu-sim/sim/pipe"
	"github.com/nodemcu-sim/nodemcu-sim/sim/pixbuf"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtcfifo"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtcmem"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtctime"
	"github.com/nodemcu-sim/nodemcu-sim/sim/sjson"
	"github.com/nodemcu-sim/nodemcu-sim/sim/sntp"
	structs "github.com/nodemcu-sim/nodemcu-sim/sim/struct"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tls"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/uart"
	"github.com/nodemcu-sim/nodemcu-sim/sim/websocket"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	wifimonitor "github.com/nodemcu-sim/nodemcu-sim/sim/wifi_monitor"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wps"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// simulated lists the modules that the simulator has, sorted by name.
var simulated = []device.Module{
	adc.Module,
	bit.Module,
	bloom.Module,
	coap.Module,
	colorutils.Module,
	cron.Module,
	crypto.Module,
	encoder.Module,
	endusersetup.Module,
	file.Module,
	gpio.Module,
	http.Module,
	mdns.Module,
	mqtt.Module,
	net.Module,
	node.Module,
	perf.Module,
	pipe.Module,
	pixbuf.Module,
	rtcfifo.Module,
	rtcmem.Module,
	rtctime.Module,
	sjson.Module,
	sntp.Module,
	structs.Module,
	tls.Module,
	tmr.Module,
	uart.Module,
	websocket.Module,
	wifi.Module,
	wifimonitor.Module,
	wps.Module,
}

// always are the modules that every build contains (fw: Makefile and
// user_modules.h leave no choice about them; oracle: memory-sizes.json, boot).
var always = []string{"node", "pipe"}

// Check says what is wrong with the name of a module of a build: the firmware does not
// know it, or the simulator does not have it.
func Check(name string) error {
	switch {
	case !Known(name):
		return fmt.Errorf("the firmware has no module %q; nodemcu-sim modules lists them", name)
	case never[name] != "":
		return fmt.Errorf("the simulator can't have the firmware's module %q: %s", name, never[name])
	case !Simulates(name):
		return fmt.Errorf("the simulator does not have the firmware's module %q; %s; nodemcu-sim modules lists those it has", name, StandIn)
	}
	return nil
}

// StandIn is what a program can do that needs a module which the simulator does not have.
const StandIn = "a table of the program's own can stand in for it, see docs/builds.md"

// never are the modules that the simulator can't have, with the reason.
var never = map[string]string{
	"gdbstub": "it lets GDB debug the chip's machine code, and the simulator executes Lua, not machine code",
}

// Never returns why the simulator can't have a module, "" for one that it has or may get.
func Never(name string) string { return never[name] }

// Simulates reports whether the simulator has a module.
func Simulates(name string) bool {
	return slices.ContainsFunc(simulated, func(m device.Module) bool { return m.Name == name })
}

// Place is where a program finds a module: "wifi.monitor" for wifi_monitor, for most their
// name.
func Place(name string) string {
	for _, m := range simulated {
		if m.Name == name {
			return cmp.Or(m.In, name)
		}
	}
	return name
}

// Placed returns the name of the module that a program finds at a place: see Place. What is
// no place is returned as it is.
func Placed(place string) string {
	for _, m := range simulated {
		if m.In == place {
			return m.Name
		}
	}
	return place
}

// Lacking is what there is to say to a program that indexes or requires a module which its
// build lacks, or a function as "tmr.alarm" that no build has any more: "" when the firmware
// has none of that name and had none.
func Lacking(name string) string {
	for _, m := range simulated {
		switch {
		case m.In == "":
		case name == m.In:
			return fmt.Sprintf("%s is the module %s of the firmware, which this build lacks; add it in nodemcu-sim.toml: [firmware] modules = [\"+%s\"]", name, m.Name, m.Name)
		case name == m.Name:
			return fmt.Sprintf("there is no global %s in the firmware: a build that lists that module has it as %s", name, m.In)
		}
	}
	switch {
	case !Known(name):
		return lackingOld(name)
	case never[name] != "":
		return fmt.Sprintf("%s is a module of the firmware that the simulator can't have: %s", name, never[name])
	case !Simulates(name):
		return fmt.Sprintf("%s is a module of the firmware that the simulator does not have; %s; nodemcu-sim modules lists those it has", name, StandIn)
	}
	return fmt.Sprintf("%s is a module of the firmware that this build lacks; add it in nodemcu-sim.toml: [firmware] modules = [\"+%s\"]", name, name)
}

// Select returns the modules of a build with the given names, sorted. A name that does
// not pass Check is an error.
func Select(names []string) ([]device.Module, error) {
	for _, name := range names {
		if err := Check(name); err != nil {
			return nil, err
		}
	}
	var build []device.Module
	for _, m := range simulated {
		if slices.Contains(names, m.Name) || slices.Contains(always, m.Name) {
			build = append(build, m)
		}
	}
	return build, nil
}

// Legacy returns a build for programs older than release 3.0: with sjson it has cjson,
// too. The rest is device.Build.Legacy.
func Legacy(build []device.Module) []device.Module {
	if !slices.ContainsFunc(build, func(m device.Module) bool { return m.Name == sjson.Module.Name }) {
		return build
	}
	build = append(slices.Clone(build), sjson.CJSON)
	slices.SortFunc(build, func(a, b device.Module) int { return strings.Compare(a.Name, b.Name) })
	return build
}

// old are functions that firmware before release 3.0 had, by how a program names them, with
// what takes their place. A legacy build has them.
var old = map[string]string{
	"tmr.alarm":              "tmr.create():alarm",
	"tmr.interval":           "a timer object's interval, from tmr.create()",
	"tmr.register":           "tmr.create():register",
	"tmr.start":              "a timer object's start, from tmr.create()",
	"tmr.state":              "a timer object's state, from tmr.create()",
	"tmr.stop":               "a timer object's stop, from tmr.create()",
	"tmr.unregister":         "a timer object's unregister, from tmr.create()",
	"wifi.sta.eventMonReg":   "wifi.eventmon.register",
	"wifi.sta.eventMonStart": "wifi.eventmon.register",
	"wifi.sta.eventMonStop":  "wifi.eventmon.unregister",
	"cjson":                  "sjson",
}

// lackingOld is Lacking for a function or module of older firmware.
func lackingOld(name string) string {
	now, ok := old[name]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s is what firmware before 3.0 had, where now there is %s; a run with --legacy ([firmware] legacy = true) has it", name, now)
}

// Simulated returns what the simulator has of each module, as Lua finds it on a
// device with all of them.
func Simulated() []Provided {
	board, err := boards.Load(boards.Default)
	if err != nil {
		panic(err) // embedded
	}
	// A module may ask which others there are; all are opened below.
	var names []device.Module
	for _, m := range simulated {
		names = append(names, device.Module{Name: m.Name, Open: func(*device.Device) *device.Lib { return &device.Lib{} }})
	}
	var list []Provided
	d := device.New(world.New(1), device.Config{Board: board, Modules: names, Startup: func(d *device.Device) {
		for _, m := range simulated {
			lib := m.Open(d)
			p := Provided{Name: m.Name}
			for _, f := range lib.Funcs {
				if f.Fn != nil {
					p.Functions = append(p.Functions, f.Name)
				}
			}
			for _, c := range lib.Consts {
				if t, ok := c.Value.(*vm.Table); ok {
					p.Functions = append(p.Functions, functionsOf(d.VM, c.Name+".", t)...)
				}
			}
			for _, t := range lib.Types {
				for _, f := range t.Methods {
					if strings.HasPrefix(f.Name, "_") {
						continue // a finalizer
					}
					p.Methods = append(p.Methods, t.Name+":"+f.Name)
				}
			}
			slices.Sort(p.Functions)
			slices.Sort(p.Methods)
			list = append(list, p)
		}
	}})
	d.PowerOn()
	d.World().Clock.RunUntil(clock.At(clock.Second))
	return list
}

// functionsOf lists the functions in a table and the tables in it.
func functionsOf(v *vm.VM, prefix string, t *vm.Table) []string {
	var out []string
	for k, x, _ := v.RawNext(t, vm.Nil); k != vm.Nil; k, x, _ = v.RawNext(t, k) {
		name, _ := v.ToString(k)
		switch x := x.(type) {
		case *vm.Function:
			out = append(out, prefix+name)
		case *vm.Table:
			if x != t && !strings.HasPrefix(name, "_") {
				out = append(out, functionsOf(v, prefix+name+".", x)...)
			}
		}
	}
	return out
}
