package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Chart is lines over an axis. Beside the drawing stands a table with the same figures: it
// is for whoever does not see, and for whoever wants a number.
type Chart struct {
	Title string
	X, Y  string // what the axes are, with the unit: "ms", "bytes free"
	Lines []Line // at most three can be told apart
	Steps bool   // a value holds until the next
}

// Line is points with rising X.
type Line struct {
	Name   string
	Points []Point
}

// Point is one of a line.
type Point struct{ X, Y float64 }

// The drawing, in its own units.
const (
	chartWidth, chartHeight = 720, 180
	chartLeft, chartRight   = 64, 12
	chartTop, chartBottom   = 10, 34
)

// HTML is the chart with its table.
func (c Chart) HTML() template.HTML {
	var b strings.Builder
	esc := func(s string) string { return template.HTMLEscapeString(Visible(s)) }
	var xs, ys []float64
	for _, l := range c.Lines {
		for _, p := range l.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	fmt.Fprintf(&b, `<figure><figcaption>%s</figcaption>`, esc(c.Title))
	if len(xs) == 0 {
		b.WriteString(`<p class="faint">There are no figures.</p></figure>`)
		return template.HTML(b.String())
	}
	ya, yb, ticks := scale(0, maxOf(ys))
	xa, xb := minOf(xs), maxOf(xs)
	if xb == xa {
		xb = xa + 1
	}
	px := func(x float64) string {
		return number1(chartLeft + (x-xa)/(xb-xa)*(chartWidth-chartLeft-chartRight))
	}
	py := func(y float64) string {
		return number1(chartHeight - chartBottom - (y-ya)/(yb-ya)*(chartHeight-chartTop-chartBottom))
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s: %s, from %s to %s; the table below has the figures">`, chartWidth, chartHeight, esc(c.Title), esc(c.Y), figure(minOf(ys)), figure(maxOf(ys)))
	for _, y := range ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%s" y2="%s"/><text x="%d" y="%s" text-anchor="end" dominant-baseline="middle">%s</text>`, chartLeft, chartWidth-chartRight, py(y), py(y), chartLeft-6, py(y), figure(y))
	}
	for i, x := range []float64{xa, (xa + xb) / 2, xb} {
		fmt.Fprintf(&b, `<text x="%s" y="%d" text-anchor="%s">%s</text>`, px(x), chartHeight-chartBottom+16, [...]string{"start", "middle", "end"}[i], figure(x))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, chartWidth-chartRight, chartHeight-4, esc(c.X))
	for i, l := range c.Lines {
		var d strings.Builder
		for n, p := range l.Points {
			switch {
			case n == 0:
				fmt.Fprintf(&d, "M%s %s", px(p.X), py(p.Y))
			case c.Steps:
				fmt.Fprintf(&d, "H%sV%s", px(p.X), py(p.Y))
			default:
				fmt.Fprintf(&d, "L%s %s", px(p.X), py(p.Y))
			}
		}
		fmt.Fprintf(&b, `<path class="s%d" d="%s"><title>%s</title></path>`, i%3, d.String(), esc(l.Name))
	}
	b.WriteString(`</svg>`)
	for _, l := range c.Lines {
		fmt.Fprintf(&b, `<details><summary>Table of %s: %d figures</summary><div class="scroll" tabindex="0"><table><thead><tr><th class="n">%s</th><th class="n">%s</th></tr></thead><tbody>`, esc(l.Name), len(l.Points), esc(c.X), esc(c.Y))
		for _, p := range l.Points {
			fmt.Fprintf(&b, `<tr><td class="n">%s</td><td class="n">%s</td></tr>`, figure(p.X), figure(p.Y))
		}
		b.WriteString(`</tbody></table></div></details>`)
	}
	b.WriteString(`</figure>`)
	return template.HTML(b.String())
}

// scale widens a range to round numbers and returns some of them within it.
func scale(from, to float64) (a, b float64, ticks []float64) {
	if to <= from {
		to = from + 1
	}
	step := math.Pow(10, math.Floor(math.Log10(to-from)))
	for _, part := range []float64{0.2, 0.5, 1, 2} {
		if (to-from)/(step*part) <= 4 {
			step *= part
			break
		}
	}
	a, b = math.Floor(from/step)*step, math.Ceil(to/step)*step
	for n := 0; a+float64(n)*step <= b+step/2; n++ {
		ticks = append(ticks, a+float64(n)*step)
	}
	return a, b, ticks
}

func minOf(v []float64) float64 {
	m := v[0]
	for _, x := range v {
		m = min(m, x)
	}
	return m
}

func maxOf(v []float64) float64 {
	m := v[0]
	for _, x := range v {
		m = max(m, x)
	}
	return m
}

// figure writes a number as people read it: 41,234 or 0.25.
func figure(x float64) string {
	s := strconv.FormatFloat(math.Round(x*1000)/1000, 'f', -1, 64)
	whole, part, fraction := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction {
		whole += "." + part
	}
	return sign + whole
}

func number1(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }
