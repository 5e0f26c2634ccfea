package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Where a run writes to while it goes on: standard output and the files of --events
// and --pcap. One that is full or closed ends the run: its output is what it was for.
//
// A file may be a pipe. Whoever opens one that nobody reads is held by the system, and
// so is who writes to one whose reader has stopped, without hearing a signal. So a pipe
// is opened only when it has a reader, and a signal gives what is being written to it
// no more than parting.

const (
	// readerWait is how long the reader of a pipe may take to come, in wall time.
	readerWait = 2 * time.Second
	// parting is what a pipe's reader is given when the run is told to end.
	parting = time.Second
)

// output is a writer that keeps its first error and tells of it once.
type output struct {
	name   string // for messages: a flag, or "standard output"
	w      io.Writer
	failed func() // may be nil
	err    error
}

// standardOutput is what a command prints to; failed is called when that fails.
func standardOutput(w io.Writer, failed func()) *output {
	o, ok := w.(*output)
	if !ok {
		o = &output{name: "standard output", w: w}
	}
	o.failed = failed
	return o
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errors.New("the reader of the pipe has stopped")
		}
		o.err = fmt.Errorf("%s: %w", o.name, reason(err))
		if o.failed != nil {
			o.failed()
		}
		return n, o.err
	}
	return n, nil
}

// reason is an error of a file without the file's name.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// outputFile is a file that is written while the run goes on.
type outputFile struct {
	output
	file *os.File
}

// createOutput opens the file that a flag names. failed is called when it can't be
// written any more.
func createOutput(flag, name string, failed func()) (*outputFile, error) {
	file, err := createOrPipe(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return &outputFile{output{name: flag, w: file, failed: failed}, file}, nil
}

func createOrPipe(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		file, err := os.Create(name)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file that can be written", err)
		}
		return file, nil
	}
	for deadline := time.Now().Add(readerWait); ; time.Sleep(readerWait / 100) {
		file, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		switch {
		case err == nil:
			return file, nil
		case !errors.Is(err, syscall.ENXIO):
			return nil, err
		case time.Now().After(deadline):
			return nil, fmt.Errorf("nobody reads the pipe %s; start its reader first", name)
		}
	}
}

// part lets go of a reader that has stopped. It may be called from any goroutine.
func (o *outputFile) part() {
	_ = o.file.SetWriteDeadline(time.Now().Add(parting)) // a plain file has no deadline, and needs none
}

// finish closes the file after flush and returns the first error there was.
func (o *outputFile) finish(flush func() error) error {
	err := flush()
	cerr := o.file.Close()
	switch {
	case o.err != nil:
		return o.err
	case err != nil:
		return fmt.Errorf("%s: %w", o.name, err)
	case cerr != nil:
		return fmt.Errorf("%s: %w", o.name, reason(cerr))
	}
	return nil
}
