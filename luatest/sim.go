package luatest

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The module sim is tables of functions, and userdata of the types of simTypes. What is in
// it lives in the world, not on the device: sim_net.go has connections, sim_http.go what is
// HTTP of them, sim_mqtt.go a broker, and so on. docs/sim.md is its manual.

// sim is what the module knows on one boot.
type sim struct {
	types  simTypes
	resume *vm.Function                    // goes on with a test: see waiter.give
	next   func(c *vm.Call, co *vm.Thread) // what it is to do

	hosts     map[netip.Prefix]*peer.Host // of tests, by network
	peers     int                         // hosts made so far, for their names
	names     map[string]netip.Addr       // what sim.dns and sim.listen have named
	outside   netip.Addr                  // the last address given to a name that had none
	link      func()                      // takes sim.link's rule away
	cuts      []func()                    // those of sim.partition
	terminals map[*device.Device]*terminal
	events    recorded
	watches   []*watch
	secure    secured
	clocks    timeServers
	open      []func() // ends what tests have opened, or done to the network, last first
	log       *observe.Log
}

// simTypes are the userdata of sim.
type simTypes struct{ conn, listener, udp, broker, watch, device, time *vm.Type }

// namesSim finds the module in a file of tests: one that does not name it has none.
var namesSim = newNames(`\bsim\b`, "sim")

// simTable makes the module sim, which only tests have.
func (r *run) simTable() *vm.Table {
	v := r.lua()
	s := &r.sim
	s.hosts, s.names, s.terminals = map[netip.Prefix]*peer.Host{}, map[string]netip.Addr{}, map[*device.Device]*terminal{}
	s.clocks.router = r.app.Gateway.TimeServer()
	s.types = simTypes{conn: r.connType(), listener: r.listenerType(), udp: r.udpType(), broker: r.brokerType(), watch: r.watchType(), device: r.deviceType(), time: r.timeType()}
	s.resume = v.NewFunction(vm.Func{Name: "resume", Fn: func(c *vm.Call) int {
		co, _ := c.Arg(1).(*vm.Thread)
		s.next(c, co)
		return 0
	}})
	r.recordEvents()
	r.watchPins()
	if !namesSim.in(r.f.source) {
		return v.NewTable(0, 0)
	}
	t := v.NewTable(0, 2)
	add := func(t *vm.Table, list []vm.Func) {
		for _, f := range list {
			v.SetField(t, f.Name, v.NewFunction(f))
		}
	}
	var funcs []vm.Func
	for _, list := range [][]vm.Func{r.simTime(), r.simUntil(), r.simNet(), r.simHTTP(), r.simMQTT(), r.simSecure(), r.simTimeServer(), r.simLink(), r.simDevice(), r.simBoot()} {
		funcs = append(funcs, list...)
	}
	var parts []vm.Const // in flash, as the functions are
	for _, part := range []struct {
		name  string
		funcs []vm.Func
	}{{"wifi", r.simWiFi()}, {"pin", r.simPin()}, {"adc", r.simADC()}, {"serial", r.simSerial()}, {"heap", r.simHeap()}, {"events", r.simEvents()}} {
		if part.name == "heap" || part.name == "events" { // lua/sim.lua adds to these
			sub := v.NewTable(0, len(part.funcs))
			add(sub, part.funcs)
			v.SetField(t, part.name, sub)
			continue
		}
		parts = append(parts, vm.Const{Name: part.name, Value: v.NewROMTable("sim."+part.name, part.funcs, nil)})
	}
	v.SetField(t, "flash", v.NewROMTable("sim", funcs, parts)) // lua/sim.lua finds it there
	return t
}

// opened has fn called when the test ends; what a setup function opens is there until the
// file ends.
func (s *sim) opened(fn func()) { s.open = append(s.open, fn) }

// maxOpen is how much tests can have open, and keepLimit how many bytes of messages or
// requests one of these keeps for them.
const (
	maxOpen   = 10000
	keepLimit = 16 << 20
)

// room raises an error when there is no room to open anything more.
func (r *run) room(c *vm.Call) {
	if len(r.sim.open) >= maxOpen {
		c.Error("the test has opened %d connections, listeners, sockets and watches: that is all there can be", maxOpen)
	}
}

// release gives a reference back, as a task of the device.
func (r *run) release(ref vm.Ref) {
	v := r.lua()
	if ref != 0 && v != nil {
		r.work(func() {
			if r.lua() == v {
				v.Unref(&ref)
			}
		})
	}
}

// closeFrom ends what was opened since there were n.
func (s *sim) closeFrom(n int) {
	for len(s.open) > n {
		last := len(s.open) - 1
		fn := s.open[last]
		s.open = s.open[:last]
		fn()
	}
}

// objectSize is what a userdata of sim takes, in bytes: a pointer.
const objectSize = 4

// address is where the device can be reached: as a station, or in its own network.
func address(d *device.Device) (netip.Prefix, bool) {
	for _, i := range air.Interfaces {
		if p := d.Address(i); p.IsValid() {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
