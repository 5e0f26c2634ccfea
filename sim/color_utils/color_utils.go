// Package colorutils is the firmware module color_utils: colours between HSV and the
// order green, red, blue, which LED strips use (fw: docs/modules/color-utils.md,
// app/modules/color_utils.c).
//
// hsv2grb(hue, saturation, value) returns green, red and blue; hsv2grbw white too, which
// is what all three have in common and is taken off them. The hue is 0 to 360, all else
// 0 to 255; other arguments raise an error. grb2hsv(green, red, blue) goes the other way,
// and colorWheel(angle) returns the colour of full saturation and value.
//
// All is calculated in integers, so there and back is not always the same.
//
// Odd corners of the firmware:
//   - colorWheel returns red, green, blue, unlike hsv2grb and the documentation.
//   - grb2hsv takes any numbers and goes on with their low 8 bits. A grey is an error, but
//     one that is grey only after that has the hue 65535.
//   - Without saturation a colour is not grey: hsv2grb(0, 0, 100) is 99, 100, 99.
package colorutils

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module. It has no state.
var Module = device.Module{Name: "color_utils", Open: func(*device.Device) *device.Lib {
	return &device.Lib{Funcs: []vm.Func{
		{Name: "hsv2grb", Fn: hsv2grb},
		{Name: "hsv2grbw", Fn: hsv2grbw},
		{Name: "colorWheel", Fn: colorWheel},
		{Name: "grb2hsv", Fn: grb2hsv},
	}}
}}

// colour is what the pixel of a strip has.
type colour struct{ g, r, b byte }

// fromHSV works out a colour in the firmware's integers: of the six parts of the wheel
// each has one channel at the top, one at the bottom and one between.
func fromHSV(hue int, sat, val byte) colour {
	bottom := int(255-sat) * int(val) >> 8
	top := int(val)
	in := hue % 60
	rising := byte((top-bottom)*in/60 + bottom)
	falling := byte((top-bottom)*(60-in)/60 + bottom)
	high, low := val, byte(bottom)
	switch hue % 360 / 60 {
	case 0:
		return colour{g: rising, r: high, b: low}
	case 1:
		return colour{g: high, r: falling, b: low}
	case 2:
		return colour{g: high, r: low, b: rising}
	case 3:
		return colour{g: falling, r: low, b: high}
	case 4:
		return colour{g: low, r: rising, b: high}
	}
	return colour{g: low, r: high, b: falling}
}

// hsv returns the colour that the three arguments describe.
func hsv(c *vm.Call) colour {
	hue, sat, val := c.Int(1), c.Int(2), c.Int(3)
	checkHue(c, hue)
	for n, x := range []int{sat, val} {
		if x < 0 || x > 255 {
			c.ArgError(2+n, "should be 0-255")
		}
	}
	return fromHSV(hue, byte(sat), byte(val))
}

func checkHue(c *vm.Call, hue int) {
	if hue < 0 || hue > 360 {
		c.ArgError(1, "should be a 0-360")
	}
}

// bytes returns numbers.
func bytes(c *vm.Call, list ...byte) int {
	for _, x := range list {
		c.PushNumber(float64(x))
	}
	return len(list)
}

// hsv2grb is color_utils.hsv2grb(hue, saturation, value).
func hsv2grb(c *vm.Call) int {
	x := hsv(c)
	return bytes(c, x.g, x.r, x.b)
}

// hsv2grbw is color_utils.hsv2grbw(hue, saturation, value).
func hsv2grbw(c *vm.Call) int {
	x := hsv(c)
	w := min(x.g, x.r, x.b)
	return bytes(c, x.g-w, x.r-w, x.b-w, w)
}

// colorWheel is color_utils.colorWheel(angle).
func colorWheel(c *vm.Call) int {
	hue := c.Int(1)
	checkHue(c, hue)
	x := fromHSV(hue, 255, 255)
	return bytes(c, x.r, x.g, x.b)
}

// grb2hsv is color_utils.grb2hsv(green, red, blue).
func grb2hsv(c *vm.Call) int {
	green, red, blue := c.Int(1), c.Int(2), c.Int(3)
	if green == red && red == blue {
		c.ArgError(1, "greyscale value cannot be converted to hsv")
	}
	g, r, b := int(byte(green)), int(byte(red)), int(byte(blue))
	most := max(g, r, b)
	delta := most - min(g, r, b)
	if delta == 0 {
		return c.Return(vm.Number(0xffff), vm.Number(0), vm.Number(most)) // the hue is -1
	}
	hue := 0
	switch most {
	case r:
		hue = (g - b) * 60 / delta
	case g:
		hue = (b-r)*60/delta + 120
	default:
		hue = (r-g)*60/delta + 240
	}
	if hue < 0 {
		hue += 360
	}
	return c.Return(vm.Number(hue), vm.Number((256*delta-8)/most), vm.Number(most))
}
