package firmware

import (
	"fmt"
	"slices"
	"strings"
)

// Setting is a choice that a build makes beyond its modules: a key of [firmware] in
// nodemcu-sim.toml. device.Build is what modules see of it.
type Setting struct {
	Key     string
	Values  string
	Default string
	What    string // of the firmware it is, or gives
}

// Settings lists them, in the order in which they are shown.
func Settings() []Setting {
	return []Setting{
		{"ssl", "true or false", "true if the build has tls", "TLS for tls, mqtt, http and websocket (CLIENT_SSL_ENABLE); the default modules then have tls"},
		{"i2c", `"old" or "new"`, `"old"`, "the I2C driver: one bus at a fixed speed, or ten (without I2C_MASTER_OLD_VERSION)"},
		{"legacy", "true or false", "false", "besides today's the calls of firmware before 3.0, as tmr.alarm(0, 1000, 1, fn)"},
	}
}

// define is how user_modules.h selects a module.
const define = "LUA_USE_MODULES_"

// partOf are the switches in user_modules.h that select part of a module, not a module.
var partOf = map[string]bool{"GPIO_PULSE": true, "SWTMR_DBG": true}

// ParseUserModules reads the list of a build's modules from the text of the firmware's
// app/include/user_modules.h: what is defined there outside of comments and of #if 0. The
// names are sorted; those that Known has not are of another firmware.
func ParseUserModules(text string) ([]string, error) {
	var names []string
	hidden := 0 // nested conditions since the first #if 0
	for i, line := range strings.Split(uncommented(text), "\n") {
		words := strings.Fields(strings.Replace(strings.TrimSpace(line), "#", "# ", 1))
		if len(words) < 2 || words[0] != "#" {
			continue
		}
		switch word := words[1]; {
		case strings.HasPrefix(word, "if"):
			if hidden > 0 || word == "if" && len(words) == 3 && words[2] == "0" {
				hidden++
			}
		case word == "endif" && hidden > 0, word == "else" && hidden == 1:
			hidden--
		case hidden > 0:
		case (word == "define" || word == "undef") && len(words) > 2:
			name, ok := strings.CutPrefix(words[2], define)
			if !ok || partOf[name] {
				continue
			}
			name = strings.ToLower(name)
			if name == "" {
				return nil, fmt.Errorf("line %d: %s names no module", i+1, words[2])
			}
			at := slices.Index(names, name)
			switch {
			case word == "define" && at < 0:
				names = append(names, name)
			case word == "undef" && at >= 0:
				names = slices.Delete(names, at, at+1)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no #define %s… that is not commented out: is it the firmware's app/include/user_modules.h?", define)
	}
	slices.Sort(names)
	return names, nil
}

// uncommented is the text of a C file without its comments; line ends stay.
func uncommented(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, "//"):
			end := strings.IndexByte(text, '\n')
			if end < 0 {
				end = len(text)
			}
			text = text[end:]
		case strings.HasPrefix(text, "/*"):
			end := strings.Index(text[2:], "*/")
			comment := text
			if end >= 0 {
				comment = text[:end+4]
			}
			b.WriteByte(' ')
			b.WriteString(strings.Repeat("\n", strings.Count(comment, "\n")))
			text = text[len(comment):]
		default:
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}
