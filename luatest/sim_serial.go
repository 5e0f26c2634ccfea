package luatest

import (
	"bytes"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// terminal is who sits at a device's serial port: what it has sent since the test began,
// with line ends as \n.
type terminal struct {
	in   inbox
	all  []byte
	test *Test // whose output that is
}

// outputLimit is how much of it is kept: the last.
const outputLimit = 256 << 10

// terminalOf is the terminal of a device.
func (r *run) terminalOf(d *device.Device) *terminal {
	t := r.sim.terminals[d]
	if t == nil {
		t = &terminal{}
		r.sim.terminals[d] = t
		name := d.Name()
		r.subs = append(r.subs, func(e world.Event) {
			if out, ok := e.Data.(event.Output); ok && e.Device == name {
				t.sent(r, out.Text)
			}
		})
	}
	return t
}

func (t *terminal) sent(r *run, text string) {
	t.begin(r)
	t.all = appendText(t.all, text)
	t.in.data = appendText(t.in.data, text)
	t.in.changed.tell()
}

// begin forgets what was before the test.
func (t *terminal) begin(r *run) {
	if t.test != r.test {
		t.test = r.test
		t.all, t.in.data = nil, nil
	}
}

// appendText adds output: \r\n, which may come in two pieces, is \n.
func appendText(b []byte, text string) []byte {
	from := max(0, len(b)-1)
	b = append(b, text...)
	b = append(b[:from], bytes.ReplaceAll(b[from:], []byte("\r\n"), []byte("\n"))...)
	return b[max(0, len(b)-outputLimit):]
}

// terminalFuncs are type, expect and output of a device; first is the number of their first
// argument.
func (r *run) terminalFuncs(first int, of func(c *vm.Call) *device.Device) []vm.Func {
	return []vm.Func{
		{Name: "type", Fn: func(c *vm.Call) int {
			of(c).Serial.Type([]byte(c.String(first)))
			return 0
		}},
		{Name: "expect", Fn: func(c *vm.Call) int {
			d := of(c)
			t := r.terminalOf(d)
			t.begin(r)
			return r.expect(c, &t.in, c.String(first), "at the serial port of "+d.Name(), timeout(c, first+1))
		}},
		{Name: "output", Fn: func(c *vm.Call) int {
			t := r.terminalOf(of(c))
			t.begin(r)
			return c.ReturnString(string(t.all))
		}},
	}
}

// simSerial has sim.serial: the serial port of the device.
func (r *run) simSerial() []vm.Func {
	r.terminalOf(r.d)
	return r.terminalFuncs(1, func(*vm.Call) *device.Device { return r.d })
}
