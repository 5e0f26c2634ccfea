package vm_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// suite is what Lua's official test suite did on the firmware's own VM.
type suite struct {
	Prelude string
	Files   map[string]suiteResult
}

// suiteResult is of one file: how often which assert failed, and what its pcall gave.
type suiteResult struct {
	Fails map[string]int
	End   []string
}

// suiteMicros bounds a file, in instructions: four times what the longest takes.
const suiteMicros = 60e6

// Lua's official suite finds on this VM what it finds on the firmware's.
func TestOracleLuaSuite(t *testing.T) {
	files := map[string]string{}
	paths, _ := filepath.Glob(filepath.Join(need.Module(t, "github.com/yuin/gopher-lua"), "_lua5.1-tests", "*.lua"))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(text)
	}
	oracle.Set{
		Name: "lua-suite",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			want := oracle.Decode[suite](t, data)
			for _, name := range slices.Sorted(maps.Keys(want.Files)) {
				entries = append(entries, oracle.Entry{Name: name, Check: func() string {
					return suiteDifference(runSuiteFile(t, want.Prelude, name, files), want.Files[name])
				}})
			}
			return entries
		},
	}.Compare(t)
}

var suiteAddress = regexp.MustCompile(`0x[0-9a-f]+`)

// runSuiteFile runs the prelude and then one file, as the measurement did.
func runSuiteFile(t *testing.T, prelude, name string, files map[string]string) suiteResult {
	b := newBounded(64<<20, suiteMicros)
	b.files = files
	b.v.SetEGC(heap.EGCNotActive, 0)
	// What measured had opened an io library of its own: require finds that one.
	if got := b.run("PRINT = print package.loaded.io = {}\n" + prelude); got != "" {
		t.Fatalf("%s: prelude: %s", name, got)
	}
	fn, err := b.v.Load(fmt.Appendf(nil, `local ok, e = pcall(dofile, "%s.lua") PRINT("END", "%s", tostring(ok), tostring(e))`, name, name), "=suite")
	if err != nil {
		t.Fatal(err)
	}
	b.out.Reset()
	r := suiteResult{Fails: map[string]int{}}
	if end := b.call(fn); end != "" {
		r.End = []string{name, end}
	}
	out := "\n" + b.out.String()
	if before, end, ok := strings.Cut(out, "\nEND\t"); ok { // an error may be of several lines
		out = before
		r.End = strings.SplitN(suiteAddress.ReplaceAllString(strings.TrimSuffix(end, "\n"), "ADDR"), "\t", 3)
	}
	for _, line := range strings.Split(out, "\nFAIL\t")[1:] {
		where, _, _ := strings.Cut(line, "\t")
		r.Fails[strings.TrimSpace(where)]++
	}
	return r
}

// suiteDifference is what differs, a line each.
func suiteDifference(got, want suiteResult) string {
	s := ""
	if !slices.Equal(got.End, want.End) {
		s += fmt.Sprintf("\n\tends %q, want %q", got.End, want.End)
	}
	places := map[string]bool{}
	for where := range got.Fails {
		places[where] = true
	}
	for where := range want.Fails {
		places[where] = true
	}
	var sorted []string
	for where := range places {
		sorted = append(sorted, where)
	}
	slices.Sort(sorted)
	for _, where := range sorted {
		if got.Fails[where] != want.Fails[where] {
			s += fmt.Sprintf("\n\tfails at %s %d times, want %d", where, got.Fails[where], want.Fails[where])
		}
	}
	return s
}
