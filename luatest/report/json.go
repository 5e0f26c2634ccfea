package report

import (
	"encoding/json"
	"io"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// JSON writes a line for each thing that happens, as go test -json does. Each has a field
// "event":
//
//	begin  "files" lists those that are going to run
//	test   the fields of luatest.Test, with "full_name", "status", "seed", and of one that
//	       has failed "again", the command that repeats it; without samples and packets
//	file   "path", "app", "seed", "boots", "virtual_us", "wall_ns", "tests" (how many),
//	       and "failure" with "log" where it could not be loaded
//	end    "ok" and the numbers
//
// Times of this computer are the fields whose names begin with "wall".
type JSON struct {
	w     writer
	again Again
}

// NewJSON returns a reporter that writes to w.
func NewJSON(w io.Writer, again Again) *JSON { return &JSON{w: writer{w: w}, again: again} }

// Err is the first error of the writer.
func (j *JSON) Err() error { return j.w.err }

func (j *JSON) Begin(files []string) {
	j.line(struct {
		Event string   `json:"event"`
		Files []string `json:"files"`
	}{"begin", files})
}

func (j *JSON) File(f *luatest.File) {
	for _, x := range f.Tests {
		t := *x
		t.Heap, t.Packets, t.PacketsBefore = nil, nil, 0
		t.Log = visibles(t.Log)
		out := struct {
			Event    string `json:"event"`
			FullName string `json:"full_name"`
			Status   string `json:"status"`
			Seed     uint64 `json:"seed"`
			luatest.Test
			Again string `json:"again,omitempty"`
		}{Event: "test", FullName: x.FullName(), Status: x.Status.String(), Seed: f.Seed, Test: t}
		if x.Status.Bad() && j.again != nil {
			out.Again = j.again(f, x)
		}
		j.line(out)
	}
	out := struct {
		Event   string           `json:"event"`
		Path    string           `json:"path"`
		App     string           `json:"app"`
		Seed    uint64           `json:"seed"`
		Boots   int              `json:"boots"`
		Virtual int64            `json:"virtual_us"`
		Wall    time.Duration    `json:"wall_ns"`
		Tests   int              `json:"tests"`
		Failure *luatest.Failure `json:"failure,omitempty"`
		Log     []string         `json:"log,omitempty"`
		Again   string           `json:"again,omitempty"`
	}{"file", f.Path, f.App, f.Seed, f.Boots, f.Virtual, f.Wall, len(f.Tests), f.Failure, visibles(f.Log), ""}
	if f.Failure != nil && j.again != nil {
		out.Again = j.again(f, nil)
	}
	j.line(out)
}

func (j *JSON) End(s luatest.Summary) {
	j.line(struct {
		Event    string        `json:"event"`
		OK       bool          `json:"ok"`
		Files    int           `json:"files"`
		Passed   int           `json:"passed"`
		Failed   int           `json:"failed"`
		Broken   int           `json:"broken"`
		Pending  int           `json:"pending"`
		Skipped  int           `json:"skipped"`
		Unloaded int           `json:"unloaded"`
		Virtual  int64         `json:"virtual_us"`
		Wall     time.Duration `json:"wall_ns"`
	}{"end", s.OK(), s.Files, s.Passed, s.Failed, s.Broken, s.Pending, s.Skipped, s.Unloaded, int64(s.Virtual), s.Wall})
}

// line writes a value. Bytes that are no UTF-8 become U+FFFD.
func (j *JSON) line(v any) {
	if j.w.err != nil {
		return
	}
	e := json.NewEncoder(j.w.w)
	e.SetEscapeHTML(false)
	j.w.err = e.Encode(v)
}

// visibles are lines with their control characters visible.
func visibles(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, page.Visible(line))
	}
	return out
}
