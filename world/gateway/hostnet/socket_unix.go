//go:build unix

package hostnet

import "syscall"

// limitBuffers bounds what the host's kernel holds of each connection that a listening
// socket accepts: those inherit it.
func limitBuffers(_, _ string, listener syscall.RawConn) error {
	return listener.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, hostBuffer)
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, hostBuffer)
	})
}
