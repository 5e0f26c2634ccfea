package profile

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

func TestSplitSite(t *testing.T) {
	for _, tt := range []struct {
		site, file string
		line       int
	}{
		{"app.lua:12", "app.lua", 12},
		{"app.lua", "app.lua", 0},
		{"(firmware)", "(firmware)", 0},
		{`[string "a:b"]:3`, `[string "a:b"]`, 3},
		{"a:b", "a:b", 0},
		{":5", ":5", 0},
		{"", "", 0},
	} {
		if file, line := splitSite(tt.site); file != tt.file || line != tt.line {
			t.Errorf("%q: %q, %d", tt.site, file, line)
		}
	}
}

// What a snapshot has is grouped by stack, and what has none by kind and place.
func TestInUse(t *testing.T) {
	s := &snapshot.Snapshot{Objects: []snapshot.Object{
		{Kind: snapshot.Root},
		{ID: 1, Kind: "pcb", Bytes: 100, Site: "a.lua:3"},
		{ID: 2, Kind: "pcb", Bytes: 50, Site: "a.lua:3"},
		{ID: 3, Kind: "pcb", Bytes: 7},
		{ID: 4, Kind: "pcb", Site: "a.lua:9"}, // in memory of the system's
		{ID: 5, Kind: "table", Bytes: 20, Site: "\x1b[2Jx:1"},
	}}
	var b bytes.Buffer
	if err := WriteHeap(&b, &vm.Recorder{Allocations: true}, s, 5); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		fn, file string
		line     int64
		bytes    int64
		count    int64
	}
	want := []line{{"pcb", "a.lua", 3, 150, 2}, {"pcb", "", 0, 7, 1}, {"table", "?[2Jx", 1, 20, 1}}
	if len(p.Sample) != len(want) {
		t.Fatalf("%d samples", len(p.Sample))
	}
	for i, smp := range p.Sample {
		l := smp.Location[0].Line[0]
		if got := (line{l.Function.Name, l.Function.Filename, l.Line, smp.Value[0], smp.Value[1]}); got != want[i] {
			t.Errorf("%+v, want %+v", got, want[i])
		}
		if outer := smp.Location[1].Line[0].Function.Name; outer != vm.OutsideLua {
			t.Errorf("outermost %q", outer)
		}
	}
}

func TestNothingRecorded(t *testing.T) {
	for _, err := range []error{
		WriteHeap(&bytes.Buffer{}, nil, nil, 0),
		WriteHeap(&bytes.Buffer{}, &vm.Recorder{CPU: true}, nil, 0),
		WriteCPU(&bytes.Buffer{}, &vm.Recorder{Allocations: true}, 0),
	} {
		if !errors.Is(err, ErrNotRecorded) {
			t.Errorf("error %v", err)
		}
	}
}
