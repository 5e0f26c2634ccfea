package luatest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// eventsLimit is how many events are kept: the last of them.
const eventsLimit = 10000

// recorded are the events since the test began.
type recorded struct {
	list    []world.Event
	test    *Test
	changed changes // tells of each thing that happens on the device
}

// recordEvents keeps what happens from now on.
func (r *run) recordEvents() {
	rec := &r.sim.events
	name := r.d.Name()
	r.subs = append(r.subs, func(e world.Event) {
		if cb, ok := e.Data.(event.Callback); ok && cb.What == untilName {
			return
		}
		rec.begin(r)
		if len(rec.list) >= 2*eventsLimit {
			rec.list = append(rec.list[:0], rec.list[len(rec.list)-eventsLimit:]...)
		}
		rec.list = append(rec.list, e)
		if e.Device == name {
			rec.changed.tell()
		}
	})
}

// begin forgets what was before the test.
func (x *recorded) begin(r *run) {
	if x.test != r.test {
		x.test, x.list = r.test, nil
	}
}

// kinds are the names of the kinds of events.
func kinds() []string {
	var out []string
	for _, k := range event.Kinds {
		out = append(out, k.Kind())
	}
	slices.Sort(out)
	return out
}

// simEvents has sim.events, which lua/sim.lua makes callable.
func (r *run) simEvents() []vm.Func {
	return []vm.Func{
		{Name: "clear", Fn: func(*vm.Call) int {
			r.sim.events.list = nil
			return 0
		}},
		{Name: "list", Fn: func(c *vm.Call) int {
			kind := ""
			want := [][2]string{}
			if t := c.OptTable(1); t != nil {
				want = pairsOfAny(c, t)
			}
			for _, p := range want {
				if p[0] == "kind" {
					if kind = p[1]; !slices.Contains(kinds(), kind) {
						c.Error("sim.events knows no kind %q: there are %s", kind, strings.Join(kinds(), ", "))
					}
				}
			}
			r.sim.events.begin(r)
			list := []any{}
			from := r.sim.events.list
			for _, e := range from[max(0, len(from)-eventsLimit):] {
				if kind != "" && e.Data.Kind() != kind {
					continue
				}
				if x := eventOf(e); x.matches(c, want) {
					list = append(list, x)
				}
			}
			return returns(c, list)
		}},
	}
}

// pairsOfAny are the fields of a table of strings, numbers and booleans, as text.
func pairsOfAny(c *vm.Call, t *vm.Table) [][2]string {
	var out [][2]string
	for _, e := range entries(c, t) {
		k, isName := e[0].(vm.String)
		text := ""
		switch x := e[1].(type) {
		case vm.String, vm.Number:
			text, _ = c.VM.ToString(x)
		case vm.Bool:
			if text = "false"; x {
				text = "true"
			}
		default:
			isName = false
		}
		if !isName {
			c.Error("sim.events takes fields that the events must have, as in sim.events{kind = \"socket\"}")
		}
		out = append(out, [2]string{string(k), text})
	}
	return out
}

// eventOf is an event as a table: kind, time in ms, device, and its fields as in JSON.
func eventOf(e world.Event) row {
	out := row{{"kind", e.Data.Kind()}, {"time", float64(e.Time) / 1000}, {"device", e.Device}}
	data, err := json.Marshal(e.Data)
	var fields map[string]any
	if err == nil && json.Unmarshal(data, &fields) == nil {
		for _, f := range recordOf(fields) {
			if f.name != "kind" && f.name != "time" && f.name != "device" {
				out = append(out, f)
			}
		}
	}
	return out
}

// recordOf is an object of JSON, its fields sorted by name.
func recordOf(m map[string]any) row {
	var out row
	for name, x := range m {
		out = append(out, field{name, valueOf(x)})
	}
	slices.SortFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return out
}

func valueOf(x any) any {
	switch x := x.(type) {
	case map[string]any:
		return recordOf(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = valueOf(x[i])
		}
		return out
	}
	return x
}

// matches reports whether a record has fields with these texts.
func (x row) matches(c *vm.Call, want [][2]string) bool {
	for _, p := range want {
		if !slices.ContainsFunc(x, func(f field) bool { return f.name == p[0] && textOf(c, f.value) == p[1] }) {
			return false
		}
	}
	return true
}

func textOf(c *vm.Call, x any) string {
	switch x := x.(type) {
	case string:
		return x
	case bool:
		if x {
			return "true"
		}
		return "false"
	case float64:
		return vm.FormatNumber(x)
	}
	return "\x00"
}
