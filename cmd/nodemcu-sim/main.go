// Command nodemcu-sim runs NodeMCU Lua programs on a simulated ESP8266.
//
// This package holds the commands and their flags, and wires the parts together;
// what a device does is in package device, how one is put together from a directory
// in package app.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1  // a forbidden text, or the program died where that counts
	exitUsage   = 2  // something in what the user gave is wrong, or output can't be written
	exitTimeout = 42 // the time is up and an expected text was not seen

	exitInterrupted = 130 // ended from outside with something expected missing
)

// statusError ends the program with a status, after printing its text, if any.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

func main() {
	// A reader that goes away is an error of the next write, not the end of this program:
	// there are files to finish.
	signal.Ignore(syscall.SIGPIPE)
	out := standardOutput(os.Stdout, nil)
	err := execute(out)
	if err == nil && errors.Is(out.err, syscall.EPIPE) {
		err = &statusError{status: exitUsage} // whoever has read enough knows
	} else if err == nil {
		err = out.err
	}
	os.Exit(status(err))
}

// execute runs the command that this program was called for.
func execute(out io.Writer) error {
	if calledLuac(os.Args[0]) {
		return runLuac(os.Args[0], os.Args[1:], out)
	}
	root := rootCommand()
	root.SetOut(out)
	return meantRun(root, os.Args[1:], root.Execute())
}

// meantRun is err in other words where the command that does not exist is a directory.
func meantRun(root *cobra.Command, args []string, err error) error {
	if err == nil || len(args) == 0 {
		return err
	}
	if c, _, unknown := root.Find(args); c != root || unknown == nil {
		return err
	}
	if info, cannot := os.Stat(args[0]); cannot != nil || !info.IsDir() {
		return err
	}
	return fmt.Errorf("%q is a directory and no command: nodemcu-sim run %[1]s boots a device with its files", args[0])
}

// status prints err, if there is something to print, and returns the exit status
// that stands for it.
func status(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitUsage
	var s *statusError
	if errors.As(err, &s) {
		code = s.status
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "nodemcu-sim: "+text)
	}
	return code
}
