package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/internal/page/pagetest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// counted is the coverage of an app whose files and functions have hostile names.
func counted() *luatest.Coverage {
	c := &luatest.Coverage{Report: &lcov.Report{}, Sources: map[string][]byte{}, Notes: []string{"app/x.lua is not counted: " + hostile}}
	lamp := c.Report.File("app/lamp.lua")
	for line, hits := range []uint64{2, 2, 0, 0, 18446744073709551615, 0} {
		lamp.AddLine(line+1, hits)
	}
	lamp.AddLine(9, 0)
	lamp.AddFunction(lcov.Function{Name: "M.on", Line: 2, Hits: 3})
	lamp.AddFunction(lcov.Function{Name: `t.<script>"&`, Line: 3, Hits: 0})
	c.Sources["app/lamp.lua"] = []byte("local M = {}\r\nfunction M.on()\n\tprint(\"<script>document.title='owned'</script>\") -- " + hostile + "\nend\n\nx = 1\n-- nothing\n\nreturn M\n")
	all := c.Report.File("::error::<b>all.lua")
	all.AddLine(1, 1)
	c.Sources[all.Path] = []byte("x = 1")
	none := c.Report.File("app/none.lua")
	for line := range 40 {
		none.AddLine(line*2+1, 0)
		none.AddLine(line*2+2, uint64(line%2))
	}
	none.AddFunction(lcov.Function{Name: "f", Line: 1})
	return c
}

func ended(t *testing.T, r *Coverage) {
	t.Helper()
	r.Begin(nil)
	r.File(nil)
	r.End(luatest.Summary{Coverage: counted()})
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestCoverageText(t *testing.T) {
	var b, colored bytes.Buffer
	ended(t, NewCoverageText(&b, false))
	text := b.String()
	harmless(t, text)
	for _, want := range []string{
		"\ncoverage    lines   functions\n",
		"\n  42.8 %      3/7         1/2  app/lamp.lua, missed: 3-4, 6-9\n",
		"\n 100.0 %      1/1         0/0  ::error::<b>all.lua\n",
		"\n  25.0 %    20/80         0/1  app/none.lua, missed: 1-3, 5-7, 9-11, 13-15, 17-19, 21-23, 25-27, 29-31, 33-35, 37-39, 41-43, 45-47, and 8 more\n",
		"\n  27.2 %    24/88         1/3  in 3 files\n",
		"\nnote: app/x.lua is not counted: <script>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimLeft(line, " "), "::") || strings.Contains(line, "##[add-path") {
			t.Errorf("a log takes %q for a command", line)
		}
	}
	ended(t, NewCoverageText(&colored, true))
	for _, want := range []string{"\x1b[33m  42.8 %\x1b[0m", "\x1b[32m 100.0 %\x1b[0m"} {
		if !strings.Contains(colored.String(), want) {
			t.Errorf("%q is not in\n%q", want, colored.String())
		}
	}
}

func TestPercentIsNotRoundedUp(t *testing.T) {
	for want, s := range map[string]lcov.Share{"99.9 %": {Hit: 99999, Found: 100000}, "100.0 %": {}, "0.0 %": {Hit: 1, Found: 100000}, "57.0 %": {Hit: 57, Found: 100}} {
		if got := Percent(s); got != want {
			t.Errorf("%v is %s, want %s", s, got, want)
		}
	}
}

func TestLCOV(t *testing.T) {
	var b bytes.Buffer
	ended(t, NewLCOV(&b))
	r, err := lcov.Read(&b)
	if err != nil || r.Lines() != (lcov.Share{Hit: 24, Found: 88}) {
		t.Errorf("%v %v", r.Lines(), err)
	}
}

func TestCoverageHTML(t *testing.T) {
	var b bytes.Buffer
	ended(t, NewCoverageHTML(&b))
	p := pagetest.Open(t, b.Bytes(), true)
	if title := p.Eval("document.title"); title != "Coverage 27.2 %" {
		t.Errorf("the title is %q", title)
	}
	p.Press("e")
	text := p.Text()
	for _, want := range []string{
		"24 of 88 lines, 1 of 3 functions in 3 files", "app/lamp.lua", "42.8 %", "3-4, 6-9", "::error::<b>all.lua", "<script>document.title='owned'</script>", "18446744073709551615", "The source is not there.", "app/x.lua is not counted: <script>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// Each line with what it says beside it: a colour is not the only sign.
	rows := p.Eval(`[...document.querySelectorAll(".code")[1].rows].slice(1).map(r => r.cells[0].innerText + "/" + r.cells[1].innerText).join(" ")`)
	if rows != "1/2 2/2 3/missed 4/missed 5/18446744073709551615 6/missed 7/ 8/ 9/missed" {
		t.Errorf("the lines are %s", rows)
	}
	if n := p.Eval(`document.querySelectorAll("script").length + " " + document.querySelectorAll(".miss").length`); n != "1 4" {
		t.Errorf("scripts and missed lines: %s", n)
	}
	if width := p.Eval(`document.documentElement.scrollWidth <= window.innerWidth`); width != "true" {
		t.Error("the page is wider than the window")
	}
	p.Press("e") // closes all
	p.Press("n")
	if got := p.Eval("document.activeElement.innerText"); !strings.Contains(got, "app/lamp.lua") {
		t.Errorf("n goes to %q", got)
	}
	if open := p.Eval(`document.querySelector("table a").click(), document.querySelectorAll("details.item[open]").length`); open == "0" {
		t.Error("a link from the table opens nothing")
	}
	p.Press("/NONE")
	if shown := p.Eval(`document.querySelectorAll(".item:not([hidden])").length`); shown != "1" {
		t.Errorf("%s files are shown", shown)
	}
}

func TestCoverageThatCannotBeWritten(t *testing.T) {
	for name, r := range map[string]*Coverage{"text": NewCoverageText(full{}, false), "lcov": NewLCOV(full{}), "html": NewCoverageHTML(full{})} {
		r.End(luatest.Summary{Coverage: counted()})
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("%s: %v", name, err)
		}
		r.End(luatest.Summary{}) // nothing was counted
	}
}
