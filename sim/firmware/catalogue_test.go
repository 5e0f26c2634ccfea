package firmware

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
)

func TestCatalogue(t *testing.T) {
	if !slices.IsSortedFunc(catalogue, func(a, b Documented) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the catalogue is not sorted by name: Find needs that")
	}
	for i, d := range catalogue {
		if i > 0 && catalogue[i-1].Name == d.Name {
			t.Errorf("%s is listed twice", d.Name)
		}
		names := append(slices.Clone(d.Functions), d.Methods...)
		slices.Sort(names)
		if len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s lists a name twice: %v", d.Name, names)
		}
		for _, m := range d.Methods {
			if typ, name, ok := strings.Cut(m, ":"); !ok || typ == "" || name == "" {
				t.Errorf("%s: method %q", d.Name, m)
			}
		}
	}
	for name, want := range map[string]bool{"file": true, "wifi": true, "sjson": true, "ble": false, "": false, "zzz": false} {
		if Known(name) != want {
			t.Errorf("Known(%q) = %v", name, !want)
		}
	}
}

func TestCompare(t *testing.T) {
	mdns, _ := Find("mdns")
	have := []Provided{
		{Name: "mdns", Functions: append(slices.Clone(mdns.Functions), "old")},
		{Name: "tmr", Functions: []string{"create", "now"}, Methods: []string{"tmr.timer:start"}},
	}
	got := Compare(have)
	if len(got) != len(catalogue) {
		t.Fatalf("%d modules", len(got))
	}
	for _, s := range got {
		switch s.Name {
		case "mdns":
			if s.Level != Supported || len(s.Missing) != 0 || fmt.Sprint(s.Extra) != "[old]" {
				t.Errorf("mdns: %+v", s)
			}
		case "tmr":
			want := "[ccount delay softwd time wdclr tmr.timer:alarm tmr.timer:interval tmr.timer:register tmr.timer:state tmr.timer:stop tmr.timer:unregister]"
			off := "[resume_all suspend_all tmr.timer:resume tmr.timer:suspend]"
			if s.Level != Partial || fmt.Sprint(s.Missing) != want || fmt.Sprint(s.Off) != off {
				t.Errorf("tmr: %v", s)
			}
		default:
			if s.Level != Absent || s.Missing != nil {
				t.Errorf("%s: %+v", s.Name, s)
			}
		}
	}
	if Absent.String() != "absent" || Partial.String() != "partial" || Supported.String() != "supported" {
		t.Error("level names")
	}
}

// What the simulator has is all that is documented of its modules and that a
// default build has.
func TestSimulated(t *testing.T) {
	have := Simulated()
	for _, s := range Compare(have) {
		if s.Level == Partial {
			t.Errorf("%s lacks %v", s.Name, s.Missing)
		}
	}
	for name := range switched {
		module, f, _ := strings.Cut(name, ".")
		d, _ := Find(module)
		if !slices.Contains(d.Functions, f) && !slices.Contains(d.Methods, name) {
			t.Errorf("%s has a switch and is not documented", name)
		}
	}
}

// Only firmware modules and this catalogue live in sim, and all that do are simulated,
// in order.
func TestSimHoldsFirmwareModules(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var dirs, have []string
	for _, e := range entries {
		if e.Name() != "firmware" {
			dirs = append(dirs, e.Name())
		}
		if !Known(e.Name()) && e.Name() != "firmware" {
			t.Errorf("sim/%s is no firmware module", e.Name())
		}
	}
	for _, m := range simulated {
		have = append(have, m.Name)
	}
	if !slices.Equal(dirs, have) {
		t.Errorf("simulated has %v\nsim holds        %v", have, dirs)
	}
}

// What profiles and projects list is what a build has, and nothing else.
func TestBuilds(t *testing.T) {
	for _, b := range boards.All() {
		build, err := Select(b.Firmware.Modules)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		for _, name := range b.Firmware.Modules {
			if !slices.ContainsFunc(build, func(m device.Module) bool { return m.Name == name }) {
				t.Errorf("%s: the build has no %s", b.Name, name)
			}
		}
		for _, name := range b.Firmware.Absent {
			if !Known(name) || Simulates(name) {
				t.Errorf("%s: %s is no module that is absent: list it with those that are there", b.Name, name)
			}
		}
	}
	if _, err := Select([]string{"tmr", "mqqt"}); err == nil || !strings.Contains(err.Error(), `the firmware has no module "mqqt"`) {
		t.Error(err)
	}
	absent := slices.IndexFunc(catalogue, func(d Documented) bool { return !Simulates(d.Name) })
	if absent < 0 {
		return
	}
	name := catalogue[absent].Name
	if _, err := Select([]string{name}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("the simulator does not have the firmware's module %q", name)) {
		t.Error(err)
	}
	for name, want := range map[string]string{name: "the simulator does not have", "tmr": `add it in nodemcu-sim.toml: [firmware] modules = ["+tmr"]`, "x": "",
		"wifi.monitor": "the module wifi_monitor of the firmware, which this build lacks", "wifi_monitor": "has it as wifi.monitor"} {
		if got := Lacking(name); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
