package report

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page/pagetest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// repeated are the results in two repetitions, in the order of a run.
func repeated() []*luatest.File {
	var all []*luatest.File
	for seed := range uint64(2) {
		files := results()
		slices.SortFunc(files, func(a, b *luatest.File) int { return strings.Compare(a.Path, b.Path) })
		for _, f := range files {
			f.Seed = 9 + seed // as numbers, not as texts
			all = append(all, f)
		}
	}
	return all
}

// reported has a reporter tell of files.
func reported(t *testing.T, r reporter, b *bytes.Buffer, files []*luatest.File) []byte {
	t.Helper()
	var s luatest.Summary
	r.Begin(nil)
	for _, f := range files {
		s.Add(f)
		s.Wall += f.Wall
		r.File(f)
	}
	r.End(s)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shards are the reports of parts, each with every n-th file.
func shards(t *testing.T, n int, make func(*bytes.Buffer, Shard) reporter) [][]byte {
	t.Helper()
	var all [][]byte
	for i := range n {
		var files []*luatest.File
		for k, f := range repeated() {
			if k%3%n == i { // a file in each repetition
				files = append(files, f)
			}
		}
		var b bytes.Buffer
		all = append(all, reported(t, make(&b, Shard{Index: i + 1, Of: n, Split: "abcd"}), &b, files))
	}
	return all
}

// The reports of shards make the report of one run, in whatever order they come.
func TestMergeIsOneRun(t *testing.T) {
	for n := 1; n <= 5; n++ {
		mergesToOneRun(t, n, func(b *bytes.Buffer, s Shard) reporter {
			j := NewJUnit(b, again)
			j.Shard = s
			return j
		}, ReadJUnit, func(r *JUnitReport) Shard { return r.Shard }, MergeJUnit)
		mergesToOneRun(t, n, func(b *bytes.Buffer, s Shard) reporter {
			h := NewHTML(b, again)
			h.Shard = s
			return h
		}, ReadHTML, func(r *Results) Shard { return r.Shard }, MergeHTML)
	}
}

// mergesToOneRun looks at reports of one kind.
func mergesToOneRun[R any](t *testing.T, n int, make func(*bytes.Buffer, Shard) reporter, read func([]byte) (R, error), shard func(R) Shard, merge func(io.Writer, []R) error) {
	t.Helper()
	var whole bytes.Buffer
	want := reported(t, make(&whole, Shard{}), &whole, repeated())
	var in []R
	for _, text := range shards(t, n, make) {
		r, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		in = append([]R{r}, in...)
	}
	if got := shard(in[0]); got != (Shard{n, n, "abcd"}) {
		t.Errorf("%T: the last is %+v", in, got)
	}
	var got bytes.Buffer
	if err := merge(&got, in); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%T: %d shards are\n%s\nand one run\n%s", in, n, got.Bytes(), want)
	}
}

// What a page is made of is on it: nothing of a result is lost between two pages.
func TestResultsOnAPage(t *testing.T) {
	var b bytes.Buffer
	r, err := ReadHTML(reported(t, NewHTML(&b, again), &b, results()))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range results() {
		f = readable(f)
		got := r.Files[i]
		if !reflect.DeepEqual(got, f) {
			t.Errorf("%s is\n%+v, was\n%+v", f.Path, got, f)
		}
	}
	if x := r.Files[0].Tests[1]; r.Again(r.Files[0], x) != "again adder compares" || r.Again(r.Files[1], nil) != "again app/two.test.lua" {
		t.Errorf("again: %q, %q", r.Again(r.Files[0], x), r.Again(r.Files[1], nil))
	}
}

// A value of every kind is copied, whatever is added to results.
func TestReadableCopiesAll(t *testing.T) {
	f := &luatest.File{Path: "a\xffb", Failure: &luatest.Failure{Message: "\xff\xfe"}, Log: []string{"x", "\xc3"}, Tests: []*luatest.Test{{
		Group: []string{"\xff"}, Status: luatest.Broken, Packets: []luatest.Packet{{From: netip.MustParseAddrPort("192.168.1.2:3"), Lost: "\xff"}},
	}}}
	want := &luatest.File{Path: `a\xFFb`, Failure: &luatest.Failure{Message: `\xFF\xFE`}, Log: []string{"x", `\xC3`}, Tests: []*luatest.Test{{
		Group: []string{`\xFF`}, Status: luatest.Broken, Packets: []luatest.Packet{{From: netip.MustParseAddrPort("192.168.1.2:3"), Lost: `\xFF`}},
	}}}
	if got := readable(f); !reflect.DeepEqual(got, want) || f.Path != "a\xffb" || f.Tests[0].Packets[0].Lost != "\xff" {
		t.Errorf("it is %+v", got)
	}
}

// A page that was joined is a page as any: nothing that a device prints gets out of the
// results or into the browser.
func TestMergedPageInABrowser(t *testing.T) {
	var in []*Results
	for _, text := range shards(t, 2, func(b *bytes.Buffer, s Shard) reporter {
		h := NewHTML(b, again)
		h.Shard = s
		return h
	}) {
		r, err := ReadHTML(text)
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, r)
	}
	var b bytes.Buffer
	if err := MergeHTML(&b, in); err != nil {
		t.Fatal(err)
	}
	p := pagetest.Open(t, b.Bytes(), false)
	if text := p.Text(); !strings.Contains(text, "2 passed, 4 failed, 2 broken, 2 pending, 2 skipped, 4 files not loaded in 6 files") || strings.Contains(text, "wall_ns") {
		t.Errorf("the page says %.2000s", text)
	}
	if n := p.Eval(`JSON.parse(document.getElementById("results").textContent).files.length + " " + document.scripts.length`); n != "6 2" {
		t.Errorf("files of the results, and scripts: %s", n)
	}
}

func TestMissing(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	of := func(text string) (all []Shard) {
		for _, x := range strings.Fields(text) {
			var s Shard
			if x != "-" {
				if _, err := fmt.Sscanf(x, "%d/%d/%s", &s.Index, &s.Of, &s.Split); err != nil {
					t.Fatal(err)
				}
			}
			all = append(all, s)
		}
		return all
	}
	for _, tt := range []struct{ shards, want string }{
		{"", "[]"},
		{"- - -", "[]"},
		{"1/1/f", "[]"},
		{"2/3/f 1/3/f 3/3/f", "[]"},
		{"2/3/f 1/3/f", "[3/3]"},
		{"2/5/f", "[1/5 3/5 4/5 5/5]"},
		{"1/2/f 1/2/f", "a and b are both of shard 1/2"},
		{"1/2/f 2/2/e", "a (shard 1/2) and b (shard 2/2) are not of one run, or were not split alike"},
		{"1/2/f 2/3/f", "a (shard 1/2) and b (shard 2/3) are not of one run"},
		{"1/2/f 2/2/f -", "c is of a whole run, a of shard 1/2"},
		{"- - 1/2/f", "a is of a whole run, c of shard 1/2"},
	} {
		shards := of(tt.shards)
		missing, err := Missing(names[:len(shards)], shards)
		got := fmt.Sprint(missing)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q: %s, want %s", tt.shards, got, tt.want)
		}
	}
	if missing, err := Missing(names[:1], of("1/2147483647/f")); err != nil || len(missing) > maxMissing+1 {
		t.Errorf("%d are missing, %v", len(missing), err)
	}
}

func TestKindOf(t *testing.T) {
	var junit, page bytes.Buffer
	reported(t, NewJUnit(&junit, nil), &junit, results())
	reported(t, NewHTML(&page, nil), &page, results())
	for text, want := range map[string]Kind{
		junit.String(): JUnitFile, "\ufeff" + junit.String(): JUnitFile, "<testsuites/>": JUnitFile, `<!DOCTYPE a [<!ENTITY b "c">]><testsuites>`: JUnitFile, "<!-- by hand --> <testsuites>": JUnitFile,
		page.String(): HTMLFile, "<!DOCTYPE html>\n<p>another": OtherPage, "<HTML>": OtherPage,
		"TN:\nSF:a.lua\n": LCOVFile, "\nSF:a.lua\n": LCOVFile,
		"": Unknown, "<": Unknown, "<svg></svg>": Unknown, "print(1)": Unknown, "\x00\xff": Unknown, "{}": Unknown, "TN": Unknown,
	} {
		if got := KindOf([]byte(text)); got != want {
			t.Errorf("%.60q is %v, want %v", text, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	read := func(suites string) string {
		r, err := ReadJUnit([]byte(`<testsuites name="nodemcu-sim test">` + suites + `</testsuites>`))
		if err != nil {
			return err.Error()
		}
		times, err := r.Durations()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(times)
	}
	for suites, want := range map[string]string{
		"": "map[]",
		`<testsuite file="a" time="1.5"/><testsuite file="b" time="0.004"/>`:                             "map[a:1.5s b:4ms]",
		`<testsuite file="a" time="1"/><testsuite file="a" time="2"/><testsuite file="b" time="0.004"/>`: "map[a:1.5s b:4ms]",
		`<testsuite file="a"/>`:                       "no number of seconds",
		`<testsuite file="a" time="-1"/>`:             "no number of seconds",
		`<testsuite file="a" time="NaN"/>`:            "no number of seconds",
		`<testsuite file="a" time="1e300"/>`:          "no number of seconds",
		`<testsuite file="a" time="1" tests="many"/>`: "invalid syntax",
	} {
		if got := read(suites); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", suites, got, want)
		}
	}
}

func TestHostileReports(t *testing.T) {
	results := func(data string) string { return "<!DOCTYPE html>" + dataBegins + data + dataEnds }
	for text, want := range map[string]string{
		"": "there is no report in it", "<testsuites": "unexpected EOF", `<testsuites name="nodemcu-sim test">`: "unexpected EOF", `<testsuites name="x"/>`: `its name is "x"`,
		`<a/>`: "expected element type <testsuites>",
		`<!DOCTYPE x [<!ENTITY a "b">]><testsuites name="nodemcu-sim test"/>`:                "has a document type",
		`<testsuites name="nodemcu-sim test&a;"/>`:                                           "invalid character entity &a;",
		`<testsuites name="nodemcu-sim test"/><a/>`:                                          "<a> stands behind the report",
		`<?nodemcu-sim shard="0/4" split="ab"?><testsuites name="nodemcu-sim test"/>`:        "there is no shard 0/4",
		`<?nodemcu-sim shard="5/4" split="ab"?><testsuites name="nodemcu-sim test"/>`:        "there is no shard 5/4",
		`<?nodemcu-sim shard="1/4" split="&#10;"?><testsuites name="nodemcu-sim test"/>`:     "there is no shard 1/4",
		`<?nodemcu-sim whatever?><testsuites name="nodemcu-sim test"/>`:                      "does not say of which shard",
		"<?xml version=\"1.0\" encoding=\"UTF-16\"?><testsuites name=\"nodemcu-sim test\"/>": "encoding",
		"<testsuites name=\"nodemcu-sim test\">\x00</testsuites>":                            "illegal character code",
		strings.Repeat("<a>", maxTags+1):                                                     "more than 500000 tags",
		strings.Repeat(" ", maxData+1):                                                       "more than 64 MB",
	} {
		if _, err := ReadJUnit([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"": "none of nodemcu-sim test --html", "<!DOCTYPE html>": "none of nodemcu-sim test --html", "<!DOCTYPE html>" + dataBegins + "{": "ends within its results",
		results(""): "unexpected end", results("{}"): "version 0", results(`{"version":2}`): "version 2, and this program knows 1", results("[]"): "can't be read", results(`{"version":1}}`): "can't be read",
		results(`{"version":1,"files":[null]}`):                                                            "a file without fields",
		results(`{"version":1,"files":[{"again":"x","tests":[]}]}`):                                        "a file without fields",
		results(`{"version":1,"files":[{"path":"a","tests":[{"status":"passed"}]}]}`):                      "a test without fields",
		results(`{"version":1,"files":[{"path":"a","tests":[{"name":"x","status":"well"}]}]}`):             `"well" is no status`,
		results(`{"version":1,"files":[{"path":"a","tests":[{"name":"x","packets":[{"from":"here"}]}]}]}`): "can't be read",
		results(`{"version":1,"shard":{"index":3,"of":2,"split":"ab"}}`):                                   "there is no shard 3/2",
		results(`{"version":1,"files":` + strings.Repeat("[", 100_000) + "}"):                              "can't be read",
		results(`{"version":1,"files":[` + strings.Repeat("{},", maxObjects)):                              "more than 1000000 objects",
		results(strings.Repeat(",", maxValues+1)):                                                          "more than 5000000 values",
		results(strings.Repeat(" ", maxData+1)):                                                            "more than 64 MB",
	} {
		if _, err := ReadHTML([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100q: %v, want %s", text, err, want)
		}
	}
}

// A report that is made to take memory takes some of it, however it is made.
func TestHostileReportsTakeLittleMemory(t *testing.T) {
	const most = 1 << 30 // allocated, of which less is held at a time
	fill := func(head, one, tail string, n int) []byte {
		return []byte(head + strings.Repeat(one, min(n, (maxData-len(head)-len(tail))/len(one))) + tail)
	}
	page := dataBegins + `{"version":1,"files":[{"path":"a","tests":[{"name":"x",`
	for name, read := range map[string]func() error{
		"cases": func() error {
			_, err := ReadJUnit(fill(`<testsuites name="nodemcu-sim test"><testsuite>`, "<testcase/>", `</testsuite></testsuites>`, maxTags-5))
			return err
		},
		"failures": func() error {
			_, err := ReadHTML(fill(page+`"failures":[`, "{},", `{}]}]}]}`+dataEnds, maxObjects-6))
			return err
		},
		"tests": func() error {
			_, err := ReadHTML(fill(dataBegins+`{"version":1,"files":[{"path":"a","tests":[`, `{"line":1},`, `{"line":1}]}]}`+dataEnds, maxObjects-6))
			return err
		},
		"lines": func() error {
			_, err := ReadHTML(fill(page+`"log":[`, `"",`, `""]}]}]}`+dataEnds, maxValues-6))
			return err
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: %d MB were allocated", name, n>>20)
		} else {
			t.Logf("%s: %d MB allocated", name, n>>20)
		}
	}
}

// Whatever a report has, reading it ends, and what could be read can be joined and read
// again.
func FuzzMerge(f *testing.F) {
	small := results()[:1] // long inputs take the fuzzer long
	small[0].Tests = []*luatest.Test{{Name: "a", Status: luatest.Failed, Failures: []luatest.Failure{{Message: "b", Line: 1}}, Log: []string{"c"}, Heap: []luatest.Sample{{Free: 9}}, Packets: []luatest.Packet{{Proto: "udp"}}}}
	for _, s := range []Shard{{}, {1, 2, "ab"}} {
		var junit, page bytes.Buffer
		j, h := NewJUnit(&junit, again), NewHTML(&page, again)
		j.Shard, h.Shard = s, s
		for _, r := range []reporter{j, h} {
			r.Begin(nil)
			for _, x := range small {
				r.File(x)
			}
			r.End(luatest.Summary{Wall: time.Second})
		}
		f.Add(junit.Bytes())
		f.Add(regexp.MustCompile(`(?s)^.*(`+dataBegins+`.*`+dataEnds+`).*$`).ReplaceAll(page.Bytes(), []byte("<!doctype html>$1")))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var out bytes.Buffer
		switch KindOf(text) {
		case JUnitFile:
			r, err := ReadJUnit(text)
			if err != nil || MergeJUnit(&out, []*JUnitReport{r}) != nil {
				return
			}
			if _, err := ReadJUnit(out.Bytes()); err != nil {
				t.Errorf("%v in %q", err, out.Bytes())
			}
			_, _ = r.Durations()
		case HTMLFile:
			r, err := ReadHTML(text)
			if err != nil {
				return
			}
			if err := MergeHTML(&out, []*Results{r}); err != nil {
				t.Fatal(err)
			}
			if again, err := ReadHTML(out.Bytes()); err != nil || len(again.Files) != len(r.Files) {
				t.Errorf("%v in %q", err, out.Bytes())
			}
		}
	})
}
