package node

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/uzlib"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Sizes of the loader, in bytes (fw: app/lua/lflash.c).
const (
	readBlock  = 1024
	writeBlock = 2048
	window     = 16384                 // how far back what is inflated may refer
	blocks     = window/writeBlock + 1 // that are kept of it
	inputSize  = readBlock + 24        // its two structures
	outputSize = writeBlock + 80
	leastFile  = 200 // a file up to that is no image
)

// inflateSteps is what inflating a byte takes, in VM instructions: an estimate of some 250
// machine instructions, for a code of eight bits or so, and two divisions.
const inflateSteps = 3

// farBehind is how many bytes the loader may read behind the end of its file. The firmware
// reads the same byte for ever.
const farBehind = 1 << 16

// loader is the firmware's loader of images at work. It inflates the file twice: once to see
// that it is good, with nothing kept but what the inflater may refer to, and once to write
// it. (oracle: lfs-behaviour.md, "node.LFS.reload"; fw: app/lua/lflash.c.)
type loader struct {
	dev *device.Device
	vm  *vm.VM

	memory []heap.Block // of Lua's
	state  heap.Block   // the inflater's

	file   *flash.Handle
	length int // bytes of the file
	in     [readBlock]byte
	read   int // bytes of the file that were
	left   int // in in
	behind int // bytes that were read behind the end

	size  int // bytes it inflates to, as its end says
	out   [blocks]*[writeBlock]byte
	count int // bytes that were inflated
	full  func()
	sum   uint32

	signature uint32
	image     int // bytes of the image; the bitmap follows
	bitmap    []byte
	filled    int // bytes of bitmap that are there, or words that were used
	at        int // address of what is written next
}

// failed ends the loader's work: what it returns. broken ends it with the device.
type (
	failed string
	broken struct{}
)

const (
	readError      = failed("read error on LFS image file")
	lengthMismatch = "LFS length mismatch"
)

// reload is node.LFS.reload(image): it returns what is wrong, or has the watchdog reset
// the device, which then has the new image.
func (m *module) reload(c *vm.Call) int {
	store := m.dev.LFS()
	if store.Size == 0 {
		return c.ReturnString("No LFS partition allocated")
	}
	name, _ := c.VM.ToString(c.Arg(1)) // "" is no file's name
	l := &loader{dev: m.dev, vm: c.VM, at: store.Base}
	problem := ""
	_, err := c.PCall(c.VM.NewFunction(vm.Func{Name: "reload", Fn: func(*vm.Call) int {
		problem = l.load(vm.CString(name))
		return 0
	}}), 0, nil)
	l.free()
	if err != nil {
		problem = "Memory allocation error"
	}
	l.hint(problem)
	if problem != "" || m.dev.Resetting() {
		return c.ReturnString(problem)
	}
	m.dev.Serial.WriteText("LFS region updated.  Restarting.")
	m.awaitWatchdog("node.LFS.reload has written the image, and has the watchdog reset the device, which then runs it")
	return 0
}

// hint says what the text that a reload returns does not.
func (l *loader) hint(problem string) {
	switch {
	case problem == string(readError) && binary.LittleEndian.Uint32(l.in[:])&^lfs.Absolute == lfs.Signature:
		l.dev.Inspect.Hints.Here("node.LFS.reload takes the compressed image that luac -f makes: this one is plain (luac -a), and for a tool that writes flash")
	case problem == lengthMismatch:
		l.dev.Inspect.Hints.Here("an image file tells the length of what it contains in its last four bytes: one that was not transferred to its end has others there")
	}
}

// awaitWatchdog does nothing until the watchdog bites.
func (m *module) awaitWatchdog(why string) {
	m.dev.Inspect.AwaitWatchdog(why)
	for m.dev.ETS.DelayUnfed(100 * clock.Millisecond) {
	}
}

// load does the work and returns what is wrong.
func (l *loader) load(name string) (problem string) {
	defer func() {
		switch r := recover().(type) {
		case nil, broken:
		case failed:
			problem = string(r)
		default:
			panic(r)
		}
	}()
	l.take(inputSize)
	l.take(outputSize)
	l.open(name)
	for range blocks + 1 {
		l.take(writeBlock)
	}
	for i := range l.out {
		l.out[i] = new([writeBlock]byte)
	}
	l.full = l.check
	if l.inflate() != l.sum {
		panic(failed("checksum error on LFS image file"))
	}
	l.full = l.write
	l.filled, l.count, l.read, l.left = 0, 0, 0, 0
	l.seek(0)
	for i := range max(l.image-1, 0)/flash.SectorSize + 1 {
		l.dev.EraseFlash(l.at/flash.SectorSize + i)
	}
	l.inflate()
	return ""
}

// take takes memory of Lua's.
func (l *loader) take(n int) {
	var b heap.Block
	l.vm.Malloc(&b, n)
	l.memory = append(l.memory, b)
}

// free gives back everything.
func (l *loader) free() {
	if l.dev.Resetting() {
		return
	}
	for _, b := range slices.Backward(l.memory) {
		l.vm.Malloc(&b, 0)
	}
	l.dev.Free(&l.state, heap.Other)
	if l.file != nil {
		_ = l.file.Close() // nothing was written
	}
}

func (l *loader) open(name string) {
	file, err := l.dev.Flash.Open(name, flash.Read)
	if err != nil {
		panic(failed("LFS image file not found"))
	}
	l.file = file
	if l.length, err = file.Size(); err != nil || l.length <= leastFile {
		panic(readError)
	}
	var end [4]byte
	l.seek(l.length - len(end))
	l.fill(end[:])
	l.size = int(int32(binary.LittleEndian.Uint32(end[:])))
	l.seek(0)
}

func (l *loader) seek(at int) {
	if _, err := l.file.Seek(at, io.SeekStart); err != nil {
		panic(readError)
	}
}

func (l *loader) fill(p []byte) {
	if n, err := l.file.Read(p); n != len(p) || err != nil {
		panic(readError)
	}
}

// inflate inflates the file and returns the checksum at its end.
func (l *loader) inflate() uint32 {
	var ok bool
	if l.state, ok = l.dev.Malloc(uzlib.StateSize, heap.Other); !ok {
		panic(readError)
	}
	sum, err := uzlib.Inflate(l)
	l.dev.Free(&l.state, heap.Other)
	if err != nil {
		panic(readError)
	}
	return sum
}

// Get returns the next byte of the file.
func (l *loader) Get() byte {
	if l.left == 0 {
		n := min(l.length-l.read, readBlock)
		if n == 0 {
			if l.behind++; l.behind > farBehind {
				l.crash("the stream in the image file does not end where the file does: the firmware's loader reads on for ever")
			}
			return l.in[0]
		}
		l.fill(l.in[:n])
		l.dev.ETS.FeedWatchdog()
		l.read += n
		l.left = n
	}
	at := (l.read-1)%readBlock + 1 - l.left
	l.left--
	return l.in[at]
}

// Put takes a byte that was inflated.
func (l *loader) Put(b byte) {
	l.out[0][l.count%writeBlock] = b
	l.count++
	if l.count%writeBlock != 0 && l.count != l.size {
		return
	}
	l.vm.ChargeSteps(inflateSteps * writeBlock)
	if l.dev.Resetting() {
		panic(broken{})
	}
	if l.full != nil {
		l.full()
	}
	next := l.out[blocks-1]
	copy(l.out[1:], l.out[:])
	l.out[0] = next
}

// Recall returns a byte of what was inflated. The first one is never found.
func (l *loader) Recall(offset uint32) byte {
	if offset > window || int64(offset) >= int64(l.count) {
		panic(failed("invalid dictionary offset on inflate"))
	}
	at := l.count - int(offset)
	return l.out[l.count/writeBlock-at/writeBlock][at%writeBlock]
}

// crash ends the device with the loader.
func (l *loader) crash(text string) {
	l.dev.Crash("%s", text)
	panic(broken{})
}

// check is told of each block of the first pass. It looks at the header in the first one,
// and keeps the bitmap.
func (l *loader) check() {
	if l.count <= writeBlock {
		l.checkHeader()
	}
	n := (l.count-1)%writeBlock + 1
	block := l.out[0][:n]
	l.sum = crc32.Update(l.sum, crc32.IEEETable, block)
	if l.count > l.image {
		more := block[max(l.image-(l.count-n), 0):]
		if l.filled+len(more) >= len(l.bitmap)+4 {
			l.crash("the stream in the image file is longer than the length at its end: the firmware's loader writes the rest behind its memory")
		}
		l.filled += copy(l.bitmap[l.filled:], more) &^ 3
	}
}

func (l *loader) checkHeader() {
	var words [lfs.HeaderWords]uint32
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(l.out[0][4*i:])
	}
	h, _ := lfs.ReadHeader(words[:])
	region := uint32(l.dev.LFS().Size)
	flags := (uint32(l.size) - h.Size) / 4
	switch {
	case h.Signature&lfs.Version != lfs.Signature&lfs.Version:
		panic(failed("Incorrect LFS header version"))
	case h.Signature&lfs.Packed != lfs.Signature&lfs.Packed:
		panic(failed("Incorrect LFS build type"))
	case h.Signature&^lfs.Absolute != lfs.Signature:
		panic(failed("incorrect LFS header signature"))
	case h.Size > region:
		panic(failed("LFS Image too big for configured LFS region"))
	case h.Size%4 != 0 || flags != 1+(h.Size/4-1)/32:
		panic(failed(lengthMismatch))
	}
	l.signature, l.image = h.Signature, int(h.Size)
	l.take(int(4 * flags))
	l.bitmap = make([]byte, 4*flags)
}

// write is told of each block of the second pass, up to the end of the image.
func (l *loader) write() {
	block := *l.out[0]
	n := writeBlock
	if l.count > l.image {
		n = l.image % writeBlock
	}
	base := l.dev.LFS().Mapped()
	for i := 0; i < n; i += 4 {
		if w := (i / 4); w%32 == 0 {
			l.filled += 4
		}
		flags := binary.LittleEndian.Uint32(l.bitmap[l.filled-4:])
		if flags>>(i/4%32)&1 != 0 {
			binary.LittleEndian.PutUint32(block[i:], 4*binary.LittleEndian.Uint32(block[i:])+base)
		}
	}
	if l.count <= writeBlock {
		binary.LittleEndian.PutUint32(block[:], l.signature|lfs.InProgress)
	}
	l.dev.WriteFlash(block[:n], l.at)
	if l.at += n; l.count >= l.image {
		var done [4]byte
		binary.LittleEndian.PutUint32(done[:], l.signature)
		l.dev.WriteFlash(done[:], l.dev.LFS().Base)
		l.full = nil
	}
}
