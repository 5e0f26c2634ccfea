package page_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/internal/page/pagetest"
)

// hostile is what a device may print.
const hostile = "<script>document.title='owned'</script>\x00\x1b[31m\"'&\xff\u202eevil"

func written(t *testing.T) []byte {
	t.Helper()
	body := page.New(`{{range .}}<details class="item{{if .Bad}} bad{{end}}" id="{{anchor .Name}}" data-text="{{show .Name}}"><summary>{{show .Name}}</summary><pre>{{show .Text}}</pre>{{chart .Chart}}</details>{{end}}`)
	type item struct {
		Name, Text string
		Bad        bool
		Chart      page.Chart
	}
	var line page.Line
	for i := range 50 {
		line.Points = append(line.Points, page.Point{X: float64(i) * 2.5, Y: 40000 - float64(i*i)})
	}
	line.Name = "free <heap>"
	chart := page.Chart{Title: hostile, X: "ms", Y: "bytes", Lines: []page.Line{line}, Steps: true}
	var b bytes.Buffer
	err := body.Write(&b, "A page "+hostile, "three items", []item{
		{"first", hostile, false, page.Chart{Title: "nothing"}},
		{"second " + hostile, "two", true, chart},
		{"third", "three", true, page.Chart{Lines: []page.Line{{Name: "one", Points: []page.Point{{1, 1}}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPageInABrowser(t *testing.T) {
	p := pagetest.Open(t, written(t), false)
	text := p.Text()
	for _, want := range []string{"A page <script>", "three items", `<script>document.title='owned'</script>␀␛[31m"'&\xFF\u{202E}evil`, "Table of free <heap>: 50 figures", "39,975", "There are no figures."} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %.3000s", want, text)
		}
	}
	if title := p.Eval("document.title"); !strings.HasPrefix(title, "A page <script>") {
		t.Errorf("the title is %q", title)
	}
	if n := p.Eval(`document.querySelectorAll("script").length`); n != "1" {
		t.Errorf("there are %s scripts", n)
	}
	if n := p.Eval(`document.querySelectorAll("svg path").length + " " + document.querySelectorAll("figure table tbody tr").length`); n != "2 51" {
		t.Errorf("lines and figures: %s", n)
	}
	if width := p.Eval(`document.documentElement.scrollWidth <= window.innerWidth`); width != "true" {
		t.Error("the page is wider than the window")
	}
}

func TestKeys(t *testing.T) {
	p := pagetest.Open(t, written(t), false)
	focus := func(want string) {
		t.Helper()
		if got := p.Eval(`document.activeElement.textContent || document.activeElement.id`); !strings.HasPrefix(got, want) {
			t.Errorf("the focus is on %q, want %q", got, want)
		}
	}
	p.Press("n")
	focus("second")
	p.Press("n")
	focus("third")
	p.Press("n")
	focus("second")
	p.Press("p")
	focus("third")
	if open := p.Eval(`document.querySelectorAll("details.item[open]").length`); open != "2" {
		t.Errorf("%s are open", open)
	}
	p.Press("\n") // closes it
	if open := p.Eval(`document.querySelectorAll("details.item[open]").length`); open != "1" {
		t.Errorf("%s are open after Enter", open)
	}
	p.Press("/")
	focus("filter")
	p.Press("THIRD")
	if shown := p.Eval(`document.querySelectorAll(".item:not([hidden])").length + document.getElementById("shown").textContent`); shown != "11 of 3" {
		t.Errorf("shown: %s", shown)
	}
	p.Press("\x1be")
	if shown := p.Eval(`document.querySelectorAll(".item:not([hidden])[open]").length`); shown != "3" {
		t.Errorf("%s are shown and open", shown)
	}
}

func TestDarkAndLight(t *testing.T) {
	html := written(t)
	luminance := func(dark bool) (paper, ink int) {
		p := pagetest.Open(t, html, dark)
		sum := func(what string) int {
			n, err := strconv.Atoi(p.Eval(`getComputedStyle(document.body).` + what + `.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)`))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		return sum("backgroundColor"), sum("color")
	}
	if paper, ink := luminance(false); paper < 700 || ink > 150 {
		t.Errorf("light: paper %d, ink %d", paper, ink)
	}
	if paper, ink := luminance(true); paper > 150 || ink < 600 {
		t.Errorf("dark: paper %d, ink %d", paper, ink)
	}
}

// What a browser would fetch is not in the page, whatever its policy says.
func TestNothingIsFetched(t *testing.T) {
	html := string(written(t))
	for _, what := range []string{"http:", "https:", "url(", "@import", " src=", "<iframe", "<object", "fetch(", "XMLHttpRequest"} {
		if strings.Contains(html, what) {
			t.Errorf("the page has %q", what)
		}
	}
	if bytes.ContainsAny([]byte(html), "\x00\x1b\xff") {
		t.Error("the page has control characters")
	}
}

func TestTheSamePageEachTime(t *testing.T) {
	if a, b := written(t), written(t); !bytes.Equal(a, b) {
		t.Error("two pages of the same differ")
	}
}

func TestAnchors(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a b", "a-b", "a  b", "", "ä", strings.Repeat("long ", 100)} {
		a := page.Anchor(name)
		if seen[a] != "" || len(a) > 60 || strings.ContainsAny(a, " \"<>") {
			t.Errorf("%q: %q", name, a)
		}
		seen[a] = name
	}
}

func FuzzVisible(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		got := page.Visible(s)
		for _, r := range got {
			if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == '\ufffd' && !strings.Contains(s, "\ufffd") {
				t.Errorf("%q becomes %q", s, got)
			}
		}
		if again := page.Visible(got); again != got {
			t.Errorf("%q becomes %q and then %q", s, got, again)
		}
	})
}
