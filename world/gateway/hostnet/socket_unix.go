//go:build unix

package hostnet

import (
	"net"
	"syscall"
)

// writeNow writes what the host's kernel takes at once, be it nothing. It does not
// block.
func writeNow(conn *net.TCPConn, data []byte) (n int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	if closed := raw.Write(func(fd uintptr) bool {
		n, err = syscall.Write(int(fd), data)
		return true
	}); closed != nil {
		return 0, closed
	}
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return 0, nil
	}
	return max(n, 0), err
}

// limitBuffers bounds what the host's kernel holds of each connection that a listening
// socket accepts: those inherit it.
func limitBuffers(_, _ string, listener syscall.RawConn) error {
	return listener.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, hostBuffer)
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, hostBuffer)
	})
}
