package shard

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, env, want string }{
		{"1/1", "", "1/1"},
		{"2/4", "", "2/4"},
		{"2/4", "JOB_COMPLETION_INDEX=3 CI_NODE_INDEX=1 CI_NODE_TOTAL=9", "2/4"}, // nobody asked
		{"auto/4", "JOB_COMPLETION_INDEX=0", "1/4"},
		{"auto/4", "JOB_COMPLETION_INDEX=3", "4/4"},
		{"auto/4", "JOB_COMPLETION_INDEX=4", "JOB_COMPLETION_INDEX 4, which counts from 0: the part is from 1 to 4"},
		{"auto/4", "JOB_COMPLETION_INDEX=-1", "no number from 0"},
		{"auto/4", "JOB_COMPLETION_INDEX=x", "no number from 0"},
		{"auto", "JOB_COMPLETION_INDEX=0", "use auto/N"},
		{"auto", "CI_NODE_INDEX=2 CI_NODE_TOTAL=3", "2/3"},
		{"auto/3", "CI_NODE_INDEX=2 CI_NODE_TOTAL=3", "2/3"},
		{"auto/3", "CI_NODE_INDEX=2", "2/3"},
		{"auto/4", "CI_NODE_INDEX=2 CI_NODE_TOTAL=3", "CI_NODE_TOTAL is 3"},
		{"auto", "CI_NODE_INDEX=2", "CI_NODE_TOTAL is not"},
		{"auto", "CI_NODE_INDEX=4 CI_NODE_TOTAL=3", "with CI_NODE_INDEX 4 of 3: the part is from 1 to 3"},
		{"auto", "CI_NODE_INDEX=1 CI_NODE_TOTAL=many", "the number of parts is"},
		{"auto/2", "JOB_COMPLETION_INDEX=0 CI_NODE_INDEX=1", "both JOB_COMPLETION_INDEX and CI_NODE_INDEX"},
		{"auto/2", "", "as in 1/2"},
		{"auto", "", "are not set"},
		{"0/4", "", "the part is from 1 to 4"},
		{"5/4", "", "the part is from 1 to 4"},
		{"1/0", "", "the number of parts is from 1 to 10000"},
		{"1/10001", "", "the number of parts is from 1 to 10000"},
		{"99999999999999999999/4", "", "the part is from 1 to 4"},
		{"1/99999999999999999999", "", "the number of parts is"},
		{"", "", "use I/N"}, {"2", "", "use I/N"}, {"/4", "", "use I/N"}, {"-1/4", "", "use I/N"}, {"1/4/", "", "use I/N"}, {"auto/", "", "use I/N"},
	} {
		env := map[string]string{}
		for _, e := range strings.Fields(tt.env) {
			name, value, _ := strings.Cut(e, "=")
			env[name] = value
		}
		p, err := Parse(tt.text, func(name string) string { return env[name] })
		got := p.String()
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != tt.want || err != nil && !strings.Contains(got, tt.want) {
			t.Errorf("%q with %q: %q, want %q", tt.text, tt.env, got, tt.want)
		}
	}
}

func TestSplit(t *testing.T) {
	files := strings.Fields("a b c d e f")
	seconds := func(s string) map[string]time.Duration {
		times := map[string]time.Duration{}
		for _, x := range strings.Fields(s) {
			var name string
			var n int
			if _, err := fmt.Sscanf(x, "%1s=%d", &name, &n); err != nil {
				t.Fatal(err)
			}
			times[name] = time.Duration(n) * time.Second
		}
		return times
	}
	for _, tt := range []struct {
		times string
		parts int
		want  string
	}{
		{"", 1, "a b c d e f"},
		{"", 2, "a c e|b d f"},
		{"", 4, "a e|b f|c|d"},
		{"", 8, "a|b|c|d|e|f||"},
		{"f=9 e=3 d=2 c=2 b=1 a=1", 2, "f|a b c d e"},
		{"f=9 e=3 d=2 c=2 b=1 a=1", 3, "f|a b e|c d"},
		{"a=1 b=1 c=100", 2, "c|a b d e f"},                // the others take 1
		{"a=1 b=100 c=100", 2, "b d f|a c e"},              // the others take 100
		{"a=0 b=0 c=0 d=0 e=0 f=0", 3, "a d|b e|c f"},      // too short to be measured
		{"x=5 y=6", 2, "a c e|b d f"},                      // of other files
		{"a=5 b=4 c=3 d=3 e=3", 2, "a d f|b c e"},          // 3 is the median
		{"a=5 b=4 c=3 d=3 e=3 f=0", 2, "a d f|b c e"},      // the least is behind the others
		{"a=2 b=2 c=2 d=2 e=2 f=2 x=99", 2, "a c e|b d f"}, // ties by name
	} {
		var got []string
		for _, p := range Split(files, tt.parts, seconds(tt.times)).Parts {
			got = append(got, strings.Join(p, " "))
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%q in %d parts: %q, want %q", tt.times, tt.parts, s, tt.want)
		}
	}
}

// Whatever the files and their times are, each file is in one part, whoever asks in
// whichever order, and no part has more to do than its share and one file.
func TestEachFileIsInOnePart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		var files []string
		times := map[string]time.Duration{}
		var total, longest time.Duration
		for i := range r.IntN(60) {
			f := fmt.Sprintf("dir%d/%d_test.lua", r.IntN(4), i)
			files = append(files, f)
			times[f] = time.Duration(r.ExpFloat64() * float64(time.Second))
			total, longest = total+times[f], max(longest, times[f])
		}
		all := r.IntN(2) == 0
		if !all {
			for f := range times {
				if r.IntN(3) == 0 {
					delete(times, f)
				}
			}
		}
		slices.Sort(files)
		parts := 1 + r.IntN(12)
		plan := Split(files, parts, times)
		if len(plan.Parts) != parts || plan.Known != len(times) {
			t.Fatalf("round %d: %d parts, %d known", round, len(plan.Parts), plan.Known)
		}
		var got []string
		for _, p := range plan.Parts {
			var load time.Duration
			for _, f := range p {
				load += times[f]
			}
			if all && load > total/time.Duration(parts)+longest {
				t.Errorf("round %d: a part takes %v of %v in %d", round, load, total, parts)
			}
			if !slices.IsSorted(p) {
				t.Errorf("round %d: %q is not sorted", round, p)
			}
			got = append(got, p...)
		}
		slices.Sort(got)
		if !slices.Equal(got, files) {
			t.Fatalf("round %d: the parts have %q of %q", round, got, files)
		}
		r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		if other := Split(files, parts, times); other.Print() != plan.Print() {
			t.Errorf("round %d: in another order they are split another way", round)
		}
	}
}

func TestPrint(t *testing.T) {
	files := []string{"a", "b", "c"}
	prints := map[string]string{}
	for name, p := range map[string]Plan{
		"two":   Split(files, 2, nil),
		"three": Split(files, 3, nil),
		"four":  Split(files, 4, nil),
		"fewer": Split(files[:2], 2, nil),
		"times": Split(files, 2, map[string]time.Duration{"a": 1, "b": 1, "c": 9}),
	} {
		if other, ok := prints[p.Print()]; ok {
			t.Errorf("%s and %s are the same", name, other)
		}
		prints[p.Print()] = name
	}
}
