package device

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// The firmware that the device runs (fw: app/include/user_version.h; oracle
// README.md names the commit).
const (
	FirmwareMajor    = 3
	FirmwareMinor    = 0
	FirmwareRevision = 0
	FirmwareBranch   = "release"
	FirmwareCommit   = "36cbf9f0"
	FirmwareRelease  = "3.0.0-release"
	FirmwareDate     = "" // of the commit; not recorded with the measurements

	// FirmwareVersion is the release whose behaviour the simulator reproduces (the
	// commit that the oracle was measured on: 36cbf9f0).
	FirmwareVersion = "3.0.0.0"

	firmwareBuild = "unspecified" // BUILD_DATE of a build that sets none
	luaRelease    = "Lua 5.1.4"
	sdkVersion    = "3.0.1-dev(fce080e)"

	banner = "\nNodeMCU " + FirmwareVersion + " build " + firmwareBuild + " powered by " + luaRelease + " on SDK " + sdkVersion + "\n"
)

// Build is how the firmware was compiled, beyond the choice of its modules.
type Build struct {
	// Legacy gives modules the calls that programs older than release 3.0 make, besides
	// those of today.
	Legacy bool
	// SSL: it has TLS (fw: user_config.h, CLIENT_SSL_ENABLE; off by default).
	SSL bool
	// PlainTLS: connections with TLS go without, as in the build with which the measurements
	// of their modules were made (oracle: tls-behaviour.md). For tests.
	PlainTLS bool
	// NewI2C: it has the I2C driver with several buses and speeds instead of the old one
	// (fw: user_config.h, I2C_MASTER_OLD_VERSION; oracle: parts-behaviour.md 1).
	NewI2C bool
	// FlashStore is the size of the Lua Flash Store's partition in bytes (fw: user_config.h,
	// LUA_FLASH_STORE; 0 by default).
	FlashStore int
}

// Build returns how the device's firmware was compiled: modules ask when they are opened.
func (d *Device) Build() Build { return d.cfg.Build }

// Module is a firmware module: a name in Lua and what a device's boot makes of
// it. Every module package exports one as Module.
type Module struct {
	Name string
	// In, if set, is where Lua finds the module instead of under its name: "wifi.monitor" is
	// a constant of the module wifi, which has the place for it. Without wifi Lua doesn't
	// find it.
	In string
	// Open is called at each boot, before Lua runs. The state of the module
	// is made here and dropped at reset.
	Open func(d *Device) *Lib
}

// Lib is an opened module: what Lua finds in its table.
type Lib struct {
	Funcs  []vm.Func
	Consts []vm.Const
	// Types are the module's userdata types; the firmware registers their
	// metatables when it opens the module.
	Types []*vm.Type
	// Close, if set, is called at reset, when Lua is gone: it stops what
	// outlives Lua. Timers, packets and tasks of the device are gone by then.
	Close func()
}

// openIn puts a module that has been opened where Lua finds it.
func (d *Device) openIn(m Module, lib *Lib) {
	if m.In == "" {
		d.VM.OpenModule(m.Name, lib.Funcs, lib.Consts)
		return
	}
	table := d.VM.NewROMTable(m.In, lib.Funcs, lib.Consts)
	of, name, _ := strings.Cut(m.In, ".")
	if other, ok := d.VM.RawGetString(d.VM.ROMGlobals(), of).(*vm.Table); ok {
		d.VM.SetField(other, name, table)
	}
}

// ModuleNames lists the modules of the device's firmware in the order in which
// they are opened.
func (d *Device) ModuleNames() []string {
	names := make([]string, len(d.cfg.Modules))
	for i, m := range d.cfg.Modules {
		names[i] = m.Name
	}
	return names
}
