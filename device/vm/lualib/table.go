package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

var tableFuncs = []vm.Func{
	{Name: "concat", Fn: tabConcat},
	{Name: "foreach", Fn: tabForeach},
	{Name: "foreachi", Fn: tabForeachi},
	{Name: "getn", Fn: func(c *vm.Call) int { return c.ReturnInt(c.VM.Len(c.Table(1))) }},
	{Name: "maxn", Fn: tabMaxn},
	{Name: "insert", Fn: tabInsert},
	{Name: "remove", Fn: tabRemove},
	{Name: "setn", Fn: tabSetn},
	{Name: "sort", Fn: tabSort},
}

func tabConcat(c *vm.Call) int {
	sep := c.OptString(2, "")
	t := c.Table(1)
	i := c.OptInt(3, 1)
	last := 0
	if c.IsNoneOrNil(4) {
		last = c.VM.Len(t)
	} else {
		last = c.Int(4)
	}
	b := newBuffer(c)
	for ; i <= last; i++ {
		c.PushRawInt(t, i)
		if top := c.Top(); !c.IsString(top) {
			c.Error("invalid value (%s) at index %d in table for 'concat'", c.TypeName(top), i)
		}
		b.top()
		if i < last {
			b.string(sep)
		}
	}
	return b.finish()
}

func tabForeachi(c *vm.Call) int {
	t := c.Table(1)
	n := c.VM.Len(t)
	c.Function(2)
	for i := 1; i <= n; i++ {
		c.PushCopy(2)
		c.PushNumber(float64(i))
		c.PushRawInt(t, i)
		c.CallTop(2, 1)
		if !c.IsNil(c.Top()) {
			return 1
		}
		c.Pop(1)
	}
	return 0
}

func tabForeach(c *vm.Call) int {
	t := c.Table(1)
	c.Function(2)
	c.SetTop(2)
	c.PushNil()
	for c.PushNext(t, 3) { // the key at 3, then the next key and its value
		c.Copy(3, 4)
		c.PushCopy(2)
		c.PushCopy(4)
		c.PushCopy(5)
		c.CallTop(2, 1)
		if !c.IsNil(c.Top()) {
			return 1
		}
		c.SetTop(3)
	}
	return 0
}

func tabMaxn(c *vm.Call) int {
	t := c.Table(1)
	largest := 0.0
	c.SetTop(1)
	c.PushNil()
	for c.PushNext(t, 2) {
		if n, ok := c.Arg(3).(vm.Number); ok && float64(n) > largest {
			largest = float64(n)
		}
		c.Copy(2, 3)
		c.SetTop(2)
		c.VM.ChargeSteps(1)
	}
	c.PushNumber(largest)
	return 1
}

func tabInsert(c *vm.Call) int {
	t := c.Table(1)
	e := c.VM.Len(t) + 1
	pos := e
	switch c.NArgs() {
	case 2:
	case 3:
		pos = c.Int(2)
		e = max(e, pos)
		for i := e; i > pos; i-- {
			move(c, t, i, i-1)
		}
	default:
		c.Error("wrong number of arguments to 'insert'")
	}
	c.RawSetIntTop(t, pos)
	return 0
}

// move is t[to] = t[from], accounted as a few VM instructions.
func move(c *vm.Call, t *vm.Table, to, from int) {
	c.PushRawInt(t, from)
	c.RawSetIntTop(t, to)
	c.VM.ChargeSteps(1)
}

func tabRemove(c *vm.Call) int {
	t := c.Table(1)
	e := c.VM.Len(t)
	pos := c.OptInt(2, e)
	if pos < 1 || pos > e {
		return 0
	}
	c.PushRawInt(t, pos)
	for ; pos < e; pos++ {
		move(c, t, pos, pos+1)
	}
	c.PushNil()
	c.RawSetIntTop(t, e)
	return 1
}

func tabSetn(c *vm.Call) int {
	c.Table(1)
	c.Error("'setn' is obsolete")
	return 0
}
