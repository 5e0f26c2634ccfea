package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// The results on a page, for merge. They are JSON in a script element, which a browser
// does not run. encoding/json writes "<" as \u003c, so nothing that a device prints ends
// the element, and nothing else on the page begins as it does.
const (
	dataBegins = `<script type="application/json" id="results">`
	dataEnds   = `</script>`
	// dataVersion changes when an older program can't read the results any more.
	dataVersion = 1
)

// Bounds of what is read back, so that no file makes this computer work or remember for
// long. A page of five thousand tests with all that can be recorded of them stays below.
const (
	maxData    = 64 << 20  // bytes of results on a page, or of a report
	maxObjects = 1_000_000 // of JSON
	maxValues  = 5_000_000 // of JSON
)

// htmlData are the results.
type htmlData struct {
	Version int        `json:"version"`
	Shard   *Shard     `json:"shard,omitempty"`
	Wall    int64      `json:"wall_ns"`
	Files   []dataFile `json:"files"`
}

type dataFile struct {
	*luatest.File
	Again string     `json:"again,omitempty"`
	Tests []dataTest `json:"tests"`
}

type dataTest struct {
	Status luatest.Status `json:"status"`
	*luatest.Test
	Again string `json:"again,omitempty"`
}

// data are the results of a run.
func (h *HTML) data(s luatest.Summary) ([]byte, error) {
	out := htmlData{Version: dataVersion, Wall: int64(s.Wall)}
	if h.Shard != (Shard{}) {
		out.Shard = &h.Shard
	}
	for _, f := range h.files {
		d := dataFile{File: f.File, Again: f.Again}
		for _, t := range f.Tests {
			d.Tests = append(d.Tests, dataTest{t.Status, t.Test, t.Again})
		}
		out.Files = append(out.Files, d)
	}
	return json.Marshal(out)
}

// Results are those of a page.
type Results struct {
	Shard Shard
	Wall  time.Duration
	Files []*luatest.File
	again map[any]string // of files and tests
}

// Again is the command that repeats a test or a file, as it stood on the page.
func (r *Results) Again(f *luatest.File, t *luatest.Test) string {
	if t == nil {
		return r.again[f]
	}
	return r.again[t]
}

// errNoResults is the error for a page that HTML has not written.
var errNoResults = errors.New("this page is none of nodemcu-sim test --html, or of a version that could not merge yet")

// isHTML reports whether a page has results.
func isHTML(page []byte) bool { return bytes.Contains(page, []byte(dataBegins)) }

// ReadHTML reads back the results of a page that HTML has written.
func ReadHTML(page []byte) (*Results, error) {
	_, rest, ok := bytes.Cut(page, []byte(dataBegins))
	if !ok {
		return nil, errNoResults
	}
	text, _, ok := bytes.Cut(rest, []byte(dataEnds))
	switch {
	case !ok:
		return nil, errors.New("the page ends within its results")
	case len(text) > maxData:
		return nil, fmt.Errorf("the page has more than %d MB of results", maxData>>20)
	case bytes.Count(text, []byte("{")) > maxObjects:
		return nil, fmt.Errorf("the page has more than %d objects in its results", maxObjects)
	case bytes.Count(text, []byte(",")) > maxValues:
		return nil, fmt.Errorf("the page has more than %d values in its results", maxValues)
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, fmt.Errorf("the page's results can't be read: %w", err)
	}
	if version.Version != dataVersion {
		return nil, fmt.Errorf("the page's results are of version %d, and this program knows %d: merge with the program that wrote them", version.Version, dataVersion)
	}
	var in htmlData
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("the page's results can't be read: %w", err)
	}
	out := &Results{Wall: time.Duration(in.Wall), again: map[any]string{}}
	if in.Shard != nil {
		out.Shard = *in.Shard
		if err := out.Shard.check(); err != nil {
			return nil, err
		}
	}
	for _, d := range in.Files {
		f := d.File
		if f == nil {
			return nil, errors.New("the page's results have a file without fields")
		}
		out.again[f] = d.Again
		for _, t := range d.Tests {
			if t.Test == nil {
				return nil, fmt.Errorf("the page's results have a test without fields in %.200q", f.Path)
			}
			t.Test.Status = t.Status
			out.again[t.Test] = t.Again
			f.Tests = append(f.Tests, t.Test)
		}
		out.Files = append(out.Files, f)
	}
	return out, nil
}

// readable is the result of a file with each byte that is no UTF-8 as \xNN, which is how it
// is shown: JSON has no way to say it.
func readable(f *luatest.File) *luatest.File {
	return utf8Only(reflect.ValueOf(f)).Interface().(*luatest.File)
}

// utf8Only copies a value of exported fields.
func utf8Only(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(utf8Text(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(utf8Only(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(utf8Only(v.Index(i)))
			}
		}
	case reflect.Struct:
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(utf8Only(v.Field(i)))
			}
		}
	default:
		out.Set(v)
	}
	return out
}

func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02X`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
