//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package hostfile

import (
	"os"
	"syscall"
)

// locks says whether a file that is open can't be opened once more.
const locks = true

// lock takes the file for this process until it closes it or ends.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
