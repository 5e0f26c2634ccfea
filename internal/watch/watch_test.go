package watch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("init.lua", "a")
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan struct{}, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Run(ctx, dir, func() { told <- struct{}{} })
	}()
	wait := func(what string, want bool) {
		t.Helper()
		select {
		case <-told:
			if !want {
				t.Errorf("%s was told", what)
			}
		case <-time.After(map[bool]time.Duration{true: 5 * time.Second, false: 4 * interval}[want]):
			if want {
				t.Errorf("%s was not told", what)
			}
		}
	}
	wait("nothing", false)
	put("init.lua", "abc")
	put("sub/new.lua", "x")
	wait("a change and a new file", true)
	wait("the same change again", false)
	put(".hidden", "x")
	wait("a hidden file", false)
	if err := os.Remove(filepath.Join(dir, "sub/new.lua")); err != nil {
		t.Fatal(err)
	}
	wait("a removed file", true)
	cancel()
	<-ended
}
