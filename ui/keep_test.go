package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHistoryIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	p := newPrompt(actor{}, nil, dir)
	for _, s := range []string{"one()", "", "two()", "two()", " "} {
		p.set(s)
		if _, err := p.takeLine(); err != nil {
			t.Fatal(err)
		}
	}
	p.set("draft")
	q := newPrompt(actor{}, nil, dir) // another console, or the next run
	q.recall(-1)
	q.recall(-1)
	if q.text() != "one()" || strings.Join(q.history.lines, " ") != "one() two()" {
		t.Errorf("the next run recalls %q of %q", q.text(), q.history.lines)
	}
	if info, err := os.Stat(filepath.Join(dir, "history")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	for i := range 3 * historyLines {
		q.set(fmt.Sprint("line ", i))
		if _, err := q.takeLine(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(q.history.lines); n != historyLines {
		t.Errorf("%d lines are remembered", n)
	}
	openHistory(dir)
	data, err := os.ReadFile(filepath.Join(dir, "history"))
	if n := strings.Count(string(data), "\n"); err != nil || n != historyLines || !strings.HasSuffix(string(data), "line 1499\n") {
		t.Errorf("the file has %d lines after the next start: %v", n, err)
	}
}

func TestHistoryThatCannotBeKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPrompt(actor{}, nil, file) // no directory
	p.set("x")
	if _, err := p.takeLine(); err == nil || !strings.Contains(err.Error(), "history is not kept") {
		t.Errorf("the error: %v", err)
	}
	p.set("y")
	if _, err := p.takeLine(); err != nil {
		t.Errorf("it is said again: %v", err)
	}
	if len(p.history.lines) != 2 {
		t.Errorf("remembered: %q", p.history.lines)
	}
}

func TestStateDir(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	for _, tt := range []struct{ xdg, want string }{
		{"/state", "/state/nodemcu-sim"},
		{"", "/home/someone/.local/state/nodemcu-sim"},
		{"relative", "/home/someone/.local/state/nodemcu-sim"}, // to be ignored, says the specification
	} {
		t.Setenv("XDG_STATE_HOME", tt.xdg)
		if got, err := StateDir(); err != nil || got != tt.want {
			t.Errorf("XDG_STATE_HOME=%q: %q, %v", tt.xdg, got, err)
		}
	}
}

func TestSearch(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	for i := range 500 {
		h.output(0, fmt.Sprintf("line %d\r\n", i))
	}
	h.frame()
	h.c.window.focus = paneLog
	h.press("/")
	h.typeText("LINE 12")
	if s := h.frame(); !strings.Contains(s, "line 129\n") || !strings.Contains(s, "search for: LINE 12") {
		t.Errorf("while it is typed:\n%s", s)
	}
	h.press("Enter", "n")
	if h.page().log.at(h.page().log.found) != "line 128" {
		t.Errorf("the match before is %q", h.page().log.at(h.page().log.found))
	}
	h.press("N", "N")
	if s := h.frame(); !strings.Contains(s, "no further line has LINE 12") {
		t.Errorf("past the last match:\n%s", s)
	}
	for range 10 {
		h.press("n")
	}
	if got := h.page().log.at(h.page().log.found); got != "line 12" {
		t.Errorf("far up: %q", got)
	}
	h.golden("search-80x24")
	bottom := h.page().log.lastShown()
	h.press("/")
	h.typeText("499")
	h.press("Esc")
	if h.page().log.search != "" || h.page().log.lastShown() != bottom {
		t.Error("dropping a search moves the log")
	}
	h.press("/")
	h.typeText("nowhere")
	h.press("Enter")
	if s := h.frame(); !strings.Contains(s, "no line has nowhere") {
		t.Errorf("no match:\n%s", s)
	}
}

// at is the text of a line.
func (v *logView) at(n int) string { return v.m.log.at(n).text }

func TestLogIsSavedAndCopied(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	dir := t.TempDir()
	h.c.cfg.StateDir = filepath.Join(dir, "state")
	for i := range 50 {
		h.output(3_723_004_000, fmt.Sprintf("line %d\r\n", i))
	}
	h.frame()
	h.c.window.focus = paneLog
	h.press("&")
	h.typeText("line 4")
	h.press("Enter")
	h.frame()
	h.press("w")
	want := filepath.Join(dir, "state", "hello-http-"+time.Unix(1_000_000, 0).Format("20060102-150405")+".log")
	if got := h.c.boxes.question.line.text(); got != want {
		t.Errorf("the name offered is %q, want %q", got, want)
	}
	h.press("Enter")
	data, err := os.ReadFile(want)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if err != nil || len(lines) != 11 || lines[10] != "01:02:03.004       line 49" {
		t.Errorf("saved: %v, %q", err, lines)
	}
	h.press("w", "Enter")
	if s := h.frame(); !strings.Contains(s, "choose another name: ") {
		t.Errorf("a file would be written over:\n%s", s)
	}
	h.press("w")
	h.c.boxes.question.line.set(filepath.Join(dir, "no", "such", "dir.log"))
	h.press("Enter")
	if s := h.frame(); !strings.Contains(s, "not saved") {
		t.Errorf("no word of the failure:\n%s", s)
	}
	h.press("Y")
	if got := string(h.screen.GetClipboardData()); got != string(data) {
		t.Errorf("copied: %q", got)
	}
	h.press("F7", "Esc", "G")
	h.frame()
	h.press("y")
	if got := string(h.screen.GetClipboardData()); strings.Count(got, "\n") != h.page().log.height || !strings.HasSuffix(got, "line 49\n") {
		t.Errorf("%d rows are seen, copied: %q", h.page().log.height, got)
	}
	for range 3000 {
		h.output(0, strings.Repeat("x", 70)+"\r\n")
	}
	h.frame()
	h.press("Y")
	if n := len(h.screen.GetClipboardData()); n > maxCopy || n < maxCopy/2 || !strings.Contains(h.frame(), "the last ") {
		t.Errorf("%d bytes copied:\n%s", n, h.text())
	}
}
