package spiffs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestCapacity fills file systems with one growing file. Where the writes end depends on
// every page that was written and every block that was cleaned before (oracle:
// spiffs-behaviour.md, 2).
func TestCapacity(t *testing.T) {
	for _, tt := range []struct{ blocks, chunk, accepted, size, remaining int }{
		{8, 100, 43400, 43200, 3012}, {8, 256, 43264, 43264, 3012}, {8, 1000, 43000, 43000, 3263},
		{16, 100, 98000, 97800, 10291}, {16, 256, 99328, 99328, 8785}, {16, 1000, 99000, 99000, 9036},
		{32, 100, 206600, 206400, 25351}, {32, 256, 205824, 205824, 25853}, {32, 1000, 213000, 213000, 18825},
	} {
		v := Load(New(tt.blocks, 8192).Image(), 8192) // an image behaves as the device does
		must(t, v.Mount())
		accepted := fill(t, v, "big", tt.chunk)
		s, err := v.Stat("big")
		used, total := v.Usage()
		if remaining := (total - used) * DataSize; err != nil || accepted != tt.accepted || s.Size != tt.size || remaining != tt.remaining {
			t.Errorf("%+v: %d bytes accepted, size %d, %d remain, %v", tt, accepted, s.Size, remaining, err)
		}
	}
}

// fill writes chunks until one fails.
func fill(t *testing.T, v *Volume, name string, chunk int) (accepted int) {
	t.Helper()
	f, err := v.Open(name, Write|Create|Truncate)
	if err != nil {
		t.Fatal(err)
	}
	for data := bytes.Repeat([]byte("y"), chunk); f.Write(data) == nil; {
		accepted += chunk
	}
	_ = f.Close()
	return accepted
}

// TestChurn counts what the chip does while a file is written over and over (oracle:
// spiffs-traces.json, churn_64k; 16 erases and 16 writes there are the format).
func TestChurn(t *testing.T) {
	v := New(8, 8192)
	for range 200 {
		f, err := v.Open("c", Write|Create|Truncate)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(bytes.Repeat([]byte("k"), 1000)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if w := v.TakeWork(); w.Erases != 58 || w.Writes != 6848 {
		t.Errorf("%+v", w)
	}
}

// TestCacheOfFourWriters has a fourth writer that finds no page (oracle: audit probe
// spiffs-write-cache…/018).
func TestCacheOfFourWriters(t *testing.T) {
	v := New(8, 8192)
	var sizes []int
	for i := range MaxOpen {
		f, err := v.Open(fmt.Sprint("f", i), Write|Create)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for i := range MaxOpen {
		s, _ := v.Stat(fmt.Sprint("f", i))
		sizes = append(sizes, s.Size)
	}
	if fmt.Sprint(sizes) != "[0 0 0 1]" {
		t.Errorf("sizes %v", sizes)
	}
}

// TestAnything does at random whatever a program can, on file systems that are mostly full,
// with handles that are stale. Nothing may break the simulator, and the pages that were
// counted are those that a mount counts.
func TestAnything(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 7))
		blocks, size := 4+rng.IntN(5), []int{4096, 8192}[rng.IntN(2)]
		v := New(blocks, size)
		var files []File
		name := func() string { return []string{"", "a", "b", "c", "d", "e"}[rng.IntN(6)] }
		for range 1500 {
			pick := func() (f File, ok bool) {
				if len(files) == 0 {
					return f, false
				}
				return files[rng.IntN(len(files))], true
			}
			switch rng.IntN(12) {
			case 0, 1, 2:
				mode := []Mode{Read, Write | Create | Truncate, Write | Create | Append, Read | Write, Read | Write | Create | Append}[rng.IntN(5)]
				if f, err := v.Open(name(), mode); err == nil {
					files = append(files, f)
				}
			case 3, 4, 5, 6:
				if f, ok := pick(); ok {
					_ = f.Write(make([]byte, []int{1, 30, 251, 255, 256, 700, 5000}[rng.IntN(7)]))
				}
			case 7:
				if f, ok := pick(); ok {
					_ = f.Seek(int32(rng.IntN(40000)-5000), Whence(rng.IntN(3)))
				}
			case 8:
				if f, ok := pick(); ok {
					_, _ = f.Read(make([]byte, rng.IntN(2000)))
				}
			case 9:
				if f, ok := pick(); ok {
					_ = f.Close()
				}
				if len(files) > 8 {
					files = files[4:]
				}
			case 10:
				_ = v.Remove(name())
			case 11:
				_ = v.Rename(name(), name())
			}
			v.EachFile(func(s Info) { v.Content(s) })
			if used, total := v.Usage(); used < 0 || used > total+spare*v.entries() {
				t.Fatalf("seed %d: %d pages of %d", seed, used, total)
			}
		}
		allocated, dead := v.allocated, v.deleted
		v.Mount()
		if v.allocated != allocated || v.deleted != dead {
			t.Errorf("seed %d: %d pages and %d deleted were counted, there are %d and %d", seed, allocated, dead, v.allocated, v.deleted)
		}
	}
}
