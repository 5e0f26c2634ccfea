package snapshot

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// build makes a snapshot of objects 0 … n-1, of 1, 10, 100 … bytes, with the given
// references.
func build(n int, refs ...[2]int) *Snapshot {
	s := &Snapshot{Format: Format}
	bytes := 1
	for i := range n {
		o := Object{ID: i, Kind: Table, Bytes: bytes, Age: -1}
		if i == 0 {
			o.Kind, o.Bytes = Root, 0
		} else if bytes < 1e8 {
			bytes *= 10
		}
		s.Objects = append(s.Objects, o)
	}
	for _, r := range refs {
		s.Objects[r[0]].Refs = append(s.Objects[r[0]].Refs, Ref{r[1], fmt.Sprintf(".%d", r[1])})
	}
	return s
}

func retained(s *Snapshot) []int {
	s.Dominate()
	var out []int
	for _, o := range s.Objects {
		out = append(out, o.Retained)
	}
	return out
}

func TestDominate(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		refs [][2]int
		want []int
	}{
		{"chain", 4, [][2]int{{0, 1}, {1, 2}, {2, 3}}, []int{111, 111, 110, 100}},
		{"shared by two", 4, [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}}, []int{111, 1, 10, 100}},
		{"diamond below one", 5, [][2]int{{0, 1}, {1, 2}, {1, 3}, {2, 4}, {3, 4}}, []int{1111, 1111, 10, 100, 1000}},
		{"cycle", 4, [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 1}}, []int{111, 111, 110, 100}},
		{"itself", 2, [][2]int{{0, 1}, {1, 1}}, []int{1, 1}},
		{"back to the root", 3, [][2]int{{0, 1}, {1, 2}, {2, 0}}, []int{11, 11, 10}},
		{"held by nothing", 3, [][2]int{{0, 1}, {2, 1}}, []int{1, 1, 10}},
		{"entered from two sides", 4, [][2]int{{0, 1}, {0, 3}, {1, 2}, {2, 3}, {3, 2}}, []int{111, 1, 10, 100}},
	} {
		if got := retained(build(tt.n, tt.refs...)); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// By definition: what an object retains is what can no longer be reached without it.
func TestDominateAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 2 + r.IntN(12)
		var refs [][2]int
		for range n * 2 {
			refs = append(refs, [2]int{r.IntN(n), r.IntN(n)})
		}
		s := build(n, refs...)
		for i := range s.Objects {
			s.Objects[i].Bytes = i * i
		}
		s.Dominate()
		all := reach(s, -1)
		for i := 1; i < n; i++ {
			if !all[i] {
				continue
			}
			without, want := reach(s, i), 0
			for k := range all {
				if all[k] && !without[k] {
					want += s.Objects[k].Bytes
				}
			}
			if s.Objects[i].Retained != want {
				t.Fatalf("object %d retains %d, want %d: %v", i, s.Objects[i].Retained, want, refs)
			}
		}
	}
}

func reach(s *Snapshot, without int) []bool {
	seen := make([]bool, len(s.Objects))
	var visit func(int)
	visit = func(i int) {
		if i == without || seen[i] {
			return
		}
		seen[i] = true
		for _, r := range s.Objects[i].Refs {
			visit(r.To)
		}
	}
	visit(0)
	return seen
}

func TestPath(t *testing.T) {
	s := build(6, [2]int{0, 1}, [2]int{1, 2}, [2]int{2, 3}, [2]int{0, 4}, [2]int{4, 3})
	for id, want := range map[int]string{1: ".1", 3: ".4.3", 0: "", 5: "", 99: ""} {
		if got := PathText(s.Path(id)); got != want {
			t.Errorf("path to %d: %q, want %q", id, got, want)
		}
	}
	if (&Snapshot{}).Path(1) != nil {
		t.Error("a path in an empty snapshot")
	}
}

func TestPathText(t *testing.T) {
	step := func(name string) Step { return Step{Name: name} }
	var list []Step
	list = append(list, step("_G"), step(".list"))
	for range 500 {
		list = append(list, step(".next"))
	}
	for _, tt := range []struct {
		steps []Step
		want  string
	}{
		{nil, ""},
		{[]Step{step("_G"), step(".srv"), step("[3]")}, "_G.srv[3]"},
		{[]Step{step("_G"), step(".f"), step(" upvalue buf"), step(""), step("[1]")}, "_G.f → upvalue buf[1]"},
		{[]Step{step(""), step(`registry 3 "sent callback"`), step(" code")}, `registry 3 "sent callback" → code`},
		{list, "_G.list.next.next.next.next.next.next … 490 more … .next.next.next.next"},
		{list[:13], "_G.list" + strings.Repeat(".next", 11)},
	} {
		if got := PathText(tt.steps); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestRelated(t *testing.T) {
	make := func(sites ...string) *Snapshot {
		s := build(len(sites) + 1)
		s.Tracked = true
		for i, site := range sites {
			s.Objects[i+1].Site = site
		}
		return s
	}
	a := make("a:1", "a:2", Firmware)
	for _, tt := range []struct {
		old  *Snapshot
		want bool
	}{
		{a, true},
		{make("a:1", "a:2", Firmware, "a:3"), true},
		{make(), true},
		{make("b:1", "b:2", Firmware), false},
		{&Snapshot{Device: "other"}, false},
		{&Snapshot{Boot: 1}, true},
		{&Snapshot{Boot: 1, Device: "other"}, false},
	} {
		if got := a.Related(tt.old); got != tt.want {
			t.Errorf("%+v: %v", tt.old, got)
		}
	}
	// What is another object is not a resized one.
	if got := make("a:1").Diff(make("b:1")); len(got) != 2 || got[0].Added != 1 || got[1].Freed != 1 {
		t.Errorf("%+v", got)
	}
}

func TestGroupsAndDiff(t *testing.T) {
	old := build(5, [2]int{0, 1}, [2]int{0, 2}, [2]int{0, 3}, [2]int{0, 4})
	for i := range old.Objects {
		old.Objects[i].Site = "a.lua:1"
	}
	old.Objects[4].Kind, old.Objects[4].Site = String, ""
	if got, want := old.BySite(), []Group{{NoSite, String, 1000, 1}, {"a.lua:1", Table, 111, 3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := old.ByKind(); len(got) != 2 || got[0].Name != String || got[1].Bytes != 111 {
		t.Errorf("%+v", got)
	}
	s := build(5, [2]int{0, 1}, [2]int{0, 2})
	s.Objects = s.Objects[:3]
	s.Objects[2].Bytes = 15 // has grown by 5
	s.Objects = append(s.Objects, Object{ID: 7, Kind: Userdata, Bytes: 70, Site: "b.lua:2"})
	for i := range s.Objects[:3] {
		s.Objects[i].Site = "a.lua:1"
	}
	want := []Change{
		{"b.lua:2", Userdata, 1, 70, 0, 0, 0},
		{"a.lua:1", Table, 0, 0, 1, 100, 5},
		{NoSite, String, 0, 0, 1, 1000, 0},
	}
	if got := s.Diff(old); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	s.Boot = 1
	sum := 0
	for _, c := range s.Diff(old) {
		sum += c.Freed
	}
	if sum != 4 {
		t.Errorf("after a reset %d objects are gone, want all 4", sum)
	}
}

func TestRead(t *testing.T) {
	s := build(3, [2]int{0, 1}, [2]int{1, 2})
	s.Dominate()
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(&b); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("%v: %+v", err, got)
	}
	for text, want := range map[string]string{
		"":             "not a heap snapshot",
		"PK\x03\x04":   "not a heap snapshot",
		"[]":           "not a heap snapshot",
		"{}":           "format 0, this program reads 1",
		`{"format":2}`: "format 2, this program reads 1",
		`{"format":1}`: "does not begin with a root",
		`{"format":1,"objects":[{"kind":"table"}]}`:                         "does not begin with a root",
		`{"format":1,"objects":[{"kind":"root"},{"kind":"table"}]}`:         "two objects with id 0",
		`{"format":1,"objects":[{"kind":"root"}`:                            "not a heap snapshot: it ends too early",
		`{"format":1,"objects":[{"kind":"root"}]} {}`:                       "more follows after its end",
		`{"format":1,"objects":{}}`:                                         "not a heap snapshot",
		`{"format":1,"objects":null}`:                                       "not a heap snapshot",
		`{"format":1,"x":` + strings.Repeat("[", 1<<20):                     "not a heap snapshot",
		`{"format":1,"objects":[{"kind":"root"},{"id":-1,"kind":"table"}]}`: "an object with id -1",
		"\x1f\x8b\x08": "see go tool pprof",
		`{"format":1,"objects":[{"kind":"root","refs":[{"to":5}]}]}`:                      "refers to 5, which is not there",
		`{"format":1,"objects":[{"kind":"root"},{"id":1,"kind":"table","bytes":-5}]}`:     "object 1 has -5 bytes",
		`{"format":1,"objects":[{"kind":"root"},{"id":1,"kind":"table","bytes":"many"}]}`: "not a heap snapshot",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// endless is a file that goes on and on.
type endless struct {
	begin, rest string
	n           int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.begin != "" {
		n := copy(p, e.begin)
		e.begin = e.begin[n:]
		return n, nil
	}
	for i := range p {
		p[i] = e.rest[e.n%len(e.rest)]
		e.n++
	}
	return len(p), nil
}

// Read takes no more than a snapshot can have.
func TestReadIsBounded(t *testing.T) {
	for _, tt := range []struct{ begin, rest, want string }{
		{`{"format":1,"objects":[{}`, ",{}", "more than 262144 objects"},
		{`{"format":1,"device":"`, "x", "larger than 32 MB"},
		{``, " ", "larger than 32 MB"},
	} {
		if _, err := Read(&endless{begin: tt.begin, rest: tt.rest}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s…: %v, want %q", tt.begin, err, tt.want)
		}
	}
}

// A graph made so that methods that go over it again and again do so often.
func TestDominateTakesNoLonger(t *testing.T) {
	const n = 200_000
	s := build(n)
	link := func(from, to int) {
		s.Objects[from].Refs = append(s.Objects[from].Refs, Ref{To: to})
	}
	for i := range n - 1 {
		link(i, i+1)
		if i > 0 {
			link(i+1, i)
			link(0, n-i)
		}
	}
	s.Dominate()
	if got := s.Objects[1].Retained; got != s.Objects[1].Bytes {
		t.Errorf("retains %d", got)
	}
}

// Whatever Read takes can be looked at in every way.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := build(4, [2]int{0, 1}, [2]int{1, 2}, [2]int{2, 1}).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":1,"objects":[{"kind":"root"},{"id":-1,"kind":"root","refs":[{"to":0},{"to":-1}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		s.Dominate()
		s.ByKind()
		s.BySite()
		for _, o := range s.Largest(3) {
			PathText(s.Path(o.ID))
		}
		s.Diff(s)
		s.Reached()
	})
}

func BenchmarkDominate(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 2000
	var refs [][2]int
	for i := 1; i < n; i++ {
		refs = append(refs, [2]int{r.IntN(i), i}, [2]int{r.IntN(n), r.IntN(n)})
	}
	s := build(n, refs...)
	for b.Loop() {
		s.Dominate()
	}
}
