// Package board says what a board profile holds: what is true of a device before any
// program runs. Package boards loads and checks the profiles.
//
// It has the figures and the arithmetic on them, and nothing of how a device uses
// them.
package board

import "github.com/nodemcu-sim/nodemcu-sim/world/part/kinds"

// Board is what a board profile says of a device before any program runs. The
// profiles are the files boards/*.toml; package boards loads and checks them.
// All boards carry the same chip, so they differ in flash, pins and parts.
type Board struct {
	// Name is the profile's name as flags and project files write it.
	Name string `toml:"name"`
	// Aliases are other names for it.
	Aliases []string `toml:"aliases"`
	// Title is the name people know the board by.
	Title string `toml:"title"`
	// SoC is the chip: ESP8266EX, or ESP8285 with its flash inside.
	SoC string `toml:"soc"`

	Flash    Flash    `toml:"flash"`
	FS       FS       `toml:"fs"`
	LFS      LFS      `toml:"lfs"`
	CPU      CPU      `toml:"cpu"`
	Heap     Heap     `toml:"heap"`
	ADC      ADC      `toml:"adc"`
	RTC      RTC      `toml:"rtc"`
	Pins     []Pin    `toml:"pin"`
	Parts    []Part   `toml:"part"`
	Firmware Firmware `toml:"firmware"`

	// ChipID is what node.chipid() returns unless the user sets another: the low
	// 24 bits of the station's MAC address.
	ChipID uint32 `toml:"chip_id"`
}

// Flash is the flash chip.
type Flash struct {
	// Size in bytes.
	Size int `toml:"size"`
	// Mode is how the chip is wired to its flash: qio, dio or dout.
	Mode string `toml:"mode"`
	// ID is what node.flashid() returns: manufacturer and device of the chip.
	ID uint32 `toml:"id"`
}

// FS is the part of the flash that holds the SPIFFS file system.
type FS struct {
	// Address is where it starts, in bytes from the start of the flash.
	Address int `toml:"address"`
	// Size in bytes, with SPIFFS's own overhead.
	Size int `toml:"size"`
}

// LFS is the Lua Flash Store that a firmware gets for a program with code in it.
type LFS struct {
	// Size of its partition in bytes.
	Size int `toml:"size"`
}

// CPU is the clock and what work costs.
type CPU struct {
	// MHz is the clock at boot: 80 or 160.
	MHz int `toml:"mhz"`
	// Clocks are the clocks node.setcpufreq may choose from, in MHz.
	Clocks []int `toml:"clocks"`

	// The prices below are in microseconds at 80 MHz; see Micros.

	// Instruction is the price of one Lua VM instruction.
	Instruction float64 `toml:"instruction_us"`
	// Call is what calling a firmware function costs beyond the instruction
	// that calls it.
	Call float64 `toml:"call_us"`
	// ROMEntry is what comparing a name with one entry of a table in flash takes:
	// a module that is looked up as a global, a function in its module, cost as
	// many as stand before them.
	ROMEntry float64 `toml:"rom_entry_us"`
	// Machine is the price of one machine instruction of the SDK's allocator, whose
	// instructions were counted: a program with many objects allocates slowly.
	Machine float64 `toml:"machine_instruction_us"`
	// Delay is what tmr.delay takes beyond the time it was asked for.
	Delay float64 `toml:"delay_us"`
}

// BaseMHz is the clock at which a profile's prices hold.
const BaseMHz = 80

// Micros returns what price, in microseconds at 80 MHz, comes to at mhz. The
// chip runs Lua from a cache clocked with the core: twice the clock is twice the
// speed (322,000 and 645,000 iterations a second of the same loop; Spiritdude,
// nodemcu-shell).
func (c CPU) Micros(price float64, mhz int) float64 { return price * BaseMHz / float64(mhz) }

// Heap is the RAM that the SDK's allocator has to give.
type Heap struct {
	// Size in bytes, when the SDK is up and Lua has not started. What Lua
	// itself needs to start comes from it.
	Size int `toml:"size"`
}

// RTC is the clock that runs in deep sleep.
type RTC struct {
	// Tick is one of it, in microseconds. 0: the typical one (package rtc).
	Tick float64 `toml:"tick_us"`
}

// ADC is the analogue input.
type ADC struct {
	// Bits of resolution; 0 when the board does not bring the input out.
	Bits int `toml:"bits"`
	// FullScale is the voltage at the board's pin that reads as the highest
	// value, in volts: 1.0 at the chip, 3.3 behind the usual divider.
	FullScale float64 `toml:"full_scale_v"`
}

// Max returns the highest value adc.read can give, 0 without an ADC. Full scale
// reads as 1024, not 1023 (SDK: system_adc_read).
func (a ADC) Max() int {
	if a.Bits == 0 {
		return 0
	}
	return 1 << a.Bits
}

// Read returns what adc.read gives for a voltage at the board's pin.
func (a ADC) Read(volts float64) int {
	if a.Bits == 0 || !(volts > 0) {
		return 0
	}
	return int(min(volts/a.FullScale, 1) * float64(a.Max()))
}

// Pin is a pin that the board brings out.
type Pin struct {
	// Index is the firmware's number for it: gpio.write(index, …).
	Index int `toml:"index"`
	// GPIO is the chip's number for it.
	GPIO int `toml:"gpio"`
	// Silk is what is printed beside it.
	Silk string `toml:"silk"`
}

// PartKind is the name of a kind of part: see package kinds.
type PartKind string

// UnmarshalText accepts the kinds that there are.
func (k *PartKind) UnmarshalText(text []byte) error {
	kind, err := kinds.Named(string(text))
	*k = PartKind(kind.Name)
	return err
}

// Part is something soldered to a GPIO: an LED or relay that shows its level, a
// button that sets it.
type Part struct {
	Kind PartKind `toml:"kind"`
	Name string   `toml:"name"`
	GPIO int      `toml:"gpio"`
	// ActiveLow: the LED lights, the relay closes, the button is pressed at
	// level 0.
	ActiveLow bool `toml:"active_low"`
}

// Firmware is the build that the board runs.
type Firmware struct {
	// Modules are the C modules in it, sorted. The Lua libraries and `pipe` are
	// always there.
	Modules []string `toml:"modules"`
	// Absent are those that usual builds have beyond them and the simulator has not.
	Absent []string `toml:"absent"`
}
