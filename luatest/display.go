package luatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Bounds of a value that is shown. A snapshot has all of it.
const (
	lineWidth  = 60   // what is longer has a line per entry
	maxText    = 4000 // bytes of a string
	maxEntries = 200  // of all tables
	maxDepth   = 12
)

// printer writes values for people, and so that line by line they compare well.
type printer struct {
	r       *run
	v       *vm.VM // that the values are of
	all     bool   // without bounds
	entries int
	above   []*vm.Table // the tables that it is in
}

// display writes values; on one line each only if all of them have room there, so that they
// can be compared line by line.
func (r *run) display(all bool, values ...vm.Value) []string {
	out := make([]string, len(values))
	wide := false
	for i, x := range values {
		out[i] = (&printer{r: r, v: r.lua(), all: all}).value(x, false, 0)
		if _, ok := x.(*vm.Table); ok && utf8.RuneCountInString(out[i]) > lineWidth {
			wide = true
		}
	}
	if wide {
		for i, x := range values {
			out[i] = (&printer{r: r, v: r.lua(), all: all}).value(x, true, 0)
		}
	}
	return out
}

func (p *printer) value(x vm.Value, wide bool, depth int) string {
	if p.v == p.r.own {
		if y, v := p.r.unwrap(x); v != p.v {
			defer func(was *vm.VM) { p.v = was }(p.v)
			x, p.v = y, v
		}
	}
	switch x := x.(type) {
	case vm.String:
		return p.text(string(x), depth == 0)
	case vm.Number:
		return vm.FormatNumber(float64(x))
	case *vm.Table:
		return p.table(x, wide, depth)
	case *vm.Function:
		if label := p.v.FunctionLabel(x); label != "" {
			return "function " + label
		}
		return "function"
	case *vm.Thread:
		return "coroutine"
	}
	if s, ok := p.v.ToString(x); ok {
		return s
	}
	switch x {
	case vm.Value(vm.Nil):
		return "nil"
	case vm.Value(vm.Bool(true)):
		return "true"
	case vm.Value(vm.Bool(false)):
		return "false"
	}
	return p.v.TypeName(x)
}

// text quotes a string. One with several lines has them in the output, too, where there is
// room; they can be told from its own line ends by the \n before.
func (p *printer) text(s string, lines bool) string {
	rest := 0
	if !p.all && len(s) > maxText {
		s, rest = s[:maxText], len(s)-maxText
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '\n':
			b.WriteString(`\n`)
			if lines && i+1 < len(s) {
				b.WriteByte('\n')
			}
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == utf8.RuneError && n == 1 || !strconv.IsPrint(c):
			for _, x := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, `\%03d`, x)
			}
		default:
			b.WriteRune(c)
		}
		i += n
	}
	b.WriteByte('"')
	if rest > 0 {
		fmt.Fprintf(&b, " and %d bytes more", rest)
	}
	return b.String()
}

// entry is one of a table: its key is "" for those that are counted.
type tableEntry struct {
	key   string
	order int // numbers, then strings, then the rest
	n     float64
	value vm.Value
}

func (p *printer) table(t *vm.Table, wide bool, depth int) string {
	if mt, ok := p.v.RawMetatable(t).(*vm.Table); ok {
		if s, ok := p.v.RawGetString(mt, "shown").(vm.String); ok { // lua/core.lua
			if s, ok := p.v.RawGetString(t, string(s)).(vm.String); ok {
				return string(s)
			}
		}
	}
	switch {
	case slices.Contains(p.above, t):
		return "<cycle>"
	case depth >= maxDepth:
		return "{…}"
	}
	p.above = append(p.above, t)
	defer func() { p.above = p.above[:len(p.above)-1] }()
	counted := 0
	for p.v.RawGetInt(t, counted+1) != vm.Nil {
		counted++
	}
	var list []tableEntry
	for key, x, ok := p.v.RawNext(t, vm.Nil); ok && key != vm.Nil; key, x, ok = p.v.RawNext(t, key) {
		list = append(list, p.entry(key, x, counted))
	}
	slices.SortFunc(list, func(a, b tableEntry) int {
		switch {
		case a.order != b.order:
			return a.order - b.order
		case a.n < b.n:
			return -1
		case a.n > b.n:
			return 1
		}
		return strings.Compare(a.key, b.key)
	})
	var parts []string
	for i, e := range list {
		if p.entries++; !p.all && p.entries > maxEntries {
			parts = append(parts, fmt.Sprintf("… %d more", len(list)-i))
			break
		}
		s := p.value(e.value, false, depth+1)
		if wide && len(e.key)+2*depth+len(s) > lineWidth {
			if _, ok := e.value.(*vm.Table); ok {
				s = p.value(e.value, true, depth+1)
			}
		}
		if e.key != "" {
			s = e.key + " = " + s
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return "{}"
	}
	if !wide {
		return "{" + strings.Join(parts, ", ") + "}"
	}
	indent := strings.Repeat("  ", depth)
	return "{\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + ",\n" + indent + "}"
}

func (p *printer) entry(key, x vm.Value, counted int) tableEntry {
	switch k := key.(type) {
	case vm.Number:
		e := tableEntry{n: float64(k), value: x}
		if n := int(k); float64(n) != float64(k) || n < 1 || n > counted {
			e.key = "[" + vm.FormatNumber(float64(k)) + "]"
		}
		return e
	case vm.String:
		if isName(string(k)) {
			return tableEntry{key: string(k), order: 1, value: x}
		}
		return tableEntry{key: "[" + p.text(string(k), false) + "]", order: 1, value: x}
	}
	return tableEntry{key: "[" + p.value(key, false, maxDepth) + "]", order: 2, value: x}
}

// isName reports whether a string can stand before "=" in a table.
func isName(s string) bool {
	for i, c := range []byte(s) {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != "" && !slices.Contains(keywords, s)
}

var keywords = strings.Fields("and break do else elseif end false for function if in local nil not or repeat return then true until while")
