package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each set has one test, which lies where the set does, and each set in a testdata
// directory has a test.
func TestSets(t *testing.T) {
	named := regexp.MustCompile(`Name:\s+"([a-z-]+(?:_[a-z]+)?)",`)
	tests := regexp.MustCompile(`(?s)func TestOracle\w+\(t \*testing\.T\) \{(.*?)\n\}`)
	found := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "internal/oracle") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range tests.FindAllStringSubmatch(string(text), -1) {
			for _, name := range named.FindAllStringSubmatch(m[1], -1) {
				if other := found[name[1]]; other != "" {
					t.Errorf("%s is compared in %s and in %s", name[1], other, path)
				}
				found[name[1]] = path
				if _, err := os.Stat(filepath.Join(filepath.Dir(path), "testdata", name[1]+".json")); err != nil {
					t.Error(err)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sets {
		if found[name] == "" {
			t.Errorf("%s has no test", name)
		}
		delete(found, name)
	}
	for name, path := range found {
		t.Errorf("%s of %s is not in the list of sets", name, path)
	}
	if !slices.IsSorted(sets) {
		t.Error("the list of sets is not sorted")
	}
}

// TestInner is a comparison, which TestContract runs in processes of its own, as most of
// them have to fail.
func TestInner(t *testing.T) {
	mode := os.Getenv("ORACLE_INNER")
	if mode == "" {
		mode = "plain"
		t.Setenv(Variable, "")
		t.Chdir(withSet(t))
	}
	wrong := func() string { return "is otherwise" }
	right := func() string { return "" }
	unlike := map[string]string{"b": "cannot be"}
	if mode == "stale" {
		unlike["a"] = "was not"
	}
	if mode == "unknown" {
		unlike["z"] = "is not there"
	}
	Set{Name: "lua-suite", Unlike: unlike, Parallel: mode == "parallel", Read: func(t *testing.T, data []byte) []Entry {
		list := []Entry{{Name: "a", Check: right}, {Name: "b", Check: wrong}, {Name: "c", Check: wrong, Undefined: true}}
		if mode == "differs" {
			list = append(list, Entry{Name: "d", Check: wrong})
		}
		if mode == "twice" {
			list = append(list, Entry{Name: "a", Check: right})
		}
		return list
	}}.Compare(t)
}

// withSet makes a directory of a package that has a set.
func withSet(t *testing.T) (dir string) {
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "testdata"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "testdata", "lua-suite.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The contract of all tests on sets.
func TestContract(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	further, strange := t.TempDir(), t.TempDir()
	for dir, name := range map[string]string{further: "lua-suite.json", strange: "other.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		mode, dir string
		ok        bool
		want      string
	}{
		{"plain", "", true, "lua-suite: 1 of 2 identical\n"},
		{"parallel", "", true, "lua-suite: 1 of 2 identical\n"},
		{"plain", further, true, "lua-suite: 1 of 2 identical (further)\n"},
		{"plain", strange, false, "has none of the sets"},
		{"plain", filepath.Join(strange, "absent"), false, "must name a directory"},
		{"differs", "", false, "d: is otherwise"},
		{"stale", "", false, "take it out of the list (was not)"},
		{"unknown", "", false, `no entry "z"`},
		{"twice", "", false, `two entries "a"`},
	} {
		cmd := exec.Command(exe, "-test.run", "^TestInner$", "-test.v")
		cmd.Dir = withSet(t)
		cmd.Env = append(os.Environ(), "ORACLE_INNER="+tt.mode, Variable+"="+tt.dir)
		out, err := cmd.CombinedOutput()
		if (err == nil) != tt.ok || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s %q: %v, want %q in\n%s", tt.mode, tt.dir, err, tt.want, out)
		}
	}
}
