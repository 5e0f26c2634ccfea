// Package watch tells when the files below a directory change. It looks at names,
// sizes and times again and again instead of asking the kernel: that works on
// every file system and in containers, and a directory of an app is small.
//
// It passes over names that start with a dot, as the loader of the device's flash
// does, and knows nothing of what the files are for.
package watch

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"strings"
	"time"
)

const (
	// interval is the time between two looks. A change is told when the look
	// after it finds no other: an editor or a build writes several files.
	interval = 300 * time.Millisecond
	// share is the part of the time that looking may take at most: a look that
	// takes long is followed by a longer pause.
	share = 1.0 / 100
	// longest is the longest pause: a look may have waited for the CPU.
	longest = 2 * time.Second
	// maxEntries is how many files and directories are looked at.
	maxEntries = 20_000
)

// Run calls changed each time files below dir have changed and then been left
// alone for a moment, until ctx ends.
func Run(ctx context.Context, dir string, changed func()) {
	told := look(dir)
	last := told
	for {
		start := time.Now()
		now := look(dir)
		pause := min(max(interval, time.Duration(float64(time.Since(start))/share)), longest)
		if now != told && now == last {
			told = now
			changed()
		}
		last = now
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// look returns a number that stands for the state of the files below dir.
func look(dir string) uint64 {
	h := fnv.New64a()
	n := 0
	// What cannot be read is left out; that it can be read again is a change.
	_ = fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
		if n++; n > maxEntries {
			return fs.SkipAll
		}
		switch {
		case err != nil:
			return nil
		case p != "." && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		if info, err := fs.Stat(os.DirFS(dir), p); err == nil {
			fmt.Fprintln(h, p, info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
		return nil
	})
	return h.Sum64()
}
