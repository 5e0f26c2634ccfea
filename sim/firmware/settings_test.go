package firmware

import (
	"os"
	"strings"
	"testing"
)

func TestParseUserModules(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a build", "#ifndef __USER_MODULES_H__\n#define __USER_MODULES_H__\n#define LUA_USE_BUILTIN_STRING // for string.xxx()\n" +
			"#ifndef LUA_CROSS_COMPILER\n\n#define LUA_USE_MODULES_WIFI\n//#define LUA_USE_MODULES_ADXL345\n#define LUA_USE_MODULES_ADC\n" +
			"#define LUA_USE_MODULES_ENDUSER_SETUP // USE_DNS needs to be enabled\n#define LUA_USE_MODULES_GPIO_PULSE\n#define LUA_USE_MODULES_U8G2\n#endif\n#endif\n", "adc enduser_setup u8g2 wifi"},
		{"comments", "/* #define LUA_USE_MODULES_A\n#define LUA_USE_MODULES_B */ #define LUA_USE_MODULES_C\n  #  define\tLUA_USE_MODULES_D/*x*/\r\n", "c d"},
		{"taken back", "#define LUA_USE_MODULES_A\n#define LUA_USE_MODULES_B\n#define LUA_USE_MODULES_B\n#undef LUA_USE_MODULES_A\n", "b"},
		{"never compiled", "#if 0\n#ifdef X\n#define LUA_USE_MODULES_A\n#endif\n#define LUA_USE_MODULES_B\n#else\n#define LUA_USE_MODULES_C\n#endif\n#define LUA_USE_MODULES_D", "c d"},
		{"unfinished comment", "#define LUA_USE_MODULES_A\n/* #define LUA_USE_MODULES_B", "a"},
		{"all commented out", "//#define LUA_USE_MODULES_A", "error: no #define LUA_USE_MODULES_"},
		{"no name", "#define LUA_USE_MODULES_", "error: line 1: LUA_USE_MODULES_ names no module"},
		{"nothing", "", "error: no #define"},
	} {
		names, err := ParseUserModules(tt.text)
		got := strings.Join(names, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if err == nil && got != tt.want || err != nil && !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func FuzzParseUserModules(f *testing.F) {
	f.Add("#define LUA_USE_MODULES_ADC\n//#define LUA_USE_MODULES_B\n/*")
	f.Fuzz(func(t *testing.T, text string) {
		if names, err := ParseUserModules(text); err == nil && len(names) == 0 {
			t.Error("neither names nor an error")
		}
	})
}

// The manual has each setting.
func TestSettingsDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../docs/builds.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Settings() {
		if !strings.Contains(string(manual), "`"+s.Key+" = ") && !strings.Contains(string(manual), "`[firmware] "+s.Key+" = ") {
			t.Errorf("docs/builds.md does not say what %s means", s.Key)
		}
	}
}
