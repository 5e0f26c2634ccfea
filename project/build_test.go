package project

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
)

// project writes files to a directory and loads it.
func load(t *testing.T, files map[string]string) (*Project, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(dir)
}

// Modules with a + come to those of the board, without one they are all.
func TestModulesAdded(t *testing.T) {
	plain, err := new(Project).BoardFor("")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		`"+http", "+cron", "+tmr"`: slices.Sorted(slices.Values(append([]string{"cron", "http"}, plain.Firmware.Modules...))),
		`"tmr", "cron"`:            {"cron", "tmr"},
	} {
		p, err := Parse(FileName, []byte("[firmware]\nmodules = ["+text+"]"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.BoardFor("")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.Firmware.Modules, want) {
			t.Errorf("%s: modules %v, want %v", text, b.Firmware.Modules, want)
		}
	}
}

// A build's own list of modules is what the board has, without what the simulator lacks.
func TestSetModules(t *testing.T) {
	for _, test := range []struct {
		list []string
		want string // the error
		has  string
	}{
		{[]string{"net", "tmr"}, "", "[net tmr]"},
		{[]string{"+cron"}, "", ""},
		{[]string{}, "", "[]"},
		{[]string{"tls"}, "add net", ""},
		{[]string{"+tls"}, "ssl = false", ""},
		{[]string{"net", "net"}, "listed twice", ""},
		{[]string{"net", "+tmr"}, "give all modules a +", ""},
		{[]string{"lego"}, "lego", ""},
	} {
		p, err := Parse("x.toml", []byte("[firmware]\nmodules = [\"+http\"]\nssl = false\n"))
		if err != nil {
			t.Fatal(err)
		}
		err = p.SetModules(test.list)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q: %v", test.list, err)
			}
			continue
		}
		b, err2 := p.BoardFor("")
		if err != nil || err2 != nil {
			t.Errorf("%q: %v, %v", test.list, err, err2)
			continue
		}
		if got := fmt.Sprint(b.Firmware.Modules); test.has != "" && got != test.has || test.has == "" && !(strings.Contains(got, " cron ") && strings.Contains(got, " wifi]")) {
			t.Errorf("%q: %s", test.list, got)
		}
	}
}

func TestFromUserModules(t *testing.T) {
	p, err := load(t, map[string]string{
		FileName: "[firmware]\nfrom = \"user_modules.h\"\n[fs]\nexclude = [\"*.md\"]",
		"user_modules.h": "#define LUA_USE_MODULES_TMR\n#define LUA_USE_MODULES_FILE\n//#define LUA_USE_MODULES_NET\n" +
			"#define LUA_USE_MODULES_UCG\n#define LUA_USE_MODULES_MINE\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.BoardFor("")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.Firmware.Modules, " "); got != "file tmr" {
		t.Errorf("modules %s", got)
	}
	if got := strings.Join(b.Firmware.Absent, " "); got != "ucg" {
		t.Errorf("absent %s", got)
	}
	if got := strings.Join(p.Exclude, " "); got != "*.md user_modules.h" {
		t.Errorf("excluded %s", got)
	}
	if n := p.Notes; len(n) != 2 || !strings.HasPrefix(n[0], "user_modules.h: the build has ucg, which the simulator has not yet") ||
		!strings.HasPrefix(n[1], "user_modules.h: the build has mine, which firmware 3.0.0.0 does not know") {
		t.Errorf("notes %q", n)
	}

	for file, want := range map[string]string{
		"no.h":         "toml:2: firmware.from: cannot read no.h in the project's directory: no such file or directory",
		"../x.h":       "toml:2: firmware.from: cannot read ../x.h in the project's directory: path escapes",
		"empty.h":      "toml:2: empty.h: no #define LUA_USE_MODULES_",
		".":            "toml:2: firmware.from: cannot read . in the project's directory: ",
		"/etc/passwd.": "toml:2: firmware.from: cannot read ",
	} {
		_, err := load(t, map[string]string{FileName: "[firmware]\nfrom = \"" + file + "\"", "empty.h": ""})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}

// Hints name a module with a + as what a project adds, so each can be added.
func TestAddEachModule(t *testing.T) {
	for _, m := range firmware.Simulated() {
		p, err := Parse(FileName, []byte("[firmware]\nmodules = [\"+"+m.Name+"\"]"))
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := p.BoardFor("")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(b.Firmware.Modules, m.Name) || !slices.Contains(b.Firmware.Modules, "net") {
			t.Errorf("+%s: %v", m.Name, b.Firmware.Modules)
		}
	}
}

// What is left out of the settings is as in the firmware's own files, but a build with the
// module tls has TLS.
func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		text string
		want device.Build
	}{
		{"", device.Build{}},
		{"ssl = true\ni2c = \"new\"\nlegacy = true", device.Build{Legacy: true, SSL: true, NewI2C: true}},
		{"ssl = false\ni2c = \"old\"\nstatic_timers = true", device.Build{Legacy: true}},
	} {
		p, err := Parse(FileName, []byte("[firmware]\n"+tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		b, err := p.BoardFor("")
		if err != nil {
			t.Fatal(err)
		}
		if got := p.BuildFor(b); got != tt.want {
			t.Errorf("%s: %+v", tt.text, got)
		}
		b.Firmware.Modules = []string{"net", "tls"}
		if got := p.BuildFor(b).SSL; got == strings.Contains(tt.text, "ssl = false") {
			t.Errorf("%s: with tls SSL is %v", tt.text, got)
		}
	}
}
