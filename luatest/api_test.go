package luatest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/api/*.want anew")

// keep is a reporter that keeps what it is told.
type keep struct{ files []*File }

func (k *keep) Begin([]string) {}
func (k *keep) File(f *File)   { k.files = append(k.files, f) }
func (k *keep) End(Summary)    {}

// results runs tests.
func results(t *testing.T, o Options) []*File {
	t.Helper()
	var k keep
	if _, err := Run(o, &k); err != nil {
		t.Fatal(err)
	}
	return k.files
}

// story writes what became of a file, without times.
func story(f *File) string {
	var b strings.Builder
	failure := func(indent string, x Failure) {
		if x.File != "" {
			fmt.Fprintf(&b, "%s%s:%d: %s\n", indent, filepath.Base(x.File), x.Line, x.Source)
		}
		fmt.Fprintf(&b, "%s%s\n", indent, strings.ReplaceAll(x.Message, "\n", "\n"+indent))
		if x.Compared {
			for _, s := range []string{"expected: " + x.Expected, "actual:   " + x.Actual} {
				fmt.Fprintf(&b, "%s  %s\n", indent, strings.ReplaceAll(s, "\n", "\n"+indent+"  "))
			}
		}
	}
	if f.Failure != nil {
		b.WriteString("the file\n")
		failure("    ", *f.Failure)
	}
	for _, x := range f.Tests {
		fmt.Fprintf(&b, "%s (line %d): %v", x.FullName(), x.Line, x.Status)
		if x.Asserts > 0 {
			fmt.Fprintf(&b, ", asserted %d", x.Asserts)
		}
		if x.Why != "" {
			fmt.Fprintf(&b, ", because: %s", x.Why)
		}
		b.WriteByte('\n')
		for _, y := range x.Failures {
			failure("    ", y)
		}
		for _, y := range x.Log {
			if !x.Status.Bad() {
				break
			}
			if _, text, ok := strings.Cut(y, "] "); ok && strings.HasPrefix(y, "[") {
				y = text
			}
			fmt.Fprintf(&b, "    | %s\n", y)
		}
	}
	fmt.Fprintf(&b, "boots: %d\n", f.Boots)
	return b.String()
}

// TestAPI runs the files of testdata/api. Of NAME_test.lua, NAME.want says what becomes of each
// test, with the texts of the failures.
func TestAPI(t *testing.T) {
	t.Parallel()
	for _, f := range results(t, Options{Paths: []string{"testdata/api"}}) {
		name := strings.TrimSuffix(filepath.Base(f.Path), "_test.lua")
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", "api", name+".want")
			got := story(f)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestTags selects tests by words of their names.
func TestTags(t *testing.T) {
	t.Parallel()
	f := results(t, Options{Paths: []string{"testdata/api/tree_test.lua"}, Run: regexp.MustCompile("#slow")})[0]
	if got := story(f); !strings.Contains(got, "tagged #slow one") || !strings.Contains(got, "tagged two #slow") || len(f.Tests) != 2 {
		t.Errorf("got\n%s", got)
	}
}

// TestUpdate writes a file of snapshots, and then finds them.
func TestUpdate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a_test.lua")
	write := func(name, s string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(file, `it("a", function() assert.matches_snapshot({b = 1, a = "x"}, "first") assert.matches_snapshot("1\n2") end)`)
	write(file+".snap", "# a: first\n    other\n\n# gone: 1\n    1\n")
	if f := results(t, Options{Paths: []string{file}})[0]; f.Tests[0].Status != Failed {
		t.Errorf("got\n%s", story(f))
	}
	if f := results(t, Options{Paths: []string{file}, Update: true})[0]; f.Tests[0].Status != Passed {
		t.Errorf("got\n%s", story(f))
	}
	got, err := os.ReadFile(file + ".snap")
	if want := "# a: 1\n    \"1\\n\n    2\"\n\n# a: first\n    {a = \"x\", b = 1}\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if f := results(t, Options{Paths: []string{file}})[0]; f.Tests[0].Status != Passed {
		t.Errorf("got\n%s", story(f))
	}
}

// TestLibraryHeap bounds what the libraries take of a device's memory.
func TestLibraryHeap(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a_test.lua")
	src := `it("a", function() local s = spy.new() s() assert.spy(s).was.called_with() end)`
	if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	free := map[string]int{}
	f := results(t, Options{Paths: []string{file}, heapSaid: func(library string, n int) { free[library] = n }})[0]
	// Of a board without further modules about 41 KB are free.
	for library, least := range map[string]int{"core": 32000, "busted": 29000, "assert": 17000, "spies": 6000} {
		if free[library] < least {
			t.Errorf("behind %s %d bytes are free, want %d", library, free[library], least)
		}
	}
	if f.Failure != nil || f.Tests[0].Status != Passed {
		t.Errorf("got\n%s", story(f))
	}
}
