package explore

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Shrinking: a case that fails is made of fewer faults (delta debugging; A. Zeller,
// R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002), of shorter ones,
// and of ones that strike earlier, as long as it fails. Then once more, until nothing
// gets smaller.

// shrink returns the smallest case that was found to fail.
func (s *search) shrink(c Case) Case {
	end := s.out.Runs + maxRuns
	known := map[string]bool{"": false, c.String(): true}
	fails := func(c Case) bool {
		text := c.String()
		failed, ok := known[text]
		if ok || s.out.Runs >= end {
			return failed
		}
		x := s.try(c)
		if x.Final {
			end = 0
		}
		known[text] = x.Failed && !x.Final
		return known[text]
	}
	for {
		before := c.String()
		c = fewer(c, fails)
		c = shorter(c, fails)
		c = earlier(c, fails)
		if c.String() == before {
			return c
		}
	}
}

// fewer takes away as many faults as it can: it keeps one half of the case, or a quarter, or
// leaves one quarter out, and so on.
func fewer(c Case, fails func(Case) bool) Case {
	for parts := 2; len(c) > 1; {
		parts = min(parts, len(c))
		smaller := less(c, parts, fails)
		switch {
		case smaller == nil && parts == len(c):
			return c
		case smaller == nil:
			parts *= 2
		case len(smaller) <= (len(c)+parts-1)/parts: // a part of it
			c, parts = smaller, 2
		default:
			c, parts = smaller, max(parts-1, 2)
		}
	}
	return c
}

// less is the first of the parts of a case that fails, or what one of them leaves; nil: none
// does.
func less(c Case, parts int, fails func(Case) bool) Case {
	at := func(i int) int { return i * len(c) / parts }
	for i := range parts {
		if part := slices.Clone(c[at(i):at(i+1)]); fails(part) {
			return part
		}
	}
	for i := range parts {
		if rest := slices.Concat(c[:at(i)], c[at(i+1):]); fails(rest) {
			return rest
		}
	}
	return nil
}

// shorter makes each fault last as short as it can.
func shorter(c Case, fails func(Case) bool) Case {
	for i, f := range c {
		if f.Bytes > 0 {
			if whole := c.with(i, Fault{Name: f.Name, At: f.At}); fails(whole) {
				c = whole
			}
			continue
		}
		unit := linkUnit
		if f.Name == timer || f.Name == task {
			unit = busyUnit
		}
		if f.By <= unit || f.By%unit != 0 {
			continue
		}
		least := lower(int(f.By/unit), func(n int) bool {
			return fails(c.with(i, Fault{Name: f.Name, At: f.At, By: clock.Duration(n) * unit}))
		})
		f.By = clock.Duration(least) * unit
		c = c.with(i, f)
	}
	return c
}

// earlier has each fault strike as early as it can.
func earlier(c Case, fails func(Case) bool) Case {
	for i, f := range c {
		if f.At == 0 || f.Name == heap {
			continue
		}
		f.At = lower(f.At, func(n int) bool {
			return !c.has(f.Name, n) && fails(c.with(i, Fault{Name: f.Name, At: n, Bytes: f.Bytes, By: f.By}))
		})
		c = c.with(i, f)
	}
	return c
}

// lower makes a number that will do as small as it can, from 1, by steps that get smaller.
func lower(n int, will func(int) bool) int {
	for step := n / 2; step > 0; step /= 2 {
		for n-step >= 1 && will(n-step) {
			n -= step
		}
	}
	return n
}

// with is the case with another fault in place of its i-th.
func (c Case) with(i int, f Fault) Case {
	c = slices.Clone(c)
	c[i] = f
	return c
}
