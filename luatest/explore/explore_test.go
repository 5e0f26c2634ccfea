package explore

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

const ms = clock.Millisecond

// all is a search of everything.
var all = Options{Cases: 200, Kinds: Kinds, Seed: 1, LeastHeap: 16384}

// some is what a run without faults has had.
var some = Counts{Packets: 30, Handlers: 100, Works: 50, Writes: 9, Heap: 50000}

// The smallest case is found for programs that fail for known reasons.
func TestShrinksToTheReason(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails func(Points, Case) bool
		want  string
	}{
		{"a packet", func(p Points, _ Case) bool { return p.Lost[7] }, "lose=7"},
		{"any packet", func(p Points, _ Case) bool { return len(p.Lost) > 0 }, "lose=1"},
		{"a late packet", func(p Points, _ Case) bool { return p.Held[3] >= 20*ms }, "hold=3:20ms"},
		{"a doubled one behind one", func(p Points, _ Case) bool { return p.Doubled[5] && len(p.Held) > 0 }, "double=5,hold=1:1ms"},
		{"latency", func(_ Points, c Case) bool { return c.Quality().Latency > 30*ms }, "latency=31ms"},
		{"timers", func(p Points, _ Case) bool { return p.Handlers[40] >= ms }, "timer=40:1ms"},
		{"several timers", func(p Points, _ Case) bool {
			sum := clock.Duration(0)
			for _, d := range p.Handlers {
				sum += d
			}
			return sum >= 5*ms
		}, ""},
		{"a task from the tenth on", func(p Points, _ Case) bool {
			for at := range p.Works {
				if at >= 10 {
					return true
				}
			}
			return false
		}, "task=10:0.1ms"},
		{"both", func(p Points, _ Case) bool { return len(p.Handlers) > 0 && len(p.Works) > 0 }, "timer=1:0.1ms,task=1:0.1ms"},
		{"a cut", func(p Points, _ Case) bool { return p.CutAt == 6 }, "cut=write:6"},
		{"nothing", func(Points, Case) bool { return false }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runs := 0
			run := func(c Case) Outcome {
				runs++
				p := c.Points()
				return Outcome{Failed: tt.fails(p, c) || p.Heap != 0 && p.Heap < 21000, Counts: some, Site: "app.lua:12"}
			}
			r := Search(all, run)
			got := r.Failing.String()
			// Which case is smallest of those that have the same number of faults depends on
			// which was found; what is left must be needed, all of it.
			if tt.want == "" && r.Failed {
				for i := range r.Failing {
					if rest := slices.Concat(r.Failing[:i], r.Failing[i+1:]); run(rest).Failed {
						t.Errorf("%s fails without its fault %d, too", got, i)
					}
				}
			} else if normal(got) != normal(tt.want) {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			if tt.name != "nothing" && !r.Failed {
				t.Error("it was not found")
			}
			if r.Runs > 201+9+maxRuns+16 {
				t.Errorf("%d runs", r.Runs)
			}
			if r.Needs == nil || *r.Needs != (Need{Bytes: 21000, Site: "app.lua:12"}) {
				t.Errorf("needs %+v", r.Needs)
			}
			again := Search(all, run)
			if again.Failing.String() != got || again.Cases != r.Cases || again.Runs != r.Runs {
				t.Errorf("another search: %+v\nfirst: %+v", again, r)
			}
		})
	}
}

// normal sorts the faults of a case.
func normal(text string) string {
	parts := strings.Split(text, ",")
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// What fails without faults is told and left.
func TestFailsAnyway(t *testing.T) {
	r := Search(all, func(Case) Outcome { return Outcome{Failed: true, Counts: some} })
	if !r.Failed || len(r.Failing) > 0 || r.Runs != 1 || r.Cases != 0 || r.Needs != nil {
		t.Errorf("%+v", r)
	}
}

// A run that this computer was too slow for is not shrunk.
func TestTooSlowIsNotShrunk(t *testing.T) {
	r := Search(Options{Cases: 5, Kinds: []Kind{Tasks}, Seed: 1}, func(c Case) Outcome {
		return Outcome{Failed: len(c) > 0, Final: true, Counts: some}
	})
	if !r.Failed || r.Runs != 2 || r.Cases != 1 {
		t.Errorf("%+v", r)
	}
}

// Each kind tries only what it is about, and each write is cut.
func TestKinds(t *testing.T) {
	of := map[Kind][]string{
		Link: {"latency", "jitter", lose, double, hold}, Timers: {timer}, Tasks: {task}, Power: {cut}, Heap: {heap},
	}
	for _, k := range Kinds {
		seen := map[string]bool{}
		cuts := []int{}
		r := Search(Options{Cases: 60, Kinds: []Kind{k}, Seed: 3, LeastHeap: 16384}, func(c Case) Outcome {
			for _, f := range c {
				seen[f.Name] = true
				if f.Name == cut {
					cuts = append(cuts, f.At)
				}
			}
			return Outcome{Failed: c.Points().Heap > 0 && c.Points().Heap < 30000, Counts: some}
		})
		for _, name := range of[k] {
			if !seen[name] {
				t.Errorf("%s: no %s was tried", k, name)
			}
		}
		if len(seen) != len(of[k]) || (r.Cases == 0) != (k == Heap) {
			t.Errorf("%s: tried %v in %d cases", k, seen, r.Cases)
		}
		if k == Power && !slices.Equal(cuts, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}) { // before them and in them
			t.Errorf("cuts at %v", cuts)
		}
	}
}

// The heap: more than there is, and less than was tried.
func TestNeeds(t *testing.T) {
	for _, needs := range []int{16384, 16385, 33333, 49999, 50000} {
		r := Search(Options{Kinds: []Kind{Heap}, LeastHeap: 16384}, func(c Case) Outcome {
			bytes := c.Points().Heap
			return Outcome{Failed: bytes > 0 && bytes < needs, Counts: Counts{Heap: 50000}, Site: fmt.Sprint(bytes)}
		})
		got := *r.Needs
		if got.Bytes < needs || got.Bytes-heapStep >= needs {
			t.Errorf("needs %d: %+v", needs, got)
		}
		if got.Least != (needs == 16384) || (got.Site == "") != got.Least {
			t.Errorf("needs %d: at %q", needs, got.Site)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"loss=0.1, latency=80ms ,timer=3:1.5ms,cut=write:12+100,heap=21000", "loss=0.1,latency=80ms,timer=3:1.5ms,cut=write:12+100,heap=21000"},
		{"lose=3,lose=7,hold=3:1s", "lose=3,lose=7,hold=3:1000ms"},
		{"jitter=1us", "jitter=0.001ms"},
	} {
		c, err := Parse(tt.text)
		if err != nil || c.String() != tt.want {
			t.Errorf("%q: %q, %v", tt.text, c, err)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"", `"" is not FAULT=VALUE: write for example lose=7,timer=3:2ms,cut=write:12`},
		{"lose", `"lose" is not FAULT=VALUE: `},
		{"lose=0", `lose = "0": write for example lose=7, the number of a packet`},
		{"lose=-1", `lose = "-1": write`},
		{"hold=3", `hold = "3": write for example hold=7:80ms, `},
		{"hold=3:-1ms", `hold = "3:-1ms": write`},
		{"timer=3:11ms", `timer = "3:11ms": write for example timer=7:3ms, the number of a run of the timers' handler and how much later it comes, up to 10ms`},
		{"task=x:1ms", `task = "x:1ms": write`},
		{"cut=12", `cut = "12": write for example cut=write:12`},
		{"cut=write:1,cut=write:2+3", "cut is given twice"},
		{"cut=write:1+0", `cut = "write:1+0": write for example cut=write:12, the number of a write to flash, or cut=write:12+100`},
		{"cut=write:1+8193", `cut = "write:1+8193": write for example cut=write:12`},
		{"lose=3,lose=3", "lose=3 is given twice"},
		{"loss=1%,loss=2%", "loss is given twice"},
		{"lost=3", `there is no fault "lost": use lose, double, hold, timer, task, cut or heap, or what --link has, as latency=80ms`},
		{"loss=2", `loss = "2": write a percentage such as 1%, or a fraction from 0 to 1`},
		{strings.Repeat("lose=1,", 2000), "more than 1000 faults: write fewer"},
	} {
		if _, err := Parse(tt.text); err == nil || !strings.HasPrefix(err.Error(), strings.TrimSuffix(tt.want, " ")) && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestParseKinds(t *testing.T) {
	if got, err := ParseKinds("link, heap"); err != nil || !slices.Equal(got, []Kind{Link, Heap}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseKinds("link,"); err == nil || !strings.Contains(err.Error(), `"" is no kind of faults: write some of link, timers`) {
		t.Error(err)
	}
}

// Whatever is read as a case is written so that it is read again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"lose=3", "loss=10%,latency=80ms,cut=write:12,heap=21000", "timer=3:1.5ms,task=4:100us,hold=3:1h", "reorder=1,reorder_by=3ms,bandwidth=1mbit,queue=1s", "=,=", "hold=1:2:3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has several lines: %q", err)
			}
			return
		}
		again, err := Parse(c.String())
		if err != nil || !slices.Equal(again, c) {
			t.Errorf("%q is written %q, which is %v, %v", text, c, again, err)
		}
		if err := c.Quality().Check(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		c.Points()
	})
}
