package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/internal/watch"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// test --watch.

// again runs the tests, and each time files change.
func (f *testFlags) again(c *cobra.Command) error {
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	changed := make(chan struct{}, 1)
	w := &watched{ctx: ctx, changed: func() {
		select {
		case changed <- struct{}{}:
		default: // a run is due
		}
	}}
	for _, path := range f.tests.Paths {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			path = filepath.Dir(path)
		}
		w.add(path)
	}
	if len(f.tests.Paths) == 0 {
		w.add(".")
	}
	if f.tests.App != "" {
		w.add(f.tests.App)
	} else if files, err := luatest.Find(f.tests.Paths); err == nil { // what is wrong with them is told below
		for _, file := range files {
			if dir, err := luatest.AppOf(file); err == nil {
				w.add(dir)
			}
		}
	}
	for {
		dirs, err := f.once(c)
		if err != nil && err.Error() != "" {
			fmt.Fprintln(c.ErrOrStderr(), "nodemcu-sim: "+err.Error())
		}
		for _, dir := range dirs {
			w.add(dir)
		}
		fmt.Fprintln(c.ErrOrStderr(), "waiting for files to change; Ctrl-C ends")
		<-changed
		fmt.Fprintln(c.ErrOrStderr(), "files have changed")
	}
}

// watched are directories that are looked at.
type watched struct {
	ctx     context.Context
	dirs    []string
	stops   []func() // of dirs
	changed func()
}

// add looks at a directory from now on, unless it is below one that is looked at. One that
// is below it need not be any more.
func (w *watched) add(dir string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	for _, d := range w.dirs {
		if below(d, dir) {
			return
		}
	}
	for i := len(w.dirs) - 1; i >= 0; i-- {
		if below(dir, w.dirs[i]) {
			w.stops[i]()
			w.dirs, w.stops = slices.Delete(w.dirs, i, i+1), slices.Delete(w.stops, i, i+1)
		}
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.dirs, w.stops = append(w.dirs, dir), append(w.stops, stop)
	go watch.Run(ctx, dir, w.changed)
}

// below reports whether a directory is another or below it.
func below(dir, other string) bool {
	rel, err := filepath.Rel(dir, other)
	return err == nil && filepath.IsLocal(rel)
}
