package hostserial

import (
	"bytes"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// stdioEnd is standard input and output as the line, byte by byte. A terminal is made raw
// for it, so that every key goes to the device but one.
type stdioEnd struct {
	in    *os.File
	out   io.Writer
	state *term.State // of the terminal before; nil: it is none
	done  chan struct{}
	stop  func()
}

// leaveKey ends the run from a terminal: Ctrl-].
const leaveKey = 0x1d

func openStdio() (end, error) {
	e := &stdioEnd{in: os.Stdin, out: os.Stdout, done: make(chan struct{})}
	if fd := int(e.in.Fd()); term.IsTerminal(fd) {
		var err error
		if e.state, err = term.MakeRaw(fd); err != nil {
			return nil, err
		}
	}
	e.stop = sync.OnceFunc(func() {
		close(e.done)
		if e.state != nil {
			_ = term.Restore(int(e.in.Fd()), e.state)
		}
	})
	return e, nil
}

func (e *stdioEnd) name() string { return string(Stdio) }
func (e *stdioEnd) close()       { e.stop() }

func (e *stdioEnd) serve(l *Line) {
	l.opened(newOutbox(e.out, func(error) bool { l.ended(); return true }))
	go e.read(l) // nobody can end a read of standard input
	<-e.done
	l.closed()
}

// read reads to the end.
func (e *stdioEnd) read(l *Line) {
	for {
		buf := make([]byte, readSize) // the line keeps it
		n, err := e.in.Read(buf)
		data, left := buf[:n], false
		if e.state != nil {
			data, _, left = bytes.Cut(data, []byte{leaveKey})
		}
		if !l.typed(data) {
			return
		}
		if err != nil || left {
			l.ended()
			return
		}
	}
}
