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
		x := c.VM.RawGetInt(t, i)
		s, ok := c.VM.ToString(x)
		if !ok {
			c.Error("invalid value (%s) at index %d in table for 'concat'", c.VM.TypeName(x), i)
		}
		b.value(s)
		if i < last {
			b.string(sep)
		}
	}
	return b.finish()
}

func tabForeachi(c *vm.Call) int {
	t := c.Table(1)
	n := c.VM.Len(t)
	fn := c.Function(2)
	for i := 1; i <= n; i++ {
		if x := c.Invoke(fn, 1, vm.Number(i), c.VM.RawGetInt(t, i))[0]; x != vm.Nil {
			c.Push(x)
			return 1
		}
	}
	return 0
}

func tabForeach(c *vm.Call) int {
	t := c.Table(1)
	fn := c.Function(2)
	for key := vm.Value(vm.Nil); ; {
		next, value, ok := c.VM.RawNext(t, key)
		if !ok {
			c.Raise("invalid key to 'next'")
		}
		if next == vm.Nil {
			return 0
		}
		if x := c.Invoke(fn, 1, next, value)[0]; x != vm.Nil {
			c.Push(x)
			return 1
		}
		key = next
	}
}

func tabMaxn(c *vm.Call) int {
	t := c.Table(1)
	largest := vm.Number(0)
	for key, _, _ := c.VM.RawNext(t, vm.Nil); key != vm.Nil; key, _, _ = c.VM.RawNext(t, key) {
		if n, ok := key.(vm.Number); ok && n > largest {
			largest = n
		}
		c.VM.ChargeSteps(1)
	}
	c.Push(largest)
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
	setRaw(c, t, vm.Number(pos), c.Arg(c.NArgs()))
	return 0
}

// move is t[to] = t[from], accounted as a few VM instructions.
func move(c *vm.Call, t *vm.Table, to, from int) {
	setRaw(c, t, vm.Number(to), c.VM.RawGetInt(t, from))
	c.VM.ChargeSteps(1)
}

func tabRemove(c *vm.Call) int {
	t := c.Table(1)
	e := c.VM.Len(t)
	pos := c.OptInt(2, e)
	if pos < 1 || pos > e {
		return 0
	}
	removed := c.VM.RawGetInt(t, pos)
	for ; pos < e; pos++ {
		move(c, t, pos, pos+1)
	}
	setRaw(c, t, vm.Number(e), vm.Nil)
	c.Push(removed)
	return 1
}

func tabSetn(c *vm.Call) int {
	c.Table(1)
	c.Error("'setn' is obsolete")
	return 0
}
