package heap_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// sequence is a run of calls of the SDK's allocator with what it answered.
type sequence struct {
	Name   string
	Free   int `json:"free_at_start"`
	Ops    [][]any
	Result [][]any
	Layout [][3]int
}

// The measured sequences on the SDK's allocator: address, free size, lowest free size
// and what is printed after each call, and all blocks at the end.
func TestOracleHeap(t *testing.T) {
	oracle.Set{
		Name:     "sdk-heap",
		Parallel: true,
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			set := oracle.Decode[struct{ Sequences []sequence }](t, data)
			for _, s := range set.Sequences {
				entries = append(entries, oracle.Entry{Name: s.Name, Check: s.check})
			}
			return entries
		},
	}.Compare(t)
}

func (s *sequence) check() (difference string) {
	h := heap.New(heap.Config{Size: s.Free})
	var printed string
	h.OnFail = func(n int) { printed += fmt.Sprintf("E:M %d\n", n) }
	h.OnFreeAgain = func() { printed += heap.FreeAgain }
	var handles, last []heap.Block // last: as they were when they were placed
	for i, op := range s.Ops {
		printed = ""
		args := make([]int, len(op)-1)
		for j := range args {
			args[j] = int(op[j+1].(float64))
		}
		var b heap.Block
		resize := func(n int) {
			if n != 0 || b.Placed() { // realloc(NULL, 0) asks for nothing
				if !h.Resize(&b, n) {
					h.Fail(n)
				}
			}
		}
		allocate := func(n int) {
			var ok bool
			if b, ok = h.Allocate(n); !ok {
				h.Fail(n)
			}
		}
		null := false // what the call returns, whatever b is
		switch op[0] {
		case "malloc", "zalloc":
			allocate(args[0])
		case "calloc":
			allocate(int(uint32(args[0]) * uint32(args[1]))) // nobody checks the product
		case "realloc_null":
			resize(args[0])
		case "realloc":
			b = handles[args[0]]
			before := b
			resize(args[1])
			null = b == before && args[1] > 0 && printed != ""
		case "free":
			h.Release(&handles[args[0]])
			null = true
		case "free_again":
			again := last[args[0]]
			h.Release(&again)
			null = true
		case "free_null":
			h.Release(&heap.Block{})
			null = true
		default:
			return fmt.Sprintf("call %d: unknown %v", i, op)
		}
		switch op[0] {
		case "free", "free_again", "free_null":
		case "realloc":
			handles[args[0]], last[args[0]] = b, b
		default:
			handles, last = append(handles, b), append(last, b)
		}
		var address any
		if b.Placed() && !null {
			address = float64(b.Address())
		}
		got := []any{address, float64(h.Free()), float64(h.Low()), printed}
		if !reflect.DeepEqual(got, s.Result[i]) {
			return fmt.Sprintf("call %d %v: %v, want %v", i, op, got, s.Result[i])
		}
	}
	if got := h.Blocks(); !reflect.DeepEqual(got, s.Layout) {
		return fmt.Sprintf("layout %v, want %v", got, s.Layout)
	}
	return ""
}
