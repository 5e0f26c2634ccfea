package house

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/sources"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Dir, Doc string
	GoFiles, Imports     []string
}

// packages lists those of the project that are not only tests. Paths are those in the
// project, or in the standard library.
func packages(t *testing.T) []pkg {
	t.Helper()
	root := sources.Watch(t)
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Doc,GoFiles,Imports", "./...") // -e: also where imports go in a circle
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", cmd, err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) == 0 {
			continue
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, Module+"/")
		for i := range p.Imports {
			p.Imports[i] = strings.TrimPrefix(p.Imports[i], Module+"/")
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("go list knows only %d packages", len(all))
	}
	return all
}

// Imports run downwards only, and the simulation does not know the host. What tests
// import does not count: a test of the gateway needs a device.
func TestImportsRunDownwards(t *testing.T) {
	all := packages(t)
	var ours []string
	for _, p := range all {
		ours = append(ours, p.ImportPath)
	}
	arrows := 0
	for _, p := range all {
		if m := Placed(p.ImportPath); m != "" {
			t.Error(m)
		}
		for _, to := range p.Imports {
			if slices.Contains(ours, to) {
				arrows++
			}
			if m := Mistake(p.ImportPath, to); m != "" {
				t.Error(m)
			}
		}
	}
	t.Logf("%d packages, %d arrows between them", len(all), arrows)
}

// Device time is the only time in the simulation.
func TestNoWallClock(t *testing.T) {
	var read []string
	for _, p := range packages(t) {
		if !inWorld(p.ImportPath) || !slices.Contains(p.Imports, "time") {
			continue
		}
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && isIdent(s.X, "time") && wallClock[s.Sel.Name] {
					if read = append(read, p.ImportPath); !slices.Contains(readTime, p.ImportPath) {
						t.Errorf("%v: time.%s: the simulation has the world's clock only", fset.Position(s.Pos()), s.Sel.Name)
					}
				}
				return true
			})
		}
	}
	for _, pkg := range readTime {
		if !slices.Contains(read, pkg) {
			t.Errorf("%s does not read the wall clock any more: take it off the list", pkg)
		}
	}
}

// wallClock are the functions of package time that know what time it is.
var wallClock = map[string]bool{"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTicker": true, "NewTimer": true, "Local": true}

func isIdent(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// An entry that no package belongs to any more is taken out.
func TestFloorsAreLivedIn(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		entry, _ := place(p.ImportPath)
		used[entry] = true
		used[p.ImportPath] = true
	}
	for _, e := range slices.Concat(slices.Concat(floors...), knowHost) {
		if !used[e] {
			t.Errorf("nothing lives at %s", e)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// comment returns all of a package's comment.
func (p pkg) comment(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(f.Doc.Text())
	}
	return text.String()
}

// Each package says whether programs outside may import it: those that are stable in their
// comment and in the table of docs/go.md, all others in the list there.
func TestStablePackages(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(sources.Watch(t), "docs", "go.md"))
	if err != nil {
		t.Fatal(err)
	}
	stable, others, found := strings.Cut(string(page), "\n## Not stable\n")
	if !found {
		t.Fatal("docs/go.md has no section \"Not stable\"")
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(stable, -1) {
		listed = append(listed, m[1])
	}
	if slices.Sort(listed); !slices.Equal(listed, Stable) {
		t.Errorf("docs/go.md has %q as stable, house %q", listed, Stable)
	}
	var covers []string
	for _, m := range regexp.MustCompile("`([a-z][^`]*)`").FindAllStringSubmatch(others, -1) {
		covers = append(covers, m[1])
	}
	used := map[string]bool{}
	for _, p := range packages(t) {
		isStable := slices.Contains(Stable, p.ImportPath)
		if says := strings.HasSuffix(strings.TrimSpace(p.comment(t)), StableText); says != isStable {
			t.Errorf("%s: its comment says that it is stable: %v; it is: %v", p.ImportPath, says, isStable)
		}
		named := slices.IndexFunc(covers, func(c string) bool {
			top, all := strings.CutSuffix(c, "/…")
			return p.ImportPath == top || all && strings.HasPrefix(p.ImportPath, top+"/")
		})
		switch {
		case named >= 0:
			used[covers[named]] = true
		case !isStable:
			t.Errorf("docs/go.md says nothing of %s", p.ImportPath)
		}
	}
	for _, c := range covers {
		if !used[c] {
			t.Errorf("docs/go.md lists %s, where nothing is", c)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		wrong    bool
	}{
		{"cmd/nodemcu-sim", "app", false},
		{"app", "cmd/nodemcu-sim", true},
		{"world", "device", true},
		{"world/gateway", "device", true},
		{"world/gateway", "world/gateway/hostnet", false},
		{"device", "world", false},
		{"device/vm", "device", true},
		{"device/vm", "device/vm/luac", false},
		{"device/radio", "device/netif", false},
		{"device/netif", "device/radio", true},
		{"device/netif", "device/serial", true}, // neighbours on a floor
		{"sim/net", "device/sockets", false},
		{"sim/net", "sim/tmr", true},
		{"sim/firmware", "sim/tmr", false},
		{"sim/tmr", "sim/firmware", true},
		{"device/inspect/profile", "device/vm", false},
		{"device/vm", "device/inspect/profile", true},
		{"sim/file", "os", true},
		{"world/lwip", "net", true},
		{"world/lwip", "net/netip", false},
		{"world/gateway/hostnet", "net", false},
		{"cmd/nodemcu-sim", "os", false},
	} {
		if got := Mistake(tt.from, tt.to); (got != "") != tt.wrong {
			t.Errorf("%s imports %s: %q", tt.from, tt.to, got)
		}
	}
	for pkg, wrong := range map[string]bool{"attic": true, "device/attic": true, "world/attic": true, "internal/attic": true,
		"device/vm/attic": false, "sim/struct": false, "modules/httpserver": false, "world/part/dht": false} {
		if got := Placed(pkg); (got != "") != wrong {
			t.Errorf("%s: %q", pkg, got)
		}
	}
}
