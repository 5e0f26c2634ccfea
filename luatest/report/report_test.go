package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page/pagetest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// hostile is what a device may print.
const hostile = "<script>alert(1)</script> ]]> \x00\x1b[31m\xff\ufffe # %0A ::error:: ##[add-path]x"

// results are those of a run in which everything has happened.
func results() []*luatest.File {
	one := &luatest.File{Path: "app/one_test.lua", App: "app", Seed: 7, Wall: 12 * time.Millisecond, Virtual: 11_303_265, Boots: 2}
	one.Tests = []*luatest.Test{
		{File: one.Path, Group: []string{"adder"}, Name: "adds", Line: 3, Asserts: 2, Virtual: 1500, Wall: 30 * time.Microsecond, LeastHeap: 40000, Heap: []luatest.Sample{{At: 0, Free: 41000}, {At: 1500, Free: 40000}}, Log: []string{"hello"}},
		{File: one.Path, Group: []string{"adder"}, Name: "compares", Line: 9, Status: luatest.Failed, Asserts: 1, Failures: []luatest.Failure{{
			Message: "expected objects to be equal", File: one.Path, Line: 10, Source: `assert.are.equal("abc", f())`, Compared: true, Expected: `"abc"`, Actual: `"abd"`,
			Traceback: "stack traceback:\n\tone_test.lua:10: in function <one_test.lua:9>",
		}}, Log: []string{"one", "two"}},
		{File: one.Path, Name: "lines", Line: 12, Status: luatest.Failed, Failures: []luatest.Failure{{Message: "differs", File: "app/init.lua", Line: 2, Compared: true, Expected: "a\nb\nc\nd\ne\nf\ng\nh", Actual: "a\nb\nc\nd\ne\nF\ng\nh\ni"}}},
		{File: one.Path, Group: []string{hostile}, Name: "is # hostile\n::error::x", Line: 20, Status: luatest.Broken, Failures: []luatest.Failure{
			{Message: hostile + "\n::error::second line"}, {Message: "another", File: one.Path, Line: 22},
		}, Log: []string{hostile, "  ::set-output name=a::b"}, PostMortem: "not enough memory\n  536 bytes asked for",
			Packets:       []luatest.Packet{{At: 1234567, From: netip.MustParseAddrPort("192.168.1.10:80"), To: netip.MustParseAddrPort("192.168.1.20:4711"), Proto: "tcp", Flags: "SA", Len: 44, Lost: "random"}},
			PacketsBefore: 12},
		{File: one.Path, Name: "later", Line: 30, Status: luatest.Pending, Why: "not # yet"},
		{File: one.Path, Name: "left out", Line: 31, Status: luatest.Skipped, Why: "--fail-fast"},
	}
	two := &luatest.File{Path: "app/two.test.lua", App: "app", Seed: 7, Failure: &luatest.Failure{Message: "unexpected symbol near '='", File: "app/two.test.lua", Line: 1, Source: "x = = 2"}, Log: []string{"boot"}}
	three := &luatest.File{Path: "app/three_test.lua", App: "app", Seed: 7, Failure: &luatest.Failure{Message: "the app does not start"}}
	return []*luatest.File{one, two, three}
}

func again(f *luatest.File, t *luatest.Test) string {
	if t == nil {
		return "again " + f.Path
	}
	return "again " + strings.ReplaceAll(visible(t.FullName()), "#", "")
}

type reporter interface {
	luatest.Reporter
	Err() error
}

// told is what a reporter writes of the results.
func told(t *testing.T, r reporter, b *bytes.Buffer) string {
	t.Helper()
	files := results()
	r.Begin([]string{"app/one_test.lua", "app/two.test.lua", "app/three_test.lua"})
	s := luatest.Summary{Files: 3, Passed: 1, Failed: 2, Broken: 1, Pending: 1, Skipped: 1, Unloaded: 2, Wall: 20 * time.Millisecond, Virtual: 11_303_265}
	for _, f := range files {
		r.File(f)
	}
	r.End(s)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func harmless(t *testing.T, text string) {
	t.Helper()
	for i, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f || r == 0xfffe {
			t.Errorf("control character %U in %.40q", r, text[i:])
		}
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	text := told(t, NewText(&b, false, again), &b)
	harmless(t, text)
	for _, want := range []string{
		"app/one_test.lua .FFEps 11.3 s on the device, 12 ms\n",
		"  FAILED adder compares\n    app/one_test.lua:10: expected objects to be equal\n      10 | assert.are.equal(\"abc\", f())\n    - expected, + actual:\n      | - \"abc\"\n      | + \"abd\"\n      |      ^\n    traceback:\n      |   one_test.lua:10: in function <one_test.lua:9>\n    the device's last lines:\n      | one\n      | two\n    again: again adder compares\n",
		"    app/init.lua:2: differs\n    - expected, + actual:\n      | …\n      |   c\n      |   d\n      |   e\n      | - f\n      | + F\n      |   g\n      |   h\n      | + i\n",
		"  BROKEN <script>", "    app/one_test.lua:20: <script>", "    | ::error::second line\n", "    app/one_test.lua:22: another\n", "    memory ran out:\n      | not enough memory\n      |   536 bytes",
		"app/two.test.lua not loaded", "  NOT LOADED app/two.test.lua\n    app/two.test.lua:1: unexpected symbol near '='\n      1 | x = = 2\n", "again: again app/two.test.lua\n",
		"1 passed, 2 failed, 1 broken, 1 pending, 1 skipped, 2 files not loaded in 3 files; 11.3 s on the device, 20 ms\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// Colours add nothing but themselves.
func TestColours(t *testing.T) {
	var a, b bytes.Buffer
	plain, colored := told(t, NewText(&a, false, again), &a), told(t, NewText(&b, true, again), &b)
	if got := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(colored, ""); got != plain || got == colored {
		t.Errorf("without its colours it is\n%s", got)
	}
}

func TestGitHub(t *testing.T) {
	var b bytes.Buffer
	text := told(t, NewGitHub(&b, again), &b)
	harmless(t, text)
	if strings.Contains(text, "##[") {
		t.Error("a command of the older form is left")
	}
	var commands []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "::") { // as GitHub's runner looks at it
			commands = append(commands, line)
		}
	}
	unescape := strings.NewReplacer("%0A", "\n", "%0D", "\r", "%3A", ":", "%2C", ",", "%25", "%")
	command := regexp.MustCompile(`^::error file=([^,:]*)(?:,line=(\d+))?,title=([^,:]*)::(.*)$`)
	var got []string
	for _, c := range commands {
		m := command.FindStringSubmatch(c)
		if m == nil {
			t.Errorf("not a command: %s", c)
			continue
		}
		got = append(got, m[1]+":"+m[2]+" "+strings.SplitN(unescape.Replace(m[4]), "\n", 2)[0])
	}
	want := []string{
		"app/one_test.lua:10 expected objects to be equal", "app/init.lua:2 differs",
		"app/one_test.lua:20 <script>alert(1)</script> ]]> ␀␛[31m\\xFF\\u{FFFE} # %0A ::error:: ##\\[add-path]x", "app/one_test.lua:22 another",
		"app/two.test.lua:1 unexpected symbol near '='", "app/three_test.lua: the app does not start",
	}
	if !slices.Equal(got, want) {
		t.Errorf("annotations:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// tapPoint is a test as a reader of TAP sees it.
type tapPoint struct {
	ok        bool
	number    int
	name      string
	directive string
	yaml      []string
}

// readTAP reads version 14, as far as it has no subtests.
func readTAP(text string) (points []tapPoint, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "TAP version 14" {
		return nil, errors.New("no version")
	}
	point := regexp.MustCompile(`^(not )?ok (\d+) - ((?:[^\\#]|\\[\\#])*?)(?: # (TODO|SKIP)(?: .*)?)?$`)
	plan, inYAML := -1, false
	for _, line := range lines[1:] {
		switch m := point.FindStringSubmatch(line); {
		case inYAML && line == "  ...":
			inYAML = false
		case inYAML && strings.HasPrefix(line, "  "):
			p := &points[len(points)-1]
			p.yaml = append(p.yaml, line[2:])
		case line == "  ---" && len(points) > 0:
			inYAML = true
		case inYAML:
			return nil, fmt.Errorf("%q ends a block", line)
		case m != nil:
			n, _ := strconv.Atoi(m[2])
			if n != len(points)+1 {
				return nil, fmt.Errorf("%q: number %d", line, n)
			}
			points = append(points, tapPoint{ok: m[1] == "", number: n, name: m[3], directive: m[4]})
		case strings.HasPrefix(line, "1.."):
			plan, _ = strconv.Atoi(line[3:])
		case strings.HasPrefix(line, "# "):
		default:
			return nil, fmt.Errorf("what is %q", line)
		}
	}
	if plan != len(points) || inYAML {
		return nil, fmt.Errorf("the plan is %d of %d", plan, len(points))
	}
	return points, nil
}

func TestTAP(t *testing.T) {
	var b bytes.Buffer
	text := told(t, NewTAP(&b, again), &b)
	harmless(t, text)
	points, err := readTAP(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var got []string
	value := regexp.MustCompile(`^(?: *)(?:- )?([a-z_]+:)?(?: (.+))?$`)
	for _, p := range points {
		got = append(got, fmt.Sprintf("%v %s", p.ok, p.directive))
		for _, line := range p.yaml {
			m := value.FindStringSubmatch(line)
			v := ""
			if m != nil {
				v = m[2]
			} else if l := strings.TrimSpace(line); strings.HasPrefix(l, `- "`) {
				v = l[2:]
			} else {
				t.Errorf("no YAML: %q", line)
			}
			var s string
			if strings.HasPrefix(v, `"`) && json.Unmarshal([]byte(v), &s) != nil {
				t.Errorf("no string: %q", line)
			}
		}
	}
	want := []string{"true ", "false ", "false ", "false ", "false TODO", "true SKIP", "false ", "false "}
	if !slices.Equal(got, want) {
		t.Errorf("points %q, want %q", got, want)
	}
	if got, want := points[1].yaml[:6], []string{`severity: fail`, `message: "expected objects to be equal"`, `at:`, `  file: "app/one_test.lua"`, `  line: 10`, `source: "assert.are.equal(\"abc\", f())"`}; !slices.Equal(got, want) {
		t.Errorf("diagnostic %q", got)
	}
	if !slices.Contains(points[1].yaml, `wanted: "\"abc\""`) || !slices.Contains(points[1].yaml, `found: "\"abd\""`) {
		t.Errorf("diagnostic %q", points[1].yaml)
	}
}

// What Jenkins' schema (junit-10.xsd of its xUnit plugin) lets elements have, and file and
// line of a test beside it, which other servers read.
var junitSchema = map[string]struct{ in, attributes string }{
	"testsuites": {"", "name time tests failures errors"},
	"testsuite":  {"testsuites", "name tests failures errors time skipped file"},
	"properties": {"testsuite", ""},
	"property":   {"properties", "name value"},
	"testcase":   {"testsuite", "name time classname file line"},
	"skipped":    {"testcase", "type message"},
	"error":      {"testcase", "type message"},
	"failure":    {"testcase", "type message"},
	"system-out": {"testcase", ""},
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	text := told(t, NewJUnit(&b, again), &b)
	harmless(t, text)
	d := xml.NewDecoder(strings.NewReader(text))
	var path []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		switch e := token.(type) {
		case xml.StartElement:
			above := ""
			if len(path) > 0 {
				above = path[len(path)-1]
			}
			allowed, ok := junitSchema[e.Name.Local]
			if !ok || allowed.in != above {
				t.Errorf("%s in %q", e.Name.Local, above)
			}
			for _, a := range e.Attr {
				if !slices.Contains(strings.Fields(allowed.attributes), a.Name.Local) {
					t.Errorf("%s has %s", e.Name.Local, a.Name.Local)
				}
				if a.Name.Local == "time" && !regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`).MatchString(a.Value) {
					t.Errorf("time %q", a.Value)
				}
			}
			path = append(path, e.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	var all junitAll
	if err := xml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all.Tests != 8 || all.Failures != 2 || all.Errors != 3 || len(all.Suites) != 3 {
		t.Errorf("%d tests, %d failures, %d errors, %d suites", all.Tests, all.Failures, all.Errors, len(all.Suites))
	}
	s := all.Suites[0]
	if s.Tests != 6 || s.Failures != 2 || s.Errors != 1 || s.Skipped != 2 || s.Time != "0.012" {
		t.Errorf("the suite is %+v", s)
	}
	c := s.Cases[1]
	if c.Name != "adder compares" || c.Classname != "app/one_test.adder" || c.File != "app/one_test.lua" || c.Line != 9 || c.Out != "device time 0.000 s\none\ntwo" {
		t.Errorf("the case is %+v", c)
	}
	if f := c.Failures[0]; f.Message != "expected objects to be equal" || !strings.HasPrefix(f.Text, "app/one_test.lua:10: expected") || !strings.Contains(f.Text, "\n- \"abc\"\n+ \"abd\"\n") {
		t.Errorf("the failure is %+v", f)
	}
	if c := s.Cases[3]; len(c.Errors) != 2 || !strings.Contains(c.Out, `<script>alert(1)</script> ]]> ␀␛[31m\xFF\u{FFFE}`) {
		t.Errorf("the case is %+v", c)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	text := told(t, NewJSON(&b, again), &b)
	var events, statuses []string
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		var m map[string]any
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		events = append(events, fmt.Sprint(m["event"]))
		if m["event"] == "test" {
			statuses = append(statuses, fmt.Sprint(m["full_name"], "=", m["status"], m["again"] != nil))
		}
		if m["packets"] != nil || m["heap"] != nil {
			t.Errorf("samples and packets are in %s", lines.Text())
		}
	}
	if want := []string{"begin", "test", "test", "test", "test", "test", "test", "file", "file", "file", "end"}; !slices.Equal(events, want) {
		t.Errorf("events %q", events)
	}
	if statuses[0] != "adder adds=passedfalse" || statuses[1] != "adder compares=failedtrue" || !strings.HasSuffix(statuses[4], "=pendingfalse") {
		t.Errorf("tests %q", statuses)
	}
	if !strings.Contains(text, `{"event":"end","ok":false,"files":3,"passed":1,"failed":2,"broken":1,"pending":1,"skipped":1,"unloaded":2,"virtual_us":11303265,"wall_ns":20000000}`) {
		t.Errorf("the end is in\n%s", text)
	}
}

func TestHTML(t *testing.T) {
	var b bytes.Buffer
	html := told(t, NewHTML(&b, again), &b)
	p := pagetest.Open(t, []byte(html), false)
	text := p.Text()
	for _, want := range []string{
		"Tests failed", "1 passed, 2 failed, 1 broken, 1 pending, 1 skipped, 2 files not loaded in 3 files", "app/one_test.lua", "adder compares", "expected objects to be equal",
		`- "abc"`, `+ "abd"`, "one_test.lua:10: in function", `<script>alert(1)</script> ]]> ␀␛[31m\xFF\u{FFFE}`, "not # yet", "Free heap, least 40000 bytes", "Table of free heap: 2 figures", "41,000",
		"1 packets, 12 before them are left out", "1234.567", "192.168.1.10:80", "192.168.1.20:4711", "SA", "random", "536 bytes asked for", "again adder compares", "unexpected symbol near '='",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	p.Press("n")
	if got := p.Eval("document.activeElement.innerText"); !strings.HasPrefix(got, "failed adder compares") {
		t.Errorf("n goes to %q", got)
	}
	if id := p.Eval(`location.hash = document.querySelectorAll(".item")[0].id, document.querySelector(":target").dataset.text`); id != "passed adder adds app/one_test.lua" {
		t.Errorf("a link leads to %q", id)
	}
}

// full is a writer that fails.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAWriterThatFails(t *testing.T) {
	for name, r := range map[string]reporter{
		"text": NewText(full{}, false, nil), "tap": NewTAP(full{}, nil), "junit": NewJUnit(full{}, nil), "json": NewJSON(full{}, nil), "github": NewGitHub(full{}, nil), "html": NewHTML(full{}, nil),
	} {
		r.Begin(nil)
		for _, f := range results() {
			r.File(f)
		}
		r.End(luatest.Summary{})
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"abc", "abc", "- abc/+ abc/     ^"},
		{"abc", "axc", "- abc/+ axc/   ^"},
		{"", "x", "-/+ x/  ^"},
		{"a\nb", "a", "  a/- b"},
		{"a", "a\nb", "  a/+ b"},
		{"a\nb\nc", "a\nx\nc", "  a/- b/+ x/  c"},
		{"1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\n6\n7", "…/  4/  5/  6/+ 7"},
	} {
		var got []string
		for _, p := range diff(tt.a, tt.b) {
			got = append(got, p.String())
		}
		if s := strings.Join(got, "/"); s != tt.want {
			t.Errorf("%q and %q: %q, want %q", tt.a, tt.b, s, tt.want)
		}
	}
	// Long texts that have nothing in common end soon.
	var a, b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&a, "a%d\n", i)
		fmt.Fprintf(&b, "b%d\n", i)
	}
	if n := len(diff(a.String(), b.String())); n > 2*diffLines+2 {
		t.Errorf("%d lines", n)
	}
}

// Whatever two texts are, their comparison has both.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := linesOf(a), linesOf(b)
		if len(x) == 1 && len(y) == 1 || len(x) > 500 || len(y) > 500 {
			return
		}
		var from, to []string
		for _, p := range compare(x, y) {
			if p.kind != '+' {
				from = append(from, p.text)
			}
			if p.kind != '-' {
				to = append(to, p.text)
			}
		}
		if !slices.Equal(from, x) || !slices.Equal(to, y) {
			t.Errorf("%q and %q: %q, %q", a, b, from, to)
		}
	})
}
