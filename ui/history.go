package ui

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// historyLines is how many lines the prompt remembers.
const historyLines = 500

// history is what was typed at the prompt, oldest first. It is kept in a file that
// all consoles of the user share: each adds its lines at the end.
type history struct {
	lines []string
	file  string // empty: not kept
}

// StateDir returns where the console keeps what outlives it: a directory of the
// user's state directory (XDG_STATE_HOME, by default ~/.local/state), which need
// not exist yet.
func StateDir() (string, error) {
	const name = "nodemcu-sim"
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", name), nil
}

// openHistory reads the history in dir. What cannot be read is as if it were not
// there; a file that has grown long is shortened.
func openHistory(dir string) *history {
	h := &history{}
	if dir == "" {
		return h
	}
	h.file = filepath.Join(dir, "history")
	f, err := os.Open(h.file)
	if err != nil {
		return h
	}
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); n++ {
		h.remember(sc.Text())
	}
	if n > 2*historyLines {
		// If it fails the file stays long, and the next run tries again.
		_ = os.WriteFile(h.file, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600)
	}
	return h
}

// remember adds a line, unless it is empty or the one before, and reports whether
// it did.
func (h *history) remember(s string) bool {
	if strings.TrimSpace(s) == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == s {
		return false
	}
	if len(h.lines) >= historyLines {
		h.lines = h.lines[:copy(h.lines, h.lines[len(h.lines)-historyLines+1:])]
	}
	h.lines = append(h.lines, s)
	return true
}

// add remembers a line, also for the next run.
func (h *history) add(s string) error {
	if !h.remember(s) || h.file == "" {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(h.file), 0o700)
	if err != nil {
		return h.failed(err)
	}
	f, err := os.OpenFile(h.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return h.failed(err)
	}
	_, err = f.WriteString(s + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return h.failed(err)
	}
	return nil
}

// failed gives up keeping the history: one message is enough.
func (h *history) failed(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	err = fmt.Errorf("the prompt's history is not kept: cannot write %s: %w", h.file, err)
	h.file = ""
	return err
}
