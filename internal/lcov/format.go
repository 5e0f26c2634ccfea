package lcov

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// What is read of a file at most, in bytes: that of a project with a million lines is a
// third of it. And how long a line may be.
const (
	maxSize = 64 << 20
	maxLine = 64 << 10
)

// Write writes the report, files and lines sorted. The same report gives the same bytes.
func (r *Report) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	if len(r.files) == 0 {
		b.WriteString("TN:\n") // so that it can be told from what is no report
	}
	for _, f := range r.Files() {
		if err := f.write(b); err != nil {
			return err
		}
	}
	return b.Flush()
}

func (f *File) write(b *bufio.Writer) error {
	if !validPath(f.Path) {
		return fmt.Errorf("lcov: %q: the format has no such path; give the file a name without control characters", f.Path)
	}
	fmt.Fprintf(b, "TN:\nSF:%s\n", f.Path)
	functions := f.Functions()
	for _, fn := range functions {
		if !validName(fn.Name) {
			return fmt.Errorf("lcov: %s: the format has no function %q", f.Path, fn.Name)
		}
		fmt.Fprintf(b, "FN:%d,%s\n", fn.Line, fn.Name)
	}
	for _, fn := range functions {
		fmt.Fprintf(b, "FNDA:%d,%s\n", fn.Hits, fn.Name)
	}
	s := f.FunctionShare()
	fmt.Fprintf(b, "FNF:%d\nFNH:%d\n", s.Found, s.Hit)
	for _, l := range f.Lines() {
		fmt.Fprintf(b, "DA:%d,%d\n", l.Number, l.Hits)
	}
	s = f.LineShare()
	fmt.Fprintf(b, "LF:%d\nLH:%d\nend_of_record\n", s.Found, s.Hit)
	return nil
}

// Read reads a report. Records that it does not know, such as branches, and names of tests
// are left out; sections of the same file are added up. An error says in which line what is
// wrong.
func Read(from io.Reader) (*Report, error) {
	in := &io.LimitedReader{R: from, N: maxSize + 1}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	r := &reader{report: &Report{}}
	for lines.Scan() {
		r.line++
		if err := r.record(strings.TrimSuffix(lines.Text(), "\r")); err != nil {
			return nil, fmt.Errorf("line %d: %w", r.line, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d is longer than %d bytes: this is no lcov file", r.line+1, maxLine)
	case err != nil:
		return nil, err
	case in.N == 0:
		return nil, fmt.Errorf("the file is larger than %d MB", maxSize>>20)
	case r.file != nil:
		return nil, fmt.Errorf("the file ends within the section of %s: it was cut off", r.file.Path)
	case !r.known:
		return nil, errors.New("this is no lcov file: it has neither TN nor SF")
	}
	return r.report, nil
}

// reader is what is known between lines.
type reader struct {
	report *Report
	line   int
	known  bool  // it is a file of this format
	file   *File // whose section it is, nil between two
	// Of the section: functions by name, with their counts.
	at    map[string]int
	calls map[string]uint64
}

func (r *reader) record(line string) error {
	key, rest, _ := strings.Cut(line, ":")
	switch key {
	case "TN":
		r.known = true
		return nil
	case "SF":
		switch {
		case r.file != nil:
			return fmt.Errorf("SF within the section of %s, which has no end_of_record", r.file.Path)
		case !validPath(rest):
			return errors.New("SF has no path, or one with control characters")
		}
		r.known, r.file = true, r.report.File(rest)
		r.at, r.calls = map[string]int{}, map[string]uint64{}
		return nil
	case "DA", "FN", "FNDA", "end_of_record":
		if r.file == nil {
			return fmt.Errorf("%s outside of a section, which begins with SF", key)
		}
	}
	switch key {
	case "DA":
		number, rest, _ := strings.Cut(rest, ",")
		hits, _, _ := strings.Cut(rest, ",") // a checksum of the line's text may follow
		n, ok := lineNumber(number)
		count, counted := count(hits)
		if !ok || !counted {
			return errors.New("DA takes a line number and a count: DA:12,3")
		}
		r.file.AddLine(n, count)
	case "FN":
		number, name, _ := strings.Cut(rest, ",")
		if end, rest, more := strings.Cut(name, ","); more && digits(end) {
			name = rest // lcov 2 says also where it ends
		}
		n, ok := lineNumber(number)
		if !ok || !validName(name) {
			return errors.New("FN takes a line number and a name: FN:12,main")
		}
		if at, twice := r.at[name]; twice {
			n = min(n, at)
		}
		r.at[name] = n
	case "FNDA":
		hits, name, _ := strings.Cut(rest, ",")
		n, ok := count(hits)
		if !ok || !validName(name) {
			return errors.New("FNDA takes a count and a name: FNDA:3,main")
		}
		r.calls[name] = sum(r.calls[name], n)
	case "end_of_record":
		for name := range r.calls {
			if _, ok := r.at[name]; !ok {
				return fmt.Errorf("the section of %s has an FNDA without an FN", r.file.Path)
			}
		}
		for name, line := range r.at {
			r.file.AddFunction(Function{name, line, r.calls[name]})
		}
		r.file = nil
	}
	return nil
}

// count is one, or the greatest where it is beyond that.
func count(s string) (n uint64, ok bool) {
	if !digits(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return math.MaxUint64, true
	}
	return n, true
}

func lineNumber(s string) (n int, ok bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && digits(s) && n > 0 && n <= math.MaxInt32
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func validPath(s string) bool { return s != "" && !hasControl(s) }

// validName reports whether a function can have that name: not one that reads as a line
// number before another name.
func validName(s string) bool {
	before, _, comma := strings.Cut(s, ",")
	return s != "" && !hasControl(s) && !(comma && digits(before))
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
