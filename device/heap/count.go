package heap

import "math/bits"

// spots are the blocks and free spans of an arena by their first granule, and how many
// of them lie below an address: the SDK walks its lists up to there, and that takes
// time. The last address asked about is remembered, with its answer: the next one
// mostly lies near.
type spots struct {
	words []spotWord
	at    int // a word
	used  int // blocks in the words before it, and those below the arena
	free  int // free spans there
}

// spotWord is 64 granules, a bit for each.
type spotWord struct{ used, free uint64 }

func newSpots(granules int) spots { return spots{words: make([]spotWord, granules/64+1)} }

func (s *spots) putFree(g int) {
	s.words[uint(g)>>6].free |= 1 << (g & 63)
	if g>>6 < s.at {
		s.free++
	}
}

func (s *spots) dropFree(g int) {
	s.words[uint(g)>>6].free &^= 1 << (g & 63)
	if g>>6 < s.at {
		s.free--
	}
}

// putUsed notes a block at g, where a free span was noted.
func (s *spots) putUsed(g int) {
	s.words[uint(g)>>6].used |= 1 << (g & 63)
	if g>>6 < s.at {
		s.used++
	}
}

func (s *spots) isFree(g int) bool { return s.words[uint(g)>>6].free>>(g&63)&1 != 0 }
func (s *spots) isUsed(g int) bool { return s.words[uint(g)>>6].used>>(g&63)&1 != 0 }

// goTo remembers the word w.
func (s *spots) goTo(w int) {
	for ; s.at < w; s.at++ {
		x := &s.words[s.at]
		s.used += bits.OnesCount64(x.used)
		s.free += bits.OnesCount64(x.free)
	}
	for s.at > w {
		s.at--
		x := &s.words[s.at]
		s.used -= bits.OnesCount64(x.used)
		s.free -= bits.OnesCount64(x.free)
	}
}
