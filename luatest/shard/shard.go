// Package shard splits the files with tests into parts, each for a machine of its own.
//
// Nothing is agreed on between the machines: each splits the same files by the same times
// and takes its part. Print tells afterwards whether they did.
package shard

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Part is one of the parts, from 1 to Of.
type Part struct{ Index, Of int }

func (p Part) String() string { return fmt.Sprintf("%d/%d", p.Index, p.Of) }

// MaxParts is into how many parts tests can be split.
const MaxParts = 10_000

var form = regexp.MustCompile(`^(?:([0-9]+)|(auto))/([0-9]+)$|^auto$`)

// Parse reads what --shard was given: "I/N", or with "auto" for what the environment says.
//
//	2/4     the second of four parts
//	auto/4  the part of JOB_COMPLETION_INDEX (from 0: an Indexed Job of Kubernetes, which
//	        does not tell its pods how many they are) or of CI_NODE_INDEX (from 1: GitLab)
//	auto    that of CI_NODE_INDEX, of CI_NODE_TOTAL parts
//
// The environment counts only where "auto" stands.
func Parse(text string, getenv func(string) string) (Part, error) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return Part{}, fmt.Errorf("use I/N, as 2/4 for the second of four parts, auto/N or auto")
	}
	if m[1] != "" {
		p, err := part(m[1], m[3])
		if err != nil {
			return Part{}, err
		}
		return p, nil
	}
	job, node := getenv("JOB_COMPLETION_INDEX"), getenv("CI_NODE_INDEX")
	switch {
	case job != "" && node != "":
		return Part{}, fmt.Errorf("both JOB_COMPLETION_INDEX and CI_NODE_INDEX are set; say which part is meant, as in 2/4")
	case job != "":
		return ofJob(job, m[3])
	case node != "":
		return ofNode(node, getenv("CI_NODE_TOTAL"), m[3])
	case m[3] != "":
		return Part{}, fmt.Errorf("neither JOB_COMPLETION_INDEX (Kubernetes) nor CI_NODE_INDEX (GitLab) is set; say which part is meant, as in 1/%s", m[3])
	}
	return Part{}, fmt.Errorf("CI_NODE_INDEX and CI_NODE_TOTAL (GitLab's, with parallel: N) are not set; say which part is meant, as in 1/4")
}

// ofJob is the part of a pod.
func ofJob(index, of string) (Part, error) {
	if of == "" {
		return Part{}, fmt.Errorf("JOB_COMPLETION_INDEX is set, and nothing says how many pods there are; use auto/N, N being the Job's completions")
	}
	n, err := strconv.Atoi(index)
	if err != nil || n < 0 {
		return Part{}, fmt.Errorf("JOB_COMPLETION_INDEX is %q, and no number from 0", index)
	}
	p, err := part(strconv.Itoa(n+1), of)
	if err != nil {
		return Part{}, fmt.Errorf("with JOB_COMPLETION_INDEX %d, which counts from 0: %w; N is the Job's completions", n, err)
	}
	return p, nil
}

// ofNode is the part of one of GitLab's parallel jobs.
func ofNode(index, total, of string) (Part, error) {
	switch {
	case of == "" && total == "":
		return Part{}, fmt.Errorf("CI_NODE_INDEX is set, and CI_NODE_TOTAL is not; use auto/N")
	case of == "":
		of = total
	case total != "" && total != of:
		return Part{}, fmt.Errorf("CI_NODE_TOTAL is %s; write that behind auto/, or auto alone", total)
	}
	p, err := part(index, of)
	if err != nil {
		return Part{}, fmt.Errorf("with CI_NODE_INDEX %s of %s: %w", index, of, err)
	}
	return p, nil
}

func part(index, of string) (Part, error) {
	n, err := strconv.Atoi(of)
	if err != nil || n < 1 || n > MaxParts {
		return Part{}, fmt.Errorf("the number of parts is from 1 to %d", MaxParts)
	}
	i, err := strconv.Atoi(index)
	if err != nil || i < 1 || i > n {
		return Part{}, fmt.Errorf("the part is from 1 to %d", n)
	}
	return Part{i, n}, nil
}

// Plan is who runs what.
type Plan struct {
	// Parts are the files of each, sorted.
	Parts [][]string
	// Known is of how many files the times say something.
	Known int
}

// Split splits files into parts that take about as long: the longest first, each to the
// part that has least to do so far. Files of which times says nothing take what is usual,
// the median. Without times, so, they go round by name. Which part a file is in depends on
// the files' names, their times and the number of parts alone.
func Split(files []string, parts int, times map[string]time.Duration) Plan {
	type job struct {
		file, name string // as given, and as on each system
		time       time.Duration
		known      bool
	}
	var jobs []job
	var known []time.Duration
	for _, f := range files {
		j := job{file: f, name: filepath.ToSlash(f)}
		if j.time, j.known = times[j.name]; j.known {
			known = append(known, j.time)
		}
		jobs = append(jobs, j)
	}
	usual := time.Second // where nothing is known, any
	if len(known) > 0 {
		slices.Sort(known)
		usual = known[len(known)/2]
	}
	for i := range jobs {
		if !jobs[i].known {
			jobs[i].time = usual
		}
	}
	slices.SortFunc(jobs, func(a, b job) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.name, b.name))
	})
	plan := Plan{Parts: make([][]string, parts), Known: len(known)}
	load := make([]time.Duration, parts)
	for _, j := range jobs {
		least := 0
		for i := range load {
			// Files that took no time are spread, too.
			if cmp.Or(cmp.Compare(load[i], load[least]), cmp.Compare(len(plan.Parts[i]), len(plan.Parts[least]))) < 0 {
				least = i
			}
		}
		load[least] += j.time
		plan.Parts[least] = append(plan.Parts[least], j.file)
	}
	for _, p := range plan.Parts {
		slices.Sort(p)
	}
	return plan
}

// Print is the same for two plans only if they are the same.
func (p Plan) Print() string {
	h := sha256.New()
	for i, part := range p.Parts {
		for _, f := range part {
			fmt.Fprintf(h, "%d %q\n", i, filepath.ToSlash(f))
		}
	}
	fmt.Fprintf(h, "%d\n", len(p.Parts))
	return hex.EncodeToString(h.Sum(nil)[:8])
}
