package board

// gpioOf is the chip's pin for each of the firmware's pin numbers (fw:
// app/platform/pin_map.c).
var gpioOf = [...]int{16, 5, 4, 0, 2, 14, 12, 13, 15, 3, 1, 9, 10}

// NumPins is how many pin numbers the firmware has: 0 to NumPins-1.
const NumPins = len(gpioOf)

// GPIOOf returns the chip's GPIO for one of the firmware's pin numbers, and
// whether there is such a pin.
func GPIOOf(index int) (gpio int, ok bool) {
	if index < 0 || index >= NumPins {
		return 0, false
	}
	return gpioOf[index], true
}

// IndexOf returns the firmware's pin number for a GPIO of the chip, and whether
// the firmware has one.
func IndexOf(gpio int) (index int, ok bool) {
	for i, g := range gpioOf {
		if g == gpio {
			return i, true
		}
	}
	return 0, false
}
