package luaccross

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
)

// release is what -v shows.
const release = "Lua 5.1.4  Copyright (C) 1994-2011 Lua.org, PUC-Rio"

// Exit statuses.
const (
	exitSuccess = 0
	exitFailure = 1
)

// usage lists the options, for a program of that name.
func usage(name string) string {
	return "usage: " + name + ` [options] [filenames].
Available options are:
  -        process stdin
  -l       list
  -o name  output to file 'name' (default is "` + defaultOutput + `")
  -e name  execute a lua source file
  -f       output a flash image file
  -a addr  generate an absolute, rather than position independent flash image file
  -i       generate lookup combination master (default with option -f)
  -m size  maximum LFS image in bytes
  -p       parse only
  -s       strip debug information
  -v       show version information
  --       stop handling options
`
}

// Command is luac.cross with what it needs of the program that it is part of. Who gives a Stdout that may
// fail tells of it: nothing is said here.
type Command struct {
	Name   string // as it was called: messages begin with it
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	Now    func() time.Time // the time that images get
}

// Run does what args say, which are without the name, and returns the exit status.
func (c *Command) Run(args []string) (status int) {
	r := &run{Command: c}
	err := r.run(args)
	if err == nil {
		return exitSuccess
	}
	if err != errUnread {
		fmt.Fprintf(c.Stderr, "%s: %s\n", c.Name, err)
	}
	var mistake usageError
	if errors.As(err, &mistake) {
		fmt.Fprint(c.Stderr, usage(c.Name))
	}
	return exitFailure
}

// fatal is what ends a run, in luac.cross's words.
type fatal string

func (e fatal) Error() string { return string(e) }

// run is one run of the command.
type run struct {
	*Command
	*options
}

func (r *run) run(args []string) (err error) {
	if r.options, err = parse(args); r.options == nil {
		return err
	}
	if r.versions > 0 {
		fmt.Fprintln(r.Stdout, release)
	}
	if err != nil || r.done {
		return err
	}
	protos, err := r.inputs()
	if err != nil || len(protos) == 0 {
		return err
	}
	main, err := r.combine(protos)
	if err != nil {
		return err
	}
	if r.list > 0 {
		fmt.Fprint(r.Stdout, luac.Listing(main, r.list > 1))
	}
	if r.dump {
		return r.write(main)
	}
	return nil
}

// inputs are the functions to be written: what the script of -e returns, and the files. None:
// there was a script only, and it has returned no function.
func (r *run) inputs() (protos []*luac.Proto, err error) {
	if len(r.files)+1 > heap.MaxCStackResults { // each has a place on a stack
		return nil, fatal("too many input files")
	}
	if r.execute != "" {
		p, err := r.script(r.execute)
		if err != nil {
			return nil, err
		}
		if p != nil {
			protos = append(protos, p)
		}
	}
	for _, name := range r.files {
		p, err := r.load(name)
		if err != nil {
			return nil, err
		}
		protos = append(protos, p)
	}
	return protos, nil
}

// combine makes one function of several: with -i and in an image the index of modules, otherwise
// one that calls each in turn. A single one stays as it is.
func (r *run) combine(protos []*luac.Proto) (*luac.Proto, error) {
	if !r.lookup {
		if len(protos) == 1 {
			return protos[0], nil
		}
		return luac.Sequence(lfs.IndexSource, protos), nil
	}
	if len(protos) > lfs.MaxModules {
		return nil, usageError(fmt.Sprintf("'-f': Number of modules > %d", lfs.MaxModules))
	}
	var modules []lfs.Module
	for _, p := range protos {
		modules = append(modules, lfs.Module{Name: lfs.ModuleOf(p), Proto: p})
	}
	return lfs.Index(modules, r.Now().Unix())
}

// write writes main as the options say. When it can't be made the file is left behind empty.
func (r *run) write(main *luac.Proto) error {
	if r.output == "" {
		data, err := r.encode(main)
		if err == nil {
			_, _ = r.Stdout.Write(data)
		}
		return err
	}
	f, err := os.Create(r.output)
	if err != nil {
		return fmt.Errorf("cannot open %s: %s", r.output, reason(err))
	}
	defer f.Close()
	data, err := r.encode(main)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("cannot write %s: %s", r.output, reason(err))
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("cannot close %s: %s", r.output, reason(err))
	}
	return nil
}

// encode is main as a precompiled chunk or as an image.
func (r *run) encode(main *luac.Proto) ([]byte, error) {
	if !r.flash {
		return luac.Dump(main, r.strip), nil
	}
	image, err := lfs.BuildIndex(main)
	if errors.Is(err, lfs.ErrFull) {
		return nil, fatal("Out of Flash memory")
	} else if err != nil {
		return nil, err
	}
	fmt.Fprintf(r.Stdout, "Image size: %d\n", image.Size())
	switch {
	case int64(image.Size()) > int64(r.max):
		return nil, fatal("The image is too large for specfied LFS size")
	case r.address != 0:
		return image.Absolute(r.address), nil
	}
	return image.Relocatable(), nil
}
