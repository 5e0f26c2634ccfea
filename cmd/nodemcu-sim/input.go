package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
)

// What is typed at the device's serial port: a file, or standard input where that
// is not a terminal. The device is given it as fast as it can take it (see
// serial.Port.SetSource).
//
// In real time it is given what has come by then. In virtual time that would
// depend on how fast the host is, so there device time stands still until the
// next bytes are there or the input has ended. A pipe that nobody will ever write
// to or close, as programs often leave one to those they start, would stop the
// world for ever: when not a byte has come in after patience, there is no input.
//
// The device asks for more when it has answered what came before: the interpreter has
// run each line and is at its prompt, after a restart too if that was asked for. So
// who is asked after the end of the input knows that all of it is answered.

// patience is how long, in wall time, a run in virtual time waits for the first
// byte of a pipe that it was not told to read.
const patience = time.Second

// inputChunk is how many bytes are read at once.
const inputChunk = 4096

// serialInput is one source of what is typed.
type serialInput struct {
	name    string // for messages
	r       io.Reader
	guessed bool // that it is meant for the device: it may be a pipe that stays silent
	virtual bool

	device *device.Device
	chunks chan []byte // closed at the end
	alive  func()      // in real time: more may come no longer
	began  bool
	ended  bool
	told   bool
	lines  int // ends of lines that were typed
	// answered, if set, is called when the input has ended and the device has answered
	// all of it, if there was a line.
	answered func()
}

// openInput opens what --input names, or standard input. It returns nil when
// there is nothing to type.
func openInput(name string, console bool) (*serialInput, error) {
	switch name {
	case "none":
		return nil, nil
	case "-":
		return &serialInput{name: "standard input", r: os.Stdin}, nil
	case "":
		if console || isTerminal(os.Stdin) {
			return nil, nil
		}
		info, err := os.Stdin.Stat()
		if err != nil || info.IsDir() {
			return nil, nil // closed, or nothing to read
		}
		stream := info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0
		return &serialInput{name: "standard input", r: os.Stdin, guessed: stream}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--input: %w; name a file, - for standard input, or none", err)
	}
	return &serialInput{name: name, r: f}, nil
}

// start begins to read and connects the device. Call it before the world runs;
// ctx ends with the run.
func (in *serialInput) start(ctx context.Context, d *device.Device, speed float64) {
	in.device, in.virtual = d, math.IsInf(speed, 1)
	in.chunks = make(chan []byte, 1)
	next := in.poll
	if in.virtual {
		next = func() []byte { return in.wait(ctx) }
	} else {
		in.alive = d.World().Clock.KeepAlive()
	}
	d.Serial.SetSource(func() []byte {
		chunk := next()
		in.lines += bytes.Count(chunk, []byte("\n")) + bytes.Count(chunk, []byte("\r"))
		if in.ended && len(chunk) == 0 && in.lines > 0 && in.answered != nil {
			in.answered()
		}
		return chunk
	})
	go in.read(ctx)
}

// read reads to the end, on a goroutine of its own, no further ahead than the
// device takes it.
func (in *serialInput) read(ctx context.Context) {
	for {
		chunk := make([]byte, inputChunk)
		n, err := in.r.Read(chunk)
		if n > 0 {
			select {
			case in.chunks <- chunk[:n]:
			case <-ctx.Done():
				return
			}
			in.look(in.device.Serial.Pull)
		}
		if err != nil {
			close(in.chunks)
			in.look(func() {
				in.alive()
				if !errors.Is(err, io.EOF) {
					in.note(err.Error())
				}
				in.device.Serial.Pull()
			})
			return
		}
	}
}

// look has fn run on the world's goroutine, in real time. In virtual time it would
// come at a moment that the host's speed decides. What the device pulls is the input.
func (in *serialInput) look(fn func()) {
	if !in.virtual {
		in.device.World().Clock.Look(fn)
	}
}

// poll returns what has come.
func (in *serialInput) poll() []byte {
	select {
	case chunk, ok := <-in.chunks:
		in.ended = !ok
		return chunk
	default:
		return nil
	}
}

// wait returns what comes next, however long that takes.
func (in *serialInput) wait(ctx context.Context) []byte {
	c := in.device.World().Clock
	if in.ended || c.Ending(c.Now()) {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case chunk, ok := <-in.chunks:
			in.began, in.ended = true, !ok
			return chunk
		case <-ctx.Done():
			in.ended = true
			return nil
		case <-timer.C:
			if in.guessed && !in.began {
				in.ended = true
				in.note("it is open and nothing comes: the run goes on without it; with --input - it waits, with --input none it does not look")
				return nil
			}
			if !in.told {
				in.told = true
				in.note("device time stands still until more comes or it ends")
			}
		}
	}
}

func (in *serialInput) note(text string) {
	in.device.Note(in.name + ": " + text)
}
