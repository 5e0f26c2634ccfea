package heap

import (
	"math/rand"
	"testing"
)

// counter is a Mem that adds up.
type counter struct{ total, alloc, peak int }

func (c *counter) Realloc(b *Block, n int) {
	c.total += n - b.Size()
	if n > b.Size() {
		c.alloc += n
	}
	c.peak = max(c.peak, c.total)
	*b = Block{size: int32(n), length: int32(n)}
}

// list is the array part of a Lua table for tests.
type list map[int]bool

func (l list) Used(i int) bool { return l[i] }

// Sizes after the growth histories of oracle: memory-snippets.json (delta less
// the strings and functions of the snippet, sum of all requests).
func TestTableGrowth(t *testing.T) {
	type tab struct {
		t    Table
		vals list
		c    counter
	}
	set := func(x *tab, n int) {
		k := NumberKey(float64(n))
		x.t.Set(&x.c, &k, true, x.vals)
		x.vals[n] = true
	}
	name := func(x *tab, s string, nonNil bool) {
		k := StringKey(s)
		x.t.Set(&x.c, &k, nonNil, x.vals)
	}
	letters := func(i int) string { return "f" + string(rune('a'+i%26)) + string(rune('a'+i/26)) }
	for _, tt := range []struct {
		name         string
		fill         func(x *tab)
		array, nodes int
		alloc        int
	}{
		{"append 5", func(x *tab) {
			for i := 1; i <= 5; i++ {
				set(x, i)
			}
		}, 8, 0, 212},
		{"append 257", func(x *tab) {
			for i := 1; i <= 257; i++ {
				set(x, i)
			}
		}, 512, 0, 12308},
		{"fill_reverse_4", func(x *tab) {
			for i := 4; i >= 1; i-- {
				set(x, i)
			}
		}, 4, 1, 176},
		{"fill_reverse_20", func(x *tab) {
			for i := 20; i >= 1; i-- {
				set(x, i)
			}
		}, 32, 1, 1408},
		{"fill_step_8_2", func(x *tab) {
			for i := 1; i <= 8; i++ {
				set(x, 2*i)
			}
		}, 0, 8, 512},
		{"17 fields", func(x *tab) {
			for i := range 17 {
				name(x, letters(i), true)
			}
		}, 0, 32, 32 + 32*(1+2+4+8+16+32)},
		{"churn", func(x *tab) {
			for i := range 100 {
				name(x, letters(i), true)
				name(x, letters(i), false)
			}
		}, 0, 1, 64},
		{"nil for an absent key makes a node", func(x *tab) { name(x, "a", false) }, 0, 1, 64},
		{"clear_then_new_field", func(x *tab) {
			for i := 1; i <= 32; i++ {
				set(x, i)
			}
			clear(x.vals)
			name(x, "x", true)
		}, 0, 1, 820},
	} {
		x := &tab{vals: list{}}
		x.t.Init(&x.c, 0, 0)
		tt.fill(x)
		if x.t.Array() != tt.array || x.t.Nodes() != tt.nodes || x.c.alloc != tt.alloc {
			t.Errorf("%s: array %d, nodes %d, %d bytes requested; want %d, %d, %d", tt.name, x.t.Array(), x.t.Nodes(), x.c.alloc, tt.array, tt.nodes, tt.alloc)
		}
		if x.c.total != x.t.Bytes() {
			t.Errorf("%s: %d bytes held, the table has %d", tt.name, x.c.total, x.t.Bytes())
		}
	}
}

// Whatever is set can be found again, through growth, deletion and rehash.
func TestTableFindsItsKeys(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for round := range 200 {
		var c counter
		var tab Table
		tab.Init(&c, rng.Intn(5), rng.Intn(5))
		vals := list{}
		live := map[int]bool{} // negative: strings
		for range 300 {
			n := rng.Intn(60) - 20
			on := rng.Intn(3) > 0
			k := NumberKey(float64(n))
			if n < 0 {
				k = StringKey(string(rune('a'-n)) + "x")
			}
			tab.Set(&c, &k, on, vals)
			if live[n] = on; n > 0 {
				vals[n] = on
			}
		}
		for n, on := range live {
			k := NumberKey(float64(n))
			if n < 0 {
				k = StringKey(string(rune('a'-n)) + "x")
			}
			if on && tab.find(&k) < 0 && (n <= 0 || n > tab.Array()) {
				t.Fatalf("round %d: key %d is lost", round, n)
			}
		}
		if c.total != tab.Bytes() {
			t.Fatalf("round %d: %d bytes held, the table has %d", round, c.total, tab.Bytes())
		}
	}
}

func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		what      string
		got, want int
	}{
		{"empty string", StringSize(0), 17},
		{"userdata", UserdataSize(100), 124},
		{"closure", ClosureSize(2), 28},
		{"light function", CClosureSize(0), 0},
		{"native closure", CClosureSize(3), 56},
		{"coroutine", ThreadHeader + func() int { s := InitialStack(); return s.Bytes() }(), 844},
		// fn_empty: function() end on line 1: RETURN, one byte of line, one zero
		{"fn_empty", ProtoSize(1, 0, 0, 2), 78},
		{"unpack 17", UnpackHint(0b010_001), 18},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, tt.got, tt.want)
		}
	}
}

// Stack sizes of a deep recursion and of the collections after it.
// Source: oracle: memory-behaviour.md, 4.
func TestStack(t *testing.T) {
	s := InitialStack()
	var got []int
	for top := 39; len(got) < 5; top = s.Limit() {
		s.Slots = s.NeedSlots(top, 10)
		got = append(got, s.Slots)
	}
	for i, want := range []int{96, 198, 402, 810, 1626} {
		if got[i] != want {
			t.Errorf("growth %v", got)
			break
		}
	}
	for range 10 {
		s.Slots, _ = s.Shrunk(10, 1)
	}
	if s.Slots < 58 || s.Slots > 62 {
		t.Errorf("%d slots after many collections, want 58 to 62", s.Slots)
	}
}

func TestJoinLimit(t *testing.T) {
	e := DefaultEGC()
	for _, tt := range []struct {
		n, total int
		want     bool
	}{
		{1, 4094, false}, {1, 4095, true}, {4095, 1, true}, {1, 4096, true}, {1, 4097, false}, {5000, 5000, false},
	} {
		if got := e.JoinOverflows(tt.n, tt.total); got != tt.want {
			t.Errorf("%d to %d: %v", tt.n, tt.total, got)
		}
	}
	e.Limit = 0
	if e.JoinOverflows(1<<20, 1<<20) {
		t.Error("no limit, but an overflow")
	}
}

// Blocks must never overlap, and everything freed must come back.
func TestArena(t *testing.T) {
	for _, l := range []Layout{SDK16, SDK8, Ideal} {
		h := New(Config{Layout: l, Size: 20000})
		rng := rand.New(rand.NewSource(2))
		var blocks []Block
		for range 5000 {
			switch i := 0; {
			case len(blocks) > 0 && rng.Intn(2) == 0:
				i = rng.Intn(len(blocks))
				h.Release(&blocks[i])
				blocks = append(blocks[:i], blocks[i+1:]...)
			case len(blocks) > 0 && rng.Intn(4) == 0:
				i = rng.Intn(len(blocks))
				h.Resize(&blocks[i], 1+rng.Intn(700))
			default:
				if b, ok := h.Allocate(1 + rng.Intn(500)); ok {
					blocks = append(blocks, b)
				}
			}
			sum := 0
			for i, b := range blocks {
				sum += int(b.length)
				for _, o := range blocks[:i] {
					if l != Ideal && b.addr < o.addr+o.length && o.addr < b.addr+b.length {
						t.Fatalf("%v: blocks %+v and %+v overlap", l, b, o)
					}
				}
			}
			if sum != h.Used() {
				t.Fatalf("%v: %d bytes in blocks, %d used", l, sum, h.Used())
			}
		}
		for i := range blocks {
			h.Release(&blocks[i])
		}
		if h.Free() != 20000 || h.Largest() != 20000 {
			t.Errorf("%v: %d free, %d in one piece, after all was freed", l, h.Free(), h.Largest())
		}
	}
}

// The steps of nodemcu-firmware issue 2751, as oracle: memory-sizes.json replays
// them: a string of 305 bytes takes 328 bytes of heap, and E:M tells so.
func TestFailurePrintsRequest(t *testing.T) {
	h := New(Config{Size: 700})
	var em []int
	h.OnFail = func(n int) { em = append(em, n) }
	before := h.Free()
	b, ok := h.Alloc(305, Other)
	if !ok || before-h.Free() != 328 {
		t.Errorf("%d bytes taken, want 328", before-h.Free())
	}
	if _, ok := h.Alloc(400, Other); ok || len(em) != 1 || em[0] != 416 {
		t.Errorf("E:M %v, want 416", em)
	}
	if s := h.Stats(); len(s.Native) != 1 || s.Native[0] != (Total{"other", 305, 1, 328}) || s.Low != 700-328 || s.Failed != 1 {
		t.Errorf("%+v", s)
	}
	h.FreeNative(&b, Other)
	if h.Free() != 700 || len(h.Stats().Native) != 0 {
		t.Errorf("%+v after everything was freed", h.Stats())
	}
}

// What the allocator takes follows from the blocks in use below (oracle:
// sdk-behaviour.md, 1.6: 2,118 instructions with 400 of them, 4,220 for a realloc).
func TestSteps(t *testing.T) {
	h := New(Config{Size: 40000})
	var blocks [401]Block
	for i := range blocks {
		h.Steps()
		blocks[i], _ = h.Allocate(20)
		if got, want := h.Steps(), 118+5*i; got != want {
			t.Fatalf("allocation above %d blocks: %d instructions, want %d", i, got, want)
		}
	}
	last := &blocks[400]
	h.Release(last)
	if got, want := h.Steps(), 75+5*400; got != want {
		t.Errorf("free above 400 blocks: %d instructions, want %d", got, want)
	}
	h.Release(&blocks[0])
	if got, want := h.Steps(), 68; got != want {
		t.Errorf("free of the lowest block: %d instructions, want %d", got, want)
	}
	*last, _ = h.Allocate(20)
	if got, want := h.Steps(), 90; got != want {
		t.Errorf("allocation in its place: %d instructions, want %d", got, want)
	}
	h.Release(&blocks[200])
	h.Steps()
	h.Resize(last, 21) // as long a block as the gap
	if got, want := h.Steps(), 90+5*200+68+27+5*21/8; got != want {
		t.Errorf("realloc: %d instructions, want %d", got, want)
	}
}
