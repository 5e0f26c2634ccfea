//go:build unix

package hostserial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ptyEnd is a pseudo-terminal: the master is here, programs open the other side.
//
// The other side is not held open here, so that the kernel says whether a program has it;
// it keeps its settings all the same, raw from the beginning, for as long as the master
// exists.
type ptyEnd struct {
	master *os.File
	path   string
	link   string
}

// lookStep is how often somebody looks whether a program has opened the port, in wall
// time.
const lookStep = 10 * time.Millisecond

// openPty makes a pseudo-terminal, and a link to it if one is wanted.
func openPty(s Spec) (end, error) {
	master, tty, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("pty: no pseudo-terminal is to be had (%w); use tcp:7000", err)
	}
	defer tty.Close()
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		master.Close()
		return nil, fmt.Errorf("pty: %w", err)
	}
	e := &ptyEnd{master: master, path: tty.Name(), link: s.Link}
	if err := e.makeLink(); err != nil {
		master.Close()
		return nil, err
	}
	return e, nil
}

// makeLink makes the link. One that points to nothing is left from a run that was killed,
// and is replaced; anything else is somebody's.
func (e *ptyEnd) makeLink() error {
	if e.link == "" {
		return nil
	}
	err := os.Symlink(e.path, e.link)
	if errors.Is(err, fs.ErrExist) {
		info, lerr := os.Lstat(e.link)
		_, serr := os.Stat(e.link)
		if lerr != nil || info.Mode()&fs.ModeSymlink == 0 || !errors.Is(serr, fs.ErrNotExist) && !e.stale() {
			return fmt.Errorf("pty:%s: there is something of that name; remove it or choose another", e.link)
		}
		if err = os.Remove(e.link); err == nil {
			err = os.Symlink(e.path, e.link)
		}
	}
	if err != nil {
		return fmt.Errorf("pty:%s: %w; name a link in a directory that can be written", e.link, errors.Unwrap(err))
	}
	return nil
}

// stale reports whether the link is to this pseudo-terminal: an earlier run had the same.
func (e *ptyEnd) stale() bool {
	to, err := os.Readlink(e.link)
	return err == nil && to == e.path
}

func (e *ptyEnd) name() string {
	if e.link != "" {
		return e.link
	}
	return e.path
}

func (e *ptyEnd) close() {
	if e.link != "" && e.stale() {
		os.Remove(e.link)
	}
	e.master.Close()
}

func (e *ptyEnd) serve(l *Line) {
	open := false
	for buf := make([]byte, readSize); l.ctx.Err() == nil; {
		there, more := e.look()
		switch {
		case (there || more) && !open:
			open = true
			l.opened(newOutbox(e.master, closed))
		case !there && !more && open:
			open = false
			l.closed()
			e.forget()
		}
		if !open {
			select {
			case <-time.After(lookStep):
			case <-l.ctx.Done():
			}
			continue
		}
		n, err := e.master.Read(buf) // which also returns when the program closes the port
		if n > 0 && !l.typed(buf[:n]) {
			break
		}
		if n > 0 {
			buf = make([]byte, readSize) // the line keeps the other
		}
		if closed(err) {
			break
		}
	}
	l.closed()
}

// closed reports whether an error of the master is the end of it. Another one is that no
// program has the port open just now, which is looked at elsewhere: the next one may be
// there before that was seen.
func closed(err error) bool { return errors.Is(err, os.ErrClosed) }

// look asks the kernel whether a program has the port open, and whether there is something
// of it to read.
func (e *ptyEnd) look() (there, more bool) {
	conn, err := e.master.SyscallConn()
	if err != nil {
		return false, false
	}
	err = conn.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, 0); err == nil {
			there, more = poll[0].Revents&unix.POLLHUP == 0, poll[0].Revents&unix.POLLIN != 0
		}
	})
	return there && err == nil, more && err == nil
}

// forget drops what the last program has not read, as the closing of a port does.
func (e *ptyEnd) forget() {
	tty, err := os.OpenFile(e.path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return
	}
	defer tty.Close()
	flushInput(int(tty.Fd()))
}
