package luatest

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/explore"
)

// Explored is what a search for faults has found around a test.
type Explored struct {
	// Cases is how many were tried before one failed, and Runs how often the test ran for that,
	// for making the case small, and for the heap.
	Cases int `json:"cases"`
	Runs  int `json:"runs"`
	// Needs is the least size of the heap with which the test passes, in bytes, and Own how much
	// of it the test's own values take when its file is loaded; 0: it was not looked for.
	Needs int `json:"needs_heap,omitempty"`
	Own   int `json:"own_heap,omitempty"`
	// Site is what fails with less. AtMost says that it may need less: nothing smaller starts.
	Site   string `json:"needs_heap_site,omitempty"`
	AtMost bool   `json:"needs_heap_at_most,omitempty"`
	// Once says that the test does not pass twice on one flash: behind power cuts only the
	// boot was looked at.
	Once bool `json:"passes_once,omitempty"`
}

// exploreFile runs each test of a file alone, with the faults that were given or looking for
// some. Tests are explored side by side; what is told is in their order.
func exploreFile(o *Options, path string, seed uint64) *File {
	began := time.Now()
	lister := &file{o: o, list: true, out: &File{Path: path, Seed: seed}}
	out := lister.out
	if err := lister.run(); err != nil {
		out.Failure = lister.failureOf(err)
	}
	listed := out.Tests
	results := make([]result, len(listed))
	var first atomic.Int64 // of the tests that have failed
	first.Store(int64(len(listed)))
	var all sync.WaitGroup
	for i := range listed {
		all.Go(func() {
			o.slots <- struct{}{}
			defer func() { <-o.slots }()
			if o.FailFast && first.Load() < int64(i) {
				return
			}
			began := time.Now()
			x := &results[i]
			if *x = exploreTest(o, out, lister.order[i], listed[i]); x.Status.Bad() {
				for was := first.Load(); int64(i) < was; was = first.Load() {
					first.CompareAndSwap(was, int64(i))
				}
			}
			x.Wall = time.Since(began)
		})
	}
	all.Wait()
	for i, x := range results {
		if o.FailFast && first.Load() < int64(i) {
			listed[i].Why = "--fail-fast"
			continue
		}
		listed[i] = x.Test
		out.Boots += x.boots
		out.Virtual += x.virtual
	}
	out.Wall = time.Since(began)
	return out
}

// exploreTest looks for faults around a test, or runs it with those that were given.
func exploreTest(o *Options, out *File, index int, listed *Test) result {
	repeatable := sync.OnceValue(func() bool { return passesTwice(o, out, index, listed) })
	if o.Explore == 0 {
		return runAlone(o, out, index, listed, o.Faults, repeatable)
	}
	sum := runAlone(o, out, index, listed, nil, repeatable)
	if sum.Status != Passed {
		return sum
	}
	failing := map[string]*Test{}
	cut := false
	search := explore.Options{Cases: o.Explore, Kinds: o.Kinds, Seed: out.Seed, LeastHeap: boards.LeastHeap}
	s := explore.Search(search, func(c explore.Case) explore.Outcome {
		if len(c) == 0 {
			return sum.Outcome
		}
		x := runAlone(o, out, index, listed, c, repeatable)
		sum.boots += x.boots
		sum.virtual += x.virtual
		p := c.Points()
		if x.Failed && p.Heap == 0 {
			failing[c.String()] = x.Test
		}
		cut = cut || p.CutAt > 0
		return x.Outcome
	})
	if s.Failed {
		sum.Test = failing[s.Failing.String()]
	}
	e := &Explored{Cases: s.Cases, Runs: s.Runs}
	if s.Needs != nil {
		e.Needs, e.Own, e.Site, e.AtMost = s.Needs.Bytes, sum.own, s.Needs.Site, s.Needs.Least
	}
	e.Once = cut && !repeatable()
	sum.Test.Explored = e
	return sum
}

// placeOf is where a failure is, "" if that is not known.
func placeOf(w Failure) string {
	switch {
	case w.File == "":
		return ""
	case w.Line == 0:
		return w.File
	}
	return w.File + ":" + strconv.Itoa(w.Line)
}
