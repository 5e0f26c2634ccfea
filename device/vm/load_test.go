package vm_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// A token that never ends runs out of the device's memory, and not of the host's
// or of time: the compiler's buffer holds what it has read of it.
func TestEndlessTokens(t *testing.T) {
	for _, piece := range []string{"x", "1", "'a", "\\065", "[==[ ]=] ", "[=", "--[", "]", "=", "\x1bLua"} {
		b := newBench(t, heap.New(heap.Config{}))
		begun := false
		_, err := b.v.LoadPieces(func() (string, *vm.Error) {
			if !begun {
				begun = true
				switch piece {
				case "\\065":
					return "'", nil
				case "]", "=":
					return "[" + strings.TrimSuffix("=", piece) + "[", nil
				case "--[":
					return "--[=", nil
				}
			}
			if piece == "--[" {
				return "=", nil
			}
			return piece, nil
		}, "=s")
		if err == nil || err.Error() != vm.OutOfMemory && !strings.Contains(err.Error(), "near") && !strings.Contains(err.Error(), "bad header") {
			t.Errorf("%q for ever: %v", piece, err)
		}
	}
}

// What the compiler has passed is dropped: a comment may be of any length.
func TestLongComment(t *testing.T) {
	for _, pieces := range []struct{ first, more, last string }{
		{"--", " and so on", "\nx = 1"},
		{"--[[", " ] ]= \n", "]] x = 1"},
	} {
		b := newBench(t, heap.New(heap.Config{}))
		n := 0
		fn, err := b.v.LoadPieces(func() (string, *vm.Error) {
			switch n++; {
			case n == 1:
				return pieces.first, nil
			case n < 300000:
				return pieces.more, nil
			case n == 300000:
				return pieces.last, nil
			}
			return "", nil
		}, "=s")
		if err != nil {
			t.Fatal(err)
		}
		if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
			t.Fatal(lerr.Message())
		}
		if x := b.v.RawGetString(b.v.Globals(), "x"); x != vm.Value(vm.Number(1)) {
			t.Errorf("x is %v", x)
		}
	}
}
