package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Doc  string
	GoFiles, Imports []string
}

// packages lists those of the project, paths in the project.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports", Module+"/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	inside := func(path string) string { return strings.TrimPrefix(path, Module+"/") }
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		p.ImportPath = inside(p.ImportPath)
		p.Imports = slices.DeleteFunc(p.Imports, func(i string) bool { return !strings.HasPrefix(i, Module+"/") })
		for i := range p.Imports {
			p.Imports[i] = inside(p.Imports[i])
		}
		all = append(all, p)
	}
}

// Imports run downwards only. What tests import does not count: a test of the gateway
// needs a device.
func TestImportsRunDownwards(t *testing.T) {
	arrows := 0
	for _, p := range packages(t) {
		for _, to := range p.Imports {
			arrows++
			if m := Mistake(p.ImportPath, to); m != "" {
				t.Error(m)
			}
		}
	}
	t.Logf("%d arrows between packages", arrows)
}

// Only firmware modules and their catalogue live in sim.
func TestSimHoldsFirmwareModules(t *testing.T) {
	for _, p := range packages(t) {
		if rest, ok := strings.CutPrefix(p.ImportPath, "sim/"); ok {
			if name, _, _ := strings.Cut(rest, "/"); name != "firmware" && !firmware.Known(name) {
				t.Errorf("sim/%s is no firmware module", name)
			}
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

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		wrong    bool
	}{
		{"cmd/nodemcu-sim", "app", false},
		{"app", "cmd/nodemcu-sim", true},
		{"world", "device", true},
		{"world/gateway", "device", true},
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
		{"attic", "device", true},
	} {
		if got := Mistake(tt.from, tt.to); (got != "") != tt.wrong {
			t.Errorf("%s imports %s: %q", tt.from, tt.to, got)
		}
	}
}
