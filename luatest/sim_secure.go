package luatest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer/secure"
)

// TLS of the listeners and brokers of tests: the option tls, sim.ca, sim.certificate.
// Certificates are made of the world's seed and date.

// secured is what TLS of tests has on one boot.
type secured struct {
	ca      *secure.Authority // sim.ca; nil until it is asked for
	unknown *secure.Authority // nobody trusts it
	made    uint64            // servers so far
	servers []*secure.Server  // that there are
}

// tlsSeed keeps the random numbers of TLS apart from those of devices and radios; the
// authorities have the first two, then servers.
const tlsSeed = 1 << 33

// stop ends all servers for this process.
func (s *secured) stop() {
	for _, x := range s.servers {
		x.Stop()
	}
}

// authority is sim.ca, or the one that nobody trusts.
func (r *run) authority(unknown bool) *secure.Authority {
	w := r.app.World
	a, name, n := &r.sim.secure.ca, "sim CA", uint64(0)
	if unknown {
		a, name, n = &r.sim.secure.unknown, "unknown CA", 1
	}
	if *a == nil {
		*a = secure.NewAuthority(name, w.Rand(tlsSeed+n))
	}
	return *a
}

// today is the day in the world.
func (r *run) today() time.Time { return r.app.World.Date().Truncate(24 * time.Hour) }

// good makes a certificate's time one year before and after today; an expired one ended
// yesterday.
func (r *run) good(s secure.Subject, expired bool) secure.Subject {
	day := r.today()
	s.From, s.To = day.AddDate(-1, 0, 0), day.AddDate(1, 0, 0)
	if expired {
		s.To = day.AddDate(0, 0, -1)
	}
	return s
}

// securePort is the TLS of a listener or a broker.
type securePort struct {
	*secure.Server
	failures []string // why handshakes have failed
	told     int      // how many of them :failed is done with
	changed  *changes
}

// secureOf reads the option tls, which is true or a table. name is that of the certificate
// where the option has none. It returns nil where there is to be no TLS.
func (r *run) secureOf(o *options, name string, changed *changes) *securePort {
	var t *vm.Table
	switch x := o.get("tls").(type) {
	case nil:
		return nil
	case *vm.Table:
		t = x
	case vm.Bool:
		if !bool(x) {
			return nil
		}
	default:
		o.wrong("tls", "true, or a table of what is special about it")
	}
	const maxBetween = 8
	s := fieldsOf(o.c, t, o.what+": tls", "name", "expired", "unknown", "chain", "certificate", "key", "client", "record")
	subject := secure.Subject{Name: s.text("name", name), Between: s.whole("chain", 0, maxBetween, 0)}
	expired, unknown, client := s.flag("expired"), s.flag("unknown"), s.flag("client")
	record := s.whole("record", 1, secure.MaxRecord, secure.ChipRecord)
	certificate, key := s.text("certificate", ""), s.text("key", "")
	w := r.app.World
	p := &securePort{changed: changed, Server: &secure.Server{Record: record, Now: w.Date, Random: r.nextRandom()}}
	if (certificate == "") != (key == "") {
		o.c.Error("%s: a certificate and its key go together, both as PEM", s.what)
	}
	var err error
	if certificate != "" {
		if p.Certificate, err = secure.ParsePair(certificate, key); err != nil {
			o.c.Error("%s: the certificate and its key cannot be used: %v", s.what, err)
		}
	} else if p.Certificate, err = r.authority(unknown).Issue(r.good(subject, expired)); err != nil {
		o.c.Error("%s: %v", s.what, err)
	}
	if client {
		p.ClientCA = r.authority(false).Certificate
	}
	p.OnFailed = func(why string) {
		if len(p.failures) < requestLimit {
			p.failures = append(p.failures, why)
		}
		p.changed.tell()
	}
	return p
}

// nextRandom has the random numbers of one more server.
func (r *run) nextRandom() *rand.Rand {
	const authorities = 2
	r.sim.secure.made++
	return r.app.World.Rand(tlsSeed + authorities + r.sim.secure.made)
}

// openedSecure notes a server that is there until the test ends.
func (r *run) openedSecure(p *securePort) {
	if p == nil {
		return
	}
	s := &r.sim.secure
	s.servers = append(s.servers, p.Server)
	r.sim.opened(func() {
		p.Stop()
		s.servers = slices.DeleteFunc(s.servers, func(x *secure.Server) bool { return x == p.Server })
	})
}

// take makes TLS of a connection that has come, and calls arrived when the handshake is
// over: at once where there is no TLS.
func (p *securePort) take(k *conn, arrived func(k *conn)) {
	if p == nil {
		k.up = true
		arrived(k)
		return
	}
	p.Take(k.tcp)
	w := &waiter{}
	k.joined.list = append(k.joined.list, change{w, func() {
		if k.up {
			w.over = true
			k.client = p.Client(k.tcp)
			arrived(k)
		}
	}})
}

// last is what went wrong last, for messages.
func (p *securePort) last() string {
	if p == nil || len(p.failures) == 0 {
		return ""
	}
	return "; the last TLS handshake failed: " + p.failures[len(p.failures)-1]
}

// answers are the ways of a server to begin.
var answers = map[string]secure.Answer{"silent": secure.Silent, "refuse": secure.Refuse, "close": secure.Close, "reset": secure.Reset}

// secureFuncs are the methods of what may have TLS. of is that of argument 1.
func (r *run) secureFuncs(of func(c *vm.Call) *securePort) []vm.Func {
	get := func(c *vm.Call) *securePort {
		p := of(c)
		if p == nil {
			c.Error("there is no TLS at this port: make it with {tls = true}")
		}
		return p
	}
	return []vm.Func{
		{Name: "handshake", Fn: func(c *vm.Call) int {
			p := get(c)
			answer := secure.Handshake
			if !c.IsNoneOrNil(2) {
				var ok bool
				if answer, ok = answers[c.String(2)]; !ok {
					c.ArgError(2, "silent, refuse, close or reset, or nothing to go on as a server should")
				}
			}
			p.Answer = answer
			c.SetTop(1)
			c.PushCopy(1)
			return 1
		}},
		{Name: "failed", Fn: func(c *vm.Call) int {
			p := get(c)
			return r.await(c, timeout(c, 2), func(w *waiter) {
				w.late = func() { w.fail("no TLS handshake has failed within %s", w.passed()) }
				p.changed.add(w, func() {
					if p.told < len(p.failures) {
						p.told++
						w.values(p.failures[p.told-1])
					}
				})
			})
		}},
	}
}

// simSecure has sim.ca and sim.certificate.
func (r *run) simSecure() []vm.Func {
	return []vm.Func{
		{Name: "ca", Fn: func(c *vm.Call) int { return c.ReturnString(r.authority(false).PEM()) }},
		// certificate(name): of a client, and its key.
		{Name: "certificate", Fn: func(c *vm.Call) int {
			name := c.String(1)
			if name == "" || len(name) > secure.MaxName {
				c.ArgError(1, fmt.Sprintf("a client's name of 1 to %d bytes", secure.MaxName))
			}
			x, err := r.authority(false).Issue(r.good(secure.Subject{Name: name, Client: true}, false))
			if err != nil {
				c.Error("sim.certificate: %v", err)
			}
			return returns(c, secure.ChainPEM(x), secure.KeyPEM(x))
		}},
	}
}
