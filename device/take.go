package device

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Take implements world.Receiver: what comes to the device from outside.
func (d *Device) Take(in world.Stimulus) (reply string, err error) {
	switch in := in.(type) {
	case input.Typed:
		d.Serial.Type(in.Data)
	case input.ResetButton:
		d.PressReset()
	case input.PowerCycle:
		d.PowerCycle()
	case input.ModemLines:
		d.setModemLines(in)
	case input.PinLevel:
		err = d.Pins.Apply(in.Pin, in.Level)
	case input.PinReleased:
		err = d.Pins.Release(in.Pin)
	case input.Voltage:
		d.Pins.ADC.Apply(in.Volts)
	case input.Part:
		err = d.parts.act(in)
	case input.ResetConnection:
		d.resetConnection(in)
	case input.CollectGarbage:
		reply = strconv.Itoa(d.collectGarbage())
	case input.Files:
		err = d.replaceFiles(in)
	default:
		panic(fmt.Sprintf("device: input of kind %q", in.Kind()))
	}
	return reply, err
}

// resetConnection makes both ends of a TCP connection get a reset from the other.
// Nothing happens when there is no such connection by the time the CPU gets to it.
func (d *Device) resetConnection(in input.ResetConnection) {
	d.ETS.Receive(func() {
		if s := d.Net.Stack(); s != nil {
			s.Break(in.Local, in.Remote)
		}
	})
}

// collectGarbage runs a full collection, unless the program has stopped the
// collector. It returns how many bytes were given back to the heap.
func (d *Device) collectGarbage() int {
	if d.VM == nil || d.ETS.Running() {
		return 0
	}
	before := d.VM.FreeHeap()
	d.VM.Collect()
	return d.VM.Heap().Free() - before
}

// replaceFiles resets the device, after the current piece of work if one is running,
// and brings files to it while it is off. Files that it has so already do not count:
// where nothing is left, nothing happens. Others that the program has written stay.
// The error is that of the first file that could not be brought; in the middle of a
// piece of work it comes too late for a reply, and is a note.
func (d *Device) replaceFiles(in input.Files) error {
	var names []string
	var changed []input.File
	for _, f := range in.Changed {
		if data, there := d.Flash.Peek(flashPath(f.Name)); f.Gone && there || !f.Gone && !(there && bytes.Equal(data, f.Data)) {
			names = append(names, f.Name)
			changed = append(changed, f)
		}
	}
	if in.Store.Size > 0 {
		names = append(names, "the Lua Flash Store")
	}
	if len(names) == 0 {
		return nil
	}
	d.Emit(event.Note{Text: "files have changed: " + strings.Join(names, ", ")})
	var problem error
	late := d.ETS.Running()
	d.atReset = append(d.atReset, func() {
		d.putRegion(in.Store)
		if problem = d.store(changed); problem != nil && late {
			d.Note("the changed files are not all loaded: " + problem.Error())
		}
	})
	d.Reset(ExternalReset)
	return problem
}

// store brings files to the flash: all that it can. The error is the first one's.
func (d *Device) store(files []input.File) (first error) {
	for _, f := range files {
		var err error
		if f.Gone {
			err = d.Flash.Remove(flashPath(f.Name))
		} else {
			err = d.Flash.Put(flashPath(f.Name), f.Data)
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// putRegion brings what lies beside the file system to the flash, if it is anything.
func (d *Device) putRegion(r input.Region) {
	for at := r.Address; at < r.Address+r.Size; at += flash.SectorSize {
		d.Flash.Raw().Erase(at / flash.SectorSize)
	}
	d.Flash.Raw().WriteAt(r.Data, r.Address)
}

func flashPath(name string) string { return "/FLASH/" + name }
