package sim

// StartupCommand returns what SetStartupCommand has set: "" is the default.
func (d *Device) StartupCommand() string { return d.console.command }
