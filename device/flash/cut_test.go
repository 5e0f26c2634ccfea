package flash

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// Power goes at each write of a program that keeps a small file system busy, and in the middle of
// it. What is not touched by the operation at hand is as it was, but where the collector was at
// work: that may have cut the file that it was moving. All can be used on.
func TestPowerCut(t *testing.T) {
	// play does operations until power goes. It returns the files as they were before the one
	// in which it went, and the names that this was about.
	play := func(f *FS, seed uint64, cut *bool) (files map[string][]byte, touched []string) {
		rng := rand.New(rand.NewPCG(seed, 3))
		for range 80 {
			files = map[string][]byte{}
			for _, s := range f.List() {
				files[s.Name], _ = f.Peek(s.Name)
			}
			name, to := fmt.Sprint("f", rng.IntN(4)), fmt.Sprint("f", rng.IntN(4))
			touched = []string{name}
			switch rng.IntN(6) {
			case 0:
				_ = f.Remove(name)
			case 1:
				touched = append(touched, to)
				_ = f.Rename(name, to)
			default:
				h, err := f.Open(name, ParseMode([]string{"w", "a", "r+"}[rng.IntN(3)]))
				if err != nil {
					break
				}
				_, _ = h.Seek(rng.IntN(100), io.SeekStart)
				_ = h.Write(bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(4000)))
				if h.Close() != nil {
					f.Reset()
				}
			}
			if *cut {
				return files, touched
			}
		}
		return files, nil
	}
	for seed := range uint64(3) {
		whole := New(testSize)
		never := false
		play(whole, seed, &never)
		all := whole.Writes()
		if all < 1000 {
			t.Fatalf("only %d writes", all)
		}
		for n := 1; n <= all; n += 17 {
			f := New(testSize)
			cut, collecting := false, false
			told := 0
			f.CutAt(n, n*37%300, func() { cut = true; told++; collecting = f.vol.Collecting() })
			files, touched := play(f, seed, &cut)
			if told != 1 || f.Writes() != n {
				t.Fatalf("cut at %d: told %d times, after %d writes", n, told, f.Writes())
			}
			f.Reset()
			for name, want := range files {
				got, ok := f.Peek(name)
				if collecting && ok {
					want = want[:min(len(got), len(want))]
				}
				if name != touched[0] && name != touched[len(touched)-1] && (!ok || !bytes.Equal(got, want)) {
					t.Errorf("seed %d, cut at %d of %v: %s had %d bytes and has %d", seed, n, touched, name, len(want), len(got))
				}
			}
			never := false
			play(f, seed+100, &never)
		}
	}
}
