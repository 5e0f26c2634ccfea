package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// table.sort is the firmware's quicksort step by step (fw: app/lua/ltablib.c,
// auxsort), since the order of the comparisons shows: to the function that
// compares, and in how equal elements end up.

type sorter struct {
	c  *vm.Call
	t  *vm.Table
	fn *vm.Function
}

func tabSort(c *vm.Call) int {
	t := c.Table(1)
	n := c.VM.Len(t)
	c.CheckStack(40)
	s := sorter{c: c, t: t, fn: c.OptFunction(2)}
	s.sort(1, n)
	return 0
}

func (s sorter) get(i int) vm.Value { return s.c.VM.RawGetInt(s.t, i) }

func (s sorter) set(i int, x vm.Value) { setRaw(s.c, s.t, vm.Number(i), x) }

// swap stores a and b, which were read from i and j, the other way round.
func (s sorter) swap(i, j int, a, b vm.Value) {
	s.set(i, b)
	s.set(j, a)
}

func (s sorter) less(a, b vm.Value) bool {
	s.c.VM.ChargeSteps(1)
	if s.fn != nil {
		x := s.c.Invoke(s.fn, 1, a, b)[0]
		return x != vm.Nil && x != vm.False
	}
	return s.c.LessThan(a, b)
}

func (s sorter) sort(l, u int) {
	for l < u {
		// The first, middle and last element in order.
		a, b := s.get(l), s.get(u)
		if s.less(b, a) {
			s.swap(l, u, a, b)
		}
		if u-l == 1 {
			return
		}
		i := (l + u) / 2
		a, b = s.get(i), s.get(l)
		if s.less(a, b) {
			s.swap(i, l, a, b)
		} else if b = s.get(u); s.less(b, a) {
			s.swap(i, u, a, b)
		}
		if u-l == 2 {
			return
		}
		pivot := s.get(i)
		b = s.get(u - 1)
		s.swap(i, u-1, pivot, b)
		i, j := l, u-1
		for {
			i++
			for a = s.get(i); s.less(a, pivot); a = s.get(i) {
				if i > u {
					s.c.Error("invalid order function for sorting")
				}
				i++
			}
			j--
			for b = s.get(j); s.less(pivot, b); b = s.get(j) {
				if j < l {
					s.c.Error("invalid order function for sorting")
				}
				j--
			}
			if j < i {
				break
			}
			s.swap(i, j, a, b)
		}
		a, b = s.get(u-1), s.get(i)
		s.swap(u-1, i, a, b)
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
