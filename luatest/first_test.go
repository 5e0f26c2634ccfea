package luatest

import "testing"

type show struct{ t *testing.T }

func (s show) Begin(files []string) { s.t.Log(files) }
func (s show) File(f *File) {
	if f.Failure != nil {
		s.t.Logf("%s: %+v %q", f.Path, *f.Failure, f.Log)
	}
	for _, x := range f.Tests {
		s.t.Logf("%s: %v %v %d us %+v %q", x.FullName(), x.Status, x.Wall, x.Virtual, x.Failures, x.Log)
	}
}
func (s show) End(sum Summary) { s.t.Logf("%+v", sum) }

func TestFirst(t *testing.T) {
	Run(Options{Paths: []string{"testdata/app"}}, show{t})
}
