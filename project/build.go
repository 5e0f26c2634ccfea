package project

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tomlfile"
	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
)

// readBuild takes what the file says of the firmware's build.
func (p *Project) readBuild(f *tomlfile.File, doc *document, read func(file string) (string, error)) error {
	if i, err := p.listModules(p.modules); err != nil {
		return f.Errorf(fmt.Sprintf("firmware.modules[%d]", i), "%v", err)
	}
	if f.Has("firmware.from") {
		if p.modules != nil {
			return f.Errorf("firmware.from", "firmware.from and firmware.modules both say which modules the build has: leave one out")
		}
		if err := p.readModules(f, doc.Firmware.From, read); err != nil {
			return err
		}
	}
	if err := p.checkTogether(); err != nil {
		return f.Errorf("firmware.modules", "%v", err)
	}
	if f.Has("firmware.i2c") {
		switch doc.Firmware.I2C {
		case "new":
			p.Build.NewI2C = true
		case "old":
		default:
			return f.Errorf("firmware.i2c", "firmware.i2c = %q: write \"old\" or \"new\"", doc.Firmware.I2C)
		}
	}
	if f.Has("firmware.ssl") {
		p.ssl = &doc.Firmware.SSL
		if !*p.ssl && slices.Contains(p.modules, "tls") {
			return f.Errorf("firmware.ssl", "firmware.ssl = false: a build without TLS has no module tls; take it from the modules, or leave ssl out")
		}
	}
	return nil
}

// SetModules has the firmware built with these modules instead of those of the file,
// written as there: with a + they are added to the board's.
func (p *Project) SetModules(list []string) error {
	if _, err := p.listModules(list); err != nil {
		return err
	}
	p.absent = nil
	if err := p.checkTogether(); err != nil {
		return err
	}
	if p.ssl != nil && !*p.ssl && slices.Contains(p.modules, "tls") {
		return errors.New("firmware.ssl = false in the project file: a build without TLS has no module tls")
	}
	return nil
}

// checkTogether says which module lacks another one. Boards have those others.
func (p *Project) checkTogether() error {
	if p.addModules {
		return nil
	}
	for _, m := range []struct{ name, with string }{{"tls", "net"}, {"wifi_monitor", "wifi"}} {
		if slices.Contains(p.modules, m.name) && !slices.Contains(p.modules, m.with) {
			return fmt.Errorf("the firmware has %s only with %s: add %s to the modules", m.name, m.with, m.with)
		}
	}
	return nil
}

// listModules takes a list of modules. i is the one with which something is wrong.
func (p *Project) listModules(list []string) (i int, err error) {
	p.modules, p.addModules = slices.Clone(list), false
	for i, m := range list {
		m, added := strings.CutPrefix(m, "+")
		if err := firmware.Check(m); err != nil {
			return i, err
		}
		if i > 0 && added != p.addModules {
			return i, errors.New("give all modules a +, to have them besides those of the board, or none, to have only them")
		}
		if slices.Contains(p.modules[:i], m) {
			return i, fmt.Errorf("module %q is listed twice", m)
		}
		p.modules[i], p.addModules = m, added
	}
	return 0, nil
}

// readModules takes the modules of a build from a copy of its user_modules.h. That is the
// builder's file, so it does not get onto the device.
func (p *Project) readModules(f *tomlfile.File, file string, read func(file string) (string, error)) error {
	if file == "" {
		return f.Errorf("firmware.from", "firmware.from is empty; write the name of a copy of the firmware's user_modules.h")
	}
	text, err := read(file)
	if err != nil {
		return f.Errorf("firmware.from", "firmware.from: cannot read %s in the project's directory: %v", file, err)
	}
	names, err := firmware.ParseUserModules(text)
	if err != nil {
		return f.Errorf("firmware.from", "%s: %v", file, err)
	}
	p.modules = []string{}
	var unknown []string
	for _, name := range names {
		switch {
		case firmware.Simulates(name):
			p.modules = append(p.modules, name)
		case firmware.Known(name):
			p.absent = append(p.absent, name)
		default:
			unknown = append(unknown, name)
		}
	}
	note := func(list []string, what string) {
		if len(list) > 0 {
			p.Notes = append(p.Notes, fmt.Sprintf("%s: the build has %s, which %s", file, strings.Join(list, ", "), what))
		}
	}
	note(slices.DeleteFunc(slices.Clone(p.absent), func(name string) bool { return firmware.Never(name) != "" }),
		"the simulator has not yet: programs that need one fail here")
	for _, name := range p.absent {
		if why := firmware.Never(name); why != "" {
			note([]string{name}, "the simulator can't have: "+why)
		}
	}
	note(unknown, "firmware "+device.FirmwareVersion+" does not know")
	p.Exclude = append(p.Exclude, file)
	return nil
}
