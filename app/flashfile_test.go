package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/partition"
)

// chip is what a file of a 4 MB flash may hold.
func chip(t *testing.T, change func(p []byte)) string {
	t.Helper()
	f := flash.Fresh(flash.Layout{Address: 0x80000, Size: 0x380000}, 0x400000)
	if err := f.WriteFile("init.lua", []byte("print('on the flash')")); err != nil {
		t.Fatal(err)
	}
	content := flash.Blank(0x400000)
	for _, p := range f.Changes() {
		copy(content[p.Address:], p.Data)
	}
	at, image := f.Image()
	copy(content[at:], image)
	change(content)
	name := filepath.Join(t.TempDir(), "chip")
	if err := os.WriteFile(name, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFlashFiles starts devices on files that hold a flash, or should.
func TestFlashFiles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p []byte)
		notes  string
		err    string // with FILE for the name
	}{
		{"whole", func([]byte) {}, "", ""},
		{"erased", func(p []byte) { copy(p, flash.Blank(len(p))) }, "", ""},
		{"a dump", func(p []byte) { copy(p, "\xe9"); copy(p[0xd000:], "SDK") },
			"FILE: found a partition table at 0x10000, SPIFFS at 0x80000; ignored: the firmware's first part at 0x0; the SDK's settings at 0xd000, whose form is Espressif's: the Wi-Fi settings are the project's", ""},
		{"torn blocks", func(p []byte) { copy(p[0x90000:], flash.Blank(0x4000)) }, "",
			"Flash: FILE: the file system at 0x80000 is damaged, more than one block has no magic number: 8, 9: the device would format it and lose all files; nodemcu-sim flash format FILE does that, or give a copy from before"},
		{"another table", func(p []byte) {
			page := p[partition.RecordsAt:][:partition.RecordsSize]
			copy(page, flash.Blank(len(page)))
			partition.Write(page, partition.Table{{Kind: partition.SPIFFS, Address: 0x390000, Size: 0x80000}})
		}, "", "Flash: FILE: the partition table has SPIFFS at 0x390000 with 0x80000 bytes, which overlaps another one, begins within a sector or ends outside the flash: the firmware would not start; nodemcu-sim flash make makes a new one"},
	} {
		name := chip(t, tt.change)
		a, err := New(Options{Flash: name, Net: "isolated"})
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), name, "FILE")
		} else {
			if n := strings.ReplaceAll(strings.Join(a.Notes(), "|"), name, "FILE"); n != tt.notes {
				t.Errorf("%s: notes %q", tt.name, n)
			}
			a.Close()
		}
		if got != tt.err {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
	name := filepath.Join(t.TempDir(), "no", "flash")
	if _, err := New(Options{Flash: name, Net: "isolated"}); err == nil || !strings.Contains(err.Error(), "cannot make "+name+": no such file or directory") {
		t.Errorf("in no directory: %v", err)
	}
}

// A file is left as it was by a start that fails, and not made.
func TestFlashFileIsLeft(t *testing.T) {
	name := chip(t, func([]byte) {})
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	bad := write(t, map[string]string{"init.lua": "print("})
	if _, err := New(Options{Dir: bad, Flash: name, Net: "isolated"}); err == nil {
		t.Fatal("that compiles")
	}
	after, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed, %v", err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if _, err := New(Options{Dir: bad, Flash: fresh, Net: "isolated"}); err == nil {
		t.Fatal("that compiles")
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("the file was made")
	}
}
