package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// table.sort is the firmware's quicksort step by step (fw: app/lua/ltablib.c,
// auxsort), since the order of the comparisons shows: to the function that
// compares, and in how equal elements end up. Elements are compared where they
// stand on the stack, counted from its top.

type sorter struct {
	c        *vm.Call
	t        *vm.Table
	compares bool // argument 2 is a function that does
}

func tabSort(c *vm.Call) int {
	t := c.Table(1)
	n := c.VM.Len(t)
	c.CheckStack(40)
	s := sorter{c: c, t: t, compares: c.OptFunction(2) != nil}
	c.SetTop(2)
	if s.compares || !c.SortPlain(t, n) {
		s.sort(1, n)
	}
	return 0
}

func (s sorter) get(i int) { s.c.PushRawInt(s.t, i) }

// set2 stores the topmost value as element i and the one below as element j.
func (s sorter) set2(i, j int) {
	s.c.RawSetIntTop(s.t, i)
	s.c.RawSetIntTop(s.t, j)
}

// less compares the values a and b from the top, 1 being the topmost.
func (s sorter) less(a, b int) bool {
	c := s.c
	c.VM.ChargeSteps(1)
	top := c.Top()
	if !s.compares {
		return c.LessAt(top-a+1, top-b+1)
	}
	c.PushCopy(2)
	c.PushCopy(top - a + 1)
	c.PushCopy(top - b + 1)
	c.CallTop(2, 1)
	less := c.Bool(c.Top())
	c.Pop(1)
	return less
}

func (s sorter) sort(l, u int) {
	c := s.c
	for l < u {
		// The first, middle and last element in order.
		s.get(l)
		s.get(u)
		if s.less(1, 2) {
			s.set2(l, u)
		} else {
			c.Pop(2)
		}
		if u-l == 1 {
			return
		}
		i := (l + u) / 2
		s.get(i)
		s.get(l)
		if s.less(2, 1) {
			s.set2(i, l)
		} else {
			c.Pop(1)
			s.get(u)
			if s.less(1, 2) {
				s.set2(i, u)
			} else {
				c.Pop(2)
			}
		}
		if u-l == 2 {
			return
		}
		s.get(i) // the pivot
		c.PushCopy(c.Top())
		s.get(u - 1)
		s.set2(i, u-1)
		i, j := l, u-1
		for {
			i++
			for s.get(i); s.less(1, 2); s.get(i) {
				if i > u {
					c.Error("invalid order function for sorting")
				}
				c.Pop(1)
				i++
			}
			j--
			for s.get(j); s.less(3, 1); s.get(j) {
				if j < l {
					c.Error("invalid order function for sorting")
				}
				c.Pop(1)
				j--
			}
			if j < i {
				c.Pop(3)
				break
			}
			s.set2(i, j)
		}
		s.get(u - 1)
		s.get(i)
		s.set2(u-1, i)
		// The smaller half by recursion, the larger in the loop.
		if i-l < u-i {
			s.sort(l, i-1)
			l = i + 1
		} else {
			s.sort(i+1, u)
			u = i - 1
		}
	}
}
