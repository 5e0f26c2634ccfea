package report

import (
	"fmt"
	"io"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// NewCoverageHTML returns a reporter that writes one page: a table of the files and, for
// each, its functions and its source with how often each line ran.
func NewCoverageHTML(w io.Writer) *Coverage {
	return &Coverage{write: func(c *luatest.Coverage) error { return WriteCoverageHTML(w, c) }}
}

type (
	coverPage struct {
		Files            []coverFile
		Lines, Functions coverShare
		Notes            []string
	}
	coverFile struct {
		Path, ID, Missed string
		Lines, Functions coverShare
		Called           []lcov.Function
		Source           []coverLine
	}
	coverLine struct {
		Number int
		Hits   string // "": the line can't run
		Missed bool
		Text   string
	}
	coverShare struct{ lcov.Share }
)

// Percent is the share as a number with its sign.
func (s coverShare) Percent() string { return Percent(s.Share) }

// Class is the colour of a share.
func (s coverShare) Class() string {
	switch s.Hit {
	case s.Found:
		return "good"
	case 0:
		return "bad-text"
	}
	return "wait"
}

// maxRanges is how many ranges of missed lines the table of files has.
const maxRanges = 40

// WriteCoverageHTML writes that page.
func WriteCoverageHTML(w io.Writer, c *luatest.Coverage) error {
	p := coverPage{Lines: coverShare{c.Report.Lines()}, Functions: coverShare{c.Report.Functions()}, Notes: c.Notes}
	for _, f := range c.Report.Files() {
		p.Files = append(p.Files, coverFile{
			Path: f.Path, ID: page.Anchor(f.Path), Missed: ranges(f.Missed(), maxRanges), Lines: coverShare{f.LineShare()}, Functions: coverShare{f.FunctionShare()},
			Called: f.Functions(), Source: coverLines(f, c.Sources[f.Path]),
		})
	}
	summary := fmt.Sprintf("%d of %d lines, %d of %d functions in %s", p.Lines.Hit, p.Lines.Found, p.Functions.Hit, p.Functions.Found, number(len(p.Files), "file"))
	return coverBody.Write(w, "Coverage "+p.Lines.Percent(), summary, p)
}

// coverLines are the lines of a file's text with their hits.
func coverLines(f *lcov.File, text []byte) []coverLine {
	if len(text) == 0 {
		return nil
	}
	hits := map[int]uint64{}
	for _, l := range f.Lines() {
		hits[l.Number] = l.Hits
	}
	var out []coverLine
	for i, line := range vm.SourceLines(text) {
		l := coverLine{Number: i + 1, Text: line}
		if n, can := hits[i+1]; can {
			l.Hits, l.Missed = fmt.Sprint(n), n == 0
		}
		out = append(out, l)
	}
	return out
}

var coverBody = page.New(`
<h2>Files</h2>
<div class="scroll" tabindex="0"><table><caption>What ran of each file</caption>
<thead><tr><th>file</th><th class="n">lines</th><th class="n">of</th><th class="n">share</th><th class="n">functions</th><th class="n">of</th><th>lines missed</th></tr></thead><tbody>
{{range .Files}}<tr><td><a href="#{{.ID}}">{{show .Path}}</a></td><td class="n">{{.Lines.Hit}}</td><td class="n">{{.Lines.Found}}</td><td class="n {{.Lines.Class}}">{{.Lines.Percent}}</td><td class="n">{{.Functions.Hit}}</td><td class="n">{{.Functions.Found}}</td><td>{{.Missed}}</td></tr>
{{end}}</tbody><tfoot><tr><th>all</th><td class="n">{{.Lines.Hit}}</td><td class="n">{{.Lines.Found}}</td><td class="n {{.Lines.Class}}">{{.Lines.Percent}}</td><td class="n">{{.Functions.Hit}}</td><td class="n">{{.Functions.Found}}</td><td></td></tr></tfoot></table></div>
{{with .Notes}}<h2>Not counted</h2>
<ul>{{range .}}<li>{{show .}}</li>
{{end}}</ul>{{end}}
<h2>Lines</h2>
{{range .Files}}
<details class="item{{if .Missed}} bad{{end}}" id="{{.ID}}" data-text="{{show .Path}}">
<summary><span class="status {{.Lines.Class}}">{{.Lines.Percent}}</span> {{show .Path}} <span class="faint">{{.Lines.Hit}} of {{.Lines.Found}} lines</span></summary>
{{with .Called}}<details><summary>{{len .}} functions</summary>
<div class="scroll" tabindex="0"><table><thead><tr><th class="n">line</th><th>function</th><th class="n">calls</th></tr></thead><tbody>
{{range .}}<tr><td class="n">{{.Line}}</td><td>{{show .Name}}</td><td class="n{{if not .Hits}} bad-text{{end}}">{{.Hits}}</td></tr>
{{end}}</tbody></table></div></details>{{end}}
{{with .Source}}<table class="code"><thead><tr><th class="n">line</th><th class="n">ran</th><th>source</th></tr></thead><tbody>
{{range .}}<tr{{if .Missed}} class="miss"{{end}}><td class="n faint">{{.Number}}</td><td class="n">{{if .Missed}}missed{{else}}{{.Hits}}{{end}}</td><td>{{show .Text}}</td></tr>
{{end}}</tbody></table>{{else}}<p>The source is not there.</p>{{end}}
</details>
{{end}}
`)
