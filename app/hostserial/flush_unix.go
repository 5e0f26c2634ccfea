//go:build unix && !linux

package hostserial

import "golang.org/x/sys/unix"

// flushInput drops what a terminal has received and nobody has read. The argument says
// which side: 1 is what was received (FREAD).
func flushInput(fd int) { _ = unix.IoctlSetPointerInt(fd, unix.TIOCFLUSH, 1) }
