package flash

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const testSize = 64 << 10 // 8 blocks of 32 pages: 6 × 31 = 186 pages for files

func TestInfo(t *testing.T) {
	// A 4 MB board formatted with 446 blocks reports 3455015 bytes in total
	// (value seen on many devices in the field).
	if _, _, total := New(446 * 8192).Info(); total != 3455015 {
		t.Errorf("total of 446 blocks is %d", total)
	}
	f := New(testSize)
	if remaining, used, total := f.Info(); remaining != 187*251 || used != 0 || total != 187*251 {
		t.Errorf("empty: %d %d %d", remaining, used, total)
	}
	for _, tt := range []struct{ size, pages int }{{0, 1}, {1, 2}, {251, 2}, {252, 3}, {105 * 251, 106}, {105*251 + 1, 108}, {146 * 251, 148}} {
		f := New(testSize)
		if err := f.Put("x", make([]byte, tt.size)); err != nil {
			t.Fatal(err)
		}
		if _, used, _ := f.Info(); used != tt.pages*251 {
			t.Errorf("a file of %d bytes uses %d pages, want %d", tt.size, used/251, tt.pages)
		}
	}
	if _, _, total := New(5 * 4096).Info(); total != (3*15+1)*251 {
		t.Errorf("a small file system has %d bytes", total)
	}
	if size := New(0x2fd000).Size(); size != 0x2fc000 {
		t.Errorf("a partition that is no whole number of blocks has %#x bytes", size)
	}
}

func TestResolve(t *testing.T) {
	long := strings.Repeat("x", 31)
	tests := []struct {
		path, name string
		err        error
	}{
		{"init.lua", "init.lua", nil},
		{"/FLASH/init.lua", "init.lua", nil},
		{"a/b", "a/b", nil},
		{"../a", "../a", nil},
		{"/SD0/a", "", ErrNotFound},
		{"/a", "", ErrNotFound},
		{"/FLASH//a", "/a", nil},
		{"", "", nil},
		{"/FLASH", "", nil},
		{"/FLASH/", "", nil},
		{"a\x00b", "", ErrName},
		{long, long, nil},
		{long + "x", "", ErrName},
	}
	for _, tt := range tests {
		if name, err := Resolve(tt.path); name != tt.name || err != tt.err {
			t.Errorf("Resolve(%q) = %q, %v", tt.path, name, err)
		}
	}
}

func TestModes(t *testing.T) {
	tests := []struct {
		mode           string
		missing        error  // of opening a file that is not there
		write          error  // of writing "XY"
		after          string // content afterwards, "abcd" before
		readAfterwards string // "" for an error
	}{
		{"r", ErrNotFound, ErrNotWritable, "abcd", "abcd"},
		{"w", nil, nil, "XY", ""},
		{"a", nil, nil, "abcdXY", ""},
		{"r+", ErrNotFound, nil, "XYcd", "cd"},
		{"w+", nil, nil, "XY", ""},
		{"a+", nil, nil, "abcdXY", ""},
		{"rw", ErrNotFound, ErrNotWritable, "abcd", "abcd"},
		{"", ErrNotFound, ErrNotWritable, "abcd", "abcd"},
	}
	for _, tt := range tests {
		f := New(testSize)
		if _, err := f.Open("none", ParseMode(tt.mode)); err != tt.missing {
			t.Errorf("%q: opening a missing file: %v", tt.mode, err)
		}
		_ = f.Put("x", []byte("abcd"))
		h, err := f.Open("x", ParseMode(tt.mode))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Write([]byte("XY")); err != tt.write {
			t.Errorf("%q: writing: %v", tt.mode, err)
		}
		rest, _ := h.ReadUntil(100, -1)
		_ = h.Flush()
		if got, _ := f.Peek("x"); string(got) != tt.after || string(rest) != tt.readAfterwards {
			t.Errorf("%q: content %q, then read %q", tt.mode, got, rest)
		}
	}
}

func TestReading(t *testing.T) {
	f := New(testSize)
	_ = f.Put("x", []byte("one\ntwo\n\nend"))
	h, _ := f.Open("x", Read)
	for _, want := range []string{"one\n", "two\n", "\n", "end"} {
		if got, err := h.ReadLine(1024); string(got) != want || err != nil {
			t.Errorf("line %q, %v; want %q", got, err, want)
		}
	}
	if got, err := h.ReadLine(1024); got != nil || err != io.EOF {
		t.Errorf("at the end: %q, %v", got, err)
	}
	seeks := []struct {
		offset, whence, pos int
		err                 error
	}{
		{4, io.SeekStart, 4, nil},
		{2, io.SeekCurrent, 6, nil},
		{-3, io.SeekEnd, 9, nil},
		{-1, io.SeekStart, 9, ErrNotFound}, // SPIFFS looks for the page
		{1, io.SeekEnd, 12, ErrSeek},       // SPIFFS goes to the end all the same
		{0, io.SeekStart, 0, nil},
		{math.MaxInt, io.SeekStart, 12, ErrSeek},
		{math.MinInt, io.SeekStart, 12, ErrNotFound},
	}
	for _, s := range seeks {
		_, err := h.Seek(s.offset, s.whence)
		if pos, _ := h.Seek(0, io.SeekCurrent); err != s.err || pos != s.pos {
			t.Errorf("Seek(%d, %d): %v, now at %d, want %v, %d", s.offset, s.whence, err, pos, s.err, s.pos)
		}
	}
	_, _ = h.Seek(0, io.SeekStart)
	if got, _ := h.ReadLine(2); string(got) != "on" {
		t.Errorf("a line of at most 2 bytes: %q", got)
	}
}

func TestDescriptors(t *testing.T) {
	f := New(testSize)
	_ = f.Put("x", []byte("x"))
	var open []*Handle
	for range MaxOpen {
		h, err := f.Open("x", Read)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, h)
	}
	if _, err := f.Open("x", Read); err != ErrTooMany {
		t.Errorf("a fifth file: %v", err)
	}
	if _, err := f.ReadFile("x"); err != ErrTooMany {
		t.Errorf("ReadFile with four files open: %v", err)
	}
	if f.Remove("x") != ErrTooMany || f.Rename("x", "y") != ErrTooMany {
		t.Error("remove and rename need a descriptor")
	}
	if err := open[2].Close(); err != nil {
		t.Fatal(err)
	}
	if err := open[2].Close(); err != ErrClosed {
		t.Errorf("closing twice: %v", err)
	}
	if f.OpenFiles() != 3 {
		t.Errorf("%d files open", f.OpenFiles())
	}
	if err := f.Remove("x"); err != nil {
		t.Fatal(err)
	}
	// The handles of a removed file are dead, and free.
	if _, err := open[0].ReadUntil(1, -1); err != ErrClosed || f.OpenFiles() != 0 {
		t.Errorf("reading a removed file: %v, %d open", err, f.OpenFiles())
	}
	// One that goes on with it has another file, as on the device.
	z, _ := f.Open("z", Write|Create)
	foreign := 0
	for _, h := range open {
		if h.Foreign() {
			foreign++
			_ = h.Write([]byte("x"))
		}
	}
	_ = z.Close()
	if got, _ := f.Peek("z"); foreign != 0 && string(got) != "x" || foreign > 1 {
		t.Errorf("%d handles are of z, which has %q", foreign, got)
	}
	z, _ = f.Open("z", Write|Create)
	f.Reset()
	if err := z.Write([]byte("x")); err != ErrClosed {
		t.Errorf("writing after a reset: %v", err)
	}
}

func TestFull(t *testing.T) {
	f := New(testSize)
	h, _ := f.Open("big", Write|Create)
	n := 0
	for {
		if err := h.Write(make([]byte, 1000)); err != nil {
			if err != ErrFull {
				t.Fatal(err)
			}
			break
		}
		n++
	}
	remaining, _, total := f.Info()
	if s, _ := f.Stat("big"); n != 43 || remaining != 3263 || s.Size != n*1000 { // oracle: spiffs-behaviour.md, 2
		t.Errorf("%d writes of 1000 bytes in %d, %d remain, size %d", n, total, remaining, s.Size)
	}
	for i := 0; ; i++ {
		if _, err := f.Open(fmt.Sprint("f", i), Write|Create|Truncate); err != nil {
			if err != ErrFull && err != ErrTooMany {
				t.Fatal(err)
			}
			break
		}
		f.Reset()
	}
	if err := f.WriteFile("more", make([]byte, 5000)); err == nil {
		t.Error("a full file system takes more")
	}
	if err := f.Remove("big"); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteFile("more", make([]byte, 5000)); err != nil {
		t.Errorf("after removing the big file: %v", err)
	}
	f.Format()
	if _, used, _ := f.Info(); used != 0 || len(f.List()) != 0 {
		t.Errorf("after format %d bytes used", used)
	}
	if err := f.Put("x", make([]byte, testSize)); err != ErrFull {
		t.Errorf("Put of too much: %v", err)
	}
}

func TestRename(t *testing.T) {
	f := New(testSize)
	_ = f.Put("a", []byte("A"))
	_ = f.Put("b", []byte("B"))
	for _, tt := range []struct {
		from, to string
		err      error
	}{{"a", "b", ErrExists}, {"a", "a", ErrExists}, {"none", "c", ErrNotFound}, {"a", strings.Repeat("x", 32), ErrName}, {"a", "c", nil}} {
		if err := f.Rename(tt.from, tt.to); err != tt.err {
			t.Errorf("rename %s → %s: %v", tt.from, tt.to, err)
		}
	}
	if got := fmt.Sprint(f.List()); got != "[{b 1} {c 1}]" {
		t.Errorf("files: %s", got)
	}
}

type recorder struct {
	log  []string
	fail bool
}

func (r *recorder) Save(name string, data []byte) error {
	r.log = append(r.log, fmt.Sprintf("save %s %q", name, data))
	if r.fail {
		return errors.New("disk full")
	}
	return nil
}

func (r *recorder) Delete(name string) error {
	r.log = append(r.log, "delete "+name)
	return nil
}

func TestSink(t *testing.T) {
	f := New(testSize)
	_ = f.Put("old", []byte("o"))
	r := &recorder{}
	var failed error
	f.SetSink(r, func(err error) { failed = err })
	h, _ := f.Open("x", Write|Create)
	_ = h.Write([]byte("1"))
	_ = h.Flush()
	_ = h.Flush() // nothing new
	_ = h.Write([]byte("2"))
	_ = h.Close()
	_, _ = f.ReadFile("x")
	_ = f.Rename("x", "y")
	_ = f.Remove("old")
	r.fail = true
	_ = f.WriteFile("y", nil)
	r.fail = false
	f.Format()
	want := `save x ""|save x "1"|save x "12"|save y "12"|delete x|delete old|save y ""|delete y`
	if got := strings.Join(r.log, "|"); got != want {
		t.Errorf("sink saw %s", got)
	}
	if failed == nil {
		t.Error("a failed save was not reported")
	}
}

// TestReset checks what a reset loses: what is in the cache.
func TestReset(t *testing.T) {
	f := New(testSize)
	h, _ := f.Open("log", Write|Create)
	_ = h.Write([]byte("one\n"))
	_ = h.Flush()
	_ = h.Write([]byte("two\n"))
	f.Reset()
	if got, _ := f.Peek("log"); string(got) != "one\n" || f.OpenFiles() != 0 {
		t.Errorf("after a reset log has %q, %d files are open", got, f.OpenFiles())
	}
}

// TestLater checks that changes that wait are handed over together.
func TestLater(t *testing.T) {
	f := New(testSize)
	r := &recorder{}
	f.SetSink(r, func(err error) { t.Error(err) })
	asked := 0
	f.SyncLater(func() { asked++ })
	for range 100 {
		_ = f.WriteFile("a", []byte("1"))
		_ = f.Rename("a", "b")
		_ = f.Remove("b")
	}
	_ = f.WriteFile("c", []byte("2"))
	if asked != 1 || len(r.log) != 0 {
		t.Errorf("asked %d times, sink saw %v", asked, r.log)
	}
	if n := f.Sync(); n != 1 || strings.Join(r.log, "|") != `save c "2"` {
		t.Errorf("%d bytes: %v", n, r.log)
	}
}

// TestPutWins checks that what comes from outside goes before what the device wrote to the
// same file and the sink has not seen.
func TestPutWins(t *testing.T) {
	f := New(testSize)
	sink := mapSink{"x": "user"} // as the user has just saved it
	f.SetSink(sink, func(err error) { t.Error(err) })
	f.SyncLater(func() {})
	_ = f.WriteFile("x", []byte("device"))
	_ = f.WriteFile("y", []byte("device"))
	if err := f.Put("x", []byte("user")); err != nil {
		t.Fatal(err)
	}
	if err := f.Put("z", make([]byte, testSize)); err != ErrFull {
		t.Fatal(err)
	}
	f.Sync()
	_ = f.Remove("x")
	if sink["x"] != "user" || sink["y"] != "device" || len(sink) != 2 {
		t.Errorf("the sink has %q", sink)
	}
	if f.Sync(); sink["x"] != "" {
		t.Error("the sink keeps a file that was removed")
	}
}

// TestSinkFollows checks that the sink has what is on the flash after random operations,
// also where files take each other's names.
func TestSinkFollows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	f := New(testSize)
	sink := mapSink{}
	f.SetSink(sink, func(err error) { t.Error(err) })
	f.SyncLater(func() {})
	name := func() string { return fmt.Sprint("f", rng.IntN(5)) }
	for range 3000 {
		switch rng.IntN(6) {
		case 0:
			_ = f.Remove(name())
		case 1, 2:
			_ = f.Rename(name(), name())
		case 3:
			_ = f.WriteFile(name(), make([]byte, rng.IntN(2000)))
		case 4:
			if h, err := f.Open(name(), Write|Create|Append); err == nil {
				_ = h.Write(make([]byte, rng.IntN(300)))
				if rng.IntN(2) == 0 {
					_ = h.Close()
				}
			}
		case 5:
			if rng.IntN(20) == 0 {
				f.Format()
			} else if rng.IntN(5) == 0 {
				f.Reset()
			}
			f.Sync()
			var want []string
			for _, s := range f.List() {
				data, _ := f.Peek(s.Name)
				want = append(want, fmt.Sprint(s.Name, len(data)))
				if string(data) != sink[s.Name] {
					t.Fatalf("the sink has another %s", s.Name)
				}
			}
			if len(want) != len(sink) {
				t.Fatalf("the sink has %d files, the flash %v", len(sink), want)
			}
		}
	}
}

type mapSink map[string]string

func (s mapSink) Save(name string, data []byte) error { s[name] = string(data); return nil }

func (s mapSink) Delete(name string) error { delete(s, name); return nil }

// pages is how many pages a file of size bytes takes, with its index.
func pages(size int) int {
	data := (size + 250) / 251
	index := 1
	if data > 105 {
		index += (data - 105 + 123) / 124
	}
	return data + index
}

// TestRandom compares the file system with plain byte slices, and its page
// count with a count from scratch, over random operations.
func TestRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	f := New(testSize)
	want := map[string][]byte{}
	for range 20000 {
		name := fmt.Sprint("f", rng.IntN(6))
		switch rng.IntN(5) {
		case 0:
			_, known := want[name]
			if err := f.Remove(name); (err == nil) != known {
				t.Fatal(err)
			}
			delete(want, name)
		case 1:
			to := fmt.Sprint("f", rng.IntN(6))
			_, known := want[name]
			_, taken := want[to]
			if err := f.Rename(name, to); (err == nil) != (known && !taken) {
				t.Fatal(err)
			} else if err == nil {
				want[to] = want[name]
				delete(want, name)
			}
		default:
			mode := []string{"w", "a", "r+", "w+", "a+"}[rng.IntN(5)]
			h, err := f.Open(name, ParseMode(mode))
			if err != nil {
				if err == ErrFull || err == ErrNotFound {
					continue
				}
				t.Fatal(err)
			}
			if mode[0] == 'w' {
				want[name] = nil
			}
			full := false
			data := bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(3000))
			at := 0
			if mode[0] == 'a' {
				at = len(want[name])
			} else {
				at = rng.IntN(len(want[name]) + 1)
				_, _ = h.Seek(at, io.SeekStart)
			}
			if err := h.Write(data); err == nil {
				old := want[name]
				next := append([]byte(nil), old[:at]...)
				next = append(next, data...)
				if len(next) < len(old) {
					next = append(next, old[len(next):]...)
				}
				want[name] = next
			} else if full = err == ErrFull; !full {
				t.Fatal(err)
			}
			if err := h.Close(); err == ErrFull {
				full = true
				f.Reset()
			} else if err != nil {
				t.Fatal(err)
			}
			if full { // a part of it may be there
				got, ok := f.Peek(name)
				if !ok {
					t.Fatalf("%s is gone", name)
				}
				want[name] = got
			}
		}
		sum := 0
		for name, data := range want {
			got, ok := f.Peek(name)
			if !ok || !bytes.Equal(got, data) {
				t.Fatalf("%s differs: %d bytes, want %d", name, len(got), len(data))
			}
			sum += pages(len(data))
		}
		if _, used, total := f.Info(); used != sum*251 || used > total || len(f.List()) != len(want) {
			t.Fatalf("%d bytes counted, %d used, %d at most", sum*251, used, total)
		}
	}
}

// What Fill leaves on the flash, and tells, is what Put does, one file behind the other.
func TestFill(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for round := range 30 {
		puts, fills := New(testSize), New(testSize)
		var told [2][]string
		for i, f := range []*FS{puts, fills} {
			f.SetSink(sinkFunc(func(name string) { told[i] = append(told[i], name) }), func(err error) { t.Error(err) })
			if err := f.WriteFile("n3", []byte("the device's")); err != nil {
				t.Fatal(err)
			}
		}
		names, data := []string{}, [][]byte{}
		for range 1 + r.IntN(8) {
			names = append(names, fmt.Sprintf("/FLASH/n%d", r.IntN(6)))
			data = append(data, make([]byte, r.IntN(6000)))
		}
		for i, name := range names {
			if err := puts.Put(name, data[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := fills.Fill(func(put func(string, []byte) error) error {
			for i, name := range names {
				if err := put(name, data[i]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, f := range []*FS{puts, fills} { // later changes are told alike, too
			if err := errors.Join(f.WriteFile("n1", []byte("more")), f.Rename("n1", "other")); err != nil {
				t.Fatal(err)
			}
			f.Reset()
		}
		if a, b := content(puts), content(fills); a != b {
			t.Errorf("round %d: %v\n%s\n%s", round, names, a, b)
		}
		if !slices.Equal(told[0], told[1]) {
			t.Errorf("round %d: told %q and %q", round, told[0], told[1])
		}
		if a, b := puts.vol, fills.vol; !reflect.DeepEqual(a, b) {
			t.Errorf("round %d: the pages differ", round)
		}
	}
	full := New(testSize)
	err := full.Fill(func(put func(string, []byte) error) error {
		if err := put("x/"+strings.Repeat("y", MaxName), nil); err != ErrName {
			t.Errorf("a long name: %v", err)
		}
		return errors.Join(put("a", []byte("a")), put("big", make([]byte, testSize)), put("b", []byte("b")))
	})
	if !errors.Is(err, ErrFull) || content(full) != "a \"a\" b \"b\" " {
		t.Errorf("%v, %s", err, content(full))
	}
}

type sinkFunc func(name string)

func (s sinkFunc) Save(name string, data []byte) error {
	s(fmt.Sprintf("%s %q", name, data))
	return nil
}

func (s sinkFunc) Delete(name string) error {
	s("no " + name)
	return nil
}

func content(f *FS) string {
	var b strings.Builder
	for _, s := range f.List() {
		data, _ := f.Peek(s.Name)
		fmt.Fprintf(&b, "%s %q ", s.Name, data)
	}
	return b.String()
}
