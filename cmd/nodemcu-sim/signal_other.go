//go:build !unix

package main

// onSnapshotSignal does nothing where there is no SIGUSR1.
func onSnapshotSignal(func()) (stop func()) { return func() {} }
