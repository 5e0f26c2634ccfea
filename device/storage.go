package device

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// manyBlocks is how many blocks one operation may clean before it is worth a word: it
// has taken about a second.
const manyBlocks = 16

// flashWork makes the piece of work at hand wait for the flash. Erasing and writing feed
// the watchdog (oracle: sdk-behaviour.md); reading does not.
func (d *Device) flashWork(w flash.Work) {
	if w.Cleaned >= manyBlocks {
		d.Inspect.Hints.Here("this erased %d sectors of the flash, which takes about %d s: the file system is nearly full, and SPIFFS moves everything round to find room",
			w.Erases, flash.WritingNanos(w)/1_000_000_000)
	}
	if !d.ETS.Running() || !d.ETS.LuaTakesTime() {
		return
	}
	d.ETS.WaitUnfed(flash.ReadingNanos(w))
	if n := flash.WritingNanos(w); n > 0 {
		d.ETS.FeedWatchdog() // reads and writes take turns
		d.ETS.DelayFed(clock.Duration(n / 1000))
	}
}

// resetFlash closes all files, and says what that loses, and what a power cut has broken.
func (d *Device) resetFlash() {
	cut := d.Flash.Dark()
	for _, lost := range d.Flash.Unflushed() {
		d.Emit(event.Hint{Text: fmt.Sprintf("the last %d bytes that were written to %q are lost: they were not flushed, and the file not closed", lost.Bytes, lost.Name)})
	}
	d.Flash.Reset()
	if !cut {
		return
	}
	for _, f := range d.Flash.List() {
		if data, err := d.Flash.Extract(f.Name); err != nil {
			d.Emit(event.Hint{Text: fmt.Sprintf("power went while SPIFFS moved or wrote pages of %q: of its %d bytes %d can be read; the firmware does not look for this at boot and repairs nothing", f.Name, f.Size, len(data))})
		}
	}
}

// mountFlash has the firmware format the file system if it could not be mounted (fw: app/lua/lua.c;
// oracle: uart-behaviour.md).
func (d *Device) mountFlash() {
	if d.Flash.Mounted() {
		return
	}
	if !d.Flash.Blank() {
		d.Inspect.Hints.Here("the firmware finds no file system that it could mount: %s; it formats the partition, and all files are gone", d.Flash.Why())
	}
	d.Serial.WriteText("Formatting file system. Please wait...\n")
	d.Flash.Format()
	d.Serial.WriteText(d.Flash.Dots() + "\n")
}

// Where time jumps, a sink of whole files is told of what changed at most so often, unless the
// program sends something: one that makes, renames and removes files in a loop costs the host
// little then. For what it was given last it has more time, so that a large file that grows does
// not keep it busy.
const (
	syncPause = 100 * clock.Millisecond
	syncRate  = 1 // bytes each microsecond
)

// syncFlash has what changed on the flash stored when the piece of work at hand is over: before
// anything that it sends arrives anywhere. See serialHost.Sent, too.
func (d *Device) syncFlash() {
	at := d.Now()
	if d.Flash.SavesFiles() && d.world.Clock.State().Speed == clock.Max {
		at = max(at.Add(syncPause), d.syncAt)
	}
	d.world.Clock.At(at, func() {
		took := d.Flash.Sync() / syncRate
		d.syncAt = d.world.Clock.Now().Add(clock.Duration(took))
	})
}
