package spiffs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes a file.
func write(t *testing.T, v *Volume, name, content string) {
	t.Helper()
	f, err := v.Open(name, Write|Create|Truncate)
	must(t, err)
	must(t, f.Write([]byte(content)))
	must(t, f.Close())
}

// TestFormat holds the bytes of a small image to the structures of pellepl/spiffs as the firmware
// builds it: 256-byte pages, magic with length, aligned index tables, names of 32 bytes, no
// metadata (fw: app/spiffs/spiffs_nucleus.h, spiffs_config.h, nodemcu_spiffs.h).
func TestFormat(t *testing.T) {
	v := New(8, 8192)
	write(t, v, "a.txt", strings.Repeat("x", 251)+"y")
	image := v.Image()
	for b := range 8 {
		// The count of erases, and before it 0x20140529 ^ 256 ^ (blocks - number of the block).
		if magic, count := u16(image[b*8192+252:]), u16(image[b*8192+254:]); magic != 0x0529^0x100^uint16(8-b) || count != 0 {
			t.Errorf("block %d: magic %#x, erased %d times", b, magic, count)
		}
	}
	for _, tt := range []struct {
		what string
		at   int
		want string
	}{
		// The first index page was written anew with the size, as the data came in two writes
		// of the cache.
		{"lookup: index page, two data pages", 0, "0180 0100 0100 ffff"},
		{"index page: object, span, flags, alignment", 256, "0180 0000 f8 ffffff"},
		{"size, type", 256 + 8, "fc000000 01"},
		{"name", 256 + 13, hex.EncodeToString([]byte("a.txt")) + strings.Repeat("00", 27)},
		{"alignment and where the data pages are", 256 + 45, "ff 0200 0300 ffff"},
		{"first data page", 512, "0100 0000 fc 787878"},
		{"second data page", 768, "0100 0100 fc 79 ff"},
	} {
		want, _ := hex.DecodeString(strings.ReplaceAll(tt.want, " ", ""))
		if got := image[tt.at:][:len(want)]; !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", tt.what, got, want)
		}
	}
}

// A partition that was read is the one that was written: the same bytes, files and counts.
func TestLoad(t *testing.T) {
	for _, size := range []int{4096, 8192} {
		v := New(16, size)
		for i := range 20 {
			write(t, v, fmt.Sprint("f", i%7), strings.Repeat(fmt.Sprint(i), 100*i))
		}
		image := v.Image()
		w := Load(image, size)
		must(t, w.Mount())
		must(t, v.Mount())
		if !bytes.Equal(w.Image(), image) || fmt.Sprint(w.Usage()) != fmt.Sprint(v.Usage()) || w.eraseCount != v.eraseCount || w.freeBlocks != v.freeBlocks {
			t.Errorf("blocks of %d: another file system", size)
		}
		if faults := w.Check(); len(faults) > 0 {
			t.Errorf("blocks of %d: %v", size, faults)
		}
		if n := Probe(image); n != len(image) {
			t.Errorf("blocks of %d: %d of %d bytes found", size, n, len(image))
		}
	}
}

// TestMount goes through what power cuts and foreign images leave of the magic numbers (fw:
// spiffs_nucleus.c, spiffs_probe and spiffs_obj_lu_scan).
func TestMount(t *testing.T) {
	magicAt := func(b int) int { return b*8192 + 252 }
	for _, tt := range []struct {
		name   string
		change func(image []byte) []byte
		blocks int // 0: not mounted
		why    string
	}{
		{"whole", func(p []byte) []byte { return p }, 8, ""},
		{"first block erased", func(p []byte) []byte { copy(p, ones(8192)); return p }, 8, ""},
		{"second block erased", func(p []byte) []byte { copy(p[8192:], ones(8192)); return p }, 8, ""},
		{"third block erased", func(p []byte) []byte { copy(p[2*8192:], ones(8192)); return p }, 8, ""},
		{"last block erased", func(p []byte) []byte { copy(p[7*8192:], ones(8192)); return p }, 8, ""},
		{"number half written, not of the first", func(p []byte) []byte { p[magicAt(5)] = 0xff; return p }, 8, ""},
		{"number half written", func(p []byte) []byte { p[magicAt(1)+1] = 0xff; return p }, 0, "in a row"},
		{"two blocks erased", func(p []byte) []byte { copy(p[4*8192:], ones(2*8192)); return p }, 0, "more than one block has no magic number: 4, 5"},
		{"erased", func(p []byte) []byte { return ones(len(p)) }, 0, "erased flash"},
		{"truncated", func(p []byte) []byte { return p[:5*8192] }, 0, "the beginning of a file system of 8 blocks, and there are 5"},
		{"on a larger partition", func(p []byte) []byte { return append(p, ones(3*8192)...) }, 8, ""},
		{"zeros", func(p []byte) []byte { return make([]byte, len(p)) }, 0, "in a row"},
	} {
		v := New(8, 8192)
		write(t, v, "x", "in the first block")
		w := Load(tt.change(v.Image()), 8192)
		why := w.Unmountable()
		err := w.Mount()
		n, _ := w.Blocks()
		if (err == nil) != (tt.blocks > 0) || err == nil && n != tt.blocks || !strings.Contains(why, tt.why) || (why == "") != (err == nil) {
			t.Errorf("%s: %d blocks, %v, %q", tt.name, n, err, why)
		}
		if err == nil { // a block without its number was erased anew, and nothing else
			for b := range n {
				if w.storedMagic(b) != w.magic(b) {
					t.Errorf("%s: block %d has no number", tt.name, b)
				}
			}
			continue
		}
		if _, err := w.Open("x", Read); err != ErrNotMounted {
			t.Errorf("%s: %v", tt.name, err)
		}
		must(t, w.Format())
		if n, _ := w.Blocks(); n != len(w.all) {
			t.Errorf("%s: formatted %d blocks of %d", tt.name, n, len(w.all))
		}
	}
}

// TestTorn cuts the writes of a page at each byte, and holds what is left against what the
// firmware makes of it.
func TestTorn(t *testing.T) {
	for bytes := 0; bytes < 256; bytes += 5 {
		v := New(8, 8192)
		write(t, v, "kept", "kept")
		// A new file of a page: lookup of the index page, index page, lookup of the data page,
		// its header, data and end, and the index page anew.
		for n, cut := 1, true; cut; n++ {
			w := Load(v.Image(), 8192)
			must(t, w.Mount())
			cut = false
			w.CutAt(n, bytes, func() { cut = true })
			f, err := w.Open("new", Write|Create|Truncate)
			if err == nil {
				_ = f.Write([]byte(strings.Repeat("n", 251)))
				_ = f.Close()
			}
			if !cut && n < 6 {
				t.Fatalf("only %d writes", w.Writes())
			}
			must(t, w.Mount())
			for _, name := range []string{"kept", "new"} {
				info, err := w.Stat(name)
				if err != nil {
					if name == "kept" {
						t.Fatalf("cut in write %d at %d: %v", n, bytes, err)
					}
					continue
				}
				f, err := w.Open(name, Read)
				must(t, err)
				data := make([]byte, 300)
				got, readErr := f.Read(data)
				must(t, f.Close())
				// What looks from outside sees what the firmware reads.
				content, contentErr := w.Content(info)
				if (readErr == nil) != (contentErr == nil) || readErr == nil && string(content) != string(data[:got]) {
					t.Errorf("cut in write %d at %d: %s is read as %q, %v, and seen as %q, %v", n, bytes, name, data[:got], readErr, content, contentErr)
				}
				if contentErr != nil && len(w.Check()) == 0 {
					t.Errorf("cut in write %d at %d: check finds nothing", n, bytes)
				}
			}
		}
	}
}

// Each field of a page with something else in it is told by Check, and what the firmware's own
// functions make of it ends.
func TestDamaged(t *testing.T) {
	v := New(8, 8192)
	write(t, v, "a", strings.Repeat("a", 600))
	write(t, v, "b", strings.Repeat("b", 30000))
	image := v.Image()
	for at := 256; at < 6*256; at += 1 + at%PageSize/50*3 {
		for _, change := range []byte{0x00, 0xff, image[at] ^ 0x01, image[at] ^ 0x80} {
			broken := bytes.Clone(image)
			broken[at] = change
			w := Load(broken, 8192)
			must(t, w.Mount())
			differs := change ^ image[at]
			if at%PageSize == flagsAt {
				differs &^= 0x38 // three bits have no meaning
			}
			if at%PageSize < headerSize && differs != 0 && len(w.Check()) == 0 {
				t.Errorf("byte %#x: %#x instead of %#x is not noticed", at, change, image[at])
			}
			exercise(w)
		}
	}
}

// exercise calls all that a program can have done to a file system.
func exercise(v *Volume) {
	var names []string
	for d := v.Dir(); len(names) < 100; {
		info, ok := d.Next()
		if !ok {
			break
		}
		names = append(names, info.Name)
	}
	v.EachFile(func(f Info) { _, _ = v.Content(f) })
	v.Check()
	for _, name := range append(names, "new") {
		for _, mode := range []Mode{Read, Read | Write, Write | Append | Create} {
			f, err := v.Open(name, mode)
			if err != nil {
				continue
			}
			_, _ = f.Read(make([]byte, 300))
			_ = f.Seek(-10, FromEnd)
			_ = f.Write(make([]byte, 10))
			_ = f.Write(make([]byte, 700))
			_, _ = f.Pos()
			_ = f.Close()
		}
		_, _ = v.Stat(name)
		_ = v.Rename(name, name+"2")
		_ = v.Remove(name + "2")
	}
	if f, err := v.Open("n", Write|Create|Truncate); err == nil {
		for range 40 {
			if f.Write(make([]byte, 1000)) != nil {
				break
			}
		}
		_ = f.Close()
	}
	_ = v.Mount()
	_ = v.Format()
}

// FuzzImage writes over a small partition, three bytes for each place and value: nothing that comes
// of it hangs, crashes or grows.
func FuzzImage(f *testing.F) {
	v := New(5, 4096)
	for i := range 4 {
		file, err := v.Open(fmt.Sprint("f", i), Write|Create)
		if err != nil {
			f.Fatal(err)
		}
		_ = file.Write(bytes.Repeat([]byte{byte(i)}, 700*i))
		_ = file.Close()
	}
	image := v.Image()
	f.Add([]byte{})
	f.Add([]byte{0, 0, 1, 1, 0, 0x80, 0, 4, 0xff, 0x10, 0xfc, 0})
	f.Fuzz(func(t *testing.T, changes []byte) {
		p := bytes.Clone(image)
		for ; len(changes) >= 3; changes = changes[3:] {
			p[(int(changes[0])<<8|int(changes[1]))%len(p)] = changes[2]
		}
		w := Load(p, 4096)
		if w.Mount() != nil {
			if w.Unmountable() == "" {
				t.Error("it can't be mounted, and nothing is said against it")
			}
			return
		}
		total := 0
		w.EachFile(func(f Info) {
			data, _ := w.Content(f)
			total += len(data)
		})
		if most := len(p) / PageSize * entriesEach * DataSize; total > most {
			t.Errorf("%d bytes on %d", total, len(p))
		}
		exercise(w)
	})
}
