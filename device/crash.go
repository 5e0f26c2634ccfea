package device

// Crash is an exception of the CPU, as when the firmware's code reads at address 0: it
// resets the device. The hint says what the firmware does wrong there. Lua stops at its
// next instruction; the caller returns.
func (d *Device) Crash(format string, args ...any) {
	d.Inspect.Hints.Here(format+" (exception, the device resets)", args...)
	d.Reset(Exception)
}
