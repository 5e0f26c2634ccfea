//go:build !unix

package hostnet

import "syscall"

// limitBuffers bounds nothing: the host's own bounds hold.
func limitBuffers(_, _ string, _ syscall.RawConn) error { return nil }
