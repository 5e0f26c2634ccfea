package luatest

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer/broker"
)

// mqttPort is MQTT's port, mqttsPort that of MQTT over TLS (IANA).
const (
	mqttPort  = 1883
	mqttsPort = 8883
)

// mqttBroker is a broker of a test.
type mqttBroker struct {
	*broker.Broker
	host    *peer.Host
	port    uint16
	list    []broker.Message // that clients have published
	told    []bool           // which of them :expect is done with
	kept    int              // bytes of them
	changed changes
	secure  *securePort // nil: no TLS
}

// messagesLimit is how many messages a broker keeps for tests.
const messagesLimit = 10000

// simMQTT has sim.mqtt.
func (r *run) simMQTT() []vm.Func {
	return []vm.Func{{Name: "mqtt", Fn: func(c *vm.Call) int {
		r.room(c)
		o := optionsOf(c, 1, "sim.mqtt", "port", "user", "password", "ip", "tls")
		user, password, ip := o.text("user", ""), o.text("password", ""), o.text("ip", "")
		host, name := r.hostAt(c, 1, ip)
		m := &mqttBroker{host: host, port: mqttPort}
		if m.secure = r.secureOf(o, name, &m.changed); m.secure != nil {
			m.port = mqttsPort
		}
		m.port = uint16(o.whole("port", 1, 65535, int(m.port)))
		b, err := broker.New(r.app.World.Clock, host, m.port)
		if err != nil {
			c.Error("sim.mqtt: port %d of %v is in use: stop the broker that has it, or take another port", m.port, host.Addr())
		}
		r.openedSecure(m.secure)
		r.sim.opened(b.Stop)
		b.User, b.Password = user, password
		m.Broker = b
		if m.secure != nil {
			b.Secure = m.secure.Take
		}
		b.OnMessage = func(x broker.Message) {
			if m.kept += len(x.Payload) + len(x.Topic); len(m.list) >= messagesLimit || m.kept > keepLimit {
				return
			}
			m.list, m.told = append(m.list, x), append(m.told, false)
			m.changed.tell()
		}
		b.OnChange = m.changed.tell
		return returns(c, object{r.sim.types.broker, m})
	}}}
}

// messageOf is a message as tests see it.
func messageOf(m broker.Message) row {
	return row{
		{"topic", m.Topic}, {"payload", m.Payload}, {"qos", int(m.QoS)}, {"retain", m.Retain},
		{"client", m.Client}, {"will", m.Will}, {"time", float64(m.Time) / 1000},
	}
}

// refusals are the codes of CONNACK by the names of the firmware's constants, and as
// numbers (fw: docs/modules/mqtt.md, mqtt.client:connect).
var refusals = map[string]byte{
	"protocol": broker.BadProtocol, "id": broker.IDRejected, "unavailable": broker.Unavailable,
	"login": broker.BadUserOrPassword, "not_authorized": broker.NotAuthorized,
}

// brokerType is sim.broker.
func (r *run) brokerType() *vm.Type {
	t := &vm.Type{Name: "sim.broker"}
	method := func(name string, fn func(c *vm.Call, b *mqttBroker) int) {
		t.Methods = append(t.Methods, vm.Func{Name: name, Fn: func(c *vm.Call) int { return fn(c, c.Object(1, t).(*mqttBroker)) }})
	}
	method("publish", func(c *vm.Call, b *mqttBroker) int {
		topic, payload := c.String(2), c.String(3)
		o := optionsOf(c, 4, "broker:publish", "qos", "retain")
		n, err := b.Publish(topic, []byte(payload), byte(o.whole("qos", 0, 2, 0)), o.flag("retain"))
		if err != nil {
			c.Error("broker:publish: %v", err)
		}
		return c.ReturnInt(n)
	})
	method("expect", func(c *vm.Call, b *mqttBroker) int {
		filter, want, any := c.String(2), "", c.IsNoneOrNil(3)
		if !any {
			want = c.String(3)
		}
		return r.await(c, timeout(c, 4), func(w *waiter) {
			w.late = func() {
				expected := fmt.Sprintf("a message to %q", filter)
				if !any {
					expected = fmt.Sprintf("%q to %q", want, filter)
				}
				w.failCompared(expected, b.seen(), "expected %s within %s, came %s", expected, w.passed(), b.seen())
			}
			b.changed.add(w, func() {
				for i, m := range b.list {
					if !b.told[i] && broker.Matches(filter, m.Topic) && (any || string(m.Payload) == want) {
						b.told[i] = true
						w.values(messageOf(m))
						return
					}
				}
			})
		})
	})
	method("messages", func(c *vm.Call, b *mqttBroker) int {
		filter := c.OptString(2, "#")
		list := []any{}
		for _, m := range b.list {
			if broker.Matches(filter, m.Topic) {
				list = append(list, messageOf(m))
			}
		}
		return returns(c, list)
	})
	method("clients", func(c *vm.Call, b *mqttBroker) int {
		list := []any{}
		for _, x := range b.Clients() {
			list = append(list, clientOf(x))
		}
		return returns(c, list)
	})
	// connected([id [, timeout]]) waits for a client.
	method("connected", func(c *vm.Call, b *mqttBroker) int {
		id := c.OptString(2, "")
		return r.await(c, timeout(c, 3), func(w *waiter) {
			w.late = func() {
				who := "no client has connected"
				if id != "" {
					who = fmt.Sprintf("no client %q has connected", id)
				}
				w.fail("%s to the broker at %v, port %d, within %s%s", who, b.host.Addr(), b.port, w.passed(), b.secure.last())
			}
			b.changed.add(w, func() {
				for _, x := range b.Clients() {
					if id == "" || x.ID == id {
						w.values(clientOf(x))
						return
					}
				}
			})
		})
	})
	// subscribed(filter [, timeout]) waits until a client has subscribed to it.
	method("subscribed", func(c *vm.Call, b *mqttBroker) int {
		filter := c.String(2)
		return r.await(c, timeout(c, 3), func(w *waiter) {
			w.late = func() {
				var list []string
				for _, x := range b.Clients() {
					list = append(list, x.Subscriptions...)
				}
				w.fail("nobody has subscribed to %q within %s; there are %q", filter, w.passed(), list)
			}
			b.changed.add(w, func() {
				for _, x := range b.Clients() {
					for _, f := range x.Subscriptions {
						if f == filter {
							w.values(clientOf(x))
							return
						}
					}
				}
			})
		})
	})
	method("drop", func(c *vm.Call, b *mqttBroker) int { return c.ReturnInt(b.Drop(c.OptString(2, ""))) })
	method("refuse", func(c *vm.Call, b *mqttBroker) int {
		switch x := c.Arg(2).(type) {
		case vm.String:
			code, ok := refusals[string(x)]
			if !ok {
				c.ArgError(2, "protocol, id, unavailable, login, not_authorized, or a code from 0 to 5")
			}
			b.Refuse = code
		default:
			if c.IsNoneOrNil(2) {
				b.Refuse = broker.Accepted
			} else {
				b.Refuse = byte(whole(c, 2, 0, 5, "a code of CONNACK"))
			}
		}
		return 0
	})
	method("stop", func(c *vm.Call, b *mqttBroker) int {
		b.Stop()
		return 0
	})
	method("start", func(c *vm.Call, b *mqttBroker) int {
		if err := b.Start(); err != nil {
			c.Error("broker:start: port %d of %v is in use", b.port, b.host.Addr())
		}
		return 0
	})
	t.Methods = append(t.Methods, r.secureFuncs(func(c *vm.Call) *securePort { return c.Object(1, t).(*mqttBroker).secure })...)
	method("address", func(c *vm.Call, b *mqttBroker) int { return returns(c, b.host.Addr().String(), int(b.port)) })
	return t
}

func clientOf(x broker.Client) row {
	subs := []any{}
	for _, f := range x.Subscriptions {
		subs = append(subs, f)
	}
	return row{{"id", x.ID}, {"user", x.User}, {"clean", x.CleanSession}, {"keepalive", x.KeepAlive.Seconds()}, {"subscriptions", subs}}
}

// seen lists the messages that :expect is not done with, for its failure.
func (b *mqttBroker) seen() string {
	const most = 20
	var list []string
	for i, m := range b.list {
		if !b.told[i] {
			list = append(list, fmt.Sprintf("%s to %q", quoted(m.Payload), m.Topic))
		}
	}
	if len(list) == 0 {
		if len(b.Clients()) == 0 {
			return "nothing: no client is connected"
		}
		return "nothing"
	}
	return strings.Join(list[max(0, len(list)-most):], ", ")
}
