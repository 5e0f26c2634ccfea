package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What can be done with the log: filter, search, copy, save.

func (c *Console) startFilter() {
	c.boxes.ask(question{
		label: "show lines with: ",
		typed: func(s string) {
			c.devices.shown.log.filter = s
			c.devices.shown.log.follow()
		},
		done:    func(string) {},
		dropped: func() { c.devices.shown.log.filter = "" },
	}, c.devices.shown.log.filter)
}

func (c *Console) nextSources() {
	c.devices.shown.log.sources = (c.devices.shown.log.sources + 1) % sourceChoices
	c.devices.shown.log.follow()
	c.say("the log shows " + sourceNames[c.devices.shown.log.sources])
}

// startSearch looks for a text upwards from where the log stands, while it is
// typed.
func (c *Console) startSearch() {
	from, held, bottom := c.devices.shown.log.lastShown(), c.devices.shown.log.held, c.devices.shown.log.bottom
	c.boxes.ask(question{
		label: "search for: ",
		typed: func(s string) {
			c.devices.shown.log.search = s
			c.devices.shown.log.held, c.devices.shown.log.bottom = held, bottom
			c.devices.shown.log.find(from, -1)
		},
		done: func(s string) {
			c.devices.shown.log.search = s
			if s != "" && !c.devices.shown.log.find(c.devices.shown.log.found, 0) {
				c.say("no line has " + s)
			}
		},
		dropped: func() {
			c.devices.shown.log.search = ""
			c.devices.shown.log.held, c.devices.shown.log.bottom = held, bottom
		},
	}, "")
}

func (c *Console) searchNext(d int) {
	switch {
	case c.devices.shown.log.search == "":
		c.startSearch()
	case !c.devices.shown.log.find(c.devices.shown.log.found+d, d):
		c.say("no further line has " + c.devices.shown.log.search)
	}
}

// maxCopy is how many bytes are copied: terminals take no more in one OSC 52
// sequence (xterm: 100,000 bytes of base64).
const maxCopy = 74_000

// copyLines hands lines to the terminal's clipboard.
func (c *Console) copyLines(lines []string) {
	n := len(lines)
	size := 0
	for i := n - 1; i >= 0; i-- {
		if size += len(lines[i]) + 1; size > maxCopy {
			lines = lines[i+1:]
			break
		}
	}
	if len(lines) == 0 {
		c.say("there is nothing to copy")
		return
	}
	c.terminal.screen.SetClipboard([]byte(strings.Join(lines, "\n") + "\n"))
	said := thousands(len(lines)) + " lines are given to the terminal's clipboard"
	if len(lines) < n {
		said = "the last " + said
	}
	c.say(said)
}

func (c *Console) copySeen() { c.copyLines(c.devices.shown.log.seen()) }
func (c *Console) copyAll()  { c.copyLines(c.devices.shown.log.all()) }

// askSave asks for a file and writes the log to it, as far as it is shown.
func (c *Console) askSave() {
	name := filepath.Base(orElse(c.cfg.Title, c.devices.shown.device.Name())) + c.now().Format("-20060102-150405") + ".log"
	if c.cfg.StateDir != "" {
		name = filepath.Join(c.cfg.StateDir, name)
	}
	c.boxes.ask(question{
		label: "save the log to: ",
		done: func(file string) {
			lines := c.devices.shown.log.all()
			switch err := c.save(file, lines); {
			case errors.Is(err, fs.ErrExist):
				c.say("choose another name: " + file + " exists")
			case err != nil:
				c.say(err.Error())
			default:
				c.say(thousands(len(lines)) + " lines are saved to " + file)
			}
		},
	}, name)
}

func (c *Console) save(file string, lines []string) error {
	if strings.TrimSpace(file) == "" {
		return errors.New("nothing is saved")
	}
	if filepath.Dir(file) == c.cfg.StateDir {
		if err := os.MkdirAll(c.cfg.StateDir, 0o700); err != nil {
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
