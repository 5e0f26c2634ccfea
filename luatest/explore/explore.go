// Package explore looks for faults around a test under which it fails: on the link, in the
// timing of timers and tasks, power that goes, little memory. What it finds it makes small
// before it tells of it.
//
// It owns what a case is (Case: a list of faults, which is a text, too), which cases are tried,
// and how one that fails is shrunk. It must not know devices or tests: it is given a
// function that runs one with a case and says what came of it. All of it follows from the seed
// and from what that function answers.
package explore

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
)

// Kind is a kind of faults.
type Kind string

// The kinds, in the order in which they are explained.
const (
	Link   Kind = "link"   // packets are late, lost, doubled
	Timers Kind = "timers" // the timers' handler is late
	Tasks  Kind = "tasks"  // packets and tasks wait, and what is due meanwhile goes before them
	Power  Kind = "power"  // it goes at a write to flash
	Heap   Kind = "heap"   // there is less of it
)

// Kinds are all kinds.
var Kinds = []Kind{Link, Timers, Tasks, Power, Heap}

// ParseKinds reads kinds, separated by commas. An error says what to write.
func ParseKinds(text string) ([]Kind, error) {
	var list []Kind
	for _, word := range strings.Split(text, ",") {
		k := Kind(strings.TrimSpace(word))
		if !slices.Contains(Kinds, k) {
			return nil, fmt.Errorf("%q is no kind of faults: write some of link, timers, tasks, power, heap, with commas between them", k)
		}
		list = append(list, k)
	}
	return list, nil
}

// Counts is how much there was of what faults can strike.
type Counts struct {
	Packets  int // on the device's link
	Handlers int // runs of the timers' handler
	Works    int // packets received and tasks of Lua
	Writes   int // to flash
	Heap     int // its size, in bytes
}

// Outcome is what came of a run.
type Outcome struct {
	Failed bool
	// Final says that it is not sure to come again: it was this computer that took too long.
	Final  bool
	Counts Counts
	// Site is where the run failed: where memory ran out, if it did.
	Site string
}

// Options says what to look for.
type Options struct {
	// Cases is how many cases of link, timers and tasks are tried, and of power as many again.
	Cases int
	Kinds []Kind
	Seed  uint64
	// LeastHeap is the smallest heap that is tried, in bytes.
	LeastHeap int
}

// Result is what was found.
type Result struct {
	// Cases were tried, one without any fault not among them, and Runs made in all.
	Cases, Runs int
	// Failed: it fails with Failing, which is empty if it does without any fault. Nothing was
	// tried then.
	Failed  bool
	Failing Case
	Needs   *Need // nil: not looked for, or the computer was too slow for it
}

// Need is the least heap that will do.
type Need struct {
	Bytes int
	Site  string // what fails with less
	// Least says that nothing does: Bytes is the smallest heap that is tried.
	Least bool
}

// maxRuns is how many runs shrinking may take.
const maxRuns = 250

// search is one under way.
type search struct {
	o   Options
	run func(Case) Outcome
	out Result
}

// Search tries cases.
func Search(o Options, run func(Case) Outcome) Result {
	s := &search{o: o, run: run}
	first := s.try(nil)
	if first.Failed {
		s.out.Failed = true
		return s.out
	}
	for c := range s.cases(first.Counts) {
		s.out.Cases++
		if x := s.try(c); x.Failed {
			s.out.Failed, s.out.Failing = true, c
			if !x.Final {
				s.out.Failing = s.shrink(c)
			}
			break
		}
	}
	if slices.Contains(o.Kinds, Heap) {
		s.out.Needs = s.need(first.Counts.Heap)
	}
	return s.out
}

func (s *search) try(c Case) Outcome {
	s.out.Runs++
	return s.run(c)
}

// longRepeat is how long a case's text can be, in bytes, to be looked for among those before:
// a longer one does not come twice.
const longRepeat = 40

// mostTorn is how much of a write is done at most when a search cuts in it: a page.
const mostTorn = 256

// cases makes those that are to be tried, each once: cuts of power first, right before writes, of
// which there may be fewer, and as many in them, as far as there are cases left; then of the other kinds, each for itself and all together in turn.
func (s *search) cases(n Counts) iter.Seq[Case] {
	makers := s.makers(n)
	turns := len(makers)
	if turns > 1 {
		turns++
	}
	return func(yield func(Case) bool) {
		if slices.Contains(s.o.Kinds, Power) {
			for _, at := range positions(s.random(0), s.o.Cases, n.Writes) {
				if !yield(Case{{Name: cut, At: at}}) {
					return
				}
			}
			random := s.random(0)
			for _, at := range positions(random, s.o.Cases-n.Writes, n.Writes) {
				if !yield(Case{{Name: cut, At: at, Bytes: 1 + random.IntN(mostTorn-1)}}) {
					return
				}
			}
		}
		tried := map[string]bool{"": true}
		for i := range s.o.Cases {
			random := s.random(uint64(i) + 1)
			var c Case
			for j, m := range makers {
				if turn := i % turns; turn == j || turn == len(makers) {
					c = append(c, m(random)...)
				}
			}
			text := c.String()
			if tried[text] {
				continue
			}
			if len(text) <= longRepeat {
				tried[text] = true
			}
			if !yield(c) {
				return
			}
		}
	}
}

// makers are for those kinds of faults that come at random.
func (s *search) makers(n Counts) (list []func(*rand.Rand) Case) {
	for _, k := range s.o.Kinds {
		if m := atRandom(k, n); m != nil {
			list = append(list, m)
		}
	}
	return list
}

func (s *search) random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(s.o.Seed, n)) }

// need looks for the least heap by halves, below that with which the test has passed.
func (s *search) need(high int) *Need {
	try := func(bytes int) Outcome { return s.try(Case{{Name: heap, At: bytes}}) }
	low := s.o.LeastHeap
	fails := try(low)
	switch {
	case fails.Final:
		return nil
	case !fails.Failed:
		return &Need{Bytes: low, Least: true}
	}
	for {
		middle := (low + (high-low)/2) &^ (heapStep - 1)
		if middle <= low {
			return &Need{Bytes: high, Site: fails.Site}
		}
		switch x := try(middle); {
		case x.Final:
			return nil
		case x.Failed:
			low, fails = middle, x
		default:
			high = middle
		}
	}
}

// heapStep is what the SDK's allocator counts in, in bytes (oracle: sdk-behaviour.md 1.1).
const heapStep = 8
