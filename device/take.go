package device

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
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

// replaceFiles resets the device and brings files to it. Others that the program has
// written stay. The error says that they do not fit beside those.
func (d *Device) replaceFiles(in input.Files) error {
	var names []string
	for _, f := range in.Changed {
		names = append(names, f.Name)
	}
	d.Emit(event.Note{Text: "files have changed: " + strings.Join(names, ", ")})
	d.Reset(ExternalReset)
	for _, f := range in.Changed {
		var err error
		if path := "/FLASH/" + f.Name; f.Gone {
			err = d.Flash.Remove(path)
		} else {
			err = d.Flash.Put(path, f.Data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
