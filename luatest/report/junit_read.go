package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"
)

// JUnitReport is one that was read back.
type JUnitReport struct {
	Shard Shard
	all   junitAll
}

// ErrForeign is the error for a report of another program.
var ErrForeign = errors.New("the report is none of nodemcu-sim test")

// maxTags is how many tags of a report are read.
const maxTags = 500_000

// ReadJUnit reads a report that JUnit has written. Entities of a document type are errors:
// the XML that it writes has none.
func ReadJUnit(text []byte) (*JUnitReport, error) {
	switch {
	case len(text) > maxData:
		return nil, fmt.Errorf("the report has more than %d MB", maxData>>20)
	case bytes.Count(text, []byte("<")) > maxTags:
		return nil, fmt.Errorf("the report has more than %d tags", maxTags)
	}
	var out JUnitReport
	d := xml.NewDecoder(bytes.NewReader(text))
	read := false
	for {
		token, err := d.Token()
		if err == io.EOF && read {
			return &out, nil
		} else if err == io.EOF {
			return nil, errors.New("there is no report in it")
		} else if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.ProcInst:
			if t.Target == shardTarget {
				if out.Shard, err = shardOf(t); err != nil {
					return nil, err
				}
			}
		case xml.Directive:
			return nil, errors.New("the report has a document type, which none of ours has")
		case xml.StartElement:
			if read {
				return nil, fmt.Errorf("<%.40s> stands behind the report", t.Name.Local)
			}
			if err := d.DecodeElement(&out.all, &t); err != nil {
				return nil, err
			}
			if out.all.Name != junitName {
				return nil, fmt.Errorf("%w: its name is %.40q", ErrForeign, out.all.Name)
			}
			read = true
		}
	}
}

// Durations are how long the files of a report took on this computer, by their names with
// slashes. Of a file that ran several times it is the mean.
func (r *JUnitReport) Durations() (map[string]time.Duration, error) {
	sums, counts := map[string]float64{}, map[string]float64{}
	for _, s := range r.all.Suites {
		t, err := strconv.ParseFloat(s.Time, 64)
		if err != nil || !(t >= 0 && t < 1e9) {
			return nil, fmt.Errorf("the suite %.200q has the time %.40q, which is no number of seconds", s.Name, s.Time)
		}
		name := filepath.ToSlash(s.File)
		sums[name] += t
		counts[name]++
	}
	out := map[string]time.Duration{}
	for name, sum := range sums {
		out[name] = time.Duration(sum / counts[name] * float64(time.Second))
	}
	return out, nil
}

// seed is that of the suite's run.
func (s *junitSuite) seed() uint64 {
	for _, p := range s.Properties {
		if p.Name == "seed" {
			n, _ := strconv.ParseUint(p.Value, 10, 64) // 0 where that is no number
			return n
		}
	}
	return 0
}
