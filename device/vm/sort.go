package vm

import "slices"

// SortPlain sorts the first n elements of t as table.sort does step by step (see
// lualib, sort.go), if they are all numbers or all strings: comparing these calls
// nothing and makes nothing, so that they need not be on the stack meanwhile. It
// reports false, having done nothing, for other elements.
func (c *Call) SortPlain(t *Table, n int) bool {
	if t.rom != nil || n > len(t.array) || n == 0 {
		return n == 0
	}
	a := t.array[:n]
	numbers := a[0].isNumber()
	for i := range a {
		if numbers && !a[i].isNumber() || !numbers && !a[i].isString() {
			return false
		}
	}
	if numbers && slices.ContainsFunc(a, func(x value) bool { f := x.num(); return f != f }) {
		return false // its order makes sense to nobody, and may be an error
	}
	s := plainSorter{c.VM, a, numbers}
	s.sort(1, n)
	return true
}

type plainSorter struct {
	v       *VM
	a       []value
	numbers bool
}

func (s *plainSorter) less(x, y value) bool {
	s.v.ChargeSteps(1)
	if s.numbers {
		return x.num() < y.num()
	}
	return x.str().s < y.str().s
}

func (s *plainSorter) swap(i, j int) { s.a[i-1], s.a[j-1] = s.a[j-1], s.a[i-1] }

func (s *plainSorter) sort(l, u int) {
	for l < u {
		if s.less(s.a[u-1], s.a[l-1]) {
			s.swap(l, u)
		}
		if u-l == 1 {
			return
		}
		i := (l + u) / 2
		if s.less(s.a[i-1], s.a[l-1]) {
			s.swap(i, l)
		} else if s.less(s.a[u-1], s.a[i-1]) {
			s.swap(i, u)
		}
		if u-l == 2 {
			return
		}
		pivot := s.a[i-1]
		s.swap(i, u-1)
		i, j := l, u-1
		for {
			for i++; s.less(s.a[i-1], pivot); i++ {
			}
			for j--; s.less(pivot, s.a[j-1]); j-- {
			}
			if j < i {
				break
			}
			s.swap(i, j)
		}
		s.swap(u-1, i)
		if i-l < u-i {
			s.sort(l, i-1)
			l = i + 1
		} else {
			s.sort(i+1, u)
			u = i - 1
		}
	}
}
