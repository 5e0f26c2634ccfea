package flash

import (
	"strings"
	"testing"
)

// countingSink counts the bytes that it is given, and keeps the last of each file.
type countingSink struct {
	bytes int
	files map[string]string
}

func (s *countingSink) Save(name string, data []byte) error {
	s.bytes += len(data)
	s.files[name] = string(data)
	return nil
}

func (s *countingSink) Delete(name string) error { delete(s.files, name); return nil }

// Flushing a large file after each of many small writes costs the sink a bounded
// multiple of what is written. A small file is stored each time, any when it is closed
// or the device is reset.
func TestFlushesOfLargeFiles(t *testing.T) {
	f := New(1 << 20)
	sink := &countingSink{files: map[string]string{}}
	f.SetSink(sink, func(err error) { t.Error(err) })
	write := func(h *Handle, s string) {
		t.Helper()
		if _, err := h.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := h.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	small, err := f.Open("small", Write|Create)
	if err != nil {
		t.Fatal(err)
	}
	write(small, "a")
	write(small, "b")
	if sink.files["small"] != "ab" {
		t.Errorf("small: %q", sink.files["small"])
	}
	large, err := f.Open("large", Write|Create)
	if err != nil {
		t.Fatal(err)
	}
	write(large, strings.Repeat("x", 500000))
	before, written := sink.bytes, 0
	for range 2000 {
		write(large, strings.Repeat("y", 50))
		written += 50
	}
	if n := sink.bytes - before; n > 2*flushShare*written || n == 0 {
		t.Errorf("%d bytes stored for %d written", n, written)
	}
	f.Reset()
	if got := sink.files["large"]; len(got) != 600000 || got[599999] != 'y' {
		t.Errorf("after a reset %d bytes are stored", len(got))
	}
}
