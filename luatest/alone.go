package luatest

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/explore"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// A test alone, on a device that has just booted, with faults around it.
//
// Faults of the link, of timers and tasks strike while the test runs, with the functions
// around it, and are counted from there: that the device has come up is what it stands on.
// Writes to flash are counted from the device's first boot, and the heap is what it boots with.
//
// When power goes, the test is over, whatever it has been about. Power comes back: the device
// boots with what is on its flash, init.lua runs, and the time passes that a device has before
// its tests. It must not fail meanwhile. Then the test runs once more, on that flash, and must
// pass, if it is one that can be repeated: one that passes when its device, after a whole run, is
// switched off and on and the test runs again.

// alone is one test of a file and what strikes it.
type alone struct {
	explore.Points
	index   int    // of the test in the file
	text    string // the case
	quality wire.Quality
	flash   *flash.FS // of the device that ran last; at first nil: it is made of the app

	written int // writes to it before the device's first boot

	wasCut  bool
	hadInit bool // there was an init.lua at first

	counting bool
	counts   explore.Counts
	own      int    // bytes that the test's own values took when the file was loaded
	site     string // where memory ran out last
	slow     bool   // it was this computer that took too long
}

func newAlone(index int, c explore.Case) *alone {
	return &alone{Points: c.Points(), index: index, text: c.String(), quality: c.Quality()}
}

// prepare puts what strikes into the device's configuration.
func (a *alone) prepare(r *run, cfg *device.Config) {
	if a.flash != nil {
		cfg.Flash = a.flash
	}
	a.flash = cfg.Flash
	a.counts.Heap = cfg.Board.Heap.Size
	_, a.hadInit = a.flash.Peek("init.lua")
	a.written = a.flash.Writes()
	a.flash.CutAt(a.CutAt, a.CutBytes, func() {
		a.wasCut = true
		r.d.PowerCycle()
	})
	cfg.Busy = a.busy
}

// strike begins with the test.
func (a *alone) strike(r *run) {
	a.counting = true
	w := r.app.World.Wire
	if a.quality != (wire.Quality{}) {
		l := wire.NewLink(r.f.out.Seed)
		l.Match, l.Quality = wire.Match{Host: r.d.Name()}, a.quality
		w.AddRule(l)
	}
	match := wire.Match{Host: r.d.Name()}
	w.AddRule(wire.RuleFunc(func(p wire.Passage, fate *wire.Fate) {
		if a.counting && match.Matches(p) {
			a.packet(fate)
		}
	}))
}

// packet strikes one.
func (a *alone) packet(fate *wire.Fate) {
	a.counts.Packets++
	n := a.counts.Packets
	if a.Lost[n] {
		fate.Drop = "fault"
		return
	}
	fate.Late += a.Held[n]
	if a.Doubled[n] {
		fate.Copies = append(fate.Copies, 0)
	}
}

// busy is ets.Config.Busy.
func (a *alone) busy(before ets.Work) clock.Duration {
	switch {
	case !a.counting:
		return 0
	case before == ets.Handler:
		a.counts.Handlers++
		return a.Handlers[a.counts.Handlers]
	}
	a.counts.Works++
	return a.Works[a.counts.Works]
}

// ended notes what a boot has come to.
func (a *alone) ended(r *run) {
	a.counting = false
	a.counts.Writes = a.flash.Writes() - a.written
	if a.site = r.ranOut; ofLibrary(a.site) {
		a.site = "" // the test's line that called it says more
	}
	a.slow = a.slow || r.limit.over.Load()
}

// result is a test that has run alone.
type result struct {
	*Test
	explore.Outcome
	own     int
	boots   int
	virtual int64
}

// runAlone runs a test of a file with a case. listed is what is known of it. repeatable says
// whether it passes twice on the same flash, and is asked for if power goes.
func runAlone(o *Options, out *File, index int, listed *Test, c explore.Case, repeatable func() bool) result {
	f := &file{o: o, out: &File{Path: out.Path, Seed: out.Seed}, alone: newAlone(index, c)}
	f.attempt(listed)
	a := f.alone
	if a.wasCut {
		a.flash.Reset()
		f.afterCut(listed, repeatable())
	}
	t := f.out.Tests[0]
	x := result{Test: t, own: a.own, boots: f.out.Boots, virtual: f.out.Virtual}
	x.Outcome = explore.Outcome{Failed: t.Status.Bad(), Final: a.slow, Counts: a.counts, Site: a.site}
	if x.Site == "" && len(t.Failures) > 0 {
		x.Site = placeOf(t.Failures[0])
	}
	if x.Site == "" {
		x.Site = placeOf(Failure{File: t.File, Line: t.Line})
	}
	return x
}

// A file's tests share a device. lookAlone runs the first of those that failed alone, too:
// that one passes then says more than how it failed.
func (f *file) lookAlone() {
	const most, longest = 5, 2 * time.Second
	looked := 0
	for i, t := range f.out.Tests {
		if f.list || f.o.Update || len(f.out.Tests) < 2 || looked == most {
			return
		}
		if t.Status.Bad() && t.Wall < longest && i < len(f.order) {
			looked++
			g := &file{o: f.o, out: &File{Path: f.out.Path, Seed: f.out.Seed}, alone: newAlone(f.order[i], nil)}
			g.attempt(t)
			t.PassesAlone = g.out.Tests[0].Status == Passed
		}
	}
}

// attempt boots the device and runs the test. What keeps it from running is its failure.
func (f *file) attempt(listed *Test) {
	f.out.Tests, f.out.Failure, f.out.Log = nil, nil, nil
	f.next, f.order = 0, nil
	err := f.run()
	switch {
	case err != nil:
		f.broken(listed, *f.failureOf(err))
	case len(f.out.Tests) == 0:
		f.broken(listed, Failure{Message: "the file has no such test when it is loaded again"})
	}
}

// broken is a test that could not run.
func (f *file) broken(listed *Test, why Failure) {
	t := &Test{File: listed.File, Group: listed.Group, Name: listed.Name, Line: listed.Line, Status: Broken, Failures: []Failure{why}, Faults: f.alone.text, Log: f.out.Log}
	f.out.Tests = []*Test{t}
}

// afterCut boots the device on the flash that a power cut has left, and runs the test again if
// that can be.
func (f *file) afterCut(listed *Test, repeatable bool) {
	a := f.alone
	hadInit := a.hadInit
	a.wasCut, a.Points, a.quality = false, explore.Points{Heap: a.Heap}, wire.Quality{}
	if _, has := a.flash.Peek("init.lua"); hadInit && !has {
		f.broken(listed, Failure{Message: "after the power cut: the app does not start: init.lua is gone"})
		return
	}
	if repeatable {
		f.attempt(listed)
	} else if r, err := f.boot(); err != nil {
		f.broken(listed, *f.failureOf(err))
	} else {
		r.end()
		f.out.Tests = []*Test{{File: listed.File, Group: listed.Group, Name: listed.Name, Line: listed.Line, Faults: a.text}}
	}
	for _, t := range f.out.Tests {
		for i := range t.Failures {
			t.Failures[i].Message = "after the power cut: " + t.Failures[i].Message
		}
	}
}

// passesTwice reports whether a test passes on the flash that its own run has left.
func passesTwice(o *Options, out *File, index int, listed *Test) bool {
	f := &file{o: o, out: &File{Path: out.Path, Seed: out.Seed}, alone: newAlone(index, nil)}
	f.attempt(listed)
	if f.out.Tests[0].Status != Passed {
		return false
	}
	f.alone.flash.Reset()
	f.attempt(listed)
	return f.out.Tests[0].Status == Passed
}
