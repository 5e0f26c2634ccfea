package flash

import "github.com/nodemcu-sim/nodemcu-sim/device/flash/spiffs"

// What the flash chip takes, in nanoseconds. Writes and erases are the typical values of the
// W25Q32BV's datasheet, the chip that the firmware's spiffs.c is written for. Reading is an
// estimate: 40 MHz on two lines, and what the SDK does around each 64 bytes; nobody has
// measured it.
const (
	eraseNanos    = 30_000_000 // a sector of 4 KB
	firstNanos    = 20_000     // the first byte of a write
	programNanos  = 2_500      // each further one
	pieceNanos    = 5_000      // reading up to pieceSize bytes
	readByteNanos = 100
	pieceSize     = 64 // bytes: the FIFO of the SPI controller
)

// Work is what the chip was asked to do in one operation.
type Work = spiffs.Work

// WritingNanos is how long the erases and writes took, in nanoseconds. They feed the watchdog.
func WritingNanos(w Work) int64 {
	return int64(w.Erases)*eraseNanos + int64(w.Writes)*(firstNanos-programNanos) + int64(w.ProgramBytes)*programNanos
}

// ReadingNanos is how long the reads took, in nanoseconds.
func ReadingNanos(w Work) int64 {
	pieces := w.Reads + w.ReadBytes/pieceSize
	return int64(pieces)*pieceNanos + int64(w.ReadBytes)*readByteNanos
}

// OnWork makes fn be told what each operation made the chip do.
func (f *FS) OnWork(fn func(Work)) { f.work = fn }

// spend tells what the chip did.
func (f *FS) spend() {
	w := f.vol.TakeWork()
	if f.work != nil && w != (Work{}) {
		f.work(w)
	}
}
