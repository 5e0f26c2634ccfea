// Package device is the simulated device and the world it lives in. It owns boot,
// reset, panic and reboot, the chip's scheduler (timers, received packets,
// tasks), the software watchdog, the serial console, the pins, and the stream of
// events by which others see what happens. It is what firmware modules are
// written against.
//
// It must not know any firmware module: package firmware hands it the list, as a
// build of the real firmware selects its modules. It must not know the host: no
// files, no sockets, no wall clock.
package device

// FirmwareVersion is the release whose behaviour the simulator reproduces (the
// commit that the oracle was measured on: 36cbf9f0).
const FirmwareVersion = "3.0.0.0"
