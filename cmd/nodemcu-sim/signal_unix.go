//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// onSnapshotSignal calls fn on each SIGUSR1 until stop is called.
func onSnapshotSignal(fn func()) (stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGUSR1)
	go func() {
		for range ch {
			fn()
		}
	}()
	return func() {
		signal.Stop(ch)
		close(ch)
	}
}
