//go:build !unix

package hostserial

import "errors"

// openPty says that there are none.
func openPty(Spec) (end, error) {
	return nil, errors.New("pty: this system has no pseudo-terminals; use tcp:7000, and for a program that wants a COM port a bridge to it, such as com0com with hub4com")
}
