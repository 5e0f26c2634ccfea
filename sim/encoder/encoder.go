// Package encoder is the firmware module encoder: strings to and from Base64 and
// hexadecimal (fw: docs/modules/encoder.md, app/modules/encoder.c).
//
// Base64 is the standard alphabet with padding, hexadecimal is written in lower
// case and read in both. What is not an encoding raises "Invalid base64 string"
// or "Invalid hex string". A result is made in a buffer of its size first, so that much
// must be free twice. The firmware does not look at the bits that padding
// leaves over, and neither does this.
package encoder

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module. It has no state.
var Module = device.Module{Name: "encoder", Open: func(*device.Device) *device.Lib {
	return &device.Lib{Funcs: []vm.Func{
		{Name: "fromBase64", Fn: fromBase64},
		{Name: "toBase64", Fn: toBase64},
		{Name: "fromHex", Fn: fromHex},
		{Name: "toHex", Fn: toHex},
	}}
}}

// result returns what was worked out in a buffer, and gives that back.
func result(c *vm.Call, buffer *heap.Block, s string) int {
	c.PushString(s)
	c.VM.Malloc(buffer, 0)
	return 1
}

// toBase64 is encoder.toBase64(binary).
func toBase64(c *vm.Call) int {
	s := c.String(1)
	n := base64.StdEncoding.EncodedLen(len(s))
	var buffer heap.Block
	c.VM.Malloc(&buffer, n)
	c.VM.Malloc(&buffer, n) // the firmware fits it to what it has always been
	return result(c, &buffer, base64.StdEncoding.EncodeToString([]byte(s)))
}

// fromBase64 is encoder.fromBase64(text).
func fromBase64(c *vm.Call) int {
	s := c.String(1)
	// Go's decoder skips line ends; the firmware's does not.
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		c.Error("Invalid base64 string")
	}
	var buffer heap.Block
	if len(s) > 0 {
		c.VM.Malloc(&buffer, 1+3*len(s)/4)
		c.VM.Malloc(&buffer, len(data))
	}
	return result(c, &buffer, string(data))
}

// toHex is encoder.toHex(binary).
func toHex(c *vm.Call) int {
	s := c.String(1)
	var buffer heap.Block
	c.VM.Malloc(&buffer, 2*len(s))
	return result(c, &buffer, hex.EncodeToString([]byte(s)))
}

// fromHex is encoder.fromHex(text).
func fromHex(c *vm.Call) int {
	s := c.String(1)
	if len(s)%2 != 0 {
		c.Error("Invalid hex string")
	}
	var buffer heap.Block
	c.VM.Malloc(&buffer, len(s)/2)
	data, err := hex.DecodeString(s)
	if err != nil {
		c.VM.Malloc(&buffer, 0)
		c.Error("Invalid hex string")
	}
	return result(c, &buffer, string(data))
}
