package lcov

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func written(t testing.TB, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func read(t testing.TB, text string) *Report {
	t.Helper()
	r, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

const example = `TN:
SF:app/lamp.lua
FN:3,on
FN:9,off
FNDA:4,on
FNDA:0,off
FNF:2
FNH:1
DA:1,1
DA:4,4
DA:10,0
LF:3
LH:2
end_of_record
TN:
SF:app/main.lua
FNF:0
FNH:0
DA:7,18446744073709551615
LF:1
LH:1
end_of_record
`

func TestFormat(t *testing.T) {
	r := &Report{}
	main := r.File("app/main.lua")
	main.AddLine(7, math.MaxUint64-1)
	main.AddLine(7, 5)
	lamp := r.File("app/lamp.lua")
	lamp.AddLine(10, 0)
	lamp.AddLine(4, 4)
	lamp.AddLine(1, 1)
	lamp.AddFunction(Function{"off", 9, 0})
	lamp.AddFunction(Function{"on", 3, 4})
	if got := written(t, r); got != example {
		t.Errorf("written:\n%s", got)
	}
	if got := written(t, read(t, example)); got != example {
		t.Errorf("read and written:\n%s", got)
	}
	if l, f := r.Lines(), r.Functions(); l != (Share{3, 4}) || f != (Share{1, 2}) || l.Percent() != 75 {
		t.Errorf("lines %v (%v%%), functions %v", l, l.Percent(), f)
	}
	if (Share{57, 100}).Percent() != 57 {
		t.Error("57 of 100 are not 57 %")
	}
	if (Share{}).Percent() != 100 {
		t.Error("nothing that can run has not run")
	}
}

// What geninfo of either version and other tools write.
func TestReadOthers(t *testing.T) {
	r := read(t, strings.ReplaceAll(`TN:unit_tests
# a comment
SF:/src/a.c
VER:1
FN:1,7,main
FN:9,std::pair<int, int> f(int, int)
FNDA:2,main
FNDA:0,std::pair<int, int> f(int, int)
FNL:0,1,7
BRDA:3,0,0,-
DA:1,2,6MkQmVkVRk4xiT6BWrC0Qw
DA:2,99999999999999999999999
DA:2,1
MCDC:1,2
LF:12
end_of_record
SF:/src/a.c
FN:2,main
FNDA:3,main
DA:1,1
end_of_record
`, "\n", "\r\n"))
	const want = `TN:
SF:/src/a.c
FN:1,main
FN:9,std::pair<int, int> f(int, int)
FNDA:5,main
FNDA:0,std::pair<int, int> f(int, int)
FNF:2
FNH:1
DA:1,3
DA:2,18446744073709551615
LF:2
LH:2
end_of_record
`
	if got := written(t, r); got != want {
		t.Errorf("got:\n%s", got)
	}
}

func TestAdd(t *testing.T) {
	a := read(t, example)
	b := read(t, "SF:app/lamp.lua\nFN:2,on\nFN:9,dim\nFNDA:1,on\nDA:4,1\nDA:10,2\nDA:11,0\nend_of_record\nSF:lib.lua\nDA:1,0\nend_of_record\n")
	ab, ba := &Report{}, &Report{}
	for _, r := range []*Report{a, b} {
		ab.Add(r)
	}
	for _, r := range []*Report{b, a} {
		ba.Add(r)
	}
	if written(t, ab) != written(t, ba) {
		t.Errorf("by order:\n%s\n%s", written(t, ab), written(t, ba))
	}
	lamp := ab.File("app/lamp.lua")
	if got := fmt.Sprint(lamp.Lines(), lamp.Functions()); got != "[{1 1} {4 5} {10 2} {11 0}] [{on 2 5} {dim 9 0} {off 9 0}]" {
		t.Error(got)
	}
	if written(t, a) != example {
		t.Error("what is added has changed")
	}
}

func TestMissed(t *testing.T) {
	f := (&Report{}).File("a")
	for line, hits := range map[int]uint64{1: 0, 2: 1, 5: 0, 8: 0, 9: 3, 12: 0} {
		f.AddLine(line, hits)
	}
	if got := f.Missed(); !slices.Equal(got, [][2]int{{1, 1}, {5, 8}, {12, 12}}) {
		t.Error(got)
	}
}

func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "no lcov file",
		"<html>\n":                           "no lcov file",
		"SF:a\nDA:1,2\n":                     "within the section of a",
		"SF:a\nSF:b\n":                       "line 2: SF within the section of a",
		"SF:\n":                              "no path",
		"SF:a\x01\n":                         "control characters",
		"DA:1,2\n":                           "line 1: DA outside of a section",
		"TN:\nend_of_record\n":               "line 2: end_of_record outside",
		"SF:a\nDA:0,2\n":                     "DA takes",
		"SF:a\nDA:-1,2\n":                    "DA takes",
		"SF:a\nDA:1,-2\n":                    "DA takes",
		"SF:a\nDA:1,1e3\n":                   "DA takes",
		"SF:a\nDA:1\n":                       "DA takes",
		"SF:a\nDA:99999999999,1\n":           "DA takes",
		"SF:a\nFN:1,\n":                      "FN takes",
		"SF:a\nFN:x,f\n":                     "FN takes",
		"SF:a\nFNDA:,f\n":                    "FNDA takes",
		"SF:a\nFNDA:1,f\nend_of_record\n":    "FNDA without an FN",
		"SF:" + strings.Repeat("a", maxLine): "line 1 is longer than 65536 bytes",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	endless := bytes.NewReader(bytes.Repeat([]byte("TN:\n"), maxSize/4+1))
	if _, err := Read(endless); err == nil || !strings.Contains(err.Error(), "larger than 64 MB") {
		t.Errorf("too large: %v", err)
	}
	r := &Report{}
	r.File("a\nb").AddLine(1, 1)
	if err := r.Write(&strings.Builder{}); err == nil {
		t.Error("a path of two lines was written")
	}
	r = &Report{}
	r.File("a").AddFunction(Function{"1,f", 1, 1})
	if err := r.Write(&strings.Builder{}); err == nil {
		t.Error("a name that reads as a line was written")
	}
}

func TestEmpty(t *testing.T) {
	if text := written(t, &Report{}); len(read(t, text).Files()) != 0 {
		t.Errorf("%q", text)
	}
}

// Whatever can be read is written so that it reads the same, and adding it to itself keeps
// what there is.
func FuzzRead(f *testing.F) {
	f.Add(example)
	f.Add("TN:x\r\nSF:a\r\nFN:1,2,f\r\nFNDA:1,f\r\nDA:1,99999999999999999999,abc\r\nBRDA:1,1,1,-\r\nend_of_record\r\n")
	f.Add("SF:a\nFN:1,3,4,f\nDA:1,1\nend_of_record")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		once := written(t, r)
		again := read(t, once)
		if got := written(t, again); got != once {
			t.Errorf("%q becomes %q and then %q", text, once, got)
		}
		lines, functions := r.Lines(), r.Functions()
		r.Add(again)
		if r.Lines() != lines || r.Functions() != functions {
			t.Errorf("%q: %v %v, added to itself %v %v", text, lines, functions, r.Lines(), r.Functions())
		}
	})
}
