package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// logActions are what can be done with the log of the device on show: filter,
// search, copy, save.
type logActions struct {
	actor
	cfg      *Config
	terminal *terminal
}

// log is asked for each time: another device may come on show while a question is
// open.
func (a *logActions) log() *logView { return a.devices.shown.log }

func (a *logActions) clear() {
	a.devices.shown.model.log.clear()
	a.log().follow()
}

func (a *logActions) startFilter() {
	a.boxes.ask(question{
		label: "show lines with: ",
		typed: func(s string) {
			a.log().filter = s
			a.log().follow()
		},
		done:    func(string) {},
		dropped: func() { a.log().filter = "" },
	}, a.log().filter)
}

func (a *logActions) nextSources() {
	a.log().sources = (a.log().sources + 1) % sourceChoices
	a.log().follow()
	a.say("the log shows " + sourceNames[a.log().sources])
}

// startSearch looks for a text upwards from where the log stands, while it is
// typed.
func (a *logActions) startSearch() {
	from, held, bottom := a.log().lastShown(), a.log().held, a.log().bottom
	a.boxes.ask(question{
		label: "search for: ",
		typed: func(s string) {
			a.log().search = s
			a.log().held, a.log().bottom = held, bottom
			a.log().find(from, -1)
		},
		done: func(s string) {
			a.log().search = s
			if s != "" && !a.log().find(a.log().found, 0) {
				a.say("no line has " + s)
			}
		},
		dropped: func() {
			a.log().search = ""
			a.log().held, a.log().bottom = held, bottom
		},
	}, "")
}

func (a *logActions) searchNext(d int) {
	switch {
	case a.log().search == "":
		a.startSearch()
	case !a.log().find(a.log().found+d, d):
		a.say("no further line has " + a.log().search)
	}
}

// maxCopy is how many bytes are copied: terminals take no more in one OSC 52
// sequence (xterm: 100,000 bytes of base64).
const maxCopy = 74_000

// copyLines hands lines to the terminal's clipboard.
func (a *logActions) copyLines(lines []string) {
	n := len(lines)
	size := 0
	for i := n - 1; i >= 0; i-- {
		if size += len(lines[i]) + 1; size > maxCopy {
			lines = lines[i+1:]
			break
		}
	}
	if len(lines) == 0 {
		a.say("there is nothing to copy")
		return
	}
	a.terminal.screen.SetClipboard([]byte(strings.Join(lines, "\n") + "\n"))
	said := thousands(len(lines)) + " lines are given to the terminal's clipboard"
	if len(lines) < n {
		said = "the last " + said
	}
	a.say(said)
}

func (a *logActions) copySeen() { a.copyLines(a.log().seen()) }
func (a *logActions) copyAll()  { a.copyLines(a.log().all()) }

// askSave asks for a file and writes the log to it, as far as it is shown.
func (a *logActions) askSave() {
	name := filepath.Base(orElse(a.cfg.Title, a.devices.shown.device.Name())) + a.cfg.now().Format("-20060102-150405") + ".log"
	if a.cfg.StateDir != "" {
		name = filepath.Join(a.cfg.StateDir, name)
	}
	a.boxes.ask(question{
		label: "save the log to: ",
		done: func(file string) {
			lines := a.log().all()
			switch err := a.save(file, lines); {
			case errors.Is(err, fs.ErrExist):
				a.say("choose another name: " + file + " exists")
			case err != nil:
				a.say(err.Error())
			default:
				a.say(thousands(len(lines)) + " lines are saved to " + file)
			}
		},
	}, name)
}

func (a *logActions) save(file string, lines []string) error {
	if strings.TrimSpace(file) == "" {
		return errors.New("nothing is saved")
	}
	if filepath.Dir(file) == a.cfg.StateDir {
		if err := os.MkdirAll(a.cfg.StateDir, 0o700); err != nil {
			return fmt.Errorf("not saved: %w", err)
		}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("not saved: %w", err)
	}
	_, err = f.WriteString(strings.Join(append(lines, ""), "\n"))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("not saved: %w", err)
	}
	return nil
}
