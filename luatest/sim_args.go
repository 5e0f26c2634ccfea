package luatest

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What functions of sim are given.

// defaultWait is how long a function of sim waits that has been given no time.
const defaultWait = 10 * clock.Second

// timeout is argument n, how long to wait in milliseconds.
func timeout(c *vm.Call, n int) clock.Duration {
	if c.IsNoneOrNil(n) {
		return defaultWait
	}
	return millis(c, n)
}

// whole is argument n, an integer between two bounds; what says what it is.
func whole(c *vm.Call, n, low, high int, what string) int {
	x := c.Number(n)
	if x != math.Trunc(x) || x < float64(low) || x > float64(high) {
		c.ArgError(n, fmt.Sprintf("%s is an integer from %d to %d", what, low, high))
	}
	return int(x)
}

func portArg(c *vm.Call, n int) uint16 { return uint16(whole(c, n, 1, 65535, "a port")) }

// addressOf reads an IPv4 address.
func addressOf(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Is4()
}

// options are the fields of a table that a function is given.
type options struct {
	c    *vm.Call
	t    *vm.Table
	what string // the function
}

// optionsOf is argument n, a table with some of the named fields. An absent one has none.
func optionsOf(c *vm.Call, n int, what string, names ...string) *options {
	return fieldsOf(c, c.OptTable(n), what, names...)
}

// fieldsOf is optionsOf for a table, nil for none.
func fieldsOf(c *vm.Call, t *vm.Table, what string, names ...string) *options {
	o := &options{c, t, what}
	if o.t == nil {
		return o
	}
	for _, e := range entries(c, o.t) {
		if name, is := e[0].(vm.String); !is || !slices.Contains(names, string(name)) {
			text, _ := c.VM.ToString(e[0])
			if text == "" {
				text = "a key that is no name"
			}
			c.Error("%s knows no %s: it takes %s", what, text, strings.Join(names, ", "))
		}
	}
	return o
}

// entries are a table's keys and values: of one of the device's, too.
func entries(c *vm.Call, t *vm.Table) [][2]vm.Value {
	var list [][2]vm.Value
	if c.VM.RawMetatable(t) == vm.Nil {
		for k, x, ok := c.VM.RawNext(t, vm.Nil); ok && k != vm.Nil; k, x, ok = c.VM.RawNext(t, k) {
			list = append(list, [2]vm.Value{k, x})
		}
		return list
	}
	next := c.Global("next")
	var key vm.Value = vm.Nil
	for {
		found := c.Invoke(next, 2, t, key)
		if key = found[0]; key == vm.Nil {
			return list
		}
		list = append(list, [2]vm.Value{key, found[1]})
	}
}

// get is a field, nil when it is not there.
func (o *options) get(name string) vm.Value {
	if o.t == nil {
		return nil
	}
	x := o.c.VM.RawGetString(o.t, name)
	if x == vm.Nil && o.c.VM.RawMetatable(o.t) != vm.Nil {
		x = o.c.Index(o.t, vm.String(name))
	}
	if x == vm.Nil {
		return nil
	}
	return x
}

func (o *options) wrong(name, want string) {
	o.c.Error("%s: %s must be %s", o.what, name, want)
}

func (o *options) text(name, def string) string {
	switch x := o.get(name).(type) {
	case nil:
		return def
	case vm.String:
		return string(x)
	case vm.Number:
		text, _ := o.c.VM.ToString(x)
		return text
	}
	o.wrong(name, "a string")
	return ""
}

func (o *options) whole(name string, low, high, def int) int {
	x := o.get(name)
	if x == nil {
		return def
	}
	f, ok := x.(vm.Number)
	if !ok || float64(f) != math.Trunc(float64(f)) || float64(f) < float64(low) || float64(f) > float64(high) {
		o.wrong(name, fmt.Sprintf("an integer from %d to %d", low, high))
	}
	return int(f)
}

// number is a number with a fraction.
func (o *options) number(name string, low, high, def float64) float64 {
	x := o.get(name)
	if x == nil {
		return def
	}
	f, ok := x.(vm.Number)
	if !ok || !(float64(f) >= low && float64(f) <= high) {
		o.wrong(name, fmt.Sprintf("a number from %g to %g", low, high))
	}
	return float64(f)
}

func (o *options) flag(name string) bool {
	x := o.get(name)
	if x == nil {
		return false
	}
	b, ok := x.(vm.Bool)
	if !ok {
		o.wrong(name, "true or false")
	}
	return bool(b)
}

func (o *options) timeout() clock.Duration {
	x := o.get("timeout")
	if x == nil {
		return defaultWait
	}
	f, ok := x.(vm.Number)
	if !ok || !(f >= 0) || f > 1e12 {
		o.wrong("timeout", "a time in milliseconds, from 0")
	}
	return clock.Duration(f * 1000)
}

// pairs are the fields of a table of strings, sorted by name.
func (o *options) pairs(name string) [][2]string {
	x := o.get(name)
	if x == nil {
		return nil
	}
	t, ok := x.(*vm.Table)
	want := fmt.Sprintf("%s: %s must be a table of names and values, both strings", o.what, name)
	if !ok {
		o.c.Error("%s", want)
	}
	return pairsOf(o.c, t, want)
}

// pairsOf are the fields of a table of strings, sorted by name. wrong is the error for
// anything else in it.
func pairsOf(c *vm.Call, t *vm.Table, wrong string) [][2]string {
	var out [][2]string
	for _, e := range entries(c, t) {
		value := e[1]
		k, isName := e[0].(vm.String)
		text, isText := "", false
		switch value.(type) {
		case vm.String, vm.Number:
			text, isText = c.VM.ToString(value)
		}
		if !isName || !isText {
			c.Error("%s", wrong)
		}
		out = append(out, [2]string{string(k), text})
	}
	slices.SortFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return out
}
