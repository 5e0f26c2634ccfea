// Package pixbuf is the buffers of pixels that the firmware's modules for LEDs have in
// common: module pixbuf makes and changes them, ws2812, ws2801 and apa102 send them, and
// ws2812_effects paints in them (fw: app/modules/pixbuf.c, pixbuf.h).
//
// It knows Lua, and no LED. What a program can do with a buffer is in package sim/pixbuf.
package pixbuf

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Limits of a buffer (fw: pixbuf.c, pixbuf_new).
const (
	maxPixels   = 8192
	maxChannels = 32
	headSize    = 8 // bytes of the struct before the values: pixels and channels
)

// Buffer is a pixbuf.buf: the values of its pixels, one after the other.
type Buffer struct {
	Pixels, Channels int
	Values           []byte // Pixels * Channels
}

// Pixel returns the values of pixel i, from 0.
func (b *Buffer) Pixel(i int) []byte { return b.Values[i*b.Channels:][:b.Channels] }

// String names buffers in heap snapshots.
func (b *Buffer) String() string { return fmt.Sprintf("%d pixels of %d", b.Pixels, b.Channels) }

// Kind is the buffers of one boot of a device.
type Kind struct {
	// Type is pixbuf.buf. Its methods are those that module pixbuf gives it.
	Type vm.Type
}

// NewKind returns those of a boot.
func NewKind() *Kind { return &Kind{Type: vm.Type{Name: "pixbuf.buf"}} }

// New makes a buffer of zeros, which is a userdata, and pushes it.
func (k *Kind) New(c *vm.Call, pixels, channels int) *Buffer {
	if pixels > maxPixels || channels > maxChannels {
		c.Error("pixbuf size limits exeeded")
	}
	b := &Buffer{Pixels: pixels, Channels: channels}
	ud := c.VM.NewObject(&k.Type, headSize+pixels*channels, b)
	b.Values = make([]byte, pixels*channels)
	c.Push(ud)
	return b
}

// NewBuffer is pixbuf.newBuffer(pixels, channels), which ws2812 has too.
func (k *Kind) NewBuffer(c *vm.Call) int {
	pixels, channels := c.Int(1), c.Int(2)
	for i, n := range []int{pixels, channels} {
		if n <= 0 {
			c.ArgError(1+i, "should be a positive integer")
		}
	}
	k.New(c, pixels, channels)
	return 1
}

// Check returns argument n, which must be a buffer (luaL_checkudata).
func (k *Kind) Check(c *vm.Call, n int) *Buffer { return c.Object(n, &k.Type).(*Buffer) }

// Test is Check without the error: nil when argument n is something else.
func (k *Kind) Test(c *vm.Call, n int) *Buffer {
	b, _ := c.TestObject(n, &k.Type).(*Buffer)
	return b
}
