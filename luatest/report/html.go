package report

import (
	"fmt"
	"html/template"
	"io"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// HTML is one page with all tests: what became of each, how long it took, the device's log
// and free heap and, of one that failed, why, and the packets of its network.
//
// The results stand on the page as JSON, too, for whoever reads it back (ReadHTML).
type HTML struct {
	Shard Shard // of which the page is

	w     io.Writer
	again Again
	files []htmlFile
	err   error
}

// NewHTML returns a reporter that writes to w at the end.
func NewHTML(w io.Writer, again Again) *HTML { return &HTML{w: w, again: again} }

// Err is the first error of the writer.
func (h *HTML) Err() error { return h.err }

type (
	htmlFile struct {
		*luatest.File
		Begin int // how many tests stand before it
		Again string
		Fail  *htmlFailure
		Tests []htmlTest
	}
	htmlTest struct {
		*luatest.Test
		ID, Again string
		Failures  []htmlFailure
		Seed      uint64
	}
	htmlFailure struct {
		luatest.Failure
		Place string
		Diff  []part
	}
)

func (h *HTML) Begin([]string) {}

func (h *HTML) File(told *luatest.File) {
	f := readable(told)
	out := htmlFile{File: f}
	if f.Failure != nil {
		out.Fail = htmlFailureOf(nil, *f.Failure)
		out.Again = h.repeat(told, nil)
	}
	for i, x := range f.Tests {
		t := htmlTest{Test: x, ID: page.Anchor(fmt.Sprintf("%s %s %d %d", x.FullName(), f.Path, f.Seed, x.Line)), Seed: f.Seed}
		for _, why := range x.Failures {
			t.Failures = append(t.Failures, *htmlFailureOf(x, why))
		}
		if x.Status.Bad() {
			t.Again = h.repeat(told, told.Tests[i])
		}
		out.Tests = append(out.Tests, t)
	}
	h.files = append(h.files, out)
}

func (h *HTML) repeat(f *luatest.File, x *luatest.Test) string {
	if h.again == nil {
		return ""
	}
	return utf8Text(h.again(f, x))
}

func htmlFailureOf(x *luatest.Test, why luatest.Failure) *htmlFailure {
	why = placed(x, why)
	out := &htmlFailure{Failure: why, Place: placeOf(why)}
	if why.Compared {
		out.Diff = diff(why.Expected, why.Actual)
	}
	return out
}

// Kind is the class of a line of a comparison.
func (p part) Kind() string {
	return map[rune]string{'-': "minus", '+': "plus", '^': "minus", '…': "faint"}[p.kind]
}

// Class is that of a status.
func (t htmlTest) Class() string {
	switch {
	case t.Status.Bad():
		return "bad-text"
	case t.Status == luatest.Passed:
		return "good"
	}
	return "wait"
}

func (t htmlTest) Device() string { return device(t.Virtual) }
func (t htmlTest) Here() string   { return span(t.Wall) }
func (t htmlTest) Search() string { return explored(t.Explored) }
func (f htmlFile) Device() string { return device(f.Virtual) }
func (f htmlFile) Here() string   { return span(f.Wall) }

// Chart is the free heap over the test's time.
func (t htmlTest) Chart() page.Chart {
	line := page.Line{Name: "free heap"}
	for _, s := range t.Heap {
		line.Points = append(line.Points, page.Point{X: float64(s.At) / 1000, Y: float64(s.Free)})
	}
	return page.Chart{Title: fmt.Sprintf("Free heap, least %d bytes", t.LeastHeap), X: "ms of the device's time", Y: "bytes free", Lines: []page.Line{line}, Steps: true}
}

// Millis is a time of a packet.
func (t htmlTest) Millis(us int64) string { return fmt.Sprintf("%.3f", float64(us)/1000) }

// Address is one with its port, if it has one.
func (t htmlTest) Address(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

func (h *HTML) End(s luatest.Summary) {
	title := "Tests passed"
	if !s.OK() {
		title = "Tests failed"
	}
	summary := fmt.Sprintf("%s in %s; %s on the device, %s on this computer", counts(s), number(s.Files, "file"), device(int64(s.Virtual)), span(s.Wall))
	data, err := h.data(s)
	if err != nil {
		h.err = err
		return
	}
	h.err = htmlBody.Write(h.w, title, summary, struct {
		Files []htmlFile
		Data  template.JS
	}{h.files, template.JS(data)})
}

var htmlBody = page.New(`
{{define "failure"}}
<p>{{with .Place}}<code>{{.}}</code>: {{end}}</p><pre>{{show .Message}}{{with .Source}}

    {{show .}}{{end}}</pre>
{{with .Diff}}<h3>Compared: <span class="minus">- expected</span>, <span class="plus">+ actual</span></h3>
<pre>{{range .}}<span class="{{.Kind}}">{{.}}</span>
{{end}}</pre>{{end}}
{{with .Traceback}}<details open><summary>Traceback</summary><pre>{{show .}}</pre></details>{{end}}
{{end}}

{{range .Files}}
<h2>{{show .Path}}</h2>
<p class="faint">seed {{.Seed}}; {{.Device}} on the device, {{.Here}} on this computer; app {{show .App}}</p>
{{if .Fail}}<details class="item bad" open data-text="not loaded {{show .Path}}"><summary><span class="status bad-text">not loaded</span></summary>
{{template "failure" .Fail}}
{{with .Log}}<h3>The device's last lines</h3><pre>{{range .}}{{show .}}
{{end}}</pre>{{end}}
{{with .Again}}<h3>Again</h3><pre>{{.}}</pre>{{end}}
</details>{{end}}
{{range .Tests}}{{$t := .}}
<details class="item{{if .Status.Bad}} bad{{end}}" id="{{.ID}}"{{if .Status.Bad}} open{{end}} data-text="{{.Status}} {{show .FullName}} {{show .File}}">
<summary><span class="status {{.Class}}">{{.Status}}</span> {{show .FullName}} <span class="faint">{{.Device}} on the device, {{.Here}} here</span></summary>
<p class="faint">{{show .File}}{{if .Line}}:{{.Line}}{{end}}, {{.Asserts}} assertions, <a href="#{{.ID}}">link</a></p>
{{with .Why}}<p>{{show .}}</p>{{end}}
{{if .Explored}}<p>Explored: {{.Search}}.</p>{{end}}
{{range .Failures}}{{template "failure" .}}{{end}}
{{with .PostMortem}}<h3>Memory ran out</h3><pre>{{show .}}</pre>{{end}}
{{with .Log}}<h3>The device's last lines</h3><pre>{{range .}}{{show .}}
{{end}}</pre>{{end}}
{{if .Heap}}{{chart .Chart}}{{end}}
{{with .Packets}}<h3>Packets</h3>
<div class="scroll" tabindex="0"><table><caption>{{len .}} packets{{if $t.PacketsBefore}}, {{$t.PacketsBefore}} before them are left out{{end}}</caption>
<thead><tr><th class="n">ms</th><th>from</th><th>to</th><th>protocol</th><th>flags</th><th class="n">length</th><th class="n">of it data</th><th>lost</th></tr></thead><tbody>
{{range .}}<tr><td class="n">{{$t.Millis .At}}</td><td>{{$t.Address .From}}</td><td>{{$t.Address .To}}</td><td>{{.Proto}}</td><td>{{.Flags}}</td><td class="n">{{.Len}}</td><td class="n">{{.Data}}</td><td>{{show .Lost}}</td></tr>
{{end}}</tbody></table></div>{{end}}
{{with .Again}}<h3>Again</h3><pre>{{.}}</pre>{{end}}
</details>
{{end}}
{{end}}
` + dataBegins + `{{.Data}}` + dataEnds + `
`)
