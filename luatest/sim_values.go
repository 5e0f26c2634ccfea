package luatest

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// What functions of sim return.

// row is a table with named fields, for pushValue.
type row []field

type field struct {
	name  string
	value any
}

// object is a userdata, for pushValue.
type object struct {
	typ   *vm.Type
	value any
}

// pushValue pushes a Go value: nil, a boolean, number, string, list ([]any), row or
// object.
func pushValue(c *vm.Call, x any) {
	if !c.CheckStack(4) {
		c.Error("a value of sim is nested too deeply")
	}
	switch x := x.(type) {
	case nil:
		c.PushNil()
	case bool:
		c.PushBool(x)
	case int:
		c.PushNumber(float64(x))
	case float64:
		c.PushNumber(x)
	case string:
		c.PushString(x)
	case []byte:
		c.PushBytes(x)
	case object:
		c.Push(c.VM.NewObject(x.typ, objectSize, x.value))
	case []any:
		t := c.NewTable(len(x), 0)
		c.PushTable(t)
		for i, e := range x {
			pushValue(c, e)
			c.RawSetIntTop(t, i+1)
		}
	case row:
		t := c.NewTable(0, len(x))
		c.PushTable(t)
		for _, f := range x {
			if f.value == nil {
				continue
			}
			c.PushString(f.name)
			pushValue(c, f.value)
			c.RawSetAt(t, c.Top()-1, c.Top())
			c.Pop(2)
		}
	default:
		panic(fmt.Sprintf("luatest: a %T for Lua", x))
	}
}

// returns returns Go values.
func returns(c *vm.Call, list ...any) int {
	for _, x := range list {
		pushValue(c, x)
	}
	return len(list)
}
