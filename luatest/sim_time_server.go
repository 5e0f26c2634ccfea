package luatest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Time servers: sim.time_server. Where a test or the project has said what date it is, the
// router is one, too.

// timeServers are where the names of the usual servers lead.
type timeServers struct {
	router netip.Addr    // its own address, if it tells the time
	usual  []*timeServer // of tests, the last of which has the names
}

// timeServer is an NTP server of a test.
type timeServer struct {
	peer.NTP
	host     *peer.Host
	socket   *peer.UDP
	offset   time.Duration
	silent   bool
	stopped  bool
	requests int
}

// dated has the router tell the time, because a test has said what it is.
func (r *run) dated() {
	r.sim.clocks.router = r.app.World.Air.RouterPrefix().Addr()
	r.leadUsual()
}

// leadUsual has the names of the usual servers lead where they should.
func (r *run) leadUsual() {
	s := &r.sim.clocks
	to := s.router
	if n := len(s.usual); n > 0 {
		to = s.usual[n-1].host.Addr()
	}
	r.app.World.Give(gateway.Name, gateway.SetTimeServer{Addr: to})
}

// Bounds of what a time server says: by how many seconds it is wrong, 31 years; strata and
// leap indicators of RFC 4330.
const (
	maxOffset  = 1e9
	maxStratum = 15
	maxLeap    = 3
	kissLength = 4 // bytes
)

// timeFields are those of sim.time_server and its method set.
var timeFields = []string{"offset", "stratum", "leap", "silent", "kiss"}

// set changes what a server says.
func (t *timeServer) set(o *options) {
	offset := o.number("offset", -maxOffset, maxOffset, t.offset.Seconds())
	stratum := o.whole("stratum", 0, maxStratum, int(t.Stratum))
	leap := o.whole("leap", 0, maxLeap, int(t.Leap))
	silent, kiss := t.silent, t.Reference
	if o.get("silent") != nil {
		silent = o.flag("silent")
	}
	if o.get("kiss") != nil {
		if kiss = o.text("kiss", ""); len(kiss) > kissLength {
			o.wrong("kiss", "a code of up to four letters, as \"RATE\" or \"DENY\"")
		}
		// A kiss-of-death is one by these (RFC 4330, 8).
		if stratum, leap = 0, maxLeap; kiss == "" {
			stratum, leap = 1, 0
		}
	}
	t.offset = time.Duration(offset * float64(time.Second))
	t.Stratum, t.Leap, t.silent, t.Reference = uint8(stratum), uint8(leap), silent, kiss
}

// simTimeServer has sim.time_server.
func (r *run) simTimeServer() []vm.Func {
	return []vm.Func{{Name: "time_server", Fn: func(c *vm.Call) int {
		r.room(c)
		o := optionsOf(c, 1, "sim.time_server", append([]string{"ip"}, timeFields...)...)
		t := &timeServer{NTP: peer.NTP{Stratum: 1}}
		t.set(o)
		t.Now = func() time.Time { return r.app.World.Date().Add(t.offset) }
		where := o.text("ip", "")
		t.host, _ = r.hostAt(c, 1, where)
		var err error
		if t.socket, err = t.host.ServeNTP(&t.NTP); err != nil {
			c.Error("sim.time_server: there is one at %v: stop it, or take another address", t.host.Addr())
		}
		answer := t.socket.OnData
		t.socket.OnData = func(data []byte, from netip.AddrPort) {
			if t.requests++; !t.silent {
				answer(data, from)
			}
		}
		if where == "" {
			r.sim.clocks.usual = append(r.sim.clocks.usual, t)
			r.leadUsual()
		}
		r.sim.opened(func() { r.stopTime(t) })
		return returns(c, object{r.sim.types.time, t})
	}}}
}

// stopTime ends a time server.
func (r *run) stopTime(t *timeServer) {
	if t.stopped {
		return
	}
	t.stopped = true
	t.socket.Close()
	s := &r.sim.clocks
	s.usual = slices.DeleteFunc(s.usual, func(x *timeServer) bool { return x == t })
	r.leadUsual()
}

// timeType is sim.time_server.
func (r *run) timeType() *vm.Type {
	t := &vm.Type{Name: "sim.time_server"}
	method := func(name string, fn func(c *vm.Call, s *timeServer) int) {
		t.Methods = append(t.Methods, vm.Func{Name: name, Fn: func(c *vm.Call) int { return fn(c, c.Object(1, t).(*timeServer)) }})
	}
	method("set", func(c *vm.Call, s *timeServer) int {
		c.Table(2)
		s.set(optionsOf(c, 2, "time_server:set", timeFields...))
		return 0
	})
	method("requests", func(c *vm.Call, s *timeServer) int { return c.ReturnInt(s.requests) })
	method("address", func(c *vm.Call, s *timeServer) int { return returns(c, s.host.Addr().String()) })
	method("stop", func(c *vm.Call, s *timeServer) int {
		r.stopTime(s)
		return 0
	})
	return t
}
