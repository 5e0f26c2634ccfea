package luatest

import (
	"runtime"
	"time"
)

// room is how much memory is made anew, in bytes, before Go's collector looks for garbage.
// Devices are small and short-lived, and it would look every few milliseconds: it does when
// as much has been made as there was, so something large is there which is never touched and
// takes no memory of the computer's.
const room = 64 << 20

// List finds the tests and tells the reporters: all of them are skipped. Repeat does not
// count.
func List(o Options, reporters ...Reporter) (Summary, error) {
	o.list, o.Repeat, o.FailFast, o.Shuffle, o.Coverage = true, 1, false, false, false
	return Run(o, reporters...)
}

// Run runs tests and tells the reporters. An error means that nothing could be run; that
// tests failed is in the summary.
func Run(o Options, reporters ...Reporter) (Summary, error) {
	began := time.Now()
	defer runtime.KeepAlive(make([]byte, room))
	if len(o.Paths) == 0 {
		o.Paths = []string{"."}
	}
	files, err := Find(o.Paths)
	if err != nil {
		return Summary{}, err
	}
	if len(files) == 0 {
		return Summary{}, NoFiles(o.Paths)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.WallTimeout == 0 {
		o.WallTimeout = DefaultWallTimeout
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	o.slots = make(chan struct{}, o.Parallel)
	if o.Coverage {
		o.apps = &appFiles{files: map[appName]*appFile{}}
	}
	for _, r := range reporters {
		r.Begin(files)
	}
	type job struct {
		path string
		seed uint64
		out  chan *File
	}
	var jobs []job
	for n := range max(o.Repeat, 1) {
		for _, f := range files {
			jobs = append(jobs, job{f, o.Seed + uint64(n), make(chan *File, 1)})
		}
	}
	work := make(chan job)
	stop := make(chan struct{})
	for range min(o.Parallel, len(jobs)) {
		go func() {
			for j := range work {
				switch {
				case !o.list && (o.Explore > 0 || len(o.Faults) > 0):
					j.out <- exploreFile(&o, j.path, j.seed)
				default:
					j.out <- runFile(&o, j.path, j.seed, o.list)
				}
			}
		}()
	}
	go func() {
		defer close(work)
		for _, j := range jobs {
			select {
			case work <- j:
			case <-stop:
				return
			}
		}
	}()
	var s Summary
	if o.Coverage {
		s.Coverage = newCoverage()
	}
	for _, j := range jobs {
		f := <-j.out
		s.Add(f)
		for _, r := range reporters {
			r.File(f)
		}
		if o.FailFast && !s.OK() {
			break
		}
	}
	close(stop)
	s.Wall = time.Since(began)
	for _, r := range reporters {
		r.End(s)
	}
	return s, nil
}
