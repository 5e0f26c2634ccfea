//go:build unix

package vm_test

import (
	"flag"
	"fmt"
	"math"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

var (
	speed  = flag.Bool("speed", false, "TestSpeed: print how fast the VM is")
	rounds = flag.Int("rounds", 21, "TestSpeed: of how many rounds it prints the medians")
)

// roundTime is how long an engine is measured at a time, in µs: long enough for several
// collections of Go's.
const roundTime = 30_000

// Goals beside those of groups.
const (
	trackedGoal  = 1.6 // of gopher-lua's time, for the slowest program of those that have a goal
	fullMarkGoal = 8   // µs
)

// engine runs a program n times and returns the CPU time of that in µs.
type engine func(n int) float64

// TestSpeed prints how fast the VM is against gopher-lua and lua5.1. They take turns in
// each round, and what counts is the CPU time of the process, with Go's collector in it.
func TestSpeed(t *testing.T) {
	if !*speed {
		t.Skip("prints how fast the VM is, with -speed")
	}
	lua := func(string) engine { return func(int) float64 { return math.NaN() } }
	about := "not installed"
	if path, err := exec.LookPath("lua5.1"); err == nil {
		var starts []float64
		for range *rounds {
			starts = append(starts, lua51(t, path, "", 0)(0))
		}
		startUp := median(starts)
		lua = func(src string) engine { return lua51(t, path, src, startUp) }
		about = fmt.Sprintf("%s without the %.0f µs of its start", path, startUp)
	}

	fmt.Printf("CPU time in µs, medians of %d rounds; %s, GOMAXPROCS %d; lua5.1: %s\n\n", *rounds, runtime.Version(), runtime.GOMAXPROCS(0), about)
	row("program", "gopher-lua", "lua5.1", "VM", "tracked", "VM/gopher-lua", "VM/lua5.1", "tracked/gopher-lua", "tracked/VM")
	row("--", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:")
	var goals [][]any
	goal := func(what string, is, atMost float64) {
		reached := "✗"
		if is <= atMost {
			reached = "✓"
		}
		if atMost > 0 {
			goals = append(goals, []any{what, is, fmt.Sprintf("≤ %g", atMost), reached})
		}
	}
	slowestTracked := 0.0
	for _, g := range groups {
		var names []string
		ratios := make([][]float64, 4)
		for _, p := range g.programs {
			us := measure(inProcess(p.onPlain(t)), lua(p.src), inProcess(p.onVM(t, nil)), inProcess(p.onVM(t, &vm.Recorder{Allocations: true})))
			r := []float64{us[2] / us[0], us[2] / us[1], us[3] / us[0], us[3] / us[2]}
			for i := range r {
				ratios[i] = append(ratios[i], r[i])
			}
			names = append(names, p.name)
			row(p.name, us[0], us[1], us[2], us[3], r[0], r[1], r[2], r[3])
		}
		row("**median**", "", "", "", "", median(ratios[0]), median(ratios[1]), median(ratios[2]), median(ratios[3]))
		all := strings.Join(names, ", ")
		goal(all+": median", median(ratios[0]), g.median)
		goal(all+": slowest", slices.Max(ratios[0]), g.worst)
		if g.worst > 0 {
			slowestTracked = max(slowestTracked, slices.Max(ratios[2]))
		}
	}
	goal("all these with allocations tracked: slowest", slowestTracked, trackedGoal)
	v := fullHeap(t)
	v.SetQuick(false)
	goal(fmt.Sprintf("full mark of %d bytes, µs", v.Heap().Used()), measure(inProcess(v.Collect))[0], fullMarkGoal)

	fmt.Println()
	row("VM/gopher-lua", "is", "goal", "reached")
	row("--", "--:", "--:", "--")
	for _, g := range goals {
		row(g...)
	}
}

// row prints a row of a table in Markdown.
func row(cells ...any) {
	for _, c := range cells {
		switch f, ok := c.(float64); {
		case ok && f >= 100:
			c = fmt.Sprintf("%.0f", f)
		case ok && math.IsNaN(f):
			c = "–"
		case ok:
			c = fmt.Sprintf("%.2f", f)
		}
		fmt.Printf("| %v ", c)
	}
	fmt.Println("|")
}

// measure returns the medians of a run's time on each engine.
func measure(engines ...engine) []float64 {
	runs := make([]int, len(engines))
	for i, e := range engines {
		for runs[i] = 1; e(runs[i]) < roundTime; {
			runs[i] *= 2
		}
	}
	took := make([][]float64, len(engines))
	for range *rounds {
		for i, e := range engines {
			took[i] = append(took[i], e(runs[i])/float64(runs[i]))
		}
	}
	medians := make([]float64, len(engines))
	for i := range took {
		medians[i] = median(took[i])
	}
	return medians
}

func median(of []float64) float64 {
	of = slices.Sorted(slices.Values(of))
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
}

// inProcess is an engine of this process.
func inProcess(run func()) engine {
	return func(n int) float64 {
		runtime.GC()
		before := cpuTime()
		for range n {
			run()
		}
		return cpuTime() - before
	}
}

func cpuTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1000
}

// lua51 is the C interpreter, whose start takes startUp.
func lua51(t *testing.T, path, src string, startUp float64) engine {
	return func(n int) float64 {
		cmd := exec.Command(path, "-e", fmt.Sprintf("local function run() %s end for i = 1, %d do run() end", src, n))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s: %s", err, out, src)
		}
		return float64((cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()).Nanoseconds())/1000 - startUp
	}
}
