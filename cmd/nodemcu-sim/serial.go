package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// serialFlags are the flags about serial ports that programs of the host open.
type serialFlags struct {
	ports      []string
	fast       bool
	bootOnOpen bool

	specs []hostserial.Spec
}

func (f *serialFlags) register(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.ports, "serial", nil, "offer the device's serial port to other programs: pty or pty:LINK (a pseudo-terminal), tcp:[HOST:]PORT (raw and RFC 2217), or stdio; of a further device with DEVICE= before it; may be repeated; see docs/serial.md")
	fl.BoolVar(&f.fast, "serial-fast", false, "bytes take no time on the line of --serial, instead of that of its baud rate")
	fl.BoolVar(&f.bootOnOpen, "serial-boot-on-open", false, "switch a device with --serial on when a program opens the port, and reset it each time one does")
}

// complete offers the values of --serial.
func (f *serialFlags) complete(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"pty", "pty:", "tcp:", "stdio"}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// parse reads the flags.
func (f *serialFlags) parse(run *runFlags, speed float64) error {
	if len(f.ports) == 0 {
		switch {
		case f.fast:
			return errors.New("--serial-fast is about the line of --serial: give that, too")
		case f.bootOnOpen:
			return errors.New("--serial-boot-on-open is about the port of --serial: give that, too")
		}
		return nil
	}
	if speed == clock.Max {
		return errors.New("--serial needs --clock real: a program at the port lives in wall time; in virtual time use --input FILE")
	}
	for _, text := range f.ports {
		s, err := hostserial.ParseSpec(text)
		if err != nil {
			return fmt.Errorf("--serial %q: %w", text, err)
		}
		f.specs = append(f.specs, s)
		if s.Kind == hostserial.Stdio && run.input == "-" {
			return errors.New("--serial stdio and --input - both read standard input: use one of them")
		}
		if s.Kind == hostserial.Stdio && f.bootOnOpen {
			return errors.New("--serial-boot-on-open needs a port that is opened: standard input is from the beginning; leave it out")
		}
	}
	return nil
}

// uses reports whether a port is of that kind.
func (f *serialFlags) uses(k hostserial.Kind) bool {
	for _, s := range f.specs {
		if s.Kind == k {
			return true
		}
	}
	return false
}

// onFirst reports whether a port is the first device's.
func (f *serialFlags) onFirst() bool {
	for _, s := range f.specs {
		if s.Device == "" {
			return true
		}
	}
	return false
}

// open opens the ports. ended is called when standard input or output has ended.
func (f *serialFlags) open(a *app.App, typing bool, ended func()) (lines []*hostserial.Line, err error) {
	defer func() {
		if err != nil {
			closeLines(lines)
		}
	}()
	taken := map[*device.Device]bool{}
	stdio := false
	for i, s := range f.specs {
		d, err := deviceOf(a, s.Device)
		if err != nil {
			return lines, fmt.Errorf("--serial %q: %w", f.ports[i], err)
		}
		switch {
		case taken[d]:
			return lines, fmt.Errorf("--serial %q: the serial port of %s is offered already, and it has one; put another device's name and = before it", f.ports[i], d.Name())
		case typing && d == a.Device:
			return lines, fmt.Errorf("--serial %q: --input types at the serial port of %s; use one of them", f.ports[i], d.Name())
		case stdio && s.Kind == hostserial.Stdio:
			return lines, fmt.Errorf("--serial %q: another device has standard input and output", f.ports[i])
		}
		taken[d], stdio = true, stdio || s.Kind == hostserial.Stdio
		l, err := hostserial.Open(d, s, hostserial.Options{Fast: f.fast, BootOnOpen: f.bootOnOpen, Ended: ended})
		if err != nil {
			return lines, fmt.Errorf("--serial %w", err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// deviceOf returns the device of that name, the first one for "".
func deviceOf(a *app.App, name string) (*device.Device, error) {
	if name == "" {
		return a.Device, nil
	}
	var names []string
	for _, d := range device.In(a.World) {
		if d.Name() == name {
			return d, nil
		}
		names = append(names, d.Name())
	}
	return nil, fmt.Errorf("there is no device %s; there are %s", name, strings.Join(names, ", "))
}

// powerOn switches the devices on, except those that a port does.
func (s *session) powerOn() {
	waits := map[*device.Device]bool{}
	for _, l := range s.lines {
		l.Start()
		waits[l.Device()] = l.BootsOnOpen()
		l.Device().Note("serial port: " + l.Name())
	}
	for _, d := range device.In(s.app.World) {
		if !waits[d] {
			d.PowerOn()
		}
	}
}

func closeLines(lines []*hostserial.Line) {
	for _, l := range lines {
		l.Close()
	}
}

// rawTerminal is a terminal that begins no line by itself.
type rawTerminal struct{ w io.Writer }

func (r rawTerminal) Write(p []byte) (int, error) {
	if _, err := r.w.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}
