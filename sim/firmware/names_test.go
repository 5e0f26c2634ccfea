package firmware

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
)

// show prints what the tables of all modules have, with its type.
const show = `
local function show(module, prefix, t)
	for k, v in pairs(t) do
		local name = prefix .. tostring(k)
		if name:sub(1, 2) ~= "__" then
			if type(v) == "table" or type(v) == "romtable" then
				if v ~= t then show(module, name .. ".", v) end
			else print(module, name, type(v)) end
		end
	end
end
for name, path in ("MODULES"):gmatch("(%S+)=(%S+)") do
	local t = _G
	for key in path:gmatch("[^.]+") do t = t and t[key] end
	if t then show(name, "", t) else print(name, "nil", "nil") end
end
`

// A booted device shows in each module's table the functions and constants that stand in
// the catalogue, and no others: what nodemcu-sim modules says is what a program finds.
func TestNamesOnADevice(t *testing.T) {
	var modules, places []string
	for _, m := range simulated {
		modules = append(modules, m.Name)
		places = append(places, m.Name+"="+cmp.Or(m.In, m.Name))
	}
	x := terminal.New(t, map[string]string{"show.lua": strings.ReplaceAll(show, "MODULES", strings.Join(places, " "))}, simulated...)
	functions, numbers := map[string][]string{}, map[string][]string{}
	for _, line := range strings.Split(x.Run(`dofile("show.lua")`), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			t.Fatalf("%q", line)
		}
		switch f[2] {
		case "function", "lightfunction":
			functions[f[0]] = append(functions[f[0]], f[1])
		case "number":
			numbers[f[0]] = append(numbers[f[0]], f[1])
		default:
			t.Errorf("%s.%s is a %s", f[0], f[1], f[2])
		}
	}
	compare := func(what, module string, got, want []string) {
		if missing := without(want, got); len(missing) > 0 {
			t.Errorf("%s: no %s %s", module, what, strings.Join(missing, " "))
		}
		if more := without(got, want); len(more) > 0 {
			t.Errorf("%s: the catalogue lacks the %s %s", module, what, strings.Join(more, " "))
		}
	}
	// What stands in another module's table is not that one's.
	for _, m := range simulated {
		if of, name, ok := strings.Cut(m.In, "."); ok {
			functions[of] = slices.DeleteFunc(functions[of], func(f string) bool { return strings.HasPrefix(f, name+".") })
		}
	}
	for _, module := range modules {
		d, _ := Find(module)
		want := append(strings.Fields(undocumented[module]), slices.DeleteFunc(slices.Clone(d.Functions), func(f string) bool {
			return Switch(module, f) != "" && !slices.Contains(functions[module], f)
		})...)
		compare("function", module, functions[module], want)
		compare("constant", module, numbers[module], d.Constants)
	}
}

// The tables are sorted, and name modules of the catalogue.
func TestNames(t *testing.T) {
	for what, table := range map[string]map[string]string{"constants": constants, "undocumented": undocumented} {
		for module, names := range table {
			if !Known(module) {
				t.Errorf("%s: the firmware has no module %s", what, module)
			}
			if list := strings.Fields(names); !slices.IsSorted(list) || len(slices.Compact(list)) != len(strings.Fields(names)) {
				t.Errorf("%s: the names of %s are not sorted, or one is there twice", what, module)
			}
		}
	}
}

// Each module that the simulator has runs its page of the documentation.
func TestEachHasItsPage(t *testing.T) {
	for _, m := range simulated {
		if _, err := os.Stat(filepath.Join("..", m.Name, "documentation_test.go")); err != nil {
			t.Errorf("%s: %v: write one, as its neighbours have (package internal/docpage)", m.Name, err)
		}
	}
}
