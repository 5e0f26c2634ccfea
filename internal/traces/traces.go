// Package traces is what the traces of measured scripts have in common (oracle: formats.md,
// "Trace format"): scenarios, lists of entries, how values of Lua and bytes stand in them, the helper
// functions that the scripts call, and how lists are brought into an order and compared.
//
// It must not know what a trace is of: a device's file system, its clocks, its network.
// Only tests import it.
package traces

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// Entry is one line of a list, by field name. "t" is when it happened, in µs, and "q" orders
// entries of several lists among each other.
type Entry map[string]any

// Scenario is a measured program whose only list is that of what the device did.
type Scenario struct {
	Name    string   `json:"name"`
	UntilMS int64    `json:"until_ms"`
	Config  []string `json:"config"`
	Lua     string   `json:"lua"`
	Reset   string   `json:"heap_or_reset"` // why the result depends on what is in memory
	Trace   []Entry  `json:"trace"`
}

// Scenarios reads a file of them. check runs one and returns the first difference, or "".
func Scenarios(check func(Scenario) string) func(t *testing.T, data []byte) []oracle.Entry {
	return func(t *testing.T, data []byte) (entries []oracle.Entry) {
		for _, s := range oracle.Decode[struct{ Scenarios []Scenario }](t, data).Scenarios {
			entries = append(entries, oracle.Entry{Name: s.Name, Undefined: s.Reset != "", Check: func() string { return check(s) }})
		}
		return entries
	}
}

// Without returns e without some fields.
func (e Entry) Without(fields ...string) Entry {
	out := Entry{}
	for k, v := range e {
		if !slices.Contains(fields, k) {
			out[k] = v
		}
	}
	return out
}

// Nth is entry i of a list, nil when it has not so many.
func Nth(l []Entry, i int) Entry {
	if i < len(l) {
		return l[i]
	}
	return nil
}

// Plain brings all values into the form that JSON gives them.
func Plain[T any](v T) (out T) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

// Show is v for people.
func Show(v any) string {
	b, _ := json.Marshal(v)
	if s := string(b); s != "null" && s != "{}" {
		return s
	}
	return "nothing"
}

// Merged returns everything that happened, in order.
func Merged(lists ...[]Entry) []Entry {
	all := slices.Concat(lists...)
	sort.SliceStable(all, func(i, j int) bool { return all[i]["q"].(float64) < all[j]["q"].(float64) })
	return all
}

// Order says in which order things of several lists happened, by time.
func Order(lists ...[]Entry) string {
	all := Merged(lists...)
	sort.SliceStable(all, func(i, j int) bool { return all[i]["t"].(float64) < all[j]["t"].(float64) })
	var b strings.Builder
	for _, e := range all {
		switch {
		case e["dir"] != nil:
			fmt.Fprintf(&b, "%v:%v ", e["t"], e["dir"])
		case e["peer"] != nil:
			fmt.Fprintf(&b, "%v:%v ", e["t"], e["peer"])
		default:
			fmt.Fprintf(&b, "%v:lua ", e["t"])
		}
	}
	return b.String()
}

// Latin1 makes a character of each byte, and Bytes a byte of each character.
func Latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func Bytes(s string) []byte {
	var b []byte
	for _, c := range s {
		b = append(b, byte(c))
	}
	return b
}

// Hash is the FNV-1a of what is too long to stand in a trace.
func Hash(data []byte) uint32 {
	h := fnv.New32a()
	h.Write(data)
	return h.Sum32()
}

// Strings longer than longString bytes are recorded by their ends and a hash.
const (
	longString = 200
	stringHead = 24
	stringTail = 8
)

// Value is x as the traces have it.
func Value(v *vm.VM, x vm.Value) any {
	switch x := x.(type) {
	case vm.Number:
		return float64(x)
	case vm.Bool:
		return bool(x)
	case vm.String:
		if len(x) > longString {
			return Entry{"len": len(x), "head": Latin1(string(x[:stringHead])), "tail": Latin1(string(x[len(x)-stringTail:])), "fnv": Hash([]byte(x))}
		}
		return Latin1(string(x))
	case *vm.Table:
		rows := []any{}
		for k, val, _ := v.RawNext(x, vm.Nil); k != vm.Nil; k, val, _ = v.RawNext(x, k) {
			rows = append(rows, []any{Value(v, k), Value(v, val)})
		}
		return Entry{"table": rows}
	case *vm.UserData:
		return "<userdata" + global(v, x) + ">"
	case *vm.Function:
		return "<function" + global(v, x) + ">"
	}
	return nil
}

// global is ":name" of a value that a global has.
func global(v *vm.VM, x vm.Value) string {
	var names []string
	for k, val, _ := v.RawNext(v.Globals(), vm.Nil); k != vm.Nil; k, val, _ = v.RawNext(v.Globals(), k) {
		if val == x {
			names = append(names, string(k.(vm.String)))
		}
	}
	if names == nil {
		return ""
	}
	return ":" + slices.Min(names)
}

// Values are the arguments of a call from number n on.
func Values(c *vm.Call, n int) []any {
	out := []any{}
	for ; n <= c.NArgs(); n++ {
		out = append(out, Value(c.VM, c.Arg(n)))
	}
	return out
}

// Call is the helper function X(text): it evaluates an expression list, protected. add gets
// the entry before that, and what came of it is put into the entry, if it comes to an end.
func Call(c *vm.Call, add func(Entry)) {
	text := c.String(1)
	e := Entry{"call": Latin1(text)}
	add(e)
	fn, wrong := c.VM.Load([]byte("return "+text), "=x")
	if wrong != nil {
		e["ok"], e["err"] = false, Latin1(wrong.Error())
		return
	}
	ret, err := c.PCall(fn, -1, nil)
	if err != nil {
		e["ok"], e["err"] = false, Value(c.VM, err.Value)
		return
	}
	e["ok"] = true
	var results []any
	for _, x := range ret {
		results = append(results, Value(c.VM, x))
	}
	if results != nil {
		e["r"] = results
	}
}
