package vm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// generator writes random programs that allocate: the same for the same seed.
type generator struct {
	*rand.Rand
	depth int
}

func (g *generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) global() string { return fmt.Sprintf("g%d", g.IntN(6)) }

func (g *generator) str() string {
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%q", strings.Repeat("x", g.IntN(30)))
	case 1:
		return fmt.Sprintf("%q .. %d", g.pick("a", "bc", "name"), g.IntN(50))
	case 2:
		return fmt.Sprintf("string.rep(%q, %d)", g.pick("z", "yx"), g.IntN(200))
	}
	return fmt.Sprintf("tostring(%d)", g.IntN(1000))
}

func (g *generator) value() string {
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(8) {
	case 0, 1:
		return g.str()
	case 2:
		return fmt.Sprint(g.IntN(100))
	case 3:
		return "function() return " + g.global() + " end"
	case 4:
		return "(function(a) return function() return a end end)(" + g.str() + ")"
	case 5:
		return g.global()
	}
	if g.depth > 2 {
		return "{}"
	}
	return fmt.Sprintf("{%s, k = %s}", g.value(), g.value())
}

func (g *generator) statement() string {
	n := g.IntN(40)
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("%s = %s", g.global(), g.value())
	case 1:
		return fmt.Sprintf("t[%d] = %s", 1+g.IntN(20), g.value())
	case 2:
		return fmt.Sprintf("t[%s] = %s", g.str(), g.value())
	case 3:
		return fmt.Sprintf("for i = 1, %d do local x = {%s, i} end", n, g.value())
	case 4:
		return fmt.Sprintf("for i = 1, %d do t[%q .. i] = %s t[%q .. i] = nil end", n, g.pick("p", "q"), g.value(), g.pick("p", "q"))
	case 5:
		return fmt.Sprintf("do local s = '' for i = 1, %d do s = s .. i end %s = s end", n, g.global())
	case 6:
		return fmt.Sprintf("pcall(function() local f f = function(d) if d > 0 then f(d - 1) end return d end f(%d) error(%s) end)", n/2, g.str())
	}
	return fmt.Sprintf("c = coroutine.create(function(a) local x = %s coroutine.yield(x, a) end) coroutine.resume(c, %s)", g.value(), g.str())
}

func (g *generator) program() string {
	var b strings.Builder
	b.WriteString("t = t or {}\n")
	for range 3 + g.IntN(6) {
		b.WriteString(g.statement() + "\n")
		if g.IntN(3) == 0 {
			b.WriteString("ask({})\n")
		}
	}
	return b.String()
}

// Random programs, each a few chunks on the same globals, are run twice: with quick
// collections where they do, and with a full one each time. At every collection
// each block has the same address in both, and each collection leaves the same.
func TestQuickCollectionsAreExact(t *testing.T) {
	quick, full := 0, 0
	for seed := range uint64(150) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
		var chunks []string
		for range 4 {
			chunks = append(chunks, g.program())
		}
		layout := []heap.Layout{heap.SDK16, heap.SDK8, heap.Ideal}[seed%3]
		var traces [2][]string
		for i, on := range []bool{true, false} {
			b := newBench(t, heap.New(heap.Config{Layout: layout}))
			b.v.SetQuick(on)
			note := func(what string) { traces[i] = append(traces[i], what+" "+b.v.Layout()) }
			b.v.SetOnCollected(func() {
				if len(traces[i])%16 == 0 {
					if problem := b.v.CheckGraph(); problem != "" {
						t.Errorf("seed %d: %s", seed, problem)
					}
				}
				note("collected")
			})
			b.v.SetField(b.v.ROMGlobals(), "ask", b.v.NewFunction(vm.Func{Name: "ask", Fn: func(*vm.Call) int {
				note("asked")
				return 0
			}}))
			for _, src := range chunks {
				fn, err := b.v.Load([]byte(src), "=s")
				if err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, src)
				}
				if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
					note(lerr.Message())
				}
				fn = nil
				if problem := b.v.CheckAccount(); problem != "" {
					t.Errorf("seed %d, quick %v: %s", seed, on, problem)
				}
			}
			if on {
				st := b.v.MemoryStats()
				quick += st.Quick
				full += st.Full
			}
		}
		for i := range traces[0] {
			if i >= len(traces[1]) || traces[0][i] != traces[1][i] {
				t.Errorf("seed %d: collection %d of %d, %d: %s, in full %s\n%s", seed, i, len(traces[0]), len(traces[1]), traces[0][i], traces[1][i], strings.Join(chunks, "----\n"))
				break
			}
		}
		if t.Failed() {
			break
		}
	}
	if t.Logf("%d collections were quick, %d full", quick, full); quick < full {
		t.Errorf("most collections should be quick")
	}
}
