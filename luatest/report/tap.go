package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// TAP is the Test Anything Protocol, version 14: a line for each test, and a YAML block
// below one that has failed. Strings in it are written as in JSON, which is YAML. A file
// that can't be loaded is a test that has failed, a pending test one to do.
type TAP struct {
	w     writer
	again Again
	n     int
}

// NewTAP returns a reporter that writes to w.
func NewTAP(w io.Writer, again Again) *TAP { return &TAP{w: writer{w: w}, again: again} }

// Err is the first error of the writer.
func (t *TAP) Err() error { return t.w.err }

func (t *TAP) Begin([]string) { t.w.printf("TAP version 14\n") }

func (t *TAP) File(f *luatest.File) {
	if f.Failure != nil {
		t.point(false, f.Path+": loading it", "", "")
		t.yaml(f, nil, []luatest.Failure{*f.Failure}, f.Log)
	}
	for _, x := range f.Tests {
		directive, why := "", x.Why
		switch x.Status {
		case luatest.Pending:
			directive = "TODO"
		case luatest.Skipped:
			directive = "SKIP"
		}
		t.point(!x.Status.Bad() && x.Status != luatest.Pending, f.Path+": "+x.FullName(), directive, why)
		if x.Status.Bad() {
			t.yaml(f, x, x.Failures, x.Log)
		}
		if x.Explored != nil {
			t.w.printf("# explored: %s\n", explored(x.Explored))
		}
	}
}

func (t *TAP) End(s luatest.Summary) {
	t.w.printf("1..%d\n# %s; %s on the device\n", t.n, counts(s), device(int64(s.Virtual)))
}

func (t *TAP) point(ok bool, name, directive, why string) {
	t.n++
	status := "ok"
	if !ok {
		status = "not ok"
	}
	t.w.printf("%s %d - %s", status, t.n, tapName(name))
	if directive != "" {
		t.w.printf(" # %s", strings.TrimSpace(directive+" "+visible(why)))
	}
	t.w.printf("\n")
}

// tapName is a description: what begins a directive is escaped.
func tapName(s string) string {
	return strings.NewReplacer(`\`, `\\`, `#`, `\#`).Replace(visible(s))
}

// yaml is the diagnostic block.
func (t *TAP) yaml(f *luatest.File, x *luatest.Test, failures []luatest.Failure, log []string) {
	line := func(depth int, key, value string) {
		t.w.printf("%s\n", strings.TrimRight(strings.Repeat("  ", depth+1)+key+": "+value, " "))
	}
	t.w.printf("  ---\n")
	severity := "error"
	if x != nil {
		severity = map[luatest.Status]string{luatest.Failed: "fail", luatest.Broken: "error"}[x.Status]
	}
	line(0, "severity", severity)
	for i, why := range failures {
		why = placed(x, why)
		depth := 0
		if i == 1 {
			line(0, "further", "")
		}
		if i > 0 {
			t.w.printf("    - message: %s\n", quoted(why.Message))
			depth = 2
		} else {
			line(depth, "message", quoted(why.Message))
		}
		if why.File != "" {
			line(depth, "at", "")
			line(depth+1, "file", quoted(why.File))
			line(depth+1, "line", strconv.Itoa(why.Line))
		}
		if why.Source != "" {
			line(depth, "source", quoted(why.Source))
		}
		if why.Compared {
			line(depth, "wanted", quoted(why.Expected))
			line(depth, "found", quoted(why.Actual))
		}
		if why.Traceback != "" {
			line(depth, "traceback", quoted(why.Traceback))
		}
	}
	if x != nil && x.PostMortem != "" {
		line(0, "post_mortem", quoted(x.PostMortem))
	}
	if len(log) > 0 {
		line(0, "log", "")
		for _, l := range log {
			t.w.printf("    - %s\n", quoted(l))
		}
	}
	if x != nil && x.Faults != "" {
		line(0, "faults", quoted(x.Faults))
	}
	line(0, "seed", strconv.FormatUint(f.Seed, 10))
	if x != nil {
		line(0, "device_time_us", strconv.FormatInt(x.Virtual, 10))
	}
	if x != nil && x.PassesAlone {
		line(0, "passes_alone", "true")
	}
	if t.again != nil {
		line(0, "again", quoted(t.again(f, x)))
	}
	t.w.printf("  ...\n")
}

// quoted is a text as a string of JSON.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(page.Visible(s)); err != nil {
		panic(err) // a string can be written
	}
	return strings.TrimSuffix(b.String(), "\n")
}
