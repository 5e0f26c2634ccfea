// Package profile writes what a recorder has seen in the format of pprof, so that
// go tool pprof shows it: heap profiles with the sample types inuse_space,
// inuse_objects, alloc_space and alloc_objects, and profiles of virtual CPU time.
//
// Functions have the names people know: "handle app.lua:12" for one of the
// program (pprof takes angle brackets for templates of C++ and drops them),
// "string.rep" for one of the firmware. The outermost frame is what Lua was called
// for ("tmr callback"). Memory that Lua did not ask for, or of which nobody knows
// who did, is below "outside Lua" by kind, with the line of the program that made
// what it belongs to.
package profile

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// builder shares functions and locations between samples.
type builder struct {
	p     *profile.Profile
	funcs map[vm.Frame]*profile.Function
	locs  map[vm.Frame]*profile.Location
}

func newBuilder(micros int64, types ...[2]string) *builder {
	b := &builder{
		p:     &profile.Profile{TimeNanos: 0, DurationNanos: micros * 1000},
		funcs: map[vm.Frame]*profile.Function{},
		locs:  map[vm.Frame]*profile.Location{},
	}
	for _, t := range types {
		b.p.SampleType = append(b.p.SampleType, &profile.ValueType{Type: t[0], Unit: t[1]})
	}
	return b
}

var noBrackets = strings.NewReplacer("<", "", ">", "")

// printable keeps a program from writing to the terminal with the name of a chunk.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// location is the place that a frame is at.
func (b *builder) location(f vm.Frame) *profile.Location {
	if l := b.locs[f]; l != nil {
		return l
	}
	key := vm.Frame{Func: f.Func, File: f.File, Defined: f.Defined}
	fn := b.funcs[key]
	if fn == nil {
		name := printable(noBrackets.Replace(f.Func))
		fn = &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: name, SystemName: name, Filename: printable(f.File), StartLine: int64(f.Defined)}
		b.funcs[key] = fn
		b.p.Function = append(b.p.Function, fn)
	}
	l := &profile.Location{ID: uint64(len(b.p.Location) + 1), Line: []profile.Line{{Function: fn, Line: int64(f.Line)}}}
	b.locs[f] = l
	b.p.Location = append(b.p.Location, l)
	return l
}

func (b *builder) add(stack []vm.Frame, values ...int64) {
	s := &profile.Sample{Value: values}
	for _, f := range stack {
		s.Location = append(s.Location, b.location(f))
	}
	b.p.Sample = append(b.p.Sample, s)
}

// write checks and compresses the profile.
func (b *builder) write(w io.Writer) error {
	if err := b.p.CheckValid(); err != nil {
		return err
	}
	return b.p.Write(w)
}

// ErrNotRecorded is returned when nothing was recorded.
var ErrNotRecorded = errors.New("nothing was recorded: ask for it before the device boots")

// WriteHeap writes the allocations that r has recorded and what of them is in s,
// which may be nil: then nothing is in use. micros is the length of the run in
// device time. Bytes are bytes of the heap, block headers included.
func WriteHeap(w io.Writer, r *vm.Recorder, s *snapshot.Snapshot, micros int64) error {
	if r == nil || !r.Allocations {
		return ErrNotRecorded
	}
	b := newBuilder(micros, [2]string{"inuse_space", "bytes"}, [2]string{"inuse_objects", "count"},
		[2]string{"alloc_space", "bytes"}, [2]string{"alloc_objects", "count"})
	b.p.DefaultSampleType = "inuse_space"
	b.p.PeriodType, b.p.Period = &profile.ValueType{Type: "space", Unit: "bytes"}, 1
	r.Stacks(func(stack []vm.Frame, c vm.Cost) {
		if c.Objects > 0 {
			b.add(stack, 0, 0, c.Bytes, c.Objects)
		}
	})
	if s != nil {
		b.inUse(r, s)
	}
	return b.write(w)
}

// inUse adds what is alive, by stack or, where there is none, by kind.
func (b *builder) inUse(r *vm.Recorder, s *snapshot.Snapshot) {
	type group struct {
		stack []vm.Frame
		bytes int64
		count int64
	}
	index := map[int32]int{}
	outside := map[vm.Frame]int{}
	var groups []group
	for i := range s.Objects {
		o := &s.Objects[i]
		if o.Kind == snapshot.Root || o.Bytes == 0 {
			continue
		}
		n, ok := -1, false
		if o.StackID > 0 {
			if n, ok = index[o.StackID]; !ok {
				n = len(groups)
				index[o.StackID] = n
				groups = append(groups, group{stack: r.Stack(o.StackID)})
			}
		} else {
			f := vm.Frame{Func: o.Kind}
			f.File, f.Line = splitSite(o.Site)
			if n, ok = outside[f]; !ok {
				n = len(groups)
				outside[f] = n
				groups = append(groups, group{stack: []vm.Frame{f, {Func: vm.OutsideLua}}})
			}
		}
		groups[n].bytes += int64(o.Bytes)
		groups[n].count++
	}
	for _, g := range groups {
		b.add(g.stack, g.bytes, g.count, 0, 0)
	}
}

// splitSite takes "app.lua:12" apart.
func splitSite(site string) (file string, line int) {
	if i := strings.LastIndexByte(site, ':'); i > 0 {
		if n, err := strconv.Atoi(site[i+1:]); err == nil {
			return site[:i], n
		}
	}
	return site, 0
}

// WriteCPU writes the CPU time that r has recorded: all of it, nothing is sampled.
func WriteCPU(w io.Writer, r *vm.Recorder, micros int64) error {
	if r == nil || !r.CPU {
		return ErrNotRecorded
	}
	b := newBuilder(micros, [2]string{"instructions", "count"}, [2]string{"cpu", "nanoseconds"})
	b.p.DefaultSampleType = "cpu"
	b.p.PeriodType, b.p.Period = &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, 1
	r.Stacks(func(stack []vm.Frame, c vm.Cost) {
		if c.Instructions > 0 || c.Nanos > 0 {
			b.add(stack, c.Instructions, c.Nanos)
		}
	})
	return b.write(w)
}
