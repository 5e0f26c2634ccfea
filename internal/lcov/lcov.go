// Package lcov is how often lines and functions of source files ran, and the text format
// in which tools give that to each other: the tracefile of geninfo's manual page (lcov
// 1.16), which genhtml, Codecov and editors read.
//
// It owns the format and how counts are added up: Read and Report.Write, Report.Add for
// what several runs have counted. It must not know where counts come from, nor what a
// file's lines say.
//
// Adding is the same in every order: counts add up and stay at the greatest one that there
// is, a function that stands in two places is where the lower line is.
package lcov

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Report is what has been counted, by file. The zero value is one without files.
type Report struct{ files map[string]*File }

// File is what has been counted of one source file.
type File struct {
	Path      string
	lines     map[int]uint64
	functions map[string]Function
}

// Line is a line that can run, from 1, and how often it did.
type Line struct {
	Number int
	Hits   uint64
}

// Function is one by its name, which is the only one in its file, the line where it begins,
// and how often it was called.
type Function struct {
	Name string
	Line int
	Hits uint64
}

// Share is how many of those that there are have run.
type Share struct{ Hit, Found int }

// Percent is 100 where there is nothing that could have run.
func (s Share) Percent() float64 {
	if s.Found == 0 {
		return 100
	}
	return float64(s.Hit) * 100 / float64(s.Found)
}

// Add adds up.
func (s Share) Add(other Share) Share { return Share{s.Hit + other.Hit, s.Found + other.Found} }

// File returns a file of the report, which has it from then on.
func (r *Report) File(path string) *File {
	f := r.files[path]
	if f == nil {
		if r.files == nil {
			r.files = map[string]*File{}
		}
		f = &File{Path: path, lines: map[int]uint64{}, functions: map[string]Function{}}
		r.files[path] = f
	}
	return f
}

// Files are the files of the report, sorted by path.
func (r *Report) Files() []*File {
	return slices.SortedFunc(maps.Values(r.files), func(a, b *File) int { return cmp.Compare(a.Path, b.Path) })
}

// Add adds what another report has counted.
func (r *Report) Add(other *Report) {
	for path, from := range other.files {
		f := r.File(path)
		for line, hits := range from.lines {
			f.AddLine(line, hits)
		}
		for _, fn := range from.functions {
			f.AddFunction(fn)
		}
	}
}

// Lines is the share of all lines that have run, and Functions that of functions.
func (r *Report) Lines() (s Share) {
	for _, f := range r.files {
		s = s.Add(f.LineShare())
	}
	return s
}

func (r *Report) Functions() (s Share) {
	for _, f := range r.files {
		s = s.Add(f.FunctionShare())
	}
	return s
}

// AddLine says that a line can run and has run so often more.
func (f *File) AddLine(line int, hits uint64) { f.lines[line] = sum(f.lines[line], hits) }

// AddFunction says that there is a function and that it was called so often more.
func (f *File) AddFunction(fn Function) {
	if known, ok := f.functions[fn.Name]; ok {
		fn.Line, fn.Hits = min(fn.Line, known.Line), sum(fn.Hits, known.Hits)
	}
	f.functions[fn.Name] = fn
}

// Lines are the lines that can run, from the first on.
func (f *File) Lines() []Line {
	out := make([]Line, 0, len(f.lines))
	for number, hits := range f.lines {
		out = append(out, Line{number, hits})
	}
	slices.SortFunc(out, func(a, b Line) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

// Functions are the functions, by line and name.
func (f *File) Functions() []Function {
	return slices.SortedFunc(maps.Values(f.functions), func(a, b Function) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
}

// LineShare is how many lines have run, FunctionShare how many functions.
func (f *File) LineShare() Share {
	s := Share{Found: len(f.lines)}
	for _, hits := range f.lines {
		if hits > 0 {
			s.Hit++
		}
	}
	return s
}

func (f *File) FunctionShare() Share {
	s := Share{Found: len(f.functions)}
	for _, fn := range f.functions {
		if fn.Hits > 0 {
			s.Hit++
		}
	}
	return s
}

// Missed are the lines that have not run, as ranges with both ends: lines that can't run
// don't part them.
func (f *File) Missed() [][2]int {
	var out [][2]int
	missed := false
	for _, l := range f.Lines() {
		switch {
		case l.Hits > 0:
			missed = false
		case missed:
			out[len(out)-1][1] = l.Number
		default:
			out, missed = append(out, [2]int{l.Number, l.Number}), true
		}
	}
	return out
}

// sum adds counts. There is no greater one than the greatest.
func sum(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
