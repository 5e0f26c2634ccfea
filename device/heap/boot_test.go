package heap

import "testing"

// The heap at the prompt holds every part once, in a block long enough for it, and
// its holes are apart from each other.
func TestBoot(t *testing.T) {
	for _, l := range []Layout{SDK16, SDK8, Ideal} {
		used, total := BootLengths(l)
		h := New(Config{Layout: l, Size: total + 1000})
		first, _ := h.Allocate(100) // what the SDK holds already
		b := h.Boot()
		if b.Rest() != used || h.Used() != used+first.Length() {
			t.Errorf("%v: parts take %d, the heap has given out %d, want %d", l, b.Rest(), h.Used()-first.Length(), used)
		}
		for p, n := range partSizes {
			blk := b.Take(p)
			if !blk.Placed() || blk.Size() != n || blk.Length() < h.BlockLength(n) || blk.Length() > h.BlockLength(n)+2*l.header() {
				t.Errorf("%v: %s of %d bytes has %+v", l, p, n, blk)
			}
			h.Release(&blk)
		}
		if blk := b.Take(CallInfos); blk.Placed() {
			t.Errorf("%v: call infos taken twice", l)
		}
		if h.Used() != b.Rest()+first.Length() {
			t.Errorf("%v: %d bytes given out after all parts were freed, %d are fixed", l, h.Used()-first.Length(), b.Rest())
		}
		end, free := 0, 0
		h.spans(func(g, n int) {
			if g < end || n <= 1 || h.tag[g+n-1] != int32(-n) {
				t.Errorf("%v: %d free granules at %d, the span before ends at %d", l, n, g, end)
			}
			end = g + n + 1 // neighbours would have been joined
			free += n * granule
		})
		if l != Ideal && free != h.Free() {
			t.Errorf("%v: the free spans have %d bytes of %d", l, free, h.Free())
		}
	}
	if l := New(Config{Size: 6000}); l.Boot().Rest() != 0 || l.Used() != 0 {
		t.Error("something was placed in a heap too small to boot in")
	}
}

// Without a size, the prompt has the published free heap.
func TestPromptFree(t *testing.T) {
	h := New(Config{})
	h.Boot()
	if h.Free() != PromptFree {
		t.Errorf("%d bytes free at the prompt, want %d", h.Free(), PromptFree)
	}
}
