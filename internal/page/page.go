// Package page makes the project's HTML pages: each is one file that asks nothing of any
// network, reads well in light and in dark, without a mouse and without its script.
//
// It owns the head, the style, the script, charts with their tables, and how text of a
// device is made harmless. What a page says belongs to whoever makes it: a body in the
// language of html/template, which escapes what it is given where it stands.
//
// In a body there are, beside the functions of html/template:
//
//	{{show TEXT}}   text of a device: control characters can be seen (see Visible)
//	{{chart CHART}} a Chart with its table
//	{{anchor TEXT}} an id that is made of a text
//
// The script knows these marks. Elements with the class "item" are what the filter hides,
// by the text of their attribute data-text; those with "bad" are what "n" and "p" go to.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html/template"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

//go:embed page.html page.css page.js
var files embed.FS

func file(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}

var (
	style  = file("page.css")
	script = file("page.js")
	// policy lets the browser fetch nothing, and run no script but the page's own.
	policy = "default-src 'none'; img-src data:; style-src 'sha256-" + digest(style) + "'; script-src 'sha256-" + digest(script) + "'"
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Body is what stands on a kind of page.
type Body struct{ t *template.Template }

// New parses a body. It panics where the text is no template, which only a bug can cause.
func New(body string) *Body {
	t := template.Must(template.New("page").Funcs(template.FuncMap{
		"show": Visible, "chart": Chart.HTML, "anchor": Anchor,
		"style": func() template.CSS { return template.CSS(style) }, "script": func() template.JS { return template.JS(script) },
		"policy": func() string { return policy },
	}).Parse(file("page.html")))
	return &Body{template.Must(t.New("body").Parse(body))}
}

// Write writes a page. summary is a line below the title.
func (b *Body) Write(w io.Writer, title, summary string, data any) error {
	var out bytes.Buffer // a page is whole or not there
	err := b.t.ExecuteTemplate(&out, "page", struct {
		Title, Summary string
		Data           any
	}{title, summary, data})
	if err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

// Visible makes text of a device harmless and its control characters visible: those of
// ASCII become their pictures (U+2400 and up), a byte that is no UTF-8 \xNN, and what turns
// the direction of text \u{N}. Line ends and tabs stay.
func Visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02X`, s[i])
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune(0x2421)
		case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == 0xfffe || r == 0xffff || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			fmt.Fprintf(&b, `\u{%X}`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// Anchor is an id for a text: its letters and digits, and a number so that others have
// another.
func Anchor(text string) string {
	h := fnv.New32a()
	io.WriteString(h, text)
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	const longest = 40
	name := strings.Join(words, "-")
	return fmt.Sprintf("%s-%08x", name[:min(len(name), longest)], h.Sum32())
}
